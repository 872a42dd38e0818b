//! Values for the console's tests: a small lake with every severity, and rows that are named, masked and null.

pub(super) mod moves;
pub(super) mod pipeline;
pub(super) mod walks;
pub(super) mod work;

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use serde_json::json;

use crate::model::alert::{Alert, AlertRule, Evidence};
use crate::model::category::FailureCategory;
use crate::model::column::{Column, RowPage};
use crate::model::contract::{Contract, ContractColumn, Drift, DriftKind};
use crate::model::dataset::Dataset;
use crate::model::entry::{DlqEntry, EntryPath, Problem, RowsFormat};
use crate::model::incident::Happening;
use crate::model::moves::{MoveKind, Plan, Step};
use crate::model::probe::Verdict;
use crate::model::protection::Protection;
use crate::model::reason::ErrorReason;
use crate::model::severity::Severity;
use crate::model::triage::Standing;
use crate::ops::{Cost, Opened, Snapshot, SourceHealth};
use crate::rows::PageRequest;
use crate::sources::SourceError;
use crate::sources::logs::LogPage;

use super::keys::Key;
use super::msg::{Effect, Msg};
use super::state::State;
use super::update::update;
use super::work::PlannedWork;
use super::{ConsoleSettings, Theme, view};

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_500_000, 0).unwrap_or_default()
}

pub(super) fn entry(dataset: &str, day: u32, rows: u64, severity: Severity, category: FailureCategory) -> DlqEntry {
    let date = NaiveDate::from_ymd_opt(2026, 11, day);
    DlqEntry {
        dataset: Dataset(dataset.into()),
        path: EntryPath(format!("_errors/{dataset}/dt=2026-11-{day}/").into()),
        date,
        run_id: None,
        rows: Some(rows),
        rows_reported: Some(rows),
        bytes: rows * 280,
        format: RowsFormat::Parquet,
        complete: true,
        errors: vec![ErrorReason {
            error_type: Some("schema_validation".into()),
            error_message: Some("Column 'email' expected string, got null \x1b[31m\u{202e}".into()),
            row_count: Some(rows),
            timestamp: Some(now() - Duration::hours(i64::from(24 - day))),
            source_path: Some("bronze/crm/contacts/dt=2026-11-22/".into()),
        }],
        category,
        severity,
        problems: vec![],
        modified: now() - Duration::hours(2),
        first_seen: now() - Duration::hours(3),
        fault: None,
    }
}

pub(super) fn snapshot() -> Snapshot {
    let mut incomplete = entry("silver/orders", 22, 0, Severity::Info, FailureCategory::Unknown);
    (incomplete.complete, incomplete.format, incomplete.errors) = (false, RowsFormat::None, vec![]);
    incomplete.problems = vec![Problem::Incomplete, Problem::NoReasons, Problem::NoRows];
    let entries = vec![
        entry("crm/accounts", 22, 4, Severity::Info, FailureCategory::DataQuality),
        entry("crm/contacts", 21, 1_200, Severity::Critical, FailureCategory::SchemaEvolution),
        entry("crm/contacts", 22, 150, Severity::Warning, FailureCategory::SchemaEvolution),
        entry("finance/fx_rates", 22, 7_911, Severity::Critical, FailureCategory::UpstreamSource),
        incomplete,
    ];
    let alert = |e: &DlqEntry, threshold: f64| Alert {
        key: format!("dlq_rows:{}:2026", e.path.0),
        severity: e.severity,
        category: e.category,
        rule: AlertRule::DlqRows,
        dataset: e.dataset.clone(),
        date: e.date,
        layer: None,
        since: e.since(),
        standing: Standing::default(),
        summary: format!("{} rejected rows", e.rows.unwrap_or(0)),
        value: e.rows.unwrap_or(0) as f64,
        threshold,
        evidence: vec![Evidence {
            uri: format!("s3://acme-lake/{}", e.path.0),
            observed_at: e.modified,
            detail: "rejected_rows.parquet".into(),
        }],
        entry: Some(e.path.clone()),
        run: None,
        job: None,
    };
    let alerts = [(3, 1000.0), (1, 1000.0), (2, 100.0)]
        .into_iter()
        .filter_map(|(i, t)| entries.get(i).map(|e| alert(e, t)))
        .collect();
    let sources = vec![SourceHealth::after("dlq", None, now())];
    let entries = entries.into_iter().map(Arc::new).collect();
    Snapshot {
        incidents: Vec::new(),
        triage: Vec::new(),
        entries,
        unread: 0,
        quarantines: moves::quarantines(),
        pipeline: pipeline::pipeline(),
        quality: Vec::new(),
        alerts,
        sources,
        costs: vec![
            Cost { source: "lake", of_lake: false, requests: 1_234, minute: Some(7.5) },
            Cost { source: "dlq", of_lake: true, requests: 34, minute: Some(1.5) },
        ],
        ending: None,
        taken: Some(now()),
    }
}

