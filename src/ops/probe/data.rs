//! Probes of the data: what gates said, what was rejected, whether it fits, and whether it is there.

use chrono::{DateTime, Days, Duration, NaiveDate, Utc};
use futures::TryStreamExt;

use super::{Answer, dataset};
use crate::lake::listing::{level, pages};
use crate::lake::path::{DATE_KEYS, DateLevel};
use crate::lake::{ErrorClass, LakeError, ObjectMeta};
use crate::model::alert::Evidence;
use crate::model::entry::DlqEntry;
use crate::model::incident::{About, Incident};
use crate::model::probe::Verdict;
use crate::model::quality::{CheckStatus, QualityResult};
use crate::model::rules::no_data_alert;
use crate::model::rules::quality::newest;
use crate::ops::alerts::freshness;
use crate::ops::freshness::is_data;
use crate::ops::{Session, Snapshot, SourceState};

/// Clocks differ by less.
const AHEAD: Duration = Duration::minutes(5);
/// Pages of one partition that are looked at.
const PAGES: usize = 10;

impl Session {
    pub(super) fn probe_quality(&self, incident: &Incident, about: &About, snapshot: &Snapshot) -> Answer {
        let dataset = match dataset(about) {
            Ok(dataset) => dataset,
            Err(answer) => return answer,
        };
        if let Some(answer) = failed(snapshot, "quality") {
            return answer;
        }
        let left_out = snapshot.sources.iter().find(|s| s.source == "quality").and_then(|s| s.notes.first());
        let all: Vec<QualityResult> = snapshot
            .quality
            .iter()
            .filter(|r| r.dataset.as_ref() == Some(&dataset))
            .filter(|r| about.date.is_none() || r.date.is_none() || r.date == about.date)
            .map(|r| r.as_ref().clone())
            .collect();
        let results = newest(&all);
        let evidence: Vec<Evidence> = results.iter().flat_map(|r| of_result(r)).collect();
        let worst = |verdict| results.iter().filter(|r| r.verdict() == verdict).count();
        let evaluated: u64 = results.iter().map(|r| r.evaluated()).sum();
        let passed: u64 = results.iter().map(|r| r.passed()).sum();
        let answer = match (results.len(), worst(Verdict::Fail), worst(Verdict::Error)) {
            (0, ..) => Answer::none(format!("no gate has a result for {dataset}{}", on(about))),
            (_, 1.., _) => {
                Answer::new(Verdict::Fail, format!("{} of {evaluated} checks do not hold", evaluated - passed))
            }
            (_, _, 1..) => Answer::new(Verdict::Error, "checks could not be evaluated"),
            _ if worst(Verdict::NoEvidence) > 0 => Answer::none("a gate evaluated nothing"),
            // What was not looked at may be a newer result that fails.
            _ if let Some(note) = left_out => Answer::none(format!("{passed} of {evaluated} checks hold; {note}")),
            // Checks that hold, and nobody knows of which date, say nothing of this one.
            _ if about.date.is_some() && results.iter().any(|r| r.date.is_none()) => {
                Answer::none(format!("{passed} of {evaluated} checks hold, and a result names no date"))
            }
            _ if results.iter().any(|r| newer_says_nothing(r, &all)) => {
                Answer::none(format!("{passed} of {evaluated} checks hold, and a newer result proves nothing"))
            }
            _ => match results.iter().find(|r| r.evaluated_at < incident.since_of(about.date)) {
                Some(old) => Answer::none(format!(
                    "{passed} of {evaluated} checks hold, and {} was evaluated before the recovery",
                    old.suite
                )),
                None => Answer::new(Verdict::Pass, format!("{passed} of {evaluated} checks hold")),
            },
        };
        answer.with(evidence)
    }

    pub(super) fn probe_entry(&self, about: &About, snapshot: &Snapshot) -> Answer {
        if let Some(answer) = failed(snapshot, "dlq") {
            return answer;
        }
        let entries: Vec<&DlqEntry> = snapshot.entries.iter().map(AsRef::as_ref).filter(|e| is_of(e, about)).collect();
        let rows: u64 = entries.iter().filter_map(|e| e.known_rows()).sum();
        let mut evidence: Vec<Evidence> = entries.iter().flat_map(|entry| self.of_entry(entry)).collect();
        if evidence.is_empty() {
            evidence.push(Evidence {
                uri: self.lake.uri(&self.settings.prefixes.errors),
                observed_at: snapshot.taken.unwrap_or_default(),
                detail: format!("listed: {} entries, none of them of this", snapshot.entries.len()),
            });
        }
        let answer = match entries.len() {
            0 => Answer::new(Verdict::Pass, format!("no dead letters{}", on(about))),
            1 => Answer::new(Verdict::Fail, format!("{rows} rejected rows")),
            n => Answer::new(Verdict::Fail, format!("{rows} rejected rows in {n} entries")),
        };
        answer.with(evidence)
    }

