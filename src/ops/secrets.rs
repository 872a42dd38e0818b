//! How the credentials of sources stand: read seldom, since they seldom change, and kept while their store is silent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use futures::stream::{self, StreamExt};

use super::Session;
use super::deadline::Deadline;
use super::health::{SourceHealth, SourceState};
use crate::lake::{ErrorClass, LakeError};
use crate::model::alert::Alert;
use crate::model::rules::secret::{SecretSignal, secret_alert};
use crate::model::secret::{SecretStanding, WatchedSecret};
use crate::sources::secrets::SecretSource;

/// An answer is good for this long. Ours: what is deleted or rotated is noticed by jobs first.
const GOOD_FOR: Duration = Duration::minutes(10);
/// Secrets asked about at once.
const AT_ONCE: usize = 4;
/// The source's name.
const SOURCE: &str = "secrets";

/// The last answers, by name.
#[derive(Debug, Default)]
pub(super) struct Standings(Mutex<BTreeMap<String, Answer>>);

/// What was said of a secret, and when; whether nobody answered since.
#[derive(Debug, Clone)]
struct Answer {
    read: DateTime<Utc>,
    standing: SecretStanding,
    silent: bool,
}

impl Standings {
    fn get(&self, name: &str) -> Option<Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn keep(&self, name: &str, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), answer);
    }
}

/// The alerts, and the state of the store if any secret is watched.
pub(super) async fn read(session: &Session, all: bool, now: DateTime<Utc>) -> (Vec<Alert>, Option<SourceHealth>) {
    let watched = &session.settings.secrets;
    if watched.is_empty() {
        return (Vec::new(), None);
    }
    let until = Deadline::of(SOURCE);
    let connected = &session.connected;
    let asked = watched.iter().filter_map(|secret| Some((secret, connected.secrets_of(secret)?)));
    let asked: Vec<(&WatchedSecret, &Arc<dyn SecretSource>)> = asked.collect();
    let reads: Vec<_> = asked
        .iter()
        .map(|(secret, source)| one(source.as_ref(), &session.standings, secret, until, all, now))
        .collect();
    let read: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
    // What is configured and not asked is said: its silence would look like a secret that is well.
    let mut failure = (asked.len() < watched.len()).then(|| LakeError {
        hint: "their table in the configuration names who is asked".to_owned(),
        ..LakeError::new(ErrorClass::Unsupported, "[[secrets]]", "no store of secrets is connected")
    });
    let mut alerts = Vec::new();
    let mut oldest = None;
    for ((secret, source), (known, error)) in asked.into_iter().zip(read) {
        failure = failure.or(error);
        let Some((read, standing)) = known else { continue };
        oldest = Some(oldest.map_or(read, |oldest: DateTime<Utc>| oldest.min(read)));
        let layer = if let [one] = secret.datasets.as_slice() { session.settings.layer(one) } else { None };
        let uri = source.uri(&secret.name);
        alerts.extend(secret_alert(&SecretSignal { watched: secret, standing: &standing, layer, uri, read }, now));
    }
    let health = match failure {
        Some(error) => SourceHealth::after(SOURCE, Some(error), now),
        // Its age is that of the oldest answer, and not of this look at what is kept.
        None => SourceHealth {
            source: SOURCE,
            state: SourceState::Fresh,
            answered: oldest.or(Some(now)),
            next: None,
            notes: Vec::new(),
            is_cut: false,
        },
    };
    (alerts, Some(health))
}

/// What is known of a secret, and why it is no newer.
async fn one(
    source: &dyn SecretSource,
    standings: &Standings,
    secret: &WatchedSecret,
    until: Deadline,
    anew: bool,
    now: DateTime<Utc>,
) -> (Option<(DateTime<Utc>, SecretStanding)>, Option<LakeError>) {
    let known = standings.get(&secret.name);
    let said = |known: Option<Answer>| known.map(|known| (known.read, known.standing));
    if !anew && known.as_ref().is_some_and(|known| !known.silent && now - known.read < GOOD_FOR) {
        return (said(known), None);
    }
    match until.wait(source.standing(&secret.name)).await {
        Ok(standing) => {
            standings.keep(&secret.name, Answer { read: now, standing: standing.clone(), silent: false });
            (Some((now, standing)), None)
        }
        Err(error) => {
            // Asked again at the next turn: its silence is seen to end.
            if let Some(known) = &known {
                standings.keep(&secret.name, Answer { silent: true, ..known.clone() });
            }
            (said(known), Some(error))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::lake::Lake;
    use crate::lake::folder::Folder;
    use crate::model::severity::Severity;
    use crate::ops::{Connected, LakeSettings};
    use crate::sources::SourceError;

    /// Knows of no secret; from the second question on it does not answer.
    #[derive(Debug, Default)]
    struct Store {
        asked: AtomicUsize,
    }

    #[async_trait]
    impl SecretSource for Store {
        fn name(&self) -> &str {
            "store"
        }

        async fn standing(&self, name: &str) -> Result<SecretStanding, SourceError> {
            if self.asked.fetch_add(1, Ordering::Relaxed) > 0 {
                return Err(SourceError::new(ErrorClass::Expired, name, "the SSO session has expired"));
            }
            Ok(SecretStanding::missing(name))
        }
    }

    fn session(store: &Arc<Store>) -> (tempfile::TempDir, Session) {
        let folder = tempfile::tempdir().unwrap();
        let lake = Arc::new(Folder::open(folder.path()).unwrap());
        let secret =
            WatchedSecret { name: "crm".into(), datasets: Vec::new(), jobs: Vec::new(), max_age: None, on_lake: false };
        let settings = LakeSettings { secrets: vec![secret], ..LakeSettings::default() };
        let source: Arc<dyn SecretSource> = Arc::<Store>::clone(store);
        let connected = Connected { secrets: Some(source), ..Connected::default() };
        (folder, Session::new(lake, settings).with_sources(connected))
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_a_while_and_stands_while_the_store_is_silent() {
        let store = Arc::new(Store::default());
        let (_folder, session) = session(&store);
        let begin = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        for (minutes, asked, fresh) in [(0, 1, true), (9, 1, true), (10, 2, false), (11, 3, false)] {
            let (alerts, health) = read(&session, false, begin + Duration::minutes(minutes)).await;
            assert_eq!(alerts.iter().map(|a| a.severity).collect::<Vec<_>>(), [Severity::Critical], "{minutes}");
            let health = health.unwrap();
            assert_eq!((store.asked.load(Ordering::Relaxed), health.state == SourceState::Fresh), (asked, fresh));
            assert_eq!(health.answered, fresh.then_some(begin), "as old as its answer");
        }
    }

    #[tokio::test]
    async fn a_secret_that_nobody_is_asked_about_is_told_of() {
        let (folder, session) = session(&Arc::default());
        let session = session.with_sources(Connected::default());
        let (alerts, health) = read(&session, false, Utc::now()).await;
        let state = health.unwrap().state;
        assert!(matches!(state, SourceState::Failed { class: ErrorClass::Unsupported, .. }), "{state:?}");
        assert!(alerts.is_empty());
        let lake: Arc<dyn Lake> = Arc::new(Folder::open(folder.path()).unwrap());
        assert_eq!(read(&Session::new(lake, LakeSettings::default()), false, Utc::now()).await, (Vec::new(), None));
    }
}
