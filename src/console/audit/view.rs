//! Draws the audit records: a line each, the chosen one in full below the list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::AuditScreen;
use crate::console::load::Load;
use crate::console::paint::{self, fit, pad};
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::text::{middle, one_line};
use crate::ops::AuditRecord;

/// Draws the view into the body.
pub(in crate::console) fn draw(state: &State, screen: &AuditScreen, body: Rect, height: u16, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(body.width);
    let inside = Rect { y: body.y.saturating_add(1), height: body.height.saturating_sub(1), ..body };
    let days = words::plural(u64::from(screen.days), "day", "days");
    let records = match &screen.records {
        Load::Ready(records) => records.as_slice(),
        _ => &[],
    };
    let right = format!("{} in {days}, newest first", words::plural(records.len() as u64, "record", "records"));
    paint::rule(buffer, body, theme, "Audit", &right);
    let said = match &screen.records {
        Load::Waiting(_) => Some((" reading the audit log…".to_owned(), Role::Dim)),
        Load::Failed(fault) => Some((format!(" {} {}  {}", glyphs::BAD, fault.what, fault.hint), Role::Error)),
        Load::Ready(records) if records.is_empty() => {
            Some((format!(" nothing was written to this lake in {days}; :audit 30 looks further back"), Role::Dim))
        }
        Load::Ready(_) | Load::Idle | Load::Cancelled => None,
    };
    if let Some((text, role)) = said {
        for (y, part) in words::wrap(&text, width.saturating_sub(1)).into_iter().enumerate() {
            paint::line(buffer, inside, u16::try_from(y).unwrap_or(u16::MAX), Span::styled(part, theme.style(role)));
        }
        return;
    }
    let list = Rect { height: height.saturating_sub(1).min(inside.height), y: inside.y.saturating_add(1), ..inside };
    let actor = (width / 6).clamp(8, 24);
    let head = format!(
        " {} {} {} {} what",
        pad("when", 20, false),
        pad("who", actor, false),
        pad("act", 11, false),
        pad("outcome", 12, false)
    );
    paint::line(buffer, inside, 0, Span::styled(head, theme.style(Role::Title)));
    for (y, i) in screen.cursor.window(records.len(), list.height).enumerate() {
        let (Some(record), y) = (records.get(i), y as u16) else { continue };
        let start = format!(
            " {} {} {} {} ",
            words::absolute(record.at),
            pad(&one_line(&record.actor.name(), actor), actor, false),
            pad(&one_line(&record.act, 11), 11, false),
            pad(&one_line(&record.outcome, 12), 12, false),
        );
        let room = width.saturating_sub(start.chars().count());
        let style = theme.style(role(record));
        paint::line(buffer, list, y, Span::styled(format!("{start}{}", middle(&record.object, room)), style));
        if i == screen.cursor.index() {
            paint::line(buffer, list, y, Span::raw(glyphs::POINTER));
            paint::over(buffer, list, y, theme.style(Role::Selected));
        }
    }
    if let Some(record) = records.get(screen.cursor.index()) {
        for (i, text) in words::wrap(&whole(record), width.saturating_sub(2)).into_iter().take(2).enumerate() {
            let below = height.saturating_add(i as u16);
            let text = fit(&format!(" {text}"), width);
            paint::line(buffer, inside, below, Span::styled(text, theme.style(Role::Accent)));
        }
    }
}

/// What went well is plain; what did not stands out.
fn role(record: &AuditRecord) -> Role {
    match record.outcome.as_str() {
        "done" | "ok" => Role::Text,
        "refused" => Role::Warning,
        _ => Role::Error,
    }
}

fn whole(record: &AuditRecord) -> String {
    let figures = match record.objects {
        0 => String::new(),
        n => format!("{}, {}  ", words::plural(n, "object", "objects"), words::bytes(record.bytes)),
    };
    format!("{figures}{}  {}", one_line(&record.detail, 600), one_line(&record.object, 600))
}
