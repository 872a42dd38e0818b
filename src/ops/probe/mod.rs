//! Probes: one question each of what the lake and the sources say now, answered by a verdict and its evidence. They read
//! only. What is bad is no error: that is for what could not be asked.

mod consumers;
mod counts;
mod data;
mod days;
mod logs;
mod runs;

use std::fmt::Debug;
use std::sync::PoisonError;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Session, Snapshot, SourceState};
use crate::lake::LakeError;
use crate::model::alert::Evidence;
use crate::model::dataset::Dataset;
use crate::model::incident::{About, Incident};
use crate::model::masked;
use crate::model::probe::{Finding, Verdict};
use crate::model::runbook::Probe;

use days::Day;

/// Pieces of evidence that are kept of one answer.
const EVIDENCE: usize = 20;

/// One thing that was looked at on this machine or of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What: a permission, an endpoint.
    pub what: String,
    /// How it is; no evidence where it could not be tried.
    pub verdict: Verdict,
    /// What was seen, and what to do. Hostile text.
    pub detail: String,
}

/// Who can look at this machine and at the account: permissions, network, the provider's own word.
#[async_trait]
pub trait Examiner: Send + Sync + Debug {
    /// Looks at what one of these probes is about: [`Probe::Permissions`], [`Probe::Network`], [`Probe::Status`].
    async fn examine(&self, probe: Probe) -> Vec<Seen>;
}

/// An answer before it has its time and its name.
pub(super) struct Answer {
    verdict: Verdict,
    summary: String,
    evidence: Vec<Evidence>,
}

impl Answer {
    fn new(verdict: Verdict, summary: impl Into<String>) -> Self {
        Self { verdict, summary: summary.into(), evidence: Vec::new() }
    }

    fn with(self, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..self }
    }

    fn none(why: impl Into<String>) -> Self {
        Self::new(Verdict::NoEvidence, why)
    }
}

/// What could not be asked, with what to do.
impl From<&LakeError> for Answer {
    fn from(error: &LakeError) -> Self {
        let hint = Some(&error.hint).filter(|hint| !hint.is_empty()).map(|hint| format!("; {hint}"));
        Self::new(Verdict::Error, format!("{error}{}", hint.unwrap_or_default()))
    }
}

impl Session {
    /// Asks one question about what an incident is about. Reads anew what it is answered from; what was read is known
    /// to the session afterwards.
    pub async fn probe(&self, probe: Probe, incident: &Incident, now: DateTime<Utc>) -> Finding {
        self.probe_on(probe, incident, None, now).await
    }

    /// The same, on what the lake was but a moment ago, where that was read.
    pub(super) async fn probe_on(
        &self,
        probe: Probe,
        incident: &Incident,
        known: Option<&Snapshot>,
        now: DateTime<Utc>,
    ) -> Finding {
        let about = &incident.about;
        self.asked_of.lock().unwrap_or_else(PoisonError::into_inner).extend(incident.dates());
        let answer = match probe {
            Probe::Schema => self.probe_schema(about).await,
            Probe::Freshness => self.probe_freshness(about, now).await,
            Probe::Consumers => self.on_each_day(Day::Consumers, incident, now).await,
            Probe::Partitions => self.on_each_day(Day::Partitions, incident, now).await,
            Probe::Permissions | Probe::Network | Probe::Status => self.probe_machine(probe, now).await,
            Probe::Errors => self.probe_errors(about, now).await,
            Probe::Resources => self.probe_resources(about, now).await,
            Probe::Secret => self.probe_secret(about, now).await,
            Probe::Quality | Probe::Counts | Probe::Logs | Probe::Entry | Probe::Jobs | Probe::Alerts => {
                let snapshot = match known {
                    Some(known) => known.clone(),
                    None => self.refresh(now, |_| {}).await,
                };
                match probe {
                    Probe::Quality => self.on_each_day(Day::Quality(&snapshot), incident, now).await,
                    Probe::Counts => self.on_each_day(Day::Counts(&snapshot), incident, now).await,
                    Probe::Logs => self.probe_logs(incident, &snapshot, now).await,
                    Probe::Entry => self.on_each_day(Day::Entry(&snapshot), incident, now).await,
                    Probe::Jobs => self.probe_jobs(about, &snapshot),
                    _ => self.probe_alerts(about, &snapshot),
                }
            }
        };
        let Answer { verdict, summary, mut evidence } = answer;
        evidence.truncate(days::evidence(incident.dates().len()));
        // Logs and errors quote what they were given.
        let summary = masked::text(&summary).into_owned();
        let evidence = evidence.iter().map(Evidence::masked).collect();
        Finding { probe, verdict, summary, evidence, at: now }
    }

    async fn probe_machine(&self, probe: Probe, now: DateTime<Utc>) -> Answer {
        let Some(examiner) = &self.examiner else { return Answer::none("nobody here can look at that") };
        let seen = examiner.examine(probe).await;
        let count = |verdict| seen.iter().filter(|s| s.verdict == verdict).count();
        let (passed, failed, errors) = (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Error));
        let mut sorted: Vec<&Seen> = seen.iter().collect();
        sorted.sort_by_key(|s| matches!(s.verdict, Verdict::Pass | Verdict::NoEvidence));
        let evidence = sorted
            .iter()
            .map(|s| Evidence {
                uri: s.what.clone(),
                observed_at: now,
                detail: format!("{}: {}", s.verdict.says(), s.detail),
            })
            .collect();
        let answer = match (failed, errors, passed) {
            (0, 0, 0) => Answer::none("nothing of it could be looked at here"),
            (0, 0, n) => Answer::new(Verdict::Pass, format!("{n} looked at, all as they should be")),
            (0, n, _) => Answer::new(Verdict::Error, format!("{n} could not be asked")),
            (n, _, _) => Answer::new(Verdict::Fail, format!("{n} of {} not as they should be", failed + passed)),
        };
        answer.with(evidence)
    }

    fn probe_alerts(&self, about: &About, snapshot: &Snapshot) -> Answer {
        let open: Vec<_> = snapshot.alerts.iter().filter(|a| about.alerts.contains(&a.key)).collect();
        if let Some(first) = open.first() {
            let evidence = open.iter().flat_map(|a| a.evidence.clone()).collect();
            let more = if open.len() > 1 { format!(", and {} more", open.len() - 1) } else { String::new() };
            return Answer::new(Verdict::Fail, format!("still there: {}{more}", first.summary)).with(evidence);
        }
        // Silence of a source that fails is no end of its alerts.
        let failed: Vec<&str> =
            snapshot.sources.iter().filter(|s| s.state != SourceState::Fresh).map(|s| s.source).collect();
        if !failed.is_empty() {
            return Answer::none(format!("not there, but {} could not be asked", failed.join(", ")));
        }
        let evidence = Evidence {
            uri: self.lake.url().to_owned(),
            observed_at: snapshot.taken.unwrap_or_default(),
            detail: format!("{} sources asked, {} other alerts", snapshot.sources.len(), snapshot.alerts.len()),
        };
        let gone = about.alerts.join(", ");
        Answer::new(Verdict::Pass, format!("gone: {gone}")).with(vec![evidence])
    }
}

/// The dataset that an incident is about, or what to say without one.
fn dataset(about: &About) -> Result<Dataset, Answer> {
    let name = about.dataset.as_deref().filter(|name| !name.is_empty());
    name.map(|name| Dataset(name.into())).ok_or_else(|| Answer::none("this incident is about no dataset"))
}
