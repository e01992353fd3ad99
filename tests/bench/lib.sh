# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A bench is an executable tests/bench/NAME.sh that prints one row a case, ours beside the peer's,
# both measured in this run. Sourced from there; runs in the source tree.
#
# Inputs come from ../shared/bench (or EVP_BENCH_DATA), else from gen.py, and are kept in build/bench.
# EVP_BENCH_SHORT=1 shortens what waits for the clock. What cannot be had is `-`.
set -eu -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
B=${B:-build}
PEERS=$PWD/build/peers
PATH=$PWD/$B/bin:$PATH:$PEERS/cargo/bin
DATA=${EVP_BENCH_DATA:-../shared/bench}
W=$B/bench
mkdir -p "$W"

# cost COMMAND [RUNS] [-w]: sets $cost (seconds) and $peak (MiB).
# shellcheck disable=SC2034 # for the caller
# shellcheck disable=SC2086 # no -w is no argument
cost() { IFS=$'\t' read -r cost peak < <(tests/bench/measure -n "${2:-5}" ${3:-} "$1"); }

# row CASE OURS UNIT PEAK PEER THEIRS PEER_PEAK WANTED: the ratio is theirs / ours.
row() {
	local ratio=-
	case "$2$6" in *-*) ;; *) ratio=$(awk -v a="$2" -v b="$6" 'BEGIN { if (a > 0) printf "%.2f", b / a; else print "-" }') ;; esac
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$ratio" "$8"
}

# A day of 10^6 rows and more than 40,000 stacks, as a table and as a stream: made from recorded
# stacks where the generator is at hand, else made up by gen.py.
day_tsv() {
	[ -s "$W/day.tsv" ] && return
	if [ -f "$DATA/gen_store.py" ]; then
		python3 "$DATA/gen_store.py" --rows 1000000 --out "$W/day" "$DATA/real.folded.zst" >&2
		python3 "$DATA/flat.py" "$W/day" >"$W/day.tsv.part"
	else
		echo "bench: no $DATA, the day is made up" >&2
		python3 tests/bench/gen.py 1000000 >"$W/day.tsv.part"
	fi
	mv "$W/day.tsv.part" "$W/day.tsv"
	rm -rf "$W/day"
}

day_evp() {
	day_tsv
	evp-import -q -f tsv -o "$W/day.evp" "$W/day.tsv"
}
