//! Rows end to end over a lake in memory that counts requests, rounds and bytes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde_json::json;

use super::layout::layout;
use super::set::{RowSet, count};
use super::{PageRequest, RowCache, RowsError};
use crate::lake::{
    ByteRange, Counters, ETag, ErrorClass, Fetched, Key, Lake, LakeError, ListPage, ListRequest, ObjectDetail,
    ObjectMeta,
};

const ROOT: &str = "_errors/d/dt=2026-11-24/";

/// Objects in memory. A round is a time with requests under way: each answer waits for its round's others.
#[derive(Debug, Default)]
struct TestLake {
    objects: HashMap<String, Bytes>,
    counters: Arc<Counters>,
    under_way: AtomicU64,
    rounds: AtomicU64,
}

#[async_trait]
impl Lake for TestLake {
    fn url(&self) -> &str {
        "mem://lake"
    }
    async fn list(&self, _: &ListRequest) -> Result<ListPage, LakeError> {
        Ok(ListPage::default())
    }
    async fn get(&self, key: &Key, range: ByteRange, if_match: Option<&ETag>) -> Result<Fetched, LakeError> {
        let level = self.counters.get();
        if self.under_way.fetch_add(1, Ordering::SeqCst) == 0 {
            self.rounds.fetch_add(1, Ordering::SeqCst);
        }
        tokio::task::yield_now().await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let uri = self.uri(key.as_str());
        let all = self.objects.get(key.as_str()).ok_or_else(|| LakeError::new(ErrorClass::NotFound, &uri, "gone"))?;
        if if_match.is_some_and(|e| e.0 != all.len().to_string()) {
            return Err(LakeError::new(ErrorClass::Conflict, &uri, "it changed"));
        }
        let size = all.len() as u64;
        let span = match range {
            ByteRange::Whole => 0..size,
            ByteRange::Span(r) => r.start..r.end.min(size),
            ByteRange::Suffix(n) => size.saturating_sub(n)..size,
        };
        let bytes = all.slice(span.start as usize..span.end as usize);
        self.counters.received(level, bytes.len() as u64);
        let etag = ETag(size.to_string());
        Ok(Fetched { bytes, offset: span.start, size, etag, modified: DateTime::UNIX_EPOCH })
    }
    async fn head(&self, key: &Key) -> Result<ObjectMeta, LakeError> {
        Err(LakeError::new(ErrorClass::Unsupported, key.as_str(), "not needed"))
    }
    async fn inspect(&self, key: &Key) -> Result<ObjectDetail, LakeError> {
        self.head(key).await.map(ObjectDetail::plain)
    }
    async fn tags(&self, _: &Key, _: Option<&str>) -> Result<Vec<(String, String)>, LakeError> {
        Ok(Vec::new())
    }
    fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

fn lake(objects: Vec<(&str, Vec<u8>)>) -> (Arc<TestLake>, super::Layout) {
    let objects: HashMap<String, Bytes> =
        objects.into_iter().map(|(name, bytes)| (format!("{ROOT}{name}"), Bytes::from(bytes))).collect();
    let metas: Vec<ObjectMeta> = objects
        .iter()
        .map(|(key, bytes)| ObjectMeta {
            key: Key(key.clone()),
            size: bytes.len() as u64,
            etag: ETag(bytes.len().to_string()),
            modified: DateTime::UNIX_EPOCH,
            storage_class: None,
        })
        .collect();
    (Arc::new(TestLake { objects, ..TestLake::default() }), layout(ROOT, &metas))
}

fn parquet(columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> Vec<u8> {
    let fields: Vec<Field> =
        columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), a.is_nullable())).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch =
        RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, a)| a).collect::<Vec<_>>()).unwrap();
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    out
}

fn ints(of: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(of.into_iter().collect::<Int64Array>())
}

fn texts(of: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(of.into_iter().map(Some).collect::<StringArray>())
}

fn small() -> Vec<u8> {
    let plain = WriterProperties::builder().build();
    parquet(vec![("id", ints(0..10)), ("Name", texts((0..10).map(|i| format!("n{i}")))), ("id", ints(10..20))], plain)
}

