//! A contract evaluated over rows: casts of an evolution first, then each rule, by the query library. The same judge
//! counts for a check, shows the effect of a repair, and parts the rows of one.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::model::contract::evolution::EvolutionStep;
use crate::model::contract::findings::SAMPLES;
use crate::model::contract::{Demand, Evolution, Finding, FindingStatus, Findings, Rule};
use crate::model::kind::Kind;

use super::casts::{self, cast, filled, target};
use super::filter::{Filter, distinct_names};
use super::guard::unreadable;
use super::parquet_file::batch_of;
use super::set::RowSet;
use super::stream::{Batch, Halt};
use super::{RowsError, guard};

/// Said of a rule that fits the columns and stops at a value.
const STUCK: &str = "it cannot be evaluated over the values that are there: a cast or a calculation fails";

/// A column of the evolved rows.
#[derive(Debug)]
struct Shaped {
    source: Option<usize>,
    to: DataType,
    /// Rows with a value fail, whatever it is.
    unfit: bool,
    /// Whether its check is told of even where nothing fails it.
    told: bool,
    /// Whether a value may fail its cast: then it is read to judge.
    may_fail: bool,
}

/// How a rule is evaluated.
#[derive(Debug)]
enum Evaluated {
    /// By an expression over the evolved rows; of a required column, whose value may have failed its cast already.
    By(Box<Filter>, Option<usize>),
    /// Every row fails: a required column is not there.
    Always,
    /// Not at all.
    Not,
}

/// Judges batches of one set.
#[derive(Debug)]
pub(super) struct Judge {
    columns: Vec<Shaped>,
    schema: SchemaRef,
    rules: Vec<Evaluated>,
    findings: Findings,
}

/// Rows that were judged.
#[derive(Debug)]
pub(super) struct Judged {
    /// All of them, evolved; a value that failed its cast is null.
    pub batch: RecordBatch,
    /// Which fail; none where all pass.
    pub failing: Option<BooleanBuffer>,
    /// By check, which rows fail it.
    by_check: Vec<(usize, BooleanBuffer)>,
}

impl Judged {
    /// The checks that a row fails.
    fn checks(&self, row: usize) -> impl Iterator<Item = usize> {
        self.by_check.iter().filter(move |(_, rows)| rows.value(row)).map(|(check, _)| *check)
    }
}

impl Judge {
    /// A judge of a set's rows under an evolution and rules.
    pub fn new(set: &RowSet, evolution: &Evolution, rules: &[Rule]) -> Self {
        let mut findings = Findings::default();
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for evolved in &evolution.columns {
            let own = evolved.source.and_then(|at| set.schema.fields().get(at)).map(|f| f.data_type().clone());
            let wanted = Kind::read(&evolved.to);
            let casts = matches!(evolved.step, EvolutionStep::Cast | EvolutionStep::Widen | EvolutionStep::NullDefault);
            let (to, unfit) = match (&own, casts) {
                (own, true) => match (target(&wanted, own.as_ref()), own) {
                    (Some(to), _) => (to, false),
                    (None, Some(own)) => (own.clone(), true),
                    (None, None) => (DataType::Utf8, false),
                },
                (Some(own), false) => (own.clone(), evolved.step == EvolutionStep::Unfit),
                (None, false) => (DataType::Utf8, false),
            };
            // Parquet cannot hold a column without a type.
            let to = if to == DataType::Null { DataType::Utf8 } else { casts::plain(&to).clone() };
            let from = evolved.from.as_deref().unwrap_or("nothing");
            findings.checks.push(Finding {
                check: format!("type of {}", evolved.name),
                wants: match unfit {
                    true => format!("{} and not {from}", evolved.to),
                    false => format!("{from} to {}", evolved.to),
                },
                status: FindingStatus::Pass,
                failed: 0,
                rows: Vec::new(),
                why: None,
            });
            fields.push(Field::new(&evolved.name, to.clone(), true));
            let told = unfit || evolved.step == EvolutionStep::Cast;
            let may_fail = told || evolved.source.is_some_and(|at| set.types(at).len() > 1);
            columns.push(Shaped { source: evolved.source, to, unfit, told, may_fail });
        }
        let schema = Arc::new(distinct_names(&Schema::new(fields)));
        let evaluated = rules.iter().map(|rule| {
            let (evaluated, why) = compiled(rule, &schema);
            findings.checks.push(Finding {
                check: rule.name.clone(),
                wants: rule.words(),
                status: if why.is_some() { FindingStatus::NotEvaluated } else { FindingStatus::Pass },
                failed: 0,
                rows: Vec::new(),
                why,
            });
            evaluated
        });
        let rules = evaluated.collect();
        Self { columns, schema, rules, findings }
    }

