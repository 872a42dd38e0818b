//! Why a job fails, where its service does not say: one log of it is looked into, once. Most failures of EMR Serverless
//! say nothing but where the log is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{LogOf, Session};
use crate::model::alert::{Alert, AlertRule};
use crate::model::category::FailureCategory;
use crate::model::log::{Limits, LogBuffer};
use crate::model::run::JobRunId;
use crate::sources::logs::LogQuery;

/// Logs looked into in one refresh: the others have their turn at the next.
const AT_ONCE: usize = 4;
/// What one log may take. A log that is slower says nothing, and holds up nobody.
const SLOWEST: Duration = Duration::from_secs(5);
/// Lines of it.
const LINES: usize = 5_000;

/// What logs said, by run.
#[derive(Debug, Default)]
pub(super) struct Causes(Mutex<HashMap<(Arc<str>, JobRunId), FailureCategory>>);

impl Session {
    /// Gives alerts of failing jobs the category that the log of their run tells, where they have none.
    pub(super) async fn tell_causes(&self, alerts: &mut [Alert]) {
        let nameless = |a: &&mut Alert| a.rule == AlertRule::JobFailureRate && a.category == FailureCategory::Unknown;
        let mut looked = 0;
        for alert in alerts.iter_mut().filter(nameless) {
            let Some(run) = alert.run.clone() else { continue };
            let known = self.causes.0.lock().unwrap_or_else(PoisonError::into_inner).get(&run).copied();
            alert.category = match known {
                Some(category) => category,
                None if looked == AT_ONCE => continue,
                None => {
                    looked += 1;
                    let read = tokio::time::timeout(SLOWEST, self.cause_in(&run)).await;
                    let category = read.ok().flatten().unwrap_or(FailureCategory::Unknown);
                    self.causes.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run, category);
                    category
                }
            };
        }
    }

    /// What the errors of a run's log are about: those of the most telling signature.
    async fn cause_in(&self, (source, id): &(Arc<str>, JobRunId)) -> Option<FailureCategory> {
        let of = LogOf::Run { source: Arc::clone(source), id: id.clone() };
        let page = self.log(&of, &LogQuery { most: LINES, ..LogQuery::default() }, None).await.ok()?;
        let mut buffer = LogBuffer::new(Limits::default(), self.settings.categories.clone());
        for line in &page.lines {
            buffer.append(line.at, &line.stream, &line.text);
        }
        let groups = buffer.signatures().groups();
        groups.iter().map(|group| group.category).find(|category| *category != FailureCategory::Unknown)
    }
}
