//! What the next person needs to know of an incident: put together from its events and from what is there now.

use chrono::{DateTime, Utc};

use super::runbooks::Runbooks;
use super::{Session, Snapshot};
use crate::model::backfill::{Backfill, Standing};
use crate::model::dataset::Dataset;
use crate::model::incident::{Handover, Happening, Incident};
use crate::model::moves::QuarantineState;
use crate::model::runbook::walk::StepState;
use crate::model::severity::Severity;

/// Lines of one part that are kept: the newest.
const MOST: usize = 20;
/// Addresses that are kept.
const LINKS: usize = 10;

impl Session {
    /// A handover of an incident as it stands, to somebody or to whoever is next.
    pub async fn handover(
        &self,
        incident: &Incident,
        snapshot: &Snapshot,
        runbooks: &Runbooks,
        to: Option<String>,
        note: Option<String>,
        now: DateTime<Utc>,
    ) -> Handover {
        let about = &incident.about;
        let same = |dataset: &str| about.dataset.as_deref() == Some(dataset);
        let mut broken = vec![about.title.clone()];
        let alerts = snapshot.alerts.iter().filter(|a| about.alerts.contains(&a.key) || same(a.dataset.as_str()));
        broken.extend(
            alerts
                .filter(|alert| alert.severity != Severity::Info)
                .map(|alert| format!("{}: {}", alert.severity.word(), alert.summary)),
        );
        broken.dedup();
        // A step's action is told as what it did.
        let done = incident.events.iter().filter_map(|event| {
            let Happening::Did(deed) = &event.what else { return None };
            let went = if deed.done { "done" } else { "did not go well" };
            let (at, actor) = (event.at.format("%H:%M"), &event.actor);
            Some(format!("{at} {actor}: {} {}: {went}: {}", deed.act, deed.object, deed.detail))
        });
        let running = self.running(incident, snapshot, now).await;
        let fresh_for = self.settings.evidence_for();
        let open = incident.checks.open(now, fresh_for);
        let mut planned = Vec::new();
        if let Some(runbook) = incident.runbook.as_ref().and_then(|(id, _)| runbooks.named(&id.0)) {
            let left = runbook.steps.iter().filter(|step| incident.walk.state(runbook, step) == StepState::Open);
            planned.extend(left.map(|step| {
                format!("{} step {}: {}", runbook.id, step.number, about.variables.fill(&step.title).text)
            }));
        }
        let mut links: Vec<String> = about.evidence.iter().map(|evidence| evidence.uri.clone()).collect();
        links.extend(about.variables.get("entry").map(|entry| self.lake.uri(entry)));
        links.sort();
        links.dedup();
        links.truncate(LINKS);
        let id = &incident.id;
        let lake = self.lake.url();
        let commands = [
            format!("lakeward --lake {lake} incident show {id}"),
            format!("lakeward --lake {lake} incident accept {id}"),
            format!("lakeward --lake {lake} runbook run --incident {id}"),
            format!("lakeward --lake {lake} verify --incident {id}"),
        ];
        let half_done = snapshot.quarantines.iter().any(|q| q.state == QuarantineState::Interrupted);
        let resume = half_done.then(|| format!("lakeward --lake {lake} quarantine resume"));
        Handover {
            to,
            note,
            broken: last(broken),
            done: last(done.collect()),
            running: last(running),
            planned: planned.into_iter().take(MOST).collect(),
            open_checks: open.into_iter().map(|(check, _)| check).collect(),
            links,
            commands: commands.into_iter().chain(resume).collect(),
        }
    }
}

impl Session {
    /// What goes on for an incident: runs, redrives, backfills, tries, moves. What cannot be asked is told as well.
    async fn running(&self, incident: &Incident, snapshot: &Snapshot, now: DateTime<Utc>) -> Vec<String> {
        let about = &incident.about;
        let same = |dataset: &str| about.dataset.as_deref() == Some(dataset);
        let is_its = |job: &str| about.job.as_deref() == Some(job);
        let jobs = snapshot.pipeline.jobs.iter().filter(|run| {
            let its = is_its(&run.job.0) || run.dataset.as_ref().is_some_and(|d| same(d.as_str()));
            its && !run.state.is_over()
        });
        let mut running: Vec<String> =
            jobs.map(|run| format!("{} {}: {}", run.job, run.id.0, run.state.word())).collect();
        if let Some(dataset) = &about.dataset {
            match self.redrives_under(&Dataset(dataset.as_str().into())).await {
                Ok(redrives) => running.extend(
                    redrives
                        .iter()
                        .filter(|r| !r.state.is_over())
                        .map(|r| format!("redrive of {}: {}", r.entry, r.told())),
                ),
                Err(error) => running.push(format!("whether anything is redriven is not known: {error}")),
            }
            match self.backfills().await {
                Ok(backfills) => {
                    let open = |b: &&Backfill| same(b.plan.dataset.as_str()) && b.standing() == Standing::Unfinished;
                    running.extend(backfills.iter().filter(open).map(|backfill| {
                        let (plan, left) = (&backfill.plan, backfill.left());
                        format!(
                            "backfill {} of {} {} to {}, by {}: {left} of {} days are not over",
                            plan.id,
                            plan.dataset,
                            plan.from,
                            plan.to,
                            plan.actor,
                            plan.days.len()
                        )
                    }));
                }
                Err(error) => running.push(format!("whether anything is backfilled is not known: {error}")),
            }
        }
        // Those of this machine: where else tries are under way, only that machine knows.
        let tries = self.retries(now).await;
        let its = tries.iter().filter(|s| is_its(&s.series.job.0) && !s.series.stopped);
        running.extend(its.map(|standing| {
            format!(
                "tries of {}, {} so far, for {}",
                standing.series.job,
                standing.series.tries.len(),
                standing.series.of.0
            )
        }));
        let half = snapshot.quarantines.iter().filter(|q| q.state == QuarantineState::Interrupted);
        running.extend(half.map(|q| format!("move {} of {} is half done", q.id, q.dataset)));
        running
    }
}

fn last(mut lines: Vec<String>) -> Vec<String> {
    let over = lines.len().saturating_sub(MOST);
    lines.drain(..over);
    lines
}
