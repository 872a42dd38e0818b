//! The tab: what it lists, what it asks for, that a choice survives, and the ways there and back.

use std::sync::Arc;

use crate::console::fixture::pipeline::{pipeline, run, tasks};
use crate::console::fixture::{Driven, now, snapshot};
use crate::console::load::Load;
use crate::console::msg::{Effect, Job, Msg};
use crate::console::state::Tab;
use crate::lake::{ErrorClass, LakeError};
use crate::model::run::{JobRunId, RunState};
use crate::ops::{LogOf, Pipeline, SourceHealth, SourceState};

fn read_anew(driven: &mut Driven, pipeline: Pipeline, sources: Vec<SourceHealth>) {
    let id = match driven.state.refresh().first() {
        Some(Effect::Refresh { id, .. }) => *id,
        _ => 0,
    };
    driven.send(Msg::Refreshed(id, crate::ops::Snapshot { pipeline, sources, ..snapshot() }));
}

fn chosen(driven: &Driven) -> String {
    format!("{:?}", driven.state.jobs.chosen)
}

fn line(screen: &str, part: &str) -> String {
    screen.lines().find(|l| l.contains(part)).unwrap_or_else(|| panic!("no {part:?} in\n{screen}")).to_owned()
}

#[test]
fn the_tab_at_80_by_24_and_160_by_45() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("4 j");
    insta::assert_snapshot!("jobs_80x24", driven.screen());
    let mut driven = Driven::themed("dark", 160, 45);
    driven.type_in("4 /", "contacts").keys("j");
    insta::assert_snapshot!("jobs_160x45", driven.screen());
    let mut driven = Driven::themed("dark", 160, 45);
    driven.type_in("4 /", "nightly").keys("j");
    insta::assert_snapshot!("jobs_dag_160x45", driven.screen());
}

#[test]
fn newest_first_and_a_long_run_is_told_against_its_average() {
    let mut driven = Driven::themed("dark", 120, 40);
    driven.keys("4");
    let screen = driven.screen();
    let at = |part: &str| screen.lines().position(|l| l.contains(part));
    assert!(at("silver_orders") < at("gold_revenue") && at("gold_revenue") < at("silver_contacts"), "{screen}");
    assert!(line(&screen, "00f7cc09").contains("12 m, avg 5 m ▲"), "{screen}");
    assert!(!line(&screen, "00f7cc01").contains("avg"), "too few runs before it: {screen}");
    assert!(line(&screen, "00f7aak3").starts_with(" ✗ failed"), "{screen}");
    assert!(screen.contains("4 Jobs 1▲") && screen.contains("9 runs, 1 failing"), "{screen}");
}

#[test]
fn a_dag_run_shows_its_tasks_with_tries_and_the_next_retry() {
    let mut driven = Driven::themed("dark", 120, 40);
    driven.type_in("4 /", "nightly").keys("j");
    let screen = driven.screen();
    assert!(line(&screen, "    load_silver").contains("up_for_retry"), "{screen}");
    assert!(line(&screen, "    load_silver").contains("2/4, 5 m"), "{screen}");
    assert!(screen.contains("! it is not scheduled until"), "{screen}");
    driven.keys("esc h");
    assert!(!line(&driven.screen(), "▸ scheduled__2026-11-24").is_empty(), "closed");
    driven.keys("right j j tab");
    assert!(driven.screen().contains("retry     in 5 m, 2026-11-24 06:05:00Z"), "{}", driven.screen());
    driven.keys("esc l");
    let Some(Effect::ReadLog { of, .. }) = driven.asked.iter().rev().find(|e| matches!(e, Effect::ReadLog { .. }))
    else {
        panic!("{:?}", driven.asked)
    };
    assert!(matches!(&**of, LogOf::Task { task, number: 2 } if task.task == "load_silver"));
}

