//! The report of an incident, put where it is wanted.

use std::path::PathBuf;

use super::Session;
use super::gate::{GateError, ReportAsk, WriteEffect};
use super::moves::Watch;
use crate::model::incident::Incident;
use crate::model::protection::Locked;
use crate::model::report::Report;

impl Session {
    /// Puts the report of an incident on the lake, and into a file: the text as Markdown, and what is said of it.
    pub async fn report(&self, incident: &Incident, file: Option<PathBuf>) -> Result<(String, String), GateError> {
        let text = Report::of(incident).markdown();
        let ask = ReportAsk { id: incident.id.clone(), stored: true, file };
        let outcome = match self.gate() {
            Some(gate) => gate.perform(WriteEffect::Report(ask), None, &Watch::default()).await?,
            None => return Err(GateError::Locked(Locked::ReadOnly)),
        };
        let told: Vec<String> = outcome.path.iter().map(|path| self.lake.uri(path)).chain(outcome.notes).collect();
        Ok((text, format!("report: {}", told.join("; "))))
    }
}
