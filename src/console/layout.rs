//! Where things are for a given size: pure, and shared by `update` (how far a page is, which columns are in
//! view) and `view`. Saturating everywhere: a terminal may be 0×0.

use ratatui::layout::Rect;

use super::state::{Focus, State};

/// Below this nothing is drawn but the size that is needed.
pub(super) const MIN: (u16, u16) = (60, 16);
/// From this width on the panes stand side by side.
const WIDE: u16 = 110;

/// The bands of the screen, from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bands {
    pub header: Rect,
    pub tabs: Rect,
    /// A failing source's line; no height if all are well.
    pub source: Rect,
    pub body: Rect,
    pub footer: Rect,
}

/// The panes of the body. A pane that is hidden has no area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panes {
    pub list_rule: Rect,
    pub list: Rect,
    pub detail_rule: Rect,
    pub detail: Rect,
    /// The column between panes that stand side by side.
    pub between: Rect,
}

/// Whether the terminal is large enough for anything to be drawn.
pub(super) fn fits(state: &State) -> bool {
    state.width >= MIN.0 && state.height >= MIN.1
}

pub(super) fn bands(state: &State) -> Bands {
    let (w, h) = (state.width, state.height);
    let source = u16::from(state.lake.failure().is_some() || state.lake.snapshot.ending.is_some());
    let line = |y: u16, height: u16| Rect::new(0, y.min(h), w, height.min(h.saturating_sub(y)));
    Bands {
        header: line(0, 1),
        tabs: line(1, 1),
        source: line(2, source),
        body: line(2 + source, h.saturating_sub(3 + source)),
        footer: line(h.saturating_sub(1), 1),
    }
}

/// Splits the body: `wanted` is how many lines the list would fill, `list_width` how wide it wants to be.
pub(super) fn panes(body: Rect, zoom: bool, focus: Focus, wanted: u64, list_width: u16) -> Panes {
    panes_from(WIDE, body, zoom, focus, wanted, list_width)
}

/// The same for a list of many columns: its panes stand side by side only from `wide` columns on.
pub(super) fn panes_from(wide: u16, body: Rect, zoom: bool, focus: Focus, wanted: u64, list_width: u16) -> Panes {
    let none = Rect::new(body.x, body.y, 0, 0);
    let rule = |r: Rect| Rect { height: r.height.min(1), ..r };
    let inside = |r: Rect| Rect { y: r.y.saturating_add(1), height: r.height.saturating_sub(1), ..r };
    if zoom {
        return match focus {
            Focus::Detail => {
                Panes { list_rule: none, list: none, detail_rule: rule(body), detail: inside(body), between: none }
            }
            Focus::List => {
                Panes { list_rule: rule(body), list: inside(body), detail_rule: none, detail: none, between: none }
            }
        };
    }
    let (list, detail, between) = if body.width >= wide {
        let left = list_width.clamp(body.width / 3, body.width / 2);
        let list = Rect { width: left, ..body };
        let between = Rect { x: body.x + left, width: 1, ..body };
        let detail = Rect { x: body.x + left + 1, width: body.width.saturating_sub(left + 1), ..body };
        (list, detail, between)
    } else {
        // The list gets what it needs, at least a third and at most half.
        let needs = u16::try_from(wanted.saturating_add(2)).unwrap_or(u16::MAX);
        let top = needs.clamp(body.height / 3, (body.height / 2).max(body.height / 3));
        let list = Rect { height: top, ..body };
        let detail = Rect { y: body.y + top, height: body.height.saturating_sub(top), ..body };
        (list, detail, none)
    };
    Panes { list_rule: rule(list), list: inside(list), detail_rule: rule(detail), detail: inside(detail), between }
}
