#!/bin/sh
# The whole machine: what is busy is there, as much as it was busy, with both backends.
. "${0%/*}/../lib.sh"
needs root bpf python3
cd "$T" || exit 1

bg sh -c 'while :; do :; done'
spinner=$pid
bg dd if=/dev/zero of=/dev/null bs=1M
for backend in bpf perf; do
	# Samples due: the CPU time that the machine was busy, from the kernel's own account.
	busy() { awk '/^cpu / { print ($2 + $3 + $4 + $7 + $8 + $9) * 10 }' /proc/stat; }
	from=$(busy)
	status "$backend: records" 0 evp-record --backend $backend -a -F 199 --duration 2 -o m.evp
	due=$(($(busy) - from))
	is "$backend: says nothing" "$(cat "$T/err")" ''
	status "$backend: a whole stream" 0 evp-stream check m.evp
	evp-fold -L comm,pid m.evp >folded
	got=$(awk '{ n += $NF } END { printf "%d", n * 1000 / 199 }' folded)
	ok "$backend: $got ms sampled of $due busy" test "$got" -gt $((due * 80 / 100)) -a "$got" -lt $((due * 115 / 100))
	ok "$backend: the loop, by name and number" grep -q "^sh;$spinner;" folded
	ok "$backend: kernel frames below a system call, named" \
		grep -qE '^dd;.*;do_syscall_64;ksys_read;vfs_read' folded
	no "$backend: no idle CPU" grep -q '^swapper' folded
	like "$backend: a build ID for libc" "$(evp-stream dump m.evp | head -c 1000000)" 'libc'
	like "$backend: its own cost" "$(evp-stream stat m.evp)" '^cost: '
done

status 'labels of the process and ours' 0 evp-record -p $spinner --duration 0.5 -l env=test -o l.evp
evp-fold -L comm,pid,env,exe l.evp >folded
ok 'all there' grep -q "^sh;$spinner;test;/.*sh;" folded
EVP_NODE=elsewhere evp-record -p $spinner --duration 0.3 | evp-fold -L node >folded
ok 'the node by another name' grep -q '^elsewhere;' folded
status 'user frames only' 0 sh -c 'evp-record -a -U --duration 0.5 | evp-fold >folded'
no 'no kernel frame' grep -q ';do_syscall_64' folded
status 'kernel frames only' 0 sh -c 'evp-record -a -K --duration 0.5 | evp-fold >folded'
no 'no user frame' grep -q 'libc' folded
done_testing
