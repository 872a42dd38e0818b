//! The house keeps its plan: a room uses only rooms above it (the table in `src/lib.rs`), and no file outgrows
//! one idea.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::rust_paths::{Used, used_paths};

/// The rooms, each with those it may use and the paths it may not, of other crates or of a room it may use.
const ROOMS: [Room; 8] = [
    Room {
        name: "model",
        above: &[],
        never: &["aws_*", "crossterm", "futures", "ratatui", "reqwest", "std::fs", "std::net", "std::process", "tokio"],
    },
    Room { name: "lake", above: &["model"], never: SCREENS },
    Room { name: "rows", above: &["model", "lake"], never: SCREENS },
    Room { name: "sources", above: &["model", "lake", "rows"], never: SCREENS },
    Room { name: "ops", above: &["model", "lake", "rows", "sources"], never: SCREENS },
    Room {
        name: "console",
        above: &["model", "lake", "rows", "sources", "ops"],
        never: &["aws_*", "crate::lake::folder", "crate::lake::s3", "std::fs", "tokio::fs"],
    },
    Room { name: "demo", above: &["model", "lake", "rows", "sources", "ops"], never: SCREENS },
    Room { name: "cli", above: &["model", "lake", "rows", "sources", "ops", "console", "demo"], never: &[] },
];

const SCREENS: &[&str] = &["crossterm", "ratatui", "tui_textarea"];

/// One idea fits.
const LINES: usize = 500;

struct Room {
    name: &'static str,
    above: &'static [&'static str],
    never: &'static [&'static str],
}

/// What is wrong with a file of a room, one line a fault, each naming file and line.
fn faults(room: &Room, file: &Path, source: &str) -> String {
    let mut faults = String::new();
    for Used { path, line } in used_paths(&module_of(file), source) {
        let mut segments = path.split("::");
        let to = (segments.next() == Some("crate")).then(|| segments.next().unwrap_or_default());
        let wrong_way = to.is_some_and(|to| {
            to != room.name && !room.above.contains(&to) && ROOMS.iter().any(|other| other.name == to)
        });
        if wrong_way || room.never.iter().any(|never| begins_with(&path, never)) {
            let (name, file) = (room.name, file.display());
            writeln!(faults, "src/{file}:{line}: {name} may not use {path}").expect("a String takes text");
        }
    }
    faults
}

/// Whether `path` is `start` or lies in it; a `*` ends a name of which only the beginning counts.
fn begins_with(path: &str, start: &str) -> bool {
    match start.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
    }
}

/// `ops/scan.rs` is the module `ops::scan`, `ops/mod.rs` is `ops`.
fn module_of(file: &Path) -> Vec<String> {
    let stem = file.with_extension("");
    stem.iter().map(|s| s.to_string_lossy().into_owned()).filter(|s| s != "mod").collect()
}

/// Every file under `src`, relative to it.
fn files() -> Vec<PathBuf> {
    fn below(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, files) } else { files.push(path) }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    below(&src, &mut files);
    files.sort();
    files.into_iter().map(|f| f.strip_prefix(&src).unwrap().to_owned()).collect()
}

fn read(file: &Path) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)).unwrap()
}

#[test]
fn every_room_uses_only_rooms_above_it() {
    let mut found = String::new();
    let mut checked = 0;
    for file in files().iter().filter(|f| f.extension().is_some_and(|e| e == "rs")) {
        let Some(name) = file.parent().and_then(|p| p.iter().next()) else { continue };
        match ROOMS.iter().find(|r| name == r.name) {
            Some(room) => found += &faults(room, file, &read(file)),
            None => writeln!(found, "src/{}: no such room in the plan", file.display()).unwrap(),
        }
        checked += 1;
    }
    assert!(checked >= ROOMS.len(), "only {checked} files");
    assert!(found.is_empty(), "arrows that run the wrong way:\n{found}");
}

#[test]
fn files_hold_one_idea_and_are_named_for_it() {
    for file in files() {
        let lines = read(&file).lines().count();
        assert!(lines <= LINES, "src/{}: {lines} lines; {LINES} at the most", file.display());
        for part in file.with_extension("").iter() {
            let vague = ["util", "utils", "helper", "helpers", "common", "manager", "misc"].iter().any(|v| part == *v);
            assert!(!vague, "src/{}: {part:?} says nothing", file.display());
        }
    }
}

#[test]
fn a_wrong_arrow_is_found_however_it_is_written() {
    let check = |file: &str, source: &str| {
        let room = ROOMS.iter().find(|r| file.starts_with(r.name)).unwrap();
        faults(room, Path::new(file), source)
    };
    let wrong = [
        ("model/entry.rs", "use crate::lake::Key;", "1: model may not use crate::lake::Key"),
        ("model/entry.rs", "\nfn f(k: &crate::lake::Key) {}", "2: model may not use crate::lake::Key"),
        (
            "model/entry.rs",
            "use crate::{\n    model::x,\n    lake::{Key, ETag},\n};",
            "3: model may not use crate::lake::Key",
        ),
        ("model/entry.rs", "use super::super::ops;", "1: model may not use crate::ops"),
        ("model/mod.rs", "pub use super::rows::Layout;", "1: model may not use crate::rows::Layout"),
        (
            "model/a/b.rs",
            "mod tests {\n use super::super::super::super::cli::x;\n}",
            "2: model may not use crate::cli::x",
        ),
        ("model/x.rs", "use std::{fmt, fs::File};", "1: model may not use std::fs::File"),
        ("model/x.rs", "use tokio as t;", "1: model may not use tokio"),
        ("lake/x.rs", "use crate::sources::contracts as c;", "1: lake may not use crate::sources::contracts"),
        ("ops/x.rs", "let a = ratatui::style::Style::new();", "1: ops may not use ratatui::style::Style::new"),
        ("console/x.rs", "/* a\nb */ use crate::cli;", "2: console may not use crate::cli"),
        ("console/x.rs", "use crate::lake::s3::S3Lake;", "1: console may not use crate::lake::s3::S3Lake"),
        ("console/x.rs", "use ::aws_sdk_s3::Client;", "1: console may not use aws_sdk_s3::Client"),
        ("demo/x.rs", "let url = \"http://x\"; crate::console::run()", "1: demo may not use crate::console::run"),
    ];
    for (file, source, want) in wrong {
        let found = check(file, source);
        assert!(found.contains(&format!("src/{file}:{want}\n")), "{file}: {source}\nfound: {found}");
    }
    let right = [
        ("ops/x.rs", "use crate::{lake::Key, model::entry, rows, sources};"),
        ("ops/session.rs", "use super::cli;"),
        (
            "model/x.rs",
            "// use crate::cli;\n/// [`crate::cli`]\nlet s = \"crate::ops::x\"; let r = r#\"\" crate::cli::x\"#;",
        ),
        ("model/x.rs", "fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' } // crate::ops::x"),
        ("console/x.rs", "use crate::lake::LakeError; use std::fmt;"),
        ("cli/x.rs", "use crate::console::Console; use crate::demo; use std::fs;"),
        ("model/x.rs", "use crate::modelling; use crate::lakeside::x;"),
    ];
    for (file, source) in right {
        assert_eq!(check(file, source), "", "{file}: {source}");
    }
}
