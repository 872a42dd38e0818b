//! Telling people: one port and its ends, an SNS topic, a Slack-compatible webhook, PagerDuty and a file. Each try
//! is one; when to try again is for the use cases. No secret is in an error, a preview or a `Debug`.

mod error;
pub mod file;
mod http;
pub mod pagerduty;
mod secret;
pub mod sns;
mod unready;
pub mod webhook;

use async_trait::async_trait;

use crate::model::notice::{Notice, NoticeKind};
use crate::model::template::{Markup, Template};

pub use error::NotifyError;
pub use secret::Secret;
pub use unready::Unready;

/// What every notifier has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its name in the configuration, on screen and in `doctor`.
    pub name: String,
    /// What it tells of.
    pub on: Vec<NoticeKind>,
    /// What it says, if that is not the default.
    pub template: Option<Template>,
}

impl About {
    /// One that tells of everything, in the default words.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), on: NoticeKind::CHOICES.to_vec(), template: None }
    }

    /// The text of a notice. The default is judged by a test of the model: it cannot be wrong here.
    fn text(&self, notice: &Notice, default: &str, markup: Markup) -> String {
        match &self.template {
            Some(template) => template.fill(notice, markup),
            None => Template::parse(default).map_or_else(|_| notice.summary(), |t| t.fill(notice, markup)),
        }
    }
}

/// A way to tell people.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Its name, what it tells of, its words.
    fn about(&self) -> &About;

    /// Tells them once. An error says whether another try may help.
    async fn send(&self, notice: &Notice) -> Result<(), NotifyError>;

    /// Whether it would work, without telling anybody anything; what was seen.
    async fn check(&self) -> Result<String, NotifyError>;

    /// Exactly what [`Notifier::send`] would send, its secrets masked. Asks nobody.
    fn preview(&self, notice: &Notice) -> Result<String, NotifyError>;

    /// Its name.
    fn name(&self) -> &str {
        &self.about().name
    }

    /// Whether it tells of this. A test is for all.
    fn wants(&self, kind: NoticeKind) -> bool {
        kind == NoticeKind::Test || self.about().on.contains(&kind)
    }
}
