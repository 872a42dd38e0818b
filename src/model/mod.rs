//! The nouns and rules of the runbook, pure: no files, no network, no async. Time is a parameter.

pub mod alert;
pub mod category;
pub mod column;
pub mod contract;
pub mod dag;
pub mod dataset;
mod documents;
pub mod entry;
pub mod feed;
pub mod filter;
mod kind;
pub mod log;
pub mod moves;
mod named;
pub mod notice;
pub mod origin;
pub mod protection;
pub mod quality;
pub mod reason;
pub mod rules;
pub mod run;
pub mod run_audit;
pub mod secret;
pub mod severity;
pub mod template;
pub mod text;
