#!/bin/sh
# The whole machine: what is busy is there, as much as it was busy, with both backends.
. "${0%/*}/../lib.sh"
needs root bpf python3
cd "$T" || exit 1

# Milliseconds that were recorded.
over() { evp-stream stat --json "$1" | sed 's/.*"cost_span_ns":\([0-9]*\)[0-9]\{6\},.*/\1/'; }
bg sh -c 'while :; do :; done'
spinner=$pid
bg dd if=/dev/zero of=/dev/null bs=1M
for backend in bpf perf; do
	# Samples due: the CPU time that the machine was busy, from the kernel's own account.
	busy() { awk '/^cpu / { print ($2 + $3 + $4 + $7 + $8 + $9) * 10 }' /proc/stat; }
	from=$(busy) began=$(date +%s%N)
	status "$backend: records" 0 evp-record --backend $backend -a -F 199 --duration 2 -o m.evp
	# Of the time that was sampled: to start and to end takes a busy machine long.
	due=$(($(busy) - from)) took=$((($(date +%s%N) - began) / 1000000))
	due=$((due * $(over m.evp) / took))
	is "$backend: says nothing but what a busy machine lost" "$(grep -v ' samples were lost, ' "$T/err")" ''
	status "$backend: a whole stream" 0 evp-stream check m.evp
	evp-fold -L comm,pid m.evp >folded
	got=$(awk '{ n += $NF } END { printf "%d", n * 1000 / 199 }' folded)
	lost=$(evp-stream stat --json m.evp | sed 's/.*"lost_samples":\([0-9]*\).*/\1/')
	# perf's rings hold whole stacks: who is kept from reading them soon loses some.
	ok "$backend: $lost samples lost" test $backend = perf -o $((lost * 10000 / 199)) -le "$got"
	got=$((got + lost * 1000 / 199))
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
ok 'has user frames' grep -q 'libc' folded
no 'no kernel frame' grep -q ';do_syscall_64' folded
status 'kernel frames only' 0 sh -c 'evp-record -a -K --duration 0.5 | evp-fold >folded'
ok 'has kernel frames' grep -q ';do_syscall_64;ksys_read' folded
no 'no user frame' grep -q 'libc' folded
bg dd if=/dev/zero of=/dev/null bs=1
status 'reads and writes' 0 sh -c "evp-record -q -K -F 999 -p $pid --duration 0.5 | evp-fold -q -L '' >folded"
ok 'stacks as deep as each other are not one' \
	test "$(wc -l <folded)" -gt "$(awk -F\; '{ print NF }' folded | sort -u | wc -l)"
done_testing
