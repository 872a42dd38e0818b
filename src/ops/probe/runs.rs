//! Probes of what ran: the errors in a run's log, how a job's runs ended, what one was given; and of the secret that a
//! job asks for.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Answer;
use crate::model::alert::Evidence;
use crate::model::incident::About;
use crate::model::log::{Limits, LogBuffer};
use crate::model::metric::{Range, amount};
use crate::model::probe::Verdict;
use crate::model::run::{JobRun, JobRunId, RunState};
use crate::model::secret::{SecretJudgement, judge};
use crate::model::text::first_line;
use crate::ops::{LogOf, Session, Snapshot};
use crate::sources::SourceError;
use crate::sources::logs::LogQuery;

/// Lines of a log that are read at once.
const LINES: usize = 10_000;
/// Reads of one log: what lies behind them is said to be left out.
const READS: usize = 100;

impl Session {
    /// The run that an incident names.
    fn run_of(&self, about: &About) -> Option<(Arc<str>, JobRunId)> {
        let (source, id) = (about.variables.get("source")?, about.variables.get("run_id")?);
        Some((source.into(), JobRunId(id.into())))
    }

    pub(super) async fn probe_errors(&self, about: &About, now: DateTime<Utc>) -> Answer {
        let Some((source, id)) = self.run_of(about) else {
            return Answer::none("no run is known whose log could be read");
        };
        let of = LogOf::Run { source, id: id.clone() };
        let mut buffer = LogBuffer::new(Limits::default(), self.settings.categories.clone());
        let uri = format!("log of {}", id.0);
        let left = match self.read_log(&of, &mut buffer).await {
            Ok(left) => left,
            Err(error) => return Answer::from(&error),
        };
        if buffer.is_empty() && buffer.trimmed() == 0 {
            return Answer::none(format!("the log of {} is empty", id.0));
        }
        let groups = buffer.signatures().groups();
        let evidence = groups
            .iter()
            .map(|group| Evidence {
                uri: uri.clone(),
                observed_at: group.last.1.unwrap_or(now),
                detail: format!(
                    "{}x {}: {}",
                    group.count,
                    group.category.word(),
                    first_line(&group.example).unwrap_or_default()
                ),
            })
            .collect();
        let count: u64 = groups.iter().map(|group| group.count).sum();
        let answer = match (count, left) {
            (0, false) => {
                let lines = buffer.len() as u64 + buffer.trimmed();
                let whole = format!("no errors among {lines} lines");
                let seen = Evidence { uri, observed_at: now, detail: whole.clone() };
                return Answer::new(Verdict::Pass, whole).with(vec![seen]);
            }
            (0, true) => Answer::none("no errors in the part of the log that was read"),
            (n, _) => Answer::new(Verdict::Fail, format!("{n} errors of {} kinds", groups.len())),
        };
        answer.with(evidence)
    }

    /// Reads a log into a buffer; whether some of it was left.
    pub(super) async fn read_log(&self, of: &LogOf, buffer: &mut LogBuffer) -> Result<bool, SourceError> {
        let query = LogQuery { most: LINES, ..LogQuery::default() };
        let mut cursor = None;
        for _ in 0..READS {
            let page = self.log(of, &query, cursor.as_ref()).await?;
            for line in &page.lines {
                buffer.append(line.at, &line.stream, &line.text);
            }
            let more = page.next.is_some() && page.next != cursor;
            if page.at_end || !more {
                return Ok(page.missing.is_some());
            }
            cursor = page.next;
        }
        Ok(true)
    }

    pub(super) fn probe_jobs(&self, about: &About, snapshot: &Snapshot) -> Answer {
        let is_of = |run: &&Arc<JobRun>| {
            let named = about.job.as_deref().is_some_and(|job| *run.job.0 == *job);
            let bound = about.dataset.as_deref().is_some_and(|d| run.dataset.as_ref().is_some_and(|r| r.as_str() == d));
            let dated = about.date.is_none() || run.date.is_none() || run.date == about.date;
            (named || (about.job.is_none() && bound)) && dated
        };
        let runs: Vec<&Arc<JobRun>> = snapshot.pipeline.jobs.iter().filter(is_of).collect();
        let evidence = runs
            .iter()
            .map(|run| Evidence {
                uri: run.uri.clone(),
                observed_at: run.changed(),
                detail: match run.detail.as_deref() {
                    Some(detail) => {
                        format!("{} {}: {}", run.job, run.state.word(), first_line(detail).unwrap_or_default())
                    }
                    None => format!("{} {}", run.job, run.state.word()),
                },
            })
            .collect();
        let answer = match runs.first().map(|run| run.state) {
            None => Answer::none("no run of this job is known"),
            Some(RunState::Success) => Answer::new(Verdict::Pass, "the last run ended well"),
            Some(state) if state.is_over() => Answer::new(Verdict::Fail, format!("the last run {}", state.word())),
            Some(state) => Answer::none(format!("the last run is not over: {}", state.word())),
        };
        answer.with(evidence)
    }

