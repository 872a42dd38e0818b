//! The report of an incident, from its events alone: the same events make the same report, on every host and at any
//! time. Its texts are made harmless here: no escape sequence, no secret that a text names.

mod html;
mod markdown;

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::Serialize;

use super::category::FailureCategory;
use super::dataset::Layer;
use super::incident::{Deed, Happening, Incident, IncidentEvent, IncidentId, IncidentStatus, Times};
use super::masked;
use super::severity::Severity;
use super::text::{first_line, one_line};
use super::verify::{Check, CheckStatus, Signature};

/// The version of the JSON.
pub const SCHEMA: u32 = 1;
/// Characters of one text that are kept: a message of a job may be a page.
const LONGEST: usize = 2_000;

/// Who did what, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// The word of the event.
    pub event: &'static str,
    /// In a sentence.
    pub text: String,
    /// All of it, where a sentence is not all: lines that were kept, the parts of a handover.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Where.
    pub uri: String,
    /// When it came to be.
    pub observed_at: DateTime<Utc>,
    /// What it shows.
    pub detail: String,
}

/// A check as it stood with the last event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Which.
    pub check: Check,
    /// How it stood.
    pub status: CheckStatus,
    /// Why.
    pub reason: String,
    /// When it was made.
    pub at: Option<DateTime<Utc>>,
    /// Who stands for it, or does without it.
    pub by: Option<String>,
    /// What they said.
    pub note: Option<String>,
    /// What it rested on.
    pub evidence: Vec<Seen>,
}

/// Sums of what was done and went well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Acts.
    pub acts: u64,
    /// Rows, of those acts whose rows are known; null if none are.
    pub rows: Option<u64>,
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What it touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Impact {
    /// Datasets.
    pub datasets: BTreeSet<String>,
    /// Dates.
    pub dates: BTreeSet<NaiveDate>,
    /// Rows that were rejected when it was opened, if that was known.
    pub rows_rejected: Option<u64>,
    /// Moved into quarantine.
    pub quarantined: Sum,
    /// Repaired.
    pub repaired: Sum,
    /// Redriven.
    pub redriven: Sum,
    /// Put back.
    pub released: Sum,
    /// Archived.
    pub archived: Sum,
}

/// How long it took, in seconds from its detection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Took {
    /// Until somebody opened it.
    pub acknowledged: i64,
    /// Until it was mitigated.
    pub mitigated: Option<i64>,
    /// Until it was resolved.
    pub resolved: Option<i64>,
}

/// The report. Every text of it is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Of this JSON: 1.
    pub schema: u32,
    /// Which incident.
    pub incident: IncidentId,
    /// What it was.
    pub title: String,
    /// Whether it is over.
    pub status: IncidentStatus,
    /// How bad it is.
    pub severity: Severity,
    /// The failure category.
    pub category: FailureCategory,
    /// Its layer.
    pub layer: Option<Layer>,
    /// The job.
    pub job: Option<String>,
    /// Who has it.
    pub owner: Option<String>,
    /// The runbook, and why this one.
    pub runbook: Option<(String, String)>,
    /// When.
    pub times: Times,
    /// How long.
    pub took: Took,
    /// What it touched.
    pub impact: Impact,
    /// What was said to be its cause.
    pub cause: Option<String>,
    /// What its alert rested on.
    pub evidence: Vec<Seen>,
    /// The five checks.
    pub checks: Vec<Checked>,
    /// What keeps it from coming again.
    pub follow_ups: Vec<String>,
    /// All that happened, the oldest first.
    pub timeline: Vec<Line>,
}

/// A text as it may stand in a report.
fn harmless(text: &str) -> String {
    one_line(&masked::text(text), LONGEST)
}

fn seen(evidence: &[super::alert::Evidence]) -> Vec<Seen> {
    let piece = |e: &super::alert::Evidence| Seen {
        uri: harmless(&e.uri),
        observed_at: e.observed_at,
        detail: harmless(&e.detail),
    };
    evidence.iter().map(piece).collect()
}

