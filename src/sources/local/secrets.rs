//! How secrets stand, as somebody wrote it to the lake: `_secrets/{name}/secret.json`, for stores that are not asked
//! themselves. Times alone: what else such a file may hold is not read into anything.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::lake::{ByteRange, ErrorClass, Key, Lake};
use crate::sources::SourceError;
use crate::sources::secrets::{SecretSource, SecretStanding};

/// Where they lie, below the lake's root.
pub const PREFIX: &str = "_secrets/";
/// The name of a record.
pub const RECORD: &str = "secret.json";
/// A record is a few lines; what is longer is not read. 64 KiB.
const LIMIT: u64 = 64 << 10;

/// What is written of a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// Of this JSON: 1.
    pub schema: u32,
    /// When its value or its settings were last changed.
    #[serde(default)]
    pub last_changed: Option<DateTime<Utc>>,
    /// When it was last rotated.
    #[serde(default)]
    pub last_rotated: Option<DateTime<Utc>>,
    /// Whether it is rotated by itself.
    #[serde(default)]
    pub rotation_enabled: bool,
    /// When that is due.
    #[serde(default)]
    pub next_rotation: Option<DateTime<Utc>>,
    /// When it is deleted for good.
    #[serde(default)]
    pub deleted_at: Option<DateTime<Utc>>,
}

/// The key of a secret's record. A name that would leave the prefix has none.
pub fn key(name: &str) -> Option<Key> {
    let plain = !name.is_empty() && name.split('/').all(|level| !matches!(level, "" | "." | ".."));
    plain.then(|| Key(format!("{PREFIX}{name}/{RECORD}")))
}

/// The secrets recorded in a lake.
#[derive(Debug)]
pub struct LocalSecrets(Arc<dyn Lake>);

impl LocalSecrets {
    /// Those of this lake.
    pub fn new(lake: Arc<dyn Lake>) -> Self {
        Self(lake)
    }
}

#[async_trait]
impl SecretSource for LocalSecrets {
    fn name(&self) -> &str {
        "lake"
    }

    fn uri(&self, name: &str) -> String {
        self.0.uri(&format!("{PREFIX}{name}/{RECORD}"))
    }

    async fn standing(&self, name: &str) -> Result<SecretStanding, SourceError> {
        let malformed = |detail: String| SourceError::new(ErrorClass::Malformed, self.uri(name), detail);
        let key = key(name).ok_or_else(|| malformed("no name that a record can have".into()))?;
        let fetched = match self.0.get(&key, ByteRange::Span(0..LIMIT), None).await {
            Ok(fetched) => fetched,
            Err(error) if error.class == ErrorClass::NotFound => return Ok(SecretStanding::missing(name)),
            Err(error) => return Err(error),
        };
        // The parser's own words would show what stands there.
        let record: SecretRecord = serde_json::from_slice(&fetched.bytes)
            .map_err(|e| malformed(format!("not a record of a secret: line {}, column {}", e.line(), e.column())))?;
        Ok(SecretStanding {
            name: name.to_owned(),
            exists: true,
            last_changed: record.last_changed,
            last_rotated: record.last_rotated,
            rotation_enabled: record.rotation_enabled,
            next_rotation: record.next_rotation,
            deleted_at: record.deleted_at,
        })
    }
}
