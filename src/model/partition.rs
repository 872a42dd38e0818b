//! What lies in one day's partition of a dataset, and whether work on it had an effect. A program that says it went well
//! proves nothing: what it wrote does. Only times of the lake are compared with each other: no clock of ours is asked.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What lay there when it was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Where, relative to the lake; none if nothing lies there.
    pub path: Option<String>,
    /// Data objects; markers and hidden files are none.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows by their footers; none where that cannot be told.
    pub rows: Option<u64>,
    /// When the newest of them was written.
    pub newest: Option<DateTime<Utc>>,
    /// Differs as soon as any of them is another one.
    pub digest: String,
    /// Why they cannot be read as rows, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Partition {
    /// Whether data with rows lies there: of what cannot be counted, whether anything does.
    pub fn holds_rows(&self) -> bool {
        self.objects > 0 && self.rows != Some(0) && self.fault.is_none()
    }
}

/// What work came to on the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// New data lies there, with rows.
    Written,
    /// Nothing there is newer than before.
    Nothing,
    /// What lies there now has no rows, or none that can be read.
    Empty,
}

/// What work did to a partition.
pub fn effect(before: &Partition, after: &Partition) -> Effect {
    let changed = before.digest != after.digest && after.newest >= before.newest;
    match (changed, after.holds_rows()) {
        (true, true) => Effect::Written,
        (_, false) => Effect::Empty,
        (false, true) => Effect::Nothing,
    }
}

impl Effect {
    /// In words, for what was written where.
    pub fn told(self, before: &Partition, after: &Partition) -> String {
        let rows = |p: &Partition| match p.rows {
            Some(rows) => super::text::thousands(rows),
            None if p.objects == 0 => "0".to_owned(),
            None => "?".to_owned(),
        };
        match self {
            Self::Written => format!("rows {} → {}", rows(before), rows(after)),
            Self::Nothing => "nothing in its partition is newer than before".to_owned(),
            Self::Empty if after.objects == 0 => "nothing lies in its partition".to_owned(),
            Self::Empty => match &after.fault {
                Some(fault) => format!("what lies in its partition cannot be read: {fault}"),
                None => "what lies in its partition has no rows".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn partition(minute: i64, rows: Option<u64>, digest: &str) -> Partition {
        let newest = (!digest.is_empty()).then(|| DateTime::UNIX_EPOCH + Duration::minutes(minute));
        let objects = u64::from(!digest.is_empty());
        Partition { objects, bytes: 1, rows, newest, digest: digest.to_owned(), ..Partition::default() }
    }

    #[test]
    fn only_newer_data_with_rows_is_an_effect() {
        let none = Partition::default();
        for (before, after, expected) in [
            (none.clone(), none.clone(), Effect::Empty),
            (none.clone(), partition(1, Some(5), "a"), Effect::Written),
            (none.clone(), partition(1, Some(0), "a"), Effect::Empty),
            (none.clone(), partition(1, None, "a"), Effect::Written),
            (partition(1, Some(5), "a"), partition(1, Some(5), "a"), Effect::Nothing),
            (partition(1, Some(5), "a"), partition(2, Some(5), "b"), Effect::Written),
            // Stores tell whole seconds.
            (partition(1, Some(5), "a"), partition(1, Some(6), "b"), Effect::Written),
            // Something was taken away, and nothing was written.
            (partition(2, Some(5), "a"), partition(1, Some(4), "b"), Effect::Nothing),
            (partition(2, Some(5), "a"), none.clone(), Effect::Empty),
            (partition(2, Some(5), "a"), partition(3, Some(0), "b"), Effect::Empty),
            (none, Partition { fault: Some("torn".into()), ..partition(3, None, "b") }, Effect::Empty),
        ] {
            assert_eq!(effect(&before, &after), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn what_happened_is_told_in_rows() {
        let (before, after) = (Partition::default(), partition(1, Some(1200), "a"));
        assert_eq!(effect(&before, &after).told(&before, &after), "rows 0 → 1,200");
        assert_eq!(Effect::Empty.told(&before, &before), "nothing lies in its partition");
    }
}
