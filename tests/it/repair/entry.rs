//! A dead letter of orders whose schema lags behind its contract, in each format, and the places it lies in.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::json;
use tempfile::TempDir;

use crate::support::program::{LAKEWARD, Run, environment};
use crate::support::s3_server::{self, Server};

pub const ENTRY: &str = "_errors/silver/orders/dt=2026-11-24/";

/// Wider than the rows, with a column that they lack, rules that some of them break, and one on a column that is nowhere.
pub const CONTRACT: &str = r#"{"table": "orders", "primary_key": "order_id",
    "columns": {"order_id": "bigint", "amount": "decimal(10,2)", "day": "date", "status": "string", "ratio": "double"},
    "ranges": [{"column": "amount", "max": 1000}],
    "data_quality_rules": {"amount_positive": "amount > 0", "lost": "nowhere = 1"}}"#;

const SETTINGS: &str =
    "[[datasets]]\nname = \"silver/orders\"\nlayer = \"silver\"\ncontract = \"contracts/orders.json\"\n";

/// A lake, and a home that keeps its journals and its settings.
pub struct Place {
    pub home: TempDir,
    lake: Vec<String>,
    pub end: End,
}

pub enum End {
    Folder(TempDir),
    S3(&'static Server, String),
}

impl Place {
    pub fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = vec!["--lake".into(), folder.path().display().to_string()];
        Self { home: tempfile::tempdir().unwrap(), lake, end: End::Folder(folder) }.settled()
    }

    pub async fn s3() -> Self {
        let server = s3_server::shared();
        let bucket = server.bucket().await;
        let lake = ["--lake", &format!("s3://{bucket}"), "--endpoint-url", server.endpoint()].map(str::to_owned);
        Self { home: tempfile::tempdir().unwrap(), lake: lake.to_vec(), end: End::S3(server, bucket) }.settled()
    }

    fn settled(self) -> Self {
        std::fs::write(self.home.path().join("lakeward.toml"), SETTINGS).unwrap();
        self.put("contracts/orders.json", CONTRACT.as_bytes());
        self
    }

    /// The entry as a single parquet file, with its reasons and its marker.
    pub fn fill(&self, rows: Vec<u8>) {
        self.put(&format!("{ENTRY}rejected_rows.parquet"), &rows);
        self.put(&format!("{ENTRY}error_reasons.json"), b"{\"error_type\":\"schema\",\"row_count\":100}");
        self.put(&format!("{ENTRY}_SUCCESS"), b"");
    }

