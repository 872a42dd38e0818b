//! Draws the list of runs; the detail draws itself.

use chrono::Duration;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::detail;
use super::tree::{self, AnyState, Node};
use crate::console::paint::{self, pad};
use crate::console::state::{Focus, State};
use crate::console::theme::{Role, Theme};
use crate::console::{glyphs, words};
use crate::model::dag::{DagRun, TaskInstance, TaskState};
use crate::model::rules::jobs::usual;
use crate::model::run::{JobRun, RunState, average};
use crate::model::text::{middle, one_line};

pub(in crate::console) fn draw(state: &State, buffer: &mut Buffer) {
    let panes = super::panes(state);
    let theme = &state.theme;
    paint::rule(buffer, panes.list_rule, theme, "Jobs", &figures(state));
    list(state, panes.list, buffer);
    for y in 0..panes.between.height {
        let glyph = if y == 0 { glyphs::TEE_DOWN } else { glyphs::VERTICAL };
        paint::line(buffer, panes.between, y, Span::styled(glyph, theme.style(Role::Rule)));
    }
    paint::rule(buffer, panes.detail_rule, theme, &detail::title(state), "");
    let top = usize::try_from(state.jobs.scroll).unwrap_or(usize::MAX);
    let lines = detail::lines(state).into_iter().skip(top).take(usize::from(panes.detail.height));
    for (y, line) in lines.enumerate() {
        paint::line(buffer, panes.detail, u16::try_from(y).unwrap_or(u16::MAX), line);
    }
}

fn figures(state: &State) -> String {
    let pipeline = &state.lake.snapshot.pipeline;
    let all = (pipeline.jobs.len() + pipeline.dag_runs.len()) as u64;
    if state.jobs.hidden > 0 {
        return format!("filter hides {} of {}", words::count(state.jobs.hidden), words::count(all));
    }
    let failing = match state.jobs.failing {
        0 => String::new(),
        n => format!(", {} failing", words::count(n)),
    };
    format!("{}{failing}", words::plural(all, "run", "runs"))
}

/// Glyph, word and style of a state.
pub(super) fn standing(state: AnyState, theme: &Theme) -> (&'static str, &'static str, Style) {
    use RunState as R;
    use TaskState as T;
    let (glyph, role) = match state {
        AnyState::Run(R::Success) | AnyState::Task(T::Success) => (glyphs::GOOD, Role::Success),
        AnyState::Run(R::Failed) | AnyState::Task(T::Failed | T::UpstreamFailed) => (glyphs::BAD, Role::Error),
        AnyState::Run(R::Running) | AnyState::Task(T::Running | T::Restarting) => (glyphs::COLLAPSED, Role::Accent),
        AnyState::Task(T::UpForRetry | T::UpForReschedule) => ("!", Role::Warning),
        AnyState::Run(R::Cancelling | R::Cancelled) | AnyState::Task(T::Skipped | T::Removed) => ("–", Role::Dim),
        AnyState::Run(R::Submitted | R::Queued | R::Pending | R::Scheduled)
        | AnyState::Task(T::None | T::Scheduled | T::Queued | T::Deferred | T::Unknown) => (glyphs::STALE, Role::Dim),
    };
    let word = match state {
        AnyState::Run(run) => run.word(),
        AnyState::Task(task) => task.word(),
    };
    (glyph, word, theme.style(role))
}

/// Widths of the columns; one of width 0 is left out.
struct Columns {
    name: usize,
    took: usize,
    source: usize,
}

/// Sign 3, state 13, started 7, attempt 12 and the blanks between.
const FIXED: usize = 3 + 13 + 7 + 14 + 2;

impl Columns {
    fn of(width: u16) -> Self {
        let room = usize::from(width).saturating_sub(FIXED);
        let took = if room >= 50 { 21 } else { 17 };
        let room = room.saturating_sub(took + 1);
        let source = if room >= 22 + 9 { 8 } else { 0 };
        Self { name: room.saturating_sub(if source > 0 { source + 1 } else { 0 }).clamp(8, 44), took, source }
    }
}

