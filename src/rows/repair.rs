//! Rows repaired as they stream: cast and filled by an evolution, judged by the contract's rules, and parted. What passes
//! becomes a parquet file that fits the contract; what still fails goes to a second one, as it was, with its reasons.
//! Memory is bounded by batches, windows and row groups, whatever the entry holds.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::model::contract::evolution::EvolutionStep;
use crate::model::contract::{Evolution, Findings, Rule};

use super::casts::{cast, plain};
use super::check::{Judge, Judged};
use super::encode::{Encoder, FILE};
use super::filter::distinct_names;
use super::guard::unreadable;
use super::parquet_file::batch_of;
use super::set::RowSet;
use super::stream::{Batch, Halt};
use super::{RowsError, guard};

/// The column of the failing rows that says why.
pub const REASONS: &str = "_lakeward_reasons";

/// Batches on their way from the thread that decodes to the one that encodes.
const WAITING: usize = 4;

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Output {
    /// The rows that pass.
    Passed,
    /// Those that still fail.
    Failing,
}

/// Where a file goes. It is one only after [`Outlet::finish`]: one that is dropped before is none.
pub trait Outlet: Write + Send {
    /// All bytes were written.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Opens the outlet of a file; asked once for each, when its first row comes.
pub type Open = Box<dyn FnMut(Output) -> io::Result<Box<dyn Outlet>> + Send>;

/// Repairs all rows of a set. Returns what the rules found in the repaired rows; no row is in neither file, and none in
/// both. `told` is given the rows done so far.
pub async fn repair(
    set: &RowSet,
    evolution: &Evolution,
    rules: &[Rule],
    halt: &Halt,
    open: Open,
    told: impl Fn(u64) + Send + 'static,
) -> Result<Findings, RowsError> {
    let _halts = halt.on_drop();
    let all: Vec<usize> = (0..set.columns.len()).collect();
    let parter = Parter::new(set, evolution, rules);
    let files = Files { open, passed: Half::of(&parter.passed), failing: Half::of(&parter.failing) };
    let parter = Arc::new(Mutex::new(parter));
    let shared = Arc::clone(&parter);
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Parted>(WAITING);
    let ended = halt.clone();
    // Decoding and judging take about as long as encoding: a thread for each.
    let encoding = tokio::task::spawn_blocking(move || {
        let mut files = files;
        while let Some(parted) = receiver.blocking_recv() {
            let done = parted.done;
            files.take(parted).inspect_err(|_| ended.now())?;
            told(done);
        }
        if ended.is_wished() { Err(RowsError::Halted) } else { Ok(files) }
    });
    let visit = move |batch: Batch| {
        let parted = shared.lock().unwrap_or_else(PoisonError::into_inner).part(&batch)?;
        sender.blocking_send(parted).map_err(|_| RowsError::Halted)
    };
    let streamed = set.stream(&all, halt, visit).await;
    if streamed.is_err() {
        halt.now();
    }
    // The sender goes with the stream, so that this ends.
    let drained = streamed.map(drop);
    let ended_early = |e: tokio::task::JoinError| unreadable(set.lake.url(), format!("encoding ended early: {e}"));
    let files = encoding.await.map_err(ended_early)?;
    match (drained, files) {
        // Whichever failed first says why; the other was only told to end.
        (Err(error), Err(RowsError::Halted) | Ok(_)) if !matches!(error, RowsError::Halted) => return Err(error),
        (_, Err(error)) | (Err(error), Ok(_)) => return Err(error),
        (Ok(()), Ok(files)) => tokio::task::spawn_blocking(move || files.close()).await.map_err(ended_early)??,
    }
    let parter = Arc::into_inner(parter).and_then(|p| p.into_inner().ok());
    parter.map(|p| p.judge.findings()).ok_or_else(|| unreadable(set.lake.url(), "its rows are still being judged"))
}

/// Rows of one batch, parted.
struct Parted {
    passed: Option<RecordBatch>,
    failing: Option<RecordBatch>,
    /// Rows done with this batch, of all.
    done: u64,
}

/// Judges and parts the rows.
struct Parter {
    judge: Judge,
    /// The columns of the evolved rows that the passing ones keep.
    kept: Vec<usize>,
    passed: SchemaRef,
    failing: SchemaRef,
}

impl Parter {
    fn new(set: &RowSet, evolution: &Evolution, rules: &[Rule]) -> Self {
        let judge = Judge::new(set, evolution, rules);
        let steps = evolution.columns.iter().enumerate();
        let kept: Vec<usize> = steps.filter(|(_, c)| c.step != EvolutionStep::Technical).map(|(i, _)| i).collect();
        let fields = kept.iter().filter_map(|i| Some(judge.schema().fields().get(*i)?.as_ref().clone())).collect();
        // As they were; a column that the parts have in several types as text, which holds them all.
        let own = |(i, field): (usize, &Arc<Field>)| {
            let types = set.types(i);
            let data_type = match types.as_slice() {
                [] => plain(field.data_type()).clone(),
                [one] => plain(one).clone(),
                _ => DataType::Utf8,
            };
            let data_type = if data_type == DataType::Null { DataType::Utf8 } else { data_type };
            Field::new(field.name(), data_type, true)
        };
        let mut original: Vec<Field> = set.schema.fields().iter().enumerate().map(own).collect();
        original.push(Field::new(REASONS, DataType::Utf8, false));
        let schema = |fields: Vec<Field>| Arc::new(distinct_names(&Schema::new(fields)));
        Self { judge, kept, passed: schema(fields), failing: schema(original) }
    }

