//! The header: program, environment and its protection, identity, lake, age of the data; below it the tabs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use crate::model::protection::{Armed, Protection};
use crate::model::severity::Severity;
use crate::model::text::{middle, one_line};

use super::alerts::triage;
use super::state::{State, Tab};
use super::theme::Role;
use super::{glyphs, incident, paint, words};

/// Draws the header line.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let settings = &state.settings;
    let (badge, role) = badge(state);
    let environment = one_line(&settings.environment.to_uppercase(), 16);
    let mut spans = vec![
        Span::styled(" lakeward ", theme.style(Role::Header)),
        Span::raw(" "),
        Span::styled(format!(" {environment}{badge} "), theme.style(role)),
    ];
    let (text, role) = data_age(state);
    let mut left: usize = spans.iter().map(Span::width).sum();
    let mut room = usize::from(area.width).saturating_sub(left + text.width() + 3);
    // What one works on, before who one is and where: those do not change.
    let incident = incident::header(state).filter(|(says, _)| says.width() + 12 < room);
    room = room.saturating_sub(incident.as_ref().map_or(0, |(says, _)| says.width() + 2));
    if !settings.identity.is_empty() && room > 24 {
        let identity = one_line(&settings.identity, room / 2);
        room = room.saturating_sub(identity.width() + 2);
        spans.push(Span::raw(format!("  {identity}")));
    }
    spans.push(Span::styled(
        format!("  {}", middle(&settings.lake_url, room.saturating_sub(2))),
        theme.style(Role::Accent),
    ));
    if let Some((says, style)) = incident {
        spans.push(Span::styled(format!("  {says}"), style));
    }
    left = spans.iter().map(Span::width).sum();
    let gap = usize::from(area.width).saturating_sub(left + text.width() + 1);
    spans.push(Span::raw(" ".repeat(gap)));
    spans.push(Span::styled(text, theme.style(role)));
    paint::line(buffer, area, 0, spans);
}

/// What the environment's badge says of writing; nothing where it is open.
fn badge(state: &State) -> (String, Role) {
    match &state.protection {
        Protection::Open => (String::new(), Role::BadgeOpen),
        Protection::Protected { armed: Some(Armed { until, reason }) } if *until > state.now => {
            // Rounded up: at 00:01 it still holds.
            let left = (*until - state.now).num_milliseconds().max(0);
            let left = u64::try_from(left).unwrap_or(0).div_ceil(1000);
            let (hours, minutes, seconds) = (left / 3600, left / 60 % 60, left % 60);
            let left = if hours > 0 {
                format!("{hours}:{minutes:02}:{seconds:02}")
            } else {
                format!("{minutes:02}:{seconds:02}")
            };
            (format!(" armed {left} {}", one_line(reason, if state.width < 100 { 12 } else { 30 })), Role::BadgeArmed)
        }
        Protection::Protected { .. } | Protection::ReadOnly => (" read-only".into(), Role::BadgeProtected),
    }
}

/// How old what is shown is, and whether that is as it should be.
fn data_age(state: &State) -> (String, Role) {
    let failing = state.lake.failure().is_some();
    match (state.lake.snapshot.taken, &state.lake.scan) {
        (None, Some(_)) => ("scanning…".into(), Role::Accent),
        (None, None) => ("not read".into(), Role::Stale),
        (Some(taken), _) => {
            let seconds = (state.now - taken).num_seconds();
            let late = match state.settings.refresh.as_secs() {
                0 => 600,
                s => i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(3),
            };
            let age = words::age(state.now, taken);
            if failing || seconds > late {
                (format!("{age} ago {} stale", glyphs::STALE), Role::Stale)
            } else {
                (format!("{age} ago {}", glyphs::FRESH), Role::Fresh)
            }
        }
    }
}

/// Draws the tabs with their counts.
pub(super) fn tabs(state: &State, area: Rect, buffer: &mut Buffer) {
    let mut texts = Vec::new();
    for (i, tab) in Tab::ALL.into_iter().enumerate() {
        let counts = match tab {
            Tab::Alerts => {
                let of = |s: Severity| {
                    state.lake.snapshot.alerts.iter().filter(|a| a.severity == s && triage::is_open(a)).count()
                };
                let part = |s: Severity| match of(s) {
                    0 => String::new(),
                    n => format!(" {}{}", words::count(n as u64), glyphs::severity(s)),
                };
                format!("{}{}", part(Severity::Critical), part(Severity::Warning))
            }
            Tab::Dlq => match state.lake.entries.len() {
                0 => String::new(),
                n => format!(" {}", words::count(n as u64)),
            },
            Tab::Jobs => match state.jobs.failing {
                0 => String::new(),
                n => format!(" {}{}", words::count(n), glyphs::CRITICAL),
            },
            Tab::Logs => String::new(),
            Tab::Runbook => match state.runbook.progress() {
                Some((done, all)) => format!(" {done}/{all}"),
                None => String::new(),
            },
            Tab::Verify => match incident::settled(state) {
                Some((done, all)) => format!(" {done}/{all}"),
                None => String::new(),
            },
            Tab::Incident => String::new(),
            Tab::Quarantine => match state.lake.snapshot.quarantines.iter().filter(|q| q.state.is_open()).count() {
                0 => String::new(),
                n => format!(" {}", words::count(n as u64)),
            },
        };
        texts.push((tab, i + 1, counts));
    }
    // Where they do not all fit they stand closer together, then those that are not looked at say less: the figures are
    // what one looks for.
    let room = usize::from(area.width);
    let laid = [Tabs::Apart, Tabs::Close, Tabs::Short, Tabs::Bare, Tabs::Numbers].map(|how| laid(state, &texts, how));
    let wide = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    let fits = laid.iter().position(|spans| wide(spans) <= room).unwrap_or(laid.len() - 1);
    paint::line(buffer, area, 0, laid.into_iter().nth(fits).unwrap_or_default());
}

/// How tabs are laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tabs {
    Apart,
    Close,
    Short,
    /// Without how far something is.
    Bare,
    Numbers,
}

fn laid<'a>(state: &State, tabs: &[(Tab, usize, String)], how: Tabs) -> Vec<Span<'a>> {
    let mut spans = Vec::new();
    for (tab, number, counts) in tabs {
        let active = *tab == state.tab;
        let dropped = how == Tabs::Bare && !active && counts.contains('/');
        let counts = if dropped { "" } else { counts.as_str() };
        let title = match how {
            _ if active => format!(" {}", tab.title()),
            Tabs::Apart | Tabs::Close => format!(" {}", tab.title()),
            Tabs::Short | Tabs::Bare => format!(" {}", tab.short()),
            Tabs::Numbers => String::new(),
        };
        let (open, close, role) = match (active, how) {
            (true, _) => ("[", "]", Role::TabActive),
            (false, Tabs::Apart | Tabs::Close) => (" ", " ", Role::Tab),
            (false, Tabs::Short | Tabs::Bare | Tabs::Numbers) => ("", " ", Role::Tab),
        };
        spans.push(Span::styled(format!("{open}{number}{title}{counts}{close}"), state.theme.style(role)));
        if how == Tabs::Apart {
            spans.push(Span::raw(" "));
        }
    }
    // What stands between the last one and nothing is no loss.
    if how == Tabs::Apart {
        spans.pop();
    }
    spans
}