#[test]
fn the_detail_holds_attempts_settings_resources_and_log_places() {
    let mut driven = Driven::themed("dark", 100, 60);
    driven.type_in("4 /", "00f7aak3").keys("enter");
    let screen = driven.screen();
    for part in [
        "attempt 2/3",
        "Job failed: exit code 137 \\x1b[31m\\u{202e}",
        "Container killed by YARN \\x1b[2J",
        "memory    5.00 GB hours",
        "log 1     s3://acme-logs/emr/00f7aak3/",
        "log 2     CloudWatch /emr/acme 00f7aak3",
        "spark.executor.memory = 4g",
        "s3://acme-code/contacts.py",
    ] {
        assert!(screen.contains(part), "no {part:?} in\n{screen}");
    }
    driven.type_in(":", "log 2");
    assert!(driven.state.tab == Tab::Logs && driven.screen().contains("CloudWatch /emr/acme"), "{}", driven.screen());
    driven.keys("esc").type_in(":", "log 9");
    assert!(driven.screen().contains("log: no place \"9\""), "{}", driven.screen());
}

#[test]
fn the_choice_survives_a_refresh_and_what_changed_is_asked_for_again() {
    let mut driven = Driven::themed("dark", 120, 40);
    driven.type_in("4 /", "contacts").keys("esc j");
    while !chosen(&driven).contains("00f7aak3") {
        driven.keys("j");
    }
    let mut more = pipeline();
    more.jobs.insert(0, run("aaa_new", "00f7zz01", 0, 1, RunState::Success).into());
    read_anew(&mut driven, more, snapshot().sources);
    assert!(chosen(&driven).contains("00f7aak3"), "{}", chosen(&driven));
    // Nothing of a run that is over changed: nothing is asked for.
    assert!(crate::console::jobs::fit(&mut driven.state).is_empty());
    let mut gone = pipeline();
    gone.jobs.retain(|r| &*r.id.0 != "00f7aak3");
    read_anew(&mut driven, gone, snapshot().sources);
    assert!(!chosen(&driven).contains("00f7aak3"));
}

#[test]
fn an_alert_leads_to_its_run_its_log_and_back() {
    let mut driven = Driven::themed("dark", 80, 24);
    for alert in &mut driven.state.lake.snapshot.alerts {
        alert.entry = None;
        alert.run = Some(("emr".into(), JobRunId("00f7aak3".into())));
    }
    driven.keys("j J");
    assert_eq!(driven.state.tab, Tab::Jobs);
    assert!(chosen(&driven).contains("00f7aak3"), "{}", chosen(&driven));
    driven.keys("l");
    assert_eq!(driven.state.tab, Tab::Logs);
    assert!(driven.screen().contains("OutOfMemoryError"), "{}", driven.screen());
    driven.keys("esc");
    assert!(driven.state.tab == Tab::Jobs && chosen(&driven).contains("00f7aak3"));
    driven.keys("esc");
    assert_eq!((driven.state.tab, driven.state.alerts.cursor.at), (Tab::Alerts, 1));
    driven.keys("esc");
    assert_eq!(driven.state.tab, Tab::Alerts);
    // Enter on an alert that is about no dead letter leads there as well, whatever hides the run.
    driven.type_in("4 /", "gold").keys("1 enter");
    assert!(chosen(&driven).contains("00f7aak3") && driven.state.jobs.filter.is_empty());
}

#[test]
fn a_run_leads_to_the_dead_letters_of_its_dataset_and_date() {
    let mut driven = Driven::themed("dark", 100, 30);
    driven.type_in("4 /", "00f7aak3").keys("d");
    assert_eq!(driven.state.tab, Tab::Dlq);
    let entry = driven.state.dlq.entry(&driven.state).map(|e| e.path.0.to_string());
    assert_eq!(entry.as_deref(), Some("_errors/crm/contacts/dt=2026-11-22/"));
    driven.keys("esc");
    assert_eq!(driven.state.tab, Tab::Jobs);
    driven.keys("esc").type_in("/", "00f7cc09").keys("d");
    assert!(driven.screen().contains("dead-letters: this job is bound to no dataset"), "{}", driven.screen());
}

