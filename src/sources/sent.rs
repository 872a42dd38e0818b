//! How many requests a source has sent since the start, those that were sent again included: what an open console costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_emrserverless::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_emrserverless::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_emrserverless::error::BoxError;

/// The count of one source. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Sent(Arc<AtomicU64>);

impl Sent {
    /// One more goes out.
    pub fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// As part of an SDK client it counts each attempt.
impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "sent"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.one();
        Ok(())
    }
}
