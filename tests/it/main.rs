//! Whole stories: the lake contract, the program's own answers, a real terminal. One binary: each more links again.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

mod aws_sources;
mod console_moves;
mod console_on_s3;
mod delta_tables;
mod doctor;
mod driving;
mod equal_ends;
mod faults;
mod foreign_files;
mod freshness;
mod iam;
mod idle_cost;
mod lake_contract;
mod layering;
mod load;
mod local_jobs;
mod memory_model;
mod moves;
mod notify;
mod preview_cost;
mod quality_results;
mod quarantine;
mod readme;
mod recovery;
mod renewed_credentials;
mod repair;
mod runbook_alerts;
mod runbooks;
mod s3_answers;
mod s3_requests;
mod stories;
mod support;
mod terminal_manners;
mod triage;
mod verify;
