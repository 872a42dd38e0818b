//! The nouns and rules of the runbook, pure: no files, no network, no async. Time is a parameter.

pub mod alert;
pub mod alias;
pub mod category;
pub mod column;
pub mod contract;
pub mod dag;
pub mod dataset;
pub mod entry;
mod kind;
pub mod masked;
pub mod moves;
mod named;
pub mod notice;
pub mod protection;
pub mod quality;
pub mod reason;
pub mod rules;
pub mod run;
pub mod severity;
pub mod template;
pub mod text;