fn list(state: &State, area: Rect, buffer: &mut Buffer) {
    let screen = &state.jobs;
    let theme = &state.theme;
    let columns = Columns::of(area.width);
    let source = if columns.source > 0 { format!(" {}", pad("source", columns.source, false)) } else { String::new() };
    let head = format!(
        "   {} {} {} {} {}{source}",
        pad("state", 12, false),
        pad("job", columns.name, false),
        pad("began", 6, true),
        pad("took", columns.took, true),
        pad("  attempt", 13, false),
    );
    paint::line(buffer, area, 0, Span::styled(head, theme.style(Role::Title)));
    let inside = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    if screen.nodes.is_empty() {
        paint::line(buffer, inside, 0, Span::styled(empty(state), theme.style(Role::Dim)));
    }
    for (y, i) in screen.cursor.window(screen.nodes.len(), inside.height).enumerate() {
        let (Some(node), Ok(y)) = (screen.nodes.get(i), u16::try_from(y)) else { continue };
        paint::line(buffer, inside, y, row(state, node, &columns));
        if i == screen.cursor.index() {
            paint::line(buffer, inside, y, Span::raw(glyphs::POINTER));
            let role = if screen.focus == Focus::List { Role::Selected } else { Role::SelectedIdle };
            paint::over(buffer, inside, y, theme.style(role));
        }
    }
}

/// What a row says behind its state.
struct Cells {
    state: AnyState,
    name: String,
    began: String,
    took: (String, bool),
    attempt: String,
    source: String,
}

fn row<'a>(state: &State, node: &Node, columns: &Columns) -> Line<'a> {
    let theme = &state.theme;
    let cells = cells(state, node, columns.name);
    let (glyph, word, style) = standing(cells.state, theme);
    let (took, long) = cells.took;
    let mut spans = vec![
        Span::styled(format!(" {glyph} {} ", pad(word, 12, false)), style),
        Span::raw(format!("{} {} ", pad(&cells.name, columns.name, false), pad(&cells.began, 6, true))),
        Span::styled(pad(&took, columns.took, true), theme.style(if long { Role::Warning } else { Role::Text })),
        Span::raw(format!("   {}", pad(&cells.attempt, 11, false))),
    ];
    if columns.source > 0 {
        let source = format!(" {}", pad(&cells.source, columns.source, false));
        spans.push(Span::styled(source, theme.style(Role::Dim)));
    }
    Line::from(spans)
}

fn cells(state: &State, node: &Node, width: usize) -> Cells {
    let began = |at| words::age(state.now, at);
    let named = |indent: &str, sign: &str, name: &str| {
        let before = format!("{indent}{sign} ");
        let room = width.saturating_sub(before.chars().count());
        format!("{before}{}", middle(name, room))
    };
    let sign = |open: Option<bool>| match open {
        Some(true) => glyphs::EXPANDED,
        Some(false) => glyphs::COLLAPSED,
        None => " ",
    };
    match node {
        Node::Group(sum) => Cells {
            state: sum.state,
            name: named("", sign(Some(sum.open)), &sum.name),
            began: began(sum.newest),
            took: (words::plural(sum.runs, "run", "runs"), false),
            attempt: String::new(),
            source: String::new(),
        },
        Node::JobRun { run, alone } => Cells {
            state: AnyState::Run(run.state),
            name: if *alone { named("", " ", &run.job.0) } else { named("  ", " ", &run.id.0) },
            began: began(run.started.unwrap_or(run.created)),
            took: took(state, run),
            attempt: attempt(state, run),
            source: one_line(&run.source, 8),
        },
        Node::DagRun { run, alone, open } => Cells {
            state: AnyState::Task(run.state),
            name: match alone {
                true => named("", sign(*open), &run.dag.0),
                false => named("  ", sign(*open), &run.id.0),
            },
            began: if tree::since(run) > chrono::DateTime::UNIX_EPOCH { began(tree::since(run)) } else { "?".into() },
            took: dag_took(state, run),
            attempt: String::new(),
            source: "airflow".into(),
        },
        Node::Task(task) => Cells {
            state: AnyState::Task(task.state),
            name: named("    ", " ", &detail::task_name(task)),
            began: task.started.map(began).unwrap_or_default(),
            took: (task_length(state, task).map(words::length).unwrap_or_default(), false),
            attempt: tries(state, task),
            source: "airflow".into(),
        },
    }
}

