//! Who looked at personal data, when: one JSON line a reveal, appended to a local file and synced.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::json;

/// Appends one record. The reveal must not happen if this fails.
pub fn reveal(file: &Path, now: DateTime<Utc>, uri: &str, columns: &[String]) -> io::Result<()> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let who = |name| std::env::var(name).ok();
    let record = json!({
        "schema": 1,
        "at": now.to_rfc3339(),
        "act": "reveal",
        "uri": uri,
        "columns": columns,
        // On a shared account the connection tells people apart.
        "user": who("SUDO_USER").or_else(|| who("USER")),
        "from": who("SSH_CONNECTION"),
    });
    let mut out = OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    out.write_all(format!("{record}\n").as_bytes())?;
    out.sync_data()
}
