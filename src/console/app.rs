//! The loop: input, answers and time come in; the state changes; a frame is drawn if the picture changed.
//! Backend, input and clock are parameters, and the app is given back: a test drives the whole program.

use std::future::poll_fn;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, Utc};
use crossterm::event::Event;
use futures::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::ops::Session;

use super::executor::Executor;
use super::moving::Moving;
use super::msg::{Effect, ExitReason, Msg};
use super::state::State;
use super::update::update;
use super::{ConsoleSettings, clipboard, view};

/// What comes of itself makes at most one frame in this time; a key is answered at once.
const FRAME: Duration = Duration::from_millis(8);
/// Answers that may wait; more make the executor wait.
const ANSWERS: usize = 64;

/// A backend, and what the console needs of a terminal beside drawing.
pub trait Screen: Backend {
    /// A frame begins: what follows is shown at once.
    fn begin_frame(&mut self) -> io::Result<()>;
    /// The frame is whole.
    fn end_frame(&mut self) -> io::Result<()>;
    /// Writes a control sequence as it is.
    fn send(&mut self, sequence: &str) -> io::Result<()>;
    /// Gives the terminal back to the shell, stops the process, and takes the terminal when it is continued.
    fn suspend(&mut self) -> io::Result<()>;
}

/// What comes in from outside of the loop beside keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Stop as the shell asks.
    Suspend,
    /// The process was continued: the screen is someone else's, draw it all.
    Continued,
    /// End.
    End(ExitReason),
}

/// The console after its end.
#[derive(Debug)]
pub struct App {
    state: State,
    reason: ExitReason,
    frames: u64,
}

impl App {
    /// Why it ended.
    pub fn reason(&self) -> ExitReason {
        self.reason
    }

    /// The last message on the last line, if one stands there.
    pub fn said(&self) -> Option<&str> {
        self.state.flash.as_ref().map(|note| note.text.as_str())
    }

    /// Frames drawn.
    pub fn frames(&self) -> u64 {
        self.frames
    }
}

/// Runs the console until it ends. The first frame is drawn before anything is read or waited for. However it
/// ends, a move that runs is asked to stop and has a moment to reach a boundary; `moving` tells others of it.
pub async fn run<B, I, C>(
    session: Arc<Session>,
    settings: ConsoleSettings,
    backend: B,
    input: I,
    notices: mpsc::Receiver<Notice>,
    moving: Moving,
    clock: C,
) -> io::Result<App>
where
    B: Screen,
    B::Error: Send + Sync + 'static,
    I: Stream<Item = io::Result<Event>>,
    C: Fn() -> DateTime<Utc> + Clone,
{
    // Never dropped: its drop prints to stderr where the terminal is gone, and printing there panics.
    let mut terminal = ManuallyDrop::new(Terminal::new(backend).map_err(io::Error::other)?);
    let size = terminal.size().map_err(io::Error::other)?;
    let (state, effects) = State::new(settings, clock(), size.width, size.height);
    let mut running = Loop { terminal: &mut terminal, state, shown: None, frames: 0 };
    running.draw()?;
    let ended = running.turn(session, effects, input, notices, &moving, clock).await;
    moving.stop();
    moving.settled().await;
    let reason = ended?;
    Ok(App { state: running.state, reason, frames: running.frames })
}

struct Loop<'t, B: Screen> {
    terminal: &'t mut Terminal<B>,
    state: State,
    /// The picture on the terminal; none if it is not known.
    shown: Option<Buffer>,
    frames: u64,
}

