//! Small files that hold one key, and what the program says to them: what is allowed there, what a lake's own file may
//! hold, and which defaults are in force.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::file::Document;
use super::super::notify::kinds_of;
use super::super::resolve::resolve;
use super::super::source::Source;
use super::super::{Config, ConfigError, Places, Vars, Vocabulary, own};
use super::shape::{Key, Kind, NAME, Table};
use crate::cli::args::Global;

/// What a sample is called in messages.
const FILE: &str = "config.toml";

/// A file in which every table stands that is noted only where it stands, with what it cannot be without.
const WHOLE: &str = "
[environments.NAME]
kind = \"aws\"
lake = \"s3://bucket\"
[emr]
[cloudwatch]
[airflow]
url = \"https://airflow.example.com\"
[[datasets]]
name = \"NAME\"
contract = \"glue:REGISTRY/SCHEMA\"
[[consumers]]
name = \"NAME\"
datasets = [\"NAME\"]
athena = \"SELECT 1\"
[[notify]]
kind = \"file\"
path = \"notices\"
";

/// A lake in a folder.
const FOLDER: &str = "[environments.NAME]\nkind = \"local\"\nlake = \"lake\"\n";

/// A default that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Where the lake lies on S3, or anywhere.
    pub value: String,
    /// Where it lies in a folder, if that differs.
    pub in_folder: Option<String>,
}

/// A file with one key, and the line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The file.
    pub text: String,
    line: usize,
}

impl Sample {
    /// A file in which `key` of `table` is `value`, with what else that table cannot be without, and `more`.
    pub fn of(tables: &[Table], table: &Table, key: &Key, value: &str, more: Option<&str>) -> Self {
        let mut lines: Vec<String> = Vec::new();
        let above = |other: &&Table| table.path.starts_with(&format!("{}.", other.path));
        for outer in tables.iter().filter(|other| !other.path.is_empty()).filter(above) {
            lines.push(header(outer));
            // The table that stands in it comes with its own header.
            let inside = |other: &&Key| !table.path.starts_with(&format!("{}.{}", outer.path, other.name));
            lines.extend(outer.keys.iter().filter(|other| other.needed).filter(inside).map(|k| filled(outer, k, key)));
        }
        if !table.path.is_empty() {
            lines.push(header(table));
        }
        let others = table.keys.iter().filter(|other| other.needed && other.name != key.name);
        lines.extend(others.map(|other| filled(table, other, key)));
        lines.extend(more.map(str::to_owned));
        lines.push(format!("{} = {value}", key.name));
        Self { line: lines.len(), text: lines.join("\n") }
    }

    fn read(&self) -> Result<Document, ConfigError> {
        Document::parse(Path::new(FILE), self.text.clone())
    }

    /// What the program says is allowed, if it refuses this value as such.
    fn refused(&self, known: &Vocabulary) -> Option<String> {
        let error = self.read().and_then(|document| settled(document, known)).err()?;
        (error.place == format!("{FILE}:{}", self.line)).then_some(error.allowed)
    }

    /// Whether a lake's own file may hold it.
    pub fn is_of_a_lake(&self) -> bool {
        self.read().is_ok_and(|document| own::judge(&document).is_ok())
    }
}

fn header(table: &Table) -> String {
    if table.many { format!("[[{}]]", table.path) } else { format!("[{}]", table.path) }
}

/// A line with a value that is right; `beside` is the key that the file is about.
fn filled(table: &Table, key: &Key, beside: &Key) -> String {
    let value = match (table.path.as_str(), key.name) {
        ("environments.NAME", "lake") => "\"s3://bucket\"".to_owned(),
        ("notify", "kind") => format!("{:?}", kinds_of(beside.name).first().unwrap_or(&"file")),
        _ => fitting(&key.kind),
    };
    format!("{} = {value}", key.name)
}

/// What a table needs to stand in a lake's own file at all.
pub fn of_lake(path: &str, key: &str) -> Option<&'static str> {
    (path == "secrets" && !matches!(key, "on_lake" | "endpoint_url")).then_some("on_lake = true")
}

