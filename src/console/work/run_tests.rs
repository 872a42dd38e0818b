//! Stories of jobs that are commands of this machine: what leads to one, what is asked, what runs, how it is stopped.

use chrono::{Duration, NaiveDate};

use crate::console::command::complete;
use crate::console::fixture::moves::outcome;
use crate::console::fixture::{Driven, now};
use crate::console::msg::{Effect, ExitReason, Msg, RequestId};
use crate::model::command::JobCommand;
use crate::model::moves::MoveKind;
use crate::model::protection::Protection;
use crate::model::run::JobName;
use crate::ops::{Outcome, RunAsk, WriteEffect};

fn with_commands(mut driven: Driven) -> Driven {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let commands = [
        ("silver_contacts", words(&["sh", "-c", "run_job.sh contacts {date} \u{1b}[2J"])),
        ("gold_revenue", words(&["run_job.sh", "revenue"])),
    ];
    let command =
        |(job, words): (&str, _)| (JobName(job.into()), JobCommand { words, source: "lakeward.toml:7".into() });
    driven.state.settings.commands = commands.into_iter().map(command).collect();
    driven
}

fn open(width: u16, height: u16) -> Driven {
    with_commands(Driven::open("dark", width, height))
}

/// What was begun last.
fn begun(driven: &Driven) -> (RequestId, &RunAsk) {
    match driven.writes().last() {
        Some(Effect::Work { id, effects }) => match effects.as_slice() {
            [WriteEffect::Run(ask)] => (*id, ask),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}: {}", driven.screen()),
    }
}

#[test]
fn a_line_is_completed_with_jobs_and_dates() {
    let driven = open(80, 24);
    assert_eq!(complete("run ", &driven.state), ["run gold_revenue ", "run silver_contacts "]);
    assert_eq!(complete("run s", &driven.state), ["run silver_contacts "]);
    let days = complete("run gold_revenue ", &driven.state);
    assert_eq!(days[0], format!("run gold_revenue {}", now().date_naive()));
    assert_eq!(days.len(), 2);
}

#[test]
fn the_command_is_shown_whole_and_the_focus_is_on_no() {
    let mut driven = open(80, 24);
    driven.type_in(":", "run silver_contacts 2026-11-22");
    let screen = driven.screen();
    let shown =
        ["Run silver_contacts 2026-11-22", "program   sh", "argument  -c", "run_job.sh contacts 2026-11-22 \\x1b[2J"];
    for part in [&shown[..], &["in        /srv/lake", "lakeward.toml:7", "[ No ]", "run it?"]].concat() {
        assert!(screen.contains(part), "no {part:?} in\n{screen}");
    }
    driven.keys("enter");
    assert!(driven.writes().is_empty() && driven.state.overlay.is_none(), "enter alone runs nothing");
    driven.type_in(":", "run silver_contacts 2026-11-22").keys("left enter");
    let (_, ask) = begun(&driven);
    assert_eq!(ask.date, NaiveDate::from_ymd_opt(2026, 11, 22));
    assert_eq!(ask.command[2], "run_job.sh contacts 2026-11-22 \u{1b}[2J");
}

#[test]
fn settings_are_shown_and_given_along() {
    let mut driven = open(80, 24);
    driven.type_in(":", "run silver_contacts spark.executor.memory=16g 2026-11-22 note=x");
    let screen = driven.screen();
    for part in ["set       spark.executor.memory=16g", "note=x", "date      2026-11-22"] {
        assert!(screen.contains(part), "no {part:?} in\n{screen}");
    }
    driven.keys("y");
    let (_, ask) = begun(&driven);
    let settings: Vec<&str> = ask.settings.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(settings, ["spark.executor.memory", "note"]);
    driven.type_in(":", "run gold_revenue tomorrow");
    assert!(driven.screen().contains("\"tomorrow\" is no day"), "{}", driven.screen());
}

