//! The five checks that show that an incident is over, and where each stands: folded from what was recorded. A check is
//! green by evidence that is there, that is newer than the recovery, and that has not grown stale meanwhile; it is
//! settled when somebody put their name to that, or gave a reason to do without.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::alert::Evidence;
use super::probe::{Finding, Verdict};
use super::runbook::Probe;

/// How long a check counts, where the configuration says nothing else: the runbook's hour without new data.
pub const FRESH_FOR: Duration = Duration::hours(1);
/// What is dated further ahead than clocks differ was not checked yet.
const AHEAD: Duration = Duration::minutes(5);

/// One of the five checks of the runbook's "Post-Recovery Verification", in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Quality gates hold.
    DataQuality,
    /// Rows in, out, rejected and in quarantine add up.
    RecordCounts,
    /// Data is as new as it should be.
    Freshness,
    /// Nothing new goes wrong.
    Logs,
    /// Whoever reads the data can.
    Consumers,
}

impl Check {
    /// All five.
    pub const ALL: [Self; 5] = [Self::DataQuality, Self::RecordCounts, Self::Freshness, Self::Logs, Self::Consumers];

    /// The word in JSON and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::DataQuality => "data_quality",
            Self::RecordCounts => "record_counts",
            Self::Freshness => "freshness",
            Self::Logs => "logs",
            Self::Consumers => "consumers",
        }
    }

    /// The one of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.word() == word)
    }

    /// What it says when it is green.
    pub fn title(self) -> &'static str {
        match self {
            Self::DataQuality => "Data quality checks pass",
            Self::RecordCounts => "Record counts match",
            Self::Freshness => "Freshness within the SLA",
            Self::Logs => "No new errors in the logs",
            Self::Consumers => "Consumers can query",
        }
    }

    /// What it is, in a sentence.
    pub fn means(self) -> &'static str {
        match self {
            Self::DataQuality => {
                "the newest result of every gate of this dataset and date is from after the recovery, evaluated \
                 something, and holds"
            }
            Self::RecordCounts => {
                "rows that the job read = rows that lie in the target + rejected + in quarantine (+ archived, where they lie nowhere else)"
            }
            Self::Freshness => {
                "the newest value of the contract's freshness column, else the newest object of the newest date, is \
                 within the limit"
            }
            Self::Logs => {
                "the last run since the recovery went well, and logs no error signature that good runs before the incident did not log"
            }
            Self::Consumers => "the probe query of every configured consumer returns rows",
        }
    }

    /// What it asks.
    pub fn probe(self) -> Probe {
        match self {
            Self::DataQuality => Probe::Quality,
            Self::RecordCounts => Probe::Counts,
            Self::Freshness => Probe::Freshness,
            Self::Logs => Probe::Logs,
            Self::Consumers => Probe::Consumers,
        }
    }
}

/// How a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Green, by evidence.
    Pass,
    /// Red, by evidence.
    Fail,
    /// It could not be asked.
    Error,
    /// Not asked yet, or nothing there says so or so, or what does is too old.
    NoEvidence,
    /// Done without.
    Waived,
}

impl CheckStatus {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::NoEvidence => "no_evidence",
            Self::Waived => "waived",
        }
    }

    /// Whether nothing speaks against it any more.
    pub fn is_green(self) -> bool {
        matches!(self, Self::Pass | Self::Waived)
    }
}

/// A name under a check, or under the reason to do without it. Texts are hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Whose.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What they say.
    pub text: Option<String>,
}

/// What was recorded of one check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckLog {
    /// The last answer.
    pub finding: Option<Finding>,
    /// Who stands for it.
    pub signed: Option<Signature>,
    /// Who does without it.
    pub waived: Option<Signature>,
    /// What was written down of it, the oldest first.
    pub notes: Vec<Signature>,
}

/// Where a check stands at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing<'c> {
    /// Which.
    pub check: Check,
    /// How.
    pub status: CheckStatus,
    /// In a sentence. Hostile text.
    pub reason: String,
    /// What it rests on.
    pub evidence: &'c [Evidence],
    /// When it was asked last.
    pub at: Option<DateTime<Utc>>,
    /// Who stands for it, while it is green.
    pub signed: Option<&'c Signature>,
}

impl Standing<'_> {
    /// Whether nothing is left to be done for it.
    pub fn is_settled(&self) -> bool {
        self.status == CheckStatus::Waived || (self.status == CheckStatus::Pass && self.signed.is_some())
    }
}

/// The five checks of an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checklist {
    logs: BTreeMap<Check, CheckLog>,
    /// When the last of what mends was begun, and when the last act of any kind was over.
    mended: Option<DateTime<Utc>>,
    acted: Option<DateTime<Utc>>,
}

impl Checklist {
    /// What was recorded of a check.
    pub fn log(&self, check: Check) -> Option<&CheckLog> {
        self.logs.get(&check)
    }

    /// When the data began to be mended last; none if nothing was done that does.
    pub fn mended(&self) -> Option<DateTime<Utc>> {
        self.mended
    }

