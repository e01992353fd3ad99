#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make.py DIR - golden evp streams, good and bad, written from evp-stream(5) alone.

A second, small writer of the format: nothing here knows the C code. Files in good/ are read whole
(status 0), files in bad/ are refused or read in part; tests/stream.t holds what is expected of each.
Files in huge/ are whole, with sums that pass 2^63.
"""
import os, struct, sys

MARK = bytes.fromhex("894556500d0a1a0ac35e7b91d42fa866")


def crc32c(data):
    crc = 0xFFFFFFFF
    for b in data:
        crc ^= b
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def v(n):  # varint
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def z(n):  # signed varint
    return v((n << 1) ^ (n >> 63) if n < 0 else n << 1)


def record(tag, *payload):
    body = b"".join(payload)
    return v(tag) + v(len(body)) + body


def header(stream=b"golden stream 01", epoch=0, major=1, minor=0, extra=b""):
    h = MARK + struct.pack("<HHI", major, minor, 64 + len(extra)) + stream
    h += struct.pack("<Q", epoch) + bytes(12) + extra
    return h + struct.pack("<I", crc32c(h))


def block(*records, seq=0, content=0, codec=0xB0, raw=None, stored=None):
    body = b"".join(records)
    h = struct.pack("<BBHII", codec, content, seq, stored or len(body), raw or len(body))
    return h + struct.pack("<I", crc32c(h + body)) + body


def string(s):
    return record(1, s if isinstance(s, bytes) else s.encode())


# Strings 1..9, the event, a process, a function and location for each of three names.
STRINGS = ["cpu", "samples", "count", "nanoseconds", "busy", "main", "work", "leaf", "work.c"]
EVENT = record(2, v(1), v(2), v(2), v(3), v(1), v(4), v(1), v(2), v(1), v(4), z(10101010), v(0))
PROCESS = record(3, v(0), v(0), z(42), z(0), z(0), v(0), v(5), v(0), v(0))
FUNCTIONS = [record(5, v(6 + i), v(0), v(9), z(10 * i)) for i in range(3)]


def location(function, *more):
    return record(6, v(0), v(6), v(0), v(0), v(0), v(0), v(1), v(function), z(3), z(0), *more)


def stack(back, loc, *more):
    return record(7, v(back), v(loc), *more)


def sample(stack_id, n, *more):
    return record(10, v(0), v(1), v(0), v(stack_id), z(n), z(n * 10101010), *more)


def big(n):
    return record(10, v(0), v(1), v(0), v(1), z(n), z(0))


DEFS = [string(s) for s in STRINGS] + [EVENT, PROCESS] + FUNCTIONS + [location(i) for i in (1, 2, 3)]
STACKS = [stack(1, 1), stack(1, 2), stack(1, 3)]  # main; main;work; main;work;leaf
WINDOW = record(9, z(1760000000 * 10**9), v(10**9))
SAMPLES = [sample(1, 1), sample(2, 2), sample(3, 3)]
TOTALS = record(13, v(0), z(1760000000 * 10**9), v(10**9), z(6), z(6 * 10101010))
WATERMARK = record(14, z(1760000001 * 10**9))


def end(n):
    return record(17, v(1), z(n), z(0))


BODY = DEFS + STACKS + [WINDOW] + SAMPLES + [TOTALS, WATERMARK]
WHOLE = header() + block(*BODY, end(6))


GOOD = {
    "plain": WHOLE,
    "blocks": header() + block(*DEFS) + block(*STACKS, seq=1) + block(WINDOW, *SAMPLES, seq=2) + block(end(6), seq=3),
    "epochs": header() + block(*BODY) + header(epoch=1) + block(*BODY, end(12)),
    "two-streams": WHOLE + header(b"golden stream 02") + block(*BODY, end(6)),
    "later-minor": header(minor=7) + block(*BODY, end(6)),
    "longer-header": header(extra=b"what a later minor version adds") + block(*BODY, end(6)),
    "optional-record": header() + block(*DEFS, record(99, b"from the future"), *STACKS, WINDOW, *SAMPLES, end(6)),
    "optional-block": header() + block(b"an index, say", content=0x80) + block(*BODY, end(6), seq=1),
    "trailing-fields": header() + block(*DEFS, stack(1, 1, b"more"), stack(1, 2), stack(1, 3), WINDOW,
                                        sample(1, 1, b"\x01\x02"), *SAMPLES[1:], end(6)),
    "exact-time": header() + block(*DEFS, *STACKS, WINDOW,
                                   *[record(11, v(0), v(1), v(0), v(i), z(123456789), z(i), z(i * 10101010)) for i in (1, 2, 3)],
                                   end(6)),
    "odd-names": header() + block(*[string(s) for s in STRINGS], string(b"a;b c\n\xff\\"), EVENT, PROCESS,
                                  record(5, v(10), v(0), v(0), z(0)), location(1), stack(1, 1), WINDOW, sample(1, 6), end(6)),
    "same-text": header() + block(*DEFS, record(5, v(6), v(0), v(8), z(0)),
                                  *[record(6, v(kind), v(7), v(0), v(0), v(0), v(9), v(1), v(f), z(3), z(0))
                                    for kind, f in ((2, 1), (3, 1), (1, 1), (1, 4))],
                                  *[r for i in range(4) for r in (stack(2 * i + 1, 4 + i), stack(1, 1 + (i + 1) % 3))],
                                  WINDOW, *[sample(2 * i + 2, 1) for i in range(4)], end(4)),
    "lost-past-2-63": header() + block(*DEFS, *STACKS, *[record(12, v(0), v(9), z(0), v(1), z(2**63 - 1))] * 3,
                                       WINDOW, *SAMPLES, end(6)),
    "end-of-time": header() + block(*DEFS, *STACKS,
                                    *[r for t in (2**63 - 1, -2**63) for r in
                                      (record(9, z(t), v(0)), record(11, v(0), v(1), v(0), v(1), z(0), z(1), z(1)))], end(2)),
    "string-twice": header() + block(string("a"), string("a"), record(17, v(0), z(0))),
    "nothing": header() + block(record(17, v(0), z(0))),
}


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


SECOND = header(b"golden stream 02") + block(*BODY, end(6))
BAD = {
    "empty": b"",
    "text": b"main;work 5\nmain;leaf 3\n",
    "short": MARK[:9],
    "mark-only": MARK,
    "header-only": header(),
    "cut-in-block": WHOLE[:-20],
    "no-end": header() + block(*BODY),
    "flip-header": flip(WHOLE, 30) + SECOND,
    "flip-block": flip(WHOLE, 100) + SECOND,
    "cut-then-stream": WHOLE[:-20] + SECOND,
    "garbage-before": b"motd: welcome\n" + WHOLE,
    "garbage-between": WHOLE + b"some garbage that is longer than a sync mark" + SECOND,
    "garbage-behind": WHOLE + b"tail",
    "major-2": header(major=2) + block(*BODY, end(6)),
    "missing-epoch": header() + block(*BODY) + header(epoch=2) + block(*BODY, end(18)),
    "missing-block": header() + block(*DEFS) + block(*STACKS, WINDOW, *SAMPLES, end(6), seq=2),
    "mandatory-record": header() + block(*DEFS, *STACKS, WINDOW, SAMPLES[0], record(40, b"x"), *SAMPLES[1:], end(6)),
    "sample-before-stack": header() + block(*DEFS, WINDOW, sample(1, 1), end(1)),
    "stack-before-location": header() + block(*[string(s) for s in STRINGS], stack(1, 1), end(0)),
    "string-before-definition": header() + block(record(5, v(77), v(0), v(0), z(0)), end(0)),
    "long-varint": header() + block(*DEFS, *STACKS, WINDOW, record(10, b"\x80\x00", v(1), v(0), v(1), z(1), z(1)), end(1)),
    "empty-string": header() + block(record(1), end(0)),
    "huge-stored-length": header() + block(*BODY, end(6), stored=0x7FFFFFFF),
    "huge-raw-length": header() + block(*BODY, end(6), raw=0x7FFFFFFF),
    "record-past-block": header() + block(*DEFS, v(10) + v(4000) + b"x"),
    "not-zstd": header() + block(*BODY, end(6), codec=0xB1),
    "unknown-content": header() + block(*BODY, end(6), content=0x11),
    "unknown-kind": header() + block(*DEFS, record(6, v(77), v(0), v(0), v(0), v(0), v(0), v(0)), end(0)),
    "too-many-types": header() + block(string("cpu"), record(2, v(1), v(10**6)), end(0)),
    "label-order": header() + block(*[string(s) for s in ("b", "a", "x")], record(8, v(2), v(1), v(0), v(3), v(2), v(0), v(3)), end(0)),
    "label-name": header() + block(string("9x"), string("y"), record(8, v(1), v(1), v(0), v(2)), end(0)),
    "behind-the-end": header() + block(*BODY, end(6), sample(1, 1)),
    "window-past-time": header() + block(*DEFS, *STACKS, record(9, z(2**63 - 1), v(1)), *SAMPLES, end(6)),
    "exact-past-time": header() + block(*DEFS, *STACKS, record(9, z(-2**63), v(1)),
                                        record(11, v(0), v(1), v(0), v(1), z(-1), z(1), z(1)), end(1)),
    "loss-past-time": header() + block(*DEFS, record(12, v(0), v(1), z(2**62), v(2**62), z(1)), end(0)),
    "negative-loss": header() + block(*DEFS, record(12, v(0), v(1), z(0), v(1), z(-1)), end(0)),
    "loss-without-reason": header() + block(*DEFS, record(12, v(0), v(0), z(0), v(1), z(1)), end(0)),
    "promised-too-much": header() + block(*DEFS, *STACKS, WINDOW, sample(1, 5),
                                          record(13, v(0), z(0), v(1), z(2**63 - 1), z(0)), WATERMARK, end(2**63 - 1)),
    "again-after-cut": header() + block(*BODY) + WHOLE,
    "promised-more": header() + block(*DEFS, *STACKS, WINDOW, *SAMPLES, TOTALS, WATERMARK, end(60)),
}


# Nothing is wrong with these, but their sums are more than a profile holds.
HUGE = {
    "sum-past-2-63": header() + block(*DEFS, *STACKS, WINDOW, big(2**63 - 1), big(1), end(-2**63)),
    "value-2-63": header() + block(*DEFS, *STACKS, WINDOW, big(-2**63), end(-2**63)),
}


def main(out):
    for kind, files in (("good", GOOD), ("bad", BAD), ("huge", HUGE)):
        os.makedirs(os.path.join(out, kind), exist_ok=True)
        for name, data in files.items():
            with open(os.path.join(out, kind, name + ".evp"), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    main(sys.argv[1])