#[test]
fn a_key_runs_the_chosen_job_and_asks_for_a_date_where_one_is_wanted() {
    let mut driven = open(120, 40);
    // A run names its date.
    driven.type_in("4 /", "silver_contacts").keys("j e");
    let asked = |driven: &Driven| match driven.asked.last() {
        Some(Effect::PlanRun { job, date, .. }) => (job.to_string(), *date),
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&driven), ("silver_contacts".to_owned(), NaiveDate::from_ymd_opt(2026, 11, 22)));
    assert!(driven.screen().contains("Run silver_contacts 2026-11-22"), "{}", driven.screen());
    // The line of a job names none.
    driven.keys("esc k e");
    assert_eq!(driven.state.prompt.as_ref().map(|p| p.text()).as_deref(), Some("run silver_contacts "));
    driven.keys("esc esc").type_in("/", "revenue").keys("e");
    assert_eq!(asked(&driven), ("gold_revenue".to_owned(), NaiveDate::from_ymd_opt(2026, 11, 22)));
    // Elsewhere, and on a job that is no command of this machine, one is named.
    driven.keys("esc esc").type_in("/", "silver_orders").keys("e");
    assert_eq!(driven.state.prompt.as_ref().map(|p| p.text()).as_deref(), Some("run "));
}

#[test]
fn what_is_no_command_is_told_and_where_there_is_none_too() {
    let mut driven = open(160, 30);
    driven.type_in(":", "run silver_orders");
    assert!(driven.screen().contains("no job \"silver_orders\" is a command"), "{}", driven.screen());
    assert!(driven.screen().contains("there are: gold_revenue, silver_contacts"), "{}", driven.screen());
    let mut driven = Driven::open("dark", 160, 30);
    driven.type_in(":", "run x");
    assert!(driven.screen().contains("no job is a command of this machine"), "{}", driven.screen());
}

#[test]
fn it_stands_in_the_footer_while_the_operator_goes_on_and_is_stopped_like_a_move() {
    let mut driven = open(120, 30);
    driven.type_in(":", "run gold_revenue").keys("y");
    let (id, _) = begun(&driven);
    driven.send(Msg::Tick(now() + Duration::seconds(75)));
    assert!(driven.screen().contains("run gold_revenue  for 1 m 15 s"), "{}", driven.screen());
    driven.keys("1 3 j R esc esc 2 j");
    assert!(driven.screen().contains("run gold_revenue  for") && driven.state.work.running.len() == 1);
    driven.keys("q");
    assert!(driven.screen().contains("work is running: W shows it, :stop ends it"), "{}", driven.screen());
    assert!(!driven.asked.iter().any(|e| matches!(e, Effect::Quit(ExitReason::Quit))));
    driven.type_in(":", "stop");
    assert!(matches!(driven.asked.last(), Some(Effect::StopWork(of)) if *of == id), "{:?}", driven.asked.last());
    assert!(driven.screen().contains("run gold_revenue and all that it began are asked to end"), "{}", driven.screen());
    assert!(driven.screen().contains("run gold_revenue  stopping"), "{}", driven.screen());
    let notes = vec!["gold_revenue gold_revenue-20261124-1: stopped".to_owned()];
    let outcome = Outcome { notes, needs_operator: true, ..outcome(MoveKind::Undo) };
    driven.send(Msg::WorkEnded(id, vec![Ok(outcome)]));
    assert!(driven.state.work.running.is_empty());
    assert!(driven.screen().contains("✗ gold_revenue gold_revenue-20261124-1: stopped"), "{}", driven.screen());
}

#[test]
fn a_protected_environment_runs_nothing_until_it_is_armed() {
    let mut driven = with_commands(Driven::themed("dark", 120, 30));
    driven.type_in(":", "run gold_revenue").keys("y enter");
    assert!(driven.writes().is_empty() && driven.screen().contains("PROD is read-only: :arm"), "{}", driven.screen());
    let until = now() + Duration::minutes(15);
    let armed = Protection::of(true, false).armed(now(), until - now(), "the load of today failed");
    driven.send(Msg::Protection(Some(armed.unwrap_or_else(|e| panic!("{e}")))));
    driven.keys("y");
    assert_eq!(&*begun(&driven).1.job.0, "gold_revenue");
}

#[test]
fn another_job_runs_beside_it() {
    let mut driven = open(120, 30);
    driven.type_in(":", "run gold_revenue").keys("y");
    driven.type_in(":", "run silver_contacts 2026-11-22").keys("y");
    assert_eq!((driven.writes().len(), driven.state.work.running.len()), (2, 2), "{}", driven.screen());
    driven.keys("W");
    let screen = driven.screen();
    assert!(screen.contains("run gold_revenue") && screen.contains("run silver_contacts 2026-11-22"), "{screen}");
}
