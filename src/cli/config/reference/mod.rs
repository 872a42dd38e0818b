//! The reference of the configuration, made from what reads it: the keys and their types from the parser, what is
//! allowed from what is said to a wrong value, the defaults from resolving a file without any, flags and variables from
//! where they are asked, and what each key does from the line above its declaration.

mod markdown;
mod sample;
mod shape;
#[cfg(test)]
mod tests;

use serde::Serialize;

use self::sample::{InForce, Sample, allowed, fitting, in_force, of_lake};
use self::shape::{Key, Kind, Table, tables};
use super::documented::Documentation;
use super::notify::kinds_of;
use super::outside::{self, Outside};
use super::tables::DOCUMENTATION;
use super::{ConfigError, Vocabulary};

pub use markdown::markdown;

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its whole name: `thresholds.no_data`.
    pub name: String,
    /// As it stands in its table.
    pub key: &'static str,
    /// What may stand there.
    pub allowed: String,
    /// In what a bare number is counted.
    pub unit: Option<&'static str>,
    /// The value that is in force without it, if it is always the same.
    pub default: Option<String>,
    /// In words what is taken without it, if it is not.
    pub otherwise: Option<String>,
    /// Whether its table is refused without it.
    pub required: bool,
    /// The flags that are stronger.
    pub flags: Vec<&'static str>,
    /// The environment variables that are stronger, strongest first.
    pub variables: Vec<&'static str>,
    /// Whether a lake's own file may hold it.
    pub in_lake_file: bool,
    /// What it does.
    pub about: String,
}

/// The keys of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// As the file writes it: `[thresholds]`, `[[datasets]]`; empty for the keys above all tables.
    pub table: String,
    /// What it is for.
    pub about: &'static str,
    /// Its keys.
    pub keys: Vec<Entry>,
}

/// What flags and variables say that no key does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beside {
    /// The flag, if there is one.
    pub flag: Option<&'static str>,
    /// The variables.
    pub variables: Vec<&'static str>,
    /// What it does.
    pub about: &'static str,
}

/// All that may be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The tables.
    pub tables: Vec<Section>,
    /// What is said by flags and variables alone.
    pub beside: Vec<Beside>,
}

/// Makes the reference.
pub fn reference(known: &Vocabulary) -> Result<Reference, ConfigError> {
    let all = tables().map_err(|e| ConfigError::new("configuration", e.to_string(), "a key of every type is read"))?;
    let defaults = in_force(&all, known)?;
    let mut sections = Vec::new();
    for table in all.iter().filter(|table| twin(&all, table.read_as, &table.path).is_none()) {
        let documentation = documentation(table.read_as);
        let mut keys = Vec::new();
        for (key, line) in table.keys.iter().zip(documentation.map_or(&[][..], |known| known.keys)) {
            if table.path.is_empty() && (matches!(key.kind, Kind::Table(_)) || is_list_of_tables(&key.kind)) {
                continue;
            }
            let line = Line::of(line);
            let name = name(table, key);
            let (default, otherwise) = match (defaults.get(&name), line.default) {
                _ if key.needed => (None, None),
                (Some(InForce { value, in_folder: Some(other) }), _) => {
                    (None, Some(format!("{value} on S3, {other} in a folder")))
                }
                (Some(InForce { value, .. }), _) => (Some(value.clone()), None),
                (None, Some(words)) => (None, Some(words.to_owned())),
                // What serde itself puts where an optional truth is left out.
                (None, None) if key.kind == Kind::Truth => (Some(bool::default().to_string()), None),
                (None, None) => (None, None),
            };
            let of_kinds = if table.path == "notify" { kinds_of(key.name) } else { Vec::new() };
            let of_kinds = if of_kinds.is_empty() { String::new() } else { format!(" ({})", of_kinds.join(", ")) };
            keys.push(Entry {
                allowed: taken(&all, table, key, known),
                unit: line.unit,
                default,
                otherwise,
                required: key.needed,
                flags: said(&name).map(|outside| outside.flag).collect(),
                variables: said(&name).flat_map(|outside| outside.vars).copied().collect(),
                in_lake_file: Sample::of(&all, table, key, &fitting(&key.kind), of_lake(&table.path, key.name))
                    .is_of_a_lake(),
                about: format!("{}{of_kinds}", line.about),
                key: key.name,
                name,
            });
        }
        sections.push(Section { table: written(table), about: about(&all, table), keys });
    }
    let beside = outside::ALL.iter().filter(|outside| outside.key.is_none()).map(|outside| Beside {
        flag: Some(outside.flag).filter(|flag| !flag.is_empty()),
        variables: outside.vars.to_vec(),
        about: outside.about,
    });
    Ok(Reference { tables: sections, beside: beside.collect() })
}