    fn part(&mut self, batch: &Batch) -> Result<Parted, RowsError> {
        let judged = self.judge.judge(batch)?;
        guard::fenced("rows", || self.parted(batch, &judged))?.map_err(|e| unreadable("rows", e.to_string()))
    }

    fn parted(&self, batch: &Batch, judged: &Judged) -> Result<Parted, ArrowError> {
        let whole = judged.batch.project(&self.kept)?;
        let whole = batch_of(&self.passed, whole.columns().to_vec(), batch.rows).map_err(ArrowError::SchemaError)?;
        let done = batch.first + batch.rows as u64;
        let Some(failing) = &judged.failing else {
            return Ok(Parted { passed: Some(whole), failing: None, done });
        };
        let passed = BooleanArray::new(!failing, None);
        let passed = (passed.true_count() > 0).then(|| filter_record_batch(&whole, &passed)).transpose()?;
        Ok(Parted { passed, failing: Some(self.failed(batch, judged, failing)?), done })
    }

    fn failed(&self, batch: &Batch, judged: &Judged, failing: &BooleanBuffer) -> Result<RecordBatch, ArrowError> {
        let mask = BooleanArray::new(failing.clone(), None);
        let reasons: Vec<String> = failing.set_indices().map(|row| self.judge.reasons(judged, row)).collect();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.failing.fields().len());
        for (own, field) in batch.columns.iter().zip(self.failing.fields()) {
            let own = match own {
                Some(own) => cast(own, field.data_type())?.0,
                None => new_null_array(field.data_type(), batch.rows),
            };
            columns.push(filter(&own, &mask)?);
        }
        columns.push(Arc::new(StringArray::from(reasons)));
        batch_of(&self.failing, columns, mask.true_count()).map_err(ArrowError::SchemaError)
    }
}

/// The two files that are being written.
struct Files {
    open: Open,
    passed: Half,
    failing: Half,
}

struct Half {
    schema: SchemaRef,
    encoder: Option<Encoder>,
}

impl Files {
    fn take(&mut self, parted: Parted) -> Result<(), RowsError> {
        guard::fenced(FILE, || {
            if let Some(passed) = &parted.passed {
                self.passed.write(Output::Passed, &mut self.open, passed)?;
            }
            match &parted.failing {
                Some(failing) => self.failing.write(Output::Failing, &mut self.open, failing),
                None => Ok(()),
            }
        })?
    }

    /// Ends both files, the failing rows first: what fits is complete last.
    fn close(self) -> Result<(), RowsError> {
        for half in [self.failing, self.passed] {
            let Some(encoder) = half.encoder else { continue };
            let outlet = guard::fenced(FILE, || encoder.end())??;
            outlet.finish().map_err(|e| unreadable(FILE, e.to_string()))?;
        }
        Ok(())
    }
}

impl Half {
    fn of(schema: &SchemaRef) -> Self {
        Self { schema: Arc::clone(schema), encoder: None }
    }

    fn write(&mut self, output: Output, open: &mut Open, batch: &RecordBatch) -> Result<(), RowsError> {
        if self.encoder.is_none() {
            let outlet = open(output).map_err(|e| unreadable(FILE, e.to_string()))?;
            self.encoder = Some(Encoder::new(outlet, &self.schema)?);
        }
        self.encoder.as_mut().map_or(Ok(()), |encoder| encoder.write(batch))
    }
}
