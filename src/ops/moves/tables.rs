//! Tables among files: one is moved whole and among its own, or not at all. Taking a file out of a Delta or Iceberg
//! table by its key breaks every reader of it.

use std::collections::BTreeSet;

use crate::lake::{Lake, LakeError, ListRequest};
use crate::model::moves::{Refusal, RefusalCode};

/// What makes a prefix a table of some kind.
const SIGNS: [(&str, &str); 3] = [("_delta_log/", "Delta"), ("metadata/", "Iceberg"), (".hoodie/", "Hudi")];

/// Why `source` cannot be moved for the sake of a table; nothing if no table is in the way. `own` says that it is a
/// place where whole Delta tables may be moved: dead letters, quarantine, archive.
pub async fn in_the_way(
    lake: &dyn Lake,
    source: &str,
    own: bool,
    keys: impl IntoIterator<Item = &str>,
) -> Result<Vec<Refusal>, LakeError> {
    let inside = roots(source, keys);
    let mut all: Vec<Refusal> = inside
        .iter()
        .filter(|(_, kind)| !own || *kind != "Delta")
        .map(|(root, kind)| {
            refuse(root, &format!("it is {} {kind} table: move it with the table's own tools", article(kind)))
        })
        .collect();
    // A table of its own inside another one's folder is no part of that one.
    if inside.iter().any(|(root, _)| root == source) {
        return Ok(all);
    }
    let above = source.match_indices('/').map(|(at, _)| &source[..=at]).filter(|above| *above != source);
    let looked = above.map(async |above| Ok::<_, LakeError>((above, table_at(lake, above).await?)));
    for (above, kind) in futures::future::try_join_all(looked).await? {
        if let Some(kind) = kind {
            all.push(refuse(source, &format!("it is a part of the {kind} table {above}: moving its files breaks it")));
        }
    }
    Ok(all)
}

fn article(kind: &str) -> &'static str {
    if kind == "Iceberg" { "an" } else { "a" }
}

fn refuse(object: &str, detail: &str) -> Refusal {
    Refusal { code: RefusalCode::Table, object: object.to_owned(), detail: detail.to_owned() }
}

/// The roots of tables among objects, and their kinds.
fn roots<'a>(source: &str, keys: impl IntoIterator<Item = &'a str>) -> BTreeSet<(String, &'static str)> {
    let mut roots = BTreeSet::new();
    for key in keys {
        let Some(below) = key.strip_prefix(source) else { continue };
        for (sign, kind) in SIGNS {
            let at = if below.starts_with(sign) { Some(0) } else { below.find(&format!("/{sign}")).map(|i| i + 1) };
            let Some(at) = at else { continue };
            if is_sign(sign, &below[at + sign.len()..]) {
                roots.insert((format!("{source}{}", &below[..at]), kind));
            }
        }
    }
    // `_SUCCESS` that some writers make a table is a marker all the same.
    roots.retain(|(root, _)| !root.ends_with("/_SUCCESS/"));
    roots
}

/// `metadata/` is a common name: only what Iceberg writes there is a sign.
fn is_sign(sign: &str, name: &str) -> bool {
    sign != "metadata/" || name.ends_with(".metadata.json") || name == "version-hint.text"
}

async fn table_at(lake: &dyn Lake, prefix: &str) -> Result<Option<&'static str>, LakeError> {
    let looked = SIGNS.map(async |(sign, kind)| {
        let folder = format!("{prefix}{sign}");
        let request = ListRequest { prefix: folder.clone(), ..ListRequest::default() };
        let page = lake.list(&request).await?;
        let mut names = page.objects.iter().filter_map(|o| o.key.as_str().strip_prefix(&folder));
        Ok::<_, LakeError>(names.any(|name| is_sign(sign, name)).then_some(kind))
    });
    Ok(futures::future::try_join_all(looked).await?.into_iter().flatten().next())
}
