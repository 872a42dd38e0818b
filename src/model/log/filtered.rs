//! Which lines a filter leaves, kept up to date as lines come and go. A filter that narrows the last one looks only
//! at what that one left, so typing costs less with each letter.

use std::collections::VecDeque;

use super::{LineId, LogLine};
use crate::model::filter::Filter;

/// A filter and what it leaves.
#[derive(Debug, Default)]
pub(super) struct Filtered {
    filter: Filter,
    ids: VecDeque<LineId>,
    /// Lines looked at since the beginning, for tests.
    examined: u64,
}

impl Filtered {
    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) fn is_on(&self) -> bool {
        !self.filter.is_empty()
    }

    pub(super) fn ids(&self) -> &VecDeque<LineId> {
        &self.ids
    }

    pub(super) fn examined(&self) -> u64 {
        self.examined
    }

    /// Filters anew; `first` is the id of the first of the lines, whose ids follow each other.
    pub(super) fn set(&mut self, filter: Filter, lines: &VecDeque<LogLine>, first: LineId) {
        let narrows = self.is_on() && filter.narrows(&self.filter);
        self.filter = filter;
        if !self.is_on() {
            self.ids = VecDeque::new();
            return;
        }
        let mut examined = 0;
        let mut passes = |line: &LogLine| {
            examined += 1;
            self.filter.matches([&*line.text, &*line.stream].into_iter())
        };
        if narrows {
            let line = |id: &LineId| {
                let at = id.0.checked_sub(first.0).and_then(|at| usize::try_from(at).ok())?;
                lines.get(at)
            };
            self.ids.retain(|id| line(id).is_some_and(&mut passes));
        } else {
            self.ids = lines.iter().filter(|line| passes(line)).map(|line| line.id).collect();
        }
        self.examined += examined;
    }

    pub(super) fn entered(&mut self, line: &LogLine) {
        if self.is_on() {
            self.examined += 1;
            if self.filter.matches([&*line.text, &*line.stream].into_iter()) {
                self.ids.push_back(line.id);
            }
        }
    }

    /// Forgets the lines before this one.
    pub(super) fn trimmed(&mut self, first: LineId) {
        while self.ids.front().is_some_and(|id| *id < first) {
            self.ids.pop_front();
        }
    }
}
