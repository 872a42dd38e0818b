//! Schema contracts and their difference from the data.

use serde::Serialize;

/// What a contract says of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContractColumn {
    /// Its name.
    pub name: String,
    /// Its type in the contract's own words (`string`, `bigint`, `decimal(10,2)`).
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether a null breaks the contract.
    pub required: bool,
}

/// A dataset's schema contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Contract {
    /// The table's own name, if the file says it.
    pub table: Option<String>,
    /// The columns in the file's order.
    pub columns: Vec<ContractColumn>,
    /// Freshness limit in minutes (`max_lag_minutes`), if the file says it.
    pub max_lag_minutes: Option<i64>,
}

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