impl<B: Screen> Loop<'_, B>
where
    B::Error: Send + Sync + 'static,
{
    /// Draws if the picture changed. Idle, the terminal gets no byte.
    fn draw(&mut self) -> io::Result<bool> {
        let picture = view::picture(&self.state);
        if self.shown.as_ref() == Some(&picture) {
            update(&mut self.state, Msg::Drawn);
            return Ok(false);
        }
        self.terminal.backend_mut().begin_frame()?;
        self.terminal.draw(|frame| view::present(&picture, frame)).map_err(io::Error::other)?;
        self.terminal.backend_mut().end_frame()?;
        self.shown = Some(picture);
        self.frames += 1;
        // What is typed from now on may answer what is shown.
        update(&mut self.state, Msg::Drawn);
        Ok(true)
    }

    async fn turn<I, C>(
        &mut self,
        session: Arc<Session>,
        first: Vec<Effect>,
        input: I,
        mut notices: mpsc::Receiver<Notice>,
        moving: &Moving,
        clock: C,
    ) -> io::Result<ExitReason>
    where
        I: Stream<Item = io::Result<Event>>,
        C: Fn() -> DateTime<Utc> + Clone,
    {
        let (answers, mut answered) = mpsc::channel(ANSWERS);
        let mut executor = Executor::new(session, answers, moving.clone(), clock.clone());
        let mut input = std::pin::pin!(input);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut frame_due: Option<Instant> = None;
        let mut last_frame = Instant::now();
        let mut effects = first;
        loop {
            for effect in std::mem::take(&mut effects) {
                if let Some(reason) = self.perform(&mut executor, effect)? {
                    return Ok(reason);
                }
            }
            let frame_at = frame_due.unwrap_or_else(|| Instant::now() + FRAME);
            let mut messages = Vec::new();
            tokio::select! {
                biased;
                notice = notices.recv(), if !notices.is_closed() => match notice {
                    Some(Notice::End(reason)) => return Ok(reason),
                    Some(Notice::Suspend) => effects.push(Effect::Suspend),
                    Some(Notice::Continued) => self.redraw()?,
                    None => {}
                },
                event = input.next() => match event {
                    Some(Ok(event)) => messages.extend(message(event)),
                    // A terminal that cannot be read is gone; its thread may spin, so nothing is waited for.
                    Some(Err(_)) | None => return Ok(ExitReason::TerminalLost),
                },
                Some(answer) = answered.recv() => messages.push(answer),
                _ = second.tick() => {}
                () = tokio::time::sleep_until(frame_at), if frame_due.is_some() => {
                    frame_due = None;
                    self.draw()?;
                    last_frame = Instant::now();
                }
            }
            // All that waits is taken before a frame is drawn, keys first.
            // With this task's own waker: one that wakes nobody would stay with the input until the next key, which would
            // then wait for whatever happens next.
            while let Poll::Ready(Some(Ok(event))) = poll_fn(|cx| Poll::Ready(input.as_mut().poll_next(cx))).await {
                messages.extend(message(event));
            }
            while let Ok(answer) = answered.try_recv() {
                messages.push(answer);
            }
            messages.insert(0, Msg::Tick(clock()));
            let typed = messages.iter().any(|m| matches!(m, Msg::Key(_) | Msg::Paste(_)));
            let resized = messages.iter().any(|m| matches!(m, Msg::Resize(..)));
            for message in messages {
                effects.extend(update(&mut self.state, message));
            }
            if resized {
                // Terminals move text about while they are resized, so what stands there is not known.
                self.redraw()?;
            }
            // A key is answered at once: the runtime's timers may be late where all that reads is busy.
            if typed || (frame_due.is_none() && last_frame.elapsed() >= FRAME) {
                frame_due = None;
                if self.draw()? {
                    last_frame = Instant::now();
                }
            } else if frame_due.is_none() {
                frame_due = Some(last_frame + FRAME);
            }
        }
    }

    fn perform<C: Fn() -> DateTime<Utc>>(
        &mut self,
        executor: &mut Executor<C>,
        effect: Effect,
    ) -> io::Result<Option<ExitReason>> {
        match executor.run(effect) {
            Some(Effect::Quit(reason)) => return Ok(Some(reason)),
            Some(Effect::Suspend) => {
                self.terminal.backend_mut().suspend()?;
                self.redraw()?;
            }
            Some(Effect::Copy(text)) => {
                let sent = clipboard::sequence(&text, self.state.settings.osc52)
                    .and_then(|s| self.terminal.backend_mut().send(&s).map_err(|e| e.to_string()));
                update(&mut self.state, Msg::Copied(sent.map(|()| text.len())));
                self.draw()?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// Draws everything anew, at the size the terminal has now.
    fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size().map_err(io::Error::other)?;
        update(&mut self.state, Msg::Resize(size.width, size.height));
        // Not `clear`, which asks the terminal where its cursor is and waits for an answer that the input
        // stream takes away.
        self.terminal.resize(Rect::new(0, 0, size.width, size.height)).map_err(io::Error::other)?;
        self.shown = None;
        self.draw().map(drop)
    }
}

fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) => Some(Msg::Key(key)),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(width, height) => Some(Msg::Resize(width, height)),
        Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}
