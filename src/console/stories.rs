//! Whole stories: keys in, screen out; every size; the loop itself with a backend that a test reads.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crossterm::event::Event;
use futures::stream;
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::Modifier;
use tokio::sync::{mpsc, watch};

use crate::lake::{
    ByteRange, Counters, ETag, ErrorClass, Fetched, Key as LakeKey, Lake, LakeError, ListPage, ListRequest,
    ObjectDetail, ObjectMeta,
};
use crate::ops::{LakeSettings, Session};

use super::app::{App, Notice, Screen, run};
use super::fixture::{Driven, now, text};
use super::keys::Key;
use super::moving::{BOUNDARY, MOVE, Moving};
use super::msg::{Effect, ExitReason, Msg};
use super::{ConsoleSettings, Theme, view};

/// Walks that reach every screen.
const WALKS: [&str; 32] = [
    "",
    "?",
    "?  j j",
    ":",
    "2",
    "2 j enter",
    "2 j j tab d",
    "2 j s",
    "2 j j s",
    "2 j j p",
    "2 j j d",
    "2 j j m",
    "d",
    "2 j j tab G l l l",
    "3",
    "3 j tab G",
    "3 j space enter",
    "4",
    "4 j j tab",
    "4 / a k 3 enter enter",
    "4 / a k 3 enter l",
    "4 / a k 3 enter l w g N m t",
    "4 / a k 3 enter l e j",
    "4 / n i g h t enter j j",
    "4 / n i g h t enter j j j tab",
    "5",
    "S",
    "a",
    "@",
    "3 j : r e l e a s e enter G",
    "3 : r e s u m e enter",
    "2 j j : q u a r a n t i n e space l a t e enter",
];

#[test]
fn no_size_panics_on_any_screen() {
    for walk in WALKS {
        let mut driven = Driven::themed("dark", 80, 24);
        driven.keys(walk);
        for width in (0..=200).step_by(13) {
            for height in (0..=60).step_by(7) {
                driven.send(Msg::Resize(width, height));
                driven.keys("down up");
                let picture = driven.picture();
                assert_eq!((picture.area.width, picture.area.height), (width, height));
            }
        }
    }
}

#[test]
fn hostile_text_never_reaches_the_screen_and_ascii_is_ascii() {
    let settings = ConsoleSettings { ascii: true, ..ConsoleSettings::default() };
    for walk in WALKS {
        let mut driven = Driven::themed("dark", 160, 45);
        let screen = driven.keys(walk).screen();
        assert!(!screen.contains(['\u{1b}', '\u{202e}']), "{walk}");
        let mut driven = Driven::new(settings.clone(), 100, 30);
        let screen = driven.keys(walk).screen();
        assert!(screen.is_ascii(), "{walk}: {screen}");
    }
}

#[test]
fn too_small_says_what_it_needs() {
    let driven = Driven::themed("dark", 59, 16);
    assert_eq!(driven.screen().lines().next(), Some("needs 60×16, have 59×16"));
}

#[test]
fn an_alert_leads_to_its_rows_at_80_by_24() {
    let mut driven = Driven::themed("dark", 80, 24);
    insta::assert_snapshot!("alerts_80x24", driven.screen());
    driven.keys("j j enter");
    insta::assert_snapshot!("dlq_80x24", driven.screen());
}

#[test]
fn tree_and_rows_stand_side_by_side_at_160_by_45() {
    let mut driven = Driven::themed("dark", 160, 45);
    driven.keys("2 j j j");
    insta::assert_snapshot!("dlq_160x45", driven.screen());
}

#[test]
fn what_is_chosen_and_what_is_bad_differ_in_every_theme() {
    for theme in Theme::BUILT_IN {
        let mut driven = Driven::themed(theme, 80, 24);
        driven.keys("2 j j j");
        let picture = driven.picture();
        let lines: Vec<String> = text(&picture).lines().map(str::to_owned).collect();
        let style = |y: usize, x: u16| picture.cell(Position::new(x, y as u16)).map(Cell::style).unwrap_or_default();
        let chosen = lines.iter().position(|l| l.starts_with('▸')).unwrap_or_else(|| panic!("{theme}: {lines:#?}"));
        assert_ne!(style(chosen, 20), style(chosen + 1, 20), "{theme}");
        if theme == "mono" {
            assert!(style(chosen, 20).add_modifier.contains(Modifier::REVERSED));
        }
        let sign = |y: usize| lines.get(y).and_then(|l| l.chars().position(|c| c == '▲')).unwrap_or(0) as u16;
        let bad = (4..lines.len()).find(|y| *y != chosen && sign(*y) > 0).unwrap_or(0);
        assert_ne!(style(bad, sign(bad)), style(bad, 6), "{theme} {bad} {lines:#?}");
    }
}

