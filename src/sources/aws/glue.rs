//! The Glue Schema Registry: the newest version of a schema that holds. It registers and compares nothing.
//!
//! <https://docs.aws.amazon.com/glue/latest/webapi/API_GetSchemaVersion.html>

use async_trait::async_trait;
use aws_config::SdkConfig;
use bytes::Bytes;
use serde_json::{Value, json};

use super::call::{Caller, Protocol, Service};
use crate::lake::ErrorClass;
use crate::lake::aws::Access;
use crate::sources::SourceError;
use crate::sources::contracts::{REGISTRY, SchemaFormat, SchemaName, SchemaRegistry, SchemaVersion};

/// The IAM action that is needed.
pub const ACTION: &str = "glue:GetSchemaVersion";
/// Versions that are looked at, from the newest back, for one that holds: a release whose check fails leaves one behind.
const BACK: u64 = 10;

const SERVICE: Service =
    Service { host: "glue", signs: "glue", protocol: Protocol::Json { version: "1.1", target: "AWSGlue" }, home: None };

/// The registry of an account.
#[derive(Debug)]
pub struct GlueRegistry {
    caller: Caller,
}

/// A version, and whether it holds.
struct Found {
    version: SchemaVersion,
    available: bool,
}

impl GlueRegistry {
    /// Asks nobody yet.
    pub fn new(access: Access) -> Self {
        Self { caller: Caller::new(access, SERVICE) }
    }

    /// With an account that was found already.
    pub fn with_config(access: Access, config: &SdkConfig) -> Self {
        Self { caller: Caller::with_config(access, SERVICE, config) }
    }

    async fn version(&self, name: &SchemaName, number: &Value) -> Result<Found, SourceError> {
        let asked = self.caller.asked(ACTION, address(name));
        let id = json!({ "RegistryName": name.registry, "SchemaName": name.schema });
        let input = json!({ "SchemaId": id, "SchemaVersionNumber": number });
        let reply = self.caller.ask(&asked, "GetSchemaVersion", &input).await?;
        read(&reply).map_err(|fault| asked.unreadable(fault))
    }
}

fn address(name: &SchemaName) -> String {
    format!("{REGISTRY}{}/{}", name.registry, name.schema)
}

fn read(reply: &Value) -> Result<Found, &'static str> {
    let text = |key: &str| reply.get(key).and_then(Value::as_str);
    let format = match text("DataFormat") {
        Some("AVRO") => SchemaFormat::Avro,
        Some("JSON") => SchemaFormat::Json,
        Some("PROTOBUF") => SchemaFormat::Protobuf,
        _ => return Err("a schema in no known format"),
    };
    let definition = text("SchemaDefinition").ok_or("a schema without a definition")?;
    let number = reply.get("VersionNumber").and_then(Value::as_u64).ok_or("a schema without a version")?;
    let version = SchemaVersion { definition: Bytes::copy_from_slice(definition.as_bytes()), format, version: number };
    // Who leaves the status out has no other.
    Ok(Found { version, available: matches!(text("Status"), Some("AVAILABLE") | None) })
}

#[async_trait]
impl SchemaRegistry for GlueRegistry {
    fn requests(&self) -> Option<u64> {
        Some(self.caller.requests())
    }

    /// The newest version may be one whose compatibility check failed or still runs: those before it are looked at, one
    /// request each.
    async fn latest(&self, name: &SchemaName) -> Result<SchemaVersion, SourceError> {
        let newest = self.version(name, &json!({ "LatestVersion": true })).await?;
        if newest.available {
            return Ok(newest.version);
        }
        let last = newest.version.version;
        for number in (last.saturating_sub(BACK).max(1)..last).rev() {
            match self.version(name, &json!({ "VersionNumber": number })).await {
                Ok(found) if found.available => return Ok(found.version),
                Ok(_) => {}
                Err(error) if error.class == ErrorClass::NotFound => {} // deleted
                Err(error) => return Err(error),
            }
        }
        let error = SourceError::new(ErrorClass::NotFound, address(name), "it has no version that is available");
        Err(SourceError { hint: "look at the schema's compatibility check in Glue".into(), ..error })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_version_or_a_fault() {
        let reply = |format: &str, status: Option<&str>| json!({ "SchemaDefinition": "{}", "DataFormat": format, "VersionNumber": 3, "Status": status });
        for (format, status, expected) in [
            ("AVRO", Some("AVAILABLE"), Some((SchemaFormat::Avro, true))),
            ("JSON", None, Some((SchemaFormat::Json, true))),
            ("PROTOBUF", Some("PENDING"), Some((SchemaFormat::Protobuf, false))),
            ("AVRO", Some("FAILURE"), Some((SchemaFormat::Avro, false))),
            ("XML", Some("AVAILABLE"), None),
        ] {
            let found = read(&reply(format, status)).ok().map(|f| (f.version.format, f.available));
            assert_eq!(found, expected, "{format} {status:?}");
        }
        assert!(read(&json!({ "DataFormat": "AVRO", "VersionNumber": 1 })).is_err());
    }
}
