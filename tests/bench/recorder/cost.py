# SPDX-License-Identifier: GPL-2.0-or-later
"""What sampling costs: BPF time a sample, own CPU and memory, slowdown, bytes a sample."""
import contextlib, json, math, os, statistics, struct, subprocess, time

from machine import (CPUS, EVP, NOTED, PERF, W, busy, drop, finish, median, resident, row, say, short, spent, start,
                     text)
from samples import heads_of_perf, samples_of_evp

BPFTRACE = "profile:hz:{} {{ @[kstack, ustack, comm] = count(); }}"
STATS = "/proc/sys/kernel/bpf_stats_enabled"


# ---- BPF time


@contextlib.contextmanager
def bpf_stats():
    """The kernel counts runs and run time of BPF programs inside."""
    with open(STATS) as f:
        before = f.read()
    with open(STATS, "w") as f:
        f.write("1")
    try:
        yield
    finally:
        with open(STATS, "w") as f:
            f.write(before)


def held(pid, what):
    """Ids of the BPF programs ("prog") or maps ("map") that a process has open."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{fd}") as f:
            ids.update(int(line.split()[1]) for line in f if line.startswith(f"{what}_id:"))
    return ids


def bpftool(what):
    p = subprocess.run(["bpftool", "-j", what, "show"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    shown = json.loads(p.stdout or "[]")
    return shown if isinstance(shown, list) else []


def run_times(pid):
    """(nanoseconds, runs) of the sampling program of a process."""
    ids = held(pid, "prog")
    mine = [p for p in bpftool("prog") if p["id"] in ids and p["type"] == "perf_event"]
    return sum(p.get("run_time_ns", 0) for p in mine), sum(p.get("run_cnt", 0) for p in mine)


def map_mib(pid):
    """What the maps of a process take, as the kernel charges it."""
    progs = held(pid, "prog")
    ids = held(pid, "map").union(*(p.get("map_ids", []) for p in bpftool("prog") if p["id"] in progs))
    return sum(m.get("bytes_memlock", 0) for m in bpftool("map") if m["id"] in ids) / 2**20


def us_a_sample(command, seconds):
    """Microseconds of BPF a sample of a recorder, after it settled."""
    p = start(command)
    if not p:
        return None
    time.sleep(1.5)
    ns, n = run_times(p.pid)
    time.sleep(seconds)
    ns2, n2 = run_times(p.pid)
    drop(p)
    return (ns2 - ns) / (n2 - n) / 1e3 if n2 > n else None


def bpf(_=()):
    """BPF time of a 52-frame sample beside the floor's and bpftrace's, by turns."""
    noted = {99: 31.0, 999: 19.4}
    allowed = {99: 1.6, 999: 2.3}
    took = {}
    with bpf_stats(), busy():
        for hz in (99, 999):
            commands = {
                "evp": EVP + ["-F", str(hz), "-o", f"{W}/bpf.evp"],
                "floor": [f"{W}/floor", f"{W}/floor.bpf.o", str(hz)],
                "bpftrace": ["bpftrace", "-e", BPFTRACE.format(hz)],
            }
            got = {name: [] for name in commands}
            for _ in range(short(3, 5)):
                for name, command in commands.items():
                    got[name].append(us_a_sample(command, short(1.5, 3)))
            took[hz] = {name: median(figures) for name, figures in got.items()}
            say(f"{hz} Hz, each run:", "; ".join(f"{n} " + " ".join(text(x) for x in f) for n, f in got.items()))
    for hz, us in took.items():
        name = f"bpf: time a 52-frame sample, {hz} Hz"
        row(name, us["evp"], "us", "floor", us["floor"], f"at most {allowed[hz]}x the floor")
        row(name, us["evp"], "us", "bpftrace, frame pointers", us["bpftrace"])
        row(name, us["evp"], "us", NOTED, noted[hz])
        ratio = us["evp"] / us["floor"] if us["evp"] and us["floor"] else None
        row(f"bpf: times the floor, {hz} Hz", ratio, "x", asked=f"at most {allowed[hz]}")
    for hz, us in took.items():
        ours = us["evp"] and hz * us["evp"] / 1e4
        theirs = {99: 0.31, 999: 1.9}[hz]
        row(f"slowdown: rate x BPF time a sample, {hz} Hz", ours, "%", NOTED, theirs, "printed", digits=3)


# ---- slowdown, measured


def rounds():
    """Rounds that the busy loops have done, all together."""
    total = 0
    for cpu in CPUS:
        with open(f"{W}/rounds.{cpu}", "rb") as f:
            total += struct.unpack("=Q", f.read(8))[0]
    return total


def speed(running, seconds):
    """Rounds a CPU second over a while."""
    def now():
        return rounds(), sum(time.clock_gettime(~p.pid << 3 | 2) for p in running)
    before, used = now()
    time.sleep(seconds)
    after, used2 = now()
    return (after - before) / (used2 - used)


def slowdown(_=()):
    """Pairs without and with a recorder by turns: the mean loss of speed, with its 95 % interval."""
    pairs, settle, seconds = 20, short(0.3, 0.5), short(0.3, 1.0)
    t = 2.093  # Student's for 19 degrees of freedom
    with busy(counters=True) as running:
        for hz in (99, 999):
            lost = []
            for i in range(pairs):
                pair = {}
                for on in ((False, True), (True, False))[i % 2]:
                    p = start(EVP + ["-F", str(hz), "-o", f"{W}/slow.evp"]) if on else None
                    time.sleep(settle)
                    pair[on] = speed(running, seconds)
                    finish(p)
                lost.append(100 * (1 - pair[True] / pair[False]))
            mean, half = statistics.mean(lost), t * statistics.stdev(lost) / math.sqrt(pairs)
            row(f"slowdown: {pairs} pairs, mean (95 % interval), {hz} Hz",
                f"{mean:.2f} ({mean - half:.2f} to {mean + half:.2f})", "%", asked="printed")


# ---- own CPU and memory


def own(_=()):
    """Percent of one CPU after a start of 5 s, and memory at the end, by turns."""
    sets = {"2 busy cores": (), "with python, node, java": ("python.py", "node.js", "Java")}
    commands = {
        "evp": EVP + ["-F", "99", "-o", f"{W}/own.evp"],
        "perf -g": PERF + ["-F", "99", "-g", "-o", f"{W}/own.data"],
        "bpftrace": ["bpftrace", "-e", BPFTRACE.format(99)],
    }
    noted = {"2 busy cores": (1.55, 64, 68, 41), "with python, node, java": (4.0, 60, 87, 46)}
    for name, extra in sets.items():
        got = {r: [] for r in commands}
        with busy(*extra):
            for _ in range(short(1, 2)):
                for recorder, command in commands.items():
                    got[recorder].append(one_own(command))
        print_own(name, {r: [median(column) for column in zip(*(f for f in figures if f))] or [None] * 5
                         for r, figures in got.items()}, noted[name])


def one_own(command):
    """(CPU %, RSS, peak, maps MiB, CPU seconds of the start) of one run."""
    settle, seconds = 5, short(5, 15)
    p = start(command)
    if not p:
        return None
    time.sleep(settle)
    before = spent(p.pid)
    time.sleep(seconds)
    used = spent(p.pid) - before
    rss, peak = resident(p.pid)
    maps = map_mib(p.pid)
    return (100 * used / seconds, rss, peak, maps, before) if drop(p) else None


def print_own(name, got, noted):
    asked = ("at most 0.3", "at most 25", "-", "at most 24")
    titles = (("own CPU, user + system", "% of a core"), ("resident", "MB"), ("resident, peak", "MB"), ("BPF maps", "MiB"))
    for at, (title, unit) in enumerate(titles):
        for peer in list(got)[1:]:
            row(f"own: {title}, 99 Hz, {name}", got["evp"][at], unit, peer, got[peer][at],
                asked[at] if peer == "perf -g" else "-", got["evp"][2], got[peer][2], digits=3 if at == 0 else 1)
        row(f"own: {title}, 99 Hz, {name}", got["evp"][at], unit, NOTED, noted[at], digits=3 if at == 0 else 1)
    row(f"own: CPU of the first 5 s, 99 Hz, {name}", got["evp"][4], "s", "perf -g", got["perf -g"][4])


# ---- bytes a sample


def size(_=()):
    """Bytes of the output a sample, of recorders over the same seconds of mixed work."""
    commands = {
        "evp": EVP + ["-F", "99", "-o", f"{W}/bytes.evp"],
        "perf -g": PERF + ["-F", "99", "-g", "-o", f"{W}/bytes.data"],
    }
    with busy("python.py", "node.js", "Java"):
        running = {name: start(c) for name, c in commands.items()}
        time.sleep(short(20, 60))
        ended = {name: finish(p) for name, p in running.items()}
    counts = {
        "evp": samples_of_evp(f"{W}/bytes.evp") if ended["evp"] else 0,
        "perf -g": sum(1 for _ in heads_of_perf(f"{W}/bytes.data")) if ended["perf -g"] else 0,
    }
    each = {n: os.path.getsize(commands[n][-1]) / counts[n] if counts[n] else None for n in commands}
    title = "size: bytes a sample, 99 Hz, 2 busy cores and runtimes"
    row(title, each["evp"], "bytes", "perf -g", each["perf -g"], "at most 40", ended["evp"] and ended["evp"][1],
        ended["perf -g"] and ended["perf -g"][1], digits=1)
    row(title, each["evp"], "bytes", NOTED, 71.0, digits=1)
