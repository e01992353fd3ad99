#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# -t: these threads, no others of their process, and the processes that they start.
. "${0%/*}/../lib.sh"
needs root bpf python3
cd "$T" || exit 1
PATH=$BIN:/usr/bin:$PATH # not a python3 of root's own

# Two threads, A and B, that work; told to, each starts a process and a thread that work, too.
cat >threads.py <<'EOF'
import os, sys, threading, time
end = time.monotonic() + float(sys.argv[2])
def burn():
    while time.monotonic() < end: sum(range(1000))
def work(name):
    print(name, threading.get_native_id(), file=out, flush=True)
    while not os.path.exists(sys.argv[1] + '.go') and time.monotonic() < end: sum(range(1000))
    time.sleep(0.1 * (name == 'B'))
    threading.Thread(target=burn).start()
    pid = os.fork()
    if not pid:
        burn()
        os._exit(0)
    print('child-' + name, pid, file=out, flush=True)
    burn()
    os.waitpid(pid, 0)
out = open(sys.argv[1], 'w')
for name in 'AB': threading.Thread(target=work, args=name).start()
EOF
as= # what runs both as somebody else
number() { awk -v n="$2" '$1 == n { print $2 }' "$1"; }
told() { [ -s "$1" ] && [ -n "$(number "$1" A)" ] && [ -n "$(number "$1" B)" ]; }

threads() { # NAME, OPTIONS of evp-record: A and its child are sampled, nobody else
	name=$1
	shift
	rm -f who who.go t.evp
	bg $as python3 threads.py who 2
	waits 5 told who
	a=$(number who A)
	bg $as evp-record -q "$@" -t "$a" --labels +tid -F 499 -i 0.1 -o t.evp
	waits 5 test -s t.evp # it samples
	touch who.go
	wait $pid
	is "$name: ends with them, whole" "$? $(evp-stream check t.evp)" '0 t.evp: whole'
	is "$name: the thread and the process that it started" "$(evp-fold -L tid t.evp | cut -d\; -f1 | sort -n | uniq | tr '\n' ' ')" \
		"$(printf '%s\n' "$a" "$(number who child-A)" | sort -n | tr '\n' ' ')"
}
threads bpf --backend bpf
threads perf --backend perf
as='setpriv --reuid 65534 --regid 65534 --clear-groups'
if chmod 777 . && $as evp-record --backend perf -o /dev/null -- true 2>/dev/null; then
	threads 'an ordinary user' --backend perf
fi
status 'no such thread' 2 evp-record -t "$a" -o x.evp
said 'says so' "no thread $a"
refused 'no number' "'1x' is no thread number" evp-record -t 1x
done_testing
