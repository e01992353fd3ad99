# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples as the recorders wrote them, and whether a stack reached its root."""
import os, re, struct
from collections import namedtuple

from machine import lines

# time: Unix seconds, None where unknown. frames: leaf first, (name, module, address or file offset).
Sample = namedtuple("Sample", "comm pid time frames")

ROOT = re.compile(r"(_start|(__GI_)?(__)?clone3?|start_thread|runtime\.(goexit|mstart|rt0_go)(\.abi0)?"
                  r"|runtime\.mstart[01]|_rt0_amd64(_linux)?)$")
EXEC_EXIT = {"do_exit", "do_group_exit", "begin_new_exec", "exec_mmap", "do_execveat_common", "bprm_execve"}
KERNEL = "[kernel.kallsyms]"


def paragraphs(command, head, frame):
    """Samples of a text in which each is a line and its frames, then an empty line."""
    sample = None
    for line in lines(command):
        if sample is None:
            m = head.match(line)
            if m:
                sample = Sample(m["comm"], int(m["pid"]), float(m["time"]), [])
        elif not line.strip():
            yield sample
            sample = None
        else:
            m = frame.match(line)
            if m:
                sample.frames.append((m["name"].split("+0x")[0], m["module"], int(m["at"], 16)))


FRAME = re.compile(r"\s*(?P<at>[0-9a-f]+) (?P<name>.*) \((?P<module>[^()]*(\([^()]*\))?[^()]*)\)$")


def of_evp(path, names=True):
    """With --window 1ms for samples' times to be of use."""
    command = f"evp-symbolize -q --no-inlines --trust-paths '{path}' | evp-stream dump -q" if names else f"evp-stream dump -q '{path}'"
    head = re.compile(r"(?P<comm>.*) (?P<pid>\d+) (?P<time>\d+\.\d{6}): +\d+ \S+:$")
    return paragraphs(["sh", "-c", command], head, FRAME)


def mend(path):
    """
    Where several listen, each gets a PERF_RECORD_KSYMBOL and _BPF_EVENT longer than the one before
    it (to at least Linux 6.18), and perf script ends at such a one. They become records without a
    meaning.
    """
    ksymbol, bpf_event, finished_init = 17, 18, 82
    with open(path, "r+b") as f:
        at, size = struct.unpack("<QQ", f.read(56)[40:])
        end = at + size
        while at < end:
            f.seek(at)
            kind, _, length = struct.unpack("<IHH", f.read(8))
            if kind in (ksymbol, bpf_event):
                f.seek(at)
                f.write(struct.pack("<I", finished_init))
            at += max(length, 8)


def of_perf(path):
    mend(path)
    head = re.compile(r" *(?P<comm>.*?) +(?P<pid>\d+) +(?P<time>\d+\.\d+): *$")
    return paragraphs(["perf", "script", "--no-inline", "--max-stack", "1024", "-i", path, "-F", "comm,pid,time,ip,sym,dso"], head, FRAME)


def heads_of_perf(path):
    """Faster, without stacks: (comm, pid, time)."""
    mend(path)
    head = re.compile(r" *(?P<comm>.*?) +(?P<pid>\d+) +(?P<time>\d+\.\d+): *$")
    for line in lines(["perf", "script", "-i", path, "-F", "comm,pid,time", "-G"]):
        m = head.match(line)
        if m:
            yield Sample(m["comm"], int(m["pid"]), float(m["time"]), [])


def of_bpftrace(path):
    """Yields (pid, frames, count) of `@[pid, ustack] = count()`; frames leaf first."""
    pid, frames = None, []
    with open(path, errors="replace") as f:
        for line in f:
            if m := re.match(r"@\[(\d+), *(\]: (\d+))?", line):
                pid, frames = int(m[1]), []
                if m[3]:
                    yield pid, frames, int(m[3])
            elif m := re.match(r"\]: (\d+)", line):
                yield pid, frames, int(m[1])
            elif line.strip():
                word = line.strip().rsplit("+", 1)[0]
                frames.append((word, "", int(word, 16) if word.startswith("0x") else 0))


def entry(path):
    """(virtual address, file offset) of where an ELF program begins; it often has no symbol."""
    with open(path, "rb") as f:
        head = f.read(64)
        start, table = struct.unpack_from("<QQ", head, 24)
        size, count = struct.unpack_from("<HH", head, 54)
        f.seek(table)
        rows = f.read(size * count)
    for at in range(0, size * count, size):
        kind, _, offset, vaddr, _, _, length = struct.unpack_from("<IIQQQQQ", rows, at)[:7]
        if kind == 1 and vaddr <= start < vaddr + length:
            return start, start - vaddr + offset
    return start, start


class Program:
    """A process that still runs: where its executable begins, for roots that have no name."""

    def __init__(self, pid):
        self.pid = pid
        self.exe = os.readlink(f"/proc/{pid}/exe")
        self.entry_vaddr, self.entry_offset = entry(self.exe)
        self.entry_address = 0
        with open(f"/proc/{pid}/maps") as f:
            for line in f:
                fields = line.split(maxsplit=5)
                if len(fields) > 5 and fields[5].rstrip("\n") == self.exe and "x" in fields[1]:
                    start, offset = int(fields[0].split("-")[0], 16), int(fields[2], 16)
                    self.entry_address = start - offset + self.entry_offset

    def is_root(self, frame):
        """Whether it is where a process or thread begins; `_start` is shorter than 48 bytes."""
        name, module, at = frame
        if ROOT.match(name):
            return True
        starts = [self.entry_address]
        if os.path.realpath(module) == self.exe:
            starts += [self.entry_offset, self.entry_vaddr]
        return any(0 <= at - start < 48 for start in starts)


def is_cut(sample):
    return bool(sample.frames) and sample.frames[-1][0].startswith("[cut:")


def is_apart(sample):
    """An exec or exit: no user memory, so no user frame."""
    return all(f[1] == KERNEL for f in sample.frames) and any(f[0] in EXEC_EXIT for f in sample.frames)


def reached_jit(sample):
    """A frame of code made at run time, or by V8's code generator at node's build: it has no call frame information."""
    return any(f[0].startswith("Builtins_") or f[1] == "[jit]" or f[1].startswith("//anon") or f[1].startswith("/tmp/perf-") for f in sample.frames)


def samples_of_evp(path):
    """How many, by its own account."""
    for line in lines(["evp-stream", "stat", path]):
        if m := re.search(r"(\d+) samples in", line):
            return int(m[1])
    return 0
