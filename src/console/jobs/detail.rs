//! All that is known of the chosen line, as the lines of the detail pane. Long texts wrap here, and here only.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::tree::{AnyState, Node, NodeId};
use super::view::{standing, took, tries};
use crate::console::load::Load;
use crate::console::paint::{fit, pad};
use crate::console::state::State;
use crate::console::theme::Role;
use crate::console::{glyphs, words};
use crate::model::dag::{DagRun, TaskInstance};
use crate::model::metric::{Curve, amount};
use crate::model::run::{JobRun, LogPlace};
use crate::model::text::{middle, one_line};
use crate::sources::jobs::RunDetail;

/// The task's id, with its index where it is mapped.
pub(in crate::console) fn task_name(task: &TaskInstance) -> String {
    task.map_index.map_or_else(|| task.task.clone(), |index| format!("{}[{index}]", task.task))
}

/// What stands on the rule above the detail.
pub(super) fn title(state: &State) -> String {
    match state.jobs.selected() {
        None => "Detail".to_owned(),
        Some(Node::Group(sum)) => middle(&sum.name, 60),
        Some(Node::JobRun { run, .. }) => format!("{}  {}", middle(&run.job.0, 40), middle(&run.id.0, 30)),
        Some(Node::DagRun { run, .. }) => format!("{}  {}", middle(&run.dag.0, 40), middle(&run.id.0, 40)),
        Some(Node::Task(task)) => format!("{}  {}", middle(&task.dag.0, 40), middle(&task_name(task), 40)),
    }
}

/// Collects fields and sections of one width.
struct Fields<'s> {
    state: &'s State,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Fields<'_> {
    fn style(&self, role: Role) -> Style {
        self.state.theme.style(role)
    }

    /// A named value; it must be harmless already.
    fn field(&mut self, name: &str, value: &str, role: Role) {
        for (i, part) in words::wrap(value, self.width.saturating_sub(12)).into_iter().enumerate() {
            let name = if i == 0 { pad(name, 10, false) } else { " ".repeat(10) };
            let name = Span::styled(format!(" {name}"), self.style(Role::Dim));
            self.lines.push(Line::from(vec![name, Span::styled(part, self.style(role))]));
        }
    }

    fn section(&mut self, title: &str) {
        let rule = glyphs::HORIZONTAL.repeat(self.width.saturating_sub(title.len() + 5));
        self.lines.push(Line::from(vec![
            Span::styled(glyphs::HORIZONTAL.repeat(2), self.style(Role::Rule)),
            Span::styled(fit(&format!(" {title} "), self.width), self.style(Role::Title)),
            Span::styled(rule, self.style(Role::Rule)),
        ]));
    }

    fn said(&mut self, text: &str, role: Role) {
        let wrapped = words::wrap(text, self.width.saturating_sub(2));
        let style = self.style(role);
        self.lines.extend(wrapped.into_iter().map(|part| Line::styled(format!(" {part}"), style)));
    }

    fn standing(&mut self, any: AnyState, more: &str) {
        let (glyph, word, style) = standing(any, &self.state.theme);
        let name = Span::styled(format!(" {}", pad("state", 10, false)), self.style(Role::Dim));
        self.lines.push(Line::from(vec![name, Span::styled(format!("{glyph} {word}{more}"), style)]));
    }

    /// Its name, as many bars as there is room for, and its range.
    fn curve(&mut self, curve: &Curve) {
        const NAME: usize = 24;
        const RANGE: usize = 40;
        let Some(range) = curve.range() else { return };
        let [min, avg, max] = [range.min, range.avg, range.max].map(amount);
        let width = self.width.saturating_sub(NAME + RANGE + 3).clamp(8, 60);
        let bars = pad(&curve.bars(width), width, false);
        self.lines.push(Line::from(vec![
            Span::styled(format!(" {}", pad(&one_line(&curve.name, NAME), NAME, false)), self.style(Role::Dim)),
            Span::styled(bars, self.style(Role::Accent)),
            Span::styled(
                format!(" min {min} avg {avg} max {max} {}", one_line(&curve.unit, 12)),
                self.style(Role::Text),
            ),
        ]));
    }

    /// What is being read, or why it cannot be.
    fn load(&mut self, what: &str) {
        match &self.state.jobs.load {
            Load::Waiting(_) => self.said(&format!("reading {what}…"), Role::Dim),
            Load::Cancelled => self.said("cancelled; R reads it", Role::Dim),
            Load::Failed(fault) => {
                self.said(&format!("{} {}", glyphs::BAD, fault.what), Role::Error);
                self.said(&fault.hint, Role::Accent);
            }
            Load::Idle | Load::Ready(()) => {}
        }
    }
}

