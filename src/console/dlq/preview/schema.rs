//! The schema of the rejected rows against the contract: a line for each column, and the verdict in one line.

use ratatui::text::{Line, Span};

use crate::console::glyphs;
use crate::console::paint::{fit, pad};
use crate::console::state::State;
use crate::console::theme::Role;
use crate::model::contract::{Drift, DriftKind};
use crate::model::text::{middle, one_line};
use crate::ops::Opened;

/// The columns, the data's first.
pub(super) fn lines(state: &State, opened: &Opened) -> Vec<Line<'static>> {
    let theme = &state.theme;
    let column = usize::from(crate::console::dlq::panes(state).detail.width).saturating_sub(62).clamp(18, 40);
    let row = |name: &str, kind: &str, contract: &str| {
        format!(" {} {} {} ", pad(name, column, false), pad(kind, 14, false), pad(contract, 18, false))
    };
    let mut lines = vec![Line::from(Span::styled(
        format!("{}verdict", row("column", "data", "contract")),
        theme.style(Role::Title),
    ))];
    let contract = opened.contract.as_ref().map(|(_, c)| c.columns.as_slice()).unwrap_or_default();
    let find = |name: &str| contract.iter().find(|c| c.name.eq_ignore_ascii_case(name));
    let says = |name: &str| match find(name) {
        Some(c) if c.required => format!("{}, required", one_line(&c.kind, 30)),
        Some(c) => one_line(&c.kind, 30),
        None => String::new(),
    };
    let mut push = |name: &str, kind: &str| {
        let drift = opened.drift.iter().find(|d| d.column.eq_ignore_ascii_case(name));
        let (sign, text, role) = match drift {
            _ if contract.is_empty() => ("·", "no contract", Role::Dim),
            None => (glyphs::GOOD, "as agreed", Role::Success),
            Some(d) if d.kind == DriftKind::NeverNull => (glyphs::GOOD, "stricter: never null", Role::Success),
            Some(d) => {
                let text = match d.kind {
                    DriftKind::Missing if d.safe => "missing, null default fits",
                    DriftKind::Missing => "missing in the data",
                    DriftKind::New => "not in the contract",
                    DriftKind::Retyped if d.safe => "another type, can widen",
                    DriftKind::Retyped => "another type",
                    DriftKind::NullsInRequired => "null where required",
                    DriftKind::MayHoldNulls | DriftKind::NeverNull => "may be null where required",
                };
                (glyphs::BAD, text, Role::Warning)
            }
        };
        let start = Span::raw(row(&one_line(name, column), &one_line(kind, 14), &says(name)));
        lines.push(Line::from(vec![start, Span::styled(format!("{sign} {text}"), theme.style(role))]));
    };
    for column in &opened.columns {
        push(&column.name, &column.kind);
    }
    for column in contract.iter().filter(|c| !opened.columns.iter().any(|d| d.name.eq_ignore_ascii_case(&c.name))) {
        push(&column.name, "");
    }
    lines
}

fn drift_words(drift: &Drift) -> String {
    let name = one_line(&drift.column, 40);
    let side = |s: &Option<String>| one_line(s.as_deref().unwrap_or("?"), 40);
    match drift.kind {
        DriftKind::Missing => format!("{name} missing"),
        DriftKind::New => format!("{name} not in the contract"),
        DriftKind::NullsInRequired => format!("{name} null, contract: required"),
        _ => format!("{name} {}, contract {}", side(&drift.actual), side(&drift.expected)),
    }
}

/// The schema's verdict in one line.
pub(super) fn verdict<'a>(state: &State, opened: &Opened, width: usize) -> Line<'a> {
    let (text, role) = match (&opened.contract, opened.drift.as_slice()) {
        (None, _) => ("schema: no contract to hold it against".to_owned(), Role::Dim),
        (Some((path, _)), drift) if drift.iter().all(|d| d.kind == DriftKind::NeverNull) => {
            (format!("schema: {} as {} says", glyphs::GOOD, middle(path, 40)), Role::Success)
        }
        (Some(_), drift) => {
            let told = drift.iter().filter(|d| d.kind != DriftKind::NeverNull);
            let parts: Vec<String> = told.take(8).map(drift_words).collect();
            (format!("schema: {} {}", glyphs::BAD, parts.join("; ")), Role::Warning)
        }
    };
    Line::from(Span::styled(format!(" {}", fit(&text, width.saturating_sub(2))), state.theme.style(role)))
}
