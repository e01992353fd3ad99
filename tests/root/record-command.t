#!/bin/sh
# A command under the recorder: its status, its output and its life are its own.
. "${0%/*}/../lib.sh"
needs root bpf
cd "$T" || exit 1

status 'its status' 7 evp-record -o c.evp -- sh -c 'exit 7'
status 'of a signal' 137 evp-record -o c.evp -- sh -c 'kill -9 $$'
status 'a whole stream all the same' 0 evp-stream check c.evp
status 'not found' 127 evp-record -o c.evp -- no-such-command
said 'which' "cannot run 'no-such-command'"
status 'not executable' 126 evp-record -o c.evp -- /etc/passwd
run sh -c 'evp-record -- sh -c "echo out; echo err >&2" | evp-stream check'
is 'its output goes beside the stream' "$(sort "$T/err" | tr '\n' ' ')$(cat "$T/out")" 'err out standard input: whole'
run evp-record -o c.evp -- echo hello
is 'or where it was' "$(cat "$T/out")" hello

cat >tree.sh <<'EOT'
work() { i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done; }
work; sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done' & dash -c ':'; wait
EOT
bg sh -c 'while :; do :; done'
for backend in bpf perf; do
	status "$backend: a tree of processes" 0 evp-record --backend $backend -F 499 -o t.evp -- sh tree.sh
	evp-fold -L comm,pid t.evp >folded
	ok "$backend: parent and child" test "$(cut -d\; -f2 folded | sort -u | wc -l)" -ge 2
	no "$backend: nobody else" grep -q ";$pid;" folded
done

status 'a vanished reader does not stop it' 0 sh -c \
	'{ evp-record -- sh -c "sleep 1.5; echo \$? >ended; exit 5"; echo $? >status; } | true'
is 'it ran to its end' "$(cat ended) $(cat status)" '0 5'
status 'our failure is not its failure' 3 evp-record -o /dev/full -- sh -c 'sleep 1.2; exit 3'
said 'is said' 'No space'
status 'but with --strict' 125 evp-record --strict -o /dev/full -- sh -c 'sleep 1.2; exit 3'

bg evp-record -o s.evp -- sh -c 'trap "exit 9" TERM; touch ready; while :; do sleep 0.05; done'
waits 5 test -e ready
kill -TERM $pid
wait $pid
is 'a signal for us is passed on' $? 9
status 'the stream is whole' 0 evp-stream check s.evp

# In another pid namespace children are followed from their first instruction, too: each lives 5 ms.
if unshare -pf --mount-proc true 2>/dev/null; then
	for backend in bpf perf; do
		# shellcheck disable=SC2016 # the inner shell expands
		unshare -pf --mount-proc evp-record -q -F 999 --backend $backend -o ns.evp -- sh -c '
			for i in $(seq 60); do sh -c "i=0; while [ \$i -lt 5000 ]; do i=\$((i+1)); done"; done; times' >cpu-times
		due=$(tail -n 1 cpu-times | awk '{ split($0, t, /[ms ]+/); print int(1000 * (t[2] + t[4])) }')
		got=$(evp-fold ns.evp | awk '{ n += $NF } END { print n + 0 }')
		ok "$backend: short children in a pid namespace ($got of $due)" [ "$((got * 100))" -ge "$((due * 60))" ]
	done
fi
status 'no place to write: the command runs all the same' 7 evp-record -o "$T/no/such" -- sh -c 'exit 7'
said 'and it is said' 'cannot create'
status '--strict: it does not' 125 evp-record --strict -o "$T/no/such" -- sh -c 'exit 7'
evp-record -q --window 10 -o long.evp -- sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'
like 'a head shows the time recorded, not the window' "$(evp-top long.evp)" 'over (0\.[0-9]+|[1-9](\.[0-9]+)?)s from'
done_testing
