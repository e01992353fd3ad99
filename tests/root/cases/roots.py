# SPDX-License-Identifier: GPL-2.0-or-later
# Where stacks begin, as name+0xoffset, which is what evp-fold has without symbols: each byte of the
# start code of the programs given; of a libc what, in readelf's reading of its call frame
# information, nobody called (threads begin there); and of Go programs the functions where Go's own
# tracebacks end, from .gopclntab (Go 1.18 and later).
import os
import re
import struct
import subprocess
import sys

GO_ENDS = [b"_rt0_amd64_linux"]
GO_ENDS += [b"runtime." + f for f in (b"goexit", b"mstart", b"mcall", b"morestack", b"rt0_go")]


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def numbers(*texts):
    return [int(t, 16) for t in texts]


def libc_ranges(path):
    last = 0
    for fde in output("readelf", "--debug-dump=frames-interp", path).split("\n\n"):
        if m := re.search(r" FDE .*pc=(\w+)\.\.(\w+)", fde):
            start, end = numbers(m[1], m[2])
            if re.search(r" u\s*$", fde, re.M):
                # clone3's system call lies in the hole before: a new thread's first address.
                yield last if start - last < 16 else start, end
            last = end


def go_ranges(path, data, section):
    _, offset, size = section[".gopclntab"]
    table = data[offset : offset + size]
    count, _, text, names, _, _, _, funcs = struct.unpack_from("<8Q", table, 8)
    if not text:  # newer tables leave out what entries count from
        text, = numbers(re.search(r"(\S+) . runtime\.text$", output("nm", path), re.M)[1])
    entries = [struct.unpack_from("<II", table, funcs + 8 * i) for i in range(count + 1)]
    for (start, record), (end, _) in zip(entries, entries[1:]):
        name = names + struct.unpack_from("<i", table, funcs + record + 4)[0]
        if table[name : table.index(b"\0", name)] in GO_ENDS:
            yield text + start, text + end


for path in sys.argv[1:]:
    path = os.path.realpath(path)
    data = open(path, "rb").read()
    if data[:5] != b"\x7fELF\x02":
        continue
    headers = output("readelf", "-hlSW", path)
    loads = [numbers(*m) for m in re.findall(r"LOAD +(\w+) (\w+) \w+ (\w+)", headers)]
    sections = {
        m[1]: numbers(*m.group(2, 3, 4))
        for m in re.finditer(r"\s(\.\S+)\s+[A-Z]\S+\s+([0-9a-f]{16}) (\w+) (\w+)", headers)
    }
    entry, = numbers(re.search(r"Entry point address: +(\w+)", headers)[1])
    ranges = [(entry, entry + 64)]
    if "libc" in os.path.basename(path):
        ranges += libc_ranges(path)
    if ".gopclntab" in sections:
        ranges += go_ranges(path, data, sections)
    for start, end in ranges:
        offset = next(o - v for o, v, size in loads if v <= start < v + size)
        for at in range(start + offset, end + offset):
            print(f"{os.path.basename(path)}+{at:#x}")
