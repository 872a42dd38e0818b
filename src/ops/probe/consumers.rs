//! Whether those who read the data can: what is configured is asked in their stead, with nothing that an earlier query
//! left behind.

use std::time::Instant;

use chrono::{DateTime, Utc};

use super::{Answer, dataset};
use crate::lake::{ErrorClass, LakeError};
use crate::model::alert::Evidence;
use crate::model::consumer::{Asks, Consumer, filled};
use crate::model::dataset::Dataset;
use crate::model::incident::About;
use crate::model::probe::Verdict;
use crate::model::text::thousands;
use crate::ops::Session;
use crate::ops::partition::readable;
use crate::rows::{Halt, PageRequest, RowSet, RowsError};
use crate::sources::consumers::{Queried, Query};

/// The most that is read here of one consumer's data. 2 GiB.
const LIMIT: u64 = 2 << 30;

impl Session {
    pub(super) async fn probe_consumers(&self, about: &About, now: DateTime<Utc>) -> Answer {
        let dataset = match dataset(about) {
            Ok(dataset) => dataset,
            Err(answer) => return answer,
        };
        let all: Vec<&Consumer> = self.settings.consumers.iter().filter(|c| c.datasets.contains(&dataset)).collect();
        if all.is_empty() {
            return Answer::none(format!("nobody is known to read {dataset}: [[consumers]] names who does"));
        }
        let (mut evidence, mut bad, mut errors) = (Vec::new(), 0_usize, Vec::new());
        for consumer in &all {
            let (uri, detail) = match self.asked(consumer, &dataset, about).await {
                Ok(queried) => {
                    let enough = queried.rows >= consumer.least;
                    bad += usize::from(!enough);
                    let word = if enough { "" } else { ", too few" };
                    let scanned =
                        queried.bytes.map(|b| format!(", {} bytes scanned", thousands(b))).unwrap_or_default();
                    let took = queried.took.as_secs_f64();
                    let rows = thousands(queried.rows);
                    let detail = format!("{}: {rows} rows{word}, {took:.1} s{scanned}", consumer.name);
                    (queried.uri, detail)
                }
                // The engine refused the query, or the data cannot be read: that is what a consumer sees.
                Err(error) if error.class == ErrorClass::Malformed || error.class == ErrorClass::NotFound => {
                    bad += 1;
                    (error.object.clone(), format!("{}: {error}", consumer.name))
                }
                Err(error) => {
                    errors.push(format!("{}: {error}", consumer.name));
                    (error.object.clone(), format!("{}: {error}", consumer.name))
                }
            };
            evidence.push(Evidence { uri, observed_at: now, detail });
        }
        let answer = match (bad, errors.first()) {
            (0, None) => Answer::new(Verdict::Pass, format!("{} of {} can query", all.len(), all.len())),
            (0, Some(error)) => Answer::new(Verdict::Error, error.clone()),
            (n, _) => Answer::new(Verdict::Fail, format!("{n} of {} cannot query", all.len())),
        };
        answer.with(evidence)
    }

    /// Whether what is asked in their stead differs from date to date.
    pub(super) fn consumers_ask_by_date(&self, about: &About) -> bool {
        let its =
            |c: &&Consumer| about.dataset.as_ref().is_some_and(|own| c.datasets.iter().any(|d| d.as_str() == own));
        self.settings.consumers.iter().filter(its).any(|consumer| match &consumer.asks {
            Asks::Athena { sql, .. } => sql.contains("{date}"),
            Asks::Rows { .. } => true,
        })
    }

    /// How many rows a table has for the date, as the query says that is configured to count them.
    pub(super) async fn table_rows(&self, dataset: &Dataset, about: &About) -> Option<Result<Queried, LakeError>> {
        let counts = |c: &&Consumer| c.counts && c.datasets.contains(dataset);
        let consumer = self.settings.consumers.iter().find(counts)?;
        Some(self.asked(consumer, dataset, about).await)
    }

    async fn asked(&self, consumer: &Consumer, dataset: &Dataset, about: &About) -> Result<Queried, LakeError> {
        let fill = |text: &str| {
            filled(text, about.date).ok_or_else(|| {
                let detail = "the query asks for a {date}, and this incident has none";
                LakeError::new(ErrorClass::Unsupported, consumer.name.clone(), detail)
            })
        };
        match &consumer.asks {
            Asks::Athena { sql, database, catalog, workgroup, output } => {
                let Some(queries) = &self.connected.queries else {
                    let detail = "nobody here can ask Athena";
                    return Err(LakeError::new(ErrorClass::Unsupported, consumer.name.clone(), detail));
                };
                let query = Query {
                    sql: fill(sql)?,
                    database: database.clone(),
                    catalog: catalog.clone(),
                    workgroup: workgroup.clone(),
                    output: output.clone(),
                };
                queries.run(&query).await
            }
            Asks::Rows { prefix, filter } => {
                let own = || self.settings.dataset(dataset)?.data_prefix.clone();
                let Some(place) = prefix.clone().or_else(own) else {
                    let detail = format!("{dataset} has no data_prefix, and the consumer no prefix");
                    return Err(LakeError::new(ErrorClass::Unsupported, consumer.name.clone(), detail));
                };
                let filter = filter.as_deref().map(fill).transpose()?;
                self.scanned(&place, filter, about).await
            }
        }
    }

    /// Reads every row of a date: what cannot be decoded here cannot be by anybody.
    async fn scanned(&self, place: &str, filter: Option<String>, about: &About) -> Result<Queried, LakeError> {
        let began = Instant::now();
        let uri = self.lake.uri(place);
        let of_rows = |error: RowsError| match error {
            RowsError::Lake(error) => error,
            // It is the question that is wrong, and not the data.
            error @ (RowsError::Filter(_) | RowsError::NoColumn { .. }) => {
                LakeError::new(ErrorClass::Unsupported, uri.clone(), error.to_string())
            }
            other => LakeError::new(ErrorClass::Malformed, uri.clone(), other.to_string()),
        };
        let Some(layout) = readable(self.lake.as_ref(), place, about.date).await? else {
            return Err(LakeError::new(ErrorClass::NotFound, uri, "nothing lies here for that date"));
        };
        let bytes = layout.bytes();
        let refused = |detail: String, hint: &str| {
            let error = LakeError::new(ErrorClass::Unsupported, uri.clone(), detail);
            Err(LakeError { hint: hint.to_owned(), ..error })
        };
        if bytes > LIMIT {
            let detail = format!("{} bytes are too many to be read here", thousands(bytes));
            return refused(detail, "ask Athena in its place, or name a part of it");
        }
        // A table holds all of its dates.
        if layout.table.is_some() && about.date.is_some() && filter.is_none() {
            return refused("a table of all dates".to_owned(), "where = \"dt = '{date}'\" says which are meant");
        }
        let lake = std::sync::Arc::clone(&self.lake);
        let set = RowSet::open_to_stream(lake, &layout, self.cache.clone()).await.map_err(of_rows)?;
        let halt = Halt::default();
        let _ended = halt.on_drop();
        let rows = set.read_all(&halt).await.map_err(of_rows)?;
        let rows = match filter {
            None => rows,
            Some(_) => {
                let request = PageRequest { offset: 0, limit: 0, columns: Some(Vec::new()), filter };
                set.page(&request).await.map_err(of_rows)?.total_rows.unwrap_or_default()
            }
        };
        Ok(Queried { rows, bytes: Some(bytes), took: began.elapsed(), uri: self.lake.uri(&layout.root) })
    }
}
