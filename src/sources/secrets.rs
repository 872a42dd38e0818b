//! Where the standing of secrets is told: one port, over the metadata of a store alone. It has no way to read a value.

use std::fmt::Debug;

use async_trait::async_trait;

use super::SourceError;
pub use crate::model::secret::SecretStanding;

/// A store of secrets. Reads metadata only.
#[async_trait]
pub trait SecretSource: Send + Sync + Debug {
    /// Its name on screen: `secrets manager`.
    fn name(&self) -> &str;

    /// Requests that it has sent since the start; none if it counts none.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// The address of a secret, for evidence.
    fn uri(&self, name: &str) -> String {
        format!("{}:{name}", self.name())
    }

    /// How the secret of a name (or address) stands. One that is not there is a standing and not an error; one that may
    /// not be seen is an error.
    async fn standing(&self, name: &str) -> Result<SecretStanding, SourceError>;
}
