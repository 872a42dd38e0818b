//! The glyphs of the screens, and their ASCII twins. Views draw glyphs; in ASCII mode the finished frame is
//! rewritten once, so that no view can forget.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

use crate::model::severity::Severity;

pub(super) const CRITICAL: &str = "▲";
pub(super) const FRESH: &str = "●";
pub(super) const STALE: &str = "○";
pub(super) const EXPANDED: &str = "▾";
pub(super) const COLLAPSED: &str = "▸";
pub(super) const POINTER: &str = "▸";
pub(super) const MARK: &str = "◆";
pub(super) const NAMED: &str = "▲";
pub(super) const HORIZONTAL: &str = "─";
pub(super) const VERTICAL: &str = "│";
pub(super) const TEE_DOWN: &str = "┬";
pub(super) const TEE_LEFT: &str = "├";
pub(super) const BRANCH: &str = "└";
pub(super) const CUT: &str = "…";
pub(super) const GOOD: &str = "✓";
pub(super) const BAD: &str = "✗";

/// Each glyph of ours with its twin. `▲` is `^` and not `!`, which is the warning's own sign.
const TWINS: [(&str, &str); 29] = [
    ("▲", "^"),
    (FRESH, "*"),
    (STALE, "o"),
    (EXPANDED, "v"),
    (COLLAPSED, ">"),
    (MARK, "#"),
    (HORIZONTAL, "-"),
    (VERTICAL, "|"),
    (TEE_DOWN, "+"),
    (TEE_LEFT, "+"),
    (BRANCH, "`"),
    (CUT, "~"),
    (GOOD, "="),
    (BAD, "x"),
    ("×", "x"),
    ("·", "."),
    ("•", "*"),
    ("–", "-"),
    ("→", ">"),
    ("∅", "-"),
    ("’", "'"),
    // The bars of a curve, from low to high.
    ("▁", "_"),
    ("▂", "."),
    ("▃", ","),
    ("▄", ":"),
    ("▅", "+"),
    ("▆", "*"),
    ("▇", "%"),
    ("█", "#"),
];

/// The sign of a severity, one column wide.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => CRITICAL,
        Severity::Warning => "!",
        Severity::Info => "·",
    }
}

/// Rewrites a frame so that only ASCII is in it: our glyphs by their twins, anything else by `?`.
pub(super) fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let symbol = cell.symbol();
        let twin = TWINS.iter().find(|(glyph, _)| *glyph == symbol).map(|(_, twin)| *twin);
        let wide = symbol.width() > 1;
        cell.set_symbol(twin.unwrap_or(if wide { "??" } else { "?" }));
        // A two-column character becomes one column of question mark; its second cell holds a blank already.
        if wide {
            cell.set_symbol("?");
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn an_ascii_frame_holds_ascii_only_and_keeps_its_columns() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, "▲─│…Zü日x", Style::default());
        to_ascii(&mut buffer);
        let line: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(line, "^-|~Z?? x   ");
    }

    #[test]
    fn every_twin_is_one_column_and_severities_stay_apart() {
        for (glyph, twin) in TWINS {
            assert_eq!((glyph.width(), twin.len()), (1, 1), "{glyph}");
        }
        let twin = |g: &str| TWINS.iter().find(|(t, _)| *t == g).map_or(g.to_owned(), |(_, t)| (*t).to_owned());
        let signs = [Severity::Critical, Severity::Warning, Severity::Info].map(|s| twin(severity(s)));
        assert!(signs[0] != signs[1] && signs[1] != signs[2] && signs[0] != signs[2], "{signs:?}");
    }
}
