//! Repair over files of every kind that a proptest makes up: no row is lost, none is doubled, none changes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use super::layout::layout;
use super::repair::{Open, Outlet, Output, REASONS, repair};
use super::set::RowSet;
use super::{Halt, RowCache, RowsError, check};
use crate::lake::folder::Folder;
use crate::lake::{Lake, ListRequest};
use crate::model::contract::{Evolution, FindingStatus, Findings, parse_contract, rules_of};

const ROOT: &str = "_errors/d/dt=2026-11-24/";
const CONTRACT: &str = r#"{"columns": {"id": "bigint", "n": "bigint", "tag": "string"}, "required_non_null": ["n"],
    "data_quality_rules": {"small": "n < 100", "of tags": {"column": "tag", "allowed_values": ["a", "b"]}}}"#;

type Ended = Vec<(Output, Vec<u8>)>;

/// Bytes that end, by the name of their file.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Ended>>);

struct Keeping(Output, Vec<u8>, Kept);

impl Write for Keeping {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outlet for Keeping {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.2.0.lock().unwrap().push((self.0, self.1));
        Ok(())
    }
}

impl Kept {
    fn open(&self) -> Open {
        let kept = self.clone();
        Box::new(move |output| Ok(Box::new(Keeping(output, Vec::new(), kept.clone()))))
    }

    fn rows(&self, output: Output) -> Vec<RecordBatch> {
        let files = self.0.lock().unwrap();
        let Some((_, bytes)) = files.iter().find(|(of, _)| *of == output) else { return Vec::new() };
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes.clone())).unwrap().build().unwrap();
        reader.map(Result::unwrap).collect()
    }
}

