# SPDX-License-Identifier: GPL-2.0-or-later
"""What DuckDB and pyarrow make of a segment: query | own | write SEGMENT. "FIGURE<TAB>PEAK MiB"."""
import os, resource, sys, tempfile

LEVEL = 3  # as evp-store add uses

what, path = sys.argv[1:]


def used():
    return resource.getrusage(resource.RUSAGE_SELF)


def cpu():
    return used().ru_utime + used().ru_stime


def tell(figure):
    print(figure, f"{used().ru_maxrss / 1024:.0f}", sep="\t")


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
    tell(f"{best:.3f}")
elif what == "own":  # bytes of the file less those of the precision blob
    import pyarrow.parquet as pq

    meta = pq.read_metadata(path).metadata or {}
    blob = meta.get(b"evp.blob", b"0,0,0").split(b",")
    tell(os.path.getsize(path) - int(blob[1]))
elif what == "write":  # bytes for the same columns and rows, with room for the stacks' dictionary
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    with tempfile.NamedTemporaryFile(suffix=".parquet") as out:
        pq.write_table(table, out.name, compression="zstd", compression_level=3,
                       dictionary_pagesize_limit=1 << 28)
        tell(os.path.getsize(out.name))
