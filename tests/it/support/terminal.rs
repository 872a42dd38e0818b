//! The program in a real pseudo-terminal: keys in, the screen out, bytes counted. Shared by tests and benches.

use std::io::{Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};

/// Nothing that a test waits for takes longer, short of never coming.
pub const PATIENCE: Duration = Duration::from_secs(120);

struct Shown {
    parser: vt100::Parser,
    bytes: u64,
    ended: bool,
}

/// A running program and its screen.
pub struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    started: Instant,
}

impl Terminal {
    /// Starts `program` on a terminal of this size, with a plain environment and `envs` on top.
    pub fn start(program: &str, args: &[&str], envs: &[(&str, &str)], rows: u16, columns: u16) -> Self {
        let (pty, pts) = open().expect("a pseudo-terminal");
        pty.resize(Size::new(rows, columns)).expect("a size");
        let mut command = Command::new(program).args(args).env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        for name in ["NO_COLOR", "TMUX", "AWS_PROFILE", "AWS_CA_BUNDLE", "COLORTERM"] {
            command = command.env_remove(name);
        }
        let started = Instant::now();
        let child = command.envs(envs.iter().copied()).spawn(pts).expect("the program starts");
        let pty = Arc::new(pty);
        let shown = Arc::new((
            Mutex::new(Shown { parser: vt100::Parser::new(rows, columns, 0), bytes: 0, ended: false }),
            Condvar::new(),
        ));
        let (reader, screen) = (Arc::clone(&pty), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            loop {
                let read = (&*reader).read(&mut buffer);
                let mut shown = screen.0.lock().expect("the screen");
                match read {
                    Ok(n) if n > 0 => {
                        shown.parser.process(&buffer[..n]);
                        shown.bytes += n as u64;
                    }
                    _ => shown.ended = true,
                }
                screen.1.notify_all();
                if shown.ended {
                    return;
                }
            }
        });
        Self { pty, child, shown, started }
    }

    /// Types.
    pub fn keys(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Changes the size, as a window does. The emulator is never smaller than two by two: with a single row or column
    /// vt100 0.16 panics (`prev_pos.row -= scrolled` in `col_wrap`) when a line drawn for the old size wraps.
    pub fn resize(&self, rows: u16, columns: u16) {
        let mut shown = self.shown.0.lock().expect("the screen");
        shown.parser.screen_mut().set_size(rows.max(2), columns.max(2));
        drop(shown);
        self.pty.resize(Size::new(rows, columns)).expect("a size");
    }

    /// Waits until the screen satisfies `wanted`, and says how long after the start (or panics with the screen).
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) -> Duration {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = self.shown.0.lock().expect("the screen");
        loop {
            if wanted(shown.parser.screen()) {
                return self.started.elapsed();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !shown.ended, "no {what} on the screen:\n{}", shown.parser.screen().contents());
            shown = self.shown.1.wait_timeout(shown, left).expect("the screen").0;
        }
    }

    /// Waits for a text.
    pub fn wait_for(&self, text: &str) -> Duration {
        self.wait_until(text, |screen| screen.contents().contains(text))
    }

    /// The screen as text.
    pub fn text(&self) -> String {
        self.shown.0.lock().expect("the screen").parser.screen().contents()
    }

    /// Whether the alternate screen is on.
    pub fn alternate(&self) -> bool {
        self.shown.0.lock().expect("the screen").parser.screen().alternate_screen()
    }

    /// Bytes written to the terminal so far.
    #[allow(dead_code, reason = "the bench reads it")]
    pub fn bytes(&self) -> u64 {
        self.shown.0.lock().expect("the screen").bytes
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name (`TERM`, `HUP`).
    pub fn signal(&self, name: &str) {
        let done = std::process::Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(done.expect("kill runs").success(), "signal {name}");
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = self.shown.0.lock().expect("the screen");
        while !shown.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the program does not end:\n{}", shown.parser.screen().contents());
            shown = self.shown.1.wait_timeout(shown, left).expect("the screen").0;
        }
        drop(shown);
        self.child.wait().expect("the program's end")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
