#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The recorder keeps what it goes on needing; a command has what the recorder's caller has.
# shellcheck disable=SC2086 # callers are words
. "${0%/*}/../lib.sh"
needs root bpf setpriv setcap
cd "$T" || exit 1
chmod 755 .
mkdir -m 755 own
mkdir -m 777 free
mkdir -m 700 secret
cp "$BIN/evp-record" own/evp-record
cp /bin/true secret/

who='grep -E ^(Uid|Gid|Groups|Cap|NoNewPrivs) /proc/self/status'
nobody='setpriv --reuid 65534 --regid 65534 --groups 4,24'
mine=$(sed -n 's/^CapEff:\t//p' /proc/self/status)
three=+bpf,+perfmon,+net_raw

# as NAME EVP-RECORD CALLER...: a command of that caller is, under the recorder, as it is without.
as() {
	name=$1 recorder=$2
	shift 2
	"$@" $who >without
	run "$@" "$recorder" -q -o /dev/null -- $who
	same "$name" without "$T/out"
	ok "$name: that is told" grep -q '^CapBnd' without
}
# keeps NAME WANTED EVP-RECORD ARG...: its capabilities once it records. EVP-RECORD: words.
keeps() {
	name=$1 wanted=$(printf %016x $((0x$2 & 0x$mine))) recorder=$3
	shift 3
	bg $recorder -o /dev/null --duration 10 "$@"
	waits 5 grep -q 'NoNewPrivs.*1' "/proc/$pid/status"
	is "$name" "$(sed -n 's/^Cap\(Prm\|Eff\|Amb\|Inh\):\t//p' "/proc/$pid/status" | tr '\n' ' ')" \
		"0000000000000000 $wanted $wanted 0000000000000000 "
	bounding=$(sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")
	kill "$pid"
}

as 'a command of root' evp-record env
as 'of root without some' evp-record setpriv --bounding-set -net_admin,-bpf
as 'of a user' own/evp-record $nobody
as 'of a user with ambient ones' own/evp-record $nobody --inh-caps $three --ambient-caps $three
as 'of one with no new privileges' evp-record setpriv --no-new-privs
keeps 'root keeps seven' 000001c400084004 evp-record -a
is 'and can gain none' "$bounding" 0000000000000000
keeps 'six without BPF' 0000014400084004 evp-record -a --backend perf
keeps 'and one for signals to a command' 000001c400084024 evp-record -- sleep 9
keeps 'a stand-in for what is missing' 0000014400284004 'setpriv --bounding-set -bpf evp-record' -a

setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_syslog,cap_dac_read_search,cap_net_admin+ep own/evp-record
as 'with file capabilities: a command of a user' own/evp-record $nobody
keeps 'keeps five of six' 000000c400080004 "$nobody own/evp-record" -a
status 'a user records all' 0 $nobody own/evp-record -a --duration 0.3 -o free/a.evp
ok 'to a file of that user' test "$(stat -c %u free/a.evp)" = 65534
status 'but executes nothing that is hidden from the user' 126 $nobody own/evp-record -o /dev/null -- secret/true
refused 'and writes nothing that is not the user'\''s' 'Permission denied' $nobody own/evp-record -a -o own/no
setcap -r own/evp-record
chmod 4755 own/evp-record
as 'setuid root: a command of a user' own/evp-record $nobody
keeps 'keeps seven' 000001c400084004 "$nobody own/evp-record" -a
refused 'writes nothing that is not the user'\''s' 'Permission denied' $nobody own/evp-record -a -o own/no
status 'nor executes' 126 $nobody own/evp-record -o /dev/null -- secret/true
done_testing
