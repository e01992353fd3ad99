# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cases share: the workloads, the recorders, and the row that a figure is printed in."""
import contextlib, os, shutil, signal, statistics, subprocess, sys, time

SHORT = bool(os.environ.get("EVP_BENCH_SHORT"))
B = os.environ.get("B", "build")
os.environ["BPFTRACE_MAP_KEYS_MAX"] = "100000"
os.environ["PATH"] = f"{os.path.abspath(B)}/bin:{os.environ['PATH']}:/usr/sbin"
W = f"{B}/bench/recorder"  # programs and recordings; kept, to look at
CPUS = sorted(os.sched_getaffinity(0))
QUIET = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
PYTHON = "/usr/bin/python3"

EVP = ["evp-record", "-q", "-a"]
PERF = ["perf", "record", "-q", "-a", "-e", "cpu-clock", "-k", "CLOCK_REALTIME"]
NOTED = "OTel profiler (noted)"  # measured once on such a machine, not in this run


def short(seconds, otherwise):
    """The first in the short form."""
    return seconds if SHORT else otherwise


def text(figure, digits=2):
    return "-" if figure is None else figure if isinstance(figure, str) else f"{figure:.{digits}f}"


def row(case, ours, unit, peer="-", theirs=None, asked="-", peak=None, their_peak=None, digits=2):
    """A line of the table: the ratio is theirs / ours. What could not be measured (None) is `-`."""
    ratio = "-"
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)) and ours > 0:
        ratio = f"{theirs / ours:.2f}"
    print(case, text(ours, digits), unit, text(peak, 0), peer, text(theirs, digits), text(their_peak, 0),
          ratio, asked, sep="\t", flush=True)


def median(figures):
    figures = [f for f in figures if f is not None]
    return statistics.median(figures) if figures else None


def say(*words):
    print("bench:", *words, file=sys.stderr, flush=True)


def lines(command, **more):
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                         errors="replace", **more)
    with p.stdout:
        yield from p.stdout
    p.wait()


# ---- the work


def build():
    """Every workload, as far as there are compilers; what is missing is said and its case is `-`."""
    os.makedirs(W, exist_ok=True)
    subprocess.run(["make", "-k", "-s", "-f", "tests/bench/workloads/Makefile", f"W={W}"], stdout=sys.stderr)


def workload(name, ms):
    """The command of one: programs of W by name, scripts by their interpreter. None: not here."""
    scripts = {
        "python.py": [PYTHON, "tests/bench/workloads/python.py"],
        "node.js": ["node", "tests/bench/workloads/node.js"],
        "Java": ["java", "-cp", W, "Java"],
    }
    words = name.split()
    command = scripts.get(words[0], [f"{W}/{words[0]}"] + words[1:]) + [str(ms)]
    there = os.path.exists(f"{W}/Java.class") if name == "Java" else True
    return command if there and shutil.which(command[0]) else None


def run(command, cpu=None):
    """In the background, on one CPU if asked."""
    pin = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
    return subprocess.Popen(command, preexec_fn=pin, start_new_session=True, **QUIET)


def kill(processes):
    for p in processes:
        if p.returncode is None:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()


@contextlib.contextmanager
def busy(*extra, counters=False):
    """Inside, every CPU runs the deep C stacks, and once these others of the workloads."""
    running = []
    try:
        for cpu in CPUS:
            counter = [f"{W}/rounds.{cpu}"] if counters else []
            running.append(run(workload("stacks qsort", 10**9) + counter, cpu))
        for name in extra:
            command = workload(name, 10**9)
            if command:
                running.append(run(command))
        time.sleep(1.0 if extra else 0.3)
        yield running
    finally:
        kill(running)


# ---- the recorders


def start(command, log=None):
    """A recorder in the background, or None where there is no such program."""
    if not shutil.which(command[0]):
        say("no", command[0])
        return None
    if command not in start.said:
        start.said.append(command)
        say(*(f"'{w}'" if " " in w else w for w in command))
    if "-o" in command:  # perf would keep what was there
        with contextlib.suppress(FileNotFoundError):
            os.unlink(command[command.index("-o") + 1])
    return subprocess.Popen(command, stdout=log or subprocess.DEVNULL, stderr=subprocess.DEVNULL)


start.said = []


def finish(p):
    """
    Ends it as Ctrl-C would: (user + system seconds, peak MiB) of all its life and of the children
    that it waited for; None if there was none, or it failed.
    """
    if p is None:
        return None
    peak = kib(f"/proc/{p.pid}/status", "VmHWM")  # ru_maxrss would be what we had when it was forked
    with contextlib.suppress(ProcessLookupError):
        os.kill(p.pid, signal.SIGINT)
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = status
    if not (os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 or os.WTERMSIG(status) == signal.SIGINT):
        say(f"{p.args[0]} failed")
        return None
    return used.ru_utime + used.ru_stime, peak / 1024


def drop(p):
    """Ends a recorder whose output nobody wants (bpftrace may take minutes over it). False: it had ended before."""
    alive = p.poll() is None
    p.kill()
    p.wait()
    if not alive:
        say(f"{p.args[0]} ended early")
    return alive


def family(pid):
    """A process and its descendants."""
    found = [pid]
    for at in found:
        for task in os.listdir(f"/proc/{at}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{at}/task/{task}/children") as f:
                found += map(int, f.read().split())
    return found


def spent(pid):
    """User + system CPU seconds so far of a process, its threads and children, the ended ones too."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError), open(f"/proc/{one}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
            total += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
            total += time.clock_gettime(~one << 3 | 2)  # clock_getcpuclockid(3)
    return total


def kib(path, *fields):
    """The sum of these fields of a file of /proc, 0 where it is gone."""
    with contextlib.suppress(OSError), open(path) as f:
        return sum(int(line.split()[1]) for line in f if line.split(":")[0] in fields)
    return 0


def resident(pid):
    """
    (VmRSS, VmHWM) of a process, MB (10^6 bytes), with what its children have to themselves: the
    rest of theirs is the parent's too.
    """
    own = sum(kib(f"/proc/{one}/smaps_rollup", "Private_Clean", "Private_Dirty") for one in family(pid)[1:])
    return tuple((kib(f"/proc/{pid}/status", field) + own) * 1024 / 1e6 for field in ("VmRSS", "VmHWM"))