/// What makes a key count that is looked at only beside another.
fn beside(path: &str, key: &str) -> Option<&'static str> {
    match (path, key) {
        ("airflow", "endpoint_url") => Some("mwaa = \"NAME\""),
        ("consumers", "output") => Some("athena = \"SELECT 1\""),
        ("notify", "endpoint_url") => Some("topic_arn = \"arn:aws:sns:eu-central-1:123456789012:NAME\""),
        ("notify", "environments") => Some("path = \"notices\""),
        _ => None,
    }
}

/// A value of the right type.
pub fn fitting(kind: &Kind) -> String {
    match kind {
        Kind::Text => format!("{NAME:?}"),
        Kind::Whole => "1".to_owned(),
        Kind::Number => "1.0".to_owned(),
        Kind::Truth => "true".to_owned(),
        Kind::OneOf(words) => format!("{:?}", words.first().copied().unwrap_or_default()),
        Kind::Own => "\"1h\"".to_owned(),
        Kind::List(of) => format!("[{}]", fitting(of)),
        Kind::Open | Kind::Table(_) => "{}".to_owned(),
    }
}

/// Values of the right type that are likely wrong all the same, and for a text with a meaning one of another type.
fn doubtful(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Text => &["\"://\"", "\"../(\"", "\"\"", "\"{?}\""],
        Kind::Own => &["\"0s\"", "1"],
        Kind::Whole => &["0", "1000000000000"],
        Kind::Number => &["-1.0", "1000000.0"],
        Kind::List(_) => &["[]", "[\"://\"]"],
        Kind::Truth | Kind::OneOf(_) | Kind::Open | Kind::Table(_) => &[],
    }
}

/// What the program says is allowed, where it refuses any of some doubtful values.
pub fn allowed(tables: &[Table], table: &Table, key: &Key, known: &Vocabulary) -> Option<String> {
    let more = beside(&table.path, key.name);
    doubtful(&key.kind).iter().find_map(|value| Sample::of(tables, table, key, value, more).refused(known))
}

fn settled(document: Document, known: &Vocabulary) -> Result<Config, ConfigError> {
    let (global, vars, places) = (Global::default(), Vars::default(), Places::default());
    resolve(Some(document), |_| Ok(None), &global, &vars, &places, Path::new(""), known)
}

/// The defaults that are in force where nothing is said, by the name of the key: of a lake on S3, and of one in a folder.
pub fn in_force(tables: &[Table], known: &Vocabulary) -> Result<BTreeMap<String, InForce>, ConfigError> {
    let read =
        |text: &str| Document::parse(Path::new(FILE), text.to_owned()).and_then(|document| settled(document, known));
    let (on_s3, in_folder) = (defaults(tables, &read(WHOLE)?), defaults(tables, &read(FOLDER)?));
    let told = |(name, value): (String, String)| {
        let other = in_folder.get(&name).filter(|other| **other != value).cloned();
        (name, InForce { value, in_folder: other })
    };
    Ok(on_s3.into_iter().map(told).collect())
}

/// What was resolved to a default.
fn defaults(tables: &[Table], config: &Config) -> BTreeMap<String, String> {
    let is_key = |name: &str| {
        let (path, key) = name.rsplit_once('.').unwrap_or(("", name));
        tables.iter().any(|table| table.path == path && table.keys.iter().any(|known| known.name == key))
    };
    let name = |name: &str| if is_key(name) { name.to_owned() } else { format!("environments.{NAME}.{name}") };
    let settled = config.values.iter().filter(|value| value.source == Source::Default);
    let settled = settled.filter(|value| !matches!(value.value.as_str(), "" | "unset"));
    let mut all: BTreeMap<_, _> = settled.map(|value| (name(&value.name), value.value.clone())).collect();
    // What stands in a list is not noted key by key: it is looked up in what was made of it.
    for consumer in &config.settings.consumers {
        all.insert("consumers.min_rows".to_owned(), consumer.least.to_string());
    }
    for notifier in &config.notify {
        let on: Vec<_> = notifier.about.on.iter().map(|kind| kind.word()).collect();
        all.insert("notify.on".to_owned(), on.join(", "));
    }
    all.retain(|name, _| is_key(name));
    all
}
