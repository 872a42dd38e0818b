//! Whether something new goes wrong: error signatures of the runs since the recovery against those of runs from before
//! the incident.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Answer;
use super::data::failed;
use crate::model::alert::Evidence;
use crate::model::dataset::Dataset;
use crate::model::incident::{About, Incident};
use crate::model::log::{Limits, LogBuffer};
use crate::model::probe::Verdict;
use crate::model::run::{JobRun, RunState};
use crate::model::text::first_line;
use crate::ops::{LogOf, Session, Snapshot};

/// Runs that are looked at on either side, besides the last of each date.
const RUNS: usize = 3;
/// Runs since the recovery that are looked at in all.
const MOST: usize = 92;

impl Session {
    pub(super) async fn probe_logs(&self, incident: &Incident, snapshot: &Snapshot, now: DateTime<Utc>) -> Answer {
        let (since, before) = (incident.since(), incident.times.detected);
        // Of another day's run, the log says nothing of this one's data.
        let dates = incident.dates();
        let dated = |run: &JobRun| dates.is_empty() || run.date.is_none_or(|date| dates.contains(&date));
        // What redrove its dead letters is a run of its own.
        let redriven = match incident.about.dataset.as_deref() {
            Some(dataset) => self.redrives_under(&Dataset(dataset.into())).await,
            None => Ok(Vec::new()),
        };
        let redriven: BTreeSet<String> = match redriven {
            Ok(records) => records.into_iter().filter_map(|record| Some(record.run?.id)).collect(),
            Err(error) => return Answer::from(&error),
        };
        let its = |run: &&Arc<JobRun>| is_its(run, &incident.about) || redriven.contains(&*run.id.0);
        let mut runs: Vec<&Arc<JobRun>> = snapshot.pipeline.jobs.iter().filter(its).collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.created));
        let over: Vec<&Arc<JobRun>> =
            runs.iter().filter(|r| r.created >= since && r.state.is_over() && dated(r)).copied().collect();
        let mut seen = BTreeSet::new();
        let last_of_day: Vec<bool> = over.iter().map(|run| seen.insert(run.date)).collect();
        // The newest, and the newest of each date.
        let wanted = over.iter().zip(&last_of_day).enumerate().filter(|(n, (_, last))| *n < RUNS || **last);
        let after: Vec<&Arc<JobRun>> = wanted.map(|(_, (run, _))| *run).take(MOST).collect();
        // What a run that failed logged is no example of how it should be.
        let went_well = |r: &&&Arc<JobRun>| r.state == RunState::Success && r.ended.is_some_and(|ended| ended < before);
        let earlier: Vec<&Arc<JobRun>> = runs.iter().filter(went_well).take(RUNS).copied().collect();
        if after.is_empty() {
            let running = runs.iter().any(|r| r.created >= since);
            return Answer::none(match running {
                true => "the run since the recovery is not over",
                false => "no run since the recovery has a log",
            });
        }
        for source in after.iter().map(|run| &*run.source) {
            if let Some(answer) = failed(snapshot, source) {
                return answer;
            }
        }
        let mut known = BTreeSet::new();
        for run in &earlier {
            // A log that is gone, or that cannot be read, excuses nothing.
            if let Ok(buffer) = self.whole_log(run).await {
                known.extend(buffer.signatures().groups().into_iter().map(|group| group.signature));
            }
        }
        let (mut evidence, mut new, mut lines) = (Vec::new(), 0_usize, 0_u64);
        for run in &after {
            let buffer = match self.whole_log(run).await {
                Ok(buffer) => buffer,
                Err(answer) => return answer.with(evidence),
            };
            lines += buffer.len() as u64 + buffer.trimmed();
            for group in buffer.signatures().groups() {
                let is_new = !known.contains(&group.signature);
                new += usize::from(is_new);
                let what = if is_new { "new" } else { "known from before the incident" };
                let example = first_line(&group.example).unwrap_or_default();
                let piece = Evidence {
                    uri: run.uri.clone(),
                    observed_at: group.last.1.unwrap_or_else(|| run.changed()),
                    detail: format!("{what}, {}x {}: {example}", group.count, group.category.word()),
                };
                // What is new comes first.
                if is_new { evidence.insert(new - 1, piece) } else { evidence.push(piece) }
            }
            evidence.push(Evidence {
                uri: run.uri.clone(),
                observed_at: run.changed().min(now),
                detail: format!("{} {}, {}", run.job, run.id.0, run.state.word()),
            });
        }
        let against = match earlier.len() {
            0 => "no run from before the incident to compare with".to_owned(),
            n => format!("against {n} from before the incident"),
        };
        let which = match over.len() > after.len() {
            true => format!("the last {} of {} runs", after.len(), over.len()),
            false => counted(after.len()),
        };
        let of = format!("{lines} lines of {which} since the recovery, {against}");
        let last = over.iter().zip(&last_of_day).filter(|(_, last)| **last).map(|(run, _)| run);
        let badly = last.copied().find(|run| run.state != RunState::Success);
        let answer = match (new, lines) {
            _ if badly.is_some() && new == 0 => {
                let state = badly.map_or("", |run| run.state.word());
                Answer::new(
                    Verdict::Fail,
                    format!("the last run since the recovery {state}; no new error signature in {of}"),
                )
            }
            (0, 0) => Answer::none(format!("the logs of {} since the recovery are empty", counted(after.len()))),
            (0, _) => Answer::new(Verdict::Pass, format!("no new error signature in {of}")),
            (n, _) => Answer::new(Verdict::Fail, format!("{n} new error signatures in {of}")),
        };
        answer.with(evidence)
    }

    async fn whole_log(&self, run: &JobRun) -> Result<LogBuffer, Answer> {
        let of = LogOf::Run { source: Arc::clone(&run.source), id: run.id.clone() };
        let mut buffer = LogBuffer::new(Limits::default(), self.settings.categories.clone());
        match self.read_log(&of, &mut buffer).await {
            Ok(false) => Ok(buffer),
            Ok(true) => Err(Answer::none(format!("the log of {} could be read in part only", run.id.0))),
            Err(error) => Err(Answer::from(&error)),
        }
    }
}

fn counted(runs: usize) -> String {
    if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") }
}

/// Whether a run is of the incident's job, or else writes its dataset.
fn is_its(run: &JobRun, about: &About) -> bool {
    match &about.job {
        Some(job) => *run.job.0 == **job,
        None => {
            let dataset = run.dataset.as_ref().map(|dataset| dataset.as_str());
            dataset.is_some() && dataset == about.dataset.as_deref()
        }
    }
}
