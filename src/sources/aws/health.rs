//! AWS Health: what AWS itself says is wrong now with the services of the pipeline. It answers accounts with a support
//! plan, from one region for all.
//!
//! <https://docs.aws.amazon.com/health/latest/APIReference/API_DescribeEvents.html>

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::call::{Caller, Protocol, Service};
use super::seconds;
use crate::lake::aws::Access;
use crate::sources::SourceError;

/// The IAM action that is needed.
pub const ACTION: &str = "health:DescribeEvents";
/// Events of one page, the most there are.
const PAGE: u32 = 100;
/// The services of the pipeline, as Health calls them; what begins with one of these is one of them.
const SERVICES: [&str; 12] = [
    "S3",
    "ELASTICMAPREDUCE",
    "EMR",
    "GLUE",
    "MWAA",
    "AIRFLOW",
    "CLOUDWATCH",
    "LOGS",
    "SECRETSMANAGER",
    "ATHENA",
    "STS",
    "IAM",
];

const SERVICE: Service = Service {
    host: "health",
    signs: "health",
    protocol: Protocol::Json { version: "1.1", target: "AWSHealth_20160804" },
    home: Some("us-east-1"),
};

/// An issue that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The service: `S3`. Hostile text.
    pub service: String,
    /// What kind of issue: `AWS_S3_OPERATIONAL_ISSUE`. Hostile text.
    pub code: String,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
}

/// Open issues, or why they are not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Those of the services of the pipeline.
    Issues(Vec<Issue>),
    /// The account has no support plan that covers AWS Health.
    NotSubscribed,
}

/// Asks AWS Health.
#[derive(Debug)]
pub struct AwsHealth {
    caller: Caller,
}

impl AwsHealth {
    /// With an account that was found already.
    pub fn with_config(access: Access, config: &SdkConfig) -> Self {
        Self { caller: Caller::with_config(access, SERVICE, config) }
    }

    /// The issues that are open in a region, those of all regions included: one request.
    pub async fn issues(&self, region: &str) -> Result<Told, SourceError> {
        let asked = self.caller.asked(ACTION, format!("health:{region}"));
        let input = json!({
            "filter": {
                "eventStatusCodes": ["open"],
                "eventTypeCategories": ["issue"],
                "regions": [region, "global"],
            },
            "maxResults": PAGE,
        });
        match self.caller.ask(&asked, "DescribeEvents", &input).await {
            Ok(reply) => read(&reply).map(Told::Issues).ok_or_else(|| asked.unreadable("a reply without events")),
            Err(e) if e.detail.starts_with("SubscriptionRequiredException") => Ok(Told::NotSubscribed),
            Err(e) => Err(e),
        }
    }
}

fn read(reply: &Value) -> Option<Vec<Issue>> {
    let events = reply.get("events")?.as_array()?;
    let issue = |event: &Value| {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Issue { service: text("service"), code: text("eventTypeCode"), since: event.get("startTime").and_then(seconds) }
    };
    let ours = |issue: &Issue| SERVICES.iter().any(|service| issue.service.starts_with(service));
    Some(events.iter().map(issue).filter(ours).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_of_the_pipelines_services_are_read() {
        let event = |service: &str| json!({ "service": service, "eventTypeCode": "X", "startTime": 1_700_000_000.5 });
        let reply = json!({ "events": [event("S3"), event("EC2"), event("ELASTICMAPREDUCE"), {}] });
        let services = read(&reply).map(|all| all.into_iter().map(|i| i.service).collect::<Vec<_>>());
        assert_eq!(services, Some(vec!["S3".to_owned(), "ELASTICMAPREDUCE".to_owned()]));
        assert_eq!(read(&json!({ "events": [] })), Some(Vec::new()));
        assert_eq!(read(&json!({})), None);
    }
}
