//! PagerDuty's Events API v2. What each notice does there:
//!
//! | notice | with alerts | without |
//! | --- | --- | --- |
//! | quarantine | acknowledges each: somebody is at it | triggers one of its own, informational |
//! | release, archive | resolves each | resolves its own |
//! | undo | triggers each anew: what it answered stands again | resolves its own |
//! | interrupted | triggers one of its own: somebody has to resume | the same |
//! | test | triggers one of its own and resolves it at once | the same |
//!
//! An alert's own dedupe key is used, so that what a pager hook triggered from `alerts --json` is what is answered.
//! Any later notice of a move resolves what its interruption triggered. Each event may be sent twice: PagerDuty
//! tells by the key that it is the same.

use std::fmt;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::http::Post;
use super::secret::MASK;
use super::{About, Notifier, NotifyError, Secret};
use crate::model::notice::{Notice, NoticeKind};
use crate::model::template::{LINE, Markup};
use crate::model::text::escape;

/// Where events go unless the configuration says otherwise (accounts in Europe have an address of their own).
pub const ENDPOINT: &str = "https://events.pagerduty.com";

/// The longest summary. Characters; PagerDuty's own limit.
const SUMMARY: usize = 1_024;
/// The longest dedupe key. Bytes; PagerDuty allows as many characters.
const KEY: usize = 255;

/// Sends events.
pub struct PagerDuty {
    about: About,
    post: Post,
    routing_key: Secret,
}

/// What an event does to an alert there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Trigger(&'static str),
    Acknowledge,
    Resolve,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Trigger(_) => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
        }
    }
}

impl PagerDuty {
    /// Sends nothing. `endpoint` is an address without a path.
    pub fn new(about: About, endpoint: &str, routing_key: Secret) -> Result<Self, String> {
        let address = format!("{}/v2/enqueue", endpoint.trim_end_matches('/'));
        Ok(Self { about, post: Post::new(&address, routing_key.clone())?, routing_key })
    }

    /// What to do to which keys, in order.
    fn plan(&self, notice: &Notice) -> Vec<(Action, String)> {
        use Action::{Acknowledge, Resolve, Trigger};
        let own = format!("lakeward:{}", escape(&notice.move_id));
        let interruption = format!("{own}:interrupted");
        let (with, without) = match notice.kind {
            NoticeKind::Quarantined => (Acknowledge, Trigger("info")),
            NoticeKind::Released | NoticeKind::Archived => (Resolve, Resolve),
            NoticeKind::Undone => (Trigger("warning"), Resolve),
            NoticeKind::Interrupted => return vec![(Trigger("error"), interruption)],
            NoticeKind::Test => return vec![(Trigger("info"), own.clone()), (Resolve, own)],
        };
        let mut plan: Vec<_> = notice.alert_keys.iter().map(|key| (with, escape(key).into_owned())).collect();
        if plan.is_empty() {
            plan.push((without, own));
        }
        if self.wants(NoticeKind::Interrupted) {
            plan.push((Resolve, interruption));
        }
        plan
    }

    fn events(&self, notice: &Notice, routing_key: &str) -> Vec<Value> {
        let event = |(action, key): (Action, String)| {
            let mut event = json!({
                "routing_key": routing_key,
                "event_action": action.word(),
                "dedup_key": fitting(&key),
            });
            if let (Action::Trigger(severity), Some(fields)) = (action, event.as_object_mut()) {
                fields.insert("client".to_owned(), "lakeward".into());
                fields.insert("payload".to_owned(), self.payload(notice, severity));
            }
            event
        };
        self.plan(notice).into_iter().map(event).collect()
    }

    fn payload(&self, notice: &Notice, severity: &str) -> Value {
        json!({
            "summary": self.about.text(notice, LINE, Markup::Plain).chars().take(SUMMARY).collect::<String>(),
            "source": escape(&notice.lake),
            "severity": severity,
            "timestamp": notice.timestamp(),
            "component": escape(&notice.dataset.0),
            "group": escape(&notice.environment),
            "class": escape(&notice.reason),
            "custom_details": notice.json(),
        })
    }
}

/// A key that is too long keeps its beginning and ends in the hash of the whole: the same key is always shortened
/// to the same one.
fn fitting(key: &str) -> String {
    if key.len() <= KEY {
        return key.to_owned();
    }
    let hash = format!("~{:016x}", fnv1a(key.as_bytes()));
    let mut kept = KEY - hash.len();
    while !key.is_char_boundary(kept) {
        kept -= 1;
    }
    format!("{}{hash}", key.get(..kept).unwrap_or_default())
}

