//! Groups the objects under the errors prefix into DLQ entries. Pure: no requests, no reading.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use crate::lake::ObjectMeta;
use crate::lake::path::{DateLevel, split_dated};
use crate::model::dataset::Dataset;
use crate::model::entry::{EntryPath, Problem, RowsFormat};
use crate::rows::layout::layout;

use super::kept::Kept;

/// An entry found by listing, before anything of it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Relative to the lake, ends in `/`.
    pub path: EntryPath,
    /// What sits between the errors prefix and the date.
    pub dataset: Dataset,
    /// Null where the path has none or a bad one.
    pub date: Option<NaiveDate>,
    /// `NoDate` or `BadDate`, if either.
    pub date_problem: Option<Problem>,
    /// The id of a `run_id=` level.
    pub run_id: Option<String>,
    /// Which of its objects are what.
    pub kept: Kept,
    /// When its newest object was written.
    pub modified: DateTime<Utc>,
    /// When its oldest object was written.
    pub first_seen: DateTime<Utc>,
}

impl Found {
    /// Equal for two listings of an entry in which nothing changed.
    pub fn signature(&self) -> u64 {
        self.kept.signature()
    }
}

/// Where an object belongs: the entry's root relative to the errors prefix, and what its path says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Root {
    dataset: String,
    root: String,
    date: Option<NaiveDate>,
    problem: Option<Problem>,
    run_id: Option<String>,
}

/// All entries among `objects`, sorted by dataset, date, path. Every object of a dated directory, of a Delta
/// table, or that looks like rows or reasons belongs to exactly one entry; others (a stray `README`) to none.
pub fn group(errors_prefix: &str, objects: Vec<ObjectMeta>) -> Vec<Found> {
    let tables = undated_tables(errors_prefix, &objects);
    let mut groups: BTreeMap<Root, Vec<ObjectMeta>> = BTreeMap::new();
    for object in objects {
        let Some(relative) = object.key.as_str().strip_prefix(errors_prefix) else { continue };
        if let Some(root) = root_of(relative, &tables) {
            groups.entry(root).or_default().push(object);
        }
    }
    // One text a dataset: a lake has few of them, and many entries of each.
    let mut dataset = Dataset("".into());
    let mut found = Vec::with_capacity(groups.len());
    for (root, objects) in groups {
        if root.dataset != dataset.as_str() {
            dataset = Dataset(root.dataset.as_str().into());
        }
        found.extend(to_found(errors_prefix, root, &dataset, &objects));
    }
    fold_bare_parents(&mut found);
    found.sort_by(|a, b| (&a.dataset, a.date, &a.path).cmp(&(&b.dataset, b.date, &b.path)));
    found
}

/// Roots of Delta tables that lie above any date level: their partitions are not entries.
fn undated_tables(errors_prefix: &str, objects: &[ObjectMeta]) -> BTreeSet<String> {
    objects
        .iter()
        .filter_map(|o| o.key.as_str().strip_prefix(errors_prefix))
        .filter_map(|k| k.split_once("/_delta_log/").map(|(root, _)| format!("{root}/")))
        .filter(|root| split_dated(root).is_none() && !root.ends_with("/_SUCCESS/"))
        .collect()
}

fn root_of(relative: &str, tables: &BTreeSet<String>) -> Option<Root> {
    let undated = |root: &str, dataset: &str, run_id: Option<String>| Root {
        dataset: dataset.to_owned(),
        root: root.to_owned(),
        date: None,
        problem: Some(Problem::NoDate),
        run_id,
    };
    let slashes = || relative.char_indices().filter(|(_, c)| *c == '/').map(|(i, _)| i);
    // The deepest table wins: one streaming table may lie inside another.
    if let Some(root) = slashes().rev().map(|i| &relative[..=i]).find(|p| tables.contains(*p)) {
        return Some(undated(root, root.trim_end_matches('/'), None));
    }
    if let Some(dated) = split_dated(relative) {
        let (date, problem) = match dated.date {
            DateLevel::Date(d) => (Some(d), None),
            DateLevel::Bad(_) => (None, Some(Problem::BadDate)),
        };
        return Some(Root { dataset: dated.dataset, root: dated.root, date, problem, run_id: dated.run_id });
    }
    if relative.ends_with('/') {
        return None; // a console's folder marker outside any date says nothing
    }
    let mut dirs: Vec<&str> = relative.split('/').collect();
    dirs.pop();
    if let Some(at) = dirs.iter().position(|d| d.starts_with("run_id=")) {
        let run_id = dirs[at].trim_start_matches("run_id=").to_owned();
        let root = format!("{}/", dirs[..=at].join("/"));
        return Some(undated(&root, &dirs[..at].join("/"), Some(run_id)));
    }
    // Spark writes a directory where others write a file: the entry is what holds that directory.
    while dirs.last().is_some_and(|d| is_spark_directory(d)) {
        dirs.pop();
    }
    let dataset = dirs.join("/");
    let root = if dataset.is_empty() { String::new() } else { format!("{dataset}/") };
    Some(undated(&root, &dataset, None))
}

pub(super) fn is_spark_directory(name: &str) -> bool {
    name.ends_with(".parquet") || name.ends_with(".json") || matches!(name, "rejected_rows" | "_SUCCESS" | "_temporary")
}

