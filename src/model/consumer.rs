//! Those who read the data: what is asked in their stead to show that they can.

use chrono::NaiveDate;

use super::dataset::Dataset;

/// A consumer, as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its name: a dashboard, a report, a table.
    pub name: String,
    /// The datasets that it reads.
    pub datasets: Vec<Dataset>,
    /// What is asked.
    pub asks: Asks,
    /// Rows that there must be at least.
    pub least: u64,
    /// Whether its number is how many rows the table has for the date: of tables that are not counted here.
    pub counts: bool,
}

/// What is asked in a consumer's stead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// A query that Athena runs, with no result of an earlier one.
    Athena {
        /// The SQL; `{date}` is the date of the incident. It must read only: Athena's own permissions see to that.
        sql: String,
        /// The database.
        database: Option<String>,
        /// The catalog; Athena's own where unset.
        catalog: Option<String>,
        /// The workgroup; `primary` where unset.
        workgroup: Option<String>,
        /// Where Athena puts the result, where the workgroup does not say it: `s3://…`.
        output: Option<String>,
    },
    /// Rows of the lake, all of them read and decoded here.
    Rows {
        /// Where they lie, relative to the lake, ending in `/`; the dataset's own `data_prefix` where unset.
        prefix: Option<String>,
        /// An SQL boolean expression over the columns; `{date}` is the date of the incident.
        filter: Option<String>,
    },
}

/// A text with the date filled in; none if it asks for one, and there is none.
pub fn filled(text: &str, date: Option<NaiveDate>) -> Option<String> {
    const DATE: &str = "{date}";
    match date {
        Some(date) => Some(text.replace(DATE, &date.to_string())),
        None => (!text.contains(DATE)).then(|| text.to_owned()),
    }
}
