//! The real terminal: taken, given back whatever happens, and left within a second when it is gone.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, EventStream};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode, window_size,
};
use crossterm::{cursor, execute, queue};
use ratatui::backend::CrosstermBackend;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;

use crate::ops::notify::{AT_THE_END, Standing};
use crate::ops::{BLOCKING_THREADS, Session};

use super::ConsoleSettings;
use super::app::{Notice, Screen, run};
use super::moving::Moving;
use super::msg::ExitReason;

/// From the signal to the end, at the latest, where no move runs: the loop may hang on a terminal that takes no
/// more bytes.
const LATEST: Duration = Duration::from_millis(700);
/// For tests, and in builds for them alone: a task of the console panics.
#[cfg(debug_assertions)]
const PANIC: &str = "LAKEWARD_TEST_PANIC";
/// How far behind.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Whether there is a terminal that the console can use; if not, why, in one line.
pub fn terminal_fit() -> Result<(), String> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err("the console needs a terminal; commands such as `lakeward alerts --json` do not".into());
    }
    match std::env::var("TERM") {
        Ok(term) if !term.is_empty() && term != "dumb" => Ok(()),
        Ok(term) => Err(format!("TERM={term:?} cannot place text on a screen; set TERM, or use `lakeward alerts`")),
        Err(_) => Err("TERM is not set; set it to what your terminal is (xterm-256color, tmux-256color)".into()),
    }
}

impl<W: Write> Screen for CrosstermBackend<W> {
    fn begin_frame(&mut self) -> io::Result<()> {
        queue!(self, BeginSynchronizedUpdate)
    }

    fn end_frame(&mut self) -> io::Result<()> {
        execute!(self, EndSynchronizedUpdate)
    }

    fn send(&mut self, sequence: &str) -> io::Result<()> {
        self.write_all(sequence.as_bytes())?;
        Write::flush(self)
    }

    fn suspend(&mut self) -> io::Result<()> {
        leave();
        signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
        enter()
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    // One that was killed here may have left its picture on that screen.
    execute!(io::stdout(), EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste, cursor::Hide)
}

/// Gives the terminal back, as far as it is still there.
fn leave() {
    // The mode first: it needs no room in a pipe that may be full.
    let _ = disable_raw_mode();
    let _ = execute!(io::stdout(), EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
}

/// Ends the process even if the loop, the event thread or the terminal hangs.
fn end_soon(reason: ExitReason, moving: Moving) {
    // Here too, and not in the loop alone: it may hang.
    moving.stop();
    thread::spawn(move || {
        thread::sleep(LATEST);
        let latest = Instant::now() + moving.boundary();
        while moving.runs() && Instant::now() < latest {
            thread::sleep(Duration::from_millis(20));
        }
        // Writing may block for ever, so it has a thread of its own and 100 ms.
        thread::spawn(leave);
        thread::sleep(Duration::from_millis(100));
        std::process::exit(reason.exit_code());
    });
}

fn watch_signals(notices: mpsc::Sender<Notice>, moving: Moving) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            let notice = match signal {
                SIGTSTP => Notice::Suspend,
                SIGCONT => Notice::Continued,
                SIGINT => Notice::End(ExitReason::Interrupted),
                other => Notice::End(ExitReason::Signal(other)),
            };
            if let Notice::End(reason) = notice {
                end_soon(reason, moving.clone());
            }
            if notice == Notice::Continued {
                // Stopped without being asked (SIGSTOP), the shell took the terminal back. Crossterm believes
                // that it is raw still, and would do nothing.
                let _ = disable_raw_mode();
                let _ = enter();
            }
            let _ = notices.try_send(notice);
        }
    })?;
    Ok(())
}

/// A terminal can go without a signal (its leader ignores SIGHUP). Then the event thread spins and never says
/// so: <https://github.com/crossterm-rs/crossterm/issues/793>. Asking for the size needs no byte.
fn watch_terminal(notices: mpsc::Sender<Notice>, moving: Moving) -> io::Result<()> {
    if window_size().is_err() {
        return Ok(());
    }
    thread::Builder::new().name("terminal".into()).spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            if window_size().is_err() && window_size().is_err() {
                end_soon(ExitReason::TerminalLost, moving);
                let _ = notices.try_send(Notice::End(ExitReason::TerminalLost));
                return;
            }
        }
    })?;
    Ok(())
}

/// What reads and judges is never as urgent as a key, and on a small bastion both want the same core: the loop, on the
/// thread that began, is served first. Linux alone gives each thread a priority of its own.
fn behind_the_screen() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}

/// A fault of ours gives the terminal back and ends the console, on whatever thread it is: the loop would draw over the
/// message, and wait for ever for an answer that does not come. Decoders of files have a guard of their own.
fn end_on_panic(notices: mpsc::Sender<Notice>, moving: Moving) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        leave();
        before(info);
        end_soon(ExitReason::Panicked, moving.clone());
        let _ = notices.try_send(Notice::End(ExitReason::Panicked));
    }));
}

/// Runs the console on the real terminal until it ends, and gives the terminal back. Brings its own runtime:
/// call it from outside of one.
pub fn run_terminal(session: Arc<Session>, settings: ConsoleSettings) -> ExitReason {
    let end = on_terminal(session, settings);
    leave();
    end.unwrap_or(ExitReason::TerminalLost)
}

fn on_terminal(session: Arc<Session>, settings: ConsoleSettings) -> io::Result<ExitReason> {
    // Crossterm would drop our bold and reverse together with colours; mono has none to drop.
    crossterm::style::force_color_output(true);
    let (sender, notices) = mpsc::channel(8);
    let moving = Moving::default();
    end_on_panic(sender.clone(), moving.clone());
    enter()?;
    watch_signals(sender.clone(), moving.clone())?;
    watch_terminal(sender, moving.clone())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING_THREADS)
        .on_thread_start(behind_the_screen)
        .enable_all()
        .build()?;
    #[cfg(debug_assertions)]
    if std::env::var_os(PANIC).is_some() {
        runtime.spawn(async {
            tokio::time::sleep(LATEST).await;
            panic!("{PANIC} is set");
        });
    }
    let backend = CrosstermBackend::new(BufWriter::<Stdout>::new(io::stdout()));
    let gate = session.gate().cloned();
    let app = runtime.block_on(async {
        let app = run(session, settings, backend, EventStream::new(), notices, moving, chrono::Utc::now).await;
        leave();
        // Who moved data and left at once: people are told all the same, and Ctrl-C ends that too.
        if let Some(notifying) = gate.as_ref().and_then(|g| g.notifying()) {
            for line in notifying.settle(AT_THE_END).await.iter().filter_map(Standing::untold) {
                eprintln!("lakeward: {line}");
            }
        }
        app
    });
    // What still runs is not waited for.
    runtime.shutdown_background();
    app.map(|app| app.reason())
}
