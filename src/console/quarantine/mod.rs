//! Tab 3: what was moved out of the pipeline's way, since when, why, by whom; beside it where it lies, what
//! happened to it, and its objects.

mod view;

#[cfg(test)]
mod tests;

pub(super) use view::draw;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::moves::{MoveId, Plan, QuarantineState, Step};
use crate::ops::{GateError, Quarantine};

use super::command::Command;
use super::cursor::Cursor;
use super::filter::Filter;
use super::layout::{self, Panes};
use super::load::{Fault, Load};
use super::marks::Marks;
use super::msg::{Effect, Job, RequestId};
use super::state::{Focus, State, Tab};

/// From this width on list and detail stand side by side: the list has many columns.
const WIDE: u16 = 150;

/// Order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// Open ones first, interrupted ones before all; then the newest.
    #[default]
    State,
    /// The oldest first: what was forgotten longest.
    Age,
    Dataset,
    Reason,
}

impl Order {
    pub(super) const WORDS: [&'static str; 4] = ["state", "age", "dataset", "reason"];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Age => "age",
            Self::Dataset => "dataset",
            Self::Reason => "reason",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::State, Self::Age, Self::Dataset, Self::Reason].into_iter().find(|o| o.word() == word)
    }
}

/// State of the tab.
#[derive(Debug, Default)]
pub(super) struct QuarantineScreen {
    pub filter: Filter,
    pub order: Order,
    /// Indexes of the quarantines that the filter leaves, in order.
    pub shown: Vec<usize>,
    pub cursor: Cursor,
    /// The chosen one: the choice survives a refresh.
    pub chosen: Option<MoveId>,
    pub marks: Marks<MoveId>,
    pub focus: Focus,
    pub zoom: bool,
    /// First line of the detail in view.
    pub scroll: u64,
    /// The objects of the one that is looked at, and which one that is.
    pub manifest: Load<Box<Plan>>,
    manifest_of: Option<(MoveId, QuarantineState, DateTime<Utc>)>,
}

impl QuarantineScreen {
    /// The chosen one.
    pub(super) fn selected<'a>(&self, state: &'a State) -> Option<&'a Arc<Quarantine>> {
        self.shown.get(self.cursor.index()).and_then(|i| state.lake.snapshot.quarantines.get(*i))
    }

    /// What loads here now, for the footer.
    pub(super) fn loading(&self) -> Option<&'static str> {
        matches!(self.manifest, Load::Waiting(_)).then_some("reading manifest…")
    }
}

/// Since when it lies where it should not stay; of what is over, since when it is.
pub(super) fn since(quarantine: &Quarantine) -> DateTime<Utc> {
    if quarantine.state.is_open() { quarantine.moved_at } else { quarantine.since }
}

/// Whether data lies in quarantine for longer than the limit.
pub(super) fn is_old(state: &State, quarantine: &Quarantine) -> bool {
    quarantine.state.is_open() && state.now - quarantine.moved_at > state.settings.quarantine_limit
}

/// Whether it is what the running move is about.
pub(super) fn is_moving(state: &State, quarantine: &Quarantine) -> bool {
    let running = state.moves.running.as_ref().and_then(|r| r.progress.as_ref());
    running.is_some_and(|(p, _)| p.id == quarantine.id || quarantine.unfinished.as_ref() == Some(&p.id))
}

/// The quarantines that a command is about: the marked ones, or the selected one.
pub(super) fn chosen(state: &State) -> Vec<Arc<Quarantine>> {
    let marked = &state.quarantine.marks.marked;
    if marked.is_empty() {
        return state.quarantine.selected(state).cloned().into_iter().collect();
    }
    state.lake.snapshot.quarantines.iter().filter(|q| marked.contains(&q.id)).cloned().collect()
}

/// Whether a step is possible with all that a command would be about, and if not, what is.
pub(super) fn may(state: &State, step: Step) -> Result<(), String> {
    let chosen = chosen(state);
    if chosen.is_empty() {
        return Err("nothing is selected".into());
    }
    match chosen.iter().find(|q| q.state.after(step).is_err()) {
        None => Ok(()),
        Some(q) => {
            let legal = q.state.legal();
            let words: Vec<_> = legal.iter().map(|s| s.word()).collect();
            let now = if words.is_empty() { "nothing, it is over".to_owned() } else { words.join(", ") };
            let which = if chosen.len() > 1 { "one of them" } else { "it" };
            Err(format!("{which} is {}; possible: {now}", q.state.word()))
        }
    }
}