    /// A check was made.
    pub fn found(&mut self, check: Check, finding: Finding) {
        let log = self.logs.entry(check).or_default();
        // A name stands for what was green: it does not stand for what came to be red.
        if finding.verdict != Verdict::Pass {
            log.signed = None;
        }
        log.finding = Some(finding);
    }

    /// Somebody stands for it, or does without it.
    pub fn signed(&mut self, check: Check, signature: Signature) {
        let log = self.logs.entry(check).or_default();
        if log.finding.as_ref().is_some_and(|finding| finding.verdict == Verdict::Pass) {
            log.signed = Some(signature);
        }
    }

    /// Somebody does without it: the first who did is shown for ever.
    pub fn waived(&mut self, check: Check, signature: Signature) {
        self.logs.entry(check).or_default().waived.get_or_insert(signature);
    }

    /// Something was written down of it.
    pub fn noted(&mut self, check: Check, signature: Signature) {
        self.logs.entry(check).or_default().notes.push(signature);
    }

    /// Something was done. What mends the data asks for every name anew.
    pub fn acted(&mut self, mends: bool, began: DateTime<Utc>, over: DateTime<Utc>) {
        self.acted = self.acted.max(Some(over));
        if mends {
            self.mended = self.mended.max(Some(began));
            self.logs.values_mut().for_each(|log| log.signed = None);
        }
    }

