//! The tree of datasets and their dates, flattened to the lines that are shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::console::filter::Filter;
use crate::model::category::FailureCategory;
use crate::model::dataset::Dataset;
use crate::model::entry::{DlqEntry, EntryPath};
use crate::model::severity::Severity;

/// A dataset with at most so many dates is open at first.
const OPEN_AT_FIRST: usize = 7;

/// What names a line across refreshes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::console) enum NodeId {
    Dataset(Dataset),
    Entry(EntryPath),
}

/// One line of the tree.
#[derive(Debug, Clone)]
pub(in crate::console) enum Node {
    /// A dataset with several entries.
    Dataset(Sum),
    /// An entry; alone in its dataset, it shows the dataset's name.
    Entry { entry: Arc<DlqEntry>, alone: bool },
}

/// What a dataset's entries add up to.
#[derive(Debug, Clone)]
pub(in crate::console) struct Sum {
    pub dataset: Dataset,
    pub open: bool,
    pub entries: u64,
    /// Rows known; `more` if some entry's are not.
    pub rows: u64,
    pub more: bool,
    pub severity: Severity,
    pub category: FailureCategory,
    pub newest: DateTime<Utc>,
}

impl Node {
    pub(in crate::console) fn id(&self) -> NodeId {
        match self {
            Self::Dataset(sum) => NodeId::Dataset(sum.dataset.clone()),
            Self::Entry { entry, .. } => NodeId::Entry(entry.path.clone()),
        }
    }

    pub(in crate::console) fn is(&self, id: &NodeId) -> bool {
        match (self, id) {
            (Self::Dataset(sum), NodeId::Dataset(dataset)) => sum.dataset == *dataset,
            (Self::Entry { entry, .. }, NodeId::Entry(path)) => entry.path == *path,
            _ => false,
        }
    }

    pub(in crate::console) fn dataset(&self) -> &Dataset {
        match self {
            Self::Dataset(sum) => &sum.dataset,
            Self::Entry { entry, .. } => &entry.dataset,
        }
    }
}

/// The entries that a filter leaves, in their order.
pub(in crate::console) fn left(entries: &[Arc<DlqEntry>], filter: &Filter, left: &mut Vec<Arc<DlqEntry>>) {
    left.clear();
    left.extend(entries.iter().filter(|e| filter.is_empty() || filter.matches(searchable(e))).cloned());
}

/// Of what a filter left, what a narrower one leaves.
pub(in crate::console) fn narrow(left: &mut Vec<Arc<DlqEntry>>, filter: &Filter) {
    left.retain(|e| filter.matches(searchable(e)));
}

/// The lines of what is left of the entries, sorted by dataset. With a filter every dataset is open: what was searched
/// for must be seen. The room of the lines before is used again: there may be tens of thousands at each key typed.
pub(in crate::console) fn build(
    left: &[Arc<DlqEntry>],
    filter: &Filter,
    toggled: &BTreeSet<Dataset>,
    nodes: &mut Vec<Node>,
) {
    nodes.clear();
    for group in left.chunk_by(|a, b| a.dataset == b.dataset) {
        match group {
            [] => {}
            [entry] => nodes.push(Node::Entry { entry: Arc::clone(entry), alone: true }),
            [first, ..] => {
                let dataset = first.dataset.clone();
                let open = !filter.is_empty() || ((group.len() <= OPEN_AT_FIRST) != toggled.contains(&dataset));
                nodes.push(Node::Dataset(sum(dataset, open, group)));
                if open {
                    // The newest date first: it is the one that someone was paged for.
                    nodes.extend(group.iter().rev().map(|e| Node::Entry { entry: Arc::clone(e), alone: false }));
                }
            }
        }
    }
}

fn sum(dataset: Dataset, open: bool, entries: &[Arc<DlqEntry>]) -> Sum {
    let mut sum = Sum {
        dataset,
        open,
        entries: entries.len() as u64,
        rows: 0,
        more: false,
        severity: Severity::Info,
        category: FailureCategory::Unknown,
        newest: DateTime::<Utc>::MIN_UTC,
    };
    for (i, entry) in entries.iter().enumerate() {
        sum.rows = sum.rows.saturating_add(entry.known_rows().unwrap_or(0));
        sum.more |= entry.known_rows().is_none();
        sum.newest = sum.newest.max(entry.since());
        // The worst entry speaks for the dataset.
        if i == 0 || entry.severity < sum.severity {
            (sum.severity, sum.category) = (entry.severity, entry.category);
        }
    }
    sum
}

/// What `/` looks into.
fn searchable(entry: &DlqEntry) -> impl Iterator<Item = &str> + Clone {
    let words = [&*entry.path.0, entry.severity.word(), entry.category.word()];
    let said = entry.errors.iter().flat_map(|e| [&e.error_type, &e.error_message]).flatten().map(AsRef::as_ref);
    words.into_iter().chain(entry.problems.iter().map(|p| p.code())).chain(said)
}
