//! Events of an incident: records of lakeward's own that are added beside the data. Like acts on alerts they touch no
//! data: a protected environment takes them as it is, and a read-only run writes nothing.

use chrono::{DateTime, Duration, Utc};

use super::{Gate, GateError, Outcome, WriteEffect, chance};
use crate::lake::Key;
use crate::model::incident::{Happening, Incident, IncidentEvent, IncidentId};
use crate::model::protection::{Locked, Protection};
use crate::ops::incidents::{Log, OPENED, events_of, unknown};
use crate::ops::moves::records::{self, NotSealed};

/// What happened in an incident, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentAsk {
    /// Which.
    pub id: IncidentId,
    /// What, in its order.
    pub what: Vec<Happening>,
    /// When what was known of it happened last, as far as whoever asks knows: what is done after that comes after it,
    /// whatever the clock of this machine says.
    pub after: Option<DateTime<Utc>>,
}

impl IncidentAsk {
    /// What happened in an incident that is known so far.
    pub fn of(incident: &Incident, what: Vec<Happening>) -> Self {
        Self { id: incident.id.clone(), what, after: Some(incident.last()) }
    }
}

/// Clocks differ by less: what is dated further ahead is no time to come after.
const AHEAD: Duration = Duration::hours(12);

impl Gate {
    pub(super) async fn happened(
        &self,
        effect: &WriteEffect,
        ask: &IncidentAsk,
        rehearsal: bool,
    ) -> Result<Outcome, GateError> {
        if self.protection() == Protection::ReadOnly {
            return Err(GateError::Locked(Locked::ReadOnly));
        }
        if !ask.id.is_sound() {
            return Err(unknown(self.lake.as_ref(), &self.prefixes.state, &ask.id).into());
        }
        if let Some(what) = ask.what.iter().find(|what| what.lacks_reason()) {
            let (why, hint) = (format!("{}: say why", what.word()), "a reason in words".to_owned());
            return Err(GateError::Blocked { why, hint });
        }
        let now = (self.clock)();
        let mut after = ask.after;
        if ask.what.iter().any(|what| matches!(what, Happening::Resolved { .. })) {
            after = after.max(Some(self.may_be_resolved(&ask.id, now).await?));
        }
        let after = after.filter(|after| *after < now + AHEAD).map(|after| after + Duration::milliseconds(1));
        let at = after.map_or(now, |after| now.max(after));
        let events: Vec<IncidentEvent> = ask.what.iter().enumerate().map(|(i, what)| self.event(at, i, what)).collect();
        let mut outcome = Outcome { happened: events, ..Outcome::nothing() };
        if rehearsal {
            return Ok(outcome);
        }
        let prefix = events_of(&self.prefixes.state, &ask.id);
        let mut written = Vec::new();
        for event in std::mem::take(&mut outcome.happened) {
            let key = Key(format!("{prefix}{}.json", event.id));
            match records::seal(self.lake.as_ref(), &key, &event).await {
                Ok(()) => written.push(event),
                Err(NotSealed::Other) if event.id == OPENED => {
                    outcome.notes.push("it was open already: you joined it".to_owned());
                }
                // Its name is drawn by chance: nobody else's has it.
                Err(NotSealed::Other) => return Err(GateError::Changed(vec![format!("another event is at {key}")])),
                Err(NotSealed::Lake(e)) => return Err(e.into()),
            }
        }
        outcome.happened = written;
        // The events are the record; the audit says that there are some, for whoever looks there.
        let words: Vec<&str> = ask.what.iter().map(Happening::word).collect();
        let record = self.record_of(effect, "done", words.join(", "), None, &self.lake.uri(&prefix), &outcome);
        outcome.notes.extend(self.audit(record).await);
        Ok(outcome)
    }

    /// Whether every check of it is settled, as the lake says now; when it happened last.
    async fn may_be_resolved(&self, id: &IncidentId, now: DateTime<Utc>) -> Result<DateTime<Utc>, GateError> {
        let incident = Log::whole(self.lake.as_ref(), &self.prefixes.state, id).await?;
        let open = incident.checks.open(now.max(incident.last()), self.evidence_for);
        if open.is_empty() {
            return Ok(incident.last());
        }
        let why: Vec<String> = open.iter().map(|(check, why)| format!("{}: {why}", check.word())).collect();
        Err(GateError::Blocked {
            why: format!("{id} is not over: {}", why.join("; ")),
            hint: "lakeward verify makes the checks; each is signed off, or waived with a reason".to_owned(),
        })
    }

    /// An event, its name in the order of time and of the asking.
    fn event(&self, at: DateTime<Utc>, place: usize, what: &Happening) -> IncidentEvent {
        let id = match what {
            Happening::Opened(_) => OPENED.to_owned(),
            _ => format!("{}-{place:02}-{:08x}", at.format("%Y%m%dT%H%M%S%3f"), chance() & 0xffff_ffff),
        };
        IncidentEvent { schema: 1, id, at, actor: self.actor.name(), what: what.clone() }
    }
}