    /// The columns of the set that it reads to judge, ascending. To repair, all are read.
    pub fn needs(&self) -> Vec<usize> {
        let by_rules = self.rules.iter().flat_map(|rule| match rule {
            Evaluated::By(filter, _) => filter.columns.clone(),
            Evaluated::Always | Evaluated::Not => Vec::new(),
        });
        let by_types = self.columns.iter().enumerate().filter(|(_, c)| c.may_fail).map(|(i, _)| i);
        let wanted = by_rules.chain(by_types);
        let mut sources: Vec<usize> = wanted.filter_map(|i| self.columns.get(i)?.source).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// The evolved columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Judges some rows, and counts them.
    pub fn judge(&mut self, batch: &Batch) -> Result<Judged, RowsError> {
        guard::fenced("rows", || self.judged(batch))?
    }

    fn judged(&mut self, batch: &Batch) -> Result<Judged, RowsError> {
        let rows = batch.rows;
        let fault = |e: arrow::error::ArrowError| unreadable("rows", e.to_string());
        let mut by_check: Vec<(usize, BooleanBuffer)> = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        let mut uncast: Vec<Option<BooleanBuffer>> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let own = column.source.and_then(|at| batch.columns.get(at)?.as_ref());
            let Some(own) = own else {
                arrays.push(new_null_array(&column.to, rows));
                uncast.push(None);
                continue;
            };
            let (array, failed) = cast(own, &column.to).map_err(fault)?;
            arrays.push(array);
            let unfit = || Some(filled(own)).filter(|f| f.count_set_bits() > 0);
            uncast.push(if column.unfit { unfit() } else { failed });
        }
        let whole = batch_of(&self.schema, arrays, rows).map_err(|e| unreadable("rows", e))?;
        for (i, rule) in self.rules.iter_mut().enumerate() {
            let failed = match rule {
                Evaluated::Not => continue,
                Evaluated::Always => BooleanBuffer::new_set(rows),
                Evaluated::By(filter, required) => match broken(filter, &whole) {
                    // A value that failed its cast fails once, and not as a null besides.
                    Ok(failed) => match required.and_then(|c| uncast.get(c)?.as_ref()) {
                        Some(uncast) => &failed & &!uncast,
                        None => failed,
                    },
                    // The library's words may hold a value of the rows, which may be personal data.
                    Err(_) => {
                        if let Some(finding) = self.findings.checks.get_mut(self.columns.len() + i) {
                            (finding.status, finding.why) = (FindingStatus::NotEvaluated, Some(STUCK.to_owned()));
                        }
                        *rule = Evaluated::Not;
                        continue;
                    }
                },
            };
            if failed.count_set_bits() > 0 {
                by_check.push((self.columns.len() + i, failed));
            }
        }
        by_check.extend(uncast.into_iter().enumerate().filter_map(|(column, failed)| Some((column, failed?))));
        by_check.sort_by_key(|(check, _)| *check);
        self.count(batch, &by_check);
        let failing = by_check.iter().map(|(_, failed)| failed.clone()).reduce(|a, b| &a | &b);
        let failed = failing.as_ref().map_or(0, BooleanBuffer::count_set_bits) as u64;
        self.findings.rows += rows as u64;
        self.findings.failing += failed;
        self.findings.passed += rows as u64 - failed;
        Ok(Judged { batch: whole, failing, by_check })
    }

