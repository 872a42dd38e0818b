//! An SNS topic. Its messages carry attributes, so that a subscription can filter on kind, dataset or environment;
//! a FIFO topic gets each notice once.
//!
//! <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::{About, Notifier, NotifyError};
use crate::lake::aws::Access;
use crate::model::notice::Notice;
use crate::model::template::{LINES, Markup};
use crate::sources::aws::call::{Caller, Protocol, Service};

const SERVICE: Service =
    Service { host: "sns", signs: "sns", protocol: Protocol::Query { version: "2010-03-31" }, home: None };

/// The longest subject. ASCII characters; SNS's own limit.
const SUBJECT: usize = 100;
/// The longest attribute sent. Characters.
const ATTRIBUTE: usize = 256;

/// Which topic, and who asks. What is unset is found by the SDK's own chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnsSettings {
    /// The topic's ARN; the region is part of it.
    pub topic_arn: String,
    /// The profile.
    pub profile: Option<String>,
    /// Another endpoint than AWS's own.
    pub endpoint_url: Option<String>,
}

/// Publishes to a topic. The account is looked for when it is first needed.
#[derive(Debug)]
pub struct Sns {
    about: About,
    settings: SnsSettings,
    caller: Caller,
}

/// What is published.
struct Message {
    subject: String,
    text: String,
    attributes: Vec<(&'static str, String)>,
    /// Group and deduplication id, of a FIFO topic.
    fifo: Option<(String, String)>,
}

/// The region of a topic's ARN (`arn:aws:sns:REGION:ACCOUNT:NAME`), if it is one.
pub fn region_of(topic_arn: &str) -> Option<&str> {
    let mut parts = topic_arn.split(':');
    let [arn, partition, service, region, account] = [(); 5].map(|()| parts.next().unwrap_or_default());
    let name = parts.next()?;
    let sound = arn == "arn"
        && partition.starts_with("aws")
        && service == "sns"
        && !region.is_empty()
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && !name.is_empty()
        // A subscription's ARN goes on.
        && parts.next().is_none();
    sound.then_some(region)
}

impl Sns {
    /// Asks nobody.
    pub fn new(about: About, settings: SnsSettings) -> Self {
        let access = Access {
            region: region_of(&settings.topic_arn).map(str::to_owned),
            profile: settings.profile.clone(),
            endpoint_url: settings.endpoint_url.clone(),
            anonymous: false,
        };
        Self { about, settings, caller: Caller::new(access, SERVICE) }
    }

    fn message(&self, notice: &Notice) -> Message {
        let value = |name: &str| {
            let fields = notice.fields();
            let value = fields.iter().find(|(known, _)| *known == name).map_or("-", |(_, value)| value);
            value.chars().take(ATTRIBUTE).collect::<String>()
        };
        let names = ["kind", "environment", "dataset", "reason"];
        let fifo = self.settings.topic_arn.ends_with(".fifo").then(|| {
            let id = |text: String| text.chars().filter(char::is_ascii_graphic).take(128).collect::<String>();
            let time = notice.at.timestamp_millis();
            ("lakeward".to_owned(), id(format!("{}:{}:{time}", notice.kind.word(), notice.move_id)))
        });
        Message {
            subject: subject(&format!("lakeward {}", notice.summary())),
            text: self.about.text(notice, LINES, Markup::Plain),
            attributes: names.map(|name| (name, value(name))).to_vec(),
            fifo,
        }
    }
}

/// How many follow the topic, as its attributes say it.
fn followers(confirmed: Option<&str>) -> &'static str {
    match confirmed {
        Some("0") => "; nobody has confirmed a subscription to it",
        Some("1") => ", with one subscription",
        Some(_) => ", with subscriptions",
        None => "",
    }
}

/// Subjects are printable ASCII and begin with a letter.
fn subject(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).take(SUBJECT).collect()
}

/// What is published, as AWS Query names it.
fn form(topic_arn: &str, message: Message) -> Value {
    let mut form = Map::new();
    let mut field = |name: String, value: String| form.insert(name, value.into());
    field("TopicArn".to_owned(), topic_arn.to_owned());
    field("Subject".to_owned(), message.subject);
    field("Message".to_owned(), message.text);
    for (n, (name, value)) in (1..).zip(message.attributes) {
        let entry = format!("MessageAttributes.entry.{n}");
        field(format!("{entry}.Name"), name.to_owned());
        field(format!("{entry}.Value.DataType"), "String".to_owned());
        field(format!("{entry}.Value.StringValue"), value);
    }
    if let Some((group, id)) = message.fifo {
        field("MessageGroupId".to_owned(), group);
        field("MessageDeduplicationId".to_owned(), id);
    }
    Value::Object(form)
}

#[async_trait]
impl Notifier for Sns {
    fn about(&self) -> &About {
        &self.about
    }

    /// Sent once: trying again is for who shows it.
    async fn send(&self, notice: &Notice) -> Result<(), NotifyError> {
        let topic = &self.settings.topic_arn;
        let asked = self.caller.asked("sns:Publish", topic.clone());
        self.caller.tell(&asked, "Publish", &form(topic, self.message(notice))).await?;
        Ok(())
    }

