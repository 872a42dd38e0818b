//! Moves from the console, in a real terminal: out of the dead letters, and back, byte for byte.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::program::{LAKEWARD, environment, lakeward};
use crate::support::terminal::Terminal;

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn below(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut all = BTreeMap::new();
    below(folder, folder, &mut all);
    all
}

/// A demo of its own, and a console on it.
struct Demo {
    home: tempfile::TempDir,
}

impl Demo {
    fn new() -> Self {
        let demo = Self { home: tempfile::tempdir().unwrap() };
        let run = lakeward(&["demo", "--write", &demo.lake()]);
        assert_eq!(run.code, 0, "{run:?}");
        demo
    }

    fn lake(&self) -> String {
        self.home.path().join("demo").display().to_string()
    }

    fn open(&self, more: &[&str]) -> Terminal {
        let environment = environment(self.home.path());
        let envs: Vec<(&str, &str)> = environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let lake = self.lake();
        let mut arguments = vec!["--lake", lake.as_str()];
        arguments.extend(more);
        Terminal::start(LAKEWARD, &arguments, &envs, 30, 140)
    }
}

#[test]
fn a_dead_letter_is_quarantined_and_released_and_is_what_it_was() {
    let demo = Demo::new();
    let errors = Path::new(&demo.lake()).join("_errors");
    let before = files(&errors);
    let mut terminal = demo.open(&[]);
    terminal.wait_for("1,200 rej");
    terminal.keys("2/finance/fx\r");
    terminal.wait_for("filter hides");
    terminal.keys("jQ");
    terminal.wait_for("quarantine ");
    terminal.keys("upstream_source rates of a dead feed\r");
    terminal.wait_for("Confirm");
    let plan = terminal.text();
    let asked = plan.lines().find(|l| l.contains("and enter to quarantine them")).unwrap_or_else(|| panic!("{plan}"));
    let count = asked.split_whitespace().nth(1).unwrap_or_default().to_owned();
    assert!(!plan.contains(" refused   target"), "{plan}");
    // Enter alone, and a wrong count.
    terminal.keys("\r");
    terminal.wait_for("nothing was done: type");
    terminal.keys("77\r");
    terminal.wait_for("is not");
    assert_eq!(files(&errors), before);
    terminal.keys(&format!("{count}\r"));
    terminal.wait_for("quarantined ");
    terminal.keys("3");
    // The refresh after the move tells of it.
    terminal.wait_for("3 Quarantine 1");
    assert_ne!(files(&errors), before);
    assert!(!files(&Path::new(&demo.lake()).join("_quarantine")).is_empty());
    terminal.keys(":release the feed is back\r");
    terminal.wait_for("and enter to put them back");
    terminal.keys(&format!("{count}\r"));
    terminal.wait_for("released ");
    assert_eq!(files(&errors), before);
    terminal.keys("@");
    terminal.wait_for("2 records");
    terminal.keys("@q");
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn a_read_only_run_shows_the_plan_and_applies_nothing() {
    let demo = Demo::new();
    let before = files(Path::new(&demo.lake()));
    let mut terminal = demo.open(&["--read-only"]);
    terminal.wait_for("read-only");
    terminal.wait_for("1,200 rej");
    terminal.keys("2/finance/fx\r");
    terminal.wait_for("filter hides");
    terminal.keys("j:quarantine late\r");
    terminal.wait_for("this run is read-only");
    terminal.keys("1\r2\r3\r4\r5\ry\r\x1b");
    terminal.wait_for("filter hides");
    terminal.keys(":arm 15m why not\r");
    terminal.wait_for("arm: this run is read-only");
    terminal.keys("q");
    assert_eq!(terminal.wait().code(), Some(0));
    assert_eq!(files(Path::new(&demo.lake())), before);
}

#[test]
fn rejected_rows_are_repaired_into_a_place_of_their_own() {
    let demo = Demo::new();
    let errors = Path::new(&demo.lake()).join("_errors");
    let before = files(&errors);
    let mut terminal = demo.open(&[]);
    terminal.wait_for("1,200 rej");
    terminal.keys("2/finance/fx\r");
    terminal.wait_for("filter hides");
    terminal.keys("jr");
    terminal.wait_for("write the repaired rows?");
    // The focus is on No. A frame may be half there: the question must be gone before the next one is waited for.
    terminal.keys("\r");
    let answered = |text: &str| text.contains("filter hides") && !text.contains("write the repaired rows?");
    terminal.wait_until("list", |screen| answered(&screen.contents()));
    let repaired = Path::new(&demo.lake()).join("_lakeward/repaired/finance/fx_rates");
    assert!(files(&repaired).is_empty());
    terminal.keys("r");
    terminal.wait_for("write the repaired rows?");
    terminal.keys("y");
    terminal.wait_for("repaired rows lie in _lakeward/repaired/finance/fx_rates/");
    let names: Vec<String> = files(&repaired).into_keys().collect();
    let ends = |end: &str| names.iter().any(|name| name.ends_with(end));
    assert!(ends("/part-0000.parquet") && ends("/manifest.json"), "{names:?}");
    assert_eq!(files(&errors), before);
    terminal.keys("q");
    assert_eq!(terminal.wait().code(), Some(0));
}
