//! The one-line editor under `:` and `/`: history and completion for commands, live text for filters.

use crossterm::event::{KeyCode, KeyEvent};
use tui_textarea::{CursorMove, TextArea};

/// What the line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PromptKind {
    Command,
    Filter,
}

/// What a key made of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Still being typed; the text may have changed.
    Typing,
    /// Enter.
    Done(String),
    /// Given up; a filter goes back to this text.
    Given(String),
    /// Completion is wanted for this line.
    Complete(String),
}

/// A line being typed.
#[derive(Debug)]
pub(super) struct Prompt {
    pub kind: PromptKind,
    pub editor: TextArea<'static>,
    /// The text before, for a filter that is given up.
    before: String,
    /// Where in the history we are, counted from its end.
    recalled: usize,
    /// Candidates of the running completion, and the one that is shown.
    pub candidates: Vec<String>,
    pub candidate: usize,
}

impl Prompt {
    pub(super) fn new(kind: PromptKind, text: &str) -> Self {
        let mut prompt = Self {
            kind,
            editor: TextArea::default(),
            before: text.to_owned(),
            recalled: 0,
            candidates: Vec::new(),
            candidate: 0,
        };
        prompt.set(text);
        prompt
    }

    pub(super) fn text(&self) -> String {
        self.editor.lines().concat()
    }

    pub(super) fn set(&mut self, text: &str) {
        let line: String = text.chars().filter(|c| !c.is_control()).collect();
        self.editor = TextArea::new(vec![line]);
        self.editor.set_cursor_line_style(ratatui::style::Style::default());
        self.editor.move_cursor(CursorMove::End);
    }

    /// Pasted text: its control characters and line ends are left out, so nothing runs by itself.
    pub(super) fn paste(&mut self, text: &str) {
        let line: String = text.chars().filter(|c| !c.is_control()).take(4096).collect();
        self.editor.insert_str(line);
        self.candidates.clear();
    }

    pub(super) fn key(&mut self, key: KeyEvent, history: &[String]) -> Outcome {
        let ctrl = key.modifiers.contains(crossterm::event::KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Outcome::Done(self.text()),
            KeyCode::Esc => return Outcome::Given(self.before.clone()),
            KeyCode::Char('c') if ctrl => return Outcome::Given(self.before.clone()),
            KeyCode::Backspace if self.text().is_empty() => return Outcome::Given(self.before.clone()),
            KeyCode::Tab | KeyCode::BackTab if self.candidates.is_empty() => return Outcome::Complete(self.text()),
            KeyCode::Tab => self.cycle(1),
            KeyCode::BackTab => self.cycle(self.candidates.len().saturating_sub(1)),
            KeyCode::Up | KeyCode::Down if self.kind == PromptKind::Command => {
                let step = if key.code == KeyCode::Up { self.recalled + 1 } else { self.recalled.saturating_sub(1) };
                self.recalled = step.min(history.len());
                let line = history.len().checked_sub(self.recalled).and_then(|i| history.get(i));
                self.set(line.map(String::as_str).unwrap_or_default());
            }
            KeyCode::Up | KeyCode::Down => {}
            KeyCode::Char('u') if ctrl => self.set(""),
            // They would put a second line into the editor.
            KeyCode::Char('j' | 'm') if ctrl => {}
            _ => {
                self.editor.input(key);
                self.candidates.clear();
            }
        }
        Outcome::Typing
    }

    /// Takes the answer to [`Outcome::Complete`].
    pub(super) fn offer(&mut self, candidates: Vec<String>) {
        self.candidates = candidates;
        self.candidate = 0;
        if let Some(first) = self.candidates.first().cloned() {
            self.set(&first);
        }
        // One candidate is no choice: what comes next is typed.
        if self.candidates.len() == 1 {
            self.candidates.clear();
        }
    }

    fn cycle(&mut self, by: usize) {
        self.candidate = (self.candidate + by) % self.candidates.len().max(1);
        if let Some(line) = self.candidates.get(self.candidate).cloned() {
            self.set(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(prompt: &mut Prompt, code: KeyCode, history: &[String]) -> Outcome {
        prompt.key(KeyEvent::from(code), history)
    }

    #[test]
    fn history_goes_back_and_forth() {
        let history = ["row 3".to_owned(), "theme mono".to_owned()];
        let mut p = Prompt::new(PromptKind::Command, "");
        for (code, text) in [
            (KeyCode::Up, "theme mono"),
            (KeyCode::Up, "row 3"),
            (KeyCode::Up, "row 3"),
            (KeyCode::Down, "theme mono"),
            (KeyCode::Down, ""),
        ] {
            assert_eq!(press(&mut p, code, &history), Outcome::Typing);
            assert_eq!(p.text(), text);
        }
    }

    #[test]
    fn a_paste_is_one_line_and_runs_nothing() {
        let mut p = Prompt::new(PromptKind::Command, "");
        p.paste("theme light\r\nquit\x1b[31m");
        assert_eq!(p.text(), "theme lightquit[31m");
    }

    #[test]
    fn completion_cycles_and_typing_ends_it() {
        let mut p = Prompt::new(PromptKind::Command, "s");
        assert_eq!(press(&mut p, KeyCode::Tab, &[]), Outcome::Complete("s".into()));
        p.offer(vec!["schema".into(), "sort".into()]);
        assert_eq!(p.text(), "schema");
        press(&mut p, KeyCode::Tab, &[]);
        assert_eq!(p.text(), "sort");
        press(&mut p, KeyCode::Tab, &[]);
        assert_eq!(p.text(), "schema");
        press(&mut p, KeyCode::Char('x'), &[]);
        assert!(p.candidates.is_empty());
        assert_eq!(press(&mut p, KeyCode::Esc, &[]), Outcome::Given("s".into()));
    }
}
