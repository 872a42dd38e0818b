//! The report of an incident, written down: beside its events on the lake, once for each state of them, and into a file of
//! this machine.

use std::path::PathBuf;

use super::{Gate, GateError, Outcome, WriteEffect};
use crate::lake::Key;
use crate::model::incident::{Incident, IncidentId};
use crate::model::protection::{Locked, Protection};
use crate::model::report::Report;
use crate::ops::incidents::{Log, reports_of};
use crate::ops::moves::records;

/// A report that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportAsk {
    /// Of which incident.
    pub id: IncidentId,
    /// Whether it is put on the lake, as Markdown, JSON and HTML.
    pub stored: bool,
    /// Where it is put on this machine; the ending says the form: `.json`, `.html`, or else Markdown.
    pub file: Option<PathBuf>,
}

impl Gate {
    pub(super) async fn reported(
        &self,
        effect: &WriteEffect,
        ask: &ReportAsk,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        if ask.stored && self.protection() == Protection::ReadOnly {
            return Err(GateError::Locked(Locked::ReadOnly));
        }
        // What cannot be read is no part of it: that would be a report of something else.
        let incident = Log::whole(self.lake.as_ref(), &self.prefixes.state, &ask.id).await?;
        let report = Report::of(&incident);
        let mut outcome = Outcome::nothing();
        if rehearsal {
            return Ok(outcome);
        }
        if ask.stored {
            let at = place(&self.prefixes.state, &incident);
            for (end, text) in [("md", report.markdown()), ("json", report.json()), ("html", report.html())] {
                let key = Key(format!("{at}.{end}"));
                records::write_once(self.lake.as_ref(), &key, text.into()).await.map_err(|e| match e {
                    records::NotSealed::Other => GateError::Changed(vec![format!("another report is at {key}")]),
                    records::NotSealed::Lake(e) => e.into(),
                })?;
            }
            outcome.path = Some(format!("{at}.md"));
            outcome.objects = 3;
        }
        if let Some(file) = ask.file.clone() {
            let text = match file.extension().and_then(|end| end.to_str()) {
                Some("json") => report.json(),
                Some("html" | "htm") => report.html(),
                _ => report.markdown(),
            };
            let shown = file.display().to_string();
            let written = tokio::task::spawn_blocking(move || std::fs::write(&file, text)).await;
            let fault = match written {
                Ok(Ok(())) => None,
                Ok(Err(e)) => Some(e.to_string()),
                Err(e) => Some(e.to_string()),
            };
            if let Some(fault) = fault {
                return Err(GateError::Journal { file: shown, fault });
            }
            outcome.notes.push(format!("written to {shown}"));
        }
        if ask.stored {
            let uri = self.lake.uri(outcome.path.as_deref().unwrap_or_default());
            let record = self.record_of(effect, "done", ask.id.to_string(), None, &uri, &outcome);
            outcome.notes.extend(self.audit(record).await);
        }
        Ok(outcome)
    }
}

/// Where the report of these events lies, without its ending: more events make another one.
fn place(state: &str, incident: &Incident) -> String {
    let last = incident.events.last().map(|event| event.id.as_str()).unwrap_or_default();
    // Whoever wrote the event: its name is part of a key now.
    let last: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(60).collect();
    format!("{}{last}-{:04}", reports_of(state, &incident.id), incident.events.len())
}
