//! `[[notify]]`: who is told of moves. Judges the tables and fetches the secrets they point to; a secret that is
//! not there is no fault of the configuration: it is one of the notifier, which says so when it is used.

use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::documented::documented;
use super::fault::ConfigError;
use super::file::Document;
use super::secret::{Given, SecretText, Ways};
use super::source::Ledger;
use super::{Places, Vars, check};
use crate::model::notice::NoticeKind;
use crate::model::template::{Template, TemplateError};
use crate::sources::notify::pagerduty::{self, PagerDuty};
use crate::sources::notify::sns::{SnsSettings, region_of};
use crate::sources::notify::webhook::Webhook;
use crate::sources::notify::{About, Secret};

/// The kinds of notifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words of the configuration")]
pub enum NotifyKind {
    Slack,
    Sns,
    PagerDuty,
    File,
}

documented! {
/// `[[notify]]`: the keys of all kinds; which of them fit is judged later
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct NotifyTable {
    /// Who is told: a webhook that takes Slack's JSON (Slack, Mattermost, …), a topic, PagerDuty, or a file
    pub kind: Spanned<NotifyKind>,
    /// Its name, for `notify test` and messages; default: the kind
    pub name: Option<Spanned<String>>,
    /// What it is told of; default: all of them
    pub on: Option<Spanned<Vec<NoticeKind>>>,
    /// The environments of which it is told; default: all of them
    pub environments: Option<Spanned<Vec<String>>>,
    /// The words of the notice; default: all that is known of it
    pub template: Option<Spanned<String>>,
    /// The webhook's address itself, which is a secret, and better elsewhere
    pub url: Option<Spanned<SecretText>>,
    /// The environment variable that holds the webhook's address
    pub url_env: Option<Spanned<String>>,
    /// The file that holds the webhook's address; relative to this one
    pub url_file: Option<Spanned<String>>,
    /// The integration's key itself, which is a secret, and better elsewhere
    pub routing_key: Option<Spanned<SecretText>>,
    /// The environment variable that holds the integration's key
    pub routing_key_env: Option<Spanned<String>>,
    /// The file that holds the integration's key; relative to this one
    pub routing_key_file: Option<Spanned<String>>,
    /// The topic
    pub topic_arn: Option<Spanned<String>>,
    /// The AWS profile that sends; default: the environment's
    pub profile: Option<Spanned<String>>,
    /// Where the service answers; default: its own
    pub endpoint_url: Option<Spanned<String>>,
    /// The file, one line of JSON for each notice; relative to this one
    pub path: Option<Spanned<String>>,
}
}

/// A notifier as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifierConfig {
    /// Its name, what it tells of, its words.
    pub about: About,
    /// Whom it tells.
    pub end: NotifierEnd,
    /// Whether its secret stands in the configuration file itself.
    pub inline_secret: bool,
}

/// Whom a notifier tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifierEnd {
    /// A Slack-compatible webhook.
    Webhook {
        /// Its address.
        url: Given,
    },
    /// PagerDuty's Events API v2.
    PagerDuty {
        /// Its address, without a path.
        endpoint: String,
        /// The key of the integration.
        routing_key: Given,
    },
    /// An SNS topic.
    Sns(SnsSettings),
    /// A file.
    File(PathBuf),
}

/// What the tables are read in.
pub struct Around<'a> {
    /// Where `…_env` looks.
    pub vars: &'a Vars,
    /// For `~/`.
    pub places: &'a Places,
    /// The environment that was chosen.
    pub environment: Option<&'a str>,
    /// The profile of its lake.
    pub profile: Option<&'a str>,
}

/// The notifiers of this environment; those of others are judged all the same.
pub fn notifiers(
    document: &Document,
    around: &Around<'_>,
    ledger: &mut Ledger,
) -> Result<Vec<NotifierConfig>, ConfigError> {
    let mut seen: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for table in &document.tables.notify {
        let reader = Reader { document, around, table: table.get_ref() };
        let (config, shown) = reader.read()?;
        let name = config.about.name.clone();
        if seen.contains(&name) {
            let at = reader.table.name.as_ref().map_or_else(|| table.span(), Spanned::span);
            return Err(reader.fault(at, format!("two notifiers named `{name}`"), "a `name` for each, used once"));
        }
        let here = reader.speaks_here()?;
        let elsewhere = if here { "" } else { "; not in this environment" };
        ledger.note(&format!("notify.{name}"), format!("{shown}{elsewhere}"), document.source(&table.span()));
        seen.push(name);
        if here {
            all.push(config);
        }
    }
    Ok(all)
}

