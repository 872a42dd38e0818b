//! A notifier that cannot work yet: the variable or file that holds its secret is not there. It stands in for the
//! real one, so that nobody finds out only when it is needed.

use async_trait::async_trait;

use super::{About, Notifier, NotifyError};
use crate::model::notice::Notice;

/// Stands in for a notifier whose secret cannot be had.
#[derive(Debug, Clone)]
pub struct Unready {
    about: About,
    error: NotifyError,
}

impl Unready {
    /// Fails with this error whatever is asked.
    pub fn new(about: About, error: NotifyError) -> Self {
        Self { about, error }
    }
}

#[async_trait]
impl Notifier for Unready {
    fn about(&self) -> &About {
        &self.about
    }

    async fn send(&self, _: &Notice) -> Result<(), NotifyError> {
        Err(self.error.clone())
    }

    async fn check(&self) -> Result<String, NotifyError> {
        Err(self.error.clone())
    }

    fn preview(&self, _: &Notice) -> Result<String, NotifyError> {
        Err(self.error.clone())
    }
}
