//! Whether rows add up: what the job says that it read against what lies in the target, what was rejected, what is in
//! quarantine, and what was archived for good. Every term has its own evidence; one that is not known is none.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};

use super::data::{failed, is_of, on};
use super::{Answer, dataset};
use crate::model::alert::Evidence;
use crate::model::dataset::Dataset;
use crate::model::incident::{About, Happening, Incident};
use crate::model::moves::QuarantineState;
use crate::model::probe::Verdict;
use crate::model::redrive::{RedriveRecord, RedriveState};
use crate::model::run_audit::{AuditStatus, RunAudit};
use crate::model::text::thousands;
use crate::ops::moves::Quarantine;
use crate::ops::partition::look;
use crate::ops::{Session, Snapshot};
use crate::sources::audits;

/// From when on a run's record counts: from the last run that was begun to mend the data. A redrive, or a release, writes no
/// record of the whole date: where nothing else was done, that of before stands.
fn rerun(incident: &Incident, date: Option<NaiveDate>) -> DateTime<Utc> {
    let runs = incident.events.iter().filter_map(|event| match &event.what {
        Happening::Did(deed) if deed.reruns() && deed.concerns(date) => Some(deed.began),
        _ => None,
    });
    let since = if incident.checks.mended().is_some() { DateTime::UNIX_EPOCH } else { incident.times.detected };
    runs.max().unwrap_or(since)
}

/// The term that need not be one.
const ARCHIVED: &str = "archived";

/// One term of the equation.
struct Term {
    name: &'static str,
    rows: u64,
    evidence: Vec<Evidence>,
}

impl Session {
    pub(super) async fn probe_counts(&self, incident: &Incident, about: &About, snapshot: &Snapshot) -> Answer {
        let dataset = match dataset(about) {
            Ok(dataset) => dataset,
            Err(answer) => return answer,
        };
        // What a source that fails said before is no evidence of now.
        if let Some(answer) = ["dlq", "quarantine"].into_iter().find_map(|source| failed(snapshot, source)) {
            return answer;
        }
        let Some(data) = self.settings.dataset(&dataset).and_then(|d| d.data_prefix.clone()) else {
            return Answer::none(format!("{dataset} has no data_prefix: where its data lands is not configured"));
        };
        let redriven = match self.redrives_under(&dataset).await {
            Ok(redriven) => redriven,
            Err(error) => return Answer::from(&error),
        };
        let audit = match self.audit_of(about, &dataset, &data, &redriven).await {
            Ok(audit) => audit,
            Err(answer) => return answer,
        };
        // The rows of one date against those of all say nothing.
        if let (None, Some(date)) = (about.date, audit.date) {
            let why = format!("the record of the last run is of {date}, and this incident of no date");
            return Answer::none(format!("{why}: a backfill of its days says which")).with(vec![of_audit(&audit)]);
        }
        let target = match look(&self.lake, &data, about.date, &self.cache).await {
            Ok(target) => target,
            Err(error) => return Answer::from(&error),
        };
        let place = self.lake.uri(target.path.as_deref().unwrap_or(&data));
        if let Some(fault) = &target.fault {
            return Answer::new(Verdict::Error, format!("rows of {place} cannot be counted: {fault}"));
        }
        let (Some(rows_in), true) = (audit.rows_in, audit.status != AuditStatus::Failed) else {
            let why = audit.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
            return Answer::none(format!("the last run of {} tells of no rows that it read{why}", audit.job))
                .with(vec![of_audit(&audit)]);
        };
        let files = format!("in {} files", target.objects);
        let (rows_there, newest, place, how) = match (target.rows, target.newest) {
            (Some(rows), Some(newest)) => (rows, newest, place, files),
            // Which of a table's files are live, its engine says.
            (None, Some(newest)) => match self.table_rows(&dataset, about).await {
                Some(Ok(counted)) => (counted.rows, newest, counted.uri, "by a query".to_owned()),
                Some(Err(error)) => return Answer::from(&error),
                None => {
                    let hint = "a [[consumers]] query with counts = true counts them";
                    return Answer::none(format!("rows of {place} cannot be counted here: {hint}"));
                }
            },
            _ => (0, audit.at, place, files),
        };
        let there =
            Evidence { uri: place, observed_at: newest, detail: format!("out: {} rows {how}", thousands(rows_there)) };
        let terms = [
            Ok(Term { name: "out", rows: rows_there, evidence: vec![there] }),
            self.rejected(about, snapshot),
            self.quarantined(about, snapshot),
            self.written_off(about, snapshot, &redriven),
        ];
        let mut evidence = vec![of_audit(&audit)];
        let (mut sum, mut archived, mut told) = (0_u64, 0_u64, Vec::new());
        for term in terms {
            match term {
                Ok(term) if term.name == ARCHIVED => {
                    archived = term.rows;
                    evidence.extend(term.evidence);
                }
                Ok(term) => {
                    told.push(format!("{} {}", term.name, thousands(term.rows)));
                    sum = sum.saturating_add(term.rows);
                    evidence.extend(term.evidence);
                }
                Err(answer) => return answer.with(evidence),
            }
        }
        // What was archived was written off, or had come into the target by another way: either adds up.
        let written_off = archived > 0 && rows_in != sum;
        if written_off {
            told.push(format!("{ARCHIVED} {}", thousands(archived)));
            sum = sum.saturating_add(archived);
        }
        let besides = match archived > 0 && !written_off {
            true => format!("; {} archived rows are among them", thousands(archived)),
            false => String::new(),
        };
        let (read, rest) = (thousands(rows_in), told.join(" + "));
        let answer = if newest < incident.since_of(about.date) {
            Answer::none(format!("in {read}, {rest}: what lies in the target is from before the recovery"))
        } else if audit.at < rerun(incident, about.date) {
            Answer::none(format!("in {read}, {rest}: the record of the run is from before the recovery"))
        } else if rows_in == sum {
            Answer::new(Verdict::Pass, format!("in {read} = {rest}{besides}"))
        } else {
            let off = match rows_in > sum {
                true => format!("{} rows are missing", thousands(rows_in - sum)),
                false => format!("{} rows too many", thousands(sum - rows_in)),
            };
            Answer::new(Verdict::Fail, format!("in {read}, and {rest}{}: {off}", on(about)))
        };
        answer.with(evidence)
    }

