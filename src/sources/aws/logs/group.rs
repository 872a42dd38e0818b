//! The ARN of a log group: a live tail takes no name. CloudWatch Logs itself is asked for it, which also tells a group
//! that has no live tail; who may not ask has it put together from the account and the region.

use aws_sdk_cloudwatchlogs::types::{LogGroup, LogGroupClass};

use super::CloudWatchLogs;
use crate::lake::ErrorClass;
use crate::sources::SourceError;
use crate::sources::aws::identity::CallerIdentity;
use crate::sources::aws::region::partition;

/// The ARN of all that is in a group ends so, and names no group.
const ALL_IN_IT: &str = ":*";

impl CloudWatchLogs {
    /// The ARN of a group, by its name or an ARN.
    pub(super) async fn group_arn(&self, group: &str) -> Result<String, SourceError> {
        if group.starts_with("arn:") {
            return Ok(bare(group));
        }
        let asked = self.asked("logs:DescribeLogGroups", group);
        // Groups come sorted by name: the one that is called so exactly comes first.
        let page = self.client().await.describe_log_groups().log_group_name_prefix(group).send().await;
        let page = match page.map_err(|e| asked.failed(&e)) {
            Ok(page) => page,
            Err(error) if error.class == ErrorClass::Denied => return self.built_arn(group).await.map_err(|_| error),
            Err(error) => return Err(error),
        };
        let found = page.log_groups().iter().find(|known| known.log_group_name() == Some(group));
        let found = found.ok_or_else(|| SourceError {
            hint: "check its name, the account and the region".to_owned(),
            ..SourceError::new(ErrorClass::NotFound, asked.object.clone(), "there is no such group")
        })?;
        if let Some(class) = class_without(found) {
            let detail = format!("groups of the class {} have no live tail", class.as_str());
            return Err(SourceError::new(ErrorClass::Unsupported, asked.object, detail));
        }
        match found.log_group_arn().or(found.arn()) {
            Some(arn) => Ok(bare(arn)),
            None => self.built_arn(group).await,
        }
    }

    async fn built_arn(&self, group: &str) -> Result<String, SourceError> {
        let (config, client) = self.account().await;
        self.sent.one();
        let identity = CallerIdentity::with_config(self.access.clone(), config).identity().await?;
        let region = client.config().region().map(|region| region.as_ref()).unwrap_or_default();
        Ok(format!("arn:{}:logs:{region}:{}:log-group:{group}", partition(region), identity.account))
    }
}

fn bare(arn: &str) -> String {
    arn.strip_suffix(ALL_IN_IT).unwrap_or(arn).to_owned()
}

/// The class of a group, if none of that class has a live tail:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html>.
fn class_without(group: &LogGroup) -> Option<&LogGroupClass> {
    group.log_group_class().filter(|c| matches!(c, LogGroupClass::InfrequentAccess | LogGroupClass::Delivery))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_the_group_and_not_what_is_in_it() {
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/a";
        assert_eq!((bare(arn).as_str(), bare(&format!("{arn}:*")).as_str()), (arn, arn));
    }
}
