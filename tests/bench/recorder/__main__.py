# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of the recorder's bench, in the order of its table; tests/bench/recorder.sh says what they are."""
import os
import sys

import cost
import delivery
import machine
import stacks

PARTS = {
    "stacks": stacks.main,
    "bpf": cost.bpf,
    "own": cost.own,
    "first": delivery.first,
    "new": delivery.new,
    "due": delivery.due,
    "short": delivery.brief,
    "slowdown": cost.slowdown,
    "size": cost.size,
}

if __name__ == "__main__":
    wanted = sys.argv[1:2] or list(PARTS)
    if wanted[0] not in PARTS:
        sys.exit(f"recorder: no part '{wanted[0]}'; there are {' '.join(PARTS)}")
    machine.build()
    if os.getloadavg()[0] > 0.5 * len(machine.CPUS):
        machine.say(f"the load average is {os.getloadavg()[0]:.1f}: expect noise")
    for part in wanted:
        PARTS[part](sys.argv[2:])