impl Report {
    /// The report of an incident.
    pub fn of(incident: &Incident) -> Self {
        let about = &incident.about;
        let resolved = incident.events.iter().rev().find_map(|event| match &event.what {
            Happening::Resolved { note, follow_ups } if incident.times.resolved == Some(event.at) => {
                Some((note.clone(), follow_ups.clone()))
            }
            _ => None,
        });
        let (cause, follow_ups) = resolved.unwrap_or_default();
        let since = |at: DateTime<Utc>| (at - incident.times.detected).num_seconds();
        Self {
            schema: SCHEMA,
            incident: incident.id.clone(),
            title: harmless(&about.title),
            status: incident.status(),
            severity: incident.severity,
            category: about.category,
            layer: about.layer,
            job: about.job.as_deref().map(harmless),
            owner: incident.owner.as_deref().map(harmless),
            runbook: incident.runbook.as_ref().map(|(id, why)| (harmless(&id.0), harmless(why))),
            times: incident.times,
            took: Took {
                acknowledged: since(incident.times.acknowledged),
                mitigated: incident.times.mitigated.map(since),
                resolved: incident.times.resolved.map(since),
            },
            impact: impact(incident),
            cause: cause.as_deref().map(harmless),
            evidence: seen(&about.evidence),
            checks: Check::ALL.into_iter().map(|check| checked(incident, check)).collect(),
            follow_ups: follow_ups.iter().map(|line| harmless(line)).collect(),
            timeline: incident.events.iter().map(line).collect(),
        }
    }

    /// JSON that a person can read; ends in a newline.
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }

    /// What the alert and each check rested on, with the name of what it is of.
    fn proofs(&self) -> impl Iterator<Item = (&'static str, &Seen)> {
        let of_checks = self.checks.iter().flat_map(|c| c.evidence.iter().map(|seen| (c.check.title(), seen)));
        self.evidence.iter().map(|seen| ("The alert", seen)).chain(of_checks)
    }

    /// Checks that were done without.
    pub fn waived(&self) -> impl Iterator<Item = &Checked> {
        self.checks.iter().filter(|checked| checked.status == CheckStatus::Waived)
    }
}

fn impact(incident: &Incident) -> Impact {
    let about = &incident.about;
    let mut impact = Impact {
        datasets: about.dataset.iter().map(|dataset| harmless(dataset)).collect(),
        dates: about.date.into_iter().collect(),
        rows_rejected: about.rows,
        ..Impact::default()
    };
    let deeds = incident.events.iter().filter_map(|event| match &event.what {
        Happening::Did(deed) if deed.done => Some(deed),
        _ => None,
    });
    for deed in deeds {
        impact.datasets.extend(deed.dataset.as_deref().map(harmless));
        impact.dates.extend(deed.dates());
        let sum = match deed.act.as_str() {
            "quarantine" => &mut impact.quarantined,
            "repair" => &mut impact.repaired,
            "redrive" => &mut impact.redriven,
            "release" => &mut impact.released,
            "archive" => &mut impact.archived,
            _ => continue,
        };
        sum.acts += 1;
        sum.rows = deed.rows.map_or(sum.rows, |rows| Some(sum.rows.unwrap_or_default().saturating_add(rows)));
        sum.objects = sum.objects.saturating_add(deed.objects);
        sum.bytes = sum.bytes.saturating_add(deed.bytes);
    }
    impact
}

fn checked(incident: &Incident, check: Check) -> Checked {
    // As it stood with the last event: a report does not grow stale.
    let ever = Duration::days(365_000);
    let standing = incident.checks.standing(check, incident.last(), ever);
    let log = incident.checks.log(check);
    let name: Option<&Signature> = match standing.status {
        CheckStatus::Waived => log.and_then(|log| log.waived.as_ref()),
        _ => standing.signed,
    };
    Checked {
        check,
        status: standing.status,
        reason: harmless(&standing.reason),
        at: standing.at,
        by: name.map(|name| harmless(&name.by)),
        note: name.and_then(|name| name.text.as_deref()).map(harmless),
        evidence: seen(standing.evidence),
    }
}