fn documentation(read_as: &str) -> Option<&'static Documentation> {
    DOCUMENTATION.iter().find(|documentation| documentation.table == read_as)
}

fn is_list_of_tables(kind: &Kind) -> bool {
    matches!(kind, Kind::List(of) if matches!(**of, Kind::Table(_)))
}

/// The table above all others that is read as the same type as one that stands in another.
fn twin<'a>(all: &'a [Table], read_as: &str, path: &str) -> Option<&'a Table> {
    all.iter().find(|other| path.contains('.') && other.read_as == read_as && !other.path.contains('.'))
}

fn written(table: &Table) -> String {
    match (table.path.as_str(), table.many) {
        ("", _) => String::new(),
        (path, true) => format!("[[{path}]]"),
        (path, false) => format!("[{path}]"),
    }
}

fn name(table: &Table, key: &Key) -> String {
    if table.path.is_empty() { key.name.to_owned() } else { format!("{}.{}", table.path, key.name) }
}

/// What a table is for: the line of the key above all tables that it stands under, or else that of its type.
fn about(all: &[Table], table: &Table) -> &'static str {
    let name = table.path.strip_suffix(&format!(".{}", shape::NAME)).unwrap_or(&table.path);
    let line = all.iter().find(|other| other.path.is_empty()).and_then(|outer| {
        let at = outer.keys.iter().position(|key| key.name == name)?;
        documentation(outer.read_as)?.keys.get(at).copied()
    });
    Line::of(line.or_else(|| documentation(table.read_as).map(|known| known.about)).unwrap_or_default()).about
}

/// What may stand there, in the words in which a wrong value is refused, or else by its type.
fn taken(all: &[Table], table: &Table, key: &Key, known: &Vocabulary) -> String {
    match &key.kind {
        Kind::Table(read_as) => {
            let path = name(table, key);
            let same = twin(all, read_as, &path);
            format!("a table: the keys of {}", same.map_or_else(|| format!("[{path}]"), written))
        }
        kind => allowed(all, table, key, known).unwrap_or_else(|| words(kind)),
    }
}

fn words(kind: &Kind) -> String {
    match kind {
        Kind::Text | Kind::Own => "a string".to_owned(),
        Kind::Whole => "a whole number, 0 or more".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::Truth => "true or false".to_owned(),
        Kind::OneOf(words) => words.join(", "),
        Kind::List(of) => match &**of {
            Kind::Text => "a list of strings".to_owned(),
            of => format!("a list of some of {}", words(of)),
        },
        Kind::Open | Kind::Table(_) => "a table".to_owned(),
    }
}

fn said(name: &str) -> impl Iterator<Item = &'static Outside> {
    outside::ALL.iter().filter(move |outside| outside.key == Some(name))
}

/// The line above a key, taken apart.
struct Line<'a> {
    about: &'a str,
    default: Option<&'a str>,
    unit: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.trim();
        let unit = text.strip_suffix(']').and_then(|text| text.rsplit_once(" ["));
        let (text, unit) = unit.map_or((text, None), |(text, unit)| (text, Some(unit)));
        let (about, default) = text.split_once("; default: ").map_or((text, None), |(a, d)| (a, Some(d)));
        Self { about, default, unit }
    }
}
