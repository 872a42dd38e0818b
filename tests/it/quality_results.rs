//! Quality results, feeds and contracts on a lake: what is read, what it costs, and what one bad object does to others.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use lakeward::lake::{ErrorClass, Lake, Stats};
use lakeward::model::category::default_rules;
use lakeward::model::probe::Verdict;
use lakeward::ops::{LakeSettings, Session, Snapshot, SourceState};
use lakeward::sources::SourceError;
use lakeward::sources::contracts::{Contracts, SchemaFormat, SchemaName, SchemaRegistry, SchemaVersion};
use lakeward::sources::feed::Feeds;
use lakeward::sources::quality::{QualityAsk, QualityResults};

use crate::support::memory::{Memory, Verb};

fn suite(passed: bool) -> String {
    format!(
        r#"{{"suite_name": "orders", "expectations": [{{"expectation_type": "e", "passed": {passed}}}], "passed": {passed}}}"#
    )
}

/// A lake with two suites on each of thirty days, and lists of checks for two layers.
fn lake() -> Memory {
    let lake = Memory::default();
    for day in 1..=30 {
        lake.set(&format!("_dq_results/dt=2026-11-{day:02}/orders.json"), suite(true));
        lake.set(&format!("_dq_results/dt=2026-11-{day:02}/_SUCCESS"), "");
    }
    lake.set("_dq_results/dt=2026-11-30/customers.json", suite(false));
    lake.set(
        "gold/quality/silver/dq_results_orders_20261125_104500.json",
        r#"{"table_name": "orders", "checks": [{"check": "c", "passed": true}]}"#,
    );
    lake.set("gold/quality/silver/report.html", "<html>");
    lake
}

fn spent(lake: &Memory, before: Stats) -> (u64, u64) {
    let stats = lake.counters().read() - before;
    (stats.lists, stats.gets)
}

#[tokio::test]
async fn an_unchanged_lake_costs_its_listings_alone() {
    let lake = lake();
    let (results, ask) = (QualityResults::default(), QualityAsk::of_defaults());
    let before = lake.counters().read();
    let first = results.read(&lake, &ask).await;
    assert_eq!(first.problems, []);
    // One page of each prefix tells all; of the dates, the last seven of thirty are read.
    assert_eq!(spent(&lake, before), (2, 9));
    assert!(first.more, "older dates were left out");
    let mut dates: Vec<_> = first.results.iter().filter_map(|r| r.date).collect();
    dates.sort();
    assert_eq!((dates.len(), dates[0]), (8, NaiveDate::from_ymd_opt(2026, 11, 24).unwrap()));

    let before = lake.counters().read();
    assert_eq!(results.read(&lake, &ask).await, first);
    assert_eq!(spent(&lake, before), (2, 0));

    lake.set("_dq_results/dt=2026-11-30/orders.json", suite(false));
    let before = lake.counters().read();
    let changed = results.read(&lake, &ask).await;
    assert_eq!(spent(&lake, before), (2, 1));
    let failed = changed.results.iter().filter(|r| r.verdict() == Verdict::Fail).count();
    assert_eq!(failed, 2);
    let tag = lake.head(&"_dq_results/dt=2026-11-30/orders.json".into()).await.unwrap().etag;
    assert!(changed.results.iter().any(|r| r.etag.as_ref() == Some(&tag.0)), "the evidence is pinned");
}

#[tokio::test]
async fn dates_of_incidents_are_looked_into_however_old() {
    let lake = lake();
    let old = NaiveDate::from_ymd_opt(2026, 11, 2).unwrap();
    let ask = QualityAsk { dates: vec![old], ..QualityAsk::of_defaults() };
    let read = QualityResults::default().read(&lake, &ask).await;
    assert!(read.results.iter().any(|r| r.date == Some(old)));
    assert!(!read.results.iter().any(|r| r.date == old.succ_opt()));
}