pub(super) fn opened(path: &EntryPath) -> Opened {
    let column = |name: &str, kind: &str| Column { name: name.into(), kind: kind.into(), nullable: true };
    let contract = ContractColumn { name: "email".into(), kind: "string".into(), required: true, nullable: false };
    Opened {
        path: path.clone(),
        columns: vec![
            column("contact_id", "string"),
            column("email", "string"),
            column("phone", "string"),
            column("score", "int64"),
            column("city", "string"),
        ],
        order: vec![1, 0, 2, 3, 4],
        named: vec![1],
        personal: vec![2],
        total_rows: Some(150),
        contract: Some((
            "contracts/crm/contacts.json".into(),
            Contract { columns: vec![contract], ..Contract::default() },
        )),
        drift: vec![Drift {
            column: "email".into(),
            kind: DriftKind::NullsInRequired,
            expected: Some("string".into()),
            actual: Some("string".into()),
            safe: false,
        }],
    }
}

pub(super) fn page(request: &PageRequest) -> RowPage {
    let cell = |row: u64, column: usize| match column {
        0 => json!(format!("C{row:05}")),
        1 if row.is_multiple_of(3) => json!(null),
        1 => json!("ana@example.org"),
        2 => json!("+41 79 123 45 67"),
        3 => json!(row * 1000),
        _ => json!(if row.is_multiple_of(2) { "Zürich" } else { "evil \x1b[2J\u{202e}日本" }),
    };
    let columns = request.columns.clone().unwrap_or_default();
    let end = (request.offset + request.limit as u64).min(150);
    let rows = (request.offset..end).map(|r| columns.iter().map(|c| cell(r, *c)).collect()).collect();
    RowPage { columns: vec![], rows, total_rows: Some(150), truncated: end < 150 }
}

/// A state that is driven with keys; what it asks of the lake is answered at once from here.
pub(super) struct Driven {
    pub state: State,
    /// Effects that are not about reading.
    pub asked: Vec<Effect>,
    /// Page requests, in order.
    pub pages: Vec<PageRequest>,
    /// Answers to the next readings of a log; without one, the log of the fixture and then nothing new.
    pub logs: VecDeque<Result<LogPage, SourceError>>,
    /// What the gate allows.
    pub gate: Option<Protection>,
    /// The next plans that are asked for cannot be.
    pub refuses: bool,
    /// How probes go.
    pub verdict: Verdict,
}

impl Driven {
    pub(super) fn new(settings: ConsoleSettings, width: u16, height: u16) -> Self {
        let (state, effects) = State::new(settings, now(), width, height);
        let gate = Some(Protection::of(state.settings.protected, false));
        let (logs, verdict) = (VecDeque::new(), Verdict::Fail);
        let mut driven = Self { state, asked: vec![], pages: vec![], logs, gate, refuses: false, verdict };
        driven.answer(effects);
        driven
    }

    pub(super) fn themed(theme: &str, width: u16, height: u16) -> Self {
        let theme = Theme::built_in(theme).unwrap_or_default();
        let settings = ConsoleSettings {
            theme,
            environment: "prod".into(),
            protected: true,
            identity: "oncall@acme".into(),
            lake_url: "s3://acme-lake".into(),
            notifiers: vec!["#data-eng (Slack)".into(), "sns:dq-alerts".into()],
            ..ConsoleSettings::default()
        };
        Self::new(settings, width, height)
    }

