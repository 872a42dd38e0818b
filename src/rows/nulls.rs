//! Whether a column holds nulls, as the footers' statistics have it: no row is read.

use parquet::file::metadata::ParquetMetaData;

/// Nulls of a top-level column; `None` where it is nested or a row group has no such statistics.
pub(super) fn of(metadata: &ParquetMetaData, root: usize) -> Option<u64> {
    let schema = metadata.file_metadata().schema_descr();
    let mut leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == root);
    let (leaf, None) = (leaves.next()?, leaves.next()) else { return None };
    // A list or map of one leaf counts its elements there, not its rows.
    if schema.column(leaf).max_rep_level() > 0 || schema.column(leaf).max_def_level() > 1 {
        return None;
    }
    metadata.row_groups().iter().map(|g| g.columns().get(leaf)?.statistics()?.null_count_opt()).sum()
}