/// The lines of the detail.
pub(super) fn lines(state: &State) -> Vec<Line<'static>> {
    let width = usize::from(super::panes(state).detail.width);
    let mut fields = Fields { state, width, lines: Vec::new() };
    match state.jobs.selected() {
        None => {}
        Some(Node::Group(sum)) => {
            fields.standing(sum.state, ", the newest run");
            fields.field("runs", &words::count(sum.runs), Role::Text);
            fields.field("newest", &words::when(state.now, sum.newest), Role::Text);
            if let NodeId::Dag(id) = &sum.id {
                dag(&mut fields, id);
            }
        }
        Some(Node::JobRun { run, .. }) => job_run(&mut fields, run),
        Some(Node::DagRun { run, .. }) => dag_run(&mut fields, run),
        Some(Node::Task(task)) => one_task(&mut fields, task),
    }
    fields.lines
}

fn dag(fields: &mut Fields<'_>, id: &crate::model::dag::DagId) {
    let state = fields.state;
    let Some(dag) = state.lake.snapshot.pipeline.dags.iter().find(|d| d.id == *id) else { return };
    if dag.paused {
        fields.field("paused", "! it is not scheduled until somebody unpauses it", Role::Warning);
    }
    if dag.broken {
        fields.field("broken", "! its file could not be imported: what is known of it is old", Role::Warning);
    }
    if let Some(schedule) = &dag.schedule {
        fields.field("schedule", &one_line(schedule, 200), Role::Text);
    }
    if let Some(next) = dag.next {
        fields.field("next run", &words::absolute(next), Role::Text);
    }
}

fn job_run(fields: &mut Fields<'_>, run: &JobRun) {
    let state = fields.state;
    let detail = state.jobs.detail(&super::job_run_id(run));
    let attempt = match detail {
        Some(d) => format!(", attempt {}/{}", run.attempt, d.attempts_allowed.max(run.attempt)),
        None if run.attempt > 1 => format!(", attempt {}", run.attempt),
        None => String::new(),
    };
    fields.standing(AnyState::Run(run.state), &attempt);
    if let Some(why) = &run.detail {
        fields.field("why", &one_line(why, 2000), Role::Error);
    }
    let (took, long) = took(state, run);
    if !took.is_empty() {
        fields.field("took", &took, if long { Role::Warning } else { Role::Text });
    }
    fields.field("asked for", &words::when(state.now, run.created), Role::Text);
    if let Some(at) = run.started {
        fields.field("began", &words::when(state.now, at), Role::Text);
    }
    if let Some(at) = run.ended {
        fields.field("ended", &words::when(state.now, at), Role::Text);
    }
    if let Some(dataset) = &run.dataset {
        let date = run.date.map(|d| format!(" {d}")).unwrap_or_default();
        let layer = run.layer.map(|l| format!(", {}", l.word())).unwrap_or_default();
        let backfill = if run.backfill { ", backfill" } else { "" };
        fields.field("dataset", &format!("{}{date}{layer}{backfill}", one_line(dataset.as_str(), 400)), Role::Text);
    }
    fields.field("id", &format!("{} {}", one_line(&run.source, 40), one_line(&run.id.0, 200)), Role::Dim);
    fields.field("address", &one_line(&run.uri, 1200), Role::Accent);
    // What was asked for is seen without scrolling.
    pages(fields, &super::job_run_id(run));
    match detail {
        Some(detail) => in_full(fields, detail),
        None => fields.load("attempts, settings and log places"),
    }
}

/// What is read for one run alone.
fn in_full(fields: &mut Fields<'_>, detail: &RunDetail) {
    fields.load("the run anew");
    fields.section("attempts");
    for attempt in &detail.attempts {
        let (glyph, word, style) = standing(AnyState::Run(attempt.state), &fields.state.theme);
        let length = match (attempt.created, attempt.ended) {
            (Some(from), Some(to)) => words::length(to - from),
            _ => String::new(),
        };
        let at = attempt.created.map(words::absolute).unwrap_or_default();
        let text =
            format!(" {} {glyph} {} {at}  {length}", pad(&attempt.number.to_string(), 3, true), pad(word, 10, false));
        fields.lines.push(Line::styled(text, style));
        if let Some(why) = &attempt.detail {
            fields.field("", &one_line(why, 2000), Role::Text);
        }
    }
    if let Some(used) = &detail.resources {
        fields.section("resources");
        fields.field("vCPU", &format!("{:.2} hours", used.vcpu_hours), Role::Text);
        fields.field("memory", &format!("{:.2} GB hours", used.memory_gb_hours), Role::Text);
        fields.field("storage", &format!("{:.2} GB hours", used.storage_gb_hours), Role::Text);
    }
    used(fields, &super::job_run_id(&detail.run));
    fields.section("log");
    if detail.log.is_empty() {
        fields.said("it keeps none", Role::Dim);
    }
    for (n, place) in detail.log.iter().enumerate() {
        fields.field(&format!("log {}", n + 1), &place_text(place), Role::Accent);
    }
    fields.section("command");
    for part in &detail.command {
        fields.said(&one_line(part, 2000), Role::Text);
    }
    if !detail.settings.is_empty() {
        fields.section("settings");
        for (name, value) in &detail.settings {
            fields.said(&format!("{} = {}", one_line(name, 200), one_line(value, 1000)), Role::Text);
        }
    }
}

