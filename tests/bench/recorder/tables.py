# SPDX-License-Identifier: GPL-2.0-or-later
"""rows: how fast unwind tables are compiled, and whether they say what readelf makes of the same CFI."""
import bisect, glob, os, re, shutil, subprocess

from machine import B, PYTHON, W, lines, row, say, short

TOOL = f"{B}/tests/tool/unwind_rows"
COLUMNS = ("CFA", "rbp", "ra")


def files():
    """Large ones of this machine, in C, C++ and with compilers of their own."""
    found = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libcrypto.so.3",
             "/lib/x86_64-linux-gnu/libstdc++.so.6", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", PYTHON]
    found += glob.glob("/usr/lib/jvm/*/lib/server/libjvm.so") + ([] if short(True, False) else [shutil.which("node")])
    found += [f"{W}/{name}" for name in ("stacks", "stacks-static", "exceptions", "rust")]
    return [os.path.realpath(f) for f in found if f and os.path.exists(f)]


def ours(path):
    """[(address, CFA, rbp, ra)], sorted."""
    table = []
    for line in lines([TOOL, path]):
        address, cfa, rbp, ra = line.split()[:4]
        table.append((int(address, 16), cfa, rbp, ra))
    return table


def reference(path):
    """The same as readelf interprets it. A function without rows has its CIE's."""
    table, columns, fde, cie, initial = [], [], None, None, {}
    for line in lines(["readelf", "--debug-dump=frames-interp", "--wide", path]):
        if m := re.match(r"([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ CIE", line):
            fde, cie = None, int(m[1], 16)
        elif m := re.match(r"[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)", line):
            fde, end = int(m[2], 16), int(m[3], 16)
            if end > fde:
                table.append((fde,) + initial.get(int(m[1], 16), ("rsp+8", "u", "c-8")))
        elif line.lstrip().startswith("LOC"):
            columns = line.split()
        elif m := re.match(r"([0-9a-f]{8,}) ", line):
            said = dict(zip(columns, line.split()))
            rule = tuple(said.get(c, "u") for c in COLUMNS)
            if fde is None:
                initial[cie] = rule
            elif int(m[1], 16) == fde:
                table[-1] = (fde,) + rule
            else:
                table.append((int(m[1], 16),) + rule)
    return table


def verdict(mine, theirs):
    """exact, marked (we say that we do not know), expression (readelf does not say which), or wrong."""
    _, cfa, rbp, ra = mine
    _, their_cfa, their_rbp, their_ra = theirs
    if cfa == "unknown":
        return "marked"
    if cfa == "end" or their_ra == "u":
        return "exact" if cfa == "end" and their_ra == "u" else "wrong"
    if "exp" in (their_cfa, their_rbp, their_ra):
        return "expression" if cfa.startswith(("plt", "*", "signal")) else "wrong"
    same = cfa == their_cfa and ra == their_ra and rbp == ("s" if their_rbp in ("u", "s") else their_rbp)
    return "exact" if same else "wrong"


def compare(path, counts):
    mine, theirs = ours(path), reference(path)
    starts = [r[0] for r in mine]
    for r in theirs:
        at = bisect.bisect_right(starts, r[0]) - 1
        v = verdict(mine[at], r) if at >= 0 else "wrong"
        counts[v] = counts.get(v, 0) + 1
        if v == "wrong" and counts[v] <= 5:
            say(f"rows: {path} {r[0]:x}: readelf {' '.join(r[1:])}, ours {' '.join(mine[at][1:])}")


def speed(paths):
    """Million rows a CPU second, ours and libdw's."""
    rows = seconds = 0
    for line in lines([TOOL, "-t", "5"] + paths):
        m = re.search(r"\t([0-9.]+) ms\t(\d+) rows", line)
        seconds, rows = seconds + float(m[1]) / 1e3, rows + int(m[2])
    theirs = [line.split() for line in lines([f"{W}/libdw_rows"] + paths)]
    their_rows, their_seconds = sum(int(t[1]) for t in theirs), sum(float(t[2]) for t in theirs)
    return rows / seconds / 1e6 if seconds else None, their_rows / their_seconds / 1e6 if their_seconds else None


def main(given):
    subprocess.run(["make", "-s", "-j2", TOOL], stdout=subprocess.DEVNULL)
    paths, counts = given or files(), {}
    mine, libdw = speed(paths)
    row("rows: compiled a second", mine, "million", "libdw", libdw, "at least 20", digits=1)
    for path in paths:
        compare(path, counts)
    n = sum(counts.values()) - counts.get("expression", 0)
    unit = f"% of {n} rows"
    row("rows: as readelf interprets them", 100 * counts.get("exact", 0) / n if n else None, unit,
        asked="at least 99.8", digits=3)
    row("rows: not exact, and marked so", 100 * counts.get("marked", 0) / n if n else None, unit, asked="the rest", digits=3)
    row("rows: wrong", 100 * counts.get("wrong", 0) / n if n else None, unit, asked="0", digits=3)
    say(f"rows: {len(paths)} files; {counts.get('expression', 0)} rows have an expression that readelf does not interpret")
