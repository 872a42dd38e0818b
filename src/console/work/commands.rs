//! The commands that lead to work. None of them starts anything: each asks for a plan, or opens the question before it.

use chrono::NaiveDate;

use crate::console::command::{self, Command};
use crate::console::moves::Planning;
use crate::console::msg::{Effect, RequestId};
use crate::console::overlay::Overlay;
use crate::console::state::State;
use crate::console::words;
use crate::model::dataset::Dataset;
use crate::model::run::JobName;
use crate::model::text::escape;
use crate::ops::BackfillAsk;

/// Before the reason: rows that were redriven already are run again.
pub(in crate::console) const OVERRIDE: &str = "--override";
/// Runs at once where nobody says how many.
const AT_ONCE: u32 = 2;

/// Runs a command that leads to work, or shows it.
pub(in crate::console) fn run(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    match command {
        Command::Redrive => redrive(state, argument),
        Command::Backfill => match backfill_ask(argument) {
            Ok(ask) => {
                let id = planning(state, format!("backfill of {}", escape(ask.dataset.as_str())));
                vec![Effect::PlanBackfill { id, ask }]
            }
            Err(why) => wrong(state, "backfill", &why),
        },
        Command::Run => match run_ask(argument) {
            Ok((job, date, settings)) => {
                let id = planning(state, format!("run of {}", escape(&job.0)));
                vec![Effect::PlanRun { id, job, date, settings }]
            }
            Err(why) => wrong(state, "run", &why),
        },
        Command::Work => {
            state.overlay = Some(Overlay::Work(Default::default()));
            Vec::new()
        }
        Command::GoOn => {
            let works = std::mem::take(&mut state.work.interrupted);
            works.into_iter().map(|work| super::go_on(state, work)).collect()
        }
        _ => Vec::new(),
    }
}

fn wrong(state: &mut State, name: &str, why: &str) -> Vec<Effect> {
    state.fail(format!("{name}: {why}"));
    Vec::new()
}

fn planning(state: &mut State, what: String) -> RequestId {
    let id = state.request();
    state.moves.planning = Some(Planning { id, what, resume: false });
    id
}

fn redrive(state: &mut State, argument: &str) -> Vec<Effect> {
    let (first, rest) = command::split(argument);
    let reason = match first {
        "" => None,
        OVERRIDE if !rest.is_empty() => Some(rest.to_owned()),
        OVERRIDE => return wrong(state, "redrive", "--override wants a reason: why once more?"),
        _ => return wrong(state, "redrive", "takes nothing, or --override and a reason"),
    };
    let entries = command::entries(state).unwrap_or_default();
    let targets: Vec<String> = entries.into_iter().map(|e| e.0.to_string()).collect();
    let id = planning(state, format!("redrive of {}", words::plural(targets.len() as u64, "entry", "entries")));
    vec![Effect::PlanRedrive { id, targets, reason }]
}

fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| format!("{:?} is no day such as 2026-11-25", escape(text)))
}

/// `DATASET FROM TO [AT_ONCE] [--force]`.
fn backfill_ask(argument: &str) -> Result<BackfillAsk, String> {
    let words: Vec<&str> = argument.split_whitespace().collect();
    let force = words.contains(&"--force");
    let words: Vec<&str> = words.into_iter().filter(|w| *w != "--force").collect();
    let (dataset, from, to, at_once) = match words.as_slice() {
        [dataset, from, to] => (dataset, from, to, None),
        [dataset, from, to, at_once] => (dataset, from, to, Some(at_once)),
        _ => return Err("DATASET FROM TO, and so many at once".to_owned()),
    };
    let parallel = match at_once {
        None => AT_ONCE,
        Some(n) => n
            .parse()
            .ok()
            .filter(|n| (1..=crate::model::backfill::MOST_AT_ONCE).contains(n))
            .ok_or_else(|| format!("{:?} at once: 1 to {}", escape(n), crate::model::backfill::MOST_AT_ONCE))?,
    };
    Ok(BackfillAsk { dataset: Dataset((*dataset).into()), from: day(from)?, to: day(to)?, parallel, force })
}

/// What a job is run with.
type Asked = (JobName, Option<NaiveDate>, Vec<(String, String)>);

/// `JOB [DATE] [NAME=VALUE…]`.
fn run_ask(argument: &str) -> Result<Asked, String> {
    let mut words = argument.split_whitespace();
    let job = words.next().ok_or("JOB, the date of the data, and NAME=VALUE for each setting")?;
    let (mut date, mut settings) = (None, Vec::new());
    for word in words {
        match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => settings.push((name.to_owned(), value.to_owned())),
            _ if date.is_none() => date = Some(day(word)?),
            _ => return Err(format!("{:?} is no NAME=VALUE", escape(word))),
        }
    }
    Ok((JobName(job.into()), date, settings))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_or_told_what_is_wrong() {
        let ask = backfill_ask("silver/orders 2026-11-01 2026-11-10 4 --force").unwrap();
        assert_eq!((ask.dataset.as_str(), ask.parallel, ask.force), ("silver/orders", 4, true));
        assert_eq!(backfill_ask("orders 2026-11-01 2026-11-10").unwrap().parallel, AT_ONCE);
        for (text, why) in [
            ("orders", "DATASET FROM TO"),
            ("orders 2026-11-01 tomorrow", "no day"),
            ("orders 2026-11-01 2026-11-02 99", "1 to 32"),
        ] {
            assert!(backfill_ask(text).is_err_and(|e| e.contains(why)), "{text}");
        }
    }

    #[test]
    fn a_run_has_its_date_and_settings_in_any_order() {
        let (job, date, settings) = run_ask("sessions spark.executor.memory=16g 2026-11-25").unwrap();
        assert_eq!((&*job.0, date.unwrap().to_string().as_str()), ("sessions", "2026-11-25"));
        assert_eq!(settings, [("spark.executor.memory".to_owned(), "16g".to_owned())]);
        assert!(run_ask("").is_err() && run_ask("x 2026-11-25 y").is_err() && run_ask("x =1").is_err());
    }
}