#[test]
fn mono_bytes_hold_reverse_video_and_no_colour() -> io::Result<()> {
    let mut bytes = Vec::new();
    let driven = Driven::themed("mono", 80, 24);
    let backend = CrosstermBackend::new(&mut bytes);
    let options = ratatui::TerminalOptions { viewport: ratatui::Viewport::Fixed(driven.picture().area) };
    let mut terminal = Terminal::with_options(backend, options)?;
    terminal.draw(|frame| view::view(&driven.state, frame))?;
    drop(terminal);
    let sent = String::from_utf8_lossy(&bytes);
    assert!(sent.contains("\x1b[7m"));
    assert!(!sent.contains("\x1b[38;5") && !sent.contains("\x1b[48;5"));
    Ok(())
}

#[test]
fn a_reveal_asks_first_with_the_focus_on_no() {
    let mut driven = Driven::themed("dark", 120, 30);
    driven.keys("2 j j j tab");
    assert!(!driven.screen().contains("+41 79"), "{}", driven.screen());
    driven.keys("m enter");
    assert!(!driven.screen().contains("+41 79") && driven.asked.iter().all(|e| !matches!(e, Effect::Reveal { .. })));
    driven.keys("m y");
    assert!(matches!(driven.asked.last(), Some(Effect::Reveal { columns, .. }) if columns == &["phone"]));
    assert!(driven.screen().contains("+41 79"), "{}", driven.screen());
}

#[test]
fn commands_typed_work_like_keys() {
    let mut driven = Driven::themed("dark", 120, 30);
    driven.keys("2 j j j").type_in(":", "row 149");
    assert!(driven.screen().contains("of 150") && driven.screen().contains("C00148"), "{}", driven.screen());
    assert_eq!(driven.pages.last().map(|p| p.offset), Some(100));
    driven.type_in(":", "columns city,score");
    assert!(!driven.screen().contains("contact_id"));
    driven.type_in(":", "columns nope");
    assert!(driven.screen().contains("no column \"nope\""));
    driven.keys("esc").type_in(":", "frobnicate");
    assert!(driven.screen().contains("no command \"frobnicate\""));
    driven.type_in("/", "!crm");
    assert!(driven.screen().contains("filter hides 3 of 5"), "{}", driven.screen());
    driven.type_in(":", "theme mono");
    assert_eq!(driven.state.theme.name(), "mono");
}

#[test]
fn the_choice_survives_a_refresh_and_falls_back_to_the_nearest() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("2 j j");
    let chosen = driven.state.dlq.chosen.clone();
    driven.keys("space k ctrl-r");
    assert_eq!(driven.state.dlq.chosen, chosen);
    let mut smaller = super::fixture::snapshot();
    smaller.entries.retain(|e| &*e.path.0 != "_errors/crm/contacts/dt=2026-11-22/");
    let id = match driven.state.refresh().first() {
        Some(Effect::Refresh { id, .. }) => *id,
        _ => 0,
    };
    driven.send(Msg::Refreshed(id, smaller));
    assert_eq!(driven.state.dlq.entry(&driven.state).map(|e| &*e.dataset.0), Some("crm/contacts"));
    assert!(driven.state.dlq.marked.is_empty());
}

#[test]
fn rows_are_read_only_when_they_are_looked_at_and_only_columns_in_view() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("j R j R");
    assert_eq!(driven.pages.len(), 0);
    driven.keys("2");
    assert_eq!(driven.pages.iter().map(|p| (p.offset, p.limit)).collect::<Vec<_>>(), [(0, 100)]);
    // Down the rows of one page costs nothing; the next page is one request.
    driven.keys("tab j j j");
    assert_eq!(driven.pages.len(), 1);
    driven.keys("G");
    assert_eq!(driven.pages.iter().map(|p| p.offset).collect::<Vec<_>>(), [0, 100]);
}

#[test]
fn esc_cancels_what_loads_and_r_asks_again() {
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("2 j j j");
    // An open that nobody answers.
    let effects = super::update::update(
        &mut driven.state,
        Msg::Key(Key::parse("k").map(Into::into).unwrap_or_else(|e| panic!("{e}"))),
    );
    assert!(effects.iter().any(|e| matches!(e, Effect::Open { settle: true, .. })));
    assert!(driven.screen().contains("opening…"));
    driven.keys("esc");
    assert!(matches!(driven.asked.last(), Some(Effect::Cancel(super::msg::Job::Open))));
    assert!(driven.screen().contains("cancelled; ctrl-r opens it"));
    driven.keys("ctrl-r");
    assert!(driven.screen().contains("rows 1-"), "{}", driven.screen());
}