    fn of_entry(&self, entry: &DlqEntry) -> Vec<Evidence> {
        let uri = self.lake.uri(&entry.path.0);
        let says = |detail: String| Evidence { uri: uri.clone(), observed_at: entry.modified, detail };
        let reasons = entry.errors.iter().map(|e| {
            let kind = e.error_type.as_deref().unwrap_or("no type");
            let message = e.error_message.as_deref().unwrap_or("no message");
            let rows = e.row_count.map(|n| format!(" ({n} rows)")).unwrap_or_default();
            says(format!("{kind}: {message}{rows}"))
        });
        let mut all: Vec<Evidence> = reasons.collect();
        if all.is_empty() {
            all.push(says(format!("{} rows, no reasons", entry.known_rows().unwrap_or_default())));
        }
        all
    }

    pub(super) async fn probe_schema(&self, about: &About) -> Answer {
        let Some(target) = about.variables.get("entry") else {
            return Answer::none("this incident is about no entry of rejected rows");
        };
        let opened = match self.locate(target).await {
            Ok(entry) => self.open(&entry).await.map(|opened| (entry, opened)),
            Err(error) if error.class == ErrorClass::NotFound => return Answer::none("the entry is gone"),
            Err(error) => return Answer::from(&error),
        };
        let (entry, opened) = match opened {
            Ok(both) => both,
            Err(error) => return Answer::new(Verdict::Error, error.to_string()),
        };
        let Some((uri, _)) = &opened.contract else {
            return Answer::none(format!("{} has no contract that can be read", entry.dataset));
        };
        let evidence: Vec<Evidence> = opened
            .drift
            .iter()
            .map(|drift| Evidence { uri: uri.clone(), observed_at: entry.modified, detail: drift.in_short() })
            .collect();
        match opened.drift.iter().filter(|d| !d.kind.is_declared()).count() {
            0 => {
                let same = format!("{} columns, as the contract says", opened.columns.len());
                let evidence = if evidence.is_empty() {
                    vec![Evidence { uri: uri.clone(), observed_at: entry.modified, detail: same.clone() }]
                } else {
                    evidence
                };
                Answer::new(Verdict::Pass, same).with(evidence)
            }
            n => Answer::new(Verdict::Fail, format!("{n} differences from the contract")).with(evidence),
        }
    }

    pub(super) async fn probe_freshness(&self, about: &About, now: DateTime<Utc>) -> Answer {
        let dataset = match dataset(about) {
            Ok(dataset) => dataset,
            Err(answer) => return answer,
        };
        let watched = self.settings.dataset(&dataset).and_then(|d| d.data_prefix.as_ref().map(|p| (d, p)));
        let Some((settings, prefix)) = watched else {
            return Answer::none(format!("{dataset} has no data_prefix: where its data lands is not configured"));
        };
        let mut signal = match freshness(self, settings, prefix, true, now).await {
            Ok(signal) => signal,
            Err(error) => return Answer::from(&error),
        };
        if let Some(why) = &signal.unused {
            return Answer::none(format!("the column that the contract names cannot be used: {why}"));
        }
        if signal.newest.is_some_and(|newest| newest > now + AHEAD) {
            return Answer::none("the newest data is dated ahead of this machine's clock");
        }
        if let (None, Some(newest)) = (&signal.column, signal.newest) {
            match self.not_rewritten(prefix, &signal.uri, newest).await {
                Ok((newest, uri)) => (signal.newest, signal.uri) = (Some(newest), uri),
                Err(error) => return Answer::from(&error),
            }
        }
        let thresholds = self.settings.thresholds_of(&dataset);
        let limit = signal.limit.unwrap_or(thresholds.no_data).num_minutes();
        match (no_data_alert(&signal, &thresholds, now), signal.newest) {
            (Some(alert), _) => {
                let minutes = alert.value as i64 / 60;
                let late = match signal.newest {
                    Some(_) => format!("{}: {minutes} min old, the limit is {limit} min", alert.summary),
                    None => alert.summary.clone(),
                };
                Answer::new(Verdict::Fail, late).with(alert.evidence)
            }
            (None, Some(newest)) => {
                let what =
                    signal.column.map_or("the newest object".to_owned(), |column| format!("the newest {column}"));
                let evidence = Evidence { uri: signal.uri, observed_at: newest, detail: what };
                let age = (now - newest).num_minutes();
                Answer::new(Verdict::Pass, format!("{age} min old, the limit is {limit} min")).with(vec![evidence])
            }
            (None, None) => Answer::none("nothing there"),
        }
    }

    /// When the newest data came, by its objects: one that was written again long after its date makes nothing new, and
    /// then the last date that there is counts.
    async fn not_rewritten(
        &self,
        prefix: &str,
        uri: &str,
        newest: DateTime<Utc>,
    ) -> Result<(DateTime<Utc>, String), LakeError> {
        let own = as_of_date(date_in(uri.strip_prefix(&self.lake.uri(prefix)).unwrap_or_default()), newest);
        if own == newest {
            return Ok((newest, uri.to_owned()));
        }
        let mut last: Option<(NaiveDate, String)> = None;
        let mut levels = std::pin::pin!(level(self.lake.as_ref(), prefix));
        while let Some(page) = levels.try_next().await? {
            let dated = page.prefixes.into_iter().filter_map(|p| Some((date_in(p.strip_prefix(prefix)?)?, p)));
            last = last.into_iter().chain(dated).max();
        }
        let Some((date, place)) = last else { return Ok((own, uri.to_owned())) };
        let (data, _) = self.data_under(&place).await?;
        let newest = data.iter().max_by_key(|o| o.modified);
        let of_last = newest.map(|o| (as_of_date(Some(date), o.modified), self.lake.uri(o.key.as_str())));
        Ok(of_last.into_iter().chain([(own, uri.to_owned())]).max().unwrap_or((own, uri.to_owned())))
    }