#[test]
fn dead_letters_lead_to_their_run_its_dag_and_its_log_and_esc_leads_back() {
    let mut driven = Driven::themed("dark", 100, 40);
    let mut all = pipeline();
    let known: Vec<_> = tasks().into_iter().map(Arc::new).collect();
    all.tasks.insert((known[0].dag.clone(), known[0].run.clone()), known);
    read_anew(&mut driven, all, snapshot().sources);
    driven.type_in("4 /", "00f7aak3").keys("d");
    assert_eq!(driven.state.tab, Tab::Dlq);
    // Its run failed: of those of its date it is the one to look at.
    driven.keys("J");
    assert!(driven.state.tab == Tab::Jobs && chosen(&driven).contains("00f7aak3"), "{}", driven.screen());
    driven.keys("J");
    assert!(chosen(&driven).contains("scheduled__2026-11-24"), "{}", driven.screen());
    driven.keys("J");
    assert!(chosen(&driven).contains("00f7aak3"), "{}", driven.screen());
    driven.keys("esc");
    assert_eq!(driven.state.tab, Tab::Dlq);
    driven.keys("L");
    assert_eq!(driven.state.tab, Tab::Logs);
    assert!(driven.screen().contains("00f7aak3"), "{}", driven.screen());
    // What nobody ran leads nowhere, and says so.
    driven.keys("esc");
    read_anew(&mut driven, Pipeline::default(), snapshot().sources);
    driven.keys("2 J");
    assert!(driven.screen().contains("job-run: "), "{}", driven.screen());
}

#[test]
fn a_detail_that_loads_can_be_cancelled_and_one_that_fails_says_why() {
    let mut driven = Driven::themed("dark", 120, 40);
    driven.type_in("4 /", "contacts").keys("j");
    let key = crate::console::keys::Key::parse("down").unwrap_or_else(|e| panic!("{e}"));
    let asked = crate::console::update::update(&mut driven.state, Msg::Key(key.into()));
    let Some(Effect::RunDetail { id, settle: true, .. }) = asked.first() else { panic!("{asked:?}") };
    assert!(driven.screen().contains("reading attempts, settings and log places…"), "{}", driven.screen());
    driven.keys("esc");
    assert!(matches!(driven.asked.last(), Some(Effect::Cancel(Job::Run))));
    assert!(driven.screen().contains("cancelled; R reads it"));
    driven.state.jobs.load = Load::Waiting(*id);
    let error = LakeError { hint: "ask for it".into(), ..LakeError::new(ErrorClass::Denied, "emr", "no \u{202e}") };
    driven.send(Msg::RunDetail(*id, Err(error)));
    let screen = driven.screen();
    assert!(screen.contains("✗ emr: denied: no \\u{202e}") && screen.contains("ask for it"), "{screen}");
    driven.keys("R");
    assert!(driven.screen().contains("attempt 2/3") || driven.screen().contains("attempt 1/3"), "{}", driven.screen());
}

#[test]
fn a_failing_source_is_shown_and_what_is_known_stays() {
    let mut driven = Driven::themed("dark", 120, 40);
    driven.keys("4");
    let state =
        SourceState::Failed { class: ErrorClass::Expired, reason: "emr: token\n".into(), hint: "sso login".into() };
    let emr =
        SourceHealth { source: "emr", state, answered: Some(now()), next: None, notes: Vec::new(), is_cut: false };
    read_anew(&mut driven, pipeline(), vec![emr.clone()]);
    let screen = driven.screen();
    assert!(screen.contains("✗ emr expired, last answer <10 s ago: emr: token\\n  sso login"), "{screen}");
    assert!(screen.contains("silver_orders"), "{screen}");
    read_anew(&mut driven, Pipeline::default(), vec![emr]);
    assert!(driven.screen().contains("no runs known, and a source fails: see the line above, or S"));
    driven.keys("S");
    let screen = driven.screen();
    assert!(line(&screen, "emr  ").contains("expired") && screen.contains("emr: token\\n: sso login"), "{screen}");
    assert!(screen.contains("1,234 requests, 7.5 a minute, lake 7.5"), "{screen}");
    driven.keys("esc");
    read_anew(&mut driven, Pipeline::default(), snapshot().sources);
    assert!(driven.screen().contains("no runs: no source of job or DAG runs told of any"));
}

