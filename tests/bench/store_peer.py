# SPDX-License-Identifier: GPL-2.0-or-later
"""What DuckDB and pyarrow need for a segment: query | own | write SEGMENT. One figure, or nothing."""
import os, resource, sys, tempfile

what, path = sys.argv[1:]


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if what == "query":  # CPU seconds, best of 5 after a warm-up
    import duckdb

    con = duckdb.connect()
    con.execute("set threads = 1")
    sql = "select comm, stack, sum(samples) from read_parquet(?) group by comm, stack"
    best = None
    for run in range(6):
        start = cpu()
        con.execute(sql, [path]).fetchall()
        took = cpu() - start
        if run:
            best = took if best is None else min(best, took)
    print(f"{best:.3f}")
elif what == "own":  # bytes of the file less those of the precision blob
    import pyarrow.parquet as pq

    meta = pq.read_metadata(path).metadata or {}
    blob = meta.get(b"evp.blob", b"0,0,0").split(b",")
    print(os.path.getsize(path) - int(blob[1]))
elif what == "write":  # bytes that pyarrow needs for the same columns and rows
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    with tempfile.NamedTemporaryFile(suffix=".parquet") as out:
        pq.write_table(table, out.name, compression="zstd", compression_level=LEVEL)
        print(os.path.getsize(out.name))