fn task_length(state: &State, task: &TaskInstance) -> Option<Duration> {
    let until = task.ended.or((task.state == TaskState::Running).then_some(state.now))?;
    task.started.map(|started| until - started).filter(|d| *d >= Duration::zero())
}

/// `2/4, 5 m`: which try of how many, and when the next one is due.
pub(super) fn tries(state: &State, task: &TaskInstance) -> String {
    let next = match task.next_try {
        Some(at) if at > state.now => format!(", {}", words::length(at - state.now)),
        Some(_) => ", due".to_owned(),
        None => String::new(),
    };
    let allowed = task.tries_allowed.max(task.tries);
    if allowed == 0 { String::new() } else { format!("{}/{allowed}{next}", task.tries) }
}

fn attempt(state: &State, run: &JobRun) -> String {
    match state.jobs.detail(&tree::job_run_id(run)) {
        Some(detail) => format!("{}/{}", run.attempt, detail.attempts_allowed.max(run.attempt)),
        None => run.attempt.to_string(),
    }
}

/// How long it took against the average, and whether that is too long by the runbook's factor.
pub(super) fn took(state: &State, run: &JobRun) -> (String, bool) {
    let Some(length) = run.duration(state.now) else { return (String::new(), false) };
    let settings = &state.settings;
    let thresholds = settings.thresholds.of(&settings.overrides, run.layer, run.dataset.as_ref(), Some(&run.job));
    let same = state.lake.snapshot.pipeline.jobs.iter().filter(|r| r.job == run.job).map(AsRef::as_ref);
    let runs: Vec<&JobRun> = same.collect();
    against(length, usual(&runs, run, &thresholds, state.now), thresholds.duration_factor)
}

fn dag_took(state: &State, run: &DagRun) -> (String, bool) {
    let Some(length) = run.duration(state.now) else { return (String::new(), false) };
    let thresholds = &state.settings.thresholds;
    let before = |r: &&std::sync::Arc<DagRun>| {
        r.dag == run.dag && r.state == TaskState::Success && r.started < run.started && r.id != run.id
    };
    let earlier = state.lake.snapshot.pipeline.dag_runs.iter().filter(before);
    let lengths: Vec<Duration> = earlier.filter_map(|r| r.duration(state.now)).collect();
    let enough = lengths.len() as u64 >= thresholds.duration_samples;
    against(length, average(&lengths).filter(|_| enough), thresholds.duration_factor)
}

fn against(length: Duration, usual: Option<Duration>, factor: f64) -> (String, bool) {
    let Some(usual) = usual else { return (words::length(length), false) };
    let long = length.num_milliseconds() as f64 > usual.num_milliseconds() as f64 * factor;
    let sign = if long { format!(" {}", glyphs::CRITICAL) } else { String::new() };
    (format!("{}, avg {}{sign}", words::length(length), words::length(usual)), long)
}

fn empty(state: &State) -> String {
    if state.jobs.hidden > 0 {
        format!(" the filter hides {}; esc shows them", words::plural(state.jobs.hidden, "run", "runs"))
    } else if state.lake.snapshot.taken.is_none() {
        if state.lake.scan.is_some() { " reading the runs…".into() } else { " not read: R reads them".into() }
    } else if state.lake.failure().is_some() {
        " no runs known, and a source fails: see the line above, or S".into()
    } else {
        " no runs: no source of job or DAG runs told of any".into()
    }
}
