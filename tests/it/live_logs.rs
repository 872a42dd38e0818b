//! Following a log by a live tail, from the command line and in a real terminal: each line once, in whichever way it
//! comes, and asking again and again wherever there is no live tail, or no longer.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::json;

use crate::support::fake_aws::emr::{Emr, Run};
use crate::support::fake_aws::events::Events;
use crate::support::fake_aws::live_tail::{LiveTail, update};
use crate::support::fake_aws::{Account, FakeAws, refusal};
use crate::support::http_server::Answer;
use crate::support::program::{LAKEWARD, environment};
use crate::support::terminal::{PATIENCE, Terminal};

const STREAM: &str = "/applications/00app1/jobs/r1/SPARK_DRIVER/stdout";

type Event = (String, i64, String);

/// An event of so many milliseconds after the first.
fn event(after: i64, message: &str) -> Event {
    (STREAM.to_owned(), Utc::now().timestamp_millis() / 60_000 * 60_000 + after, message.to_owned())
}

fn fake(events: &[Event], tails: impl IntoIterator<Item = Answer>) -> FakeAws {
    let tails = tails.into_iter().collect();
    let events = Events { events: events.to_vec(), page: 10_000, tails, ..Events::default() };
    FakeAws::start(Account { events, ..Account::default() })
}

fn config(folder: &Path, fake: &FakeAws) -> String {
    let lake = folder.join("lake");
    std::fs::create_dir_all(&lake).unwrap();
    let config = format!(
        "[environments.p]\nkind = \"local\"\nlake = \"{}\"\n[emr]\nendpoint_url = \"{}\"\n",
        lake.display(),
        fake.url()
    );
    let file = folder.join("config.toml");
    std::fs::write(&file, config).unwrap();
    file.display().to_string()
}

/// The command, and what it prints. Ended with the test.
struct Following {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    _home: tempfile::TempDir,
}

fn lines_of(end: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(end).lines().map_while(Result::ok) {
            sender.send(line).unwrap_or_default();
        }
    });
    lines
}

impl Following {
    fn start(fake: &FakeAws, more: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = config(home.path(), fake);
        let place = "cloudwatch:/aws/emr-serverless#/applications/00app1/jobs/r1";
        let mut command = Command::new(LAKEWARD);
        command.args(["--config", &config, "--env", "p", "logs", "show", place, "--follow"]).args(more);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(environment(home.path()));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (lines_of(child.stdout.take().unwrap()), lines_of(child.stderr.take().unwrap()));
        Self { child, out, err, _home: home }
    }

    /// The next lines that are printed, without their times.
    fn printed(&self, count: usize) -> Vec<String> {
        let next = || {
            self.out.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{:?}", self.err.try_iter().collect::<Vec<_>>()))
        };
        let text = |line: String| line.split_once("Z ").map_or(line.clone(), |(_, text)| text.to_owned());
        (0..count).map(|_| text(next())).collect()
    }

