//! Who did what, when: one JSON object an act on the lake, and one line an act in a file of this machine. A reveal of
//! personal data is noted in the file alone, since looking must not need the right to write.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::gate::{Actor, chance};
use super::moves::compare_listing;
use super::moves::records;
use crate::lake::{Key, Lake, LakeError};
use crate::model::moves::MoveId;

/// Records of a log that are read at most.
const MOST: usize = 1000;
/// Records read at once.
const AT_ONCE: usize = 16;

/// One act. Texts are hostile: somebody typed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Of this JSON.
    pub schema: u32,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// `quarantine`, `release`, `archive`, `undo`, `resume`, `investigate`, `resolve`, `arm`, `acknowledge`, `silence`,
    /// `assign`, `reopen`, `run`, `repair`.
    pub act: String,
    /// The move or quarantine it was about.
    pub id: Option<MoveId>,
    /// Who.
    pub actor: Actor,
    /// What it was about, relative to the lake.
    pub object: String,
    /// `done`, `refused`, `interrupted` or `failed`.
    pub outcome: String,
    /// In words.
    pub detail: String,
    /// How it was confirmed.
    pub confirmed: Option<String>,
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

impl AuditRecord {
    /// Where it lies: by day, then by time.
    pub fn key(&self, state: &str) -> Key {
        let (day, time) = (self.at.format("%Y-%m-%d"), self.at.format("%H%M%S%3f"));
        Key(format!("{state}audit/dt={day}/{time}-{}-{:08x}.json", self.act, chance() & 0xffff_ffff))
    }
}

/// The acts of the last `days` days, newest first; at most 1,000.
pub async fn log(lake: &dyn Lake, state: &str, days: u32, now: DateTime<Utc>) -> Result<Vec<AuditRecord>, LakeError> {
    let mut keys: Vec<String> = Vec::new();
    for ago in 0..days.max(1) {
        let day = (now - Duration::days(i64::from(ago))).format("%Y-%m-%d");
        let listed = compare_listing(lake, &format!("{state}audit/dt={day}/")).await?;
        keys.extend(listed.into_keys().rev());
        if keys.len() >= MOST {
            break;
        }
    }
    keys.truncate(MOST);
    let reads: Vec<_> = keys
        .into_iter()
        .map(|key| async move {
            // One that cannot be read hides itself, not the others.
            records::read::<AuditRecord>(lake, &Key(key)).await.ok().flatten()
        })
        .collect();
    let mut all: Vec<AuditRecord> =
        stream::iter(reads).buffered(AT_ONCE).filter_map(std::future::ready).collect().await;
    all.sort_by_key(|r| std::cmp::Reverse(r.at));
    Ok(all)
}

/// Appends an act to the file of this machine.
pub fn note(file: &Path, record: &AuditRecord) -> io::Result<()> {
    append(file, &serde_json::to_string(record)?)
}

/// Notes that someone is about to see personal data. The reveal must not happen if this fails.
pub fn reveal(file: &Path, now: DateTime<Utc>, uri: &str, columns: &[String]) -> io::Result<()> {
    let actor = Actor::of_process();
    let record = json!({
        "schema": 1,
        "at": now.to_rfc3339(),
        "act": "reveal",
        "uri": uri,
        "columns": columns,
        "user": actor.user,
        "host": actor.host,
        "from": std::env::var("SSH_CONNECTION").ok(),
    });
    append(file, &record.to_string())
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut out = OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    out.write_all(format!("{line}\n").as_bytes())?;
    out.sync_data()
}
