//! Draws the history: a line each, the chosen one in full below the list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::HistoryScreen;
use crate::console::load::Load;
use crate::console::paint::{self, fit, pad};
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::text::{middle, one_line};
use crate::ops::HistoryEvent;
use crate::ops::history::Happened;

/// Draws the view into the body.
pub(in crate::console) fn draw(state: &State, screen: &HistoryScreen, body: Rect, height: u16, buffer: &mut Buffer) {
    let theme = &state.theme;
    let width = usize::from(body.width);
    let inside = Rect { y: body.y.saturating_add(1), height: body.height.saturating_sub(1), ..body };
    let days = words::plural(u64::from(screen.days), "day", "days");
    let events = match &screen.events {
        Load::Ready(events) => events.as_slice(),
        _ => &[],
    };
    let right = format!("{} in {days}, newest first", words::plural(events.len() as u64, "event", "events"));
    paint::rule(buffer, body, theme, "History of alerts", &right);
    let said = match &screen.events {
        Load::Waiting(_) => Some((" reading the history…".to_owned(), Role::Dim)),
        Load::Failed(fault) => Some((format!(" {} {}  {}", glyphs::BAD, fault.what, fault.hint), Role::Error)),
        Load::Ready(events) if events.is_empty() => Some((
            format!(" nothing fired or cleared in {days}, as far as this machine saw; :history 30 looks further back"),
            Role::Dim,
        )),
        Load::Ready(_) | Load::Idle | Load::Cancelled => None,
    };
    if let Some((text, role)) = said {
        for (y, part) in words::wrap(&text, width.saturating_sub(1)).into_iter().enumerate() {
            paint::line(buffer, inside, u16::try_from(y).unwrap_or(u16::MAX), Span::styled(part, theme.style(role)));
        }
        return;
    }
    let list = Rect { height: height.saturating_sub(1).min(inside.height), y: inside.y.saturating_add(1), ..inside };
    let head = format!(" {} {}   alert", pad("when", 20, false), pad("what", 11, false));
    paint::line(buffer, inside, 0, Span::styled(head, theme.style(Role::Title)));
    for (y, i) in screen.cursor.window(events.len(), list.height).enumerate() {
        let (Some(event), y) = (events.get(i), y as u16) else { continue };
        let start = format!(
            " {} {} {} ",
            words::absolute(event.at),
            pad(event.event.word(), 11, false),
            glyphs::severity(event.severity)
        );
        let room = width.saturating_sub(start.chars().count());
        let style = match event.event {
            Happened::Fired | Happened::Worse => paint::severity(event.severity, theme),
            _ => theme.style(Role::Text),
        };
        paint::line(buffer, list, y, Span::styled(format!("{start}{}", middle(&event.key, room)), style));
        if i == screen.cursor.index() {
            paint::line(buffer, list, y, Span::raw(glyphs::POINTER));
            paint::over(buffer, list, y, theme.style(Role::Selected));
        }
    }
    if let Some(event) = events.get(screen.cursor.index()) {
        for (i, text) in words::wrap(&whole(event), width.saturating_sub(2)).into_iter().take(2).enumerate() {
            let below = height.saturating_add(i as u16);
            let text = fit(&format!(" {text}"), width);
            paint::line(buffer, inside, below, Span::styled(text, theme.style(Role::Accent)));
        }
    }
}

fn whole(event: &HistoryEvent) -> String {
    let by = event.by.as_deref().map(|by| format!("{}  ", one_line(by, 60))).unwrap_or_default();
    format!("{by}{}", one_line(&event.detail, 600))
}