async fn open(lake: &Arc<TestLake>, layout: &super::Layout) -> Result<RowSet, RowsError> {
    RowSet::open(Arc::clone(lake) as Arc<dyn Lake>, layout, Arc::default()).await
}

/// Columns of about 8 MB each in one row group, pages of about 1 MB, incompressible; every fifth from a dictionary.
fn large(index: bool) -> Vec<u8> {
    let rows = 300_000_i64;
    let noise = |seed: i64| (0..rows).map(move |i| (i * 31 + seed).wrapping_mul(0x5851_F42D_4C95_7F2D));
    let mut columns: Vec<(&str, ArrayRef)> = vec![("n0", ints(0..rows)), ("n1", ints(noise(1)))];
    columns.push(("text", texts(noise(2).map(|x| format!("{x:x}")))));
    columns.push(("word", texts(noise(3).map(|x| format!("{:030}", x.rem_euclid(20_000))))));
    columns.push(("n4", ints(noise(4))));
    let mut properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows as usize))
        .set_data_page_size_limit(1024 * 1024)
        .set_data_page_row_count_limit(usize::MAX)
        .set_offset_index_disabled(!index);
    if !index {
        properties = properties.set_statistics_enabled(EnabledStatistics::Chunk);
    }
    parquet(columns, properties.build())
}

#[tokio::test]
async fn a_small_file_costs_one_request_in_all() {
    let (lake, layout) = lake(vec![("rejected_rows.parquet", small())]);
    let set = open(&lake, &layout).await.unwrap();
    let page = set.page(&PageRequest { offset: 8, limit: 5, ..PageRequest::default() }).await.unwrap();
    assert_eq!(page.rows, [[json!(8), json!("n8"), json!(18)], [json!(9), json!("n9"), json!(19)]]);
    assert_eq!((page.total_rows, page.truncated), (Some(10), false));
    assert_eq!(lake.counters.read().gets, 1);
}

#[tokio::test]
async fn a_large_file_costs_few_requests_rounds_and_bytes() {
    for index in [false, true] {
        let bytes = large(index);
        let size = bytes.len() as u64;
        assert!(size > 8_000_000, "{size}");
        let (lake, layout) = lake(vec![("rejected_rows.parquet", bytes)]);
        let set = open(&lake, &layout).await.unwrap();
        let columns = Some(vec![1, 2, 3]);
        let page = set.page(&PageRequest { limit: 100, columns, ..PageRequest::default() }).await.unwrap();
        assert_eq!(page.rows.len(), 100);
        let (stats, rounds) = (lake.counters.read(), lake.rounds.load(Ordering::SeqCst));
        println!("index {index}: {size} bytes, {stats:?}, {rounds} rounds");
        assert!(stats.gets <= 8 && stats.bytes <= 6_000_000 && rounds <= 4, "{index} {stats:?} {rounds}");
        // A jump reads headers or the index, and the pages of the rows asked for, not what lies between.
        let jump = PageRequest { offset: 250_000, limit: 3, columns: Some(vec![0]), ..PageRequest::default() };
        let page = set.page(&jump).await.unwrap();
        assert_eq!(page.rows, [[json!(250_000)], [json!(250_001)], [json!(250_002)]]);
        let after = lake.counters.read() - stats;
        println!("jump: {after:?}");
        assert!(after.bytes <= 3_000_000, "{after:?}");
    }
}

