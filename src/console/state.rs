//! All that the console knows. Pure data: `update` changes it, `view` draws it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::entry::DlqEntry;
use crate::model::protection::Protection;
use crate::ops::{Snapshot, SourceState};

use super::alerts::AlertsScreen;
use super::dlq::DlqScreen;
use super::driving::Retries;
use super::incident::IncidentScreen;
use super::jobs::JobsScreen;
use super::logs::LogsScreen;
use super::moves::Moves;
use super::msg::{Effect, RequestId};
use super::overlay::Overlay;
use super::prompt::Prompt;
use super::quarantine::QuarantineScreen;
use super::runbook::RunbookScreen;
use super::work::Work;
use super::{ConsoleSettings, Theme};

pub(super) use super::dlq::preview::Mode;

/// A tab. It is in the list when it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Tab {
    Alerts,
    Dlq,
    Quarantine,
    Jobs,
    Logs,
    Runbook,
    Verify,
    Incident,
}

impl Tab {
    pub(super) const ALL: [Self; 8] = [
        Self::Alerts,
        Self::Dlq,
        Self::Quarantine,
        Self::Jobs,
        Self::Logs,
        Self::Runbook,
        Self::Verify,
        Self::Incident,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Dlq => "dlq",
            Self::Quarantine => "quarantine",
            Self::Jobs => "jobs",
            Self::Logs => "logs",
            Self::Runbook => "runbook",
            Self::Verify => "verify",
            Self::Incident => "incident",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.word() == word)
    }

    /// What it is called where there is little room.
    pub(super) fn short(self) -> &'static str {
        match self {
            Self::Quarantine => "Quar",
            Self::Runbook => "Book",
            Self::Incident => "Inc",
            other => other.title(),
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Alerts => "Alerts",
            Self::Dlq => "DLQ",
            Self::Quarantine => "Quarantine",
            Self::Jobs => "Jobs",
            Self::Logs => "Logs",
            Self::Runbook => "Runbook",
            Self::Verify => "Verify",
            Self::Incident => "Incident",
        }
    }
}

/// Which pane the keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Focus {
    #[default]
    List,
    Detail,
}

/// What is known of the lake, and what is being read.
#[derive(Debug, Default)]
pub(super) struct LakeView {
    /// What is shown. Entries are shared with the requests that concern them.
    pub snapshot: Snapshot,
    pub entries: Vec<Arc<DlqEntry>>,
    /// Rows known of all entries; kept, since adding up 100,000 entries is no work for a frame.
    pub rows: u64,
    /// The refresh that runs.
    pub scan: Option<Scan>,
    /// How long the last whole refresh took, in milliseconds, and its entries.
    pub last: Option<(i64, usize)>,
}

/// A running refresh.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    pub id: RequestId,
    pub started: DateTime<Utc>,
    pub listed: u64,
    pub assessed: u64,
    pub found: u64,
}

impl LakeView {
    /// The first source that fails.
    pub(super) fn failure(&self) -> Option<&crate::ops::SourceHealth> {
        self.snapshot.sources.iter().find(|s| s.state != SourceState::Fresh)
    }
}

/// One message of the last line.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub at: DateTime<Utc>,
    pub error: bool,
    /// Harmless text: what came from outside is escaped where the note is made.
    pub text: String,
    /// What to do about it; empty if nothing.
    pub hint: String,
}

/// The whole state.
#[derive(Debug)]
pub(super) struct State {
    pub now: DateTime<Utc>,
    pub width: u16,
    pub height: u16,
    pub settings: ConsoleSettings,
    pub theme: Theme,
    pub tab: Tab,
    /// The tabs that one jumped from: Esc goes back through them.
    pub trail: Vec<Tab>,
    pub lake: LakeView,
    pub alerts: AlertsScreen,
    pub dlq: DlqScreen,
    pub quarantine: QuarantineScreen,
    pub jobs: JobsScreen,
    pub logs: LogsScreen,
    pub runbook: RunbookScreen,
    pub incident: IncidentScreen,
    /// What is planned and what runs.
    pub moves: Moves,
    /// Tries of jobs that this console carries on.
    pub retries: Retries,
    /// What jobs do.
    pub work: Work,
    /// Whether the environment may be written to, as the gate said last.
    pub protection: Protection,
    pub prompt: Option<Prompt>,
    pub overlay: Option<Overlay>,
    /// The message on the last line; it goes with the next key, an error stays until Esc.
    pub flash: Option<Note>,
    pub notes: Vec<Note>,
    pub history: Vec<String>,
    /// Whether anybody pressed a key: before that nothing was chosen by anyone.
    pub touched: bool,
    next_id: RequestId,
}

