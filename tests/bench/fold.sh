#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Folding 10^6 samples with 40,000 stacks and more, against inferno on the same samples as text.
. "${0%/*}/lib.sh"

day_evp
evp-stream dump "$W/day.evp" >"$W/day.txt"

cost "evp-fold '$W/day.evp'"
ours=$cost our_peak=$peak theirs=- their_peak=-
if command -v inferno-collapse-perf >/dev/null; then
	cost "inferno-collapse-perf -n 1 '$W/day.txt'" 3
	theirs=$cost their_peak=$peak
fi
row 'fold 10^6 samples' "$ours" 's CPU' "$our_peak" 'inferno -n 1' "$theirs" "$their_peak" '20x'
row 'fold 10^6 samples, memory' "$our_peak" MiB "$our_peak" 'inferno -n 1' "$their_peak" "$their_peak" '2x'
