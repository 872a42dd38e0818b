//! The five incidents of the demo, each recovered from its alert to its cleared alert by following its runbook in the
//! console alone: the built program in a real terminal, with keys. What
//! is done follows from what the screen says.

use std::time::Duration;

use chrono::{Days, NaiveDate};

use super::{Place, demo};
use crate::support::terminal::Terminal;

/// What is done with a step.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// It is looked at, and done whatever was seen.
    Look,
    /// It is checked, and passes.
    Check,
    /// It is done by hand.
    ByHand,
    /// The branch applies, or does not.
    Applies,
    NotApplicable,
    /// It is left out, or gone on without, for this reason.
    Skip(&'static str),
    Override(&'static str),
    /// Its action is planned, confirmed, and goes well: its word, and the line that is typed where it wants one.
    Act(&'static str, Typed),
}

/// What is typed where an action puts a line to be finished.
#[derive(Debug, Clone, Copy)]
enum Typed {
    /// No line is asked for.
    Nothing,
    /// It is right as it stands.
    AsItStands,
    /// More behind it.
    More(&'static str),
    /// A backfill that begins so many days earlier than the line says.
    DaysBefore(u64),
    /// The plan is refused for want of a note, which is given by this command.
    Note(&'static str),
}

use Does::{Act, Applies, ByHand, Check, Look, NotApplicable, Override, Skip};
use Typed::{AsItStands, DaysBefore, More, Note, Nothing};

type Steps = [(&'static str, Does)];

struct Story {
    place: Place,
    terminal: Terminal,
}

impl Story {
    fn begin() -> Self {
        let place = demo::demo();
        let terminal = place.console();
        Self { place, terminal }
    }

    fn keys(&self, keys: &str) {
        self.terminal.keys(keys);
    }

    /// An escape that another key follows at once would be that key with Alt.
    fn escape(&self) {
        self.keys("\x1b");
        std::thread::sleep(Duration::from_millis(300));
    }

    /// Walks the runbook that fits the alert of this summary best, to its end.
    fn walk(&self, alert: &str, runbook: &str, steps: &Steps) {
        self.keys(&format!("1/\x15{alert}\r"));
        let is_chosen = |text: &str| text.lines().any(|line| detail(line).contains(alert));
        self.terminal.wait_until(alert, |screen| is_chosen(&screen.contents()));
        self.keys("b");
        self.terminal.wait_for(&format!("── {runbook} ─"));
        for (step, does) in steps {
            let is_next = |text: &str| text.contains(&format!("── Step {step} ─")) && is_open(text) && !answered(text);
            self.terminal.wait_until(&format!("step {step}"), |screen| is_next(&screen.contents()));
            self.does(step, *does);
        }
        self.terminal.wait_until("the end of the walk", |screen| is_over(&screen.contents()));
    }

    fn does(&self, step: &str, does: Does) {
        match does {
            Look => {
                self.keys("\r");
                self.terminal.wait_until(&format!("an answer to {step}"), |screen| answered(&screen.contents()));
                self.keys("x");
            }
            Check => {
                self.keys("\r");
                self.terminal.wait_for("│ ✓ pass: ");
                self.keys("x");
            }
            ByHand => self.keys("x"),
            Applies => self.keys("y"),
            NotApplicable => self.keys("n"),
            Skip(why) => self.says("s", ":skip", why),
            Override(why) => {
                self.keys("\r");
                self.terminal.wait_until(&format!("an answer to {step}"), |screen| answered(&screen.contents()));
                self.says("o", ":override", why);
            }
            Act(word, typed) => {
                self.keys("\r");
                self.finish(word, typed);
                self.confirm();
                self.keys("6");
                self.terminal.wait_for(&format!("│ ✓ {word}: "));
                self.keys("x");
            }
        }
    }

    /// A reason, on the line that asks for it.
    fn says(&self, key: &str, line: &str, why: &str) {
        self.keys(key);
        self.terminal.wait_for(line);
        self.keys(&format!("{why}\r"));
    }

    /// The line that an action is planned with.
    fn finish(&self, word: &str, typed: Typed) {
        let line = format!(":{word}");
        match typed {
            Nothing => {}
            AsItStands => {
                self.terminal.wait_for(&line);
                self.keys("\r");
            }
            More(more) => {
                self.terminal.wait_for(&line);
                self.keys(&format!("{more}\r"));
            }
            DaysBefore(days) => {
                self.terminal.wait_for(&line);
                let text = self.terminal.text();
                let shown = text.lines().find_map(|shown| shown.split_once(&line)).unwrap().1.to_owned();
                let words: Vec<&str> = shown.split_whitespace().take(3).collect();
                let to: NaiveDate = words[2].parse().unwrap();
                let from = to.checked_sub_days(Days::new(days)).unwrap();
                self.keys(&format!("\x15{word} {} {from} {to}\r", words[0]));
            }
            Note(note) => {
                self.terminal.wait_for("Not now");
                self.escape();
                self.keys(&format!(":{word} {note}\r"));
            }
        }
    }

    /// Yes, or the count that the question names.
    fn confirm(&self) {
        let asked = |text: &str| text.lines().any(|line| line.contains("y / n") || line.contains(" and enter to "));
        self.terminal.wait_until("the question", |screen| asked(&screen.contents()));
        let text = self.terminal.text();
        match text.lines().find(|line| line.contains(" and enter to ")) {
            Some(line) => {
                let count = line.split_whitespace().nth(1).unwrap().trim_end_matches(',');
                self.keys(&format!("{count}\r"));
            }
            None => self.keys("y"),
        }
        self.terminal.wait_until("the question gone", |screen| !asked(&screen.contents()));
    }

    /// After a refresh, nothing is alerted of these datasets that is worse than information.
    fn recovers(mut self, alerts: &[(&str, &str)]) {
        self.keys("1/\x15\rR");
        let others = "job_completed"; // there from the beginning to the end
        let left = |text: &str| {
            let rows: Vec<Vec<&str>> = text.lines().map(|line| row(line).split_whitespace().collect()).collect();
            let is_there = |rule: &str, dataset: &str| {
                let names = |word: &str| word.trim_start_matches('└') == rule;
                rows.iter().any(|row| row.contains(&dataset) && row.iter().any(|word| names(word)))
            };
            alerts.iter().filter(|(rule, dataset)| is_there(rule, dataset)).count()
        };
        let is_over = |text: &str| text.contains("[1 Alerts") && text.contains(others) && left(text) == 0;
        self.terminal.wait_until("the end of its alerts", |screen| is_over(&screen.contents()));
        // By the command line as well.
        let listed = self.place.run(&["alerts", "--json"]).json();
        for (rule, dataset) in alerts {
            let of = |a: &&serde_json::Value| a["rule"] == *rule && a["dataset"] == *dataset && a["severity"] != "info";
            assert_eq!(listed.as_array().unwrap().iter().find(of), None, "{rule} of {dataset}");
        }
        self.keys("q");
        assert_eq!(self.terminal.wait().code(), Some(0));
    }
}

/// The left pane of a line.
fn row(line: &str) -> &str {
    line.split('│').next().unwrap_or(line)
}

/// The right one.
fn detail(line: &str) -> &str {
    line.split('│').nth(1).unwrap_or_default()
}

/// Whether the chosen step waits for something.
fn is_open(text: &str) -> bool {
    let asks = ["enter shows ", "enter checks ", "enter plans ", "for you to do", "y it applies"];
    text.lines().any(|line| asks.iter().any(|asks| detail(line).trim_start().starts_with(asks)))
}

/// Whether what is chosen has an answer, whatever it is.
fn answered(text: &str) -> bool {
    ["✓ pass: ", "✗ fail: ", "✗ error: ", "? no evidence: "].iter().any(|says| text.contains(&format!("│ {says}")))
}

/// `13 of 13 settled`.
fn is_over(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(4).any(|w| w[1] == "of" && w[3] == "settled" && w[0] == w[2])
}

#[test]
fn schema_evolution() {
    let story = Story::begin();
    let rest = |branches: &Steps| -> Vec<(&'static str, Does)> {
        let then = [("6", Act("redrive", Nothing)), ("7", Check), ("8", Act("archive", Nothing)), ("9", Check)];
        [&[("1", Look), ("2", Look)], branches, &then].concat()
    };
    let repaired = rest(&[("3", Applies), ("3.1", Act("repair", Nothing)), ("4", NotApplicable), ("5", NotApplicable)]);
    story.walk("1,200 rejected rows", "Schema evolution failures", &repaired);
    let told = rest(&[("3", NotApplicable), ("4", NotApplicable), ("5", Applies), ("5.1", ByHand)]);
    story.walk("150 rejected rows", "Schema evolution failures", &told);
    story.recovers(&[("dlq_rows", "crm/contacts"), ("schema_drift", "crm/contacts")]);
}

#[test]
fn upstream_source() {
    let story = Story::begin();
    let steps = [
        ("1", Look),
        ("2", ByHand),
        ("3", Look),
        ("4", Look),
        ("5", Applies),
        ("5.1", ByHand),
        ("6", Act("backfill", AsItStands)),
        ("7", Act("redrive", Nothing)),
        ("8", Check),
        ("9", Act("archive", Nothing)),
        ("10", Check),
    ];
    story.walk("7,911 rejected rows", "Upstream source failures", &steps);
    story.recovers(&[("no_data", "finance/fx_rates"), ("dlq_rows", "finance/fx_rates")]);
}

#[test]
fn network() {
    let story = Story::begin();
    let steps = [
        ("1", Look),
        ("2", Look),
        ("3", Look),
        ("4", ByHand),
        ("5", Look),
        ("6", Act("rerun", AsItStands)),
        ("7", Check),
        ("8", Act("backfill", DaysBefore(4))),
        ("9", Act("redrive", Nothing)),
        ("10", Act("archive", Nothing)),
        ("11", Check),
    ];
    story.walk("4 of 4 runs", "Network and connectivity", &steps);
    story.recovers(&[("job_failure_rate", "gold/revenue"), ("dlq_rows", "gold/revenue")]);
}

#[test]
fn data_quality() {
    let story = Story::begin();
    let ours = |redrive: Does, archive: Does| {
        [
            ("1", Look),
            ("2", Look),
            ("3", Look),
            ("4", NotApplicable),
            ("5", Applies),
            ("5.1", ByHand),
            ("5.2", Act("backfill", AsItStands)),
            ("6", redrive),
            ("7", Check),
            ("8", archive),
            ("9", Check),
        ]
    };
    // The day is made anew; what its writer left half written is kept, with a word why.
    let none = Skip("it is about no entry");
    story.walk("the quality gate silver_orders failed", "Data quality failures", &ours(none, none));
    let incomplete = [
        ("1", Look),
        ("2", ByHand),
        ("3", Skip("its writer died and the day was made anew")),
        ("4", Check),
        ("5", Act("archive", Note("its day is right again"))),
        ("6", Check),
    ];
    story.walk("no completion marker", "Work through the dead letter queue", &incomplete);
    story.walk("3 of 4 checks of crm_contacts", "Data quality failures", &ours(none, none));
    // What its source sent wrong is put right there, and comes in by its rows alone.
    let rows = [
        ("1", Look),
        ("2", Look),
        ("3", Look),
        ("4", Applies),
        ("4.1", ByHand),
        ("4.2", Skip("its rows come in by the redrive")),
        ("5", NotApplicable),
        ("6", Act("redrive", Nothing)),
        ("7", Override("no gate is bound to it")),
        ("8", Act("archive", Nothing)),
        ("9", Check),
    ];
    for alert in ["547 rejected rows", "131 rejected rows"] {
        story.walk(alert, "Data quality failures", &rows);
    }
    let gates = [("quality_gate", "silver/orders"), ("pass_rate", "crm/contacts")];
    story.recovers(&[&gates[..], &[("incomplete_entry", "silver/orders"), ("dlq_rows", "orders")]].concat());
}

#[test]
fn resource_exhaustion() {
    let story = Story::begin();
    let steps = [
        ("1", Look),
        ("2", Look),
        ("3", Act("rerun", More("spark.executor.memory=16g"))),
        ("4", NotApplicable),
        ("5", Check),
        ("6", Check),
        ("7", Act("redrive", Nothing)),
        ("8", Act("archive", Nothing)),
        ("9", Check),
    ];
    story.walk("720 rejected rows", "Resource exhaustion", &steps);
    story.recovers(&[("job_duration", "silver/sessions"), ("dlq_rows", "silver/sessions")]);
}
