//! Starts and cancels runs of EMR Serverless: the end that the gate alone holds. A request whose reply is lost is sent
//! again with the same token, and here, not by the SDK: whether any of its tries went unanswered must be known when the
//! last one is a no.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_emrserverless::config::Builder;
use aws_sdk_emrserverless::config::retry::RetryConfig;
use aws_sdk_emrserverless::error::{ProvideErrorMetadata, SdkError};

use super::{EmrServerless, order};
use crate::lake::ErrorClass;
use crate::lake::aws::{Asked, jittered};
use crate::model::act::ClientToken;
use crate::model::order::JobOrder;
use crate::model::run::JobRunId;
use crate::sources::jobs::JobRunner;
use crate::sources::{SourceError, Undone};

/// The pauses before the second and the third try; each is half of it at least.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// What starts runs, in the account and with the applications of a source.
#[derive(Debug)]
pub struct EmrRunner(Arc<EmrServerless>);

impl EmrRunner {
    /// Beside the source that tells of the runs. Asks nobody yet.
    pub fn new(source: Arc<EmrServerless>) -> Self {
        Self(source)
    }
}

#[async_trait]
impl JobRunner for EmrRunner {
    fn name(&self) -> &'static str {
        "emr"
    }

    async fn start(&self, order: &JobOrder, token: &ClientToken) -> Result<JobRunId, Undone> {
        let asked = || self.0.asked("emr-serverless:StartJobRun", &order.application);
        let unsent = |detail: String| Undone::Refused(SourceError::new(ErrorClass::Malformed, asked().object, detail));
        let request = self.0.client().await.start_job_run();
        let request = order::request(request, order).map_err(unsent)?.client_token(token.as_str());
        let (mut lost, mut pauses) = (false, PAUSES.into_iter());
        loop {
            let once = Builder::new().retry_config(RetryConfig::disabled());
            let sent = request.clone().customize().config_override(once).send().await;
            let undone = match sent {
                Ok(reply) => return Ok(JobRunId(reply.job_run_id().into())),
                Err(error) => undone(&asked(), &error),
            };
            lost |= matches!(undone, Undone::Unknown(_));
            let is_again = lost || undone.error().class == ErrorClass::Throttled;
            match pauses.next().filter(|_| is_again) {
                Some(pause) => jittered(pause).await,
                None if lost => return Err(Undone::Unknown(undone.error().clone())),
                None => return Err(undone),
            }
        }
    }

    async fn cancel(&self, id: &JobRunId) -> Result<(), Undone> {
        let known = self.0.ledger().application_of(id);
        let application = match known {
            Some(application) => application,
            None => self.0.find(id).await.map_err(Undone::Refused)?.0,
        };
        let asked = || self.0.asked("emr-serverless:CancelJobRun", &format!("{application}/jobruns/{id}"));
        let request = self.0.client().await.cancel_job_run().application_id(&*application).job_run_id(&*id.0);
        request.send().await.map_err(|e| undone(&asked(), &e))?;
        Ok(())
    }
}

/// A reply that says no is a no; anything less may be a yes whose words were lost.
fn undone<E>(asked: &Asked<'_>, error: &SdkError<E>) -> Undone
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let told = asked.failed(error);
    let is_no = match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::ServiceError(reply) => (400..500).contains(&reply.raw().status().as_u16()),
        // Without credentials nothing is sent.
        SdkError::DispatchFailure(_) => told.class == ErrorClass::Expired,
        _ => false,
    };
    if is_no { Undone::Refused(told) } else { Undone::Unknown(told) }
}
