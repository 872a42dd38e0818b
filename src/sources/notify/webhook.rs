//! A Slack-compatible webhook: Slack, Mattermost, Rocket.Chat and the like. Its address is the secret.

use std::fmt;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::http::Post;
use super::secret::MASK;
use super::{About, Notifier, NotifyError, Secret};
use crate::model::notice::Notice;
use crate::model::template::{LINES, Markup};

/// Posts to a webhook.
pub struct Webhook {
    about: About,
    post: Post,
}

impl Webhook {
    /// Sends nothing. What is wrong with the address is said without repeating it.
    pub fn new(about: About, url: &Secret) -> Result<Self, String> {
        Ok(Self { about, post: Post::new(url.expose(), url.clone())? })
    }

    fn body(&self, notice: &Notice) -> Value {
        json!({ "text": self.about.text(notice, LINES, Markup::Slack) })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("about", &self.about).field("host", &self.post.target()).finish()
    }
}

#[async_trait]
impl Notifier for Webhook {
    fn about(&self) -> &About {
        &self.about
    }

    async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        self.post.json(&self.body(notice)).await
    }

    async fn check(&self) -> Result<String, NotifyError> {
        self.post.reach().await
    }

    fn preview(&self, notice: &Notice) -> Result<String, NotifyError> {
        Ok(format!("POST https://{}/{MASK}\n{:#}\n", self.post.target(), self.body(notice)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::dataset::Dataset;
    use crate::model::notice::tests::quarantined;

    #[test]
    fn what_it_sends_is_shown_without_the_address() {
        let url = Secret::new("https://hooks.example.com/services/T0/B0/SECRETSECRET");
        let webhook = Webhook::new(About::named("chat"), &url).unwrap();
        let notice = Notice { dataset: Dataset("<!channel>".into()), ..quarantined() };
        let shown = webhook.preview(&notice).unwrap();
        let first =
            "POST https://hooks.example.com/******\n{\n  \"text\": \"prod: &lt;!channel&gt; 2024-01-15 quarantined";
        assert!(shown.starts_with(first), "{shown}");
        assert!(!format!("{webhook:?}{webhook:#?}{shown}").contains("SECRET"));
    }
}
