//! Tries that this process holds: how they stand is told on standard error, as a line that counts down on a terminal, as
//! a line a change elsewhere. A process that ends leaves them to the next.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use futures::future::join_all;
use serde_json::{Value, json};

use super::exit::{CliError, Exit};
use super::output::{self, Answer};
use super::table::{Side, Table, span};
use super::writes;
use crate::model::act::ActId;
use crate::model::retry::{Next, Series, Verdict};
use crate::model::text::escape;
use crate::ops::{Left, Session, Standing};

impl From<Left> for CliError {
    fn from(left: Left) -> Self {
        match left {
            Left::Refused(error) => error.into(),
            other => {
                Self::Failed { message: other.to_string(), hint: Some("lakeward jobs retry lists them".to_owned()) }
            }
        }
    }
}

/// The tries that go on, or wait for a process that carries them on.
pub async fn list(session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let all = session.retries(now).await;
    if as_json {
        return Ok(Answer::fine(output::json(&all.iter().map(|one| value(one, now)).collect::<Vec<_>>())?));
    }
    if all.is_empty() {
        return Ok(Answer::fine("no tries go on\n".to_owned()));
    }
    let mut table = Table::new(&["job", "id", "stands", "run", "why"].map(|head| (head, Side::Left)));
    for one in &all {
        let run = one.series.last_run().map_or_else(|| "-".to_owned(), ToString::to_string);
        let held = if one.is_driven { "" } else { " (left: jobs retry --resume)" };
        let why = one.series.last_fault().unwrap_or("-");
        table.row([&*one.series.job.0, &one.series.id.0, &format!("{}{held}", stands(one, now)), &run, why]);
    }
    Ok(Answer::fine(table.render()))
}

/// Carries on what earlier processes left.
pub async fn resume(session: &Session, as_json: bool, now: DateTime<Utc>) -> Result<Answer, CliError> {
    let left = session.retries(now).await.into_iter().filter(|one| !one.is_driven).map(|one| one.series.id);
    follow(session, left.collect(), as_json).await
}

/// Asks for no further try.
pub async fn stop(session: &Session, id: &str) -> Result<Answer, CliError> {
    session.stop_retries(&ActId(id.to_owned())).await?;
    Ok(Answer::fine(format!("{}: no further try is asked for; what runs goes on\n", escape(id))))
}

/// Carries series on to their ends.
pub async fn follow(session: &Session, ids: Vec<ActId>, as_json: bool) -> Result<Answer, CliError> {
    let told = Told::default();
    let of = ids.len();
    let work = join_all(ids.iter().map(|id| session.carry_on(id, Utc::now, |standing| told.tell(&standing))));
    let ended = tokio::select! {
        ended = work => ended,
        () = writes::asked_to_end() => {
            told.clear();
            output::complain(&[format!("lakeward: left {of} series of tries; lakeward jobs retry --resume carries on")]);
            return Err(CliError::Interrupted);
        }
    };
    told.clear();
    let (mut over, mut left) = (Vec::new(), None);
    for one in ended {
        match one {
            Ok(one) => over.push(one),
            // One that cannot go on keeps no other from it.
            Err(error) => {
                let error = CliError::from(error);
                if left.is_some() || of > 1 {
                    output::complain(&error.lines());
                }
                left = Some(error);
            }
        }
    }
    let exit = if over.iter().any(|(_, verdict)| *verdict != Verdict::Recovered) { Exit::NotFine } else { Exit::Fine };
    let text = if as_json {
        output::json(&over.iter().map(|(series, verdict)| ended_value(series, *verdict)).collect::<Vec<_>>())?
    } else if over.is_empty() && left.is_none() {
        "no tries wait\n".to_owned()
    } else {
        over.iter().map(|(series, verdict)| sentence(series, *verdict)).collect()
    };
    match left {
        Some(error) if over.is_empty() => Err(error),
        Some(error) => Ok(Answer::fine(text).ending(error.exit())),
        None => Ok(Answer::fine(text).ending(exit)),
    }
}

/// How it stands with a series, in words.
fn stands(one: &Standing, now: DateTime<Utc>) -> String {
    let of = one.series.policy.tries;
    match &one.next {
        Next::Ask(n) => format!("asks for try {n} of {of}"),
        Next::Watch(n, run) => format!("try {n} of {of} runs: {run}"),
        Next::Wait(n, due) => format!("try {n} of {of} in {}", span((*due - now).max(Duration::zero()))),
        Next::Over(verdict) => verdict.word().to_owned(),
    }
}

fn value(one: &Standing, now: DateTime<Utc>) -> Value {
    let (state, due) = match &one.next {
        Next::Ask(_) => ("asks", None),
        Next::Watch(..) => ("runs", None),
        Next::Wait(_, due) => ("waits", Some(*due)),
        Next::Over(_) => ("over", None),
    };
    json!({
        "id": one.series.id, "job": one.series.job, "of": one.series.of, "state": state, "due": due,
        "seconds_left": due.map(|due| (due - now).num_seconds().max(0)), "tries": one.series.tries,
        "tries_allowed": one.series.policy.tries, "is_driven": one.is_driven,
    })
}

fn ended_value(series: &Series, verdict: Verdict) -> Value {
    json!({
        "id": series.id, "job": series.job, "of": series.of, "verdict": verdict, "tries": series.tries,
        "run": series.last_run(),
    })
}

fn sentence(series: &Series, verdict: Verdict) -> String {
    let run = series.last_run().map(|run| format!(" ({run})")).unwrap_or_default();
    let why = series.last_fault().filter(|_| verdict != Verdict::Recovered).map(|why| format!(": {why}"));
    let line = format!(
        "{}: {} after {} of {} tries{run}{}",
        series.job,
        verdict.word(),
        series.tries.len(),
        series.policy.tries,
        why.unwrap_or_default()
    );
    format!("{}\n", escape(&line))
}

/// What was told of each series last.
#[derive(Default)]
struct Told(Mutex<BTreeMap<ActId, String>>);

impl Told {
    fn tell(&self, one: &Standing) {
        let terminal = io::stderr().is_terminal();
        let mut line = match (&one.next, terminal) {
            // Without a terminal it is said once until when it waits.
            (Next::Wait(n, due), false) => {
                format!("try {n} of {} at {}", one.series.policy.tries, due.format("%H:%M:%S UTC"))
            }
            _ => stands(one, Utc::now()),
        };
        if let Some(trouble) = &one.trouble {
            line.push_str(&format!(" ({trouble})"));
        }
        let line = format!("{}: {}", escape(&one.series.job.0), escape(&line));
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = last.insert(one.series.id.clone(), line.clone()).is_none_or(|before| before != line);
        if terminal {
            let all: Vec<&str> = last.values().map(String::as_str).collect();
            let _ = write!(io::stderr().lock(), "\r\x1b[K{}", all.join(" | "));
        } else if is_news {
            output::complain(&[format!("lakeward: {line}")]);
        }
    }

    fn clear(&self) {
        if io::stderr().is_terminal() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}
