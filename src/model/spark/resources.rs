//! What a run has: vCPUs and memory of its driver and of each executor, from all that says so: what it is submitted with,
//! its overrides, its application's settings, the service's own. And whether there are such workers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::memory::Memory;
use super::submit;
use super::worker::{OVERHEAD_FACTOR, overhead, worker};
use crate::model::order::{Capacity, JobOrder, Limits};

/// What EMR Serverless sets where nobody does:
/// <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html#spark-defaults>.
const DEFAULTS: [(&str, &str); 5] = [
    ("spark.driver.cores", "4"),
    ("spark.driver.memory", "14g"),
    ("spark.executor.cores", "4"),
    ("spark.executor.memory", "14g"),
    ("spark.executor.instances", "3"),
];

/// One of the two kinds of workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one that leads.
    Driver,
    /// Those that work.
    Executor,
}

impl Role {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Driver, Self::Executor];

    /// Its word in settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Executor => "executor",
        }
    }

    /// The name of one of its settings.
    pub fn setting(self, name: &str) -> String {
        format!("spark.{}.{name}", self.word())
    }
}

/// What one worker of a role has. What cannot be read is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Part {
    /// vCPUs.
    pub cores: Option<u64>,
    /// The heap, in MiB.
    pub heap: Option<Memory>,
    /// What lies beside it, where a setting says how much.
    pub explicit_overhead: Option<Memory>,
    /// What share of the heap lies beside it otherwise.
    pub factor: f64,
    /// What Python has for itself.
    pub other: Memory,
}

impl Part {
    fn of(role: Role, settings: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| settings.get(&role.setting(name)).map(|v| v.trim());
        let memory = |name: &str| text(name).and_then(Memory::parse);
        let factor = text("memoryOverheadFactor")
            .or_else(|| settings.get("spark.emr-serverless.memoryOverheadFactor").map(String::as_str));
        let factor = factor.and_then(|f| f.parse().ok()).filter(|f: &f64| f.is_finite() && *f >= 0.0);
        Self {
            cores: text("cores").and_then(|n| n.parse().ok()),
            heap: memory("memory").filter(|heap| heap.0 > 0),
            explicit_overhead: memory("memoryOverhead"),
            factor: factor.unwrap_or(OVERHEAD_FACTOR),
            other: if role == Role::Executor {
                memory("pyspark.memory").unwrap_or_default()
            } else {
                Memory::default()
            },
        }
    }

    /// All that it needs.
    pub fn need(&self) -> Option<Memory> {
        let heap = self.heap?;
        let beside = self.explicit_overhead.unwrap_or_else(|| overhead(heap, self.factor));
        Some(Memory(heap.0.saturating_add(beside.0).saturating_add(self.other.0)))
    }

    fn worker(&self) -> Option<Capacity> {
        let (cores, need) = (self.cores?, self.need()?);
        worker(cores, need).ok().map(|memory| Capacity { cores, memory_mib: memory.0 })
    }
}

/// What a run has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Resources {
    /// Its driver.
    pub driver: Part,
    /// Each of its executors.
    pub executor: Part,
    /// How many it begins with.
    pub executors: Option<u64>,
}

/// All settings that count for a run, by name.
pub fn settings(order: &JobOrder, limits: &Limits) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    all.extend(limits.defaults.clone());
    let overrides = order.overrides.as_ref().and_then(|o| o.get("applicationConfiguration")).and_then(Value::as_array);
    for one in overrides.into_iter().flatten() {
        if one.get("classification").and_then(Value::as_str) == Some("spark-defaults") {
            let properties = one.get("properties").and_then(Value::as_object).into_iter().flatten();
            all.extend(properties.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))));
        }
    }
    all.extend(submit::settings(&order.parameters));
    all
}

impl Resources {
    /// Those of an order.
    pub fn of(order: &JobOrder, limits: &Limits) -> Self {
        let settings = settings(order, limits);
        let [driver, executor] = Role::BOTH.map(|role| Part::of(role, &settings));
        let executors = settings.get("spark.executor.instances").and_then(|n| n.trim().parse().ok());
        Self { driver, executor, executors }
    }

    /// The part of a role.
    pub fn part(&self, role: Role) -> &Part {
        match role {
            Role::Driver => &self.driver,
            Role::Executor => &self.executor,
        }
    }

    /// Why the service would not run it so. What ran before as it is needs no other worker now.
    pub fn faults(&self, before: &Self, most: Option<Capacity>) -> Vec<String> {
        let mut faults = Vec::new();
        for role in Role::BOTH {
            let part = self.part(role);
            if part == before.part(role) {
                continue;
            }
            let (cores, need) = match (part.cores, part.need()) {
                (Some(cores), Some(need)) => (cores, need),
                (None, _) => {
                    faults.push(format!("{}: no number of vCPUs", role.setting("cores")));
                    continue;
                }
                (_, None) => {
                    faults.push(format!("{}: no amount of memory (8g, 512m)", role.setting("memory")));
                    continue;
                }
            };
            if let Err(fault) = worker(cores, need) {
                faults.push(format!("{}: {fault}", role.word()));
            }
        }
        if let (Some(driver), Some(executor), Some(most)) = (self.driver.worker(), self.executor.worker(), most) {
            let all = [
                (driver.cores + executor.cores, most.cores),
                (driver.memory_mib + executor.memory_mib, most.memory_mib),
            ];
            if all.iter().any(|(has, most)| has > most) {
                faults.push(format!(
                    "one driver and one executor need {}; the application has {} at most",
                    amount(Capacity {
                        cores: driver.cores + executor.cores,
                        memory_mib: driver.memory_mib + executor.memory_mib
                    }),
                    amount(most)
                ));
            }
        }
        faults
    }

    /// What to know of a run that the service takes.
    pub fn notes(&self, most: Option<Capacity>) -> Vec<String> {
        let (Some(driver), Some(executor), Some(most)) = (self.driver.worker(), self.executor.worker(), most) else {
            return Vec::new();
        };
        let left = |most: u64, driver: u64, each: u64| most.saturating_sub(driver).checked_div(each).unwrap_or(0);
        let fit = left(most.cores, driver.cores, executor.cores).min(left(
            most.memory_mib,
            driver.memory_mib,
            executor.memory_mib,
        ));
        let wanted = self.executors.unwrap_or(0);
        if fit == 0 || fit >= wanted {
            return Vec::new();
        }
        vec![format!("of {wanted} executors {fit} fit into the application ({} at most)", amount(most))]
    }
}

fn amount(capacity: Capacity) -> String {
    format!("{} vCPUs and {} GB", capacity.cores, capacity.memory_mib.div_ceil(1024))
}