    fn answer(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let msg = match effect {
                Effect::Refresh { id, .. } => Msg::Refreshed(id, snapshot()),
                Effect::Open { id, entry, .. } => Msg::Opened(id, Ok(opened(&entry.path))),
                Effect::Page { id, request, .. } => {
                    let msg = Msg::Page(id, Ok(page(&request)));
                    self.pages.push(request);
                    msg
                }
                Effect::Protection => Msg::Protection(self.gate.clone()),
                Effect::PlanQuarantine { id, ref targets, .. } | Effect::PlanEntryArchive { id, ref targets, .. } => {
                    let kind = match effect {
                        Effect::PlanQuarantine { .. } => MoveKind::Quarantine,
                        _ => MoveKind::Archive,
                    };
                    let datasets: Vec<_> = targets.iter().filter_map(|t| t.split("/dt=").next()).collect();
                    let plans = datasets.iter().map(|d| self.plan(kind, d.trim_start_matches("_errors/"))).collect();
                    self.asked.push(effect);
                    Msg::Planned(id, Ok(plans))
                }
                Effect::Interrupted => Msg::Interrupted(Vec::new(), Vec::new()),
                Effect::PlanRedrive { id, ref targets, ref reason } => {
                    let again = self.refuses && reason.is_none();
                    let plans = targets.iter().map(|t| work::redrive(t, again, reason.clone())).collect();
                    self.asked.push(effect);
                    Msg::PlannedWork(id, Ok(PlannedWork::Redrives(plans)))
                }
                Effect::PlanBackfill { id, ref ask } => {
                    let plan = Box::new(work::backfill(ask));
                    self.asked.push(effect);
                    Msg::PlannedWork(id, Ok(PlannedWork::Backfill(plan)))
                }
                Effect::PlanStep { id, ref of, step, .. } => {
                    let kind = match step {
                        Step::Release => MoveKind::Release,
                        Step::Archive => MoveKind::Archive,
                        _ => MoveKind::Undo,
                    };
                    let all = moves::quarantines();
                    let of = all.iter().filter(|q| of.contains(&q.id));
                    let plans = of.map(|q| self.plan(kind, q.dataset.as_str())).collect();
                    self.asked.push(effect);
                    Msg::Planned(id, Ok(plans))
                }
                Effect::PlanRun { id, ref job, date, ref settings } => {
                    let planned = work::run(self.state.settings.commands.get(job), job, date, settings);
                    self.asked.push(effect);
                    Msg::PlannedWork(id, planned)
                }
                Effect::PlanRepair { id, .. } => {
                    self.asked.push(effect);
                    let plan = if self.refuses { moves::refused_repair() } else { moves::repair() };
                    Msg::RepairPlanned(id, Ok(Box::new(plan)))
                }
                Effect::PlanResume { id, ref of } => {
                    let plans =
                        of.iter().map(|id| Plan { id: id.clone(), ..self.plan(MoveKind::Quarantine, "orders") });
                    Msg::Planned(id, Ok(plans.collect()))
                }
                Effect::Manifest { id, of, .. } => {
                    let all = moves::quarantines();
                    let dataset = all.iter().find(|q| q.id == of).map_or("orders", |q| q.dataset.as_str());
                    Msg::Manifest(id, Ok(Box::new(moves::plan(MoveKind::Quarantine, dataset))))
                }
                Effect::RunDetail { id, run, .. } => Msg::RunDetail(id, Ok(Box::new(pipeline::detail(&run)))),
                Effect::RunMetrics { id, .. } => Msg::RunMetrics(id, Ok(Some(pipeline::curves()))),
                Effect::Dashboard { id, .. } => Msg::Dashboard(id, Ok(pipeline::DASHBOARD.to_owned())),
                Effect::DagTasks { id, run, .. } if &*run.0 == "scheduled__2026-11-24" => {
                    Msg::DagTasks(id, Ok(pipeline::tasks()))
                }
                Effect::DagTasks { id, .. } => Msg::DagTasks(id, Ok(vec![])),
                Effect::ReadLog { id, ref from, .. } => {
                    let first = from.is_none();
                    self.asked.push(effect);
                    let usual = || if first { pipeline::log() } else { pipeline::page(&[], true) };
                    Msg::Log(id, self.logs.pop_front().unwrap_or_else(|| Ok(usual())))
                }
                Effect::Runbooks { id } => Msg::Runbooks(id, Arc::new(walks::library())),
                Effect::TurnTo { id, ref alert, ref wanted, .. } => {
                    Msg::Walked(id, Ok(walks::turned(alert, wanted.clone())))
                }
                Effect::Note { id, ref incident, ref what } => {
                    let msg = Msg::Walked(id, Ok(walks::walked(&incident.id, Some(incident), what.clone())));
                    self.asked.push(effect);
                    msg
                }
                Effect::Verify { id, ref incident, ref checks } => {
                    let found = checks.iter().map(|check| walks::checked(*check)).collect();
                    Msg::Walked(id, Ok(walks::walked(&incident.id, Some(incident), found)))
                }
                Effect::Handover { id, ref incident, .. } => {
                    let what = vec![Happening::HandedOver(walks::handover())];
                    Msg::Walked(id, Ok(walks::walked(&incident.id, Some(incident), what)))
                }
                Effect::Probe { id, ref incident, ref step, probe } => {
                    let finding = walks::finding(probe, self.verdict);
                    let what = vec![Happening::Probed { step: step.clone(), finding }];
                    Msg::Walked(id, Ok(walks::walked(&incident.id, Some(incident), what)))
                }
                Effect::Profile { id, .. } => Msg::Profiled(id, Ok(vec![])),
                Effect::Reveal { entry, columns } => {
                    self.asked.push(Effect::Reveal { entry: entry.clone(), columns });
                    Msg::Revealed(entry, Ok(()))
                }
                other => {
                    self.asked.push(other);
                    continue;
                }
            };
            self.send(msg);
        }
    }

    fn plan(&self, kind: MoveKind, dataset: &str) -> Plan {
        if self.refuses { moves::refused(kind, dataset) } else { moves::plan(kind, dataset) }
    }

    /// Keys that come before the next frame.
    pub(super) fn burst(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let key = Key::parse(key).unwrap_or_else(|e| panic!("{e}"));
            self.send(Msg::Key(KeyEvent::from(key)));
        }
        self
    }

    /// The environment, open for writes.
    pub(super) fn open(theme: &str, width: u16, height: u16) -> Self {
        let mut driven = Self::themed(theme, width, height);
        driven.gate = Some(Protection::Open);
        driven.send(Msg::Protection(driven.gate.clone()));
        driven
    }

    /// What asks for a write.
    pub(super) fn writes(&self) -> Vec<&Effect> {
        use Effect::{Apply, Arm, Mark, Repair, Resume, Work};
        let writes =
            |e: &&Effect| matches!(e, Apply(_) | Resume(_) | Mark { .. } | Arm { .. } | Work { .. } | Repair(_));
        self.asked.iter().filter(writes).collect()
    }

    /// What was asked to be recorded in incidents.
    pub(super) fn recorded(&self) -> Vec<Happening> {
        let notes = self.asked.iter().filter_map(|effect| match effect {
            Effect::Note { what, .. } => Some(what.clone()),
            _ => None,
        });
        notes.flatten().collect()
    }

    pub(super) fn send(&mut self, msg: Msg) {
        let effects = update(&mut self.state, msg);
        self.answer(effects);
    }

    /// Keys by their names, blanks between them.
    pub(super) fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            self.burst(key).send(Msg::Drawn);
        }
        self
    }

    /// A line typed into a prompt that `opener` opens.
    pub(super) fn type_in(&mut self, opener: &str, text: &str) -> &mut Self {
        self.keys(opener);
        for c in text.chars() {
            let code = crossterm::event::KeyCode::Char(c);
            self.send(Msg::Key(KeyEvent::from(code)));
        }
        self.keys("enter")
    }

    pub(super) fn picture(&self) -> Buffer {
        view::picture(&self.state)
    }

    pub(super) fn screen(&self) -> String {
        text(&self.picture())
    }
}

/// A picture as text, a line a row, without the blanks at the end.
pub(super) fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let rows = buffer.content.chunks(width).map(|row| {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            if skip == 0 {
                line.push_str(cell.symbol());
            }
            skip = if skip > 0 {
                skip - 1
            } else {
                unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1)
            };
        }
        line.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}
