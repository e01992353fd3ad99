#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gen.py ROWS: a made-up day of profiles of four hosts as a table for evp-import -f tsv, always the same.

Stands in where no recorded data is at hand. As in real profiles, a few hundred functions call each other
along habitual paths, stacks share most of their frames with others and have up to 70, a few of them are
most of the samples and most are rare (more than 40,000 in a million rows), and 70 % of a window comes
from one phase of a program.
"""
import bisect, itertools, random, sys

SERVICES = ["build", "shop", "search", "api", "batch", "db", "cache", "system"]
DAY = 1760000000 // 86400 * 86400
rnd = random.Random(20)


def function(service, n):
    return f"{service}::{rnd.choice(['core', 'io', 'net', 'parse', 'alloc'])}::{rnd.choice(['read', 'find', 'visit', 'make', 'copy'])}_{n}"


def stacks(service, n):
    """Paths in a random call graph, each leaving an earlier one near its leaf; the first are frequent."""
    names = [function(service, i) for i in range(400)]
    callees = [[rnd.randrange(400) for _ in range(1 + int(rnd.expovariate(0.4)))] for _ in names]
    paths, found = [[0]], {}
    while len(found) < n:
        path = list(rnd.choice(paths))
        del path[max(1, len(path) - int(rnd.expovariate(0.4))):]
        for _ in range(1 + int(rnd.expovariate(0.3))):
            path.append(rnd.choice(callees[path[-1]]))
        text = ";".join(names[f] for f in path)
        if len(path) <= 70 and text not in found:
            found[text] = True
            paths.append(path)
    weights = itertools.accumulate(1 / (i + 3) for i in range(n))
    return list(found), list(weights)


def containers():
    for node in range(4):
        for service in SERVICES:
            ident = "%032x" % rnd.getrandbits(128)
            yield (f"node-{node:02d}\t{service}\t{rnd.choice(['web', 'ci', 'data'])}\t{service}-{ident[:5]}\t{ident}\t{service}",
                   [rnd.randrange(1000, 60000) for _ in range(3)], service, rnd.lognormvariate(0, 0.8))


def main(rows):
    of = {s: stacks(s, 7000) for s in SERVICES}
    running = list(containers())
    scale = rows / 8640 / sum(c[3] for c in running)
    print("ts\tnode\tservice\tnamespace\tpod\tcontainer\tcomm\tpid\tsamples\tstack")
    for window in range(8640):
        out = []
        for labels, pids, service, rate in running:
            texts, weights = of[service]
            n = int(rate * scale + rnd.random())
            phase = rnd.random() * 0.9 * weights[-1] if rnd.random() < 0.7 else None
            for _ in range(n):
                x = phase + rnd.random() * 0.03 * weights[-1] if phase is not None else rnd.random() * weights[-1]
                text = texts[min(bisect.bisect(weights, x), len(texts) - 1)]
                out.append(f"{DAY + window * 10}\t{labels}\t{rnd.choice(pids)}\t{1 + int(rnd.expovariate(1.8))}\t{text}\n")
        sys.stdout.writelines(out)


main(int(sys.argv[1]))
