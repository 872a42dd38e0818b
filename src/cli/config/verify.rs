//! `[verify]`, `[audit]` and `[[consumers]]`: what the checks that end an incident rest on.

use chrono::Duration;
use serde::Deserialize;
use toml::Spanned;

use super::check;
use super::documented::documented;
use super::duration::DurationText;
use super::fault::ConfigError;
use super::file::Document;
use super::layers::Layers;
use super::source::Ledger;
use super::thresholds::positive;
use crate::lake::aws::Access;
use crate::model::consumer::{Asks, Consumer};
use crate::model::dataset::Dataset;
use crate::model::verify::FRESH_FOR;
use crate::sources::aws::athena::is_count;

documented! {
/// `[verify]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct VerifyTable {
    /// A check that was made longer ago than this is open again
    pub evidence_for: Option<Spanned<DurationText>>,
    /// Where Athena answers; default: AWS's own
    pub athena_endpoint_url: Option<Spanned<String>>,
}
}

documented! {
/// `[[consumers]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct ConsumerTable {
    /// A dashboard, a report, a table
    pub name: Spanned<String>,
    /// The datasets that it cannot do without
    pub datasets: Spanned<Vec<String>>,
    /// Its query, asked of Athena; `{date}` is that of the incident; default: rows are read here
    pub athena: Option<Spanned<String>>,
    /// Athena's database; default: what the query says
    pub database: Option<String>,
    /// Athena's catalog; default: Athena's own
    pub catalog: Option<String>,
    /// Athena's workgroup; default: Athena's own
    pub workgroup: Option<String>,
    /// Where Athena puts results; default: what the workgroup says
    pub output: Option<Spanned<String>>,
    /// Without a query, the place in the lake whose every row is read here; default: the dataset's `data_prefix`
    pub rows: Option<Spanned<String>>,
    /// An SQL expression over the columns of those rows; default: all of them
    #[serde(rename = "where")]
    pub filter: Option<Spanned<String>>,
    /// Fewer rows than this do not pass, or a smaller number where the query returns one [rows]
    pub min_rows: Option<Spanned<u64>>,
    /// Whether the number that the query returns is how many rows the table has
    #[serde(default)]
    pub counts: bool,
}
}

/// How long a check counts.
pub fn evidence_for(layers: &Layers<'_>, ledger: &mut Ledger) -> Result<Option<Duration>, ConfigError> {
    let length = ledger.pick("verify.evidence_for", layers.duration(|t| t.verify.evidence_for.as_ref()), FRESH_FOR);
    positive("verify.evidence_for", &length)?;
    Ok(Some(length.value))
}

/// Who reads the data, of both files; of one name, the stronger file's.
pub fn consumers(layers: &Layers<'_>, ledger: &mut Ledger) -> Result<Vec<Consumer>, ConfigError> {
    let mut all: Vec<Consumer> = Vec::new();
    for document in layers.documents() {
        let mut names: Vec<&str> = Vec::new();
        for table in document.tables.consumers.iter().map(Spanned::get_ref) {
            let consumer = consumer(document, table)?;
            if names.contains(&table.name.get_ref().as_str()) {
                let fault = format!("consumer `{}` is there twice", consumer.name);
                return Err(document.fault(&table.name, fault, "one [[consumers]] table for each name"));
            }
            names.push(table.name.get_ref());
            if all.iter().all(|known| known.name != consumer.name) {
                ledger.note("consumers", consumer.name.clone(), document.source(&table.name.span()));
                all.push(consumer);
            }
        }
    }
    Ok(all)
}

/// Who asks Athena; nobody if no consumer does.
pub fn athena(
    document: Option<&Document>,
    consumers: &[Consumer],
    account: &Access,
    ledger: &mut Ledger,
) -> Result<Option<Access>, ConfigError> {
    let endpoint = document.and_then(|d| d.maybe(d.tables.verify.athena_endpoint_url.as_ref()));
    if let Some(named) = &endpoint {
        check::endpoint(named)?;
    }
    if !consumers.iter().any(|consumer| matches!(consumer.asks, Asks::Athena { .. })) {
        return Ok(None);
    }
    let endpoint_url = ledger.pick_optional("verify.athena_endpoint_url", [endpoint]).value;
    Ok(Some(Access { endpoint_url, ..account.clone() }))
}

/// Whether a query only reads: one statement that begins as such do.
fn only_reads(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default();
    let reads = ["select", "with"].iter().any(|word| first.eq_ignore_ascii_case(word));
    reads && !sql.trim_end().trim_end_matches(';').contains(';')
}

