//! What people are told: one notice for each quarantine, release, archive, undo and interrupted move. Says what
//! happened in a form that can be shown; does not say to whom, nor send anything.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dataset::Dataset;
use super::text::{escape, one_line, thousands};

/// A note of a person is cut here: some of the places it goes to refuse long messages. Columns.
const NOTE: usize = 2_000;
/// Any other text is cut here: S3 keys end at 1,024 bytes. Columns.
const FIELD: usize = 1_024;
/// More keys than this are counted, not listed.
const KEYS: usize = 20;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeKind {
    /// Bad data was moved out of the pipeline's way.
    #[serde(rename = "quarantine")]
    Quarantined,
    /// It was put back.
    #[serde(rename = "release")]
    Released,
    /// It was put away for good.
    #[serde(rename = "archive")]
    Archived,
    /// The last move was taken back.
    #[serde(rename = "undo")]
    Undone,
    /// A move stopped half-way: no byte is lost, and somebody has to resume it.
    Interrupted,
    /// Nothing happened: a person tries whether notices arrive. Cannot be chosen in the configuration.
    #[serde(skip_deserializing)]
    Test,
}

impl NoticeKind {
    /// Those that a notifier can be told to send, in the order of the configuration.
    pub const CHOICES: [Self; 5] = [Self::Quarantined, Self::Released, Self::Archived, Self::Undone, Self::Interrupted];

    /// The word of the configuration, of JSON and of message attributes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantine",
            Self::Released => "release",
            Self::Archived => "archive",
            Self::Undone => "undo",
            Self::Interrupted => "interrupted",
            Self::Test => "test",
        }
    }

    /// What was done, for sentences.
    pub fn done(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Released => "released",
            Self::Archived => "archived",
            Self::Undone => "taken back",
            Self::Interrupted => "interrupted half-way",
            Self::Test => "tested",
        }
    }
}

/// One notice. Its texts are as the lake and the operator spell them, so they are hostile: what leaves the process
/// goes through [`Notice::fields`] or a template, which escape them.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// The environment's name.
    pub environment: String,
    /// The lake's address.
    pub lake: String,
    /// The dataset concerned.
    pub dataset: Dataset,
    /// The date concerned, if one is.
    pub date: Option<NaiveDate>,
    /// The reason's code.
    pub reason: String,
    /// What the operator wrote.
    pub note: Option<String>,
    /// Objects moved, or to be moved if it was interrupted.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows, if they are known.
    pub rows: Option<u64>,
    /// Where the data lies now, relative to the lake.
    pub path: String,
    /// The id under which the quarantined prefix is listed: the same from quarantine to release, archive or undo.
    pub move_id: String,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Dedupe keys of the alerts that it answers, as [`super::alert::Alert::key`] has them.
    pub alert_keys: Vec<String>,
}