/// A row: `n` as text, and a tag.
type Row = (Option<String>, Option<&'static str>);

fn row() -> impl Strategy<Value = Row> {
    let n = prop_oneof![
        4 => (-5..120_i64).prop_map(|n| Some(n.to_string())),
        1 => Just(None),
        1 => Just(Some("n/a".to_owned())),
        1 => Just(Some("99999999999999999999".to_owned())),
    ];
    (n, prop_oneof![Just(None), Just(Some("a")), Just(Some("b")), Just(Some("z"))])
}

/// Whether a row fits the contract, said in other words than the judge's.
fn fits((n, tag): &Row) -> bool {
    let n = n.as_ref().and_then(|n| n.parse::<i64>().ok());
    n.is_some_and(|n| n < 100) && tag.is_none_or(|t| t == "a" || t == "b")
}

/// Parts of an entry; those of an odd place have no tags.
fn write(folder: &std::path::Path, parts: &[Vec<Row>], group: usize) {
    let directory = folder.join(ROOT).join("rejected_rows.parquet");
    std::fs::create_dir_all(&directory).unwrap();
    let mut id = 0;
    for (i, part) in parts.iter().enumerate() {
        let ids = Int32Array::from_iter_values(part.iter().map(|_| {
            id += 1;
            id
        }));
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(ids)),
            ("n", Arc::new(StringArray::from_iter(part.iter().map(|(n, _)| n.as_deref())))),
        ];
        if i % 2 == 0 {
            columns.push(("tag", Arc::new(StringArray::from_iter(part.iter().map(|(_, tag)| *tag)))));
        }
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let file = std::fs::File::create(directory.join(format!("part-{i:05}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
}

async fn open(folder: &std::path::Path) -> RowSet {
    let lake: Arc<dyn Lake> = Arc::new(Folder::open(folder).unwrap());
    let listed = lake.list(&ListRequest { prefix: ROOT.into(), ..ListRequest::default() }).await.unwrap();
    RowSet::open_to_stream(lake, &layout(ROOT, &listed.objects), Arc::new(RowCache::default())).await.unwrap()
}

async fn repaired(set: &RowSet, contract: &str) -> (Findings, Kept) {
    let contract = parse_contract(contract.as_bytes(), "c.json").unwrap();
    let evolution = Evolution::propose(&contract, set.columns());
    let (kept, rules) = (Kept::default(), rules_of(&contract));
    let findings = repair(set, &evolution, &rules, &Halt::default(), kept.open(), |_| {}).await.unwrap();
    let judged = check::findings(set, &[&evolution], &rules, &Halt::default(), |_| {}).await.unwrap();
    assert_eq!(judged[0], findings, "what a plan shows is what its repair finds");
    (findings, kept)
}

fn texts(batches: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    let of = |b: &RecordBatch| {
        b.column_by_name(column).unwrap().as_string::<i32>().iter().map(|v| v.map(str::to_owned)).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_row_is_lost_doubled_or_changed(
        parts in proptest::collection::vec(proptest::collection::vec(row(), 1..60), 1..4),
        group in 1..40_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &parts, group);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (findings, kept) = runtime.block_on(async { repaired(&open(folder.path()).await, CONTRACT).await });
        // Parts of an odd place have no tags.
        let all: Vec<Row> = parts.iter().enumerate()
            .flat_map(|(i, p)| p.iter().map(move |(n, tag)| (n.clone(), tag.filter(|_| i % 2 == 0)))).collect();
        let want = |fit: bool| -> Vec<(i64, Row)> {
            (1..).zip(all.iter().cloned()).filter(|(_, row)| fits(row) == fit).collect()
        };
        let (passing, failing) = (want(true), want(false));
        prop_assert_eq!((findings.rows, findings.passed, findings.failing),
            (all.len() as u64, passing.len() as u64, failing.len() as u64));

        let passed = kept.rows(Output::Passed);
        let ids: Vec<i64> = passed.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
        let numbers: Vec<i64> = passed.iter().flat_map(|b| b.column(1).as_primitive::<Int64Type>().values().to_vec()).collect();
        prop_assert_eq!(&ids, &passing.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let wanted: Vec<i64> = passing.iter().map(|(_, (n, _))| n.as_ref().unwrap().parse().unwrap()).collect();
        prop_assert_eq!(numbers, wanted);

        let failed = kept.rows(Output::Failing);
        let ids: Vec<i32> = failed.iter().flat_map(|b| b.column(0).as_primitive::<Int32Type>().values().to_vec()).collect();
        prop_assert_eq!(ids, failing.iter().map(|(id, _)| *id as i32).collect::<Vec<_>>());
        if !failing.is_empty() {
            // As they were, each with a reason.
            prop_assert_eq!(texts(&failed, "n"), failing.iter().map(|(_, (n, _))| n.clone()).collect::<Vec<_>>());
            prop_assert!(texts(&failed, REASONS).iter().all(|why| why.as_ref().is_some_and(|w| !w.is_empty())));
        }
    }
}

fn some(n: &str) -> Row {
    (Some(n.to_owned()), Some("a"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_is_told_once_and_samples_are_row_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let rows = vec![some("1"), some("x"), (None, Some("z")), some("100"), (Some("x".into()), Some("z"))];
    write(folder.path(), &[rows], 100);
    let (findings, kept) = repaired(&open(folder.path()).await, CONTRACT).await;
    let told: Vec<_> = findings.checks.iter().map(|c| (c.check.as_str(), c.failed, c.rows.clone())).collect();
    let want = [
        ("type of n", 2, vec![2, 5]),
        // A text that is no number is not a missing one besides.
        ("n is required", 1, vec![3]),
        ("small", 1, vec![4]),
        ("of tags", 2, vec![3, 5]),
    ];
    assert_eq!(told, want);
    let reasons: Vec<_> = texts(&kept.rows(Output::Failing), REASONS).into_iter().flatten().collect();
    assert_eq!(reasons, ["type of n", "n is required; of tags", "small", "type of n; of tags"]);
    assert!(!findings.is_fine());
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_cannot_be_evaluated_pass_nobody_off_as_checked() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[vec![some("1"), some("2")]], 100);
    let contract = r#"{"columns": {"id": "bigint"}, "data_quality_rules": {"typo": "idd > 0", "no bool": "id + 1", "at run": "1 / (id - 1) > 0",
        "shape": 7}}"#;
    let (findings, kept) = repaired(&open(folder.path()).await, contract).await;
    let told: Vec<_> = findings.checks.iter().map(|c| (c.check.as_str(), c.status, c.why.is_some())).collect();
    assert_eq!(told, ["typo", "no bool", "at run", "shape"].map(|name| (name, FindingStatus::NotEvaluated, true)));
    assert!(!findings.is_fine() && findings.passed == 2);
    assert_eq!(kept.rows(Output::Passed).iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_off_is_an_error_and_no_repair() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Row> = (0..40_000).map(|n| some(&(n % 90).to_string())).collect();
    write(folder.path(), &[rows], 10_000);
    let file = folder.path().join(ROOT).join("rejected_rows.parquet/part-00000.parquet");
    let mut bytes = std::fs::read(&file).unwrap();
    let footer = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes.clone())).unwrap();
    let chunk = footer.metadata().row_group(2).column(1);
    let at = chunk.data_page_offset() as usize;
    bytes[at..at + 16].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let set = open(folder.path()).await;
    let contract = parse_contract(CONTRACT.as_bytes(), "c.json").unwrap();
    let evolution = Evolution::propose(&contract, set.columns());
    let kept = Kept::default();
    let ended = repair(&set, &evolution, &rules_of(&contract), &Halt::default(), kept.open(), |_| {}).await;
    assert!(
        matches!(&ended, Err(RowsError::Unreadable { object, .. }) if object.ends_with("part-00000.parquet")),
        "{ended:?}"
    );
    assert!(kept.0.lock().unwrap().is_empty(), "no file was finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_to_halt_and_a_full_disk_end_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[(0..40_000).map(|n| some(&(n % 90).to_string())).collect()], 10_000);
    let set = open(folder.path()).await;
    let contract = parse_contract(CONTRACT.as_bytes(), "c.json").unwrap();
    let (evolution, rules) = (Evolution::propose(&contract, set.columns()), rules_of(&contract));
    let halt = Halt::default();
    halt.now();
    let kept = Kept::default();
    let ended = repair(&set, &evolution, &rules, &halt, kept.open(), |_| {}).await;
    assert!(matches!(ended, Err(RowsError::Halted)), "{ended:?}");
    let full: Open = Box::new(|_| Err(io::Error::other("no room")));
    let ended = repair(&set, &evolution, &rules, &Halt::default(), full, |_| {}).await;
    assert!(ended.is_err_and(|e| e.to_string().contains("no room")));
}

/// One row group larger than what is held of it: windows follow each other, and each byte is fetched once.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_row_group_is_read_once_in_windows() {
    const ROWS: usize = 400_000;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[(0..ROWS).map(|n| some(&(1_000_000_000 + n).to_string())).collect()], ROWS);
    let file = folder.path().join(ROOT).join("rejected_rows.parquet/part-00000.parquet");
    let size = std::fs::metadata(file).unwrap().len();
    let set = open(folder.path()).await;
    let before = set.lake.counters().read();
    let contract = CONTRACT.replace("n < 100", "n >= 1000000000");
    let contract = parse_contract(contract.as_bytes(), "c.json").unwrap();
    let (evolution, rules, kept) = (Evolution::propose(&contract, set.columns()), rules_of(&contract), Kept::default());
    let findings = repair(&set, &evolution, &rules, &Halt::default(), kept.open(), |_| {}).await.unwrap();
    assert_eq!((findings.rows, findings.passed), (ROWS as u64, ROWS as u64));
    let numbers = kept.rows(Output::Passed).into_iter().map(|b| b.column(1).as_primitive::<Int64Type>().clone());
    let numbers: Vec<i64> = numbers.flat_map(|n| n.values().to_vec()).collect();
    assert!(numbers.iter().zip(1_000_000_000..).all(|(n, want)| *n == want) && numbers.len() == ROWS);
    let after = set.lake.counters().read();
    let (gets, bytes) = (after.gets - before.gets, after.bytes - before.bytes);
    assert!(gets >= 4, "{gets} requests: it was to be larger than a window");
    assert!(bytes <= size && bytes > size - 100_000, "{bytes} bytes of {size}");
}

/// Lines over several windows, one of them across their border, an odd end; each byte is read twice, and none is kept.
#[tokio::test(flavor = "multi_thread")]
async fn json_lines_stream_whatever_their_length() {
    const ROWS: usize = 70_000;
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join(ROOT);
    std::fs::create_dir_all(&directory).unwrap();
    let line = |n: usize| format!("{{\"id\": {n}, \"n\": \"{}\", \"note\": \"{}\"}}", n % 90, "é".repeat(40));
    let text = (0..ROWS).map(line).collect::<Vec<_>>().join("\r\n\n");
    std::fs::write(directory.join("part-00000.json"), format!("\u{feff}{text}")).unwrap();
    std::fs::write(directory.join("part-00001.json"), format!("{}\n", line(ROWS))).unwrap();
    let set = open(folder.path()).await;
    assert_eq!(set.total_rows(), Some(ROWS as u64 + 1));
    let (findings, kept) = repaired(&set, CONTRACT).await;
    assert_eq!((findings.rows, findings.failing), (ROWS as u64 + 1, 0));
    let ids =
        kept.rows(Output::Passed).into_iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec());
    assert!(ids.eq(0..=ROWS as i64));

    std::fs::write(directory.join("part-00001.json"), "{\"id\": 1}\n[]\n").unwrap();
    let lake: Arc<dyn Lake> = Arc::new(Folder::open(folder.path()).unwrap());
    let listed = lake.list(&ListRequest { prefix: ROOT.into(), ..ListRequest::default() }).await.unwrap();
    let broken = RowSet::open_to_stream(lake, &layout(ROOT, &listed.objects), Arc::default()).await;
    let error = broken.map(drop).unwrap_err().to_string();
    assert!(error.ends_with("part-00001.json: line 2 is not a JSON object"), "{error}");
}
