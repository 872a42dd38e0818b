//! A refresh: every source is asked beside the others. What is there is told of when some let wait, and what they said
//! before stands until they answer.

mod parts;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, join};
use tokio::time::{Instant, timeout};

use parts::{Around, Dead, Part, Parts, Services};

use super::alerts;
use super::dead_letters::{self, Told};
use super::deadline::in_time;
use super::gates;
use super::health::{SourceHealth, clears};
use super::pipeline;
use super::secrets;
use super::session::{Progress, Session, Snapshot};

/// Contracts are read again after this time.
const CONTRACTS: chrono::Duration = chrono::Duration::minutes(5);
/// Those that are a little later than the others are waited for.
const GRACE: Duration = Duration::from_millis(250);
/// While the dead letters are still being listed, the others are asked again after this.
const AGAIN: Duration = Duration::from_secs(60);

/// Runs one refresh, of all or of what is due. Never fails: what fails is a source's state in the snapshot.
pub async fn refresh(
    session: &Session,
    all: bool,
    now: DateTime<Utc>,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> Snapshot {
    let look = forget_contracts(session, all, now);
    let last = Arc::new(session.last.lock().unwrap_or_else(PoisonError::into_inner).clone());
    let others: Mutex<Snapshot> = Mutex::default();
    let told = Told { progress, others: &others, is_whole: last.taken.is_some() };
    let ask = |last: &Arc<Snapshot>, all: bool, now: DateTime<Utc>| -> [BoxFuture<'_, Part>; 2] {
        [
            around(session, Arc::clone(last), all, now).map(Part::Around).boxed(),
            services(session, Arc::clone(last), all, now).map(|services| Part::Services(Box::new(services))).boxed(),
        ]
    };
    let mut waiting: FuturesUnordered<BoxFuture<'_, Part>> = FuturesUnordered::new();
    waiting.push(dead(session, &told, look, now).map(Part::Dead).boxed());
    waiting.extend(ask(&last, all, now));
    let (began, mut parts, mut is_told) = (Instant::now(), Parts::of(Arc::clone(&last)), true);
    // Whoever opens the console sees each part as it comes.
    let grace = if told.is_whole { GRACE } else { Duration::ZERO };
    let clock = || now + chrono::Duration::seconds(began.elapsed().as_secs().try_into().unwrap_or_default());
    loop {
        match timeout(if is_told { AGAIN } else { grace }, waiting.next()).await {
            Ok(None) => break,
            Ok(Some(part)) => {
                let is_heard = matches!(part, Part::Services(_));
                parts.take(part);
                is_told = false;
                // Sources that were heard rest: what they said stands, whatever becomes of this refresh.
                if is_heard && !waiting.is_empty() {
                    session.keep(&parts.snapshot(session, clock()), now);
                }
            }
            Err(_) if !is_told => {
                let partial = parts.snapshot(session, clock());
                *others.lock().unwrap_or_else(PoisonError::into_inner) =
                    Snapshot { entries: Vec::new(), ..partial.clone() };
                let found = partial.entries.len() as u64;
                progress(Progress { listed: 0, assessed: found, found, partial: Some(partial), is_ahead: true });
                is_told = true;
            }
            // They go on each minute, however long that listing takes.
            Err(_) if waiting.len() == 1 && parts.waits_for_dead_letters() => {
                let last = Arc::new(parts.snapshot(session, clock()));
                waiting.extend(ask(&last, false, clock()));
            }
            Err(_) => {}
        }
    }
    let snapshot = parts.snapshot(session, clock());
    note(session, &snapshot, now).await;
    let costs = session.costs.note(session.requests(), session.lake.counters().by_name(), now);
    let snapshot = Snapshot { costs, taken: Some(now), ..snapshot };
    session.keep(&snapshot, now);
    snapshot
}

/// The dead letters, and what their rows say of the contracts. Their listing takes as long as it takes, and says how far it
/// is.
async fn dead<P: Fn(Progress) + Send + Sync>(
    session: &Session,
    told: &Told<'_, P>,
    look: bool,
    at: DateTime<Utc>,
) -> Dead {
    let read = async {
        let (entries, failure) = dead_letters::read_all(session, told).await;
        let drifted = alerts::drifted(session, &entries).await;
        Dead { entries, failure, drifted, at }
    };
    join!(read, forget_changed(session, look)).0
}

/// What lies on the lake besides them.
async fn around(session: &Session, last: Arc<Snapshot>, all: bool, at: DateTime<Utc>) -> Around {
    let (quarantines, stale) =
        join!(in_time("quarantine", session.quarantines()), alerts::stale(session, &last.alerts, all, at));
    let (quarantines, failure) = match quarantines {
        Ok(quarantines) => (quarantines, None),
        Err(error) => (last.quarantines.clone(), Some(error)),
    };
    Around { quarantines, failure, stale, at }
}

/// What the pipeline and its services say, and what people did.
async fn services(session: &Session, last: Arc<Snapshot>, all: bool, now: DateTime<Utc>) -> Services {
    let (store, state) = (session.lake.as_ref(), &session.settings.prefixes.state);
    let (said, (of_secrets, secrets), (pipeline, runs), triage, incidents, ending) = join!(
        gates::read(session, &last, all, now),
        secrets::read(session, all, now),
        pipeline::read(session, &last, all, now),
        in_time("triage", session.triage.read(store, state, all, now)),
        in_time("incidents", session.incidents.read(store, state, all, now)),
        pipeline::ending(&session.connected, now)
    );
    let mut alerts = alerts::of_jobs(&session.settings, &pipeline, now);
    session.tell_causes(&mut alerts).await;
    alerts.extend(alerts::of_alarms(&session.settings, &pipeline));
    alerts.extend(said.alerts.into_iter().chain(of_secrets));
    let (triage, triage_failure) = match triage {
        Ok(read) => read,
        Err(error) => (last.triage.clone(), Some(error)),
    };
    let (incidents, incidents_failure) = match incidents {
        Ok(read) => read,
        Err(error) => (last.incidents.clone(), Some(error)),
    };
    let mut sources: Vec<SourceHealth> = said.health.into_iter().chain(secrets).chain(runs).collect();
    sources.push(SourceHealth::after("triage", triage_failure, now));
    sources.push(SourceHealth::after("incidents", incidents_failure, now));
    Services { alerts, quality: said.quality, pipeline, triage, incidents, ending, sources }
}

/// Contracts change seldom: they are read again when somebody asks. Whether it is time to look which of them changed.
fn forget_contracts(session: &Session, all: bool, now: DateTime<Utc>) -> bool {
    let mut forgot = session.forgot.lock().unwrap_or_else(PoisonError::into_inner);
    let is_due = all || forgot.is_none_or(|at| now - at >= CONTRACTS);
    if is_due {
        *forgot = Some(now);
    }
    if all {
        session.contracts.forget();
    }
    is_due && !all
}

/// Forgets the contracts that changed: they count from the next refresh on.
async fn forget_changed(session: &Session, is_due: bool) {
    let look = async {
        session.contracts.forget_changed(session.lake.as_ref()).await;
        Ok(())
    };
    if is_due && let Err(late) = in_time("contracts", look).await {
        // It tells nothing of them: they stand until the next look.
        tracing::debug!("{late}");
    }
}

/// Notes what fired and cleared. A disk that takes nothing keeps no alert from being shown.
async fn note(session: &Session, snapshot: &Snapshot, now: DateTime<Utc>) {
    let Some(history) = session.history.clone() else { return };
    let (alerts, sources) = (snapshot.alerts.clone(), snapshot.sources.clone());
    let noted = tokio::task::spawn_blocking(move || history.note(&alerts, |key| clears(&sources, key), now)).await;
    if let Ok(Err(e)) = noted {
        tracing::warn!("what fired could not be noted on this machine: {e}");
    }
}
