#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Killed at any moment, the recorder leaves what it wrote and nothing else. What it watches may go
# away under it: numbers used again, cgroups removed.
. "${0%/*}/../lib.sh"
needs root bpf gcc
src=$TOP/tests/root/hostile
cd "$T" || exit 1
gcc -O2 -static -nostdlib -o tiny "$src/tiny.c"
gcc -O2 -o storm "$src/storm.c"
gcc -O2 -fomit-frame-pointer -o work "$src/work.c"

# No more of its programs are in the kernel than there are recorders.
held() {
	test "$(bpftool prog list | grep -c ' name on_tick ')" -le "$(pgrep -cx evp-record)"
}
# shellcheck disable=SC2317 # waits calls it
gone() { ! kill -0 "$1" 2>/dev/null; }
bg ./storm 300 20 ./tiny 100000
storm=$pid
for b in bpf perf; do
	for after in 0.1 0.5 1.3; do
		bg evp-record -q --backend $b -a -i 0.2 -o k.evp
		sleep $after
		children=$(cat "/proc/$pid/task/$pid/children")
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
		run evp-stream check k.evp
		ok "$b: killed after $after s: partial, or nothing yet ($rc)" test $rc = 3 -o ! -s k.evp
		for child in $children; do ok "$b: its child ends" waits 5 gone "$child"; done
	done
done
ok 'no program is left in the kernel' waits 5 held
kill "$storm"

for b in bpf perf; do
	if unshare -pf --mount-proc sh -c 'echo 100 >/proc/sys/kernel/ns_last_pid' 2>/dev/null; then
		# shellcheck disable=SC2016 # the inner shell expands
		run evp-record -q --backend $b -F 499 -o p.evp -- unshare -pf --mount-proc sh -c '
			for i in 1 2 3 4 5 6 7 8; do
				for program in ./tiny "./work 0.02"; do
					echo 100 >/proc/sys/kernel/ns_last_pid
					case $program in ./tiny) ./tiny 9000000;; *) ./work 0.02;; esac
				done
			done'
		evp-symbolize -q p.evp | evp-fold -q -L comm >folded
		ok "$b: one number, two programs" grep -q '^work;.*innermost' folded
		no "$b: never mixed" grep -qE '^work;.*tiny_|^tiny;.*innermost' folded
	fi
	if unshare -pf --mount-proc sh -c 'echo 100 >/proc/sys/kernel/ns_last_pid' 2>/dev/null; then
		# shellcheck disable=SC2016 # the inner shell expands
		unshare -pf --mount-proc sh -c '
			sleep 9 & other=$!
			echo 100 >/proc/sys/kernel/ns_last_pid
			./work 30 & first=$!
			evp-record -q --backend '$b' -F 499 --duration 1 -p $first,$other -o n.evp & recorder=$!
			sleep 0.5
			kill $first
			wait $first
			echo 100 >/proc/sys/kernel/ns_last_pid
			./tiny 90000000 & echo $first $! >numbers
			wait $recorder
			kill $! $other' 2>/dev/null
		read -r first second <numbers
		is "$b: a number that was named, again" "$second" "$first"
		evp-symbolize -q n.evp | evp-fold -q -L comm >folded
		ok "$b: its process was sampled" grep -q '^work;' folded
		no "$b: and not who had it next" grep -q '^tiny;' folded
	fi
	v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	if [ -n "$v2" ] && mkdir "$v2/evp-test-$$" 2>/dev/null; then
		bg evp-record -q --backend $b -a -F 199 -i 0.2 --duration 3 -o c.evp
		recorder=$pid
		waits 20 test -s c.evp
		sh -c "echo \$\$ >$v2/evp-test-$$/cgroup.procs && exec ./work 0.3"
		rmdir "$v2/evp-test-$$"
		status "$b: a cgroup is removed" 0 wait "$recorder"
		like "$b: and named all the same" "$(evp-fold -q -L cgroup c.evp)" "^/evp-test-$$;.*work"
	fi
done
done_testing
