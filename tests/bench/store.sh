#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A day of 10^6 rows in one segment: the query against DuckDB, the bytes against pyarrow.
. "${0%/*}/lib.sh"

day_evp
if [ ! -d "$W/day.d" ]; then
	rm -rf "$W/day.d.part"
	evp-store add --every 1d "$W/day.d.part" "$W/day.evp"
	mv "$W/day.d.part" "$W/day.d"
fi
mapfile -t segments < <(find "$W/day.d" -name '*.parquet')
[ ${#segments[@]} = 1 ] || echo "bench: ${#segments[@]} segments, not one" >&2

peer() { "$PEERS/bin/python" tests/bench/store_peer.py "$@" || echo -; }

cost "evp-query -s '$W/day.d' cpu | evp-fold"
row 'query and fold 24 h' "$cost" 's CPU' "$peak" 'duckdb, 1 thread' "$(peer query "${segments[0]}")" - '1x'
row 'segment without its blob' "$(peer own "${segments[0]}")" bytes - 'pyarrow, same level' \
	"$(peer write "${segments[0]}")" - '0.83x'
