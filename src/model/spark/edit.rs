//! A run's order, changed: what is set, what differs then, whether there are workers for it, and whether they fit into the
//! application. What the service would refuse, or never give, is known before it is asked.

use serde::Serialize;

use super::memory::Memory;
use super::resources::{Resources, Role};
use super::submit;
use super::worker::{cores_holding, largest_heap, overhead};
use crate::model::masked;
use crate::model::order::{JobOrder, Limits};

/// How much less than double is still taken for it, where it spares a larger worker: `27g` for `28g` on 4 vCPUs.
const NEARLY: f64 = 0.9;

/// What is to be different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// Twice the memory of driver and executors.
    pub double_memory: bool,
    /// Settings and their values; these count before the doubling.
    pub set: Vec<(String, String)>,
    /// Other arguments of the program, all of them.
    pub arguments: Option<Vec<String>>,
}

impl Edits {
    /// Whether nothing is to be different.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One thing that is different. Secrets are masked. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The setting, or `arguments`.
    pub name: String,
    /// What it was; none where nothing said it.
    pub before: Option<String>,
    /// What it is.
    pub after: String,
}

/// An order that was changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The order.
    pub order: JobOrder,
    /// What is different.
    pub changes: Vec<Change>,
    /// Why it cannot be run so, in sentences; nothing if it can.
    pub faults: Vec<String>,
    /// What to know of it, in sentences.
    pub notes: Vec<String>,
    /// What it has.
    pub resources: Resources,
}

impl Edited {
    /// What is different, in one line.
    pub fn sentence(&self) -> String {
        let one = |change: &Change| match &change.before {
            Some(before) => format!("{} {before} -> {}", change.name, change.after),
            None => format!("{} {}", change.name, change.after),
        };
        self.changes.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// The order with these edits, for an application with these limits.
pub fn edited(original: &JobOrder, edits: &Edits, limits: &Limits) -> Edited {
    let mut order = original.clone();
    let mut faults = Vec::new();
    for (name, value) in &edits.set {
        set(&mut order, name, value);
    }
    if let Some(arguments) = &edits.arguments {
        order.arguments.clone_from(arguments);
    }
    if edits.double_memory {
        for role in Role::BOTH {
            if let Err(fault) = double(&mut order, limits, role) {
                faults.push(fault);
            }
        }
    }
    let (before, resources) = (Resources::of(original, limits), Resources::of(&order, limits));
    faults.extend(resources.faults(&before, limits.most));
    let notes = resources.notes(limits.most);
    let changes = changes(original, &order, limits);
    Edited { order, changes, faults, notes, resources }
}

/// What is given to `spark-submit` counts before all other settings.
fn set(order: &mut JobOrder, name: &str, value: &str) {
    order.parameters = submit::with(&order.parameters, name, value);
}

/// Twice the memory of a role. A worker of as many vCPUs is kept where it nearly holds that; a larger one has more
/// vCPUs, and then as many tasks as before share it, or each would have what it had.
fn double(order: &mut JobOrder, limits: &Limits, role: Role) -> Result<(), String> {
    let settings = super::resources::settings(order, limits);
    let now = Resources::of(order, limits);
    let part = now.part(role);
    let (Some(cores), Some(heap)) = (part.cores, part.heap) else {
        return Err(format!("the memory of the {} cannot be doubled: it cannot be read", role.word()));
    };
    let mut heap = heap.doubled();
    let beside = part.explicit_overhead.map(Memory::doubled);
    let need = |heap: Memory| Memory(heap.0 + beside.unwrap_or_else(|| overhead(heap, part.factor)).0 + part.other.0);
    if let Some(beside) = beside {
        set(order, &role.setting("memoryOverhead"), &beside.to_string());
    }
    let holds = |heap: Memory| cores_holding(cores, need(heap));
    if holds(heap) != Some(cores) {
        let largest = largest_heap(cores, part.factor).filter(|l| holds(*l) == Some(cores));
        let nearly = largest.filter(|l| l.0 as f64 >= heap.0 as f64 * NEARLY);
        match (nearly, holds(heap)) {
            (Some(largest), _) => heap = largest,
            (None, Some(more)) => {
                set(order, &role.setting("cores"), &more.to_string());
                if role == Role::Executor {
                    let each: u64 = settings.get("spark.task.cpus").and_then(|n| n.parse().ok()).unwrap_or(1);
                    set(order, "spark.task.cpus", &(each * more / cores).to_string());
                }
            }
            (None, None) => return Err(format!("no worker holds twice the memory of the {}", role.word())),
        }
    }
    set(order, &role.setting("memory"), &heap.to_string());
    Ok(())
}

fn changes(before: &JobOrder, after: &JobOrder, limits: &Limits) -> Vec<Change> {
    let was = super::resources::settings(before, limits);
    let is = super::resources::settings(after, limits);
    let shown = |name: &str, value: &str| masked::value(name, value).into_owned();
    let differs = is.iter().filter(|(name, value)| was.get(*name) != Some(value));
    let mut changes: Vec<Change> = differs
        .map(|(name, value)| Change {
            name: name.clone(),
            before: was.get(name).map(|v| shown(name, v)),
            after: shown(name, value),
        })
        .collect();
    if before.arguments != after.arguments {
        let line =
            |all: &[String]| masked::arguments(all).iter().map(|a| submit::quoted(a)).collect::<Vec<_>>().join(" ");
        let before = Some(line(&before.arguments)).filter(|line| !line.is_empty());
        changes.push(Change { name: "arguments".to_owned(), before, after: line(&after.arguments) });
    }
    changes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
