use std::fs;
use std::path::Path;

use super::gunzip::tests::gzip;
use super::*;
use crate::lake::folder::Folder;

/// A run's prefix in a folder that stands for a bucket.
struct Run {
    folder: tempfile::TempDir,
    logs: S3Logs,
    place: LogPlace,
}

const RUN: &str = "emr/applications/a/jobs/r/";

fn run() -> Run {
    let folder = tempfile::tempdir().unwrap();
    let lake = Folder::open(folder.path()).unwrap();
    let logs = S3Logs::over(move |bucket| {
        assert_eq!(bucket, "logs");
        Arc::new(lake.clone())
    });
    Run { folder, logs, place: LogPlace::S3 { prefix: format!("s3://logs/{RUN}") } }
}

impl Run {
    fn path(&self, key: &str) -> std::path::PathBuf {
        self.folder.path().join(RUN).join(key)
    }

    /// Replaces an object at once, as S3 does.
    fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        let made = self.folder.path().join("made");
        fs::write(&made, bytes).unwrap();
        fs::rename(made, path).unwrap();
    }

    async fn read(&self, query: &LogQuery, from: Option<&LogCursor>) -> LogPage {
        self.logs.read(&self.place, query, from).await.unwrap()
    }

    /// All lines to the end as it is now.
    async fn follow(&self, query: &LogQuery, mut from: Option<LogCursor>) -> (Vec<String>, Option<LogCursor>) {
        let mut lines = Vec::new();
        loop {
            let page = self.read(query, from.as_ref()).await;
            lines.extend(page.lines.into_iter().map(|line| format!("{}: {}", line.stream, line.text)));
            from = page.next;
            if page.at_end {
                return (lines, from);
            }
        }
    }
}

fn most(most: usize) -> LogQuery {
    LogQuery { most, ..LogQuery::default() }
}

fn numbered(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|n| format!("26/11/22 02:03:{:02} INFO x: line {n}\n", n % 60)).collect()
}

#[tokio::test]
async fn pages_of_any_size_give_every_line_once() {
    let run = run();
    run.put("SPARK_DRIVER/archived/stderr_1.gz", &gzip(numbered(0..50).as_bytes()));
    run.put("SPARK_DRIVER/stderr.gz", &gzip(numbered(50..120).as_bytes()));
    run.put("SPARK_DRIVER/stdout.gz", &gzip(b"printed\r\n\n"));
    run.put("SPARK_EXECUTOR/1/stderr", b"plain\n");
    let (whole, _) = run.follow(&most(10_000), None).await;
    assert_eq!(whole.len(), 123);
    assert!(whole[0].ends_with("line 0") && whole[119].ends_with("line 119"));
    assert_eq!(
        whole[120..],
        ["SPARK_DRIVER/stdout: printed", "SPARK_DRIVER/stdout: ", "SPARK_EXECUTOR/1/stderr: plain"]
    );
    for size in [1, 7, 50, 121, 123] {
        assert_eq!(run.follow(&most(size), None).await.0, whole, "{size}");
    }
    let page = run.read(&most(1), None).await;
    assert_eq!(page.lines[0].at.unwrap().to_rfc3339(), "2026-11-22T02:03:00+00:00");
}

#[tokio::test]
async fn following_neither_loses_nor_repeats_a_line_over_growth_and_rotation() {
    let run = run();
    let mut found = Vec::new();
    let mut cursor = None;
    let mut rotated = 0..0;
    for until in [3, 3, 10, 40, 41, 90, 200] {
        if until == 41 {
            // What was the newest part is archived, with more than was seen of it.
            run.put("SPARK_DRIVER/archived/stderr_1.gz", &gzip(numbered(0..41).as_bytes()));
            rotated = 0..41;
        }
        run.put("SPARK_DRIVER/stderr.gz", &gzip(numbered(rotated.end..until).as_bytes()));
        let (lines, next) = run.follow(&most(4), cursor).await;
        found.extend(lines);
        cursor = next;
    }
    let expected: Vec<_> = numbered(0..200).lines().map(|line| format!("SPARK_DRIVER/stderr: {line}")).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_line_that_nothing_ends_waits_until_nothing_more_comes() {
    let run = run();
    run.put("SPARK_DRIVER/stdout", b"one\ntw");
    let (lines, cursor) = run.follow(&most(9), None).await;
    assert_eq!(lines, ["SPARK_DRIVER/stdout: one"]);
    run.put("SPARK_DRIVER/stdout", b"one\ntwo\nthr");
    let (lines, cursor) = run.follow(&most(9), cursor).await;
    assert_eq!(lines, ["SPARK_DRIVER/stdout: two"]);
    let (lines, cursor) = run.follow(&most(9), cursor).await;
    assert_eq!(lines, ["SPARK_DRIVER/stdout: thr"], "it did not change since");
    assert_eq!(run.follow(&most(9), cursor).await.0, [""; 0]);
}

#[tokio::test]
async fn damage_is_told_and_what_can_be_read_is_given() {
    let run = run();
    let whole = gzip(numbered(0..5_000).as_bytes());
    run.put("SPARK_DRIVER/stderr.gz", &whole[..whole.len() / 2]);
    run.put("SPARK_EXECUTOR/1/stderr.gz", &gzip(b"sound\n"));
    let page = run.read(&most(10_000), None).await;
    let count = page.lines.len();
    assert!((1_000..4_000).contains(&count), "{count}");
    assert_eq!(page.missing.as_deref(), Some("the rest of SPARK_DRIVER/stderr: it is cut off"));
    assert_eq!(page.lines[count - 1].text, "sound");
    run.put("SPARK_DRIVER/stderr.gz", &whole);
    let page = run.read(&most(10_000), page.next.as_ref()).await;
    assert_eq!((page.lines.len(), page.missing), (5_001 - count, None));
}

#[tokio::test]
async fn lines_are_chosen_by_words_and_time() {
    let run = run();
    let text = "26/11/22 02:00:00 INFO a\n26/11/22 03:00:00 ERROR b\n\tat c ERROR\n26/11/22 04:00:00 ERROR d\n";
    run.put("SPARK_DRIVER/stderr.gz", &gzip(text.as_bytes()));
    let hour = |hour: &str| Some(format!("2026-11-22T{hour}:00Z").parse().unwrap());
    let query = LogQuery { from: hour("02:30"), until: hour("03:30"), contains: Some("ERROR".into()), most: 9 };
    let (lines, _) = run.follow(&query, None).await;
    assert_eq!(lines, ["SPARK_DRIVER/stderr: 26/11/22 03:00:00 ERROR b", "SPARK_DRIVER/stderr: \tat c ERROR"]);
}

#[tokio::test]
async fn what_is_no_place_of_ours_is_refused() {
    let run = run();
    assert!(run.logs.reads(&run.place) && !run.logs.reads(&LogPlace::Managed));
    for place in
        [LogPlace::Managed, LogPlace::S3 { prefix: "s3://logs".into() }, LogPlace::S3 { prefix: "s3:///x/".into() }]
    {
        assert!(run.logs.read(&place, &most(1), None).await.is_err(), "{place:?}");
    }
    let cursor = LogCursor("x".into());
    let error = run.logs.read(&run.place, &most(1), Some(&cursor)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Malformed);
    let page = run.read(&most(1), None).await;
    assert!(page.lines.is_empty() && page.at_end && page.next.is_some(), "a run that has written nothing yet");
}
