//! The port to whoever answers a consumer's query.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::SourceError;

/// A query, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The SQL.
    pub sql: String,
    /// The database.
    pub database: Option<String>,
    /// The catalog.
    pub catalog: Option<String>,
    /// The workgroup.
    pub workgroup: Option<String>,
    /// Where the result is put.
    pub output: Option<String>,
}

/// What a query came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queried {
    /// Rows of the result; of one that is a single number (`SELECT count(*)`), that number.
    pub rows: u64,
    /// Bytes that were scanned, where they are told: they are paid for.
    pub bytes: Option<u64>,
    /// How long it took.
    pub took: Duration,
    /// Its address: the query's own id.
    pub uri: String,
}

/// Runs queries that read.
#[async_trait]
pub trait Queries: Send + Sync + Debug {
    /// Runs one to its end, or to the time that is given for it. A query that fails is an error of class
    /// [`Malformed`](crate::lake::ErrorClass::Malformed) with the engine's own words.
    async fn run(&self, query: &Query) -> Result<Queried, SourceError>;
}
