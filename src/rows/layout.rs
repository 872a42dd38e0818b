//! Which objects under an entry are its rows, its reasons, its completion marker. Pure.

use crate::lake::ObjectMeta;
use crate::model::entry::RowsFormat;

/// What lies under one entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The entry's path, relative to the lake, ending in `/`.
    pub root: String,
    /// How the rows are stored.
    pub format: RowsFormat,
    /// The row files in key order; for Delta, every data file on disk (the log says which count).
    pub files: Vec<ObjectMeta>,
    /// The Delta table's root, ending in `/`, where there is one.
    pub table: Option<String>,
    /// The objects that hold error reasons: one, or the parts of a directory.
    pub reasons: Vec<ObjectMeta>,
    /// Whether the completion marker is there and nothing says that a writer is still at work.
    pub complete: bool,
}

impl Layout {
    /// Size of the row files in bytes; for Delta, of all data files on disk.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }
}

/// What the objects under `root` are to each other. `objects` are all objects under it but those of nested
/// entries, in any order; `root` ends in `/`.
pub fn layout(root: &str, objects: &[ObjectMeta]) -> Layout {
    let mut under: Vec<Named<'_>> =
        objects.iter().filter_map(|o| Some(Named { path: o.key.as_str().strip_prefix(root)?, object: o })).collect();
    under.sort_by(|a, b| a.path.cmp(b.path));
    let (format, rows, table) = find_rows(root, &under);
    let home = match (format, rows.first()) {
        (RowsFormat::Delta, _) => table.as_deref().and_then(|t| t.strip_prefix(root)).unwrap_or_default(),
        (_, Some(first)) => first.directory(),
        (_, None) => "",
    };
    let complete = if format == RowsFormat::Delta && home.is_empty() { true } else { is_complete(&under, home) };
    Layout {
        root: root.to_owned(),
        format,
        files: rows.iter().map(|n| n.object.clone()).collect(),
        reasons: find_reasons(&under),
        complete,
        table,
    }
}

/// An object by its path below the entry's root.
#[derive(Clone, Copy)]
struct Named<'a> {
    path: &'a str,
    object: &'a ObjectMeta,
}

impl<'a> Named<'a> {
    fn file(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// The directories above it, with the closing `/`; empty at the root.
    fn directory(&self) -> &'a str {
        self.path.strip_suffix(self.file()).unwrap_or_default()
    }

    /// Hidden files, committers' markers and directory placeholders: never rows, never reasons.
    fn is_marker(&self) -> bool {
        self.file().is_empty()
            || self.path.split('/').any(|part| {
                part.starts_with('.')
                    || part == "_SUCCESS"
                    || part == "_temporary"
                    || part == "_delta_log"
                    || part.starts_with("_committed_")
                    || part.starts_with("_started_")
            })
    }

    fn is_parquet(&self) -> bool {
        let file = self.file();
        file.ends_with(".parquet") || file.ends_with(".parq")
    }

    fn is_ndjson(&self) -> bool {
        let file = self.file().strip_suffix(".gz").unwrap_or(self.file());
        file.ends_with(".jsonl")
            || file.ends_with(".ndjson")
            || file == "rejected_rows.json"
            || ((file.starts_with("part-") || self.directory() == "rejected_rows.json/") && file.ends_with(".json"))
    }

    fn is_reasons(&self) -> bool {
        self.path == "error_reasons.json"
            || self.path == "error_reasons.jsonl"
            || ["error_reasons.json/", "error_reasons.jsonl/", "error_reasons/"]
                .iter()
                .any(|d| self.path.starts_with(d))
    }
}