#[test]
fn the_panel_of_sources_at_80_by_24() {
    let mut driven = Driven::themed("dark", 80, 24);
    let failed = |source, class| SourceHealth {
        source,
        state: SourceState::Failed { class, reason: format!("{source}: no"), hint: "wait for it".into() },
        answered: None,
        next: None,
        notes: Vec::new(),
        is_cut: false,
    };
    let mut sources = snapshot().sources;
    sources.extend([failed("airflow", ErrorClass::Unreachable), failed("emr", ErrorClass::Throttled)]);
    read_anew(&mut driven, pipeline(), sources);
    driven.keys("S j");
    insta::assert_snapshot!("sources_80x24", driven.screen());
    // What lies on the lake has a rate of its own, which is not counted twice; and each says when it is asked again.
    driven.state.settings.refresh = std::time::Duration::from_secs(90);
    driven.state.lake.snapshot.sources[1].next = Some(now() + chrono::Duration::seconds(330));
    let screen = driven.screen();
    assert!(line(&screen, "dlq  ").contains(" 1 m      1.5"), "{screen}");
    assert!(line(&screen, "airflow  ").contains(" 5 m        –"), "{screen}");
    assert!(screen.contains("1,234 requests, 7.5 a minute, lake 7.5"), "{screen}");
}

#[test]
fn what_an_answer_leaves_out_is_told_in_the_panel() {
    let mut driven = Driven::themed("dark", 80, 24);
    let note = "composite and log alarms are not watched: cloudwatch:DescribeAlarms is \u{1b} denied".to_owned();
    let sources = vec![SourceHealth::after("alarms", None, now()).noting(vec![note])];
    read_anew(&mut driven, pipeline(), sources);
    driven.keys("S");
    let screen = driven.screen();
    assert!(line(&screen, "alarms ").contains("in part") && line(&screen, "alarms ").contains("composite"), "{screen}");
    assert!(screen.contains("cloudwatch:DescribeAlarms is \\x1b"), "{screen}");
}

#[test]
fn a_jump_to_a_run_loses_nothing_that_is_asked_for_on_the_way() {
    let mut driven = Driven::themed("dark", 100, 40);
    // The filter hides all; once it is gone, the run is the first line, and is asked for on the way.
    let only = Pipeline {
        jobs: pipeline().jobs.into_iter().filter(|r| &*r.id.0 == "00f7aak3").collect(),
        ..Pipeline::default()
    };
    read_anew(&mut driven, only, snapshot().sources);
    let Some(at) = driven.state.lake.snapshot.alerts.iter().position(|a| a.dataset.as_str() == "crm/contacts") else {
        panic!("an alert")
    };
    driven.state.lake.snapshot.alerts[at].run = Some(("emr".into(), JobRunId("00f7aak3".into())));
    driven.type_in("4 /", "nothing").keys("1 g");
    for _ in 0..driven.state.lake.snapshot.alerts.len() {
        if crate::console::jobs::related::related(&driven.state).is_ok() {
            break;
        }
        driven.keys("j");
    }
    driven.keys("J");
    assert!(chosen(&driven).contains("00f7aak3"), "{}", driven.screen());
    assert!(matches!(driven.state.jobs.load, Load::Ready(())), "{:?}", driven.state.jobs.load);
}

#[test]
fn what_a_run_used_is_asked_for_when_its_detail_is_opened() {
    let mut driven = Driven::themed("dark", 80, 40);
    driven.type_in("4 /", "00f7aak3");
    assert!(matches!(driven.state.jobs.measured.of(&chosen_id(&driven)), Load::Idle), "not as the choice passes");
    driven.keys("enter");
    insta::assert_snapshot!("used_80x40", driven.screen());
    let Load::Ready(Some(curves)) = driven.state.jobs.measured.of(&chosen_id(&driven)) else { panic!("it came") };
    assert_eq!(curves.len(), 4);
    // Once it is known, nothing more is asked for.
    assert!(crate::console::jobs::retry(&mut driven.state).is_empty());
    driven.keys("esc esc").type_in("/", "00f7cc09");
    assert!(matches!(driven.state.jobs.measured.of(&chosen_id(&driven)), Load::Idle), "that of another run");
    assert!(!driven.screen().contains("memory used"), "{}", driven.screen());
}

