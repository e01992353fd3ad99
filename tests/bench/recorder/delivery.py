# SPDX-License-Identifier: GPL-2.0-or-later
"""What arrives, and when: samples of those due, short processes, the first sample, a new process."""
import os, re, time

from machine import CPUS, EVP, NOTED, PERF, W, busy, finish, kill, lines, median, row, run, say, short, start, workload
from samples import KERNEL, Program, heads_of_perf, is_apart, is_cut, of_evp, of_perf


def reap(p):
    """Waits: user + system CPU seconds of a process."""
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = status
    return used.ru_utime + used.ru_stime


def recorders(name, hz, *more):
    return {
        "evp": EVP + ["-F", str(hz), "--window", "1ms", "-i", "1", "-o", f"{W}/{name}.evp"],
        "perf -g": PERF + ["-F", str(hz), "-g", "-o", f"{W}/{name}.data"],
    }


# ---- samples due


def due(_=()):
    """Pinned loops, a CPU each: samples of theirs in percent of rate x their CPU time, both recorders at once."""
    noted = {99: 89.0, 999: 77.0}
    for hz in (99, 999):
        commands = {
            "evp": EVP + ["-F", str(hz), "-o", f"{W}/due.evp"],
            "perf -g": PERF + ["-F", str(hz), "-g", "-o", f"{W}/due.data"],
        }
        running = {n: start(c) for n, c in commands.items()}
        time.sleep(2)
        loops = [run(workload("stacks qsort", short(15, 60) * 1000), cpu) for cpu in CPUS]
        used = sum(reap(p) for p in loops)
        time.sleep(0.2)
        ended = {n: finish(p) for n, p in running.items()}
        pids = {p.pid for p in loops}
        got = {
            "evp": sum(s.pid in pids for s in of_evp(commands["evp"][-1], names=False)) if ended["evp"] else None,
            "perf -g": sum(s.pid in pids for s in heads_of_perf(commands["perf -g"][-1])) if ended["perf -g"] else None,
        }
        percent = {n: 100 * g / (hz * used) if g is not None else None for n, g in got.items()}
        title = f"due: samples delivered of {hz * used:.0f} due, {hz} Hz"
        row(title, percent["evp"], "%", "perf -g", percent["perf -g"], "at least 99.5", *peaks(ended))
        row(title, percent["evp"], "%", NOTED, noted[hz])


def peaks(ended):
    return [ended[n] and ended[n][1] for n in ("evp", "perf -g")]


# ---- processes that end soon


def brief(_=()):
    """600 processes of 20 ms CPU time, as many at once as there are CPUs, at 99 Hz."""
    commands = recorders("short", 99)
    commands["evp"][-2:-2] = ["--labels", "comm,pid,exe,build_id"]
    running = {n: start(c) for n, c in commands.items()}
    time.sleep(2)
    used, alive, pids = 0, [], set()
    for i in range(600):
        if len(alive) == len(CPUS):
            used += reap(alive.pop(0))
        alive.append(run(workload("short qsort", 20), CPUS[i % len(CPUS)]))
        pids.add(alive[-1].pid)
    used += sum(reap(p) for p in alive)
    time.sleep(1)
    ended = {n: finish(p) for n, p in running.items()}
    n = 99 * used
    theirs = sum(s.comm == "short" and s.pid in pids for s in heads_of_perf(commands["perf -g"][-1])) if ended["perf -g"] else 0
    mine = [s for s in of_evp(commands["evp"][-1]) if s.comm == "short" and s.pid in pids] if ended["evp"] else []
    named = labelled(commands["evp"][-1]) if ended["evp"] else 0
    program = Program(os.getpid())  # only names matter: the C library's start is _start
    visible = [s for s in mine if not is_apart(s)]
    whole = sum(bool(s.frames) and program.is_root(s.frames[-1]) for s in visible)
    reasons = sum(is_cut(s) for s in visible)
    row(f"short: samples of 600 processes of 20 ms, of {n:.0f} due", 100 * len(mine) / n, "%", "perf -g", 100 * theirs / n,
        asked="-", peak=peaks(ended)[0], their_peak=peaks(ended)[1])
    row("short: the same", 100 * len(mine) / n, "%", NOTED, 57.0)
    row("short: with comm, executable and build ID, of perf's samples", 100 * named / theirs if theirs else None, "%",
        asked="at least 97")
    share = 100 / len(visible) if visible else None
    row("short: with a whole stack, of ours", share and whole * share, "%", asked="at least 95")
    row("short: cut, with the reason", share and reasons * share, "%")
    say(f"short: {len(mine) - len(visible)} of {len(mine)} samples apart, in exec or exit")


