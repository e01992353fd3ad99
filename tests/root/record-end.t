#!/bin/sh
# However the recorder ends, what it had written can be read; and what it refuses.
. "${0%/*}/../lib.sh"
needs root bpf
cd "$T" || exit 1

bg sh -c 'while :; do :; done'
bg evp-record -a -F 99 -i 0.5 -o killed.evp
sleep 1.7
kill -KILL $pid
wait $pid 2>/dev/null
status 'killed: cut short' 3 evp-stream check killed.evp
ok 'but full of samples' test "$(evp-fold -q killed.evp | awk '{ n += $NF } END { print n + 0 }')" -gt 50
for signal in INT TERM HUP; do
	bg env --default-signal=INT evp-record -a -o end.evp
	sleep 0.6
	kill -$signal $pid
	wait $pid
	is "SIG$signal: done" $? 0
	status 'and whole' 0 evp-stream check end.evp
done
status 'a reader that has enough' 0 sh -c '{ evp-record -a -i 0.2; echo $? >status; } | head -c 100 >/dev/null'
is 'is no failure' "$(cat status)" 0

bg timeout 2 sh -c 'while :; do :; done'
status 'a process that ends' 0 timeout 10 evp-record -p $pid -o p.evp
status 'ends the recording' 0 evp-stream check p.evp
refused 'a process that is not' 'no process 999999' evp-record -p 999999 -o no.evp
refused 'no number' "'12x' is no process number" evp-record -p 12x
for bad in 0 99abc 1001 -5 ''; do
	refused "-F '$bad'" '-F: ' evp-record -F "$bad" -a
done
for bad in '--duration 0' '-i 0' '-i 1ms' '--window 0s' '--window 1ns' '--window 2d' '-c 999999' '-c 1000000001'; do
	# shellcheck disable=SC2086 # two words
	refused "$bad" "'${bad#* }' is not within " evp-record $bad -a
done
refused 'a rate and a period' '-F and -c exclude' evp-record -F 99 -c 10000000 -a
refused 'no cgroup' "no cgroup 'no/such'" evp-record -G no/such
refused 'no label' 'KEY=VALUE' evp-record -l 1x=2 -a
refused 'no backend' 'auto, bpf or perf' evp-record --backend magic -a
refused 'no event' "unknown event 'cycles'" evp-record -e cycles -a
refused 'no place' 'No such file' evp-record -a -o no/such/place
no 'nothing half written' test -e no.evp
done_testing
