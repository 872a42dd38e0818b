//! Airflow as a source: two real ones, of 2.x and 3.x, and a server that answers as badly as told. A binary of its
//! own, so that whoever works on something else need not wait for it: `cargo test --test airflow`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the other tests, which use more of it")]
mod support;

mod answers;
mod bounds;
mod control;
mod login;
mod managed;
mod real;
mod redrive;
mod server;
mod whole_loop;

use std::sync::Arc;

use lakeward::model::run::JobName;
use lakeward::sources::airflow::{Airflow, AirflowSettings, Login};
use support::{http_server, python};

/// An Airflow at an address, whose jobs are called as its tasks are, in capitals.
fn airflow(url: &str, login: Login) -> Airflow {
    from(&AirflowSettings::new(url, login))
}

fn from(settings: &AirflowSettings) -> Airflow {
    Airflow::new(settings, Arc::new(|task| JobName(task.to_uppercase().into()))).unwrap()
}