def labelled(path):
    """Samples of the comm `short` that know their executable and its build ID."""
    n = 0
    for line in lines(["evp-fold", "-q", "--by", "comm,exe,build_id", path]):
        m = re.match(r"short;/[^;]*/short;([^;]+);?.* (\d+)$", line)
        if m and re.fullmatch(r"[0-9a-f]{8,}", m[1]):
            n += int(m[2])
    return n


# ---- first samples


def first(_=()):
    """Median time from exec of the recorder to its first sample, by turns."""
    commands = recorders("first", 999)
    took = {name: [] for name in commands}
    with busy():
        for _ in range(10):
            for name, command in commands.items():
                before = time.time()
                p = start(command)
                time.sleep(0.7)
                if finish(p):
                    samples = of_evp(command[-1], names=False) if name == "evp" else heads_of_perf(command[-1])
                    took[name].append(min((s.time for s in samples), default=None) - before)
    row("first: exec to first sample, median of 10", median(took["evp"]), "s", "perf -g", median(took["perf -g"]),
        "at most 0.15", digits=3)
    row("first: exec to first sample, median of 10", median(took["evp"]), "s", NOTED, 2.7, digits=3)


def strange_copy(i):
    """A program that no recorder has seen: the deep C stacks with a build ID of their own."""
    with open(f"{W}/stacks", "rb") as f:
        program = f.read()
    note = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"
    at = program.index(note) + len(note)
    with open(f"{W}/new.{i}", "wb") as f:
        f.write(program[:at] + os.urandom(20) + program[at + 20:])
    os.chmod(f"{W}/new.{i}", 0o755)
    return f"{W}/new.{i}"


def new(_=()):
    """Median time from the start of a process to its first whole stack, of perf to its first user frame."""
    commands = recorders("new", 99)
    running = {n: start(c) for n, c in commands.items()}
    time.sleep(2)
    started, programs, seen = {}, {}, {True: [], False: []}
    for strange in (True, False):
        for i in range(20):
            path = strange_copy(i) if strange else f"{W}/new.0"
            at = time.time()
            p = run([path, "qsort", "600s"], CPUS[i % len(CPUS)])
            time.sleep(0.4)
            started[p.pid], programs[p.pid] = at, Program(p.pid)
            seen[strange].append(p.pid)
            kill([p])
    ended = {n: finish(p) for n, p in running.items()}
    ours = first_of(of_evp(commands["evp"][-1]), started, lambda s: programs[s.pid].is_root(s.frames[-1])) if ended["evp"] else {}
    theirs = first_of(of_perf(commands["perf -g"][-1]), started, lambda s: s.frames[-1][1] != KERNEL) if ended["perf -g"] else {}
    for strange, title in ((True, "a program never seen"), (False, "a known program")):
        title = f"new: process to its first whole stack, {title}, 99 Hz, median of 20"
        mine = middle(ours, seen[strange])
        row(title, mine, "ms", "perf -g, its first user frame", middle(theirs, seen[strange]), "at most 50", digits=1)
        row(title, mine, "ms", NOTED, 260.0, digits=1)


def first_of(samples, started, good):
    """{pid: ms from its start to its first good sample}"""
    waits = {}
    for s in samples:
        if s.pid in started and s.frames and good(s):
            ms = 1e3 * (s.time - started[s.pid])
            waits[s.pid] = min(ms, waits.get(s.pid, ms))
    return waits


def middle(waits, pids):
    """The median, of those too that never came."""
    ms = median([waits.get(pid, float("inf")) for pid in pids])
    return "never" if ms == float("inf") else ms