fn consumer(document: &Document, table: &ConsumerTable) -> Result<Consumer, ConfigError> {
    if table.name.get_ref().trim().is_empty() {
        return Err(document.fault(
            &table.name,
            "consumers.name is empty",
            "the name of a dashboard, a report, a table",
        ));
    }
    if table.datasets.get_ref().is_empty() {
        let allowed = "the datasets that it reads, such as [\"gold/revenue\"]";
        return Err(document.fault(&table.datasets, "consumers.datasets is empty", allowed));
    }
    if let Some(least) = table.min_rows.as_ref().filter(|least| *least.get_ref() == 0) {
        return Err(document.fault(least, "consumers.min_rows is 0: nothing would do", "1 or more"));
    }
    let asks = match (&table.athena, &table.rows, &table.filter) {
        (Some(sql), None, None) => {
            if !only_reads(sql.get_ref()) {
                let allowed = "one statement that begins with SELECT or WITH";
                return Err(document.fault(sql, "consumers.athena is no query that only reads", allowed));
            }
            if table.counts && !is_count(sql.get_ref()) {
                let allowed = "SELECT count(*) FROM …";
                return Err(document.fault(sql, "consumers.athena counts no rows, and counts is true", allowed));
            }
            if let Some(output) = table.output.as_ref().filter(|output| !output.get_ref().starts_with("s3://")) {
                return Err(document.fault(output, "consumers.output is no place on S3", "s3://bucket/prefix/"));
            }
            Asks::Athena {
                sql: sql.get_ref().clone(),
                database: table.database.clone(),
                catalog: table.catalog.clone(),
                workgroup: table.workgroup.clone(),
                output: table.output.as_ref().map(|output| output.get_ref().clone()),
            }
        }
        (Some(sql), ..) => {
            let allowed = "athena, or else rows and where";
            return Err(document.fault(sql, "a consumer asks Athena or reads rows, not both", allowed));
        }
        (None, rows, filter) => {
            if let Some(rows) = rows.as_ref().filter(|rows| !check::inside_the_lake(rows.get_ref())) {
                let fault = format!("consumers.rows `{}` is not a place inside the lake", rows.get_ref());
                return Err(document.fault(rows, fault, "a relative path such as \"gold/revenue/\""));
            }
            Asks::Rows {
                prefix: rows.as_ref().map(|rows| format!("{}/", rows.get_ref().trim_end_matches('/'))),
                filter: filter.as_ref().map(|filter| filter.get_ref().clone()),
            }
        }
    };
    Ok(Consumer {
        name: table.name.get_ref().clone(),
        datasets: table.datasets.get_ref().iter().map(|name| Dataset(name.as_str().into())).collect(),
        asks,
        least: table.min_rows.as_ref().map_or(1, |least| *least.get_ref()),
        counts: table.counts,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<Vec<Consumer>, ConfigError> {
        let document = Document::parse(Path::new("config.toml"), text.to_owned())?;
        consumers(&Layers { own: None, file: Some(&document) }, &mut Ledger::default())
    }

    #[test]
    fn a_consumer_asks_athena_or_reads_rows() {
        let head = "[[consumers]]\nname = \"finance\"\ndatasets = [\"gold/revenue\"]\n";
        let all = read(&format!("{head}athena = \"SELECT 1\"\ndatabase = \"gold\"\nmin_rows = 5\n")).unwrap();
        assert!(matches!(&all[0].asks, Asks::Athena { database: Some(database), .. } if database == "gold"));
        assert_eq!((all[0].least, all[0].datasets[0].as_str()), (5, "gold/revenue"));
        let all = read(&format!("{head}rows = \"gold/revenue\"\nwhere = \"amount > 0\"\n")).unwrap();
        let asks = Asks::Rows { prefix: Some("gold/revenue/".into()), filter: Some("amount > 0".into()) };
        assert_eq!((&all[0].asks, all[0].least), (&asks, 1));
        assert_eq!(read(head).unwrap()[0].asks, Asks::Rows { prefix: None, filter: None });
        for (more, fault) in [
            ("athena = \"SELECT 1\"\nrows = \"x/\"", "not both"),
            ("athena = \"DROP TABLE x\"", "only reads"),
            ("athena = \"SELECT 1; DROP TABLE x\"", "only reads"),
            ("athena = \"SELECT id FROM x\"\ncounts = true", "counts no rows"),
            ("min_rows = 0", "min_rows is 0"),
            ("rows = \"/etc/\"", "not a place inside the lake"),
            ("athena = \"SELECT 1\"\noutput = \"out/\"", "no place on S3"),
            ("[[consumers]]\nname = \"finance\"\ndatasets = [\"x\"]", "there twice"),
            ("[[consumers]]\nname = \"\"\ndatasets = [\"x\"]", "name is empty"),
            ("[[consumers]]\nname = \"x\"\ndatasets = []", "datasets is empty"),
        ] {
            let error = read(&format!("{head}{more}\n")).unwrap_err();
            assert!(error.fault.contains(fault), "{more}: {error}");
        }
    }
}
