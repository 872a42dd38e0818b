use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::order::Capacity;

fn order(parameters: &str) -> JobOrder {
    JobOrder { parameters: parameters.to_owned(), ..JobOrder::of("00a", "role", "s3://b/main.py") }
}

fn twice(parameters: &str) -> Edited {
    edited(&order(parameters), &Edits { double_memory: true, ..Edits::default() }, &Limits::default())
}

fn setting(name: &str, value: &str) -> Edits {
    Edits { set: vec![(name.to_owned(), value.to_owned())], ..Edits::default() }
}

#[test]
fn double_the_memory_is_double_where_a_worker_holds_it() {
    let told = |parameters: &str| {
        let edited = twice(parameters);
        (edited.sentence(), edited.faults)
    };
    let parameters = "--conf spark.executor.memory=4g --conf spark.driver.memory=2g --conf spark.driver.cores=2";
    assert_eq!(
        told(parameters),
        ("spark.driver.memory 2g -> 4g, spark.executor.memory 4g -> 8g".to_owned(), Vec::<String>::new())
    );
    // The service's own 14g: 28g and its overhead are more than a worker of 4 vCPUs has, 27g are not.
    assert_eq!(
        told(""),
        ("spark.driver.memory 14g -> 27g, spark.executor.memory 14g -> 27g".to_owned(), Vec::<String>::new())
    );
    // A larger worker has more vCPUs: as many tasks as before share it.
    let large = "--conf spark.executor.memory=20g --conf spark.driver.memory=4g";
    assert_eq!(
        told(large),
        (
            "spark.driver.memory 4g -> 8g, spark.executor.cores 4 -> 8, spark.executor.memory 20g -> 40g, \
             spark.task.cpus 2"
                .to_owned(),
            Vec::<String>::new()
        )
    );
    // An overhead that is said is doubled as well.
    let beside = "--conf spark.executor.memory=4g --conf spark.executor.memoryOverhead=1g --driver-memory 4g";
    assert_eq!(
        twice(beside).order.parameters,
        "--conf spark.executor.memory=8g --conf spark.executor.memoryOverhead=2g --driver-memory 8g"
    );
    let (_, faults) = told("--conf spark.executor.memory=200g --conf spark.executor.cores=32");
    assert_eq!(faults, ["no worker holds twice the memory of the executor"]);
}

#[test]
fn what_no_worker_has_is_a_fault_and_says_what_would_do() {
    for (name, value, fault) in [
        ("spark.executor.memory", "28g", "30.8 GB with its overhead, and a worker of 4 vCPUs has 30 at most; one of 8"),
        ("spark.executor.memory", "1g", "1.4 GB with its overhead, and a worker of 4 vCPUs has 8 at least"),
        ("spark.driver.cores", "3", "no worker has 3 vCPUs"),
        ("spark.driver.memory", "lots", "spark.driver.memory: no amount of memory"),
        ("spark.driver.cores", "many", "spark.driver.cores: no number of vCPUs"),
        ("spark.executor.memoryOverhead", "20g", "34.0 GB"),
    ] {
        let faults = edited(&order(""), &setting(name, value), &Limits::default()).faults;
        assert!(faults.len() == 1 && faults[0].contains(fault), "{name} {value}: {faults:?}");
    }
    // What ran as it is, runs: the check is of what is changed.
    let odd = order("--conf spark.executor.memory=1g");
    assert_eq!(edited(&odd, &setting("spark.sql.shuffle.partitions", "400"), &Limits::default()).faults, [""; 0]);
}

#[test]
fn the_application_has_so_much_and_no_more() {
    let limits =
        |cores: u64, gb: u64| Limits { most: Some(Capacity { cores, memory_mib: gb * 1024 }), ..Limits::default() };
    let same = Edits::default();
    // 16 GB for each worker: 14g and their overhead.
    for (cores, gb, faults, notes) in [
        (16, 64, 0, 0), // a driver and three executors
        (15, 64, 0, 1),
        (16, 63, 0, 1),
        (8, 32, 0, 1),
        (7, 32, 1, 0),
        (8, 31, 1, 0),
    ] {
        let edited = edited(&order(""), &same, &limits(cores, gb));
        assert_eq!((edited.faults.len(), edited.notes.len()), (faults, notes), "{cores} {gb}: {edited:?}");
    }
    let faults = edited(&order(""), &same, &limits(7, 32)).faults;
    assert_eq!(
        faults,
        ["one driver and one executor need 8 vCPUs and 32 GB; the application has 7 vCPUs and 32 GB at most"]
    );
}

#[test]
fn what_is_submitted_counts_before_what_is_configured() {
    let overrides = json!({ "applicationConfiguration": [
        { "classification": "spark-defaults", "properties": { "spark.executor.memory": "6g" } },
        { "classification": "spark-log4j", "properties": { "spark.driver.memory": "1g" } },
    ] });
    let defaults = [("spark.executor.memory", "5g"), ("spark.driver.memory", "7g")];
    let defaults = defaults.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    let limits = Limits { defaults, ..Limits::default() };
    let order = JobOrder { overrides: Some(overrides), ..order("") };
    let edited = edited(&order, &setting("spark.executor.memory", "8g"), &limits);
    assert_eq!(edited.sentence(), "spark.executor.memory 6g -> 8g");
    assert_eq!(edited.resources.driver.heap, Some(Memory::gib(7)));
    assert_eq!(edited.order.parameters, "--conf spark.executor.memory=8g");
}

#[test]
fn arguments_are_changed_as_a_whole_and_their_secrets_stay_hidden() {
    let order = JobOrder { arguments: vec!["--date".into(), "2026-11-22".into()], ..order("") };
    let arguments = Some(["--date", "2026-11-23", "--password", "hunter2", "a b"].map(str::to_owned).to_vec());
    let edited = edited(&order, &Edits { arguments, ..Edits::default() }, &Limits::default());
    assert_eq!(edited.sentence(), "arguments --date 2026-11-22 -> --date 2026-11-23 --password *** \"a b\"");
    assert_eq!(edited.order.arguments[3], "hunter2");
    assert!(Edits::default().is_empty());
}

proptest! {
    /// Whatever is doubled is run by a worker that there is, or a fault says why not; it never has less than before.
    #[test]
    fn doubling_never_asks_for_a_worker_that_is_not_there(
        cores in prop::sample::select(vec![1u64, 2, 4, 8, 16, 32]),
        heap in 1u64..250,
        overhead in prop::option::of(1u64..40),
    ) {
        let mut parameters = format!("--conf spark.executor.memory={heap}g --conf spark.executor.cores={cores}");
        if let Some(overhead) = overhead {
            parameters += &format!(" --conf spark.executor.memoryOverhead={overhead}g");
        }
        let edited = twice(&parameters);
        let part = edited.resources.executor;
        let need = part.need().unwrap_or_default();
        if edited.faults.is_empty() {
            prop_assert!(super::super::worker::worker(part.cores.unwrap_or(0), need).is_ok());
        }
        prop_assert!(part.heap >= Some(Memory::gib(heap)));
    }
}
