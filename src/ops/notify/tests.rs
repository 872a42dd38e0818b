#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
//! Notifiers that fail as told, on a clock that nobody waits for.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lane::{TRIES, WAITING};
use super::*;
use crate::lake::ErrorClass;
use crate::model::notice::NoticeKind;
use crate::model::notice::tests::quarantined;
use crate::sources::notify::{About, NotifyError};

/// What one try does.
#[derive(Clone)]
enum Try {
    Arrives,
    Fails(ErrorClass),
    Asks(u64),
    Hangs,
    Panics,
}

/// Does as told, then arrives; keeps when it was asked, in seconds since its making, and for which move.
struct Scripted {
    about: About,
    script: Mutex<VecDeque<Try>>,
    asked: Arc<Mutex<Vec<(u64, String)>>>,
    start: Instant,
}

#[async_trait]
impl Notifier for Scripted {
    fn about(&self) -> &About {
        &self.about
    }

    async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        self.asked.lock().unwrap().push((self.start.elapsed().as_secs(), notice.move_id.clone()));
        let next = self.script.lock().unwrap().pop_front();
        match next.unwrap_or(Try::Arrives) {
            Try::Arrives => Ok(()),
            Try::Fails(class) => Err(NotifyError::new(class, "host", "said no")),
            Try::Asks(seconds) => {
                let error = NotifyError::new(ErrorClass::Throttled, "host", "too many");
                Err(NotifyError { retry_after: Some(Duration::from_secs(seconds)), ..error })
            }
            Try::Hangs => std::future::pending().await,
            Try::Panics => panic!("told to"),
        }
    }

    async fn check(&self) -> Result<String, NotifyError> {
        Ok("fine".into())
    }

    fn preview(&self, notice: &Notice) -> Result<String, NotifyError> {
        Ok(notice.summary())
    }
}

type Asked = Arc<Mutex<Vec<(u64, String)>>>;

fn scripted(name: &str, script: &[Try]) -> (Box<dyn Notifier>, Asked) {
    let asked = Asked::default();
    let script = Mutex::new(script.iter().cloned().collect());
    let about = About::named(name);
    (Box::new(Scripted { about, script, asked: Arc::clone(&asked), start: Instant::now() }), asked)
}

fn notice(move_id: &str) -> Notice {
    Notice { move_id: move_id.into(), ..quarantined() }
}

fn seconds(asked: &Asked) -> Vec<u64> {
    asked.lock().unwrap().iter().map(|(at, _)| *at).collect()
}

const LONG: Duration = Duration::from_secs(10_000);

