//! The repair of an entry of a million rows, next to pyarrow reading, casting and writing the same file, and what it holds
//! in memory meanwhile. `cargo bench --bench repair`; needs Python 3 with venv, and a package index the first time.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

#[path = "../tests/it/support/python.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod python;

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float32Array, Int32Array, RecordBatch, StringArray};
use lakeward::lake::folder::Folder;
use lakeward::lake::path::Prefixes;
use lakeward::lake::{Lake, LakeWriter};
use lakeward::model::dataset::DatasetSettings;
use lakeward::model::protection::{Confirmation, Protection};
use lakeward::ops::gate::Journal;
use lakeward::ops::{Gate, LakeSettings, Session, Watch, WriteEffect};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

const ROWS: usize = 1_000_000;
const ENTRY: &str = "silver/orders/dt=2026-11-24";
/// Acceptance: resident bytes at the most.
const MOST: u64 = 200 << 20;
/// Runs of each; the best counts.
const RUNS: usize = 3;

const CONTRACT: &str = r#"{"table": "orders", "primary_key": "order_id", "columns": {"order_id": "bigint",
    "amount": "decimal(10,2)", "day": "date", "quantity": "bigint", "ratio": "double", "customer": "string",
    "note": "string", "status": "string"}, "data_quality_rules": {"amount_positive": "amount > 0", "some": "quantity > 0"}}"#;

fn main() {
    // Memory is counted of one process that does nothing else: the bench runs itself.
    if let [_, mode, lake] = &std::env::args().collect::<Vec<_>>()[..]
        && mode == "--alone"
    {
        return alone(Path::new(lake));
    }
    let folder = tempfile::tempdir().unwrap();
    let entry = folder.path().join("_errors").join(ENTRY);
    std::fs::create_dir_all(&entry).unwrap();
    std::fs::create_dir_all(folder.path().join("contracts")).unwrap();
    std::fs::write(folder.path().join("contracts/orders.json"), CONTRACT).unwrap();
    let source = entry.join("rejected_rows.parquet");
    let size = write(&source);
    std::fs::write(entry.join("_SUCCESS"), b"").unwrap();
    println!("{ROWS} rows x 7 columns, one row group, {} MiB of parquet; the best of {RUNS} runs", size >> 20);
    println!("{:<52} {:>8} {:>13}", "", "seconds", "peak, MiB");
    let python = python::environment("pyarrow.txt");
    let script = python::folder().join("repair.py");
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let target = folder.path().join(format!("pyarrow-{run}.parquet"));
        theirs.push(told(Command::new(&python).arg(&script).arg(&source).arg(&target)));
        ours.push(told(Command::new(std::env::current_exe().unwrap()).arg("--alone").arg(folder.path())));
    }
    let best = |of: &[[f64; 3]]| of.iter().copied().min_by(|a, b| a[0].total_cmp(&b[0])).unwrap();
    let (theirs, ours) = (best(&theirs), best(&ours));
    let line = |what: &str, of: [f64; 3]| println!("{what:<52} {:>8.2} {:>13.0}", of[0], of[1] / 1048576.0);
    line("pyarrow: read, cast, write", theirs);
    line("lakeward: read, cast, two rules, write, digest, seal", ours);
    println!("(planning it, which judges every row twice, took {:.2} s)", ours[2]);
    assert!(ours[1] < MOST as f64, "it holds too much");
    assert!(ours[0] <= theirs[0], "it is slower than pyarrow");
}

/// Three numbers that a program prints: seconds, peak bytes, and one of its own.
fn told(command: &mut Command) -> [f64; 3] {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

/// Plans and repairs, and prints seconds of the repair, peak of the process, seconds of the plan.
fn alone(folder: &Path) {
    let lake = Folder::open(folder).unwrap();
    let reads: Arc<dyn Lake> = Arc::new(lake.clone());
    let writes: Arc<dyn LakeWriter> = Arc::new(lake);
    let journal = tempfile::tempdir().unwrap();
    let gate = Gate::new(writes, Prefixes::default(), Protection::Open, Journal::at(journal.path().to_owned()));
    let gate = Arc::new(gate);
    let dataset =
        DatasetSettings { contract: Some("contracts/orders.json".into()), ..DatasetSettings::of("silver/orders") };
    let settings = LakeSettings { datasets: vec![dataset], ..LakeSettings::default() };
    let session = Session::new(reads, settings).with_gate(Arc::clone(&gate));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let began = Instant::now();
        let plan = session.plan_repair(ENTRY, false, chrono::Utc::now(), Arc::new(|_, _| {})).await.unwrap();
        let planned = began.elapsed().as_secs_f64();
        assert_eq!((plan.after.rows, plan.after.failing), (ROWS as u64, 0));
        let began = Instant::now();
        let done = gate.perform(WriteEffect::Repair(Box::new(plan)), Some(Confirmation::Yes), &Watch::default()).await;
        done.unwrap();
        println!("{} {} {planned}", began.elapsed().as_secs_f64(), peak());
    });
}

/// The most that this process was resident in.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// Rows that pyarrow can cast as a whole, in one row group: the worst case for what is held.
fn write(path: &Path) -> u64 {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROWS))
        .build();
    let mut seed = 42_u64;
    let first = batch(0, 1, &mut seed);
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), first.schema(), Some(properties)).unwrap();
    for from in (0..ROWS).step_by(50_000) {
        writer.write(&batch(from, 50_000.min(ROWS - from), &mut seed)).unwrap();
    }
    writer.close().unwrap();
    std::fs::metadata(path).unwrap().len()
}

fn batch(from: usize, rows: usize, seed: &mut u64) -> RecordBatch {
    let mut random = || {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed
    };
    let amounts: Vec<String> = (0..rows).map(|_| format!("{}.{:02}", random() % 90_000 + 1, random() % 100)).collect();
    let notes: Vec<String> = (0..rows).map(|_| format!("{:016x}{:08x}", random(), random() as u32)).collect();
    let columns: [(&str, ArrayRef); 7] = [
        ("order_id", Arc::new(Int32Array::from_iter_values((from..from + rows).map(|n| n as i32)))),
        ("amount", Arc::new(StringArray::from(amounts))),
        (
            "day",
            Arc::new(StringArray::from_iter_values((0..rows).map(|_| format!("2026-11-{:02}", random() % 28 + 1)))),
        ),
        ("quantity", Arc::new(Int32Array::from_iter_values((0..rows).map(|_| (random() % 50 + 1) as i32)))),
        ("ratio", Arc::new(Float32Array::from_iter_values((0..rows).map(|_| random() as f32)))),
        (
            "customer",
            Arc::new(StringArray::from_iter_values(
                (0..rows).map(|r| format!("user{}@example.com", (from + r) % 300_000)),
            )),
        ),
        ("note", Arc::new(StringArray::from(notes))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}
