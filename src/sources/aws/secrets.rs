//! AWS Secrets Manager, asked for what it tells of a secret beside its value: `DescribeSecret` and nothing else.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html>

use async_trait::async_trait;
use aws_config::SdkConfig;
use serde_json::{Value, json};

use super::call::{Caller, Protocol, Service};
use super::seconds;
use crate::lake::ErrorClass;
use crate::lake::aws::Access;
use crate::sources::SourceError;
use crate::sources::secrets::{SecretSource, SecretStanding};

/// The IAM action that is needed.
pub const ACTION: &str = "secretsmanager:DescribeSecret";

const SERVICE: Service = Service {
    host: "secretsmanager",
    signs: "secretsmanager",
    protocol: Protocol::Json { version: "1.1", target: "secretsmanager" },
    home: None,
};

/// The standing of secrets in Secrets Manager.
#[derive(Debug)]
pub struct SecretsManager {
    caller: Caller,
}

impl SecretsManager {
    /// Asks nobody yet.
    pub fn new(access: Access) -> Self {
        Self { caller: Caller::new(access, SERVICE) }
    }

    /// With an account that was found already.
    pub fn with_config(access: Access, config: &SdkConfig) -> Self {
        Self { caller: Caller::with_config(access, SERVICE, config) }
    }
}

#[async_trait]
impl SecretSource for SecretsManager {
    fn name(&self) -> &str {
        "secrets manager"
    }

    fn requests(&self) -> Option<u64> {
        Some(self.caller.requests())
    }

    fn uri(&self, name: &str) -> String {
        if name.starts_with("arn:") { name.to_owned() } else { format!("secretsmanager:{name}") }
    }

    async fn standing(&self, name: &str) -> Result<SecretStanding, SourceError> {
        let asked = self.caller.asked(ACTION, self.uri(name));
        match self.caller.ask(&asked, "DescribeSecret", &json!({ "SecretId": name })).await {
            Ok(reply) => read(name, &reply).ok_or_else(|| asked.unreadable("a reply without a secret")),
            Err(error) if error.class == ErrorClass::NotFound => Ok(SecretStanding::missing(name)),
            Err(error) => Err(error),
        }
    }
}

/// Under the name that was asked for: that of an ARN has six random letters behind it.
fn read(name: &str, reply: &Value) -> Option<SecretStanding> {
    reply.get("Name").or_else(|| reply.get("ARN"))?.as_str()?;
    let time = |key: &str| reply.get(key).and_then(seconds);
    Some(SecretStanding {
        name: name.to_owned(),
        exists: true,
        last_changed: time("LastChangedDate").or_else(|| time("CreatedDate")),
        last_rotated: time("LastRotatedDate"),
        rotation_enabled: reply.get("RotationEnabled").and_then(Value::as_bool).unwrap_or(false),
        next_rotation: time("NextRotationDate"),
        deleted_at: time("DeletedDate"),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_and_no_more() {
        let reply = json!({
            "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:crm-AbCdEf",
            "Name": "crm",
            "CreatedDate": 1_700_000_000.25,
            "LastChangedDate": 1_710_000_000,
            "RotationEnabled": true,
            "NextRotationDate": 1_720_000_000,
            "LastRotatedDate": null,
            "DeletedDate": "soon",
        });
        let standing = read("crm", &reply).unwrap();
        let at = |time: Option<chrono::DateTime<chrono::Utc>>| time.map(|t| t.timestamp());
        assert_eq!((at(standing.last_changed), at(standing.next_rotation)), (Some(1_710_000_000), Some(1_720_000_000)));
        assert_eq!((standing.last_rotated, standing.deleted_at, standing.rotation_enabled), (None, None, true));
        assert_eq!(at(read("crm", &json!({ "Name": "crm", "CreatedDate": 7.5 })).unwrap().last_changed), Some(7));
        for broken in [json!({}), json!([]), json!({ "Name": 7 })] {
            assert_eq!(read("crm", &broken), None, "{broken}");
        }
    }
}