/// An event in a sentence.
pub fn line(event: &IncidentEvent) -> Line {
    Line {
        at: event.at,
        actor: harmless(&event.actor),
        event: event.what.word(),
        text: harmless(&sentence(&event.what)),
        more: whole(&event.what).iter().map(|line| harmless(line)).collect(),
    }
}

/// What its sentence leaves out.
fn whole(what: &Happening) -> Vec<String> {
    match what {
        Happening::Marked(marked) if marked.lines.len() > 1 => marked.lines.clone(),
        Happening::HandedOver(handover) => {
            let parts = handover.parts().into_iter();
            parts.flat_map(|(name, lines)| lines.into_iter().map(move |line| format!("{name}: {line}"))).collect()
        }
        _ => Vec::new(),
    }
}

fn sentence(what: &Happening) -> String {
    let with = |reason: &Option<String>| reason.as_deref().map(|r| format!(": {r}")).unwrap_or_default();
    match what {
        Happening::Opened(about) => about.title.clone(),
        Happening::Alerted { title, severity, .. } => format!("{}: {title}", severity.word()),
        Happening::Cleared { key } => format!("its alert cleared: {key}"),
        Happening::Runbook { runbook, why, .. } => format!("runbook {runbook}, for {why}"),
        Happening::Probed { step, finding } => {
            format!("step {step}, {}: {}: {}", finding.probe.word(), finding.verdict.says(), finding.summary)
        }
        Happening::Acted { step, action, done, detail, .. } => {
            let went = if *done { "done" } else { "did not go well" };
            format!("step {step}, {}: {went}: {detail}", action.word())
        }
        Happening::Step { step, mark, reason } => format!("step {step} {}{}", spaced(mark.word()), with(reason)),
        Happening::Note { text, check: None } => text.clone(),
        Happening::Note { text, check: Some(check) } => format!("{}: {text}", spaced(check.word())),
        Happening::Did(deed) => did(deed),
        Happening::Marked(marked) => {
            let first = marked.lines.first().and_then(|line| first_line(line)).unwrap_or_default();
            let more = marked.lines.len().saturating_sub(1);
            let more = if more > 0 { format!(", and {more} more lines") } else { String::new() };
            format!("{}: {first}{more}", marked.uri)
        }
        Happening::Checked { check, finding } => {
            format!("{}: {}: {}", spaced(check.word()), finding.verdict.says(), finding.summary)
        }
        Happening::Signed { check, note } => format!("{}{}", spaced(check.word()), with(note)),
        Happening::Waived { check, reason } => format!("{}: {reason}", spaced(check.word())),
        Happening::Owned { owner: Some(owner) } => format!("{owner} has it"),
        Happening::Owned { owner: None } => "nobody has it".to_owned(),
        Happening::Watched { who, watches } => {
            format!("{who} {}", if *watches { "watches" } else { "watches no more" })
        }
        Happening::Severity { severity, reason } => format!("{}: {reason}", severity.word()),
        Happening::HandedOver(handover) => {
            format!("to {}{}", handover.to.as_deref().unwrap_or("whoever is next"), with(&handover.note))
        }
        Happening::Accepted => "took it over".to_owned(),
        Happening::Resolved { note, .. } => format!("it is over{}", with(note)),
        Happening::Reopened { reason } => reason.clone(),
    }
}

fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

fn did(deed: &Deed) -> String {
    let went = if deed.done { "done" } else { "did not go well" };
    let detail = if deed.detail.is_empty() { String::new() } else { format!(": {}", deed.detail) };
    format!("{} {} ({}): {went}{detail}", deed.act, deed.object, deed.plan)
}

#[cfg(test)]
mod tests;