    /// The record of the newest run that wrote this date of the dataset; a redrive's own is of its rows alone.
    async fn audit_of(
        &self,
        about: &About,
        dataset: &Dataset,
        data: &str,
        redriven: &[RedriveRecord],
    ) -> Result<RunAudit, Answer> {
        if self.settings.audits.is_empty() {
            return Err(Answer::none("no audit.prefixes: where jobs write records of their runs is not configured"));
        }
        let dates: Vec<_> = about.date.into_iter().collect();
        let read = audits::read(self.lake.as_ref(), &self.settings.audits, &dates).await;
        let mut jobs: BTreeSet<&str> = about.job.as_deref().into_iter().collect();
        jobs.extend(self.settings.job_of(dataset).map(|job| &*job.0));
        let redrives: BTreeSet<&str> = redriven
            .iter()
            .flat_map(|r| [Some(&*r.id.0), r.run.as_ref().map(|run| run.id.as_str())])
            .flatten()
            .collect();
        let place = data.trim_end_matches('/');
        let is_its = |audit: &&RunAudit| {
            // A job may write more than one table: where its record names one, that is it.
            let names_it = |target: &str| {
                let target = target.trim_end_matches('/');
                target == place || target == dataset.as_str() || target.ends_with(&format!("/{place}"))
            };
            let writes = match audit.target.as_deref() {
                Some(target) => names_it(target),
                None => jobs.contains(&*audit.job.0),
            };
            let redrive = audit.run_id.as_ref().is_some_and(|id| redrives.contains(&*id.0));
            writes && !redrive && (about.date.is_none() || audit.date == about.date)
        };
        if read.is_cut || read.more && about.date.is_none() {
            return Err(Answer::none("there are more records of runs than are read: name a date"));
        }
        let newest = read.audits.iter().filter(is_its).max_by_key(|audit| audit.at);
        match (newest, read.problems.first()) {
            // The newest may be the one that could not be read.
            (Some(_), Some(problem)) => Err(Answer::from(problem)),
            (Some(audit), None) => Ok(audit.clone()),
            (None, Some(problem)) => Err(Answer::from(problem)),
            (None, None) => Err(Answer::none(format!(
                "no run of {dataset}{} left a record of its rows under {}",
                on(about),
                self.settings.audits.join(", ")
            ))),
        }
    }