    /// Where a check stands now, if what was seen counts for so long.
    pub fn standing(&self, check: Check, now: DateTime<Utc>, fresh_for: Duration) -> Standing<'_> {
        static NOTHING: CheckLog = CheckLog { finding: None, signed: None, waived: None, notes: Vec::new() };
        let log = self.logs.get(&check).unwrap_or(&NOTHING);
        let (status, reason) = self.judged(check, log, Some((now, fresh_for)));
        Standing {
            check,
            status,
            reason,
            evidence: log.finding.as_ref().map(|f| f.evidence.as_slice()).unwrap_or_default(),
            at: log.finding.as_ref().map(|f| f.at),
            signed: log.signed.as_ref().filter(|_| status == CheckStatus::Pass),
        }
    }

    /// All five, in their order.
    pub fn standings(&self, now: DateTime<Utc>, fresh_for: Duration) -> Vec<Standing<'_>> {
        Check::ALL.into_iter().map(|check| self.standing(check, now, fresh_for)).collect()
    }

    /// What keeps the incident from being resolved now: the checks that are not settled, and why.
    pub fn open(&self, now: DateTime<Utc>, fresh_for: Duration) -> Vec<(Check, String)> {
        let left = self.standings(now, fresh_for).into_iter().filter(|standing| !standing.is_settled());
        left.map(|standing| match standing.status {
            CheckStatus::Pass => (standing.check, "it passes, and nobody put their name to it".to_owned()),
            _ => (standing.check, standing.reason),
        })
        .collect()
    }

    /// Whether it was settled when somebody said that it is over, however long that is ago.
    pub(super) fn was_settled(&self) -> bool {
        Check::ALL.into_iter().all(|check| {
            self.logs.get(&check).is_some_and(|log| match self.judged(check, log, None).0 {
                CheckStatus::Waived => true,
                CheckStatus::Pass => log.signed.is_some(),
                _ => false,
            })
        })
    }

    /// Whether somebody may put their name to it now, or in a sentence why not.
    pub fn may_sign(&self, check: Check, now: DateTime<Utc>, fresh_for: Duration) -> Result<(), String> {
        let standing = self.standing(check, now, fresh_for);
        match standing.status {
            CheckStatus::Pass => Ok(()),
            CheckStatus::Waived => Err("it is waived".to_owned()),
            status => Err(format!("{}: {}", status.word().replace('_', " "), standing.reason)),
        }
    }

    fn judged(&self, check: Check, log: &CheckLog, age: Option<(DateTime<Utc>, Duration)>) -> (CheckStatus, String) {
        if let Some(waived) = &log.waived {
            return (CheckStatus::Waived, waived.text.clone().unwrap_or_default());
        }
        let none = |why: &str| (CheckStatus::NoEvidence, why.to_owned());
        let Some(finding) = &log.finding else { return none("not checked yet") };
        let summary = || finding.summary.clone();
        match finding.verdict {
            Verdict::Fail => return (CheckStatus::Fail, summary()),
            Verdict::Error => return (CheckStatus::Error, summary()),
            Verdict::NoEvidence => return (CheckStatus::NoEvidence, summary()),
            Verdict::Pass => {}
        }
        // Whoever wrote the event: green rests on something, and on something of its own.
        if finding.evidence.is_empty() {
            return none("nothing is there that it passes on");
        }
        if finding.probe != check.probe() {
            return none("something else was asked");
        }
        if self.acted.is_some_and(|acted| finding.at <= acted) {
            return none("it was checked before the last action: check it again");
        }
        let is_old = |evidence: &Evidence| self.mended.is_some_and(|mended| evidence.observed_at < mended);
        if finding.probe.is_of_results() && finding.evidence.iter().all(is_old) {
            return none("what it rests on is from before the data was mended: wait for what comes of that");
        }
        if let Some((now, fresh_for)) = age {
            if finding.at - now > AHEAD {
                return none("it is dated ahead of this machine's clock");
            }
            let age = now - finding.at;
            if age > fresh_for {
                return none(&format!(
                    "it was checked {} min ago, and counts for {}: check it again",
                    age.num_minutes(),
                    fresh_for.num_minutes()
                ));
            }
        }
        (CheckStatus::Pass, summary())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(minute)
    }

    fn finding(check: Check, verdict: Verdict, minute: i64, seen: i64) -> Finding {
        let evidence = Evidence { uri: "x".into(), observed_at: at(seen), detail: String::new() };
        Finding {
            probe: check.probe(),
            verdict,
            summary: verdict.says().to_owned(),
            evidence: vec![evidence],
            at: at(minute),
        }
    }

    fn name(minute: i64) -> Signature {
        Signature { by: "ana".into(), at: at(minute), text: Some("looked".into()) }
    }

    fn status(list: &Checklist, check: Check, minute: i64) -> CheckStatus {
        list.standing(check, at(minute), FRESH_FOR).status
    }

    fn settled() -> Checklist {
        let mut list = Checklist::default();
        list.acted(true, at(0), at(1));
        for check in Check::ALL {
            list.found(check, finding(check, Verdict::Pass, 5, 4));
            list.signed(check, name(6));
        }
        list
    }

    #[test]
    fn all_five_settled_is_over_and_any_that_is_not_keeps_it_open() {
        assert!(settled().open(at(7), FRESH_FOR).is_empty() && settled().was_settled());
        for check in Check::ALL {
            for verdict in [Verdict::Fail, Verdict::Error, Verdict::NoEvidence] {
                let mut list = settled();
                list.found(check, finding(check, verdict, 8, 8));
                let open = list.open(at(9), FRESH_FOR);
                assert_eq!(open, vec![(check, verdict.says().to_owned())]);
                assert!(!list.was_settled());
                // Green again: the name was put to something else.
                list.found(check, finding(check, Verdict::Pass, 10, 10));
                assert_eq!(list.open(at(11), FRESH_FOR).len(), 1);
                list.signed(check, name(11));
                assert!(list.open(at(11), FRESH_FOR).is_empty());
            }
        }
    }

    #[test]
    fn green_needs_evidence_that_is_there_newer_than_the_fix_and_not_stale() {
        let check = Check::DataQuality;
        let with = |finding: Finding| {
            let mut list = settled();
            list.found(check, finding);
            status(&list, check, 10)
        };
        let good = finding(check, Verdict::Pass, 9, 8);
        assert_eq!(with(good.clone()), CheckStatus::Pass);
        assert_eq!(with(Finding { evidence: Vec::new(), ..good.clone() }), CheckStatus::NoEvidence);
        assert_eq!(with(Finding { probe: Probe::Alerts, ..good.clone() }), CheckStatus::NoEvidence);
        // Asked before the last action was over; resting on what was there before it.
        assert_eq!(with(Finding { at: at(1), ..good.clone() }), CheckStatus::NoEvidence);
        assert_eq!(with(finding(check, Verdict::Pass, 9, -1)), CheckStatus::NoEvidence);
        // Dated ahead.
        assert_eq!(with(Finding { at: at(60), ..good }), CheckStatus::NoEvidence);
        // Of the age of the data itself, the limit is the judge.
        let mut list = settled();
        list.found(Check::Freshness, finding(Check::Freshness, Verdict::Pass, 9, -30));
        assert_eq!(status(&list, Check::Freshness, 10), CheckStatus::Pass);
        let edge = 5 + FRESH_FOR.num_minutes();
        assert_eq!(status(&settled(), check, edge), CheckStatus::Pass);
        assert_eq!(status(&settled(), check, edge + 1), CheckStatus::NoEvidence);
        // Nobody who looks later says that it was not over then.
        assert!(settled().was_settled());
    }

    #[test]
    fn a_fix_asks_for_every_name_anew_and_a_waiver_is_for_ever() {
        let mut list = settled();
        list.waived(Check::Consumers, Signature { text: Some("maintenance".into()), ..name(7) });
        list.waived(Check::Consumers, Signature { text: Some("other".into()), ..name(8) });
        list.acted(true, at(9), at(10));
        assert_eq!(list.open(at(11), FRESH_FOR).len(), 4);
        list.found(Check::Consumers, finding(Check::Consumers, Verdict::Fail, 12, 12));
        let standing = list.standing(Check::Consumers, at(13), FRESH_FOR);
        assert_eq!((standing.status, standing.reason.as_str()), (CheckStatus::Waived, "maintenance"));
        assert!(list.may_sign(Check::Consumers, at(13), FRESH_FOR).is_err());
        // A name under what is not green is none.
        let mut none = Checklist::default();
        none.signed(Check::Logs, name(1));
        assert_eq!(none.log(Check::Logs).unwrap().signed, None);
        assert_eq!(none.may_sign(Check::Logs, at(2), FRESH_FOR), Err("no evidence: not checked yet".to_owned()));
    }
}
