# SPDX-License-Identifier: GPL-2.0-or-later
# The interpreter, C code that calls back into it, and C code by itself.
import functools
import json
import zlib

data = b"abcdefg" * 2000


def descend(depth, end):
    return descend(depth - 1, end) + 1 if depth else end()


def compare(a, b):
    return a - b


while True:
    descend(20, lambda: len(zlib.compress(data)))
    descend(20, lambda: len(sorted(range(200), key=functools.cmp_to_key(compare))))
    descend(20, lambda: len(json.dumps([{"a": i} for i in range(50)])))
