//! The rows that were read, in pieces, and which piece is wanted next. A piece is some rows of some columns:
//! only what is in view is ever asked for.

use serde_json::Value;

use crate::console::cursor::Cursor;
use crate::model::column::RowPage;
use crate::rows::PageRequest;

/// Rows of one request. Enough for a screen or two, little enough for a slow line.
pub(in crate::console) const PAGE: u64 = 100;
/// Pieces kept; the oldest goes first.
const PIECES: usize = 16;

/// Some rows of some columns.
#[derive(Debug)]
struct Piece {
    start: u64,
    columns: Vec<usize>,
    rows: Vec<Vec<Value>>,
}

/// What to read: rows from `start`, these columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::console) struct Need {
    pub start: u64,
    pub limit: u64,
    pub columns: Vec<usize>,
}

/// The rows of the open entry.
#[derive(Debug, Default)]
pub(in crate::console) struct Rows {
    pub cursor: Cursor,
    /// How many of the columns are scrolled away to the left.
    pub first_column: usize,
    /// The columns that the user chose; all in their order if none.
    pub chosen: Option<Vec<usize>>,
    pub filter: Option<String>,
    /// Rows in all: of the entry, or of those that match the filter.
    pub total: Option<u64>,
    pieces: Vec<Piece>,
}

impl Rows {
    /// A cell, if it was read.
    pub(in crate::console) fn cell(&self, row: u64, column: usize) -> Option<&Value> {
        self.pieces.iter().rev().find_map(|piece| {
            let at = usize::try_from(row.checked_sub(piece.start)?).ok()?;
            let j = piece.columns.iter().position(|c| *c == column)?;
            piece.rows.get(at)?.get(j)
        })
    }

    /// How many rows there are, as far as is known.
    pub(in crate::console) fn len(&self) -> u64 {
        let read = || self.pieces.iter().map(|p| p.start.saturating_add(p.rows.len() as u64)).max().unwrap_or(0);
        // While the end is not known, one more page may be there.
        self.total.unwrap_or_else(|| read().saturating_add(PAGE))
    }

    /// The first piece that is missing of `height` rows from the top of the view, in these columns.
    pub(in crate::console) fn missing(&self, height: u16, columns: &[usize]) -> Option<Need> {
        let end = self.cursor.top.saturating_add(u64::from(height)).min(self.len());
        let mut start = self.cursor.top / PAGE * PAGE;
        while start < end {
            let from = start.max(self.cursor.top);
            let to = start.saturating_add(PAGE).min(end);
            let lacking = |c: &&usize| (from..to).any(|row| self.cell(row, **c).is_none());
            let missing: Vec<usize> = columns.iter().filter(lacking).copied().collect();
            if !missing.is_empty() {
                return Some(Need { start, limit: PAGE, columns: missing });
            }
            start = start.saturating_add(PAGE);
        }
        None
    }

    /// What is missing of one row, for its record.
    pub(in crate::console) fn missing_of_row(&self, row: u64, columns: &[usize]) -> Option<Need> {
        let missing: Vec<usize> = columns.iter().filter(|c| self.cell(row, **c).is_none()).copied().collect();
        (!missing.is_empty() && row < self.len()).then_some(Need { start: row, limit: 1, columns: missing })
    }

    pub(in crate::console) fn request(&self, need: &Need) -> PageRequest {
        PageRequest {
            offset: need.start,
            limit: usize::try_from(need.limit).unwrap_or(usize::MAX),
            columns: Some(need.columns.clone()),
            filter: self.filter.clone(),
        }
    }

    /// Takes the answer to a need. What it says of the end is believed.
    pub(in crate::console) fn take(&mut self, need: Need, page: RowPage) {
        let end = need.start.saturating_add(page.rows.len() as u64);
        if page.total_rows.is_some() {
            self.total = page.total_rows;
        } else if !page.truncated && (!page.rows.is_empty() || need.start == 0) {
            self.total = Some(end);
        }
        // A short page that claims more would be asked for for ever.
        if (page.rows.len() as u64) < need.limit && self.total.is_none_or(|t| t > end) {
            self.total = Some(end);
        }
        if self.pieces.len() >= PIECES {
            self.pieces.remove(0);
        }
        self.pieces.push(Piece { start: need.start, columns: need.columns, rows: page.rows });
    }

    /// Forgets the cells, not the place.
    pub(in crate::console) fn forget(&mut self) {
        self.pieces.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: u64, columns: usize, total: Option<u64>, truncated: bool) -> RowPage {
        let rows = (0..rows).map(|r| vec![Value::from(r); columns]).collect();
        RowPage { columns: Vec::new(), rows, total_rows: total, truncated }
    }

    #[test]
    fn it_asks_page_by_page_and_only_for_columns_that_are_missing() {
        let mut rows = Rows { total: Some(250), ..Rows::default() };
        let first = rows.missing(20, &[3, 1]);
        assert_eq!(first, Some(Need { start: 0, limit: PAGE, columns: vec![3, 1] }));
        rows.take(first.unwrap_or(Need { start: 0, limit: 0, columns: vec![] }), page(100, 2, Some(250), true));
        assert_eq!(rows.missing(20, &[3, 1]), None);
        assert_eq!(rows.missing(20, &[3, 1, 2]), Some(Need { start: 0, limit: PAGE, columns: vec![2] }));
        rows.cursor.top = 90;
        assert_eq!(rows.missing(20, &[3]), Some(Need { start: 100, limit: PAGE, columns: vec![3] }));
        rows.cursor.top = 240;
        assert_eq!(rows.missing(20, &[3]), Some(Need { start: 200, limit: PAGE, columns: vec![3] }));
    }

    #[test]
    fn the_end_is_found_where_no_total_is_known() {
        let mut rows = Rows::default();
        let need = |start| Need { start, limit: PAGE, columns: vec![0] };
        rows.take(need(0), page(100, 1, None, true));
        assert_eq!((rows.total, rows.len()), (None, 200));
        rows.take(need(100), page(7, 1, None, false));
        assert_eq!((rows.total, rows.len()), (Some(107), 107));
        let mut lying = Rows { total: Some(1000), ..Rows::default() };
        lying.take(need(0), page(3, 1, Some(1000), true));
        assert_eq!((lying.total, lying.missing(10, &[0])), (Some(3), None));
    }
}
