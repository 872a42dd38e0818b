//! The few strokes that all views share: a line, a rule with titles, text padded to a column.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::glyphs;
use super::theme::{Role, Theme};

/// Draws a line at row `y` of an area, cut to it; nothing outside of the area or the screen.
pub(super) fn line<'a>(buffer: &mut Buffer, area: Rect, y: u16, line: impl Into<Line<'a>>) {
    let area = area.intersection(buffer.area);
    if y < area.height {
        buffer.set_line(area.x, area.y + y, &line.into(), area.width);
    }
}

/// Lays a style over row `y` of an area.
pub(super) fn over(buffer: &mut Buffer, area: Rect, y: u16, style: Style) {
    let area = area.intersection(buffer.area);
    if y < area.height {
        buffer.set_style(Rect { y: area.y + y, height: 1, ..area }, style);
    }
}

/// A rule over the whole area with a title at its left and figures at its right.
pub(super) fn rule(buffer: &mut Buffer, area: Rect, theme: &Theme, title: &str, right: &str) {
    let width = usize::from(area.width);
    let style = theme.style(Role::Rule);
    line(buffer, area, 0, Span::styled(glyphs::HORIZONTAL.repeat(width), style));
    let title = fit(title, width.saturating_sub(6));
    line(buffer, inset(area, 2), 0, Span::styled(format!(" {title} "), theme.style(Role::Title)));
    let taken = title.width() + 6;
    let room = width.saturating_sub(taken + 2);
    if !right.is_empty() && right.width() + 2 <= room {
        let x = width.saturating_sub(right.width() + 4);
        line(buffer, inset(area, x), 0, Span::styled(format!(" {right} "), theme.style(Role::Dim)));
    }
}

fn inset(area: Rect, by: usize) -> Rect {
    let by = u16::try_from(by).unwrap_or(u16::MAX).min(area.width);
    Rect { x: area.x + by, width: area.width - by, ..area }
}

/// Harmless text cut at its end to a width.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    let mut piece = [0; 4];
    for c in text.chars() {
        let columns = c.encode_utf8(&mut piece).width();
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        out.push(c);
    }
    if width > 0 {
        out.push_str(glyphs::CUT);
    }
    out
}

/// Harmless text in exactly `width` columns.
pub(super) fn pad(text: &str, width: usize, right: bool) -> String {
    let text = fit(text, width);
    let blanks = " ".repeat(width.saturating_sub(text.width()));
    if right { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
}

/// The style of a severity.
pub(super) fn severity(severity: crate::model::severity::Severity, theme: &Theme) -> Style {
    use crate::model::severity::Severity;
    theme.style(match severity {
        Severity::Critical => Role::Critical,
        Severity::Warning => Role::Warning,
        Severity::Info => Role::Info,
    })
}
