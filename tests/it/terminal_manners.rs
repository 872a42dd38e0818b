//! The program in a real terminal: it leaves a sane one behind, however it ends.

use std::io::Read;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, open};

use crate::support::program::{LAKEWARD, environment, lakeward};
use crate::support::terminal::Terminal;

/// How long an end may take: a dropped session must not leave an orphan.
const END: Duration = Duration::from_secs(5);

struct Demo {
    home: tempfile::TempDir,
}

impl Demo {
    fn new() -> Self {
        let demo = Self { home: tempfile::tempdir().expect("a home") };
        let run = lakeward(&["demo", "--write", &demo.lake()]);
        assert_eq!(run.code, 0, "{run:?}");
        demo
    }

    fn lake(&self) -> String {
        self.home.path().join("demo").display().to_string()
    }

    fn open(&self, rows: u16, columns: u16) -> Terminal {
        self.start(LAKEWARD, &["--lake", &self.lake()], &[], rows, columns)
    }

    fn start(&self, program: &str, arguments: &[&str], more: &[(&str, &str)], rows: u16, columns: u16) -> Terminal {
        let environment = environment(self.home.path());
        let envs = environment.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let envs: Vec<(&str, &str)> = envs.chain(more.iter().copied()).collect();
        Terminal::start(program, arguments, &envs, rows, columns)
    }
}

#[test]
fn quit_leaves_the_alternate_screen_and_exits_0() {
    let demo = Demo::new();
    let mut terminal = demo.open(24, 80);
    terminal.wait_for("1,200 rej");
    assert!(terminal.alternate());
    terminal.keys("q");
    assert_eq!(terminal.wait().code(), Some(0));
    assert!(!terminal.alternate());
}

#[test]
fn ctrl_c_is_an_interrupt() {
    let demo = Demo::new();
    let mut terminal = demo.open(24, 80);
    terminal.wait_for("1,200 rej");
    terminal.keys("\x03");
    assert_eq!(terminal.wait().code(), Some(130));
    assert!(!terminal.alternate());
}

#[test]
fn sigterm_restores_the_terminal_and_ends_soon() {
    let demo = Demo::new();
    let mut terminal = demo.open(24, 80);
    terminal.wait_for("1,200 rej");
    let asked = Instant::now();
    terminal.signal("TERM");
    terminal.wait();
    assert!(asked.elapsed() < END);
    assert!(!terminal.alternate());
}

#[test]
fn a_fault_in_a_task_gives_the_terminal_back_and_says_what_it_was() {
    let demo = Demo::new();
    let mut terminal = demo.start(LAKEWARD, &["--lake", &demo.lake()], &[("LAKEWARD_TEST_PANIC", "1")], 24, 80);
    let asked = Instant::now();
    terminal.wait_for("LAKEWARD_TEST_PANIC is set");
    assert_eq!(terminal.wait().code(), Some(101));
    assert!(asked.elapsed() < END);
    assert!(!terminal.alternate());
}

#[test]
fn ctrl_z_gives_the_shell_its_terminal_and_fg_takes_it_again() {
    let demo = Demo::new();
    let mut shell = demo.start("bash", &["--norc", "--noprofile", "-i"], &[], 24, 80);
    shell.keys(&format!("exec 2>&1; {LAKEWARD} --lake {}\n", demo.lake()));
    shell.wait_until("the console", |screen| screen.alternate_screen() && screen.contents().contains("crm/contacts"));
    shell.keys("\x1a");
    shell.wait_until("the shell", |screen| !screen.alternate_screen() && screen.contents().contains("Stopped"));
    shell.keys("echo still-$((40+2))\n");
    shell.wait_for("still-42");
    shell.keys("fg\n");
    shell.wait_until("the console", |screen| screen.alternate_screen() && screen.contents().contains("crm/contacts"));
    shell.keys("q");
    shell.wait_until("the shell", |screen| !screen.alternate_screen());
    shell.keys("exit\n");
    assert_eq!(shell.wait().code(), Some(0));
}

#[test]
fn idle_for_ten_seconds_it_writes_under_a_kilobyte() {
    let demo = Demo::new();
    let mut terminal = demo.open(24, 80);
    terminal.wait_for("1,200 rej");
    std::thread::sleep(Duration::from_secs(2)); // the first refresh ends
    let before = terminal.bytes();
    std::thread::sleep(Duration::from_secs(10));
    let written = terminal.bytes() - before;
    assert!(written < 1_024, "{written} bytes");
    terminal.keys("q");
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn a_dropped_session_leaves_no_orphan() {
    let demo = Demo::new();
    let (pty, pts) = open().expect("a pseudo-terminal");
    pty.resize(Size::new(24, 80)).expect("a size");
    let mut child = Command::new(LAKEWARD)
        .args(["--lake", &demo.lake()])
        .env("TERM", "xterm-256color")
        .envs(environment(demo.home.path()))
        .spawn(pts)
        .expect("the program starts");
    (&pty).read_exact(&mut [0; 512]).expect("a first frame");
    drop(pty); // the line goes dead: SIGHUP, and every read of the terminal fails
    let deadline = Instant::now() + END;
    loop {
        if child.try_wait().expect("a state").is_some() {
            return;
        }
        if Instant::now() > deadline {
            child.kill().ok();
            panic!("an orphan is left");
        }
        std::thread::yield_now();
    }
}

#[test]
fn every_size_is_survived_and_a_small_one_says_so() {
    let demo = Demo::new();
    let terminal = demo.open(24, 80);
    terminal.wait_for("1,200 rej");
    for (rows, columns) in [(1, 1), (2, 200), (15, 59), (200, 3)] {
        terminal.resize(rows, columns);
    }
    terminal.resize(10, 50);
    terminal.wait_for("60×16");
    terminal.resize(45, 160);
    terminal.wait_for("1,200 rej");
}

#[test]
fn without_a_terminal_or_with_a_dumb_one_it_says_so_and_exits_2() {
    let demo = Demo::new();
    let run = lakeward(&["--lake", &demo.lake()]);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{run:?}");
    let environment = environment(demo.home.path());
    let mut envs: Vec<(&str, &str)> = environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    envs.push(("TERM", "dumb"));
    let mut terminal = Terminal::start(LAKEWARD, &["--lake", &demo.lake()], &envs, 24, 80);
    assert_eq!(terminal.wait().code(), Some(2), "{}", terminal.text());
    assert!(!terminal.alternate());
}
