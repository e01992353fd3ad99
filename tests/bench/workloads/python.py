# SPDX-License-Identifier: GPL-2.0-or-later
"""python.py MS: recursion, sorting with a key, regular expressions. Sleeps afterwards if MS ends in s."""
import json, re, sys, time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def some(seed):
    items = sorted(range(500), key=lambda i: (i ^ seed) * 2654435761 % 4096)
    words = re.findall(r"[0-9]+", json.dumps(items))
    return fib(12) + len(words)


ms = float(sys.argv[1].rstrip("s"))
n = 0
while time.process_time() * 1000 < ms:
    n = some(n)
while sys.argv[1].endswith("s"):
    time.sleep(1)