pub(super) fn panes(state: &State) -> Panes {
    let body = layout::bands(state).body;
    let screen = &state.quarantine;
    layout::panes_from(WIDE, body, screen.zoom, screen.focus, screen.shown.len() as u64 + 1, 96)
}

/// Lines of the list under its head.
fn height(state: &State) -> u16 {
    panes(state).list.height.saturating_sub(1)
}

/// After a refresh, a new filter or order: what is shown, and the choice kept by identity.
pub(super) fn rebuild(state: &mut State) -> Vec<Effect> {
    let all = &state.lake.snapshot.quarantines;
    let filter = &state.quarantine.filter;
    let mut shown: Vec<usize> = (0..all.len())
        .filter(|i| all.get(*i).is_some_and(|q| filter.is_empty() || filter.matches(searchable(q))))
        .collect();
    sort(&mut shown, all, state.quarantine.order);
    let chosen = state.quarantine.chosen.as_ref();
    let at = chosen.and_then(|id| shown.iter().position(|i| all.get(*i).is_some_and(|q| q.id == *id)));
    if let Some(at) = at {
        state.quarantine.cursor.at = at as u64;
    }
    state.quarantine.marks.retain(|id| all.iter().any(|q| q.id == *id));
    state.quarantine.shown = shown;
    fit(state)
}

fn sort(shown: &mut [usize], all: &[Arc<Quarantine>], order: Order) {
    let of = |i: &usize| all.get(*i);
    let newest_first = |q: Option<&Arc<Quarantine>>| std::cmp::Reverse(q.map(|q| since(q)));
    match order {
        Order::State => shown.sort_by_key(|i| (of(i).map(|q| q.state), newest_first(of(i)))),
        Order::Age => shown.sort_by_key(|i| (of(i).map(|q| !q.state.is_open()), of(i).map(|q| since(q)))),
        Order::Dataset => shown.sort_by(|a, b| {
            let key = |i| of(i).map(|q| (&q.dataset, q.date));
            key(a).cmp(&key(b)).then_with(|| newest_first(of(a)).cmp(&newest_first(of(b))))
        }),
        Order::Reason => shown.sort_by(|a, b| {
            let key = |i| of(i).map(|q| &q.reason);
            key(a).cmp(&key(b)).then_with(|| newest_first(of(a)).cmp(&newest_first(of(b))))
        }),
    }
}

/// What `/` looks into.
fn searchable(q: &Quarantine) -> impl Iterator<Item = &str> + Clone {
    let words = [q.dataset.as_str(), q.state.word(), q.reason.as_str(), &q.path, &q.source, &q.actor, &q.id.0];
    words.into_iter().chain(q.note.as_deref())
}

/// Keeps cursor and choice together, and asks for the manifest of what is looked at.
pub(super) fn fit(state: &mut State) -> Vec<Effect> {
    let (len, height) = (state.quarantine.shown.len() as u64, height(state));
    state.quarantine.cursor.fit(len, height);
    let chosen = state.quarantine.selected(state).map(|q| q.id.clone());
    if state.quarantine.chosen != chosen {
        state.quarantine.scroll = 0;
    }
    state.quarantine.chosen = chosen;
    // Behind another tab nothing is asked for: it might never be looked at.
    if state.tab == Tab::Quarantine { follow(state) } else { Vec::new() }
}

fn follow(state: &mut State) -> Vec<Effect> {
    let of = state.quarantine.selected(state).map(|q| (q.id.clone(), q.state, q.since));
    if of == state.quarantine.manifest_of {
        return Vec::new();
    }
    let busy = matches!(state.quarantine.manifest, Load::Waiting(_));
    state.quarantine.manifest_of = of.clone();
    match of {
        Some((of, ..)) => ask(state, of, true),
        None => {
            state.quarantine.manifest = Load::Idle;
            if busy { vec![Effect::Cancel(Job::Manifest)] } else { Vec::new() }
        }
    }
}

fn ask(state: &mut State, of: MoveId, settle: bool) -> Vec<Effect> {
    let id = state.request();
    state.quarantine.manifest = Load::Waiting(id);
    vec![Effect::Manifest { id, of, settle }]
}

/// A manifest came, or not.
pub(super) fn manifest(state: &mut State, id: RequestId, result: Result<Box<Plan>, GateError>) {
    if matches!(state.quarantine.manifest, Load::Waiting(waiting) if waiting == id) {
        state.quarantine.manifest = match result {
            Ok(plan) => Load::Ready(plan),
            Err(error) => Load::Failed(Fault::from(&error)),
        };
    }
}