fn find_rows<'a>(root: &str, under: &[Named<'a>]) -> (RowsFormat, Vec<Named<'a>>, Option<String>) {
    if let Some(table) = delta_table(under) {
        let files =
            under.iter().filter(|n| n.path.starts_with(table) && n.is_parquet() && !n.is_marker()).copied().collect();
        return (RowsFormat::Delta, files, Some(format!("{root}{table}")));
    }
    let candidates: Vec<Named<'a>> = under.iter().filter(|n| !n.is_marker() && !n.is_reasons()).copied().collect();
    if let Some(named) = candidates.iter().find(|n| n.path == "rejected_rows.parquet") {
        return (RowsFormat::Parquet, vec![*named], None);
    }
    let parquet: Vec<Named<'a>> = candidates.iter().filter(|n| n.is_parquet()).copied().collect();
    let in_rejected: Vec<Named<'a>> = parquet.iter().filter(|n| n.path.starts_with("rejected_rows")).copied().collect();
    let parquet = if in_rejected.is_empty() { parquet } else { in_rejected };
    match parquet.as_slice() {
        [] => {}
        [one] if one.directory().is_empty() && !one.file().starts_with("part-") => {
            return (RowsFormat::Parquet, parquet, None);
        }
        _ => return (RowsFormat::ParquetDir, parquet, None),
    }
    let lines: Vec<Named<'a>> = candidates.into_iter().filter(Named::is_ndjson).collect();
    if lines.is_empty() { (RowsFormat::None, lines, None) } else { (RowsFormat::Ndjson, lines, None) }
}

/// The directory of the Delta table that holds rows, below the root; empty for the root itself. Some writers
/// make `_SUCCESS`, or the reasons, a Delta directory of its own: those are not rows.
fn delta_table<'a>(under: &[Named<'a>]) -> Option<&'a str> {
    let mut tables: Vec<&str> = under
        .iter()
        .filter_map(|n| {
            let at = if n.path.starts_with("_delta_log/") { 0 } else { n.path.find("/_delta_log/")? + 1 };
            n.path.get(..at)
        })
        .filter(|t| !t.split('/').any(|p| p == "_SUCCESS" || p.starts_with("error_reasons") || p.starts_with('.')))
        .collect();
    tables.sort_by_key(|t| (!t.starts_with("rejected_rows"), t.len(), *t));
    tables.first().copied()
}