fn chosen_id(driven: &Driven) -> super::NodeId {
    driven.state.jobs.chosen.clone().unwrap_or_else(|| panic!("nothing is chosen"))
}

#[test]
fn the_link_to_a_runs_own_pages_is_shown_and_copied_and_kept_nowhere() {
    let mut driven = Driven::themed("dark", 120, 60);
    driven.type_in("4 /", "00f7aak3").keys("B");
    let screen = driven.screen();
    assert!(screen.contains("dashboard") && screen.contains("amazonaws.com/?token=T0KEN"), "{screen}");
    assert!(matches!(driven.asked.last(), Some(Effect::Copy(link)) if link.contains("T0KEN")), "{:?}", driven.asked);
    assert!(!format!("{:?}", driven.state.notes).contains("T0KEN"));
    assert!(!format!("{:?}", driven.state.jobs.dashboard).contains("T0KEN"));
    driven.keys("esc esc").type_in("/", "00f7cc09");
    driven.keys("enter");
    assert!(!driven.screen().contains("T0KEN"), "that of another run: {}", driven.screen());

    let mut driven = Driven::themed("dark", 120, 60);
    driven.type_in("4 /", "00f7aak3");
    let key = crate::console::keys::Key::parse("B").unwrap_or_else(|e| panic!("{e}"));
    let asked = crate::console::update::update(&mut driven.state, Msg::Key(key.into()));
    let Some(Effect::Dashboard { id, attempt: None, .. }) = asked.last() else { panic!("{asked:?}") };
    assert!(driven.screen().contains("asking for it…"), "{}", driven.screen());
    let error = LakeError { hint: "ask for it".into(), ..LakeError::new(ErrorClass::Denied, "pages", "no \u{202e}") };
    driven.send(Msg::Dashboard(*id, Err(error)));
    let screen = driven.screen();
    assert!(screen.contains("✗ pages: denied: no \\u{202e}") && screen.contains("ask for it"), "{screen}");
    driven.type_in(":", "dashboard two");
    assert!(driven.screen().contains("an attempt is a number"), "{}", driven.screen());
}

#[test]
fn what_a_run_used_can_be_cancelled_and_says_why_it_is_not_there() {
    let mut driven = Driven::themed("dark", 120, 60);
    driven.type_in("4 /", "00f7aak3");
    let key = crate::console::keys::Key::parse("enter").unwrap_or_else(|e| panic!("{e}"));
    let asked = crate::console::update::update(&mut driven.state, Msg::Key(key.into()));
    let Some(Effect::RunMetrics { id, .. }) = asked.first() else { panic!("{asked:?}") };
    assert!(driven.screen().contains("reading what it used…"), "{}", driven.screen());
    driven.keys("esc");
    assert!(matches!(driven.asked.last(), Some(Effect::Cancel(Job::Metrics))), "{:?}", driven.asked.last());
    assert!(driven.screen().contains("cancelled; R reads it"), "{}", driven.screen());
    driven.send(Msg::RunMetrics(*id, Ok(None)));
    assert!(driven.screen().contains("cancelled; R reads it"), "an answer that nobody waits for");
    driven.keys("R");
    assert!(driven.screen().contains("executors, memory used"), "{}", driven.screen());

    let mut driven = Driven::themed("dark", 120, 60);
    driven.type_in("4 /", "00f7aak3");
    let asked = crate::console::update::update(&mut driven.state, Msg::Key(key.into()));
    let Some(Effect::RunMetrics { id, .. }) = asked.first() else { panic!("{asked:?}") };
    let error = LakeError { hint: "ask for it".into(), ..LakeError::new(ErrorClass::Denied, "metrics", "no \u{202e}") };
    driven.send(Msg::RunMetrics(*id, Err(error)));
    let screen = driven.screen();
    assert!(screen.contains("✗ metrics: denied: no \\u{202e}") && screen.contains("ask for it"), "{screen}");
    assert!(screen.contains("spark.executor.memory = 4g"), "the rest stays: {screen}");
}
