//! What differs between a contract and the data: columns, types, nulls, and whether the data can evolve into the
//! contract without loss (runbook: add null defaults, widen types).

use std::collections::HashMap;

use serde::Serialize;

use super::{Contract, ContractColumn};
use crate::model::column::Column;
use crate::model::kind::Kind;
use crate::model::text::first_line;

/// How one column differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// In the contract, not in the data.
    Missing,
    /// In the data, not in the contract.
    New,
    /// In both, with types that differ.
    Retyped,
    /// Required by the contract, nulls in the data.
    NullsInRequired,
    /// Required by the contract; the data may hold nulls, and nobody knows whether it does.
    MayHoldNulls,
    /// Allowed to be null by the contract; the data cannot be.
    NeverNull,
}

impl DriftKind {
    /// Whether it is about what a schema declares of nulls, which its rows may not bear out ([`nullability`]): nothing to
    /// be woken for.
    pub fn is_declared(self) -> bool {
        matches!(self, Self::MayHoldNulls | Self::NeverNull)
    }
}

/// One difference between a contract and the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The column.
    pub column: String,
    /// How it differs.
    pub kind: DriftKind,
    /// What the contract expects, if the column is in it.
    pub expected: Option<String>,
    /// What the data has, if the column is in it.
    pub actual: Option<String>,
    /// Whether the data can evolve into the contract without loss (null defaults, widening).
    pub safe: bool,
}

impl Drift {
    /// What it is, in a few words. Names are hostile text.
    pub fn in_short(&self) -> String {
        let (expected, actual) = (self.expected.as_deref().unwrap_or("?"), self.actual.as_deref().unwrap_or("?"));
        let name = first_line(&self.column).unwrap_or_default();
        match self.kind {
            DriftKind::Missing => format!("{name} is missing"),
            DriftKind::New => format!("{name} is new"),
            DriftKind::Retyped => format!("{name} is {actual} and not {expected}"),
            DriftKind::NullsInRequired => format!("{name} is required and has nulls"),
            DriftKind::MayHoldNulls => format!("{name} is required and may have nulls"),
            DriftKind::NeverNull => format!("{name} may be null and never is"),
        }
    }
}

/// What differs between a contract and the data's columns: in the contract's order, then what is new in the
/// data's. `nulls` says of a column (its index) whether it holds nulls, if that is known. Names are compared
/// as spelled, then, as Spark does, without regard to case. Columns that begin with `_` are technical: they
/// are never new.
pub fn diff(contract: &Contract, columns: &[Column], nulls: &dyn Fn(usize) -> Option<bool>) -> Vec<Drift> {
    let places = Places::of(columns);
    let mut drifts = Vec::new();
    let mut known = vec![false; columns.len()];
    for expected in &contract.columns {
        let Some((at, actual)) = places.find(&expected.name).and_then(|i| Some((i, columns.get(i)?))) else {
            drifts.push(missing(expected));
            continue;
        };
        known.iter_mut().zip(columns).filter(|(_, c)| c.name == actual.name).for_each(|(known, _)| *known = true);
        drifts.extend(retyped(expected, actual));
        if expected.required && nulls(at) == Some(true) {
            drifts.push(Drift {
                column: expected.name.clone(),
                kind: DriftKind::NullsInRequired,
                expected: Some("not null".into()),
                actual: Some("nulls".into()),
                safe: false,
            });
        }
    }
    let new = columns.iter().zip(known).filter(|(column, known)| !known && !column.name.starts_with('_'));
    drifts.extend(new.map(|(column, _)| Drift {
        column: column.name.clone(),
        kind: DriftKind::New,
        expected: None,
        actual: Some(column.kind.clone()),
        safe: true,
    }));
    drifts
}

/// How the two schemas differ in what may be null, which [`diff`] leaves out: most writers of parquet declare every
/// column nullable, so it says little of the rows. A column that the contract requires and the data declares nullable
/// breaks, unless `nulls` knows that there are none (and where it knows of some, [`diff`] says it already); the
/// reverse is safe, as far as the contract says that nulls may be.
pub fn nullability(contract: &Contract, columns: &[Column], nulls: &dyn Fn(usize) -> Option<bool>) -> Vec<Drift> {
    let places = Places::of(columns);
    let changed = |expected: &ContractColumn| {
        let at = places.find(&expected.name)?;
        let actual = columns.get(at)?;
        let (kind, wanted, found, safe) = match (expected.required, actual.nullable) {
            (true, true) if nulls(at).is_none() => (DriftKind::MayHoldNulls, "not null", "nullable", false),
            (false, false) if expected.nullable => (DriftKind::NeverNull, "nullable", "not null", true),
            _ => return None,
        };
        Some(Drift {
            column: expected.name.clone(),
            kind,
            expected: Some(wanted.into()),
            actual: Some(found.into()),
            safe,
        })
    };
    contract.columns.iter().filter_map(changed).collect()
}

/// Columns by name: as spelled, then without regard to case; of several with one name the first.
pub(super) struct Places<'a> {
    exact: HashMap<&'a str, usize>,
    folded: HashMap<String, usize>,
}

impl<'a> Places<'a> {
    pub(super) fn of(columns: &'a [Column]) -> Self {
        let (mut exact, mut folded) = (HashMap::new(), HashMap::new());
        for (i, column) in columns.iter().enumerate() {
            exact.entry(column.name.as_str()).or_insert(i);
            folded.entry(column.name.to_lowercase()).or_insert(i);
        }
        Self { exact, folded }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.exact.get(name).or_else(|| self.folded.get(&name.to_lowercase())).copied()
    }
}

/// A null default fills it in, unless the contract forbids nulls.
fn missing(expected: &ContractColumn) -> Drift {
    Drift {
        column: expected.name.clone(),
        kind: DriftKind::Missing,
        expected: Some(expected.kind.clone()),
        actual: None,
        safe: !expected.required,
    }
}

fn retyped(expected: &ContractColumn, actual: &Column) -> Option<Drift> {
    let (wanted, found) = (Kind::read(&expected.kind), Kind::read(&actual.kind));
    (!wanted.is_met_by(&found)).then(|| Drift {
        column: expected.name.clone(),
        kind: DriftKind::Retyped,
        expected: Some(expected.kind.clone()),
        actual: Some(actual.kind.clone()),
        safe: wanted.widens_from(&found),
    })
}
