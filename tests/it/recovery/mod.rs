//! Redrives and backfills by the real program on a folder: what they write, what they refuse, and what is left of them
//! when their process is killed; on the command line, and in the console.

mod backfill;
pub mod demo;
mod killed;
mod redrive;
mod remote;
mod stories;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::program::{LAKEWARD, Run, environment};
use crate::support::terminal::Terminal;

/// A lake, and a machine that works on it: its journals lie in a home of its own.
pub struct Place {
    pub lake: tempfile::TempDir,
    pub home: tempfile::TempDir,
}

impl Place {
    pub fn new(settings: &str) -> Self {
        let lake = tempfile::tempdir().unwrap();
        fs::write(lake.path().join("lakeward.toml"), settings).unwrap();
        Self { lake, home: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, key: &str) -> std::path::PathBuf {
        self.lake.path().join(key)
    }

    pub fn write(&self, key: &str, text: &str) {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, key: &str) -> String {
        fs::read_to_string(self.path(key)).unwrap_or_default()
    }

    /// A dead letter with two rows.
    pub fn entry(&self, dataset: &str, date: &str) {
        let entry = format!("_errors/{dataset}/dt={date}");
        self.write(&format!("{entry}/rejected_rows.json"), "{\"id\":1}\n{\"id\":2}\n");
        self.write(&format!("{entry}/error_reasons.json"), r#"{"error_type":"x","error_message":"y","row_count":2}"#);
        self.write(&format!("{entry}/_SUCCESS"), "");
    }

    pub fn command(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(LAKEWARD);
        command.args(["--lake", self.lake.path().to_str().unwrap()]).args(arguments);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(environment(home));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_as(self.home.path(), arguments)
    }

    /// The same from another machine, as far as journals go.
    pub fn run_as(&self, home: &Path, arguments: &[&str]) -> Run {
        let output = self.command(home, arguments).output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(self.home.path(), arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The console on it, its lake read.
    pub fn console(&self) -> Terminal {
        let envs = environment(self.home.path());
        let envs: Vec<(&str, &str)> = envs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let terminal = Terminal::start(LAKEWARD, &["--lake", self.lake.path().to_str().unwrap()], &envs, 50, 200);
        terminal.wait_until("the end of its first look", |screen| {
            let text = screen.contents();
            text.contains("[1 Alerts") && text.lines().next().is_some_and(|header| header.contains(" ago "))
        });
        terminal
    }

    /// How often a word stands in the file in which commands note that they began.
    pub fn began(&self, word: &str) -> usize {
        self.read("began.txt").lines().filter(|line| *line == word).count()
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(90);
        while !is(self) {
            assert!(Instant::now() < end, "never: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
