//! Who asks, as far as it ends: one port, and its end, an account of AWS.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::SourceError;

/// Credentials that run out, and were not renewed by themselves when they should have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub at: DateTime<Utc>,
    /// What renews them: a command, in most cases.
    pub renewal: String,
}

/// An account. What is found out costs no request while its credentials are good.
#[async_trait]
pub trait AccountSource: Send + Sync + Debug {
    /// Credentials that are about to run out; none if nothing need be done.
    async fn ending(&self, now: DateTime<Utc>) -> Result<Option<Ending>, SourceError>;
}