fn word(kind: NotifyKind) -> &'static str {
    match kind {
        NotifyKind::Slack => "slack",
        NotifyKind::Sns => "sns",
        NotifyKind::PagerDuty => "pagerduty",
        NotifyKind::File => "file",
    }
}

/// The keys that only this kind has.
fn own_keys(kind: NotifyKind) -> &'static [&'static str] {
    match kind {
        NotifyKind::Slack => &["url", "url_env", "url_file"],
        NotifyKind::Sns => &["topic_arn", "profile", "endpoint_url"],
        NotifyKind::PagerDuty => &["routing_key", "routing_key_env", "routing_key_file", "endpoint_url"],
        NotifyKind::File => &["path"],
    }
}

/// The kinds of which a key is, if it is not of all.
pub fn kinds_of(key: &str) -> Vec<&'static str> {
    let kinds = [NotifyKind::Slack, NotifyKind::Sns, NotifyKind::PagerDuty, NotifyKind::File];
    kinds.into_iter().filter(|kind| own_keys(*kind).contains(&key)).map(word).collect()
}

struct Reader<'a> {
    document: &'a Document,
    around: &'a Around<'a>,
    table: &'a NotifyTable,
}

impl Reader<'_> {
    /// The notifier, and what `doctor` shows of it.
    fn read(&self) -> Result<(NotifierConfig, String), ConfigError> {
        let kind = *self.table.kind.get_ref();
        self.no_foreign_key(kind)?;
        let about = self.about(kind)?;
        let on = about.on.iter().map(|k| k.word()).collect::<Vec<_>>().join(", ");
        let (end, shown) = match kind {
            NotifyKind::Slack => self.webhook(&about)?,
            NotifyKind::PagerDuty => self.pagerduty(&about)?,
            NotifyKind::Sns => self.sns()?,
            NotifyKind::File => self.file()?,
        };
        let inline_secret = self.table.url.is_some() || self.table.routing_key.is_some();
        let shown = format!("{}: {shown}; on {on}", word(kind));
        Ok((NotifierConfig { about, end, inline_secret }, shown))
    }

    fn fault(&self, at: Range<usize>, fault: impl Into<String>, allowed: impl Into<String>) -> ConfigError {
        ConfigError::new(self.document.source(&at).to_string(), fault, allowed)
    }

    /// A key that the kind needs.
    fn needed<'t, T>(&self, key: &str, value: &'t Option<Spanned<T>>) -> Result<&'t Spanned<T>, ConfigError> {
        let kind = word(*self.table.kind.get_ref());
        let allowed = format!("kind {kind} with a {key}");
        value.as_ref().ok_or_else(|| self.document.fault(&self.table.kind, format!("notify.{key} is missing"), allowed))
    }

    fn no_foreign_key(&self, kind: NotifyKind) -> Result<(), ConfigError> {
        fn at<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
            value.as_ref().map(Spanned::span)
        }
        let t = self.table;
        let given = [
            ("url", at(&t.url)),
            ("url_env", at(&t.url_env)),
            ("url_file", at(&t.url_file)),
            ("routing_key", at(&t.routing_key)),
            ("routing_key_env", at(&t.routing_key_env)),
            ("routing_key_file", at(&t.routing_key_file)),
            ("topic_arn", at(&t.topic_arn)),
            ("profile", at(&t.profile)),
            ("endpoint_url", at(&t.endpoint_url)),
            ("path", at(&t.path)),
        ];
        let own = own_keys(kind);
        match given.into_iter().find_map(|(key, at)| at.filter(|_| !own.contains(&key)).map(|at| (key, at))) {
            Some((key, at)) => Err(self.fault(
                at,
                format!("notify.{key} with kind {}", word(kind)),
                format!("{}, and kind, name, on, environments, template", own.join(", ")),
            )),
            None => Ok(()),
        }
    }

    fn about(&self, kind: NotifyKind) -> Result<About, ConfigError> {
        let name = self.table.name.as_ref().map_or_else(|| word(kind).to_owned(), |n| n.get_ref().trim().to_owned());
        if let Some(at) = self.table.name.as_ref().filter(|_| name.is_empty()) {
            return Err(self.document.fault(at, "notify.name is empty", "a name, such as \"data-eng\""));
        }
        let choices = NoticeKind::CHOICES;
        let on = match &self.table.on {
            None => choices.to_vec(),
            Some(on) if on.get_ref().is_empty() => {
                let allowed = choices.map(|k| format!("\"{}\"", k.word())).join(", ");
                return Err(self.document.fault(on, "notify.on is empty", format!("some of {allowed}")));
            }
            // In our order, each once.
            Some(on) => choices.into_iter().filter(|kind| on.get_ref().contains(kind)).collect(),
        };
        let read = |text: &Spanned<String>| {
            Template::parse(text.get_ref())
                .map_err(|e| self.document.fault(text, format!("notify.template: {e}"), TemplateError::allowed()))
        };
        let template = self.table.template.as_ref().map(read).transpose()?;
        Ok(About { name, on, template })
    }

    fn speaks_here(&self) -> Result<bool, ConfigError> {
        let Some(names) = &self.table.environments else { return Ok(true) };
        let known = &self.document.tables.environments;
        if let Some(unknown) = names.get_ref().iter().find(|name| !known.contains_key(*name)) {
            let allowed = known.keys().cloned().collect::<Vec<_>>().join(", ");
            let allowed =
                if allowed.is_empty() { "names that have an [environments.NAME] table".into() } else { allowed };
            return Err(self.document.fault(names, format!("notify.environments: no `{unknown}`"), allowed));
        }
        Ok(self.around.environment.is_some_and(|here| names.get_ref().iter().any(|name| name == here)))
    }

    fn webhook(&self, about: &About) -> Result<(NotifierEnd, String), ConfigError> {
        let t = self.table;
        let ways = Ways {
            table: "notify",
            key: "url",
            value: t.url.as_ref(),
            env: t.url_env.as_ref(),
            file: t.url_file.as_ref(),
        };
        let (url, shown) = self.secret(&ways)?;
        if let (Some(at), Ok(secret)) = (&t.url, &url) {
            Webhook::new(about.clone(), secret).map_err(|fault| {
                self.document.fault(at, format!("notify.url: {fault}"), "https://…, as the service gave it")
            })?;
        }
        Ok((NotifierEnd::Webhook { url }, shown))
    }

    fn pagerduty(&self, about: &About) -> Result<(NotifierEnd, String), ConfigError> {
        let t = self.table;
        let ways = Ways {
            table: "notify",
            key: "routing_key",
            value: t.routing_key.as_ref(),
            env: t.routing_key_env.as_ref(),
            file: t.routing_key_file.as_ref(),
        };
        let (routing_key, shown) = self.secret(&ways)?;
        let endpoint = self.endpoint()?.unwrap_or_else(|| pagerduty::ENDPOINT.to_owned());
        if let Some(at) = &t.endpoint_url {
            PagerDuty::new(about.clone(), &endpoint, Secret::new("")).map_err(|fault| {
                let allowed = "https://host: https://events.pagerduty.com, https://events.eu.pagerduty.com";
                self.document.fault(at, format!("notify.endpoint_url: {fault}"), allowed)
            })?;
        }
        let shown = format!("{endpoint}, {shown}");
        Ok((NotifierEnd::PagerDuty { endpoint, routing_key }, shown))
    }

    fn sns(&self) -> Result<(NotifierEnd, String), ConfigError> {
        let topic = self.needed("topic_arn", &self.table.topic_arn)?;
        if region_of(topic.get_ref()).is_none() {
            return Err(self.document.fault(
                topic,
                format!("notify.topic_arn `{}` is no topic", topic.get_ref()),
                "arn:aws:sns:REGION:ACCOUNT:NAME",
            ));
        }
        let own = self.table.profile.as_ref().map(|p| p.get_ref().clone());
        let settings = SnsSettings {
            topic_arn: topic.get_ref().clone(),
            profile: own.or_else(|| self.around.profile.map(str::to_owned)),
            endpoint_url: self.endpoint()?,
        };
        let profile = settings.profile.as_ref().map_or_else(String::new, |p| format!(", profile {p}"));
        let shown = format!("{}{profile}", settings.topic_arn);
        Ok((NotifierEnd::Sns(settings), shown))
    }

    fn file(&self) -> Result<(NotifierEnd, String), ConfigError> {
        let path = self.needed("path", &self.table.path)?;
        if path.get_ref().trim().is_empty() {
            return Err(self.document.fault(path, "notify.path is empty", "the path of a file"));
        }
        let path = self.document.place(path.get_ref(), self.around.places);
        let shown = path.display().to_string();
        Ok((NotifierEnd::File(path), shown))
    }

    /// The secret, and where it comes from.
    fn secret(&self, ways: &Ways<'_>) -> Result<(Given, String), ConfigError> {
        let given = ways.read(self.document, self.around.vars, self.around.places)?;
        let missing =
            || self.document.fault(&self.table.kind, format!("notify.{} is missing", ways.key), ways.allowed());
        given.ok_or_else(missing)
    }

    fn endpoint(&self) -> Result<Option<String>, ConfigError> {
        let endpoint = self.document.maybe(self.table.endpoint_url.as_ref());
        endpoint.map(|named| check::endpoint(&named).map(|()| named.value)).transpose()
    }
}