/// Of the objects under an entry's path: those that belong to it, and the prefixes of those that belong to others.
pub fn members(errors_prefix: &str, objects: Vec<ObjectMeta>, path: &str) -> (Vec<ObjectMeta>, Vec<String>) {
    let tables = undated_tables(errors_prefix, &objects);
    let mut apart = BTreeSet::new();
    let mut own = Vec::new();
    for object in objects {
        let relative = object.key.as_str().strip_prefix(errors_prefix).unwrap_or_default();
        let root = root_of(relative, &tables).map(|r| format!("{errors_prefix}{}", r.root));
        match root.filter(|root| root != path && root.starts_with(path)) {
            Some(other) => drop(apart.insert(other)),
            None => own.push(object),
        }
    }
    (own, apart.into_iter().collect())
}

fn to_found(errors_prefix: &str, root: Root, dataset: &Dataset, objects: &[ObjectMeta]) -> Option<Found> {
    let path = format!("{errors_prefix}{}", root.root);
    let kept = Kept::of(&layout(&path, objects));
    let stray = kept.format == RowsFormat::None && !kept.has_reasons();
    if stray && root.problem == Some(Problem::NoDate) {
        return None;
    }
    Some(Found {
        path: EntryPath(path.into()),
        dataset: dataset.clone(),
        date: root.date,
        date_problem: root.problem,
        run_id: root.run_id,
        modified: objects.iter().map(|o| o.modified).max()?,
        first_seen: objects.iter().map(|o| o.modified).min()?,
        kept,
    })
}

/// A dated directory that holds runs and, itself, nothing but a marker is no entry; its marker is theirs.
fn fold_bare_parents(found: &mut Vec<Found>) {
    let bare: Vec<(EntryPath, bool)> = found
        .iter()
        .filter(|f| f.run_id.is_none() && f.kept.format == RowsFormat::None && !f.kept.has_reasons())
        .filter(|f| found.iter().any(|c| c.run_id.is_some() && c.path.0.starts_with(&*f.path.0) && c.path != f.path))
        .map(|f| (f.path.clone(), f.kept.complete))
        .collect();
    for (parent, complete) in bare {
        found.retain(|f| f.path != parent);
        for child in found.iter_mut().filter(|c| c.path.0.starts_with(&*parent.0)) {
            child.kept.complete |= complete;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{ETag, Key};

    fn object(key: &str) -> ObjectMeta {
        ObjectMeta {
            key: Key(format!("_errors/{key}")),
            size: 10,
            etag: ETag(key.to_owned()),
            modified: DateTime::UNIX_EPOCH,
            storage_class: None,
        }
    }

    fn paths(keys: &[&str]) -> Vec<(String, String, Option<String>)> {
        group("_errors/", keys.iter().map(|k| object(k)).collect())
            .into_iter()
            .map(|f| (f.dataset.0.as_ref().to_owned(), f.path.0.trim_start_matches("_errors/").to_owned(), f.run_id))
            .collect()
    }

    fn entry(dataset: &str, path: &str) -> (String, String, Option<String>) {
        (dataset.into(), path.into(), None)
    }

    #[test]
    fn a_date_makes_an_entry_at_any_depth() {
        let found = paths(&["a/b/c/dt=2026-11-22/rejected_rows.parquet", "x/dt=2026-11-22/_SUCCESS"]);
        assert_eq!(found, [entry("a/b/c", "a/b/c/dt=2026-11-22/"), entry("x", "x/dt=2026-11-22/")]);
    }

    #[test]
    fn partitions_of_a_table_above_the_date_are_not_entries() {
        let found = paths(&["s/clicks/_delta_log/0.json", "s/clicks/dt=2026-11-22/part-0.parquet"]);
        assert_eq!(found, [entry("s/clicks", "s/clicks/")]);
    }

    #[test]
    fn a_table_inside_a_table_is_its_own_entry() {
        let found =
            paths(&["k/o/_delta_log/0.json", "k/o/part-0.parquet", "k/o/raw/_delta_log/0.json", "k/o/raw/p.parquet"]);
        assert_eq!(found, [entry("k/o", "k/o/"), entry("k/o/raw", "k/o/raw/")]);
    }

    #[test]
    fn what_lies_under_an_entry_and_belongs_to_others_stays_apart() {
        let keys = ["k/o/_delta_log/0.json", "k/o/part-0.parquet", "k/o/raw/_delta_log/0.json", "k/o/raw/p.parquet"];
        let (own, apart) = members("_errors/", keys.iter().map(|k| object(k)).collect(), "_errors/k/o/");
        assert_eq!(
            own.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(),
            ["_errors/k/o/_delta_log/0.json", "_errors/k/o/part-0.parquet"]
        );
        assert_eq!(apart, ["_errors/k/o/raw/"]);
        let run = ["a/dt=2026-11-22/_SUCCESS", "a/dt=2026-11-22/run_id=7/part-0.json"];
        let (own, apart) = members("_errors/", run.iter().map(|k| object(k)).collect(), "_errors/a/dt=2026-11-22/");
        assert_eq!((own.len(), apart), (1, vec!["_errors/a/dt=2026-11-22/run_id=7/".to_owned()]));
    }

    #[test]
    fn rows_outside_any_date_are_an_entry_and_stray_files_are_not() {
        let found = paths(&[
            "misc/rejected_rows.parquet/part-0.parquet",
            "misc/rejected_rows.parquet/_SUCCESS",
            "m2/README.txt",
        ]);
        assert_eq!(found, [entry("misc", "misc/")]);
    }

    #[test]
    fn runs_of_a_date_are_entries_and_their_bare_parent_is_not() {
        let found = paths(&["a/dt=2026-11-22/_SUCCESS", "a/dt=2026-11-22/run_id=7/part-0.json"]);
        assert_eq!(found, [("a".into(), "a/dt=2026-11-22/run_id=7/".into(), Some("7".into()))]);
    }
}
