//! A bounded buffer of log lines. The oldest go when it is full, and are counted; every other line keeps its name,
//! so that what is looked at does not move.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::filtered::Filtered;
use super::level::{Kind, read};
use super::{Level, LineId, LogLine, Signatures};
use crate::model::category::CategoryRule;
use crate::model::filter::Filter;
use crate::model::named::head;
use crate::model::text::CUT;

/// What a buffer holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lines.
    pub lines: usize,
    /// Bytes of their text.
    pub bytes: usize,
    /// Bytes of one line; the rest of a longer one is cut off.
    pub line: usize,
}

impl Default for Limits {
    /// Ours: what fits into memory beside everything else, and is more than anybody scrolls through.
    fn default() -> Self {
        Self { lines: 100_000, bytes: 64 << 20, line: 64 << 10 }
    }
}

/// Beside its text a line takes about this many bytes.
const OVERHEAD: usize = 64;

/// A marked line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked<'a> {
    /// It is here.
    Here(&'a LogLine),
    /// It was marked, and was trimmed since.
    Trimmed(LineId),
}

/// What a record's later lines take over from its first one.
#[derive(Debug, Clone, Copy)]
struct Open {
    head: LineId,
    level: Option<Level>,
    at: Option<DateTime<Utc>>,
}

/// The lines of one log.
#[derive(Debug)]
pub struct LogBuffer {
    limits: Limits,
    /// Their ids follow each other without a gap: only the oldest go.
    lines: VecDeque<LogLine>,
    next: u64,
    bytes: usize,
    trimmed: u64,
    /// Heads of records that are errors.
    errors: VecDeque<LineId>,
    filtered: Filtered,
    marks: BTreeSet<LineId>,
    /// The record that is being written, of each stream.
    open: HashMap<Arc<str>, Open>,
    signatures: Signatures,
}

impl LogBuffer {
    /// An empty one; the rules say what a failure means.
    pub fn new(limits: Limits, rules: Vec<CategoryRule>) -> Self {
        Self {
            limits,
            lines: VecDeque::new(),
            next: 0,
            bytes: 0,
            trimmed: 0,
            errors: VecDeque::new(),
            filtered: Filtered::default(),
            marks: BTreeSet::new(),
            open: HashMap::new(),
            signatures: Signatures::new(rules),
        }
    }

    /// Takes a line; what does not fit any more goes at the other end.
    pub fn append(&mut self, at: Option<DateTime<Utc>>, stream: &Arc<str>, text: &str) -> LineId {
        let id = LineId(self.next);
        self.next += 1;
        let read = read(text);
        let above = self.open.get(stream).copied();
        let belongs = match (read.kind, above) {
            (Kind::Continuation, Some(_)) => true,
            (Kind::Exception, Some(open)) => open.level.is_some_and(Level::is_error),
            (Kind::Head, _) | (_, None) => false,
        };
        let at = at.or(read.at);
        let (first, level, at) = match above {
            Some(open) if belongs => (open.head, open.level, at.or(open.at)),
            _ => {
                self.open.insert(Arc::clone(stream), Open { head: id, level: read.level, at });
                (id, read.level, at)
            }
        };
        let line = LogLine { id, at, stream: Arc::clone(stream), text: self.cut(text), level, head: first };
        self.bytes += line.text.len() + OVERHEAD;
        if line.is_error() {
            self.errors.push_back(id);
        }
        self.signatures.entered(&line, read.kind);
        self.filtered.entered(&line);
        self.lines.push_back(line);
        self.trim();
        id
    }

    fn cut(&self, text: &str) -> Box<str> {
        let kept = head(text, self.limits.line);
        if kept.len() == text.len() { text.into() } else { format!("{kept}{CUT}").into() }
    }

    fn trim(&mut self) {
        while self.lines.len() > self.limits.lines || (self.bytes > self.limits.bytes && self.lines.len() > 1) {
            let Some(line) = self.lines.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(line.text.len() + OVERHEAD);
            self.trimmed += 1;
        }
        let first = self.first();
        while self.errors.front().is_some_and(|id| *id < first) {
            self.errors.pop_front();
        }
        self.filtered.trimmed(first);
    }

    /// The oldest line's name; of an empty buffer, the next line's.
    pub fn first(&self) -> LineId {
        LineId(self.next - self.lines.len() as u64)
    }

    /// Lines that it holds.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Lines that are gone.
    pub fn trimmed(&self) -> u64 {
        self.trimmed
    }

    /// Errors among the lines that it holds.
    pub fn errors(&self) -> usize {
        self.errors.len()
    }

    /// The errors since the beginning, grouped.
    pub fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    /// A line by its name; none if it was trimmed.
    pub fn get(&self, id: LineId) -> Option<&LogLine> {
        let at = id.0.checked_sub(self.first().0)?;
        self.lines.get(usize::try_from(at).ok()?)
    }

    /// The filter.
    pub fn filter(&self) -> &Filter {
        self.filtered.filter()
    }

    /// Shows only the lines that a filter lets through.
    pub fn set_filter(&mut self, filter: Filter) {
        let first = self.first();
        self.filtered.set(filter, &self.lines, first);
    }

    /// Lines that the filter has looked at since the beginning.
    pub fn examined(&self) -> u64 {
        self.filtered.examined()
    }

    /// Lines that the filter leaves.
    pub fn shown(&self) -> usize {
        if self.filtered.is_on() { self.filtered.ids().len() } else { self.lines.len() }
    }

    /// One of those that the filter leaves, from the oldest.
    pub fn shown_at(&self, index: usize) -> Option<&LogLine> {
        if self.filtered.is_on() { self.get(*self.filtered.ids().get(index)?) } else { self.lines.get(index) }
    }

    /// Where a line stands among those that the filter leaves; one that is hidden or gone stands where the next
    /// one does.
    pub fn position(&self, id: LineId) -> usize {
        if self.filtered.is_on() {
            self.filtered.ids().partition_point(|other| *other < id)
        } else {
            let before = id.0.saturating_sub(self.first().0);
            usize::try_from(before).unwrap_or(usize::MAX).min(self.lines.len())
        }
    }

    /// The next error behind a line that the filter leaves.
    pub fn next_error(&self, from: LineId) -> Option<LineId> {
        let at = self.errors.partition_point(|id| *id <= from);
        self.errors.range(at..).copied().find(|id| self.is_shown(*id))
    }

    /// The last error before a line that the filter leaves.
    pub fn previous_error(&self, from: LineId) -> Option<LineId> {
        let at = self.errors.partition_point(|id| *id < from);
        self.errors.range(..at).rev().copied().find(|id| self.is_shown(*id))
    }

    fn is_shown(&self, id: LineId) -> bool {
        !self.filtered.is_on() || self.filtered.ids().binary_search(&id).is_ok()
    }

    /// Marks a line, or unmarks it.
    pub fn toggle_mark(&mut self, id: LineId) {
        if !self.marks.remove(&id) {
            self.marks.insert(id);
        }
    }

    /// Whether a line is marked.
    pub fn is_marked(&self, id: LineId) -> bool {
        self.marks.contains(&id)
    }

    /// What is marked, the oldest first; also what was trimmed since.
    pub fn marked(&self) -> impl Iterator<Item = Marked<'_>> {
        self.marks.iter().map(|id| self.get(*id).map_or(Marked::Trimmed(*id), Marked::Here))
    }

    /// Forgets all marks. Whether there were any.
    pub fn unmark(&mut self) -> bool {
        let any = !self.marks.is_empty();
        self.marks.clear();
        any
    }
}