    pub(super) async fn probe_partitions(&self, about: &About, now: DateTime<Utc>) -> Answer {
        let dataset = match dataset(about) {
            Ok(dataset) => dataset,
            Err(answer) => return answer,
        };
        let Some(prefix) = self.settings.dataset(&dataset).and_then(|d| d.data_prefix.clone()) else {
            return Answer::none(format!("{dataset} has no data_prefix: where its data lands is not configured"));
        };
        let places: Vec<String> = match about.date {
            Some(date) => DATE_KEYS.iter().map(|level| format!("{prefix}{level}={date}/")).collect(),
            None => vec![prefix.clone()],
        };
        for place in &places {
            let (data, whole) = match self.data_under(place).await {
                Ok(found) => found,
                Err(error) => return Answer::from(&error),
            };
            let bytes: u64 = data.iter().map(|o| o.size).sum();
            let Some(newest) = data.iter().map(|o| o.modified).max() else { continue };
            let uri = self.lake.uri(place);
            let least = if whole { "" } else { "at least " };
            let detail = format!("{least}{} objects, {bytes} bytes", data.len());
            let evidence = Evidence { uri, observed_at: newest, detail: detail.clone() };
            let (verdict, says) = match bytes {
                0 => (Verdict::Fail, format!("{detail}: nothing is in them")),
                _ => (Verdict::Pass, detail),
            };
            return Answer::new(verdict, says).with(vec![evidence]);
        }
        let place = places.first().cloned().unwrap_or(prefix);
        let uri = self.lake.uri(&place);
        let evidence = Evidence { uri, observed_at: now, detail: "nothing lies here".to_owned() };
        Answer::new(Verdict::Fail, format!("no data of {dataset}{}", on(about))).with(vec![evidence])
    }

    /// The data objects under a prefix, and whether these are all.
    async fn data_under(&self, prefix: &str) -> Result<(Vec<ObjectMeta>, bool), LakeError> {
        let mut data = Vec::new();
        let mut listing = std::pin::pin!(pages(self.lake.as_ref(), prefix));
        for _ in 0..PAGES {
            let Some(page) = listing.try_next().await? else { return Ok((data, true)) };
            data.extend(page.objects.into_iter().filter(is_data));
        }
        Ok((data, false))
    }
}

/// Whether a gate said something later that proves nothing: it does not hold to what it said before.
fn newer_says_nothing(result: &QualityResult, all: &[QualityResult]) -> bool {
    all.iter().any(|other| other.subject() == result.subject() && other.evaluated_at > result.evaluated_at)
}

/// The date that a path names.
fn date_in(path: &str) -> Option<NaiveDate> {
    path.split('/').find_map(|segment| DateLevel::of_segment(segment)?.date())
}

/// Data of a date comes with it, or within a day after it: what is written later was there before.
fn as_of_date(date: Option<NaiveDate>, written: DateTime<Utc>) -> DateTime<Utc> {
    let end = date.and_then(|date| date.checked_add_days(Days::new(2))?.and_hms_opt(0, 0, 0));
    end.map_or(written, |end| written.min(end.and_utc()))
}

/// What a result says, the checks that do not hold first.
fn of_result(result: &QualityResult) -> Vec<Evidence> {
    let says = |detail: String| Evidence { uri: result.uri.clone(), observed_at: result.evaluated_at, detail };
    let whole = says(format!(
        "{} {}: {}, {} of {} checks hold",
        result.producer,
        result.suite,
        result.verdict().says(),
        result.passed(),
        result.evaluated()
    ));
    let bad = result.checks.iter().filter(|c| matches!(c.status, CheckStatus::Fail | CheckStatus::Error));
    let bad = bad.map(|check| says(check.told()));
    [whole].into_iter().chain(bad).collect()
}

pub(super) fn is_of(entry: &DlqEntry, about: &About) -> bool {
    let same = about.dataset.as_deref() == Some(entry.dataset.as_str());
    same && (about.date.is_none() || entry.date == about.date)
}

pub(super) fn on(about: &About) -> String {
    about.date.map(|date| format!(" on {date}")).unwrap_or_default()
}

/// The answer where a source could not be read: what it said before is no evidence of now.
pub(super) fn failed(snapshot: &Snapshot, source: &str) -> Option<Answer> {
    snapshot.sources.iter().filter(|s| s.source == source).find_map(|s| match &s.state {
        SourceState::Failed { reason, .. } => Some(Answer::new(Verdict::Error, reason.clone())),
        SourceState::Fresh => None,
    })
}
