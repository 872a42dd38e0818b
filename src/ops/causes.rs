//! Why a job fails, where its service does not say: one log of it is looked into, once. Most failures of EMR Serverless
//! say nothing but where the log is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;

use super::{LogOf, Session};
use crate::model::alert::{Alert, AlertRule};
use crate::model::category::FailureCategory;
use crate::model::log::{Limits, LogBuffer};
use crate::model::run::JobRunId;
use crate::sources::SourceError;
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
        let known = |run: &_| self.causes.0.lock().unwrap_or_else(PoisonError::into_inner).get(run).copied();
        let nameless: Vec<(&mut Alert, _)> =
            alerts.iter_mut().filter(nameless).filter_map(|alert| alert.run.clone().map(|run| (alert, run))).collect();
        let unread: Vec<_> = nameless.iter().map(|(_, run)| run.clone()).filter(|run| known(run).is_none()).collect();
        let looks = unread.into_iter().take(AT_ONCE).map(async |run| {
            let read = tokio::time::timeout(SLOWEST, self.cause_in(&run)).await;
            // A log that is late, or that nobody may read, is looked for no more; an empty one may be on its way.
            let said = match read {
                Ok(Ok(None)) => None,
                Ok(Ok(said)) => said,
                Ok(Err(_)) | Err(_) => Some(FailureCategory::Unknown),
            };
            self.causes.0.lock().unwrap_or_else(PoisonError::into_inner).extend(said.map(|category| (run, category)));
        });
        join_all(looks).await;
        for (alert, run) in nameless {
            alert.category = known(&run).unwrap_or(FailureCategory::Unknown);
        }
    }

    /// What the errors of a run's log are about: those of the most telling signature. None of a log without a line.
    async fn cause_in(&self, (source, id): &(Arc<str>, JobRunId)) -> Result<Option<FailureCategory>, SourceError> {
        let of = LogOf::Run { source: Arc::clone(source), id: id.clone() };
        let page = self.log(&of, &LogQuery { most: LINES, ..LogQuery::default() }, None).await?;
        let mut buffer = LogBuffer::new(Limits::default(), self.settings.categories.clone());
        for line in &page.lines {
            buffer.append(line.at, &line.stream, &line.text);
        }
        let groups = buffer.signatures().groups();
        let told = groups.iter().map(|group| group.category).find(|category| *category != FailureCategory::Unknown);
        Ok((!page.lines.is_empty()).then_some(told.unwrap_or(FailureCategory::Unknown)))
    }
}