    fn complaint(&self) -> String {
        self.err.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

fn until(what: &str, is: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn from_what_is_there_to_the_live_tail_and_back_no_line_is_lost_or_doubled() {
    there_and_back(|tail| tail.fail("SessionTimeoutException"), "three hours are over");
}

#[test]
fn so_it_is_where_a_live_tail_breaks() {
    there_and_back(
        |tail| {
            tail.send(update(&[event(6, "in the second gap")], false)[..50].to_vec());
            tail.cut();
        },
        "broke off",
    );
    // On a connection that stays open: the frame that its first bytes speak of never comes.
    there_and_back(|tail| tail.send(b"<html>502 Bad Gateway</html>".to_vec()), "nothing readable came");
}

fn there_and_back(end: impl Fn(&LiveTail), why: &str) {
    let (tail, answer) = LiveTail::new();
    let fake = fake(&[event(0, "loaded 1"), event(1, "loaded 2")], [answer]);
    let write = |events: &[Event]| fake.account().events.events.extend_from_slice(events);
    let following = Following::start(&fake, &["--live"]);
    assert_eq!(following.printed(2), ["loaded 1", "loaded 2"]);
    until("a live tail", || !fake.asked("startlivetail").is_empty());
    // Written after the reading and before the session.
    write(&[event(2, "in the gap")]);
    tail.begin();
    assert_eq!(following.printed(1), ["in the gap"]);
    // Live, and twice the same words at the same moment.
    let live = [event(3, "live 1"), event(4, "same"), event(4, "same"), event(5, "evil \x1b[2J \u{202e}")];
    write(&live);
    tail.tell(&live, false);
    assert_eq!(following.printed(4), ["live 1", "same", "same", "evil \\x1b[2J \\u{202e}"]);
    // Written while it ends: only reading finds it, among all that was live.
    write(&[event(4, "same"), event(6, "in the second gap")]);
    end(&tail);
    assert_eq!(following.printed(2), ["same", "in the second gap"]);
    let told = following.complaint();
    assert!(told.contains("no live tail, polling") && told.contains(why), "{told}");
    let looks = fake.asked("filterlogevents").len();
    write(&[event(7, "polled")]);
    assert_eq!(following.printed(1), ["polled"]);
    until("more looks", || fake.asked("filterlogevents").len() > looks + 2);
    assert_eq!(following.out.try_iter().count(), 0, "nothing comes twice");
    assert_eq!(fake.asked("startlivetail").len(), 1, "it is not begun again by itself");
}

#[test]
fn without_a_live_tail_lines_are_asked_for_and_it_says_why() {
    let fake = fake(&[event(0, "loaded")], []);
    fake.fail("startlivetail", refusal(400, "AccessDeniedException"), usize::MAX);
    let following = Following::start(&fake, &["--live"]);
    assert_eq!(following.printed(1), ["loaded"]);
    let told = following.complaint();
    assert!(told.contains("denied") && told.contains("logs:StartLiveTail is needed"), "{told}");
    fake.account().events.events.push(event(1, "polled"));
    assert_eq!(following.printed(1), ["polled"]);
}

#[test]
fn what_a_live_tail_leaves_out_is_told_and_read() {
    let (tail, answer) = LiveTail::new();
    let fake = fake(&[event(0, "loaded")], [answer]);
    let following = Following::start(&fake, &["--live"]);
    assert_eq!(following.printed(1), ["loaded"]);
    tail.begin();
    until("a look for what the session missed", || fake.asked("filterlogevents").len() >= 2);
    let all: Vec<Event> = (1..=2_000).map(|n| event(n, &format!("line {n}"))).collect();
    fake.account().events.events.extend_from_slice(&all);
    let sample: Vec<Event> = all.iter().step_by(4).cloned().collect();
    tail.tell(&sample, true);
    let mut printed = following.printed(2_000);
    let told = following.complaint();
    assert!(told.contains("over 500 lines a second"), "{told}");
    printed.sort();
    let mut expected: Vec<String> = all.into_iter().map(|(.., text)| text).collect();
    expected.sort();
    assert_eq!(printed, expected);
}

#[test]
fn a_live_tail_has_to_be_wanted_and_followed() {
    let fake = fake(&[event(0, "loaded")], []);
    let following = Following::start(&fake, &[]);
    assert_eq!(following.printed(1), ["loaded"]);
    until("a second look", || fake.asked("filterlogevents").len() >= 2);
    assert_eq!(fake.asked("startlivetail").len(), 0, "it is billed");
    let run = crate::support::program::lakeward(&["logs", "show", "cloudwatch:/a", "--live"]);
    assert!(run.code == 2 && run.err.contains("--follow"), "{run:?}");
}

/// The console on a run whose log lies in CloudWatch.
fn console(fake: &FakeAws, home: &Path) -> Terminal {
    let logging = json!({ "enabled": true });
    let monitoring = json!({ "cloudWatchLoggingConfiguration": logging, "managedPersistenceMonitoringConfiguration": { "enabled": false } });
    let mut run = Run::new("r1", "prod-silver_orders", "RUNNING", Utc::now() - chrono::Duration::minutes(5));
    run.more = json!({ "configurationOverrides": { "monitoringConfiguration": monitoring } });
    fake.account().emr = Emr::of(vec![run]);
    let config = config(home, fake);
    let environment = environment(home);
    let envs: Vec<(&str, &str)> = environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    Terminal::start(LAKEWARD, &["--config", &config, "--env", "p"], &envs, 24, 100)
}

#[test]
fn in_the_console_it_is_turned_on_and_off_and_what_nobody_hears_of_holds_no_key() {
    let (tail, answer) = LiveTail::new();
    let (mute, silent) = LiveTail::new();
    let fake = fake(&[event(0, "loaded")], [answer, silent]);
    let home = tempfile::tempdir().unwrap();
    let mut terminal = console(&fake, home.path());
    terminal.keys("4");
    terminal.wait_for("r1");
    terminal.keys("/r1\rl");
    terminal.wait_for("loaded");
    terminal.wait_for("following");
    assert_eq!(fake.asked("startlivetail").len(), 0);
    terminal.keys("L");
    terminal.wait_for("live…");
    tail.begin();
    terminal.wait_for("● live");
    tail.tell(&[event(1, "as it is written \x1b[2J\u{202e}")], false);
    terminal.wait_for("as it is written \\x1b[2J\\u{202e}");
    tail.tell(&[event(2, "one of many")], true);
    terminal.wait_for("! lines left out");
    terminal.keys("L");
    terminal.wait_for("the live tail is over");
    terminal.wait_for("following");
    until("a closed connection", || tail.is_closed());
    // One that is taken and never begins: all other keys work, and L ends it.
    terminal.keys("L");
    until("a second session", || fake.asked("startlivetail").len() == 2);
    terminal.keys("k");
    terminal.wait_for("paused");
    terminal.keys("G1");
    terminal.wait_for("Alerts");
    terminal.keys("5");
    terminal.wait_for("live…");
    terminal.keys("L");
    until("another closed connection", || mute.is_closed());
    terminal.keys("q");
    assert_eq!(terminal.wait().code(), Some(0));
}
