//! A note being written: several lines, over whatever is looked at.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::Widget;
use tui_textarea::TextArea;

use crate::console::msg::Effect;
use crate::console::overlay::Overlay;
use crate::console::paint;
use crate::console::runbook;
use crate::console::state::State;
use crate::console::theme::Role;
use crate::model::incident::Happening;
use crate::model::text::is_hostile;
use crate::model::verify::Check;

/// The longest note. Characters.
const LONGEST: usize = 8_000;

/// The open note.
#[derive(Debug)]
pub(in crate::console) struct NoteScreen {
    editor: TextArea<'static>,
    /// The check that it is about.
    check: Option<Check>,
    /// Esc was pressed on a note that says something.
    leaving: bool,
}

impl NoteScreen {
    pub(super) fn new(check: Option<Check>) -> Self {
        let mut editor = TextArea::default();
        editor.set_cursor_line_style(Style::default());
        Self { editor, check, leaving: false }
    }

    fn text(&self) -> String {
        self.editor.lines().join("\n").trim().chars().take(LONGEST).collect()
    }

    /// Pasted text: of what acts on a terminal only the line ends are kept.
    pub(in crate::console) fn paste(&mut self, text: &str) {
        // Terminals send the ends of lines as returns.
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let kept: String = lines.chars().filter(|c| *c == '\n' || !is_hostile(*c)).take(LONGEST).collect();
        self.editor.insert_str(kept);
    }

    /// Draws it over the middle of the screen.
    pub(in crate::console) fn draw(&self, state: &State, area: Rect, buffer: &mut Buffer) {
        let title = match self.check {
            Some(check) => format!("Note on: {}", check.title()),
            None => "Note".to_owned(),
        };
        let rule = Rect { height: area.height.min(1), ..area };
        paint::rule(buffer, rule, &state.theme, &title, "");
        let says = match self.leaving {
            true => "esc once more throws it away",
            false => "ctrl-s writes it down, esc leaves it",
        };
        let last = area.height.saturating_sub(1);
        paint::line(buffer, area, last, Span::styled(format!(" {says}"), state.theme.style(Role::Dim)));
        let inside = Rect {
            x: area.x.saturating_add(1),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(2),
            height: area.height.saturating_sub(2),
        };
        (&self.editor).render(inside.intersection(buffer.area), buffer);
    }
}

/// A key while a note is open.
pub(in crate::console) fn key(state: &mut State, event: KeyEvent) -> Vec<Effect> {
    let Some(Overlay::Note(screen)) = state.overlay.as_mut() else { return Vec::new() };
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Esc if screen.text().is_empty() || screen.leaving => state.overlay = None,
        KeyCode::Esc => screen.leaving = true,
        KeyCode::Char('s') if ctrl => {
            let (text, check) = (screen.text(), screen.check);
            if text.is_empty() {
                return Vec::new();
            }
            let Some(incident) = state.incident.joined.clone() else {
                state.fail("no incident is joined any more: the note is not written");
                return Vec::new();
            };
            state.overlay = None;
            return runbook::record(state, incident, vec![Happening::Note { text, check }]);
        }
        _ => {
            screen.leaving = false;
            screen.editor.input(event);
        }
    }
    Vec::new()
}