    pub fn put(&self, key: &str, bytes: &[u8]) {
        match &self.end {
            End::Folder(folder) => {
                let path = folder.path().join(key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            End::S3(server, bucket) => server.fill(bucket, key, bytes),
        }
    }

    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        match &self.end {
            End::Folder(folder) => std::fs::read(folder.path().join(key)).ok(),
            End::S3(server, bucket) => server.object(bucket, key),
        }
    }

    /// The keys below a prefix: of a folder; of S3, none is told.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let End::Folder(folder) = &self.end else { return Vec::new() };
        let (mut keys, mut open) = (Vec::new(), vec![folder.path().join(prefix)]);
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    open.push(entry.path());
                } else {
                    keys.push(entry.path().strip_prefix(folder.path()).unwrap().display().to_string());
                }
            }
        }
        keys
    }

    /// The three objects of the entry.
    pub fn all(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let names = ["rejected_rows.parquet", "error_reasons.json", "_SUCCESS"].map(|name| format!("{prefix}{name}"));
        names.into_iter().map(|key| (key.clone(), self.get(&key).unwrap())).collect()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(LAKEWARD);
        command.args(&self.lake).arg("--config").arg(self.home.path().join("lakeward.toml")).args(arguments);
        command.env_clear().env("USER", "ana").envs(environment(self.home.path()));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Of every 20 rows, the first has an amount that is none, and the eleventh one below zero.
fn amount(row: usize) -> String {
    match row % 20 {
        0 => "n/a".to_owned(),
        10 => "-3.25".to_owned(),
        n => format!("{n}.50"),
    }
}

fn batch(from: usize, to: usize) -> RecordBatch {
    let columns: [(&str, ArrayRef); 6] = [
        ("_dlq_error_type", Arc::new(StringArray::from(vec!["schema"; to - from]))),
        ("order_id", Arc::new(Int32Array::from_iter_values((from..to).map(|n| n as i32)))),
        ("amount", Arc::new(StringArray::from_iter_values((from..to).map(amount)))),
        ("day", Arc::new(StringArray::from(vec!["2026-11-24"; to - from]))),
        ("ratio", Arc::new(Float32Array::from(vec![0.5; to - from]))),
        (
            "email",
            Arc::new(StringArray::from_iter((from..to).map(|n| (n % 3 > 0).then(|| format!("u{n}@example.com"))))),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

/// So many rows as one parquet file.
pub fn rows(n: usize) -> Vec<u8> {
    parquet(&batch(0, n))
}

type Files = Vec<(String, Vec<u8>)>;

/// The same rows in each format that is read.
pub fn formats(n: usize) -> Vec<(&'static str, Files)> {
    let third = n / 3;
    let halves = [batch(0, third), batch(third, n)];
    let success = || ("_SUCCESS".to_owned(), Vec::new());
    let part = |i: usize| format!("rejected_rows.parquet/part-0000{i}.snappy.parquet");
    let mut spark: Files = halves.iter().enumerate().map(|(i, b)| (part(i), parquet(b))).collect();
    spark.push(success());
    // The second file lacks a column and has another one wider.
    let mut drifting = spark.clone();
    let other = halves[1].project(&[0, 1, 2, 3, 4]).unwrap();
    let wide = arrow::compute::cast(other.column(1), &arrow::datatypes::DataType::Int64).unwrap();
    let mut columns: Vec<(String, ArrayRef)> =
        other.schema().fields().iter().zip(other.columns()).map(|(f, c)| (f.name().clone(), Arc::clone(c))).collect();
    columns[1].1 = wide;
    drifting[1].1 = parquet(&RecordBatch::try_from_iter(columns).unwrap());
    let line = |row: usize| {
        let object = json!({"order_id": row, "amount": amount(row), "day": "2026-11-24", "ratio": 0.5, "_dlq_error_type": "schema"});
        format!("{object}\n")
    };
    let lines: String = (0..n).map(line).collect();
    vec![
        ("parquet", vec![("rejected_rows.parquet".to_owned(), rows(n)), success()]),
        ("parquet-dir", spark),
        ("parquet-dir whose parts differ", drifting),
        ("delta", delta(&halves)),
        ("ndjson", vec![("rejected_rows.json".to_owned(), lines.into_bytes()), success()]),
    ]
}

/// A table of two live files, and one that its log has removed.
fn delta(halves: &[RecordBatch; 2]) -> Files {
    let field = |name: &str, kind: &str| json!({"name": name, "type": kind, "nullable": true, "metadata": {}});
    let schema = json!({"type": "struct", "fields": [
        field("_dlq_error_type", "string"), field("order_id", "integer"), field("amount", "string"),
        field("day", "string"), field("ratio", "float"), field("email", "string")]});
    let mut files: Files =
        halves.iter().enumerate().map(|(i, b)| (format!("rejected_rows/{i}.parquet"), parquet(b))).collect();
    files.push(("rejected_rows/gone.parquet".to_owned(), parquet(&halves[0])));
    let add = |(name, bytes): &(String, Vec<u8>)| {
        let path = name.strip_prefix("rejected_rows/").unwrap();
        json!({"add": {"path": path, "partitionValues": {}, "size": bytes.len(), "modificationTime": 1, "dataChange": true}})
    };
    let mut log = vec![
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {"id": "t", "format": {"provider": "parquet", "options": {}}, "schemaString": schema.to_string(),
            "partitionColumns": [], "configuration": {}, "createdTime": 1}}),
    ];
    log.extend(files.iter().map(add));
    let removal = json!({"remove": {"path": "gone.parquet", "deletionTimestamp": 2, "dataChange": true}});
    let text = |lines: &[serde_json::Value]| lines.iter().map(|l| format!("{l}\n")).collect::<String>().into_bytes();
    files.push(("rejected_rows/_delta_log/00000000000000000000.json".to_owned(), text(&log)));
    files.push(("rejected_rows/_delta_log/00000000000000000001.json".to_owned(), text(&[removal])));
    files.push(("_SUCCESS".to_owned(), Vec::new()));
    files
}
