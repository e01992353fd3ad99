#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Labels of real processes: cgroups of such names, a renamed thread, a variable; rules; the store.
. "${0%/*}/../lib.sh"
needs root bpf python3

v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$v2" ] && mkdir "$v2/evp-$$.slice" 2>/dev/null || skip_all 'no cgroup v2 to write to'
id=4cb9b8f1a1d5ec0d2b6b3d8dd0bbd1f16cbd6ce0cf8d2fd0b8ed4b36a5cb0a11
mkdir "$v2/evp-$$.slice/web@1.service" "$v2/evp-$$.slice/docker-$id.scope"
remove() {
	for pid in $tap_pids; do kill "$pid"; done
	wait
	rmdir "$v2/evp-$$.slice/web@1.service" "$v2/evp-$$.slice/docker-$id.scope" "$v2/evp-$$.slice"
	tap_exit
}
trap remove EXIT

cat >"$T/spin.py" <<'E2'
import ctypes, sys, threading, time
def spin(name, end):
    ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
    while time.monotonic() < end: pass
ctypes.CDLL(None).prctl(15, b'ma\tin', 0, 0, 0)
end = time.monotonic() + float(sys.argv[1])
threads = [threading.Thread(target=spin, args=(n, end)) for n in (b'odd\n\x1b[1m\xff', b'pool-1')]
for t in threads: t.start()
for t in threads: t.join()
E2
# Shell that goes on as two busy threads in a cgroup: spin CGROUP SECONDS [ARG].
spin() { echo "echo \$\$ >'$v2/evp-$$.slice/$1/cgroup.procs' && EVP_TEAM=blue exec python3 '$T/spin.py' $2 ${3-}"; }

for backend in bpf perf; do
	status "$backend: records a service" 0 evp-record --backend $backend -o "$T/a" \
		--labels +thread,+slice,+tid,+cpu,+build_id --env EVP_TEAM -- sh -c "$(spin web@1.service 0.5)"
	run evp-fold --by service,unit,slice,env_EVP_TEAM,thread "$T/a"
	like "$backend: unit, slice, variable and a thread's name" "$(cat "$T/out")" \
		"^web;web@1.service;evp-$$.slice;blue;pool-1"
	like "$backend: an odd name is escaped" "$(cat "$T/out")" ';odd\\n\\x1b\[1m\\xff[; ]'
	like "$backend: tid and cpu" "$(evp-fold --by tid,cpu "$T/a")" '^[0-9]+;[0-9]+;'
	like "$backend: build ID" "$(evp-fold --by exe,build_id "$T/a")" '/python3[^;]*;[0-9a-f]{16,}'
	evp-top --by thread "$T/a" >"$T/top"
	ok "$backend: a table has both threads" test "$(grep -cE 'pool-1|odd' "$T/top")" -ge 2
	no "$backend: and no control byte" grep -q "$(printf '\033')" "$T/top"
done

bg sh -c "$(spin "docker-$id.scope" 60)"
sleep 0.5
status 'a container, without pid' 0 evp-record -p "$pid" --duration 0.5 --labels -pid -o "$T/c"
like 'its id and service' "$(evp-fold --by container,service,pid "$T/c")" "^$id;python3[.0-9]*;.none.;"

ok 'the store takes them' evp-store add "$T/s" "$T/a" "$T/c"
status 'a matcher on service' 0 evp-query -s "$T/s" 'cpu{service="web",unit="web@1.service"}' -o "$T/q"
like 'finds the service, by its odd name' "$(evp-fold --by comm "$T/q")" '^ma\\x09in;'
is 'and values are listed' "$(evp-query -s "$T/s" values container)" "$id"

bg sh -c "$(spin "docker-$id.scope" 60 --quiet)"
sleep 0.3
status 'rules' 0 evp-record -v -a -F 99 --duration 1 --relabel tests/golden/relabel/rules.yaml \
	--labels comm,pid,exe -o "$T/r"
said 'say what they dropped' '[1-9][0-9]* samples were dropped by the rules'
like 'and so does the stream' "$(evp-stream cat "$T/r" | evp-stream stat)" '^dropped: *[1-9][0-9]* samples'
unlike 'it is no loss' "$(evp-stream stat "$T/r")" '^lost:.*relabel'
is 'keep, replace, labelmap, labeldrop' \
	"$(evp-fold --by team,runtime,docker_container_id,pid,exe,comm "$T/r" | cut -d';' -f1-6 | sort -u)" \
	"blue;python;$id;[none];[none];ma\x09in"
refused 'bad rules' "line 1: unknown key 'x'" evp-record --relabel /dev/fd/0 -- true <<'E2'
- x: 1
E2
refused 'an unknown label' "unknown label 'x'; there are comm, thread," evp-record --labels x -- true
refused 'a variable of a bad name' "'A-B' is no variable" evp-record --env A-B -- true
done_testing
