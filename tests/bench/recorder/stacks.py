# SPDX-License-Identifier: GPL-2.0-or-later
"""stacks [CASE...]: the share of samples whose stack reaches its root, by kind of program."""
import os, signal, time
from collections import Counter

from machine import CPUS, EVP, PERF, W, finish, kill, row, run, say, short, start, workload
from samples import Program, is_apart, is_cut, of_bpftrace, of_evp, of_perf, reached_jit

# Workloads: tests/bench/workloads. All C is without frame pointers; qsort, static and thread are
# about 52 frames: 40 calls, libc's qsort, its callback. node and java: the native frames down to
# the first one of their compilers.
CASES = {
    "qsort": "stacks qsort",
    "static": "stacks-static qsort",
    "thread": "stacks thread",
    "signal": "stacks signal",
    "vdso": "stacks vdso",
    "recursion100": "stacks 100",
    "recursion300": "stacks 300",
    "recursion500": "stacks 500",
    "exceptions": "exceptions",
    "rust": "rust",
    "go": "go",
    "python": "python.py",
    "node": "node.js",
    "java": "Java",
}
JIT = ("node", "java")
YOUNG = 0.05  # seconds
HZ = 199
BPFTRACE = f"profile:hz:{HZ} {{ @[pid, ustack] = count(); }}"
PEERS = ("perf --call-graph dwarf,16384", "perf -g", "bpftrace")


def play(cases):
    """Runs the workloads, one a CPU at a time; they sleep afterwards: {case: (process, started)}."""
    ms = short(2500, 8000)
    played, waiting = {}, [c for c in cases if workload(CASES[c], "1")]
    while waiting:
        batch, waiting = waiting[:len(CPUS)], waiting[len(CPUS):]
        for cpu, case in zip(CPUS, batch):
            played[case] = (run(workload(CASES[case], f"{ms}s"), cpu), time.time())
        until = time.time() + 3 * ms / 1000
        while time.time() < until and any(state(played[c][0].pid) != "S" for c in batch):
            time.sleep(0.2)
    return played


def state(pid):
    """S once all its threads sleep."""
    states = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as f:
            states.add(f.read().rsplit(")", 1)[1].split()[0])
    return "S" if states == {"S"} else "R"


def judge(case, program, samples, started):
    """Counts of the old enough samples of one process: whole, cut (with a reason), neither, apart."""
    counts = Counter()
    for s in samples:
        if s.time - started < YOUNG:
            counts["young"] += 1
        elif is_apart(s):
            counts["apart"] += 1
        elif s.frames and program.is_root(s.frames[-1]) or case in JIT and reached_jit(s):
            counts["whole"] += 1
        elif is_cut(s):
            counts["cut"] += 1
            counts[s.frames[-1][0]] += 1
        else:
            counts["neither"] += 1
    return counts


def by_pid(samples):
    split = {}
    for s in samples:
        split.setdefault(s.pid, []).append(s)
    return split


def share(counts, what="whole"):
    n = counts["whole"] + counts["cut"] + counts["neither"]
    return 100 * counts[what] / n if n else None


def bpftrace_counts(path, programs):
    counts = {pid: Counter() for pid in programs}
    for pid, frames, n in of_bpftrace(path):
        if pid in programs:
            counts[pid]["whole" if frames and programs[pid].is_root(frames[-1]) else "neither"] += n
    return counts


def record(cases):
    """All recorders over the same workloads: ({case: (process, started)}, {pid: Program}, {recorder: ended})."""
    commands = {
        "evp": EVP + ["-F", str(HZ), "--window", "1ms", "-i", "1", "-o", f"{W}/stacks.evp"],
        PEERS[0]: PERF + ["-F", "49", "--call-graph", "dwarf,16384", "-o", f"{W}/stacks.dwarf"],
        PEERS[1]: PERF + ["-F", str(HZ), "-g", "-o", f"{W}/stacks.fp"],
        PEERS[2]: ["bpftrace", "-e", BPFTRACE],
    }
    with open(f"{W}/stacks.bpftrace", "w") as log:
        running = {name: start(c, log) for name, c in commands.items()}
        time.sleep(2)
        played = play(cases)
        programs = {p.pid: Program(p.pid) for p, _ in played.values()}
        ended = {name: finish(p) for name, p in running.items()}
    return played, programs, ended


def print_case(case, counts, peak):
    title = f"stacks {case}"
    whole = "whole, or to a JIT frame" if case in JIT else "whole"
    ours = counts["evp"]
    n = ours["whole"] + ours["cut"] + ours["neither"]
    for peer in PEERS:
        row(f"{title}: {whole}", share(ours), f"% of {n} samples", peer, share(counts[peer]),
            "at least 99.5" if peer == PEERS[0] else "-", peak)
    row(f"{title}: cut, with the reason", share(ours, "cut"), f"% of {n} samples", asked="the rest")
    row(f"{title}: neither", share(ours, "neither"), f"% of {n} samples", asked="0")
    reasons = ", ".join(f"{k} {v}" for k, v in sorted(ours.items()) if k.startswith("[cut:"))
    say(f"{title}: {reasons or 'no cut'}; apart: {ours['apart']} in exec or exit, {ours['young']} younger than 50 ms")


def main(cases):
    unknown = set(cases) - set(CASES)
    if unknown:
        raise SystemExit(f"stacks: no case {' '.join(unknown)}; there are {' '.join(CASES)}")
    played, programs, ended = record(cases or CASES)
    try:
        split = {
            "evp": by_pid(of_evp(f"{W}/stacks.evp")) if ended["evp"] else {},
            PEERS[0]: by_pid(s for s in of_perf(f"{W}/stacks.dwarf") if s.pid in programs) if ended[PEERS[0]] else {},
            PEERS[1]: by_pid(s for s in of_perf(f"{W}/stacks.fp") if s.pid in programs) if ended[PEERS[1]] else {},
        }
        traced = bpftrace_counts(f"{W}/stacks.bpftrace", programs)
        for case in cases or CASES:
            p, started = played.get(case, (None, 0))
            counts = {name: judge(case, programs[p.pid], s.get(p.pid, []), started) if p else Counter()
                      for name, s in split.items()}
            counts[PEERS[2]] = traced[p.pid] if p else Counter()
            print_case(case, counts, ended["evp"] and ended["evp"][1])
    finally:
        kill(p for p, _ in played.values())
