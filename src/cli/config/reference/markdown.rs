//! The reference as a page of Markdown: a table for each table.

use std::fmt::Write;

use super::super::duration::ALLOWED;
use super::{Entry, Reference, Section};

/// What stands for the words that say how a length of time is written: they would stand there twenty times.
const LENGTH: &str = "a length of time";

/// The page.
pub fn markdown(reference: &Reference) -> String {
    let mut text = format!(
        "# Configuration\n\n\
         Made by `lakeward init --reference` from what reads the configuration; `--json` prints the same for programs. \
         `lakeward init` writes a commented file to begin with, and `lakeward doctor` shows each value that is in force \
         and where it comes from.\n\n\
         A value is taken from the first of: a flag, an environment variable, the `lakeward.toml` of a lake in a folder, \
         the configuration file (`$XDG_CONFIG_HOME/lakeward/config.toml`), the default. Any other key, and a value that is \
         not allowed, is refused with file, line and what is allowed. *A length of time* is {ALLOWED}.\n"
    );
    for section in &reference.tables {
        push_section(&mut text, section);
    }
    text.push_str("\n## Beside the file\n\n| flag | variables | what it does |\n| --- | --- | --- |\n");
    for beside in &reference.beside {
        let flag = beside.flag.map(code).unwrap_or_default();
        row(&mut text, &[flag, codes(&beside.variables), beside.about.to_owned()]);
    }
    text
}

fn push_section(text: &mut String, section: &Section) {
    let title = if section.table.is_empty() { section.about.to_owned() } else { code(&section.table) };
    let _ = write!(text, "\n## {title}\n\n");
    let nowhere = section.keys.iter().all(|key| !key.in_lake_file);
    if !section.table.is_empty() {
        let _ = write!(text, "{}.", section.about);
        text.push_str(if nowhere { " Not in a lake's own file.\n\n" } else { "\n\n" });
    }
    let outside = section.keys.iter().any(|key| !key.flags.is_empty() || !key.variables.is_empty());
    let between = if outside { "| flag, variables " } else { "" };
    let line = if outside { "| --- " } else { "" };
    let _ = write!(text, "| key | allowed | default {between}| what it does |\n| --- | --- | --- {line}| --- |\n");
    for key in &section.keys {
        let mut cells = vec![code(key.key), allowed(key), default(key)];
        if outside {
            let all: Vec<_> = key.flags.iter().chain(&key.variables).copied().collect();
            cells.push(codes(&all));
        }
        let here = if key.in_lake_file || nowhere { "" } else { ". Not in a lake's own file" };
        cells.push(format!("{}{here}", key.about));
        row(text, &cells);
    }
}

fn allowed(key: &Entry) -> String {
    let words = key.allowed.replace(ALLOWED, LENGTH);
    match key.unit {
        Some(unit) => format!("{words} [{unit}]"),
        None => words,
    }
}

fn default(key: &Entry) -> String {
    match (&key.default, &key.otherwise) {
        _ if key.required => "**needed**".to_owned(),
        (Some(value), _) => code(value),
        (None, Some(words)) => words.clone(),
        (None, None) => "none".to_owned(),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn codes(texts: &[&str]) -> String {
    texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(", ")
}

fn row(text: &mut String, cells: &[String]) {
    // A bar would end the cell.
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}
