#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A process goes on after its first thread ended; a thread that executes a program becomes the first.
. "${0%/*}/../lib.sh"
needs root bpf python3

cat >"$T/leaderless.py" <<'E2'
import ctypes, os, threading, time
def work():
    end = time.monotonic() + 3.2
    while time.monotonic() < end: pass
    os._exit(7)
threading.Thread(target=work).start()
ctypes.CDLL(None).pthread_exit(None)
E2
cat >"$T/execs.py" <<'E2'
import os, threading, time
time.sleep(0.5)
threading.Thread(target=lambda: os.execlp('sleep', 'sleep', '0.7')).start()
time.sleep(60)
E2

# How many of a stream's samples lie in known files, in percent.
known() { evp-fold "$1" | awk '{ n += $NF; if (/\[unknown\]/) u += $NF } END { print int(100 * (n - u) / n) }'; }

for backend in bpf perf; do
	status "$backend: a process without its first thread" 7 \
		evp-record --backend $backend -o "$T/a" -- python3 "$T/leaderless.py"
	ok "$backend: its frames keep their files" test "$(known "$T/a")" -ge 95
	bg python3 "$T/execs.py"
	status "$backend: another thread executes a program" 0 \
		evp-record --backend $backend -p "$pid" -o "$T/b"
	no "$backend: its end is waited for" test -e "/proc/$pid/exe"
done
done_testing