    fn rejected(&self, about: &About, snapshot: &Snapshot) -> Result<Term, Answer> {
        let mut term = Term { name: "dlq", rows: 0, evidence: Vec::new() };
        for entry in snapshot.entries.iter().filter(|entry| is_of(entry, about)) {
            let uri = self.lake.uri(&entry.path.0);
            let Some(rows) = entry.known_rows() else {
                return Err(Answer::none(format!("rows of the dead letter {uri} are not known")));
            };
            term.rows = term.rows.saturating_add(rows);
            let detail = format!("dlq: {} rows", thousands(rows));
            term.evidence.push(Evidence { uri, observed_at: entry.modified, detail });
        }
        self.nothing(&mut term, &self.settings.prefixes.errors, snapshot);
        Ok(term)
    }

    /// That nothing of a term is there was seen as well.
    fn nothing(&self, term: &mut Term, prefix: &str, snapshot: &Snapshot) {
        if term.evidence.is_empty()
            && term.name != ARCHIVED
            && let Some(taken) = snapshot.taken
        {
            let detail = format!("{}: listed, nothing of this", term.name);
            term.evidence.push(Evidence { uri: self.lake.uri(prefix), observed_at: taken, detail });
        }
    }

    fn quarantined(&self, about: &About, snapshot: &Snapshot) -> Result<Term, Answer> {
        self.moved("quarantine", about, snapshot, |q| q.state.is_open())
    }

    /// Dead letters that were kept for good without being redriven: they are in no target, and nobody waits for them.
    fn written_off(&self, about: &About, snapshot: &Snapshot, redriven: &[RedriveRecord]) -> Result<Term, Answer> {
        let errors = &self.settings.prefixes.errors;
        self.moved(ARCHIVED, about, snapshot, |q| {
            let again = |r: &RedriveRecord| r.state == RedriveState::Done && r.entry == q.source;
            q.state == QuarantineState::Archived && q.source.starts_with(errors.as_str()) && !redriven.iter().any(again)
        })
    }

    fn moved(
        &self,
        name: &'static str,
        about: &About,
        snapshot: &Snapshot,
        counts: impl Fn(&Quarantine) -> bool,
    ) -> Result<Term, Answer> {
        let mut term = Term { name, rows: 0, evidence: Vec::new() };
        let same = |q: &Quarantine| {
            about.dataset.as_deref() == Some(q.dataset.as_str()) && (about.date.is_none() || q.date == about.date)
        };
        for quarantine in snapshot.quarantines.iter().filter(|q| same(q) && counts(q)) {
            let uri = self.lake.uri(&quarantine.path);
            let Some(rows) = quarantine.rows else {
                return Err(Answer::none(format!("rows of {uri} are not known")));
            };
            term.rows = term.rows.saturating_add(rows);
            let detail = format!("{name}: {} rows ({})", thousands(rows), quarantine.id);
            term.evidence.push(Evidence { uri, observed_at: quarantine.since, detail });
        }
        self.nothing(&mut term, &self.settings.prefixes.quarantine, snapshot);
        Ok(term)
    }
}

fn of_audit(audit: &RunAudit) -> Evidence {
    let count = |rows: Option<u64>| rows.map_or_else(|| "unknown".to_owned(), thousands);
    Evidence {
        uri: audit.uri.clone(),
        observed_at: audit.at,
        detail: format!("{}: in {}, out {}", audit.job, count(audit.rows_in), count(audit.rows_out)),
    }
}