    fn count(&mut self, batch: &Batch, by_check: &[(usize, BooleanBuffer)]) {
        for (check, failed) in by_check {
            let Some(finding) = self.findings.checks.get_mut(*check) else { continue };
            finding.status = FindingStatus::Fail;
            finding.failed += failed.count_set_bits() as u64;
            let left = SAMPLES.saturating_sub(finding.rows.len());
            finding.rows.extend(failed.set_indices().take(left).map(|row| batch.first + row as u64 + 1));
        }
    }

    /// Why a row fails, in the names of its checks.
    pub fn reasons(&self, judged: &Judged, row: usize) -> String {
        let names = judged.checks(row).filter_map(|check| Some(self.findings.checks.get(check)?.check.as_str()));
        names.collect::<Vec<_>>().join("; ")
    }

    /// What it found. Columns that nothing was asked of are not told of.
    pub fn findings(mut self) -> Findings {
        let mut told = self.columns.iter().map(|c| c.told);
        self.findings.checks.retain(|c| told.next().unwrap_or(true) || c.status == FindingStatus::Fail);
        self.findings
    }
}

/// Which rows break an expression: those for which it is false.
fn broken(filter: &Filter, whole: &RecordBatch) -> Result<BooleanBuffer, RowsError> {
    let columns = filter.columns.iter().filter_map(|c| whole.columns().get(*c).cloned()).collect();
    let narrow = batch_of(filter.schema(), columns, whole.num_rows()).map_err(RowsError::Filter)?;
    let verdicts = filter.verdicts(&narrow)?;
    let broken = !verdicts.values();
    Ok(match verdicts.nulls() {
        Some(nulls) => &broken & nulls.inner(),
        None => broken,
    })
}

/// The words of the query library, without ours before them.
fn why(error: &RowsError) -> String {
    match error {
        RowsError::Filter(fault) => fault.clone(),
        other => other.to_string(),
    }
}

/// A rule over the evolved rows, and why it cannot be evaluated there.
fn compiled(rule: &Rule, schema: &Schema) -> (Evaluated, Option<String>) {
    let names = || schema.fields().iter().map(|f| f.name().as_str());
    let named = |column: &str| {
        let found = names().find(|n| *n == column);
        found.or_else(|| names().find(|n| n.eq_ignore_ascii_case(column))).map(str::to_owned)
    };
    let required = matches!(rule.demand, Demand::Required { .. });
    if required && rule.column().and_then(named).is_none() {
        return (Evaluated::Always, None);
    }
    let filter = rule.sql(&named).and_then(|sql| Filter::parse(&sql, schema).map_err(|e| why(&e)));
    match filter {
        Ok(filter) => {
            let column = filter.columns.first().copied().filter(|_| required);
            (Evaluated::By(Box::new(filter), column), None)
        }
        Err(why) => (Evaluated::Not, Some(why)),
    }
}

/// Evaluates rules over all rows, under each of these evolutions, in one reading.
pub async fn findings(
    set: &RowSet,
    evolutions: &[&Evolution],
    rules: &[Rule],
    halt: &Halt,
    told: impl Fn(u64) + Send + 'static,
) -> Result<Vec<Findings>, RowsError> {
    let judges: Vec<Judge> = evolutions.iter().map(|evolution| Judge::new(set, evolution, rules)).collect();
    let mut wanted: Vec<usize> = judges.iter().flat_map(Judge::needs).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let judges = Arc::new(Mutex::new(judges));
    let shared = Arc::clone(&judges);
    let _halts = halt.on_drop();
    let visit = move |batch: Batch| {
        for judge in shared.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            judge.judge(&batch)?;
        }
        told(batch.first + batch.rows as u64);
        Ok(())
    };
    drop(set.stream(&wanted, halt, visit).await?);
    let judges = std::mem::take(&mut *judges.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(judges.into_iter().map(Judge::findings).collect())
}
