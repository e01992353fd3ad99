# SPDX-License-Identifier: GPL-2.0-or-later
"""The recorder beside perf, bpftrace and a floor of its own; see tests/bench/recorder.sh."""
import sys

import cost
import delivery
import machine
import stacks
import tables

PARTS = {"stacks": stacks.main, "bpf": cost.bpf, "own": cost.own, "slowdown": cost.slowdown, "size": cost.size,
         "due": delivery.due, "short": delivery.brief, "first": delivery.first, "new": delivery.new, "rows": tables.main}

if __name__ == "__main__":
    wanted = sys.argv[1:2] or list(PARTS)
    if wanted[0] not in PARTS:
        sys.exit(f"recorder: no part '{wanted[0]}'; there are {' '.join(PARTS)}")
    machine.build()
    for part in wanted:
        PARTS[part](sys.argv[2:])