#[test]
fn a_failing_source_leaves_what_is_known_on_screen() {
    let mut driven = Driven::themed("dark", 100, 24);
    let id = match driven.state.refresh().first() {
        Some(Effect::Refresh { id, .. }) => *id,
        _ => 0,
    };
    let mut failed = crate::ops::Snapshot::default();
    let state = crate::ops::SourceState::Failed {
        class: ErrorClass::Denied,
        reason: "s3:ListBucket\n".into(),
        hint: "ask".into(),
    };
    failed.sources = vec![crate::ops::SourceHealth { state, ..crate::ops::SourceHealth::after("dlq", None, now()) }];
    driven.send(Msg::Refreshed(id, failed));
    driven.keys("esc 2");
    let screen = driven.screen();
    assert!(screen.contains("✗ dlq denied, last answer <10 s ago: s3:ListBucket\\n  ask"), "{screen}");
    assert!(screen.contains("crm/accounts") && screen.contains("stale"), "{screen}");
}

#[test]
fn a_stale_answer_changes_nothing() {
    let mut driven = Driven::themed("dark", 80, 24);
    let before = driven.screen();
    driven.send(Msg::Refreshed(0, crate::ops::Snapshot::default()));
    assert_eq!(driven.screen(), before);
}

/// A lake in which every request fails as if the network were gone.
#[derive(Debug)]
struct NoLake(Arc<Counters>);

impl NoLake {
    fn gone<T>(&self) -> Result<T, LakeError> {
        Err(LakeError::new(ErrorClass::Unreachable, "s3://none", "no route"))
    }
}

#[async_trait]
impl Lake for NoLake {
    fn url(&self) -> &str {
        "s3://none"
    }

    async fn list(&self, _: &ListRequest) -> Result<ListPage, LakeError> {
        self.gone()
    }

    async fn get(&self, _: &LakeKey, _: ByteRange, _: Option<&ETag>) -> Result<Fetched, LakeError> {
        self.gone()
    }

    async fn head(&self, _: &LakeKey) -> Result<ObjectMeta, LakeError> {
        self.gone()
    }

    async fn inspect(&self, _: &LakeKey) -> Result<ObjectDetail, LakeError> {
        self.gone()
    }

    async fn tags(&self, _: &LakeKey, _: Option<&str>) -> Result<Vec<(String, String)>, LakeError> {
        self.gone()
    }

    fn counters(&self) -> &Arc<Counters> {
        &self.0
    }
}

/// A backend that publishes each whole frame.
struct Watched {
    inner: TestBackend,
    frames: watch::Sender<String>,
}

impl Screen for Watched {
    fn begin_frame(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        let _ = self.frames.send(text(self.inner.buffer()));
        Ok(())
    }

    fn send(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Backend for Watched {
    type Error = <TestBackend as Backend>::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> Result<(), Self::Error> {
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> Result<(), Self::Error> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), Self::Error> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, Self::Error> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Self::Error> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), Self::Error> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), Self::Error> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> Result<Size, Self::Error> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, Self::Error> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.inner.flush()
    }
}

/// The whole program under a test: keys go in, frames come out.
struct Program {
    keys: mpsc::UnboundedSender<io::Result<Event>>,
    frames: watch::Receiver<String>,
    notices: mpsc::Sender<Notice>,
    end: tokio::task::JoinHandle<io::Result<App>>,
}

impl Program {
    fn start() -> Self {
        Self::start_moving(Moving::default())
    }

    /// Beside a move that runs already.
    fn start_moving(moving: Moving) -> Self {
        let session = Arc::new(Session::new(Arc::new(NoLake(Arc::default())), LakeSettings::default()));
        let (keys, typed) = mpsc::unbounded_channel();
        let input = Box::pin(stream::unfold(typed, |mut typed| async move { typed.recv().await.map(|e| (e, typed)) }));
        let (sender, frames) = watch::channel(String::new());
        let (notices, noticed) = mpsc::channel(4);
        let backend = Watched { inner: TestBackend::new(80, 24), frames: sender };
        let settings = ConsoleSettings { lake_url: "s3://none".into(), ..ConsoleSettings::default() };
        let end = tokio::spawn(run(session, settings, backend, input, noticed, moving, now));
        Self { keys, frames, notices, end }
    }

