//! What a session answers about quarantines: plans of moves, what is known of each, and who did what.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Session;
use super::audit::{self, AuditRecord};
use super::gate::GateError;
use super::moves::{Ask, Keep, Quarantine, Records, Verified, plan_step, plan_target, records, stories, story_on};
use crate::lake::LakeError;
use crate::model::moves::{MoveId, MoveKind, Plan, ReasonCode, Step};

impl Session {
    /// The plan of a quarantine of a dead letter (`dataset/dt=D`, or its path) or of a data prefix.
    pub async fn plan_quarantine(
        &self,
        target: &str,
        reason: &ReasonCode,
        note: Option<String>,
        even_incomplete: bool,
        now: DateTime<Utc>,
    ) -> Result<Plan, GateError> {
        let ask = Ask { note, even_incomplete, ..Ask::of(reason.clone()) };
        plan_target(self, MoveKind::Quarantine, target, ask, now).await
    }

    /// The plan of keeping a processed dead letter for good.
    pub async fn plan_entry_archive(
        &self,
        target: &str,
        note: Option<String>,
        keep: Keep,
        now: DateTime<Utc>,
    ) -> Result<Plan, GateError> {
        let reason = ReasonCode::parse("processed").map_err(|e| GateError::Unknown(e.to_string()))?;
        let ask = Ask { note, keep, even_incomplete: true, ..Ask::of(reason) };
        plan_target(self, MoveKind::Archive, target, ask, now).await
    }

    /// The plan of a step of a quarantine that moves data: release, archive, undo.
    pub async fn plan_step(
        &self,
        id: &MoveId,
        step: Step,
        note: Option<String>,
        keep: Keep,
        now: DateTime<Utc>,
    ) -> Result<Plan, GateError> {
        plan_step(self, id, step, note, keep, now).await
    }

    /// Every quarantine, the open ones first, then the newest.
    pub async fn quarantines(&self) -> Result<Vec<Arc<Quarantine>>, LakeError> {
        let all = stories(self.lake.as_ref(), &self.settings.prefixes.state, &self.remembered).await?;
        Ok(all.into_iter().map(|s| Arc::new(s.quarantine)).collect())
    }

    /// One quarantine, read anew.
    pub async fn quarantine(&self, id: &MoveId) -> Result<Quarantine, GateError> {
        Ok(story_on(self.lake.as_ref(), &self.settings.prefixes.state, id).await?.quarantine)
    }

    /// The moves that did not end: those that the lake knows of, and those that this machine began and the lake does
    /// not know of.
    pub async fn unfinished(&self) -> Result<Vec<MoveId>, LakeError> {
        let mut ids: Vec<MoveId> = self.quarantines().await?.iter().filter_map(|q| q.unfinished.clone()).collect();
        if let Some(gate) = self.gate() {
            ids.extend(gate.journal().unfinished(self.lake.url()).await);
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// The whole plan of the move that brought a quarantine's data where it lies, object by object.
    pub async fn manifest(&self, id: &MoveId) -> Result<Plan, GateError> {
        let state = &self.settings.prefixes.state;
        let story = story_on(self.lake.as_ref(), state, id).await?;
        let last = story.quarantine.unfinished.as_ref().unwrap_or(&story.top.id);
        let plan = records::read::<Plan>(self.lake.as_ref(), &Records::of(state, last).plan()).await?;
        plan.ok_or_else(|| GateError::Unknown(last.0.clone()))
    }

    /// How each object of a move is known to be equal to its source; none before all are.
    pub async fn proofs(&self, id: &MoveId) -> Result<Option<Verified>, LakeError> {
        records::read(self.lake.as_ref(), &Records::of(&self.settings.prefixes.state, id).verified()).await
    }

    /// Who did what in the last days, newest first.
    pub async fn audit_log(&self, days: u32, now: DateTime<Utc>) -> Result<Vec<AuditRecord>, LakeError> {
        audit::log(self.lake.as_ref(), &self.settings.prefixes.state, days, now).await
    }
}