    async fn check(&self) -> Result<String, NotifyError> {
        let topic = &self.settings.topic_arn;
        let asked = self.caller.asked("sns:GetTopicAttributes", topic.clone());
        let found = self.caller.tell(&asked, "GetTopicAttributes", &json!({ "TopicArn": topic })).await?;
        let confirmed = found.get("SubscriptionsConfirmed").and_then(Value::as_str);
        Ok(format!("{topic} is there{}", followers(confirmed)))
    }

    fn preview(&self, notice: &Notice) -> Result<String, NotifyError> {
        let message = self.message(notice);
        let attributes: Map<_, _> =
            message.attributes.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let mut shown = json!({
            "TopicArn": self.settings.topic_arn,
            "Subject": message.subject,
            "Message": message.text,
            "MessageAttributes": attributes,
        });
        if let (Some((group, id)), Some(fields)) = (message.fifo, shown.as_object_mut()) {
            fields.insert("MessageGroupId".to_owned(), group.into());
            fields.insert("MessageDeduplicationId".to_owned(), id.into());
        }
        Ok(format!("sns:Publish\n{shown:#}\n"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::model::dataset::Dataset;
    use crate::model::notice::tests::quarantined;

    fn sns(topic: &str) -> Sns {
        let topic_arn = format!("arn:aws:sns:eu-central-1:123456789012:{topic}");
        Sns::new(About::named("topic"), SnsSettings { topic_arn, ..SnsSettings::default() })
    }

    #[test]
    fn the_region_is_in_the_arn() {
        for (arn, region) in [
            ("arn:aws:sns:eu-central-1:123456789012:dq-alerts", Some("eu-central-1")),
            ("arn:aws-cn:sns:cn-north-1:123456789012:a.fifo", Some("cn-north-1")),
            ("arn:aws:sns:eu-central-1:123456789012:a:0000-subscription", None),
            ("arn:aws:sqs:eu-central-1:123456789012:a", None),
            ("arn:aws:sns::123456789012:a", None),
            ("arn:aws:sns:eu-central-1:1234:a", None),
            ("arn:aws:sns:eu-central-1:123456789012:", None),
            ("arn:aws:sns:eu-central-1:123456789012", None),
            ("dq-alerts", None),
        ] {
            assert_eq!(region_of(arn), region, "{arn}");
        }
    }

    #[test]
    fn a_message_keeps_to_the_limits_of_sns() {
        let notice = Notice { dataset: Dataset(format!("日本\n{}", "x".repeat(2_000)).into()), ..quarantined() };
        let message = sns("a").message(&notice);
        assert!(message.subject.starts_with("lakeward prod: ??\\n") && message.subject.len() == SUBJECT);
        assert!(message.subject.bytes().all(|b| (0x20..0x7f).contains(&b)));
        assert!(message.attributes.iter().all(|(_, v)| !v.is_empty() && v.chars().count() <= ATTRIBUTE));
        assert!(message.text.lines().count() == 7 && message.fifo.is_none());
        let empty = Notice { reason: String::new(), ..quarantined() };
        assert!(sns("a").message(&empty).attributes.contains(&("reason", "-".to_owned())));
    }

    #[test]
    fn a_fifo_topic_knows_a_notice_again() {
        let id = |notice: &Notice| sns("a.fifo").message(notice).fifo.unwrap().1;
        assert_eq!(id(&quarantined()), "quarantine:m1:1705300000000");
        let released = Notice { kind: crate::model::notice::NoticeKind::Released, ..quarantined() };
        assert_ne!(id(&quarantined()), id(&released));
        let shown = sns("a.fifo").preview(&quarantined()).unwrap();
        assert!(shown.contains("\"MessageDeduplicationId\": \"quarantine:m1:1705300000000\""), "{shown}");
    }

    #[test]
    fn a_topic_that_nobody_follows_is_told_apart() {
        let said = [None, Some("0"), Some("1"), Some("12")].map(followers);
        assert!(said[0].is_empty() && said[1].contains("nobody") && said[3] == ", with subscriptions", "{said:?}");
    }

    #[test]
    fn what_is_published_is_a_form() {
        let sns = sns("a.fifo");
        let message = Message {
            subject: "s & t".into(),
            text: "a\nb".into(),
            attributes: vec![("kind", "test".into()), ("reason", "-".into())],
            fifo: Some(("lakeward".into(), "id".into())),
        };
        let expected = json!({
            "TopicArn": "arn:aws:sns:eu-central-1:123456789012:a.fifo", "Subject": "s & t", "Message": "a\nb",
            "MessageAttributes.entry.1.Name": "kind",
            "MessageAttributes.entry.1.Value.DataType": "String",
            "MessageAttributes.entry.1.Value.StringValue": "test",
            "MessageAttributes.entry.2.Name": "reason",
            "MessageAttributes.entry.2.Value.DataType": "String",
            "MessageAttributes.entry.2.Value.StringValue": "-",
            "MessageGroupId": "lakeward", "MessageDeduplicationId": "id",
        });
        assert_eq!(form(&sns.settings.topic_arn, message), expected);
        assert!(form("t", sns.message(&quarantined())).as_object().unwrap().values().all(Value::is_string));
    }
}