    fn press(&self, key: &str) {
        let key = Key::parse(key).unwrap_or_else(|e| panic!("{e}"));
        self.keys.send(Ok(Event::Key(key.into()))).unwrap_or_else(|e| panic!("{e}"));
    }

    /// Waits for a frame that holds this; ten seconds without one are a failure.
    async fn wait_for(&mut self, part: &str) {
        let found = tokio::time::timeout(Duration::from_secs(10), self.frames.wait_for(|f| f.contains(part))).await;
        let held = found.is_ok_and(|f| f.is_ok());
        assert!(held, "no frame held {part:?}; the last: {}", *self.frames.borrow());
    }

    async fn end(self) -> App {
        let end = tokio::time::timeout(Duration::from_secs(10), self.end).await;
        end.unwrap_or_else(|e| panic!("{e}")).unwrap_or_else(|e| panic!("{e}")).unwrap_or_else(|e| panic!("{e}"))
    }
}

#[tokio::test]
async fn the_loop_draws_answers_keys_and_ends() {
    let mut program = Program::start();
    program.wait_for("lakeward").await;
    program.press("2");
    program.wait_for("[2 DLQ").await;
    program.press("4");
    program.wait_for("no runs known, and a source fails").await;
    program.press("5");
    program.wait_for("no log is open").await;
    program.press("S");
    program.wait_for("last answer").await;
    program.press("esc");
    program.press("?");
    program.wait_for("Commands").await;
    program.press("esc");
    program.press("q");
    assert_eq!(program.end().await.reason(), ExitReason::Quit);
}

#[tokio::test]
async fn ctrl_c_a_signal_and_a_dead_terminal_end_it() {
    let program = Program::start();
    program.press("ctrl-c");
    assert_eq!(program.end().await.reason().exit_code(), 130);
    let program = Program::start();
    let sent = program.notices.send(Notice::End(ExitReason::Signal(15))).await;
    assert!(sent.is_ok());
    assert_eq!(program.end().await.reason().exit_code(), 143);
    let program = Program::start();
    let sent = program.keys.send(Err(io::ErrorKind::BrokenPipe.into()));
    assert!(sent.is_ok());
    assert_eq!(program.end().await.reason(), ExitReason::TerminalLost);
}

#[tokio::test]
async fn the_end_asks_a_running_move_to_stop_and_waits_for_its_boundary() {
    for end in ["q", "ctrl-c"] {
        let (moving, asked) = (Moving::default(), crate::ops::Watch::default());
        let runs = moving.begin(MOVE, asked.clone(), BOUNDARY);
        let program = Program::start_moving(moving.clone());
        program.press(end);
        while !asked.is_stopped() {
            tokio::task::yield_now().await;
        }
        assert!(!program.end.is_finished(), "it waits");
        drop(runs);
        program.end().await;
    }
}

#[test]
fn a_profile_says_what_is_odd_first_and_masks_personal_columns() {
    use crate::model::column::{Column, ColumnProfile};
    let profile = |name: &str, oddness: f64, odd: Option<&str>| ColumnProfile {
        column: Column { name: name.into(), kind: "string".into(), nullable: true },
        rows: 150,
        nulls: 50,
        distinct: 1,
        distinct_capped: false,
        min: "+41 79".into(),
        max: "+41 80".into(),
        top: vec![("+41 79".into(), 100)],
        oddness,
        odd: odd.map(str::to_owned),
    };
    let mut driven = Driven::themed("dark", 80, 24);
    driven.keys("2 j j j tab");
    let effects = super::update::update(
        &mut driven.state,
        Msg::Key(Key::parse("p").map(Into::into).unwrap_or_else(|e| panic!("{e}"))),
    );
    let Some(Effect::Profile { id, .. }) = effects.first() else { panic!("{effects:?}") };
    driven.send(Msg::Profiled(*id, Ok(vec![profile("city", 0.1, None), profile("phone", 0.9, Some("one value"))])));
    let screen = driven.screen();
    let at = |part: &str| screen.lines().position(|l| l.contains(part));
    assert!(at("phone              one value") < at("city"), "{screen}");
    let phone = screen.lines().find(|l| l.contains("phone")).unwrap_or_default();
    assert!(!phone.contains("79"), "{screen}");
    driven.type_in(":", "sort name");
    let screen = driven.screen();
    assert!(
        screen.lines().position(|l| l.contains("city")) < screen.lines().position(|l| l.contains("phone")),
        "{screen}"
    );
}
