//! A pane of sentences, wrapped to its width: what is known of a step, of a check, of an event.

use ratatui::text::Line;

use super::paint::fit;
use super::state::State;
use super::theme::Role;
use super::words;
use crate::model::alert::Evidence;
use crate::model::text::{escape, middle, one_line};

/// Columns that the age of a piece of evidence takes behind its address.
const AGE: usize = 28;

/// The lines so far.
pub(super) struct Page<'s> {
    pub state: &'s State,
    pub width: usize,
    pub lines: Vec<Line<'static>>,
}

impl<'s> Page<'s> {
    pub(super) fn new(state: &'s State, width: u16) -> Self {
        Self { state, width: usize::from(width), lines: Vec::new() }
    }

    /// A sentence. The text must be harmless.
    pub(super) fn said(&mut self, text: &str, role: Role) {
        let style = self.state.theme.style(role);
        let wrapped = words::wrap(text, self.width.saturating_sub(2));
        self.lines.extend(wrapped.into_iter().map(|part| Line::styled(format!(" {part}"), style)));
    }

    /// A line that is not wrapped: a command.
    pub(super) fn code(&mut self, text: &str, role: Role) {
        let text = fit(&format!("   {}", escape(text)), self.width);
        self.lines.push(Line::styled(text, self.state.theme.style(role)));
    }

    pub(super) fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    /// At most so many pieces of evidence, each with its address and age.
    pub(super) fn evidence(&mut self, all: &[Evidence], most: usize) {
        let mut last = "";
        for evidence in all.iter().take(most) {
            self.said(&format!("· {}", one_line(&evidence.detail, 600)), Role::Text);
            // An address that stays the same is told once.
            if evidence.uri != last {
                let place = middle(&evidence.uri, self.width.saturating_sub(AGE).max(20));
                let age = words::age(self.state.now, evidence.observed_at);
                self.said(&format!("  {place}  {age}"), Role::Dim);
            }
            last = &evidence.uri;
        }
        if all.len() > most {
            self.said(&format!("and {} more", all.len() - most), Role::Dim);
        }
    }
}