    pub(super) async fn probe_resources(&self, about: &About, now: DateTime<Utc>) -> Answer {
        let Some((source, id)) = self.run_of(about) else { return Answer::none("no run is known") };
        let detail = match self.run_detail(&source, &id).await {
            Ok(detail) => detail,
            Err(error) => return Answer::from(&error),
        };
        let uri = detail.run.uri.clone();
        let says = |detail: String| Evidence { uri: uri.clone(), observed_at: now, detail };
        let asked = ["memory", "cores", "instances", "partitions", "disk", "dynamicAllocation"];
        let mut evidence: Vec<Evidence> = detail
            .settings
            .iter()
            .filter(|(name, _)| asked.iter().any(|word| name.contains(word)))
            .map(|(name, value)| says(format!("{name} = {value}")))
            .collect();
        if let Some(used) = &detail.resources {
            evidence.push(says(format!(
                "used {:.2} vCPU hours, {:.2} GB hours of memory, {:.2} GB hours of storage",
                used.vcpu_hours, used.memory_gb_hours, used.storage_gb_hours
            )));
        }
        if let Ok(Some(curves)) = self.run_metrics(&detail, now).await {
            evidence.extend(
                curves.iter().filter_map(|curve| curve.range().map(|r| says(peak(&curve.name, &r, &curve.unit)))),
            );
        }
        evidence.extend(detail.run.detail.as_deref().and_then(first_line).map(says));
        let what =
            format!("attempt {} of {}, {}", detail.run.attempt, detail.attempts_allowed, detail.run.state.word());
        let answer = match (evidence.is_empty(), detail.run.state) {
            (true, _) => Answer::none(format!("{what}; nothing is known of what it was given")),
            (false, RunState::Failed | RunState::Cancelled) => Answer::new(Verdict::Fail, what),
            (false, RunState::Success) => Answer::new(Verdict::Pass, what),
            (false, _) => Answer::none(what),
        };
        answer.with(evidence)
    }

    pub(super) async fn probe_secret(&self, about: &About, now: DateTime<Utc>) -> Answer {
        let of = |d: &crate::model::dataset::Dataset| about.dataset.as_deref() == Some(d.as_str());
        let watched: Vec<_> = self
            .settings
            .secrets
            .iter()
            .filter(|s| s.datasets.iter().any(of) || s.jobs.iter().any(|j| about.job.as_deref() == Some(&*j.0)))
            .collect();
        if watched.is_empty() {
            return Answer::none("no secret is configured for it: [[secrets]] names those that datasets need");
        }
        let (mut evidence, mut worst) = (Vec::new(), None);
        for secret in watched {
            let Some(source) = self.connected.secrets_of(secret) else {
                return Answer::none("no store of secrets is connected");
            };
            let standing = match source.standing(&secret.name).await {
                Ok(standing) => standing,
                Err(error) => return Answer::from(&error),
            };
            let judged = judge(&standing, secret.max_age, now);
            if judged != SecretJudgement::Fine {
                worst = worst.or_else(|| Some(format!("{}: {}", secret.name, judged.words())));
            }
            let changed = standing.last_rotated.or(standing.last_changed);
            let when = changed.map_or("never changed, as far as is known".to_owned(), |at| format!("changed {at}"));
            evidence.push(Evidence {
                uri: source.uri(&secret.name),
                observed_at: now,
                detail: format!("{}; {when}", judged.words()),
            });
        }
        let answer = match worst {
            Some(why) => Answer::new(Verdict::Fail, why),
            None => Answer::new(Verdict::Pass, "there, and nothing is known against it"),
        };
        answer.with(evidence)
    }
}

fn peak(name: &str, range: &Range, unit: &str) -> String {
    format!("{name}: at most {} {unit}, {} on average", amount(range.max), amount(range.avg))
}
