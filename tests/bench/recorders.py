#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""recorders.py bytes | cpu | start: evp-record beside perf and bpftrace, on a machine kept busy.

The work: one pinned busy loop a CPU, and a compiler that runs again and again. What cannot be run
here (no permission, not installed) is `-`. BENCH_QUICK=1 takes a few seconds instead of minutes.
Prints "NAME<TAB>FIGURE<TAB>PEAK MiB" a recorder.
"""
import contextlib, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time

QUICK = bool(os.environ.get("BENCH_QUICK"))
QUIET = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
PERF = ["perf", "record", "-q", "-a", "-g"]
BPFTRACE = "profile:hz:99 { @[comm, kstack, ustack] = count(); }"


@contextlib.contextmanager
def work():
    """The machine is busy inside."""
    build = """while :; do
        for f in lib/stream/*.c lib/format/*.c; do
            cc -std=gnu17 -O2 -g -Ilib -DEVP_VERSION='"0"' -c -o /dev/null $f
        done
    done"""
    running = [subprocess.Popen(["sh", "-c", build], start_new_session=True, **QUIET)]
    for cpu in os.sched_getaffinity(0):
        running.append(subprocess.Popen(["taskset", "-c", str(cpu), "sh", "-c", "while :; do :; done"],
                                        start_new_session=True, **QUIET))
    time.sleep(0.5)
    try:
        yield
    finally:
        for p in running:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()


def start(command):
    """A recorder in the background, or None where there is no such program."""
    return subprocess.Popen(command, **QUIET) if shutil.which(command[0]) else None


def finish(p):
    """Ends it as Ctrl-C would: (user + system seconds of all its life, peak MiB), None if it failed."""
    os.kill(p.pid, signal.SIGINT)
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = status
    good = os.WIFEXITED(status) or os.WTERMSIG(status) == signal.SIGINT
    return (used.ru_utime + used.ru_stime, used.ru_maxrss / 1024) if good else None


def lines(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()


def tell(name, figure, peak="-"):
    print(name, figure, peak, sep="\t")


# ---- bytes a sample


def evp_samples(path):
    for line in lines(["evp-stream", "stat", path]):
        words = line.split()
        if b"samples" in words:
            return int(words[words.index(b"samples") - 1])
    return 0


def perf_samples(path):
    return sum(1 for line in lines(["perf", "script", "-i", path, "-F", "cpu", "-G"]) if line.strip())


def bytes_a_sample(tmp):
    """Three recorders over the same seconds."""
    recorders = {
        "evp": (["evp-record", "-a", "-F", "99", "-q", "-o"], evp_samples),
        "perf": (PERF + ["-F", "99", "-o"], perf_samples),
        "perf -z": (PERF + ["-F", "99", "-z", "-o"], perf_samples),
    }
    with work():
        running = {n: start(c + [f"{tmp}/{n}"]) for n, (c, _) in recorders.items()}
        time.sleep(8 if QUICK else 60)
        ended = {n: p and finish(p) for n, p in running.items()}
    for name, (_, count) in recorders.items():
        samples = count(f"{tmp}/{name}") if ended[name] and os.path.exists(f"{tmp}/{name}") else 0
        size = os.path.getsize(f"{tmp}/{name}") if samples else 0
        tell(name, f"{size / samples:.1f}" if samples else "-", f"{ended[name][1]:.0f}" if samples else "-")


# ---- its own CPU time


def spent(pid):
    """CPU seconds so far of all threads of a process, those that ended too."""
    return time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3)


def own_cpu(tmp):
    """Percent of one CPU from 3 s after the start to the end, the writing of the result with it."""
    seconds, runs = (6, 1) if QUICK else (30, 5)
    recorders = {
        "evp": ["evp-record", "-a", "-F", "99", "-q", "-o", f"{tmp}/a.evp"],
        "perf": PERF + ["-F", "99", "-o", f"{tmp}/a.data"],
        "bpftrace": ["bpftrace", "-e", BPFTRACE],
    }
    best = {}
    with work():
        for _ in range(runs):
            for name, command in recorders.items():
                p = start(command)
                if not p:
                    continue
                time.sleep(3)
                before = spent(p.pid)
                time.sleep(seconds)
                ended = finish(p)
                if ended:
                    figure = 100 * (ended[0] - before) / seconds
                    best[name] = min(best.get(name, (figure, ended[1])), (figure, ended[1]))
    for name in recorders:
        figure, peak = best.get(name, (None, None))
        tell(name, "-" if figure is None else f"{figure:.3f}", "-" if figure is None else f"{peak:.0f}")


# ---- exec to the first sample


def first_evp(path):
    times = [re.search(rb" (\d+\.\d{6}): ", line) for line in lines(["evp-stream", "dump", path])]
    return min((float(m[1]) for m in times if m), default=None)


def first_perf(path):
    times = [line.strip().rstrip(b":") for line in lines(["perf", "script", "--ns", "-i", path, "-F", "time", "-G"])]
    return min((float(t) for t in times if t), default=None)


def to_first_sample(tmp):
    """Median seconds from exec, by turns; both with the real-time clock and a sample a millisecond."""
    recorders = {
        "evp": (["evp-record", "-a", "-F", "999", "--window", "1ms", "-q", "-o", f"{tmp}/a.evp"], first_evp),
        "perf": (PERF + ["-F", "999", "-k", "CLOCK_REALTIME", "-o", f"{tmp}/a.data"], first_perf),
    }
    took = {name: [] for name in recorders}
    peak = dict.fromkeys(recorders, 0)
    with work():
        for _ in range(3 if QUICK else 10):
            for name, (command, first) in recorders.items():
                before = time.time()
                p = start(command)
                if not p:
                    continue
                time.sleep(1)
                ended = finish(p)
                at = first(command[-1]) if ended else None
                if at:
                    took[name].append(at - before)
                    peak[name] = max(peak[name], ended[1])
    for name, seconds in took.items():
        tell(name, f"{statistics.median(seconds):.3f}" if seconds else "-", f"{peak[name]:.0f}" if seconds else "-")


if __name__ == "__main__":
    cases = {"bytes": bytes_a_sample, "cpu": own_cpu, "start": to_first_sample}
    if len(sys.argv) != 2 or sys.argv[1] not in cases:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/tmp")) as tmp:
        cases[sys.argv[1]](tmp)
