//! The audit view.

use crate::console::fixture::{Driven, now};
use crate::console::msg::{Effect, Msg, RequestId};
use crate::lake::{ErrorClass, LakeError};
use crate::ops::AuditRecord;
use crate::ops::gate::Actor;

fn records() -> Vec<AuditRecord> {
    let record = |n: i64, act: &str, outcome: &str| AuditRecord {
        schema: 1,
        id: None,
        confirmed: None,
        at: now() - chrono::Duration::minutes(n),
        act: act.into(),
        actor: Actor { user: "ana".into(), host: "bastion\u{202e}".into(), from: None },
        object: format!("_errors/crm/contacts/dt=2026-11-{:02}/", 20 + n),
        outcome: outcome.into(),
        detail: "schema_violation: email is null \x1b[31m".into(),
        objects: 3,
        bytes: 42_525,
    };
    vec![record(1, "release", "refused"), record(2, "quarantine", "done"), record(3, "arm", "done")]
}

fn opened(driven: &mut Driven, line: &str) -> (RequestId, u32) {
    driven.type_in(":", line);
    match driven.asked.last() {
        Some(Effect::Audit { id, days }) => (*id, *days),
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_are_listed_with_who_when_what_and_what_it_came_to() {
    let mut driven = Driven::themed("dark", 100, 24);
    driven.keys("@");
    let Some(Effect::Audit { id, days: 7 }) = driven.asked.last().cloned() else { panic!("{:?}", driven.asked) };
    assert!(driven.screen().contains("reading the audit log…"));
    driven.send(Msg::Audited(0, Ok(vec![])));
    assert!(driven.screen().contains("reading the audit log…"), "a stale answer is none");
    driven.send(Msg::Audited(id, Ok(records())));
    driven.keys("j");
    insta::assert_snapshot!("audit_100x24", driven.screen());
    driven.keys("@");
    assert!(driven.state.overlay.is_none());
}

#[test]
fn an_empty_and_a_failing_log_say_why() {
    let mut driven = Driven::themed("dark", 100, 24);
    let (id, days) = opened(&mut driven, "audit 30");
    assert_eq!(days, 30);
    driven.send(Msg::Audited(id, Ok(vec![])));
    assert!(driven.screen().contains("nothing was written to this lake in 30 days"), "{}", driven.screen());
    driven.keys("esc");
    let (id, _) = opened(&mut driven, "audit");
    driven.send(Msg::Audited(id, Err(LakeError::new(ErrorClass::Denied, "s3://acme-lake/_lakeward/", "no"))));
    assert!(driven.screen().contains("denied: no") && driven.screen().contains("ask for the permission"));
    driven.keys("esc").type_in(":", "audit soon");
    assert!(driven.screen().contains("audit: \"soon\" is not a number of days"), "{}", driven.screen());
}