#[tokio::test]
async fn a_directory_of_parts_is_one_object() {
    let lake = Memory::default();
    let row = |column: &str, nulls: u8| {
        format!(
            "{{\"table_name\":\"orders\",\"total_rows\":9,\"null_violations\":{{\"{column}\":{nulls}}},\"passed\":{}}}",
            nulls == 0
        )
    };
    lake.set("gold/quality/silver/orders/part-00000-x.json", row("id", 0));
    lake.set("gold/quality/silver/orders/part-00001-x.json", "");
    lake.set("gold/quality/silver/orders/part-00002-x.json", row("email", 2));
    lake.set("gold/quality/silver/orders/_SUCCESS", "");
    let results = QualityResults::default();
    let read = results.read(&lake, &QualityAsk::of_defaults()).await;
    assert_eq!(read.problems, []);
    let told: Vec<_> = read.results.iter().map(|r| (r.uri.as_str(), r.verdict())).collect();
    let uri = "s3://memory/gold/quality/silver/orders/";
    assert_eq!(told, [(uri, Verdict::Pass), (uri, Verdict::Fail)]);
    let before = lake.counters().read();
    results.read(&lake, &QualityAsk::of_defaults()).await;
    assert_eq!(spent(&lake, before).1, 0);
}

#[tokio::test]
async fn one_bad_object_hides_no_other() {
    let lake = lake();
    lake.set("_dq_results/dt=2026-11-30/bad.json", "{\"suite_name\": ");
    lake.set("_dq_results/dt=2026-11-30/gone.json.gz", "x");
    lake.set_sparse("_dq_results/dt=2026-11-30/huge.json", "{", 5 << 20);
    lake.deny(Verb::Get, "_dq_results/dt=2026-11-29/");
    let results = QualityResults::default();
    let read = results.read(&lake, &QualityAsk::of_defaults()).await;
    assert_eq!(read.results.len(), 8);
    let mut classes: Vec<_> = read.problems.iter().map(|p| (p.object.rsplit('/').next().unwrap(), p.class)).collect();
    classes.sort_by_key(|(name, _)| *name);
    assert_eq!(
        classes,
        [
            ("bad.json", ErrorClass::Malformed),
            ("gone.json.gz", ErrorClass::Unsupported),
            ("huge.json", ErrorClass::Malformed),
            ("orders.json", ErrorClass::Denied),
        ]
    );
    let bad = read.problems.iter().find(|p| p.object.ends_with("bad.json")).unwrap();
    assert!(bad.hint.contains("run the gate again"), "{}", bad.hint);
    // What the object is to blame for is not read again; what the store denied is.
    let before = lake.counters().read();
    lake.behave();
    let again = results.read(&lake, &QualityAsk::of_defaults()).await;
    assert_eq!((spent(&lake, before).1, again.results.len(), again.problems.len()), (1, 9, 3));
}

#[tokio::test]
async fn a_listing_that_fails_is_a_problem_and_loses_nothing_of_the_others() {
    let lake = lake();
    let results = QualityResults::default();
    results.read(&lake, &QualityAsk::of_defaults()).await;
    lake.deny(Verb::List, "gold/quality/");
    let before = lake.counters().read();
    let read = results.read(&lake, &QualityAsk::of_defaults()).await;
    assert_eq!((read.results.len(), read.problems.len(), spent(&lake, before).1), (8, 1, 0));
    lake.behave();
    let before = lake.counters().read();
    assert_eq!(results.read(&lake, &QualityAsk::of_defaults()).await.results.len(), 9);
    assert_eq!(spent(&lake, before).1, 0, "what could not be listed was kept");
}