/// The link to its own pages, if it was asked for.
fn pages(fields: &mut Fields<'_>, id: &NodeId) {
    let link = fields.state.jobs.dashboard.of(id);
    if matches!(link, Load::Idle | Load::Cancelled) {
        return;
    }
    fields.section("dashboard");
    match link {
        Load::Ready((link, at)) => {
            let since = words::absolute(*at);
            fields.said(&format!("It lets in whoever has it, for an hour from {since} on."), Role::Dim);
            fields.said(&one_line(link, 8000), Role::Accent);
        }
        Load::Failed(fault) => {
            fields.said(&format!("{} {}", glyphs::BAD, fault.what), Role::Error);
            fields.said(&fault.hint, Role::Accent);
        }
        _ => fields.said("asking for it…", Role::Dim),
    }
}

/// What it used, as it was measured: each curve in one line.
fn used(fields: &mut Fields<'_>, id: &NodeId) {
    match fields.state.jobs.measured.of(id) {
        Load::Idle | Load::Ready(None) => return,
        _ => fields.section("used"),
    }
    match fields.state.jobs.measured.of(id) {
        Load::Waiting(_) => fields.said("reading what it used…", Role::Dim),
        Load::Cancelled => fields.said("cancelled; R reads it", Role::Dim),
        Load::Failed(fault) => {
            fields.said(&format!("{} {}", glyphs::BAD, fault.what), Role::Error);
            fields.said(&fault.hint, Role::Accent);
        }
        Load::Ready(Some(curves)) if curves.is_empty() => fields.said("nothing was measured", Role::Dim),
        Load::Ready(Some(curves)) => {
            for curve in curves {
                fields.curve(curve);
            }
        }
        Load::Idle | Load::Ready(None) => {}
    }
}

/// Where a log lies, in words.
pub(in crate::console) fn place_text(place: &LogPlace) -> String {
    match place {
        LogPlace::S3 { prefix } => one_line(prefix, 1200),
        LogPlace::CloudWatch { group, streams } => {
            format!("CloudWatch {} {}", one_line(group, 600), one_line(streams, 600))
        }
        LogPlace::File { path } => one_line(&path.to_string_lossy(), 1200),
        LogPlace::Managed => "kept by AWS: read it on the run's dashboard".to_owned(),
    }
}

fn dag_run(fields: &mut Fields<'_>, run: &DagRun) {
    let state = fields.state;
    fields.standing(AnyState::Task(run.state), "");
    if let Some(at) = run.logical {
        fields.field("for", &words::absolute(at), Role::Text);
    }
    fields.field("kind", &one_line(&run.kind, 60), Role::Text);
    if let Some(at) = run.started {
        fields.field("began", &words::when(state.now, at), Role::Text);
    }
    if let Some(at) = run.ended {
        fields.field("ended", &words::when(state.now, at), Role::Text);
    }
    dag(fields, &run.dag);
    fields.field("id", &one_line(&run.id.0, 400), Role::Dim);
    fields.field("address", &one_line(&run.uri, 1200), Role::Accent);
    fields.section("tasks");
    fields.load("the tasks");
    for task in state.jobs.tasks(state, run) {
        let (glyph, word, style) = standing(AnyState::Task(task.state), &state.theme);
        let tries = tries(state, task);
        let name = fields.width.saturating_sub(40).clamp(12, 60);
        fields.lines.push(Line::from(vec![
            Span::styled(format!(" {glyph} {} ", pad(word, 17, false)), style),
            Span::raw(format!("{}  {tries}", pad(&middle(&task_name(task), name), name, false))),
        ]));
    }
}

fn one_task(fields: &mut Fields<'_>, task: &TaskInstance) {
    let state = fields.state;
    fields.standing(AnyState::Task(task.state), "");
    let allowed = task.tries_allowed.max(task.tries);
    fields.field("try", &format!("{} of {allowed}", task.tries), Role::Text);
    let (retries, same) = task.retries_told();
    fields.field("retries", &retries, if same { Role::Text } else { Role::Warning });
    if let Some(next) = task.next_try {
        let left = if next > state.now { format!("in {}", words::length(next - state.now)) } else { "due".into() };
        fields.field("retry", &format!("{left}, {}", words::absolute(next)), Role::Warning);
    }
    if let Some(at) = task.started {
        fields.field("began", &words::when(state.now, at), Role::Text);
    }
    if let Some(at) = task.ended {
        fields.field("ended", &words::when(state.now, at), Role::Text);
    }
    fields.field("job", &one_line(&task.job.0, 200), Role::Text);
    if let Some(operator) = &task.operator {
        fields.field("operator", &one_line(operator, 200), Role::Text);
    }
    if let Some(host) = &task.host {
        fields.field("worker", &one_line(host, 200), Role::Dim);
    }
    fields.field("run", &one_line(&task.run.0, 400), Role::Dim);
}