fn find_reasons(under: &[Named<'_>]) -> Vec<ObjectMeta> {
    let one = |name: &str| under.iter().find(|n| n.path == name).map(|n| vec![n.object.clone()]);
    let parts = |name: &str| {
        let found: Vec<ObjectMeta> = under
            .iter()
            .filter(|n| n.path.starts_with(name) && !n.is_marker() && n.file().starts_with("part-"))
            .map(|n| n.object.clone())
            .collect();
        (!found.is_empty()).then_some(found)
    };
    one("error_reasons.json")
        .or_else(|| parts("error_reasons.json/"))
        .or_else(|| one("error_reasons.jsonl"))
        .or_else(|| parts("error_reasons.jsonl/"))
        .or_else(|| parts("error_reasons/"))
        .unwrap_or_default()
}

/// A marker at the root or beside the rows, and no sign of a writer at work there.
fn is_complete(under: &[Named<'_>], home: &str) -> bool {
    // `rows.parquet/day=1/part-0`: the marker is at the directory the writer was given, not in the partition.
    let top = home.split_inclusive('/').next().unwrap_or_default();
    let below = |path: &str, directory: &str, name: &str| -> bool {
        path.strip_prefix(directory)
            .and_then(|p| p.strip_prefix(name))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut homes = vec!["", top, home];
    homes.dedup();
    let has = |name: &str| under.iter().any(|n| homes.iter().any(|h| below(n.path, h, name)));
    let unfinished = under.iter().any(|n| {
        n.file().strip_prefix("_started_").is_some_and(|id| {
            let committed = format!("{}_committed_{id}", n.directory());
            homes.contains(&n.directory()) && !under.iter().any(|o| o.path == committed)
        })
    });
    has("_SUCCESS") && !has("_temporary") && !unfinished
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{ETag, Key};
    use chrono::DateTime;

    const ROOT: &str = "_errors/crm/contacts/dt=2026-11-24/";

    fn laid(paths: &[&str]) -> Layout {
        let objects: Vec<ObjectMeta> = paths
            .iter()
            .map(|p| ObjectMeta {
                key: Key(format!("{ROOT}{p}")),
                size: 10,
                etag: ETag("e".into()),
                modified: DateTime::UNIX_EPOCH,
                storage_class: None,
            })
            .collect();
        layout(ROOT, &objects)
    }

    /// Objects, then the format, the rows, the reasons and the completeness that they make.
    type Case = (&'static [&'static str], RowsFormat, &'static [&'static str], &'static [&'static str], bool);

    fn files(of: &[ObjectMeta]) -> Vec<&str> {
        of.iter().filter_map(|o| o.key.as_str().strip_prefix(ROOT)).collect()
    }

    #[test]
    fn the_shapes_met_in_the_wild() {
        use RowsFormat::{Delta, Ndjson, None, Parquet, ParquetDir};
        const PART: &str = "rejected_rows.parquet/part-00000-a.c000.snappy.parquet";
        let cases: &[Case] = &[
            (&[], None, &[], &[], false),
            (&["_SUCCESS"], None, &[], &[], true),
            (
                &["rejected_rows.parquet", "error_reasons.json", "_SUCCESS"],
                Parquet,
                &["rejected_rows.parquet"],
                &["error_reasons.json"],
                true,
            ),
            (&["rejected_rows.parquet", ".rejected_rows.parquet.crc"], Parquet, &["rejected_rows.parquet"], &[], false),
            (&["bad.parquet", "_SUCCESS"], Parquet, &["bad.parquet"], &[], true),
            (&["a.parquet", "b.parquet", "_SUCCESS"], ParquetDir, &["a.parquet", "b.parquet"], &[], true),
            (
                &["rejected_rows.parquet/_SUCCESS", PART, "rejected_rows.parquet/.part-0.crc"],
                ParquetDir,
                &[PART],
                &[],
                true,
            ),
            (&["rejected_rows.parquet/_started_7", PART, "_SUCCESS"], ParquetDir, &[PART], &[], false),
            (
                &["rejected_rows.parquet/_started_7", "rejected_rows.parquet/_committed_7", PART, "_SUCCESS"],
                ParquetDir,
                &[PART],
                &[],
                true,
            ),
            (&["rejected_rows.parquet/_temporary/0/x.parquet", PART, "_SUCCESS"], ParquetDir, &[PART], &[], false),
            (
                &["rejected_rows.parquet/day=1/part-0.parquet", "rejected_rows.parquet/_SUCCESS"],
                ParquetDir,
                &["rejected_rows.parquet/day=1/part-0.parquet"],
                &[],
                true,
            ),
            (
                &["part-00000-x.json", "part-00001-x.json"],
                Ndjson,
                &["part-00000-x.json", "part-00001-x.json"],
                &[],
                false,
            ),
            (
                &["rows.jsonl", "error_reasons.jsonl", "_SUCCESS"],
                Ndjson,
                &["rows.jsonl"],
                &["error_reasons.jsonl"],
                true,
            ),
            (
                &[
                    "error_reasons.json/part-0.json",
                    "error_reasons.json/_SUCCESS",
                    "error_reasons.json/.part-0.json.crc",
                    "rejected_rows.json",
                ],
                Ndjson,
                &["rejected_rows.json"],
                &["error_reasons.json/part-0.json"],
                false,
            ),
            (
                &[
                    "rejected_rows/_delta_log/00000000000000000000.json",
                    "rejected_rows/p=1/part-0.parquet",
                    "_SUCCESS/_delta_log/00000000000000000000.json",
                    "_SUCCESS/part-0.parquet",
                ],
                Delta,
                &["rejected_rows/p=1/part-0.parquet"],
                &[],
                true,
            ),
            (&["_delta_log/00000000000000000000.json", "part-0.parquet"], Delta, &["part-0.parquet"], &[], true),
            (
                &["rejected_rows/_delta_log/00000000000000000000.json", "rejected_rows/part-0.parquet"],
                Delta,
                &["rejected_rows/part-0.parquet"],
                &[],
                false,
            ),
            (&["_SUCCESS/_delta_log/0.json", "notes.txt"], None, &[], &[], true),
        ];
        for (paths, format, rows, reasons, complete) in cases {
            let got = laid(paths);
            assert_eq!(got.format, *format, "{paths:?}");
            assert_eq!(files(&got.files), *rows, "{paths:?}");
            assert_eq!(files(&got.reasons), *reasons, "{paths:?}");
            assert_eq!(got.complete, *complete, "{paths:?}");
        }
    }

    #[test]
    fn the_table_of_rows_is_named_and_not_the_marker() {
        let got = laid(&["_SUCCESS/_delta_log/0.json", "rejected_rows/_delta_log/0.json"]);
        assert_eq!(got.table, Some(format!("{ROOT}rejected_rows/")));
        assert_eq!(laid(&["_delta_log/0.json"]).table, Some(ROOT.to_owned()));
    }
}
