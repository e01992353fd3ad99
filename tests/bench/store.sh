#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A day of 10^6 rows in one segment: the query against DuckDB, the bytes against pyarrow.
. "${0%/*}/lib.sh"

day_evp
rm -rf "$W/day.d"
evp-store add -q --every 1d "$W/day.d" "$W/day.evp"
mapfile -t segments < <(find "$W/day.d" -name '*.parquet')
[ ${#segments[@]} = 1 ] || echo "bench: ${#segments[@]} segments, not one" >&2

peer() { # WHAT: sets $theirs and $their_peak
	theirs=- their_peak=-
	IFS=$'\t' read -r theirs their_peak < <("$PEERS/bin/python" tests/bench/store_peer.py "$1" "${segments[0]}") || :
}

cost "evp-query -s '$W/day.d' cpu | evp-fold"
peer query
row 'query and fold 24 h' "$cost" 's CPU' "$peak" 'duckdb, 1 thread' "$theirs" "$their_peak" 1x
peer own
own=$theirs
peer write
row 'segment without its blob' "$own" bytes - 'pyarrow, same level' "$theirs" "$their_peak" 0.83x
