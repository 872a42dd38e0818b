//! Alarms and metrics of CloudWatch, by its JSON protocol. Alarms are read at each refresh; whether those that are
//! silent can fire at all is asked at most every quarter of an hour, since that costs. Metrics of a run are read when
//! somebody looks at it.

mod curves;
mod life;
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::timeout;

use self::life::Lives;
use super::call::{Caller, Protocol, Service};
use crate::lake::ErrorClass;
use crate::lake::aws::Access;
use crate::model::alarm::dead_of_dead;
use crate::model::metric::{Curve, MetricPlace};
use crate::sources::SourceError;
use crate::sources::metrics::{AlarmSource, AlarmsRead, MetricSource};

/// CloudWatch speaks CBOR, JSON and Query, and answers all of its operations in each of them.
pub(super) const SERVICE: Service = Service {
    host: "monitoring",
    signs: "monitoring",
    protocol: Protocol::Json { version: "1.0", target: "GraniteServiceVersion20100801" },
    home: None,
};

/// The most alarms of one page:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>.
const PAGE: usize = 100;
/// The most pages that are read: whoever has more alarms names a prefix.
const PAGES: usize = 10;

/// What is said where only alarms on metrics may be read.
const ALONE: &str = "composite and log alarms are not watched: cloudwatch:DescribeAlarms is denied for them (it is \
                     needed on every alarm, `*`)";

/// What looking into silent alarms may take.
const LOOK: Duration = Duration::from_secs(5);

/// Which alarms, and who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloudWatchSettings {
    /// Who asks, and where.
    pub access: Access,
    /// What the names of the alarms begin with; none for all of them.
    pub alarm_prefix: Option<String>,
}

/// CloudWatch as a source of alarms and metrics.
#[derive(Debug)]
pub struct CloudWatch {
    alarm_prefix: Option<String>,
    caller: Caller,
    lives: Lives,
    /// Whether only alarms on metrics may be read.
    metrics_alone: AtomicBool,
}

impl CloudWatch {
    /// Asks nobody yet.
    pub fn new(settings: CloudWatchSettings) -> Self {
        let caller = Caller::new(settings.access, SERVICE);
        Self { alarm_prefix: settings.alarm_prefix, caller, lives: Lives::default(), metrics_alone: false.into() }
    }

    /// With an account that was found already: its credentials and endpoint come first.
    pub fn with_config(settings: CloudWatchSettings, config: &SdkConfig) -> Self {
        let caller = Caller::with_config(settings.access.clone(), SERVICE, config);
        Self { caller, ..Self::new(settings) }
    }

    /// The alarms, page after page.
    async fn describe(&self) -> Result<AlarmsRead, SourceError> {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        let mut token: Option<String> = None;
        let (mut alone, mut unknown) = (self.metrics_alone.load(Ordering::Relaxed), None);
        for _ in 0..PAGES {
            let page = match self.page(token.as_deref(), alone).await {
                Err(error) if !alone && token.is_none() && is_of_kinds(&error) => {
                    let page = self.page(None, true).await?;
                    alone = true;
                    // Who may not see them need not be told at each refresh; what went wrong may go well the next time.
                    let denied = error.class == ErrorClass::Denied;
                    self.metrics_alone.store(denied, Ordering::Relaxed);
                    unknown = Some(error).filter(|_| !denied);
                    page
                }
                page => page?,
            };
            let (alarms, faults) = wire::alarms(&page);
            found.extend(alarms);
            unread.extend(faults);
            token = wire::next(&page);
            if token.is_none() {
                break;
            }
        }
        let cut = token.map(|_| SourceError {
            hint: "set cloudwatch.alarm_prefix to what the names of yours begin with".to_owned(),
            ..SourceError::new(
                ErrorClass::Unsupported,
                "cloudwatch:/alarms",
                format!("there are more than {} alarms: the rest is not watched", found.len()),
            )
        });
        found.sort_by(|a, b| a.name.cmp(&b.name));
        // Whoever looks for one of them here must not take its absence for silence.
        let mut notes = Vec::new();
        if alone && unknown.is_none() {
            notes.push(ALONE.to_owned());
        }
        if let Some(first) = unread.first() {
            let n = unread.len();
            let are = if n == 1 { "alarm is not watched: its record" } else { "alarms are not watched: their records" };
            notes.push(format!("{n} {are} cannot be read: {first}"));
        }
        Ok(AlarmsRead { alarms: found, problem: unknown.or(cut), notes })
    }

    /// One page, of all kinds of alarms or of those on metrics alone.
    async fn page(&self, token: Option<&str>, alone: bool) -> Result<Value, SourceError> {
        let mut input = json!({ "MaxRecords": PAGE });
        if !alone {
            input["AlarmTypes"] = json!(["MetricAlarm", "CompositeAlarm", "LogAlarm"]);
        }
        if let Some(prefix) = &self.alarm_prefix {
            input["AlarmNamePrefix"] = json!(prefix);
        }
        if let Some(token) = token {
            input["NextToken"] = json!(token);
        }
        let asked = self.caller.asked("cloudwatch:DescribeAlarms", "cloudwatch:/alarms");
        self.caller.ask(&asked, "DescribeAlarms", &input).await
    }
}

/// Whether alarms on metrics may do: whoever may see some alarms only may not see composite ones at all, and a partition
/// may not know a kind that others do.
fn is_of_kinds(error: &SourceError) -> bool {
    matches!(error.class, ErrorClass::Denied | ErrorClass::Malformed)
}

#[async_trait]
impl AlarmSource for CloudWatch {
    fn name(&self) -> &'static str {
        "alarms"
    }

    fn requests(&self) -> Option<u64> {
        Some(self.caller.requests())
    }

    /// One request for each hundred alarms. When it is time to ask which of them can fire, two more wait for each other,
    /// so that up to a hundred alarms take three round trips.
    async fn alarms(&self, now: DateTime<Utc>) -> Result<AlarmsRead, SourceError> {
        let AlarmsRead { mut alarms, problem: cut, notes } = self.describe().await?;
        // Whether the silent ones can fire is worth less than what the others say now.
        let looked = timeout(LOOK, self.lives.look(&self.caller, &alarms, now)).await.unwrap_or_else(|_| {
            let detail = "it was not told in time which of the silent alarms can fire";
            Some(SourceError::new(ErrorClass::Unreachable, "cloudwatch:/metrics", detail))
        });
        let problem = cut.or(looked);
        for alarm in &mut alarms {
            alarm.dead = self.lives.death(alarm, now);
        }
        dead_of_dead(&mut alarms);
        Ok(AlarmsRead { alarms, problem, notes })
    }
}

#[async_trait]
impl MetricSource for CloudWatch {
    fn reads(&self, place: &MetricPlace) -> bool {
        matches!(place, MetricPlace::EmrServerless { .. })
    }

    async fn curves(
        &self,
        place: &MetricPlace,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Curve>, SourceError> {
        curves::of(&self.caller, place, from, until).await
    }
}
