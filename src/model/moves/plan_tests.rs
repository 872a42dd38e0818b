#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::super::rank_of;
use super::*;

const SOURCE: &str = "_errors/crm/contacts/dt=2026-11-22/";
const TARGET: &str = "_quarantine/crm/contacts/dt=2026-11-22/schema/";

fn object(name: &str) -> PlannedObject {
    PlannedObject {
        key: format!("{SOURCE}{name}"),
        size: 1,
        etag: "e".into(),
        version: None,
        checksum: None,
        modified: DateTime::UNIX_EPOCH,
        storage_class: None,
        encryption: None,
        headers: BTreeMap::new(),
        tags: BTreeMap::new(),
        target: format!("{TARGET}{name}"),
        rank: rank_of(name),
        already: None,
    }
}

fn plan(objects: Vec<PlannedObject>) -> Plan {
    Plan {
        schema: SCHEMA,
        id: MoveId::of(DateTime::UNIX_EPOCH, 7),
        kind: MoveKind::Quarantine,
        lake: "s3://lake".into(),
        of: None,
        undoes: None,
        dataset: Dataset("crm/contacts".into()),
        date: None,
        reason: ReasonCode::parse("schema").unwrap(),
        note: None,
        actor: "ana@bastion".into(),
        planned_at: DateTime::UNIX_EPOCH,
        source: SOURCE.into(),
        target: TARGET.into(),
        seals: Some(format!("{TARGET}{MANIFEST}")),
        unseals: None,
        apart: Vec::new(),
        even_incomplete: false,
        storage_class: None,
        retain_until: None,
        alerts: Vec::new(),
        totals: Totals::default(),
        refused: Vec::new(),
        changes: Vec::new(),
        objects,
    }
}

fn codes(plan: &Plan) -> Vec<RefusalCode> {
    plan.faults().into_iter().map(|f| f.code).collect()
}

#[test]
fn a_sound_plan_has_no_fault_and_survives_its_json() {
    let plan = plan(vec![object("rejected_rows.parquet"), object("_SUCCESS")]);
    assert_eq!(plan.faults(), []);
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    assert_eq!(plan.id.0, "19700101T000000Z-00000007");
    assert!(plan.id.is_sound() && !MoveId("../x".into()).is_sound() && !MoveId(String::new()).is_sound());
}

/// Fault 1 of the field notes: a move onto itself, in any spelling.
#[test]
fn a_plan_onto_itself_is_refused() {
    for (source, target) in [
        (SOURCE, SOURCE),
        (SOURCE, "_errors/crm/contacts/dt=2026-11-22/quarantine/"),
        ("_errors/crm/contacts/dt=2026-11-22/x/", "_errors/crm/contacts/dt=2026-11-22/"),
        ("_errors//crm/", TARGET),
        (SOURCE, "_quarantine/../_errors/crm/contacts/dt=2026-11-22/"),
        ("_errors/crm", TARGET),
        ("", TARGET),
        ("/", TARGET),
    ] {
        let mut plan = plan(vec![object("a")]);
        (plan.source, plan.target) = (source.into(), target.into());
        plan.seals = None;
        assert!(codes(&plan).contains(&RefusalCode::Overlap), "{source} to {target}");
    }
}

/// Fault 5: two sources that would have one target, or one object named twice.
#[test]
fn two_sources_on_one_target_are_refused() {
    let mut flattened = object("b/part-0");
    flattened.target = format!("{TARGET}a/part-0");
    let plan_of = plan(vec![object("a/part-0"), flattened]);
    assert_eq!(codes(&plan_of), [RefusalCode::Overlap, RefusalCode::Collision]);
    assert_eq!(codes(&plan(vec![object("a"), object("a")])), [RefusalCode::Collision, RefusalCode::Collision]);
}

#[test]
fn lakewards_own_name_and_an_empty_plan_are_refused() {
    assert_eq!(codes(&plan(vec![object(MANIFEST)])), [RefusalCode::Reserved]);
    assert_eq!(codes(&plan(vec![])), [RefusalCode::Empty]);
}

proptest! {
    /// Whatever a file says: a plan without fault keeps every name below its two prefixes, once.
    #[test]
    fn a_plan_without_fault_is_injective(
        names in prop::collection::vec(("[a-c/.]{0,4}", "[a-c/.]{0,4}"), 1..5),
        source in prop_oneof![Just(SOURCE.to_owned()), "[a-b/.]{0,6}"],
    ) {
        let objects = names.iter().map(|(from, to)| {
            let mut o = object(from);
            o.key = format!("{source}{from}");
            o.target = format!("{TARGET}{to}");
            o
        });
        let mut plan = plan(objects.collect());
        plan.source = source;
        if plan.faults().is_empty() {
            let targets: BTreeSet<_> = plan.objects.iter().map(|o| &o.target).collect();
            prop_assert_eq!(targets.len(), plan.objects.len());
            for o in &plan.objects {
                prop_assert!(o.key.starts_with(&plan.source) && o.target.starts_with(&plan.target));
                prop_assert!(plan.objects.iter().all(|other| other.key != o.target));
            }
        }
    }
}