/// R: what failed or was cancelled here is asked for again.
pub(super) fn retry(state: &mut State) -> Vec<Effect> {
    match (&state.quarantine.manifest, state.quarantine.chosen.clone()) {
        (Load::Failed(_) | Load::Cancelled, Some(of)) if state.tab == Tab::Quarantine => ask(state, of, false),
        _ => Vec::new(),
    }
}

/// Opens the tab on one of them.
pub(super) fn select(state: &mut State, id: &MoveId) -> Vec<Effect> {
    state.jump(Tab::Quarantine);
    state.quarantine.focus = Focus::List;
    state.quarantine.chosen = Some(id.clone());
    if state.lake.snapshot.quarantines.iter().all(|q| q.id != *id) {
        state.fail("its quarantine is no longer there");
    } else if !state
        .quarantine
        .shown
        .iter()
        .any(|i| state.lake.snapshot.quarantines.get(*i).is_some_and(|q| q.id == *id))
    {
        state.quarantine.filter = Filter::default();
    }
    rebuild(state)
}

pub(super) fn filter(state: &mut State, text: &str) -> Vec<Effect> {
    state.quarantine.filter = Filter::parse(text);
    rebuild(state)
}

pub(super) fn run(state: &mut State, command: Command, argument: &str) -> Vec<Effect> {
    match command {
        Command::Open | Command::Detail => {
            (state.quarantine.zoom, state.quarantine.focus) = (true, Focus::Detail);
            fit(state)
        }
        Command::Pane => {
            let focus = &mut state.quarantine.focus;
            *focus = if *focus == Focus::List { Focus::Detail } else { Focus::List };
            fit(state)
        }
        Command::Sort => match Order::of_word(argument) {
            Some(order) => {
                state.quarantine.order = order;
                rebuild(state)
            }
            None => {
                let other = crate::model::text::escape(argument).into_owned();
                state.fail(format!("sort: no order {other:?}; there are: {}", Order::WORDS.join(", ")));
                Vec::new()
            }
        },
        Command::Copy => copy(state, |_, q| q.path.clone()),
        Command::CopyUri => copy(state, |state, q| format!("{}/{}", state.settings.lake_url, q.path)),
        _ if state.quarantine.focus == Focus::Detail => {
            let height = panes(state).detail.height;
            let stops = view::detail_len(state).saturating_sub(u64::from(height)) + 1;
            let mut cursor = Cursor { at: state.quarantine.scroll, top: 0 };
            cursor.go(command, stops, height);
            state.quarantine.scroll = cursor.at;
            Vec::new()
        }
        Command::Mark => {
            if let Some(id) = state.quarantine.chosen.clone() {
                state.quarantine.marks.toggle(id);
            }
            go(state, Command::Down)
        }
        Command::Range => {
            let all = &state.lake.snapshot.quarantines;
            let ids: Vec<_> = state.quarantine.shown.iter().filter_map(|i| all.get(*i)).map(|q| q.id.clone()).collect();
            let said = state.quarantine.marks.range(&ids, state.quarantine.cursor.index());
            state.say(said);
            Vec::new()
        }
        _ => go(state, command),
    }
}

fn go(state: &mut State, command: Command) -> Vec<Effect> {
    let (len, height) = (state.quarantine.shown.len() as u64, height(state));
    if state.quarantine.cursor.go(command, len, height) { fit(state) } else { Vec::new() }
}

fn copy(state: &State, text: impl Fn(&State, &Quarantine) -> String) -> Vec<Effect> {
    let lines: Vec<String> = chosen(state).iter().map(|q| text(state, q)).collect();
    vec![Effect::Copy(lines.join("\n"))]
}

/// One step back; none if there is nothing to step back from.
pub(super) fn back(state: &mut State) -> Option<Vec<Effect>> {
    if matches!(state.quarantine.manifest, Load::Waiting(_)) {
        state.quarantine.manifest = Load::Cancelled;
        return Some(vec![Effect::Cancel(Job::Manifest)]);
    }
    let screen = &mut state.quarantine;
    if screen.zoom || screen.focus == Focus::Detail {
        (screen.zoom, screen.focus, screen.scroll) = (false, Focus::List, 0);
        return Some(fit(state));
    }
    if !screen.filter.is_empty() {
        return Some(filter(state, ""));
    }
    screen.marks.back().then(Vec::new)
}
