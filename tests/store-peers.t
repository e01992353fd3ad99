#!/bin/sh
# Other engines read a segment as it lies: the same sums as what went in, types, checksums, no surprise.
. "${0%/*}/lib.sh"
P=$TOP/build/peers/bin/python
"$P" -c 'import duckdb' 2>/dev/null || skip_all 'no duckdb'

awk 'BEGIN {
	print "ts\tnode\tcomm\tpid\track\tsamples\tstack"
	for (i = 0; i < 200000; i++)
		printf "%d\tn%d\tc%d\t%d\tr%d\t%d\tmain;f%d;g%d\n", 1759968000 + int(i / 100) * 10,
			i % 2, i % 5, 100 + i % 7, i % 2, i % 4 + 1, i * i % 61, i % 11
}' >"$T/rows.tsv"
evp-import -q -f tsv --period 1000 "$T/rows.tsv" | evp-store add --every 1d -s "$T/s"
file=$(find "$T/s" -name '*.parquet')

status 'DuckDB: the sums by stack, window and label' 0 "$P" - "$file" "$T/rows.tsv" <<'EOF2'
import duckdb, sys
ours = f"select epoch_ms(ts) // 1000 t, node, comm, pid, labels->>'rack' r, stack, sum(samples)::bigint n from '{sys.argv[1]}' group by all"
rows = f"select ts t, node, comm, pid, rack r, stack, sum(samples)::bigint n from read_csv('{sys.argv[2]}', delim='\t', quote='') group by all"
assert duckdb.sql(f"select count(*) from (({ours}) except all ({rows}))").fetchall()[0][0] == 0
assert duckdb.sql(f"select count(*) from (({rows}) except all ({ours}))").fetchall()[0][0] == 0
n, samples, value = duckdb.sql(f"select count(*), sum(samples), sum(value) from '{sys.argv[1]}' where service = comm").fetchall()[0]
assert samples == 500000 and value == samples * 1000, (n, samples, value)
assert duckdb.sql(f"select count(*) from '{sys.argv[1]}' where node = 'n1' and pid = 100 and ts < '2025-10-09 01:00:00Z'").fetchall()[0][0] > 0
EOF2
# 55 MB: CI has it, a plain make check does not fetch it.
"$P" -c 'import pyarrow' 2>/dev/null || { skip 'what pyarrow reads' 'no pyarrow'; done_testing; }
status 'pyarrow: schema, sort order, statistics, page checksums' 0 "$P" - "$file" <<'EOF2'
import pyarrow as pa, pyarrow.parquet as pq, sys
t = pq.read_table(sys.argv[1], page_checksum_verification=True)
text, number = pa.string(), pa.int64()
want = [("ts", pa.timestamp("ms", "UTC")), ("duration_ms", number)] + [(c, text) for c in
    "node service namespace pod container unit cgroup exe comm".split()] + [(c, pa.int32()) for c in "pid tid cpu".split()] + [
    ("labels", text), ("samples", number), ("value", number), ("stack", text), ("variant", pa.int32())]
assert [(f.name, f.type) for f in t.schema] == want, t.schema
assert not any(f.nullable for f in t.schema)
m = pq.ParquetFile(sys.argv[1]).metadata
g = m.row_group(0)
assert m.created_by.startswith("evprofiler version "), m.created_by
assert [t.schema.names[s.column_index] for s in g.sorting_columns][-1] == "ts"
c = g.column(t.schema.names.index("comm"))
assert (c.statistics.min, c.statistics.max, c.statistics.null_count) == ("c0", "c4", 0) and c.compression == "ZSTD"
keys = "service node container pod namespace unit comm pid tid cpu labels ts".split()
rows = list(zip(*[t[k].to_pylist() for k in keys], [s.replace(";", "\0") for s in t["stack"].to_pylist()]))
assert rows == sorted(rows)
assert int(m.metadata[b"evp.samples"]) == sum(t["samples"].to_pylist()) == 500000
EOF2
status 'the size is within 1.2 of pyarrow, the blob apart' 0 "$P" - "$file" "$T/pyarrow.parquet" <<'EOF2'
import os, sys, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1])
pq.write_table(t, sys.argv[2], compression="zstd", compression_level=3, row_group_size=1 << 30, store_schema=False,
    use_dictionary=[c for c in t.schema.names if c != "ts"], column_encoding={"ts": "DELTA_BINARY_PACKED"})
blob = int(pq.ParquetFile(sys.argv[1]).metadata.metadata[b"evp.blob"].split(b",")[1])
ours, theirs = os.path.getsize(sys.argv[1]) - blob, os.path.getsize(sys.argv[2])
print("#", ours, theirs)
assert ours <= 1.2 * theirs
EOF2
cp "$file" "$T/x" && printf 'X' | dd of="$T/x" bs=1 seek=3000 conv=notrunc 2>/dev/null
status 'pyarrow finds a flipped byte by our checksums' 1 "$P" -c \
	"import pyarrow.parquet as q; q.read_table('$T/x', page_checksum_verification=True)"
done_testing
