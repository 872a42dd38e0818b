//! What a preview costs: requests, their depth and bytes, for the files of the README's table.
//! `cargo bench --bench preview`. The lake is a folder: its port counts as the one of S3 does.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use lakeward::lake::Lake;
use lakeward::lake::folder::Folder;
use lakeward::ops::{LakeSettings, Session};
use lakeward::rows::PageRequest;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

const COLUMNS: usize = 20;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    println!("{:<44} {:>8} {:>6} {:>10} {:>9}", "preview", "requests", "levels", "bytes", "ms");
    for (name, rows, index) in [
        ("150 rows", 150, true),
        ("1 M rows, no page index", 1_000_000, false),
        ("1 M rows, page index", 1_000_000, true),
    ] {
        let entry = dir.path().join("_errors/big/dt=2026-11-22");
        std::fs::create_dir_all(&entry).unwrap();
        let size = write(&entry.join("rejected_rows.parquet"), rows, index);
        std::fs::write(entry.join("_SUCCESS"), b"").unwrap();
        println!("-- {name} x {COLUMNS} columns, one row group, {size} bytes");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        measure(&runtime, dir.path(), "3 columns, first 100 rows", 0, Some(vec![0, 1, 5]));
        measure(&runtime, dir.path(), "all columns, first 100 rows", 0, None);
        measure(&runtime, dir.path(), "3 columns, 100 rows at the middle", rows as u64 / 2, Some(vec![0, 1, 5]));
    }
}

fn measure(runtime: &tokio::runtime::Runtime, dir: &Path, what: &str, offset: u64, columns: Option<Vec<usize>>) {
    runtime.block_on(async {
        let lake: Arc<dyn Lake> = Arc::new(Folder::open(dir).unwrap());
        let session = Session::new(Arc::clone(&lake), LakeSettings::default());
        let started = Instant::now();
        let entry = session.locate("big/dt=2026-11-22").await.unwrap();
        let page = session.page(&entry, &PageRequest { offset, limit: 100, columns, filter: None }).await.unwrap();
        assert_eq!(page.rows.len(), 100.min(page.total_rows.unwrap() as usize - offset as usize));
        let (stats, ms) = (lake.counters().read(), started.elapsed().as_secs_f64() * 1e3);
        println!("{what:<44} {:>8} {:>6} {:>10} {ms:>9.1}", stats.gets, stats.levels, stats.bytes);
    });
}

fn write(path: &Path, rows: usize, index: bool) -> u64 {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(rows))
        .set_offset_index_disabled(!index)
        .set_statistics_enabled(if index { EnabledStatistics::Page } else { EnabledStatistics::Chunk })
        .build();
    let mut seed = 42_u64;
    let first = batch(0, 1, &mut seed);
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), first.schema(), Some(properties)).unwrap();
    for from in (0..rows).step_by(50_000) {
        writer.write(&batch(from, 50_000.min(rows - from), &mut seed)).unwrap();
    }
    writer.close().unwrap();
    std::fs::metadata(path).unwrap().len()
}

/// Numbers that do not repeat, numbers that do, texts of both kinds, times.
fn batch(from: usize, rows: usize, seed: &mut u64) -> RecordBatch {
    let mut random = || {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed
    };
    let columns = (0..COLUMNS).map(|c| {
        let array: ArrayRef = match c % 5 {
            0 => Arc::new(Int64Array::from_iter_values((0..rows).map(|_| random() as i64))),
            1 => Arc::new(StringArray::from_iter_values((0..rows).map(|r| format!("user{}@example.com", from + r)))),
            2 => Arc::new(Float64Array::from_iter_values((0..rows).map(|_| random() as f64 / 1e9))),
            3 => Arc::new(StringArray::from_iter_values(
                (0..rows).map(|_| format!("{:016x}{:08x}", random(), random() as u32)),
            )),
            _ => Arc::new(TimestampMicrosecondArray::from_iter_values(
                (0..rows).map(|r| 1_700_000_000_000_000 + (from + r) as i64 * 1_000),
            )),
        };
        (format!("column_{c}"), array)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}
