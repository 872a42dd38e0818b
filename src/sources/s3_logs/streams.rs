//! What a run leaves in its prefix: a stream for each file of a process, in parts when it was rotated.
//! <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lake::ObjectMeta;

/// Not lines for people: the events that the history server reads.
const EVENTS: [&str; 2] = ["sparklogs", "eventlogs"];

/// A stream: `SPARK_DRIVER/stderr`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its name below the run, without endings.
    pub name: Arc<str>,
    /// Its parts, the oldest first; the last one may grow.
    pub parts: Vec<ObjectMeta>,
}

/// How streams come: attempts in turn, the driver before the executors, what went wrong before what was printed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    attempt: u64,
    worker: u8,
    number: u64,
    file: u8,
    name: String,
}

/// The streams of a run, given its objects under keys relative to the run's prefix.
pub fn streams(objects: impl IntoIterator<Item = (String, ObjectMeta)>) -> Vec<Stream> {
    let mut streams: BTreeMap<Order, Vec<(u64, ObjectMeta)>> = BTreeMap::new();
    for (relative, object) in objects {
        let Some((name, part)) = of_key(&relative) else { continue };
        streams.entry(order(name)).or_default().push((part, object));
    }
    let sorted = |mut parts: Vec<(u64, ObjectMeta)>| {
        parts.sort_by(|(a, left), (b, right)| (a, &left.key).cmp(&(b, &right.key)));
        parts.into_iter().map(|(_, object)| object).collect()
    };
    streams.into_iter().map(|(order, parts)| Stream { name: order.name.into(), parts: sorted(parts) }).collect()
}

/// The stream and which part of it an object is: rotated ones are numbered, what is written now comes last.
fn of_key(relative: &str) -> Option<(String, u64)> {
    let path = relative.strip_suffix(".gz").unwrap_or(relative);
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    if file.is_empty() || path.split('/').any(|segment| EVENTS.contains(&segment)) {
        return None;
    }
    let joined =
        |folder: &str, file: &str| if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
    let rotated = folder.strip_suffix("archived").map(|folder| folder.trim_end_matches('/'));
    if let Some(folder) = rotated
        && let Some((base, number)) = file.rsplit_once('_')
        && let Ok(number) = number.parse::<u64>()
    {
        return Some((joined(folder, base), number.min(u64::MAX - 1)));
    }
    Some((joined(folder, file), u64::MAX))
}

fn order(name: String) -> Order {
    let segments: Vec<&str> = name.split('/').collect();
    let behind = |word: &str| {
        let at = segments.iter().position(|segment| *segment == word)?;
        segments.get(at + 1)?.parse().ok()
    };
    let worker =
        match segments.iter().find(|s| s.ends_with("_DRIVER") || s.ends_with("_EXECUTOR") || s.ends_with("_TASK")) {
            Some(driver) if driver.ends_with("_DRIVER") => 0,
            Some(_) => 1,
            None => 2,
        };
    let file = match segments.last() {
        Some(&"stderr") => 0,
        Some(&"stdout") => 1,
        _ => 2,
    };
    Order {
        attempt: behind("attempts").unwrap_or(0),
        worker,
        number: behind("SPARK_EXECUTOR").or_else(|| behind("TEZ_TASK")).unwrap_or(0),
        file,
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{ETag, Key};

    fn object(key: &str) -> (String, ObjectMeta) {
        let meta = ObjectMeta {
            key: Key::from(key),
            size: 1,
            etag: ETag(key.into()),
            modified: chrono::DateTime::UNIX_EPOCH,
            storage_class: None,
        };
        (key.to_owned(), meta)
    }

    #[test]
    fn streams_come_in_the_order_of_a_reader() {
        let keys = [
            "SPARK_DRIVER/archived/stderr_10.gz",
            "SPARK_DRIVER/archived/stderr_2.gz",
            "SPARK_DRIVER/stderr.gz",
            "SPARK_DRIVER/stdout.gz",
            "SPARK_EXECUTOR/10/stderr.gz",
            "SPARK_EXECUTOR/2/stderr.gz",
            "SPARK_EXECUTOR/2/stdout",
            "attempts/2/SPARK_DRIVER/stderr.gz",
            "attempts/10/SPARK_DRIVER/stderr.gz",
            "sparklogs/eventlog_v2/events_1",
            "other.log",
            "archived/odd.gz",
            "SPARK_DRIVER/",
        ];
        let found = streams(keys.map(object));
        let shown: Vec<_> = found.iter().map(|s| format!("{} {}", s.name, s.parts.len())).collect();
        let expected = [
            "SPARK_DRIVER/stderr 3",
            "SPARK_DRIVER/stdout 1",
            "SPARK_EXECUTOR/2/stderr 1",
            "SPARK_EXECUTOR/2/stdout 1",
            "SPARK_EXECUTOR/10/stderr 1",
            "archived/odd 1",
            "other.log 1",
            "attempts/2/SPARK_DRIVER/stderr 1",
            "attempts/10/SPARK_DRIVER/stderr 1",
        ];
        assert_eq!(shown, expected);
        let parts: Vec<_> = found[0].parts.iter().map(|part| part.key.as_str()).collect();
        assert_eq!(parts, [keys[1], keys[0], keys[2]]);
    }
}