/// How many messages and command lines are kept.
const KEPT: usize = 200;

impl State {
    /// The state at the start, and what to do first.
    pub(super) fn new(settings: ConsoleSettings, now: DateTime<Utc>, width: u16, height: u16) -> (Self, Vec<Effect>) {
        let theme = match Theme::built_in("mono") {
            Ok(mono) if settings.no_color => mono,
            _ => settings.theme.clone(),
        };
        // What the configuration says, until the gate says more.
        let protection = Protection::of(settings.protected, false);
        let mut state = Self {
            now,
            width,
            height,
            settings,
            theme,
            tab: Tab::Alerts,
            trail: Vec::new(),
            lake: LakeView::default(),
            alerts: AlertsScreen::default(),
            dlq: DlqScreen::default(),
            quarantine: QuarantineScreen::default(),
            jobs: JobsScreen::default(),
            logs: LogsScreen::default(),
            runbook: RunbookScreen::default(),
            incident: IncidentScreen::default(),
            moves: Moves::default(),
            retries: Retries::new(),
            work: Work::default(),
            protection,
            prompt: None,
            overlay: None,
            flash: None,
            notes: Vec::new(),
            history: Vec::new(),
            touched: false,
            next_id: 0,
        };
        let mut effects = state.refresh();
        effects.push(Effect::Protection);
        effects.push(Effect::CarryOn);
        (state, effects)
    }

    #[cfg(test)]
    pub(super) fn for_test() -> Self {
        let now = DateTime::from_timestamp(1_795_500_000, 0).unwrap_or_default();
        let settings = ConsoleSettings { lake_url: "s3://acme-lake".into(), ..ConsoleSettings::default() };
        Self::new(settings, now, 80, 24).0
    }

    /// A number for a new request.
    pub(super) fn request(&mut self) -> RequestId {
        self.next_id += 1;
        self.next_id
    }

    /// Jumps to a tab; Esc leads back.
    pub(super) fn jump(&mut self, tab: Tab) {
        if self.tab != tab {
            self.trail.push(self.tab);
            self.tab = tab;
        }
    }

    /// Begins a refresh of all; one that runs is replaced.
    pub(super) fn refresh(&mut self) -> Vec<Effect> {
        self.refresh_of(true)
    }

    /// Begins a refresh of all, or of what is due.
    pub(super) fn refresh_of(&mut self, all: bool) -> Vec<Effect> {
        let id = self.request();
        self.lake.scan = Some(Scan { id, started: self.now, listed: 0, assessed: 0, found: 0 });
        vec![Effect::Refresh { id, all }]
    }

    /// Says something on the last line.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.note(text.into(), String::new(), false);
    }

    /// Says on the last line what went wrong; it stays until Esc.
    pub(super) fn fail(&mut self, text: impl Into<String>) {
        self.note(text.into(), String::new(), true);
    }

    /// The same, with what to do about it.
    pub(super) fn fail_with(&mut self, text: impl Into<String>, hint: impl Into<String>) {
        self.note(text.into(), hint.into(), true);
    }

    fn note(&mut self, text: String, hint: String, error: bool) {
        let note = Note { at: self.now, error, text, hint };
        self.flash = Some(note.clone());
        if self.notes.len() >= KEPT {
            self.notes.remove(0);
        }
        self.notes.push(note);
    }

    /// Remembers a command line.
    pub(super) fn remember(&mut self, line: &str) {
        self.history.retain(|l| l != line);
        if self.history.len() >= KEPT {
            self.history.remove(0);
        }
        self.history.push(line.to_owned());
    }
}