/// FNV-1a, 64 bits: the same on each host and in each release, which the standard library's hasher does not
/// promise. <http://www.isthe.com/chongo/tech/comp/fnv/>
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagerDuty").field("about", &self.about).field("host", &self.post.target()).finish()
    }
}

#[async_trait]
impl Notifier for PagerDuty {
    fn about(&self) -> &About {
        &self.about
    }

    async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        for event in self.events(notice, self.routing_key.expose()) {
            self.post.json(&event).await?;
        }
        Ok(())
    }

    async fn check(&self) -> Result<String, NotifyError> {
        self.post.reach().await
    }

    fn preview(&self, notice: &Notice) -> Result<String, NotifyError> {
        let mut shown = String::new();
        for event in self.events(notice, MASK) {
            shown += &format!("POST https://{}/v2/enqueue\n{event:#}\n", self.post.target());
        }
        Ok(shown)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::notice::tests::quarantined;

    fn pagerduty() -> PagerDuty {
        PagerDuty::new(About::named("pager"), ENDPOINT, Secret::new("0123456789abcdef0123456789abcdef")).unwrap()
    }

    fn plan(kind: NoticeKind, keys: &[&str]) -> Vec<String> {
        let alert_keys = keys.iter().map(|k| (*k).to_owned()).collect();
        let notice = Notice { kind, alert_keys, ..quarantined() };
        pagerduty().plan(&notice).into_iter().map(|(action, key)| format!("{} {key}", action.word())).collect()
    }

    #[test]
    fn each_notice_does_what_the_table_says() {
        use NoticeKind::*;
        let over = "resolve lakeward:m1:interrupted";
        for (kind, keys, events) in [
            (Quarantined, &["a", "b"][..], vec!["acknowledge a", "acknowledge b", over]),
            (Quarantined, &[], vec!["trigger lakeward:m1", over]),
            (Released, &["a"], vec!["resolve a", over]),
            (Released, &[], vec!["resolve lakeward:m1", over]),
            (Archived, &["a"], vec!["resolve a", over]),
            (Undone, &["a"], vec!["trigger a", over]),
            (Undone, &[], vec!["resolve lakeward:m1", over]),
            (Interrupted, &["a"], vec!["trigger lakeward:m1:interrupted"]),
            (Test, &["a"], vec!["trigger lakeward:m1", "resolve lakeward:m1"]),
        ] {
            assert_eq!(plan(kind, keys), events, "{kind:?} {keys:?}");
        }
    }

    #[test]
    fn one_that_is_not_told_of_interruptions_resolves_none() {
        let about = About { on: vec![NoticeKind::Quarantined], ..About::named("pager") };
        let quiet = PagerDuty { about, ..pagerduty() };
        assert_eq!(quiet.plan(&quarantined()).len(), 1);
    }

    #[test]
    fn a_trigger_keeps_to_the_limits_and_shows_no_key() {
        let notice = Notice {
            kind: NoticeKind::Interrupted,
            move_id: "é".repeat(300),
            reason: "r".repeat(1_100),
            ..quarantined()
        };
        let events = pagerduty().events(&notice, "k");
        let payload = &events[0]["payload"];
        assert_eq!(payload["summary"].as_str().unwrap().chars().count(), SUMMARY);
        assert_eq!((&payload["severity"], &payload["source"]), (&"error".into(), &"s3://acme".into()));
        assert_eq!(payload["custom_details"]["objects"], 3);
        assert!(events[0]["dedup_key"].as_str().unwrap().len() <= KEY);
        let shown = format!("{}{:?}", pagerduty().preview(&notice).unwrap(), pagerduty());
        assert!(shown.contains(MASK) && !shown.contains("0123456789abcdef"), "{shown}");
    }

    #[test]
    fn long_keys_are_shortened_always_alike_and_stay_apart() {
        let long = |end: &str| format!("{}{end}", "k".repeat(300));
        for key in ["short".to_owned(), "k".repeat(255)] {
            assert_eq!(fitting(&key), key);
        }
        assert_eq!(fitting(&long("a")).len(), KEY);
        assert_eq!(fitting(&long("a")), fitting(&long("a")));
        assert_ne!(fitting(&long("a")), fitting(&long("b")));
        // The published test vectors of FNV-1a.
        assert_eq!((fnv1a(b""), fnv1a(b"foobar")), (0xcbf2_9ce4_8422_2325, 0x8594_4171_f739_67e8));
    }
}
