//! The command line: arguments, configuration, tables, JSON, exit codes; wires everything together.

pub mod args;
pub mod config;
pub mod connect;
pub mod exit;
