"""What benches/repair.rs is compared with: a parquet file read, cast to a contract's types and written, by pyarrow."""

import resource
import sys
import time

import pyarrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet

source, target = sys.argv[1:3]
began = time.perf_counter()
table = parquet.read_table(source)
wanted = pyarrow.schema(
    [
        ("order_id", pyarrow.int64()),
        ("amount", pyarrow.decimal128(10, 2)),
        ("day", pyarrow.date32()),
        ("quantity", pyarrow.int64()),
        ("ratio", pyarrow.float64()),
        ("customer", pyarrow.string()),
        ("note", pyarrow.string()),
        ("status", pyarrow.string()),
    ]
)
columns = []
for field in wanted:
    if field.name in table.column_names:
        columns.append(compute.cast(table.column(field.name), field.type))
    else:
        columns.append(pyarrow.nulls(table.num_rows, field.type))
parquet.write_table(pyarrow.table(columns, schema=wanted), target)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(seconds, peak, table.num_rows)
