//! The commands that lead to work. None of them starts anything: each asks for a plan, or opens the question before it.

use chrono::NaiveDate;

use crate::console::command::{self, Command};
use crate::console::moves::Planning;
use crate::console::msg::{Effect, RequestId};
use crate::console::overlay::Overlay;
use crate::console::prompt::{Prompt, PromptKind};
use crate::console::state::State;
use crate::console::{jobs, words};
use crate::model::dataset::Dataset;
use crate::model::run::JobName;
use crate::model::text::{escape, one_line};
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
        Command::Run => run_job(state, argument),
        Command::Work => {
            state.overlay = Some(Overlay::Work(Default::default()));
            Vec::new()
        }
        Command::GoOn if state.protection.allows(state.now).is_err() => {
            state.fail_with("go-on: nothing can be written now", ":arm 15m REASON, then :go-on");
            Vec::new()
        }
        Command::GoOn => {
            let works = std::mem::take(&mut state.work.interrupted);
            works.into_iter().map(|work| super::go_on(state, work, false)).collect()
        }
        _ => Vec::new(),
    }
}

/// Asks the oldest work that goes on to stop.
pub(in crate::console) fn stop(state: &mut State) -> Vec<Effect> {
    let Some(work) = state.work.running.iter_mut().find(|w| !w.stopping) else { return Vec::new() };
    work.stopping = true;
    let (id, title, command) = (work.id, work.title.clone(), work.command);
    state.say(match command {
        true => format!("{title} and all that it began are asked to end, and are made to after some seconds"),
        false => format!("{title} stops: no more runs are asked for, and commands of this machine end"),
    });
    vec![Effect::StopWork(id)]
}

fn wrong(state: &mut State, name: &str, why: &str) -> Vec<Effect> {
    state.fail(format!("{name}: {why}"));
    Vec::new()
}

fn planning(state: &mut State, what: String) -> RequestId {
    let id = state.request();
    state.moves.planning = Some(Planning::new(id, what));
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

/// What is left to be typed, and shown to be finished.
fn prompt(state: &mut State, line: &str) -> Vec<Effect> {
    state.prompt = Some(Prompt::new(PromptKind::Command, line));
    Vec::new()
}

/// `JOB [DATE] [NAME=VALUE…]`; without all of it, the chosen line's. A date that a command wants is typed where none is
/// known.
fn run_job(state: &mut State, argument: &str) -> Vec<Effect> {
    let (job, date, settings) = if argument.is_empty() {
        let Some((job, date)) = jobs::command_of_selected(state) else { return prompt(state, "run ") };
        if state.settings.commands.get(&job).is_some_and(|command| command.of(date).is_err()) {
            return prompt(state, &format!("run {job} "));
        }
        (job, date, Vec::new())
    } else {
        let (job, rest) = job_of(state, argument);
        if !state.settings.commands.contains_key(&job) {
            let known: Vec<&str> = state.settings.commands.keys().map(|job| &*job.0).collect();
            let known = format!("there are: {}", one_line(&known.join(", "), 200));
            state.fail_with(format!("run: no job {:?} is a command", escape(&job.0)), known);
            return Vec::new();
        }
        match run_with(rest) {
            Ok((date, settings)) => (job, date, settings),
            Err(why) => return wrong(state, "run", &why),
        }
    };
    let id = planning(state, format!("run of {}", one_line(&job.0, 40)));
    vec![Effect::PlanRun { id, job, date, settings }]
}

/// The job of a line, and what follows it: a name that is known may hold blanks.
fn job_of<'a>(state: &State, argument: &'a str) -> (JobName, &'a str) {
    let rest = |job: &JobName| argument.strip_prefix(&*job.0).filter(|rest| rest.is_empty() || rest.starts_with(' '));
    let known = state.settings.commands.keys().filter_map(|job| Some((job, rest(job)?)));
    match known.max_by_key(|(job, _)| job.0.len()) {
        Some((job, rest)) => (job.clone(), rest),
        None => {
            let (job, rest) = command::split(argument);
            (JobName(job.into()), rest)
        }
    }
}

/// The date of the data, and the settings.
type With = (Option<NaiveDate>, Vec<(String, String)>);

/// `[DATE] [NAME=VALUE…]`, in any order.
fn run_with(words: &str) -> Result<With, String> {
    let (mut date, mut settings) = (None, Vec::new());
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => settings.push((name.to_owned(), value.to_owned())),
            _ if date.is_none() => date = Some(day(word)?),
            _ => return Err(format!("{:?} is no NAME=VALUE", escape(word))),
        }
    }
    Ok((date, settings))
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
        let (date, settings) = run_with(" spark.executor.memory=16g 2026-11-25").unwrap();
        assert_eq!(date.unwrap().to_string(), "2026-11-25");
        assert_eq!(settings, [("spark.executor.memory".to_owned(), "16g".to_owned())]);
        assert_eq!(run_with(""), Ok((None, Vec::new())));
        assert!(run_with("2026-11-25 y").is_err() && run_with("=1").is_err());
    }
}