#[tokio::test]
async fn two_hundred_objects_are_read_and_the_last_word_of_each_gate() {
    let lake = Memory::default();
    let ask = QualityAsk { prefixes: vec!["dq/".into()], dates: vec![] };
    lake.set("dq/dq_results_refunds_20261120_104500.json", suite(false));
    lake.set("dq/dq_results_refunds_20261119_104500.json", suite(true));
    for minute in 0..230 {
        lake.set(&format!("dq/dq_results_orders_20261125_{:02}{:02}00.json", minute / 60, minute % 60), suite(true));
    }
    let before = lake.counters().read();
    let read = QualityResults::default().read(&lake, &ask).await;
    assert_eq!((read.results.len(), read.more, read.cut.len(), spent(&lake, before).1), (202, true, 0, 202));
    let refunds: Vec<_> = read.results.iter().filter(|r| r.uri.contains("refunds")).map(|r| r.verdict()).collect();
    assert_eq!(refunds, [Verdict::Pass, Verdict::Fail], "of each date the last");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_read_in_time_is_told_and_there_at_the_next_look() {
    let lake = Memory::default();
    (0..300).for_each(|n| drop(lake.set(&format!("dq/t{n}.json"), suite(true))));
    lake.slow(Verb::Get, "dq/", std::time::Duration::from_secs(5));
    let (ask, results) = (QualityAsk { prefixes: vec!["dq/".into()], dates: vec![] }, QualityResults::default());
    for (read, left) in [(128, 172), (256, 44), (300, 0)] {
        let look = results.read(&lake, &ask).await;
        assert_eq!((look.results.len(), look.cut.len(), look.problems.len()), (read, left, 0));
    }
}

#[tokio::test]
async fn more_gates_than_are_read_are_told() {
    let lake = Memory::default();
    let ask = QualityAsk { prefixes: vec!["dq/".into()], dates: vec![] };
    for n in 0..=1000 {
        lake.set(&format!("dq/t{n}/orders.json"), suite(true));
    }
    let read = QualityResults::default().read(&lake, &ask).await;
    // A thousand listings, three of which were those of the prefix.
    assert_eq!((read.results.len(), read.cut.len(), read.cut[3].as_str()), (997, 4, "dq/t999/"));
}

/// More than a page of what nobody reads.
fn crowd(lake: &Memory, prefix: &str) {
    for n in 0..=1000 {
        lake.set(&format!("{prefix}_old/{n}.json"), "");
    }
}

#[tokio::test]
async fn a_prefix_of_many_pages_is_walked_by_its_levels_and_finds_the_same() {
    let (small, large) = (lake(), lake());
    crowd(&large, "_dq_results/");
    let (ask, results) = (QualityAsk::of_defaults(), QualityResults::default());
    let of_small = QualityResults::default().read(&small, &ask).await;
    let before = large.counters().read();
    let of_large = results.read(&large, &ask).await;
    assert_eq!(of_large.results, of_small.results);
    // A page that is not all; then the prefix and the last seven dates. The other one is a page.
    assert_eq!(spent(&large, before), (10, 9));
    let before = large.counters().read();
    assert_eq!(results.read(&large, &ask).await.results, of_small.results);
    // It is known to be large.
    assert_eq!(spent(&large, before), (9, 0));
}

#[tokio::test]
async fn years_are_jumped() {
    let lake = Memory::default();
    for year in 2020..=2026 {
        for month in 1..=12 {
            lake.set(&format!("dq/year={year}/month={month}/day=3/orders.json"), suite(true));
        }
    }
    let ask = QualityAsk { prefixes: vec!["dq/".into()], dates: vec![] };
    let before = lake.counters().read();
    let of_small = QualityResults::default().read(&lake, &ask).await;
    assert_eq!((spent(&lake, before), of_small.results.len(), of_small.more), ((1, 4), 4, true));
    crowd(&lake, "dq/");
    let before = lake.counters().read();
    let read = QualityResults::default().read(&lake, &ask).await;
    // A page, the prefix, two years: of each the last two months.
    assert_eq!(spent(&lake, before), (4, 4));
    assert_eq!(read.results, of_small.results);
}

#[tokio::test]
async fn a_level_of_two_hundred_datasets_costs_a_listing_of_each() {
    let lake = Memory::default();
    for n in 0..200 {
        for day in 1..=9 {
            lake.set(&format!("dq/d{n:03}/dt=2026-11-{day:02}/orders.json"), suite(true));
        }
    }
    let (ask, results) = (QualityAsk { prefixes: vec!["dq/".into()], dates: vec![] }, QualityResults::default());
    let first = results.read(&lake, &ask).await;
    assert_eq!((first.cut.len(), first.problems.len()), (0, 0));
    let gates: std::collections::BTreeSet<_> = first.results.iter().map(|r| &r.uri[..r.uri.len() - 26]).collect();
    assert_eq!(gates.len(), 200, "each has its last word");
    let before = lake.counters().read();
    let again = results.read(&lake, &ask).await;
    assert_eq!((spent(&lake, before), again.listings), ((201, 0), 201));
}

#[tokio::test]
async fn a_level_of_over_forty_pages_is_cut_and_says_so() {
    let lake = Memory::default();
    for n in 0..41_000 {
        lake.set(&format!("dq/{n:05}.html"), "");
    }
    lake.set("dq/later.json", suite(false));
    let ask = QualityAsk { prefixes: vec!["dq/".into()], dates: vec![] };
    let before = lake.counters().read();
    let read = QualityResults::default().read(&lake, &ask).await;
    assert_eq!((spent(&lake, before), read.results.len(), read.cut), ((41, 0), 0, vec!["dq/".to_owned()]));
}

/// A gate that failed, where the listing does not get any more: its alert stands, and the source says what it leaves out.
#[tokio::test]
async fn what_was_not_looked_at_is_not_cleared() {
    let lake = Memory::default();
    let prefixes = vec!["dq/".to_owned()];
    lake.set("dq/z_dq_results_refunds_20261120_104500.json", suite(false));
    lake.set("dq/a_dq_results_orders_20261120_104500.json", suite(false));
    let settings = LakeSettings { quality: prefixes, ..LakeSettings::default() };
    let session = Session::new(Arc::new(lake.clone()), settings);
    let now = chrono::DateTime::UNIX_EPOCH + chrono::Duration::days(20_800);
    let quality = |snapshot: &Snapshot| snapshot.sources.iter().find(|s| s.source == "quality").cloned().unwrap();
    let first = session.refresh(now, |_| {}).await;
    assert_eq!((first.quality.len(), quality(&first).notes), (2, vec![]));
    for n in 0..41_000 {
        lake.set(&format!("dq/b{n:05}.html"), "");
    }
    lake.remove("dq/a_dq_results_orders_20261120_104500.json");
    for _ in 0..2 {
        let cut = session.refresh(now, |_| {}).await;
        let stands: Vec<_> = cut.quality.iter().map(|r| r.uri.rsplit('/').next().unwrap().to_owned()).collect();
        assert!(stands.contains(&"z_dq_results_refunds_20261120_104500.json".to_owned()), "{stands:?}");
        let told = quality(&cut);
        assert_eq!(told.state, SourceState::Fresh);
        assert!(told.notes[0].contains("quality.prefixes") && told.notes[0].contains("s3://memory/dq/"), "{told:?}");
        assert_eq!(told.next, Some(now + chrono::Duration::minutes(4)), "forty listings, ten a minute");
    }
    // Nor by whoever begins now, and never saw it.
    let begun = Session::new(Arc::new(lake.clone()), session.settings().clone()).refresh(now, |_| {}).await;
    assert_eq!((begun.quality.len(), quality(&begun).is_cut), (0, true));
    assert!(!begun.clears("quality_gate:refunds:2026-11-20") && begun.clears("dlq_rows:orders:2026-11-20"));
    // What is looked at again is believed again.
    (0..41_000).for_each(|n| lake.remove(&format!("dq/b{n:05}.html")));
    lake.remove("dq/z_dq_results_refunds_20261120_104500.json");
    let whole = session.refresh(now, |_| {}).await;
    assert_eq!((whole.quality.len(), quality(&whole).notes), (0, vec![]));
    assert!(whole.clears("quality_gate:refunds:2026-11-20"));
}

#[tokio::test]
async fn a_feed_gives_its_newest_lines_and_costs_listings_when_unchanged() {
    let lake = Memory::default();
    lake.set(
        "alerts/20261125T100000Z.json",
        r#"{"timestamp_utc": "2026-11-25T10:00:00Z", "level": "WARN", "title": "old"}"#,
    );
    lake.set("alerts/alerts.jsonl", "{\"timestamp_utc\": \"2026-11-25T11:00:00Z\", \"title\": \"new\"}\nbroken\n{\"timestamp_utc\": \"2026-11-25T09:00:00Z\", \"title\": \"older\"}\n");
    let (feeds, prefixes, rules) = (Feeds::default(), ["alerts/".to_owned()], default_rules());
    let before = lake.counters().read();
    let page = feeds.read(&lake, &prefixes, &rules).await;
    assert_eq!(page.lines.iter().map(|l| l.title.as_str()).collect::<Vec<_>>(), ["new", "old", "older"]);
    assert_eq!((page.bad.len(), page.problems.len(), page.more), (1, 0, false));
    assert_eq!(spent(&lake, before), (1, 2));
    let before = lake.counters().read();
    assert_eq!(feeds.read(&lake, &prefixes, &rules).await, page);
    assert_eq!(spent(&lake, before), (1, 0));
}

#[tokio::test]
async fn of_a_long_feed_the_end_is_read() {
    let lake = Memory::default();
    let line = |n: usize| {
        format!(
            "{{\"timestamp_utc\": \"2026-11-25T10:00:00Z\", \"title\": \"line {n}\", \"message\": \"{}\"}}\n",
            "x".repeat(9_000)
        )
    };
    lake.set("alerts.jsonl", (0..600).map(line).collect::<String>());
    let page = Feeds::default().read(&lake, &["alerts.jsonl".to_owned()], &default_rules()).await;
    assert!(page.more && page.bad.is_empty() && page.lines.len() > 400, "{}", page.lines.len());
    assert!(page.lines.iter().any(|l| l.title == "line 599") && !page.lines.iter().any(|l| l.title == "line 0"));
}

#[tokio::test]
async fn of_contracts_a_listing_of_their_folder_tells_which_changed() {
    let lake = Memory::default();
    let text = |column: &str| format!("columns: {{{column}: bigint}}\n");
    for name in ["a", "b", "c"] {
        lake.set(&format!("contracts/{name}.yaml"), text("id"));
    }
    let contracts = Contracts::with_registry(Arc::new(Registry));
    let addresses = ["contracts/a.yaml", "contracts/b.yaml", "contracts/c.yaml", "glue:lake/orders"];
    let column = async |address: &str| contracts.read(&lake, address).await.map(|c| c.contract.columns[0].name.clone());
    for address in addresses {
        assert_eq!(column(address).await.unwrap(), "id", "{address}");
    }
    lake.set("contracts/b.yaml", text("order_id"));
    lake.remove("contracts/c.yaml");
    let before = lake.counters().read();
    contracts.forget_changed(&lake).await;
    assert_eq!(spent(&lake, before), (1, 0));
    assert_eq!(column(addresses[0]).await.unwrap(), "id");
    assert_eq!(column(addresses[1]).await.unwrap(), "order_id");
    assert_eq!(column(addresses[2]).await.unwrap_err().class, ErrorClass::NotFound);
    assert_eq!(spent(&lake, before), (1, 2), "one is as it was");
    // What cannot be listed is read again.
    lake.deny(Verb::List, "contracts/");
    contracts.forget_changed(&lake).await;
    let before = lake.counters().read();
    column(addresses[0]).await.unwrap();
    column(addresses[3]).await.unwrap();
    assert_eq!(spent(&lake, before), (0, 1));
}

/// A registry of one schema.
#[derive(Debug)]
struct Registry;

#[async_trait]
impl SchemaRegistry for Registry {
    async fn latest(&self, name: &SchemaName) -> Result<SchemaVersion, SourceError> {
        match (name.registry.as_str(), name.schema.as_str()) {
            ("lake", "orders") => Ok(SchemaVersion {
                definition: r#"{"type": "record", "name": "orders", "fields": [{"name": "id", "type": "long"}]}"#
                    .into(),
                format: SchemaFormat::Avro,
                version: 7,
            }),
            ("lake", "proto") => {
                Ok(SchemaVersion { definition: "".into(), format: SchemaFormat::Protobuf, version: 1 })
            }
            _ => Err(SourceError::new(ErrorClass::NotFound, "glue", "no such schema")),
        }
    }
}

#[tokio::test]
async fn contracts_lie_on_the_lake_and_in_a_registry() {
    let lake = Memory::default();
    lake.set("c/silver.yaml", "tables:\n  orders: {columns: {id: bigint}}\n  fx: {columns: {rate: double}}\n");
    let contracts = Contracts::with_registry(Arc::new(Registry));
    let fx = contracts.read(&lake, "c/silver.yaml#fx").await.unwrap();
    assert_eq!((fx.uri.as_str(), fx.contract.columns[0].name.as_str()), ("s3://memory/c/silver.yaml#fx", "rate"));
    assert!(contracts.read(&lake, "c/silver.yaml").await.unwrap_err().detail.contains("several tables"));
    let before = lake.counters().read();
    let orders = contracts.read(&lake, "glue:lake/orders").await.unwrap();
    assert_eq!((orders.uri.as_str(), orders.contract.columns[0].kind.as_str()), ("glue:lake/orders@7", "bigint"));
    contracts.read(&lake, "c/silver.yaml#fx").await.unwrap();
    assert_eq!(spent(&lake, before), (0, 0));
    let class = async |address: &str| contracts.read(&lake, address).await.unwrap_err().class;
    assert_eq!(class("glue:lake/proto").await, ErrorClass::Unsupported);
    assert_eq!(class("glue:lake/gone").await, ErrorClass::NotFound);
    assert_eq!(class("glue:lake").await, ErrorClass::Malformed);
    let without = Contracts::default().read(&lake, "glue:lake/orders").await.unwrap_err();
    assert_eq!((without.class, without.object.as_str()), (ErrorClass::Unsupported, "glue:lake/orders"));
}
