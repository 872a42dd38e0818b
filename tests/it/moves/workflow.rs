//! A quarantine from its first move to its last: what each step leads to, what is refused and why, and what becomes
//! of each shape that a dead letter has.

use std::sync::{Arc, Mutex};

use lakeward::lake::{Lake, Placing};
use lakeward::model::dataset::DatasetSettings;
use lakeward::model::moves::{MoveId, Plan, Rank, RefusalCode, Step};
use lakeward::model::protection::Confirmation;
use lakeward::ops::{GateError, Keep, LakeSettings, Outcome, Session, Watch, WriteEffect};

use super::site::{self, ENTRY, Marks, SOURCE, Site, TARGET, at, kept, perform, reason};

async fn mark(site: &Site, id: &MoveId, step: Step) -> Result<Outcome, GateError> {
    let effect = WriteEffect::Mark { id: id.clone(), step, note: Some(format!("{} it", step.word())) };
    site.gate("ben").perform(effect, Some(Confirmation::Yes), &Watch::default()).await
}

/// The steps that the refusal of an illegal one names.
fn legal<T: std::fmt::Debug>(ended: Result<T, GateError>) -> Vec<Step> {
    match ended {
        Err(error @ GateError::Illegal(_)) => {
            assert!(error.is_refusal() && error.to_string().contains("possible now"), "{error}");
            let GateError::Illegal(illegal) = error else { unreachable!() };
            illegal.legal
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_way() {
    let site = Site::with_entry();
    let before = kept(&site.memory, SOURCE, Marks::None).await;
    let id = site.quarantined().await;
    mark(&site, &id, Step::Investigate).await.unwrap();
    assert_eq!(site.state().await, "investigating");
    assert_eq!(
        legal(mark(&site, &id, Step::Investigate).await),
        [Step::Resolve, Step::Release, Step::Archive, Step::Undo]
    );
    mark(&site, &id, Step::Resolve).await.unwrap();
    mark(&site, &id, Step::Investigate).await.unwrap();
    mark(&site, &id, Step::Resolve).await.unwrap();
    assert_eq!(site.state().await, "resolved");

    site.step(&id, Step::Release).await.unwrap();
    assert_eq!(site.state().await, "released");
    assert_eq!(kept(&site.memory, SOURCE, Marks::None).await, before);
    assert_eq!(site.below(TARGET), [""; 0]);
    for step in [Step::Release, Step::Archive, Step::Resume] {
        assert_eq!(legal(site.session("ana").plan_step(&id, step, None, Keep::default(), at(0)).await), [Step::Undo]);
    }
    assert_eq!(legal(mark(&site, &id, Step::Resolve).await), [Step::Undo]);

    site.step(&id, Step::Undo).await.unwrap();
    assert_eq!((site.state().await.as_str(), site.below(SOURCE).len()), ("resolved", 0));
    site.step(&id, Step::Archive).await.unwrap();
    assert_eq!(site.state().await, "archived");
    assert_eq!(site.below("_archive/crm/contacts/dt=2026-11-22/schema/").len(), 4);
    assert_eq!(site.below(TARGET), [""; 0]);
    site.step(&id, Step::Undo).await.unwrap();
    assert_eq!(site.state().await, "resolved");
    assert_eq!(kept(&site.memory, TARGET, Marks::Of(&last_undo(&site, &id).await)).await, before);
    site.step(&id, Step::Undo).await.unwrap();
    assert_eq!(site.state().await, "undone");
    assert_eq!(kept(&site.memory, SOURCE, Marks::None).await, before);
    for step in [Step::Investigate, Step::Resolve] {
        assert_eq!(legal(mark(&site, &id, step).await), []);
    }
    for step in [Step::Release, Step::Archive, Step::Undo] {
        assert_eq!(legal(site.session("ana").plan_step(&id, step, None, Keep::default(), at(0)).await), []);
    }

    let history = site.session("eva").quarantine(&id).await.unwrap().history;
    let states: Vec<&str> = history.iter().map(|e| e.state.word()).collect();
    let want = "quarantined investigating resolved investigating resolved released resolved archived resolved undone";
    assert_eq!(states.join(" "), want);
    let marked = history.iter().find(|e| e.state.word() == "investigating").unwrap();
    assert_eq!((marked.actor.as_str(), marked.note.as_deref()), ("ben@bastion", Some("investigate it")));
    assert!(history.is_sorted_by_key(|e| e.at));
}

/// The newest undo of a quarantine that brought data back into it.
async fn last_undo(site: &Site, id: &MoveId) -> MoveId {
    site.session("eva").quarantine(id).await.unwrap().history.last().unwrap().by.clone().unwrap()
}

#[tokio::test(start_paused = true)]
async fn only_marks_are_marks() {
    let site = Site::with_entry();
    let id = site.quarantined().await;
    for step in [Step::Release, Step::Archive, Step::Undo, Step::Resume] {
        assert_eq!(legal(mark(&site, &id, step).await), [Step::Investigate, Step::Resolve]);
    }
    let nobody = MoveId("20261122T120000Z-00000000".into());
    assert!(matches!(mark(&site, &nobody, Step::Resolve).await, Err(GateError::Unknown(_))));
    assert!(matches!(site.resume(&nobody).await, Err(GateError::Unknown(_))));
}

#[tokio::test(start_paused = true)]
async fn a_processed_dead_letter_is_archived_with_class_and_retention() {
    let site = Site::with_entry();
    let keep = Keep { storage_class: Some("GLACIER_IR".into()), retain_until: Some(at(60 * 24 * 365)) };
    let session = site.session("ana");
    let plan = session.plan_entry_archive(ENTRY, None, keep, at(0)).await.unwrap();
    assert_eq!((plan.refused.len(), plan.target.as_str()), (0, "_archive/crm/contacts/dt=2026-11-22/processed/"));
    assert!(plan.changes.iter().any(|c| c.what == "storage_class"));
    perform(&session, &plan).await.unwrap();
    assert_eq!((site.state().await.as_str(), site.below(SOURCE).len()), ("archived", 0));
    for name in ["rejected_rows.parquet", "error_reasons.json", "_SUCCESS"] {
        let detail = site.memory.inspect(&format!("{}{name}", plan.target).into()).await.unwrap();
        assert_eq!(detail.meta.storage_class.as_deref(), Some("GLACIER_IR"));
        assert!(detail.lock.is_some());
    }
    // The same date and reason again: beside the first.
    site::fill(&site.memory, 3, 0);
    let again = session.plan_entry_archive(ENTRY, None, Keep::default(), at(1)).await.unwrap();
    assert_eq!(again.target, format!("_archive/crm/contacts/dt=2026-11-22/processed.{}/", again.id));
    perform(&session, &again).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_released_onto_new_data() {
    for late in ["rejected_rows.parquet", "part-of-a-new-run.parquet"] {
        let site = Site::with_entry();
        let id = site.quarantined().await;
        let session = site.session("ana");
        let early = session.plan_step(&id, Step::Release, None, Keep::default(), at(1)).await.unwrap();
        site.memory.set(&format!("{SOURCE}{late}"), "new data");
        let all = site.memory.all();

        let plan = session.plan_step(&id, Step::Release, None, Keep::default(), at(2)).await.unwrap();
        let refused: Vec<_> = plan.refused.iter().map(|r| (r.code, r.object.clone())).collect();
        assert_eq!(refused, [(RefusalCode::TargetExists, format!("{SOURCE}{late}"))]);
        for plan in [&plan, &early] {
            let error = perform(&session, plan).await.unwrap_err();
            assert!(matches!(&error, GateError::Refused(_)) && error.to_string().contains(late), "{error}");
        }
        assert_eq!(site.state().await, "quarantined");
        assert_eq!(site.memory.all()[&format!("{SOURCE}{late}")], all[&format!("{SOURCE}{late}")]);
        assert_eq!((site.below(SOURCE).len(), site.below(TARGET).len()), (1, 4));
        // Out of the way, and it goes.
        site.memory.remove(&format!("{SOURCE}{late}"));
        site.step(&id, Step::Release).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_altered_in_quarantine_is_not_put_back() {
    let site = Site::with_entry();
    let id = site.quarantined().await;
    site.memory.set(&format!("{TARGET}rejected_rows.parquet"), "edited by hand");
    site.memory.remove(&format!("{TARGET}_SUCCESS"));
    let plan = site.session("ana").plan_step(&id, Step::Release, None, Keep::default(), at(1)).await.unwrap();
    let refused: Vec<_> = plan.refused.iter().map(|r| (r.code, r.object.strip_prefix(TARGET).unwrap())).collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused.iter().all(|(code, _)| *code == RefusalCode::Changed), "{refused:?}");
}

/// What somebody laid beside moved data stays there, and does not keep the data from its way back.
#[tokio::test(start_paused = true)]
async fn a_note_laid_into_a_quarantine_stays_there() {
    let site = Site::with_entry();
    let before = kept(&site.memory, SOURCE, Marks::None).await;
    let id = site.quarantined().await;
    site.memory.set(&format!("{TARGET}README"), "ask ana");
    let outcome = site.step(&id, Step::Release).await.unwrap();
    assert!(outcome.needs_operator && outcome.notes.iter().any(|n| n.contains("README")), "{outcome:?}");
    assert_eq!(site.below(TARGET), ["README"]);
    assert_eq!(kept(&site.memory, SOURCE, Marks::None).await, before);
}

fn write(site: &Site, keys: &[&str]) {
    for key in keys {
        site.memory.set_like(key, format!("bytes of {key}"), &Placing::default());
    }
}

fn targets(plan: &Plan) -> Vec<&str> {
    plan.objects.iter().map(|o| o.target.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_keeps_its_level_and_its_neighbours_stay() {
    let site = Site::empty();
    let date = "_errors/crm/contacts/dt=2026-11-22/";
    for run in ["run_id=a/", "run_id=b/"] {
        write(&site, &[&format!("{date}{run}rejected_rows.parquet"), &format!("{date}{run}_SUCCESS")]);
    }
    let session = site.session("ana");
    let plan = site::plan(&session, "crm/contacts/dt=2026-11-22/run_id=a").await;
    let place = "_quarantine/crm/contacts/dt=2026-11-22/schema/run_id=a/";
    assert_eq!(
        (plan.target.as_str(), targets(&plan)),
        (place, vec![&*format!("{place}_SUCCESS"), &*format!("{place}rejected_rows.parquet")])
    );
    perform(&session, &plan).await.unwrap();
    assert_eq!(site.below(date), ["run_id=b/_SUCCESS", "run_id=b/rejected_rows.parquet"]);
    // The other one does not meet it, and the first goes back beside it.
    let other = site::plan(&session, "crm/contacts/dt=2026-11-22/run_id=b").await;
    perform(&session, &other).await.unwrap();
    for id in [&plan.id, &other.id] {
        site.step(id, Step::Release).await.unwrap();
    }
    assert_eq!(site.below(date).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn another_spelling_of_a_date_goes_back_as_it_was() {
    let site = Site::empty();
    let source = "_errors/crm/contacts/date=2026-11-22/";
    write(&site, &[&format!("{source}rejected_rows.parquet"), &format!("{source}_SUCCESS")]);
    let session = site.session("ana");
    let plan = site::plan(&session, ENTRY).await;
    assert_eq!((plan.source.as_str(), plan.target.as_str()), (source, TARGET));
    perform(&session, &plan).await.unwrap();
    site.step(&plan.id, Step::Release).await.unwrap();
    assert_eq!(site.below(source), ["_SUCCESS", "rejected_rows.parquet"]);
}

const TABLE: &str = "_errors/stream/events/";

fn nested_table(site: &Site) {
    for table in [TABLE, "_errors/stream/events/late/"] {
        write(
            site,
            &["_delta_log/0.json", "_delta_log/1.json", "part-0.parquet", "part-1.parquet"]
                .map(|n| format!("{table}{n}"))
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        );
    }
}

/// The log comes last and goes first, so that no reader finds a table without its files; a table inside it stays.
#[tokio::test(start_paused = true)]
async fn a_table_moves_whole_and_one_inside_it_stays() {
    let site = Site::empty();
    nested_table(&site);
    let session = site.session("ana");
    let plan = site::plan(&session, "stream/events").await;
    assert_eq!(plan.target, "_quarantine/stream/events/schema/");
    assert_eq!(plan.apart, ["_errors/stream/events/late/"]);
    assert_eq!((plan.objects.len(), plan.ranked(Rank::Log).count()), (4, 2));
    let broken = Arc::new(Mutex::new(Vec::new()));
    let (told, target) = (Arc::clone(&broken), plan.target.clone());
    site.memory.watch(move |all| {
        for root in [TABLE, target.as_str()] {
            let there = |name: &str| all.contains_key(&format!("{root}{name}"));
            let log = there("_delta_log/0.json") || there("_delta_log/1.json");
            if log && !(there("part-0.parquet") && there("part-1.parquet")) {
                told.lock().unwrap().push(root.to_owned());
            }
        }
    });
    perform(&session, &plan).await.unwrap();
    let late = ["late/_delta_log/0.json", "late/_delta_log/1.json", "late/part-0.parquet", "late/part-1.parquet"];
    assert_eq!(site.below(TABLE), late);
    site.step(&plan.id, Step::Release).await.unwrap();
    assert_eq!(site.below(TABLE).len(), 8);
    assert_eq!(*broken.lock().unwrap(), [""; 0], "a log without its files");
}

#[tokio::test(start_paused = true)]
async fn a_table_inside_another_goes_alone_and_comes_back() {
    let site = Site::empty();
    nested_table(&site);
    let session = site.session("ana");
    let plan = site::plan(&session, "stream/events/late").await;
    assert_eq!(plan.objects.len(), 4);
    perform(&session, &plan).await.unwrap();
    assert_eq!(site.below(TABLE).len(), 4);
    site.step(&plan.id, Step::Undo).await.unwrap();
    assert_eq!(site.below(TABLE).len(), 8);
}

fn with_dataset(site: &Site) -> Session {
    let contacts =
        DatasetSettings { data_prefix: Some("bronze/sap/kna1/".into()), ..DatasetSettings::of("crm/contacts") };
    let settings = LakeSettings { datasets: vec![contacts], ..LakeSettings::default() };
    Session::new(Arc::new(site.memory.clone()), settings).with_gate(Arc::new(site.gate("ana")))
}

#[tokio::test(start_paused = true)]
async fn data_of_a_configured_dataset_goes_under_its_name() {
    let site = Site::empty();
    let source = "bronze/sap/kna1/dt=2026-11-22/";
    write(
        &site,
        &[
            &format!("{source}part-0.parquet"),
            &format!("{source}_SUCCESS"),
            "bronze/sap/kna1/dt=2026-11-23/part-0.parquet",
        ],
    );
    let session = with_dataset(&site);
    let plan = site::plan(&session, source).await;
    assert_eq!((plan.dataset.as_str(), plan.source.as_str(), plan.target.as_str()), ("crm/contacts", source, TARGET));
    perform(&session, &plan).await.unwrap();
    assert_eq!(site.below("bronze/sap/kna1/"), ["dt=2026-11-23/part-0.parquet"]);
    site.step(&plan.id, Step::Release).await.unwrap();
    assert_eq!(site.below(source).len(), 2);
}

fn codes(plan: &Plan) -> Vec<RefusalCode> {
    plan.refused.iter().map(|r| r.code).collect()
}

#[tokio::test(start_paused = true)]
async fn parts_of_tables_and_tables_of_the_lake_are_refused() {
    let site = Site::empty();
    write(&site, &["silver/orders/_delta_log/0.json", "silver/orders/dt=2026-11-22/part-0.parquet"]);
    write(&site, &["gold/sales/metadata/v1.metadata.json", "gold/sales/data/dt=2026-11-22/part-0.parquet"]);
    write(&site, &["bronze/log/metadata/readme.txt", "bronze/log/dt=2026-11-22/part-0.parquet"]);
    let session = site.session("ana");
    let refused =
        ["silver/orders/dt=2026-11-22/", "silver/orders/", "gold/sales/data/dt=2026-11-22/", "gold/sales/", "silver/"];
    for source in refused {
        let plan = session.plan_quarantine(source, &reason(), None, false, at(0)).await.unwrap();
        assert_eq!(codes(&plan), [RefusalCode::Table], "{source}");
        assert!(perform(&session, &plan).await.unwrap_err().is_refusal());
    }
    assert_eq!(site.below("_quarantine/"), [""; 0]);
    assert_eq!(site.memory.counters().read().writes, 0);
    let plan = session.plan_quarantine("bronze/log/dt=2026-11-22/", &reason(), None, false, at(0)).await.unwrap();
    assert_eq!(codes(&plan), [], "a folder of that name makes no table");
}

#[tokio::test(start_paused = true)]
async fn what_is_being_written_moves_only_for_a_reason() {
    let site = Site::empty();
    write(
        &site,
        &[
            &format!("{SOURCE}rejected_rows.parquet"),
            "bronze/x/dt=2026-11-22/_temporary/0/part-0",
            "bronze/x/dt=2026-11-22/part-1",
        ],
    );
    let session = site.session("ana");
    for target in [ENTRY, "bronze/x/dt=2026-11-22/"] {
        let note = Some("its writer died".to_owned());
        for (note, even) in [(None, false), (note.clone(), false), (None, true), (Some("  ".into()), true)] {
            let plan = session.plan_quarantine(target, &reason(), note.clone(), even, at(0)).await.unwrap();
            assert_eq!(codes(&plan), [RefusalCode::Incomplete], "{target} {note:?} {even}");
        }
        let plan = session.plan_quarantine(target, &reason(), note, true, at(0)).await.unwrap();
        assert_eq!(codes(&plan), []);
        assert!(plan.even_incomplete);
        perform(&session, &plan).await.unwrap();
    }
}