#[tokio::test(start_paused = true)]
async fn each_failure_is_tried_as_often_as_makes_sense() {
    use Try::{Arrives, Asks, Fails, Hangs};
    let unreachable = Fails(ErrorClass::Unreachable);
    for (script, at, word) in [
        (vec![Arrives], vec![0], "sent"),
        (vec![unreachable.clone(), Arrives], vec![0, 1], "sent"),
        (vec![unreachable.clone(); 3], vec![0, 1, 3, 7], "sent"),
        (vec![unreachable.clone(); 9], vec![0, 1, 3, 7], "failed"),
        (vec![Fails(ErrorClass::Denied)], vec![0], "failed"),
        (vec![Fails(ErrorClass::Malformed)], vec![0], "failed"),
        (vec![Asks(20), Asks(0)], vec![0, 20, 20], "sent"),
        (vec![Asks(3_600)], vec![0], "failed"),
        (vec![Hangs, Arrives], vec![0, 61], "sent"),
    ] {
        let (notifier, asked) = scripted("a", &script);
        let deliveries = Notifying::new(vec![notifier]).tell_and_wait(&notice("m"), LONG).await;
        let [delivery] = deliveries.as_slice() else { panic!("{deliveries:?}") };
        assert_eq!((seconds(&asked), delivery.outcome.word()), (at, word), "{delivery:?}");
        assert_eq!(delivery.tries as usize, seconds(&asked).len());
        assert!(delivery.tries <= TRIES);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_shown_with_its_reason_and_what_is_late_is_given_as_it_stands() {
    let (notifier, _) = scripted("a", &[Try::Asks(100)]);
    let notifying = Notifying::new(vec![notifier]);
    let deliveries = notifying.tell_and_wait(&notice("m"), Duration::from_secs(5)).await;
    let Outcome::Retrying { next, of, error, .. } = &deliveries[0].outcome else { panic!("{deliveries:?}") };
    assert_eq!((*next, *of, error.detail.as_str()), (2, TRIES, "too many"));
    assert!(deliveries[0].outcome.to_string().starts_with("try 2 of 4 at "));
    let standing = notifying.settle(LONG).await.remove(0);
    assert_eq!((standing.sent, standing.failed, standing.last.unwrap().outcome.word()), (1, 0, "sent"));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_holds_up_no_other_and_a_success_does_not_hide_it() {
    let (bad, _) = scripted("bad", &[Try::Fails(ErrorClass::Denied)]);
    let (slow, _) = scripted("slow", &[Try::Hangs, Try::Hangs, Try::Hangs, Try::Hangs]);
    let (good, asked) = scripted("good", &[]);
    let notifying = Notifying::new(vec![bad, slow, good]);
    let mut changes = notifying.changes();
    notifying.tell(&notice("m1"));
    assert!(asked.lock().unwrap().is_empty(), "tell returns before anything is sent");
    notifying.tell(&notice("m2"));
    let standings = notifying.settle(Duration::from_secs(30)).await;
    let counts: Vec<_> = standings.iter().map(|s| (s.notifier.as_str(), s.sent, s.failed, s.waiting)).collect();
    assert_eq!(counts, [("bad", 1, 1, 0), ("slow", 0, 0, 1), ("good", 2, 0, 0)]);
    let failure = standings[0].last_failure.as_ref().unwrap();
    assert_eq!((failure.move_id.as_str(), failure.outcome.error().unwrap().class), ("m1", ErrorClass::Denied));
    assert_eq!(standings[0].last.as_ref().unwrap().outcome.word(), "sent");
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
}

#[tokio::test(start_paused = true)]
async fn messages_of_one_notifier_keep_their_order() {
    let (notifier, asked) = scripted("a", &[Try::Asks(5), Try::Fails(ErrorClass::Unreachable)]);
    let notifying = Notifying::new(vec![notifier]);
    for id in ["m1", "m2", "m3"] {
        notifying.tell(&notice(id));
    }
    notifying.settle(LONG).await;
    let order: Vec<_> = asked.lock().unwrap().iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(order, ["m1", "m1", "m1", "m2", "m3"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_what_they_did_not_ask_for_but_a_test() {
    let (_, asked) = scripted("", &[]);
    let about = About { on: vec![NoticeKind::Released], ..About::named("a") };
    let script = Mutex::default();
    let notifier = Scripted { about, script, asked: Arc::clone(&asked), start: Instant::now() };
    let notifying = Notifying::new(vec![Box::new(notifier)]);
    assert!(notifying.tell_and_wait(&notice("m"), LONG).await.is_empty());
    for kind in [NoticeKind::Released, NoticeKind::Test] {
        let notice = Notice { kind, ..notice("m") };
        assert_eq!(notifying.tell_and_wait(&notice, LONG).await.len(), 1, "{kind:?}");
    }
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_notifier_that_panics_is_used_again() {
    let (notifier, _) = scripted("a", &[Try::Panics]);
    let notifying = Notifying::new(vec![notifier]);
    let first = notifying.tell_and_wait(&notice("m1"), LONG).await;
    assert_eq!((first[0].outcome.word(), notifying.standings()[0].failed), ("failed", 1));
    let second = notifying.tell_and_wait(&notice("m2"), LONG).await;
    assert_eq!(second[0].outcome.word(), "sent");
}

#[tokio::test(start_paused = true)]
async fn too_many_are_given_up_and_counted() {
    let (notifier, _) = scripted("a", &[Try::Hangs]);
    let notifying = Notifying::new(vec![notifier]);
    for n in 0..=WAITING {
        notifying.tell(&notice(&n.to_string()));
    }
    let standing = notifying.standings().remove(0);
    assert_eq!((standing.failed, standing.waiting), (1, WAITING));
}

#[test]
fn without_a_runtime_it_fails_and_says_so() {
    let about = About::named("a");
    let error = NotifyError::new(ErrorClass::NotFound, "a", "no secret");
    let notifying = Notifying::new(vec![Box::new(crate::sources::notify::Unready::new(about, error))]);
    notifying.tell(&notice("m"));
    assert_eq!(notifying.standings()[0].failed, 1);
}
