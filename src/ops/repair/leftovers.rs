//! What repairs of an entry that were cut off have left: files beside which no manifest lies. Nobody may take them for
//! whole, and the next repair of that entry, which holds its lease, takes them away.

use std::collections::BTreeSet;

use crate::lake::{ETag, Key, LakeError, LakeWriter};
use crate::model::repair::{FAILING, MANIFEST, PASSED, RepairPlan};
use crate::ops::moves::compare_listing;

/// Clears up before a repair, and tells of how many earlier ones something was left.
pub(in crate::ops) async fn clear(lake: &dyn LakeWriter, plan: &RepairPlan) -> Result<usize, LakeError> {
    let Some(place) = plan.target.strip_suffix(&format!("{}/", plan.id)) else { return Ok(0) };
    lake.abandon_uploads(place).await?;
    let listed = compare_listing(lake, place).await?;
    let objects = listed.into_values().map(|o| (o.key, o.etag));
    let left = halves(place, objects.collect());
    let mut repairs = BTreeSet::new();
    for (key, etag) in left {
        lake.delete(&key, Some(&etag)).await?;
        repairs.extend(key.as_str().rsplit_once('/').map(|(folder, _)| folder.to_owned()));
    }
    Ok(repairs.len())
}

/// The files of repairs without a manifest. A folder below that is no id, or a name that no repair writes, is not ours.
fn halves(place: &str, objects: Vec<(Key, ETag)>) -> Vec<(Key, ETag)> {
    let parts = |key: &Key| {
        let (id, name) = key.as_str().strip_prefix(place)?.split_once('/')?;
        Some((id.to_owned(), name.to_owned()))
    };
    let named = objects.iter().filter_map(|(key, _)| parts(key));
    let whole: BTreeSet<String> = named.filter(|(_, name)| name == MANIFEST).map(|(id, _)| id).collect();
    let is_half =
        |key: &Key| parts(key).is_some_and(|(id, name)| !whole.contains(&id) && (name == PASSED || name == FAILING));
    objects.into_iter().filter(|(key, _)| is_half(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_repairs_without_a_manifest_are_left_over() {
        let place = "_lakeward/repaired/a/dt=2026-11-22/";
        let objects = [
            "1/part-0000.parquet",
            "1/manifest.json",
            "2/part-0000.parquet",
            "2/_failing-0000.parquet",
            "3/notes.txt",
            "run_id=x/4/part-0000.parquet",
            "part-0000.parquet",
        ];
        let objects = objects.map(|name| (Key(format!("{place}{name}")), ETag("e".into())));
        let left = halves(place, objects.to_vec());
        let left: Vec<&str> = left.iter().filter_map(|(key, _)| key.as_str().strip_prefix(place)).collect();
        assert_eq!(left, ["2/part-0000.parquet", "2/_failing-0000.parquet"]);
    }
}