#[tokio::test]
async fn filters_match_count_and_page() {
    let (lake, layout) = lake(vec![("a.parquet", small()), ("b.parquet", small())]);
    let set = open(&lake, &layout).await.unwrap();
    let filter = |text: &str| PageRequest { limit: 2, offset: 1, filter: Some(text.into()), ..PageRequest::default() };
    let page = set.page(&filter(r#""id#2" >= 18 and Name like 'n%'"#)).await.unwrap();
    assert_eq!(page.rows, [[json!(9), json!("n9"), json!(19)], [json!(8), json!("n8"), json!(18)]]);
    assert_eq!((page.total_rows, page.truncated), (Some(4), true));
    for (text, fault) in [
        ("id + 1", "filter: the expression is int64, not true or false"),
        ("name = 'x'", "filter: no column \"name\"; it is spelt \"Name\""),
        ("nope = 1", "filter: no column \"nope\"; there are: id, Name, id#2"),
    ] {
        assert_eq!(set.page(&filter(text)).await.unwrap_err().to_string(), fault);
    }
    assert!(matches!(set.page(&filter("id = = 1")).await, Err(RowsError::Filter(_))));
}

#[tokio::test]
async fn parts_are_joined_by_name() {
    let plain = || WriterProperties::builder().build();
    let first = parquet(vec![("a", ints([1])), ("b", ints([2]))], plain());
    let second = parquet(vec![("b", texts(["x".to_owned()])), ("c", ints([3]))], plain());
    let (lake, layout) = lake(vec![("a.parquet", first), ("b.parquet", second)]);
    let set = open(&lake, &layout).await.unwrap();
    let page = set.page(&PageRequest { limit: 9, ..PageRequest::default() }).await.unwrap();
    assert_eq!(page.rows, [[json!(1), json!(2), json!(null)], [json!(null), json!("x"), json!(3)]]);
    let counted = count(lake as Arc<dyn Lake>, &layout, Arc::new(RowCache::default()), 0).await.unwrap();
    assert_eq!(counted, Some(2));
}

#[tokio::test]
async fn json_lines_are_rows() {
    let lines = b"\xef\xbb\xbf{\"a\":1,\"b\":\"x\"}\n\n{\"a\":2.5,\"c\":{\"d\":[1]}}\r\n{\"b\":7}".to_vec();
    let (lake, layout) = lake(vec![("part-0.json", lines)]);
    let set = open(&lake, &layout).await.unwrap();
    let kinds: Vec<&str> = set.columns().iter().map(|c| c.kind.as_str()).collect();
    assert_eq!(kinds, ["double", "mixed", "struct"]);
    let filter = Some("a > 2 or b = '7'".to_owned());
    let page = set.page(&PageRequest { limit: 9, filter, ..PageRequest::default() }).await.unwrap();
    assert_eq!(page.rows, [[json!(2.5), json!(null), json!({"d":[1]})], [json!(null), json!(7), json!(null)]]);
}

#[tokio::test]
async fn damage_names_the_object_and_never_panics() {
    let whole = small();
    let mut cases = vec![vec![], b"PAR1".to_vec(), b"no parquet at all".to_vec(), whole[..whole.len() / 2].to_vec()];
    for at in (0..whole.len()).step_by(3) {
        let mut broken = whole.clone();
        broken[at] ^= 0xff;
        cases.push(broken);
    }
    for bytes in cases {
        let (lake, layout) = lake(vec![("rejected_rows.parquet", bytes)]);
        let outcome = match open(&lake, &layout).await {
            Ok(set) => set.page(&PageRequest { limit: 100, ..PageRequest::default() }).await.map(|_| ()),
            Err(e) => Err(e),
        };
        if let Err(error) = outcome {
            let text = error.to_string();
            assert!(text.starts_with("mem://lake/_errors/d/dt=2026-11-24/rejected_rows.parquet: "), "{text}");
            assert!(!text.contains('\n'), "{text}");
        }
    }
}

#[tokio::test]
async fn a_profile_puts_the_odd_first() {
    let plain = WriterProperties::builder().build();
    let empty = Arc::new(Int64Array::from(vec![None; 3])) as ArrayRef;
    assert_eq!(empty.data_type(), &DataType::Int64);
    let bytes = parquet(vec![("ok", ints([5, 1, 5])), ("none", empty), ("same", ints([7, 7, 7]))], plain);
    let (lake, layout) = lake(vec![("rejected_rows.parquet", bytes)]);
    let profile = open(&lake, &layout).await.unwrap().profile(None, 1000).await.unwrap();
    let names: Vec<&str> = profile.iter().map(|p| p.column.name.as_str()).collect();
    assert_eq!(names, ["none", "same", "ok"]);
    assert_eq!((profile[2].min.clone(), profile[2].max.clone(), profile[2].distinct), (json!(1), json!(5), 2));
    assert_eq!(profile[2].top, [(json!(5), 2), (json!(1), 1)]);
}
