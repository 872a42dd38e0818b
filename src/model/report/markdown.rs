//! The report as Markdown, for a ticket or a chat.

use chrono::{DateTime, Utc};

use super::{Report, Sum};
use crate::model::text::thousands;

/// A text that Markdown takes for nothing but text.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

fn when(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A length of time as people say it.
pub(super) fn long(seconds: i64) -> String {
    let minutes = seconds.max(0) / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{} s", seconds.max(0)),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// What a sum says; none of what was not done.
pub(super) fn summed(sum: &Sum) -> Option<String> {
    let rows = sum.rows.map(|rows| format!("{} rows, ", thousands(rows))).unwrap_or_default();
    let acts = if sum.acts == 1 { "once".to_owned() } else { format!("{} times", sum.acts) };
    (sum.acts > 0).then(|| format!("{acts}: {rows}{} objects, {} bytes", thousands(sum.objects), thousands(sum.bytes)))
}

impl Report {
    /// What was done, and how much of it; in the order of the runbook.
    pub(super) fn sums(&self) -> Vec<(&'static str, String)> {
        let impact = &self.impact;
        let all = [
            ("Quarantined", &impact.quarantined),
            ("Repaired", &impact.repaired),
            ("Redriven", &impact.redriven),
            ("Released", &impact.released),
            ("Archived", &impact.archived),
        ];
        all.into_iter().filter_map(|(name, sum)| Some((name, summed(sum)?))).collect()
    }

    /// The times, named.
    pub(super) fn moments(&self) -> Vec<(&'static str, DateTime<Utc>, Option<i64>)> {
        let (times, took) = (&self.times, &self.took);
        let mut all =
            vec![("Detected", times.detected, None), ("Acknowledged", times.acknowledged, Some(took.acknowledged))];
        all.extend(times.mitigated.map(|at| ("Mitigated", at, took.mitigated)));
        all.extend(times.resolved.map(|at| ("Resolved", at, took.resolved)));
        all
    }

    /// The report as Markdown; ends in a newline.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n", plain(&self.title));
        let mut said = |name: &str, value: String| out.push_str(&format!("- **{name}:** {value}\n"));
        said("Incident", plain(&self.incident.0));
        said("Status", self.status.word().to_owned());
        said("Severity", self.severity.word().to_owned());
        said("Category", plain(&self.category.word().replace('_', " ")));
        if let Some(owner) = &self.owner {
            said("Owner", plain(owner));
        }
        if let Some(job) = &self.job {
            said("Job", plain(job));
        }
        if let Some((runbook, why)) = &self.runbook {
            said("Runbook", format!("{}, chosen for {}", plain(runbook), plain(why)));
        }
        out.push_str("\n## Times\n\n| | when | after |\n| --- | --- | --- |\n");
        for (name, at, after) in self.moments() {
            out.push_str(&format!("| {name} | {} | {} |\n", when(at), after.map(long).unwrap_or_default()));
        }
        out.push_str("\n## Impact\n\n");
        let listed = |all: Vec<String>| if all.is_empty() { "none known".to_owned() } else { all.join(", ") };
        let datasets = self.impact.datasets.iter().map(|dataset| plain(dataset)).collect();
        out.push_str(&format!("- **Datasets:** {}\n", listed(datasets)));
        out.push_str(&format!(
            "- **Dates:** {}\n",
            listed(self.impact.dates.iter().map(ToString::to_string).collect())
        ));
        let rejected = self.impact.rows_rejected.map_or_else(|| "not known".to_owned(), thousands);
        out.push_str(&format!("- **Rows rejected:** {rejected}\n"));
        out.extend(self.sums().into_iter().map(|(name, sum)| format!("- **{name}** {sum}\n")));
        let cause = self.cause.as_deref().unwrap_or("nothing was said");
        out.push_str(&format!("\n## Root cause\n\n{}\n", plain(cause)));
        out.push_str("\n## Verification\n\n| check | status | why | by |\n| --- | --- | --- | --- |\n");
        for checked in &self.checks {
            let by = checked.by.as_deref().map(plain).unwrap_or_default();
            let status = plain(&checked.status.word().replace('_', " "));
            out.push_str(&format!("| {} | {status} | {} | {by} |\n", checked.check.title(), plain(&checked.reason)));
        }
        out.push_str("\n## Evidence\n\n");
        for (of, seen) in self.proofs() {
            let (detail, uri) = (plain(&seen.detail), plain(&seen.uri));
            out.push_str(&format!("- {of}: {detail}, {}: {uri}\n", when(seen.observed_at)));
        }
        let waived: Vec<_> = self.waived().collect();
        if !waived.is_empty() {
            out.push_str("\n## Waived\n\n");
            out.extend(waived.iter().map(|checked| {
                let by = checked.by.as_deref().map(plain).unwrap_or_default();
                format!("- {}, by {by}: {}\n", checked.check.title(), plain(&checked.reason))
            }));
        }
        out.push_str("\n## Follow-ups\n\n");
        match self.follow_ups.is_empty() {
            true => out.push_str("none noted\n"),
            false => out.extend(self.follow_ups.iter().map(|line| format!("- [ ] {}\n", plain(line)))),
        }
        out.push_str("\n## Timeline\n\n| when | who | what | |\n| --- | --- | --- | --- |\n");
        for line in &self.timeline {
            let what = line.event.replace('_', " ");
            out.push_str(&format!("| {} | {} | {what} | {} |\n", when(line.at), plain(&line.actor), plain(&line.text)));
        }
        for line in self.timeline.iter().filter(|line| !line.more.is_empty()) {
            let what = line.event.replace('_', " ");
            out.push_str(&format!("\n### {what}, {}, {}\n\n", when(line.at), plain(&line.actor)));
            out.extend(line.more.iter().map(|line| format!("- {}\n", plain(line))));
        }
        out
    }
}