impl Notice {
    /// Every field that a template may name, with its value, escaped and cut to a bearable length. What is not
    /// known is `-`.
    pub fn fields(&self) -> [(&'static str, String); 17] {
        let text = |text: &str| match one_line(text, FIELD) {
            empty if empty.is_empty() => "-".to_owned(),
            shown => shown,
        };
        [
            ("summary", self.summary()),
            ("kind", self.kind.word().to_owned()),
            ("done", self.kind.done().to_owned()),
            ("environment", text(&self.environment)),
            ("lake", text(&self.lake)),
            ("dataset", text(&self.dataset.0)),
            ("date", self.date.map_or_else(|| "-".to_owned(), |d| d.to_string())),
            ("reason", text(&self.reason)),
            ("note", self.note.as_deref().map_or_else(|| "-".to_owned(), |n| one_line(n, NOTE))),
            ("objects", thousands(self.objects)),
            ("bytes", thousands(self.bytes)),
            ("rows", self.rows.map_or_else(|| "-".to_owned(), thousands)),
            ("path", text(&self.path)),
            ("move_id", text(&self.move_id)),
            ("actor", text(&self.actor)),
            ("at", self.timestamp()),
            ("alert_keys", self.keys_in_a_row()),
        ]
    }

    /// The names of [`Notice::fields`].
    pub const FIELDS: [&str; 17] = [
        "summary",
        "kind",
        "done",
        "environment",
        "lake",
        "dataset",
        "date",
        "reason",
        "note",
        "objects",
        "bytes",
        "rows",
        "path",
        "move_id",
        "actor",
        "at",
        "alert_keys",
    ];

    /// One line, escaped: `prod: crm/contacts 2024-01-15 quarantined by ana (schema_mismatch): 3 objects, 42,113
    /// bytes, 1,200 rows`.
    pub fn summary(&self) -> String {
        let part = |text: &str| one_line(text, FIELD);
        if self.kind == NoticeKind::Test {
            let (environment, actor) = (part(&self.environment), part(&self.actor));
            return format!("{environment}: test of the notifications by {actor}; nothing was moved");
        }
        let date = self.date.map_or_else(String::new, |d| format!(" {d}"));
        let reason = if self.reason.is_empty() { String::new() } else { format!(" ({})", part(&self.reason)) };
        let rows = self.rows.map_or_else(String::new, |n| format!(", {}", counted(n, "row")));
        format!(
            "{}: {}{date} {} by {}{reason}: {}, {}{rows}",
            part(&self.environment),
            part(&self.dataset.0),
            self.kind.done(),
            part(&self.actor),
            counted(self.objects, "object"),
            counted(self.bytes, "byte"),
        )
    }

    /// The notice as JSON for machines: numbers as numbers, what is not known null, texts escaped.
    pub fn json(&self) -> Value {
        let keys: Vec<Cow<'_, str>> = self.alert_keys.iter().map(|k| escape(k)).collect();
        json!({
            "schema": 1,
            "at": self.timestamp(),
            "kind": self.kind.word(),
            "environment": escape(&self.environment),
            "lake": escape(&self.lake),
            "dataset": escape(&self.dataset.0),
            "date": self.date.map(|d| d.to_string()),
            "reason": escape(&self.reason),
            "note": self.note.as_deref().map(|n| one_line(n, NOTE)),
            "objects": self.objects,
            "bytes": self.bytes,
            "rows": self.rows,
            "path": escape(&self.path),
            "move_id": escape(&self.move_id),
            "actor": escape(&self.actor),
            "alert_keys": keys,
        })
    }

    /// When, in RFC 3339 to the millisecond.
    pub fn timestamp(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    fn keys_in_a_row(&self) -> String {
        if self.alert_keys.is_empty() {
            return "-".to_owned();
        }
        let mut shown = self.alert_keys.iter().take(KEYS).map(|k| one_line(k, FIELD)).collect::<Vec<_>>().join(", ");
        if let Some(more) = self.alert_keys.len().checked_sub(KEYS).filter(|n| *n > 0) {
            shown += &format!(" and {more} more");
        }
        shown
    }
}

fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
pub(crate) mod tests {
    use super::*;
    use crate::model::text::is_hostile;

    /// A quarantine of three objects.
    pub(crate) fn quarantined() -> Notice {
        Notice {
            kind: NoticeKind::Quarantined,
            environment: "prod".into(),
            lake: "s3://acme".into(),
            dataset: Dataset("crm/contacts".into()),
            date: NaiveDate::from_ymd_opt(2024, 1, 15),
            reason: "schema_mismatch".into(),
            note: Some("vendor sends text".into()),
            objects: 3,
            bytes: 42_113,
            rows: Some(1),
            path: "_quarantine/crm/contacts/dt=2024-01-15/schema_mismatch/".into(),
            move_id: "m1".into(),
            actor: "ana".into(),
            at: DateTime::from_timestamp(1_705_300_000, 0).unwrap(),
            alert_keys: vec!["dlq_rows:crm/contacts:2024-01-15".into()],
        }
    }

    #[test]
    fn each_kind_has_its_sentence() {
        for (kind, sentence) in [
            (NoticeKind::Quarantined, "quarantined by ana (schema_mismatch): 3 objects, 42,113 bytes, 1 row"),
            (NoticeKind::Released, "released by ana"),
            (NoticeKind::Archived, "archived by ana"),
            (NoticeKind::Undone, "taken back by ana"),
            (NoticeKind::Interrupted, "interrupted half-way by ana"),
        ] {
            let summary = Notice { kind, ..quarantined() }.summary();
            let start = format!("prod: crm/contacts 2024-01-15 {sentence}");
            assert!(summary.starts_with(&start), "{summary}");
        }
        let test = Notice { kind: NoticeKind::Test, ..quarantined() };
        assert_eq!(test.summary(), "prod: test of the notifications by ana; nothing was moved");
        let bare = Notice { date: None, reason: String::new(), rows: None, objects: 1, ..quarantined() };
        assert_eq!(bare.summary(), "prod: crm/contacts quarantined by ana: 1 object, 42,113 bytes");
    }

    #[test]
    fn what_is_not_known_is_a_dash_in_text_and_null_in_json() {
        let notice = Notice { date: None, note: None, rows: None, alert_keys: Vec::new(), ..quarantined() };
        let of = |name: &str| notice.fields().into_iter().find(|(n, _)| *n == name).unwrap().1;
        for name in ["date", "note", "rows", "alert_keys"] {
            assert_eq!(of(name), "-", "{name}");
        }
        let json = notice.json();
        for name in ["date", "note", "rows"] {
            assert!(json[name].is_null(), "{name}");
        }
        assert_eq!(json["objects"], 3);
        assert_eq!(json["alert_keys"], json!([]));
    }

    #[test]
    fn the_names_are_those_of_the_fields() {
        assert_eq!(quarantined().fields().map(|(name, _)| name), Notice::FIELDS);
    }

    #[test]
    fn nothing_hostile_leaves_and_nothing_is_endless() {
        let evil = format!("a\n\x1b]0;x\x07\u{202e}{}", "b".repeat(9_000));
        let notice = Notice {
            environment: evil.clone(),
            lake: evil.clone(),
            dataset: Dataset(evil.as_str().into()),
            reason: evil.clone(),
            note: Some(evil.clone()),
            path: evil.clone(),
            move_id: evil.clone(),
            actor: evil.clone(),
            alert_keys: vec![evil; 25],
            ..quarantined()
        };
        for (name, value) in notice.fields() {
            assert!(!value.chars().any(is_hostile), "{name}");
            assert!(value.chars().count() < 25_000, "{name}: {}", value.len());
        }
        assert!(notice.fields()[16].1.ends_with("and 5 more"));
        // As a string of JSON the escapes are doubled; no control character is even escaped by JSON itself.
        let json = notice.json().to_string();
        assert!(!json.contains("\\u00") && !json.chars().any(is_hostile), "{json:.200}");
    }

    #[test]
    fn words_are_those_that_serde_reads() {
        for kind in NoticeKind::CHOICES {
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json, kind.word());
            assert_eq!(serde_json::from_value::<NoticeKind>(json).unwrap(), kind);
        }
        assert!(serde_json::from_value::<NoticeKind>(json!("test")).is_err());
    }
}
