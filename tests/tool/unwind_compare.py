#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwind tables against readelf's interpretation of .eh_frame, row by row.

  unwind_compare.py UNWIND_ROWS FILE...

A line a file: rows of readelf, those that our table says alike at their first and last byte, those
that it marks as not said (unknown, none, rbx lost, or an overlapping entry's), those that differ.
-v prints these. Status 1 where any differs, or fewer than 99.8 % are exact.
"""
import bisect
import re
import subprocess
import sys

PLT = re.compile(r'DW_OP_breg7 \(rsp\): 8; DW_OP_breg16 \(rip\): 0; DW_OP_lit15; DW_OP_and; '
                 r'DW_OP_lit(\d+); DW_OP_ge; DW_OP_lit3; DW_OP_shl; DW_OP_plus$')
BREG = re.compile(r'DW_OP_breg\d+ \((r\w+)\): (-?\d+)(; DW_OP_deref)?(?:; DW_OP_plus_uconst: (\d+))?$')
ENTRY = re.compile(r'([0-9a-f]{8,16}) [0-9a-f]{8,16} [0-9a-f]{8,16} (CIE|FDE)(.*)')
RANGE = re.compile(r' cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)')


def readelf(path, how):
    """Lines of the dump of .eh_frame, entry by entry: (kind, offset, rest, lines)."""
    out = subprocess.run(['readelf', '-wN', '--debug-dump=' + how, path], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, errors='replace').stdout
    entry, inside = None, False
    for line in out.splitlines():
        if line.startswith('Contents of'):
            inside = '.eh_frame' in line
            continue
        m = ENTRY.match(line) if inside else None
        if m:
            if entry:
                yield entry
            entry = (m[2], int(m[1], 16), m[3], [])
        elif inside and entry and line.startswith(' ') or entry and re.match('[0-9a-f]{16} ', line):
            entry[3].append(line)
    if entry:
        yield entry


def expression(text):
    m = PLT.match(text)
    if m:
        return 'plt(%s)+8' % m[1]
    m = BREG.match(text)
    if not m:
        return None
    if m[3]:
        return '*(%s%+d)%+d' % (m[1], int(m[2]), int(m[4] or 0))
    return '%s%+d' % (m[1], int(m[2])) if not m[4] else None


def expressions(lines, start):
    """Of one entry of the raw dump: address -> {what: expression}, where any holds."""
    at, now, kept, out = start, {}, [], {}
    for line in lines:
        line = line.strip()
        m = re.match(r'DW_CFA_(advance_loc\d?|set_loc):.* to ([0-9a-f]+)', line)
        if m:
            out[at] = dict(now)
            at = int(m[2], 16)
        elif line.startswith('DW_CFA_def_cfa_expression'):
            now['CFA'] = expression(line[line.index('(') + 1:-1])
        elif line.startswith('DW_CFA_def_cfa'):
            now.pop('CFA', None)
        elif line.startswith('DW_CFA_remember'):
            kept.append(dict(now))
        elif line.startswith('DW_CFA_restore_state'):
            now = kept.pop() if kept else now
        else:
            m = re.match(r'DW_CFA_expression: r\d+ \((\w+)\) \((.*)\)$', line)
            if m:
                now[m[1]] = expression(m[2])
    out[at] = dict(now)
    return out


def rows_of(lines):
    if len(lines) < 2:
        return []
    names = lines[0].split()[1:]
    rows = []
    for line in lines[1:]:
        cells = re.sub(r'(r\d+) \((\w+)\) ?', r'\1(\2) ', line).split()
        if len(cells) == len(names) + 1:
            rows.append((int(cells[0], 16), dict(zip(names, cells[1:]))))
    return rows


def wanted(row, exp, signal):
    """What our tool prints for such a row; None: nothing that it could."""
    if row.get('ra', 'c-8') == 'u':
        return ('end',)
    if signal:
        return ('signal',)
    got = []
    for what in ('CFA', 'rbp', 'ra', 'rbx'):
        v = row.get(what, 's')
        if v in ('exp', 'vexp'):
            v = exp.get(what) if v == 'exp' else None
        elif v == 'u' or v == 's':
            v = 's'
        elif '(' in v:
            v = v[v.index('(') + 1:-1] if what == 'ra' else None  # in another register
        got.append(v)
    return None if None in got else tuple(got)


def code(path):
    """Executable segments: an entry elsewhere is of code that the linker threw away."""
    out = subprocess.run(['readelf', '-lW', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True).stdout
    for line in out.splitlines():
        f = line.split()
        if f[:1] == ['LOAD'] and 'E' in line[len(line) - 20:]:
            yield int(f[2], 16), int(f[2], 16) + int(f[4], 16)


def compare(tool, path, verbose):
    ours = [line.split() for line in subprocess.run([tool, path], stdout=subprocess.PIPE, check=True,
                                                    text=True).stdout.splitlines()]
    starts = [int(o[0], 16) for o in ours]
    ranges = list(code(path))

    def find(address):
        i = bisect.bisect_right(starts, address) - 1
        o = ours[i] if i >= 0 else ['', 'none']
        return tuple(o[1:]) if o[1] not in ('end', 'signal', 'none', 'unknown') else (o[1],)

    cies, fdes, raw = {}, [], None
    for kind, offset, rest, lines in readelf(path, 'frames-interp'):
        if kind == 'CIE':
            cies[offset] = ('S' in rest.split('"')[1], rows_of(lines))
            continue
        m = RANGE.match(rest)
        start, end = int(m[2], 16), int(m[3], 16)
        if not any(a <= start < b for a, b in ranges) or end <= start:
            continue
        signal, default = cies.get(int(m[1], 16), (False, []))
        rows = rows_of(lines) or [(start, default[0][1] if default else {})]
        fdes.append((start, end, offset, signal, rows))
    fdes.sort(key=lambda f: f[:2])
    total = exact = marked = differ = 0
    for n, (start, end, offset, signal, rows) in enumerate(fdes):
        overlapped = n + 1 < len(fdes) and fdes[n + 1][0] < end
        exp = {}
        if any('exp' in r[1].values() for r in rows):
            if raw is None:
                raw = {o: lines for kind, o, _, lines in readelf(path, 'frames') if kind == 'FDE'}
            exp = expressions(raw.get(offset, []), start)
        for i, (at, row) in enumerate(rows):
            last = (rows[i + 1][0] if i + 1 < len(rows) else end) - 1
            if last < at:
                continue
            total += 1
            want = wanted(row, exp.get(at, {}), signal)
            got = find(at), find(last)
            if got[0] == want and got[1] == want:
                exact += 1
            elif got[0] in (('unknown',), ('none',)) or got[0][-1] == 'lost' or overlapped:
                marked += 1
            else:
                differ += 1
                if verbose:
                    print('# %x..%x: %s, want %s: %s' % (at, last, got, want, row))
    print('%s\t%d rows\t%d exact\t%.4f %%\t%d marked\t%d differ' %
          (path, total, exact, 100.0 * exact / max(total, 1), marked, differ), flush=True)
    return total, exact, differ


def main(argv):
    verbose = '-v' in argv
    args = [a for a in argv if a != '-v']
    total = exact = differ = 0
    bad = False
    for path in args[1:]:
        t, e, d = compare(args[0], path, verbose)
        total, exact, differ = total + t, exact + e, differ + d
        bad |= not t or e < 0.998 * t or d > 0
    if len(args) > 2:
        print('all\t%d rows\t%d exact\t%.4f %%\t%d differ' % (total, exact, 100.0 * exact / max(total, 1), differ))
    return 1 if bad else 0


sys.exit(main(sys.argv[1:]))
