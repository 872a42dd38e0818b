//! Draws the form of a rerun: its fields, what differs, and what is wrong with it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::RerunForm;
use crate::console::paint::{self, fit, pad};
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::text::{escape, one_line};

/// Columns of a field's name.
const NAME: usize = 19;

/// Draws the form into the body.
pub(in crate::console) fn draw(state: &State, form: &RerunForm, body: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(body.width);
    let title = format!("Rerun {}", one_line(&form.job.0, 60));
    paint::rule(buffer, body, theme, &title, "* doubles the memory");
    let inside = Rect { y: body.y.saturating_add(1), height: body.height.saturating_sub(1), ..body };
    let mut y = 0;
    for (i, field) in form.fields.iter().enumerate() {
        let chosen = i == form.at;
        let room = width.saturating_sub(NAME + 4);
        let sign = if chosen { glyphs::POINTER } else { " " };
        let mut spans = vec![Span::styled(format!(" {sign}{}", pad(field.name, NAME, false)), theme.style(Role::Dim))];
        // The end of what is typed is what is looked at.
        let value = escape(&field.value).into_owned();
        let skip = value.chars().count().saturating_sub(room);
        let value: String = value.chars().skip(skip).collect();
        match (value.is_empty(), chosen) {
            (true, false) => spans.push(Span::styled(format!("({})", field.unset), theme.style(Role::Dim))),
            (_, chosen) => {
                spans.push(Span::styled(value, theme.style(if chosen { Role::Title } else { Role::Text })));
                if chosen {
                    spans.push(Span::styled(" ", theme.style(Role::Selected)));
                }
            }
        }
        paint::line(buffer, inside, y, Line::from(spans));
        y = y.saturating_add(1);
    }
    let rest = Rect { y: inside.y.saturating_add(y), height: inside.height.saturating_sub(y), ..inside };
    let changes = &form.edited.changes;
    let right = words::plural(changes.len() as u64, "change", "changes");
    paint::rule(buffer, rest, theme, "Differs", &right);
    let mut lines: Vec<(Role, String)> = Vec::new();
    lines.extend(form.edited.faults.iter().map(|fault| (Role::Critical, format!("{} {fault}", glyphs::BAD))));
    lines.extend(changes.iter().map(|change| {
        let before = change.before.as_deref().unwrap_or("(unset)");
        (Role::Accent, format!("{} {before} -> {}", change.name, change.after))
    }));
    lines.extend(form.edited.notes.iter().map(|note| (Role::Warning, format!("! {note}"))));
    if lines.is_empty() {
        lines.push((Role::Dim, "nothing: the run as it was".to_owned()));
    }
    let keys = " up, down: another field   enter: the plan   esc: leaves all as it is";
    let room = usize::from(rest.height.saturating_sub(2));
    for (i, (role, text)) in lines.iter().take(room).enumerate() {
        let text = fit(&format!(" {}", one_line(text, 2000)), width);
        paint::line(buffer, rest, 1 + u16::try_from(i).unwrap_or(0), Span::styled(text, theme.style(*role)));
    }
    let last = rest.height.saturating_sub(1);
    paint::line(buffer, rest, last, Span::styled(fit(keys, width), theme.style(Role::Key)));
}
