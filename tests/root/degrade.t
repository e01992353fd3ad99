#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever is missing, evp-record gives samples, or a line that names it; it never aborts or hangs.
#
#	row NAME HOW WHAT BACKEND STATUS [LINE...]
#
# HOW restricts it, WHAT is recorded; then what must come out: the backend (none: no sample), the
# exit status, and the lines on stderr, each an ERE, in their order, and no other line.
# shellcheck disable=SC2086 # HOW and WHAT are words
. "${0%/*}/../lib.sh"
needs root bpf setpriv unshare cc
cd "$T" || exit 1
chmod 755 .
mkdir -m 755 bin
cp "$BIN/evp-record" bin/evp-record
cc -o bin/deny "$TOP/tests/root/deny.c" || exit 1
PATH=$T/bin:$PATH

row() {
	name=$1 how=$2 what=$3 wanted="$4, status $5" backend=bpf
	shift 5
	timeout 20 $how evp-record -F 499 $what >row.evp 2>"$T/err"
	status=$?
	grep -v 'samples were lost' "$T/err" >said # where the machine is busy
	grep -q 'through perf events instead' said && backend=perf
	[ "$(evp-fold -q row.evp 2>"$T/err" | wc -l)" -gt 0 ] || backend=none
	got="$backend, status $status"
	while read -r line; do
		! printf '%s\n' "$line" | grep -qE -e "${1-no such line}" || line=$1
		[ $# = 0 ] || wanted="$wanted
$1"
		got="$got
$line"
		[ $# = 0 ] || shift
	done <said
	for line; do wanted="$wanted
$line"; done
	is "$name" "$got" "$wanted"
}

# What is recorded: a command, or two programs of root, one that nobody else may read, one deleted.
cat >bin/work <<'EOT'
#!/bin/sh
i=0
while [ $i -lt 40000 ]; do i=$((i + 1)); done
EOT
cp /bin/dash hidden && chmod 711 hidden
cp /bin/dash gone
bg ./hidden -c 'while :; do :; done'
hidden="-p $pid --duration 0.2"
bg ./gone -c 'while :; do :; done'
gone="-p $pid --duration 0.2"
both="$hidden $gone"
rm gone
machine='-a --duration 0.1'

# How: "${root}-CAP,..." is root without, "$(user +CAP,...)" another with, "$(but CAP)" with all but.
root='setpriv --bounding-set '
user() { echo "setpriv --reuid 65534 --regid 65534 --clear-groups ${1:+--inh-caps $1 --ambient-caps $1}"; }
all=+bpf,+perfmon,+sys_ptrace,+syslog,+dac_read_search,+checkpoint_restore
but() { user "$(echo "$all" | sed "s/+$1,//; s/,+$1\$//")"; }
cat >bin/sysctl_is <<'EOT'
#!/bin/sh
echo "${1#*=}" >"/proc/sys/kernel/${1%%=*}" && shift && exec "$@"
EOT
cat >bin/no_btf <<'EOT'
#!/bin/sh
exec unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh "$@"
EOT
cat >bin/no_proc <<'EOT'
#!/bin/sh
exec unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$@"
EOT
cat >bin/no_sys <<'EOT'
#!/bin/sh
exec unshare -m sh -c 'mount -t tmpfs none /sys && exec "$@"' sh "$@"
EOT
cat >bin/hidepid <<'EOT'
#!/bin/sh
exec unshare -m sh -c 'mount -t proc -o hidepid=2 none /proc && exec "$@"' sh "$@"
EOT
chmod +x bin/*
bpf=321 perf=298 # their numbers, x86-64
[ "$(uname -m)" = x86_64 ] || bpf=280 perf=241

# The sysctls: as here at the start, as they are in most places during the test.
paranoid=$(cat /proc/sys/kernel/perf_event_paranoid)
kptr=$(cat /proc/sys/kernel/kptr_restrict)
restore() { sysctl_is "perf_event_paranoid=$paranoid" sysctl_is "kptr_restrict=$kptr" true; }
trap 'restore; tap_exit' EXIT
sysctl_is perf_event_paranoid=2 sysctl_is kptr_restrict=1 true

# ---- capabilities ----
own='^evp-record: only your own processes, only time spent in user space: kernel.perf_event_paranoid is 2$'
userland='^evp-record: only time spent in user space: kernel.perf_event_paranoid is 2$'
nameless='^evp-record: kernel functions have no names: hidden without cap_syslog$'
unread='^evp-record: processes not to be looked into without cap_sys_ptrace, so that .*: [0-9]+$'
build_id() { echo "^evp-record: files that may not be read without $1, so that their build IDs are unknown: 1\$"; }
perf_for() { echo "^evp-record: BPF needs $1; sampling through perf events instead\$"; }
denied='^evp-record: perf events are not permitted: '

row 'root' env "$machine" bpf 0
for cap in bpf perfmon dac_read_search checkpoint_restore ipc_lock sys_admin; do
	row "root without $cap" "${root}-$cap" "$both" bpf 0
done
row 'root without syslog' "${root}-syslog" "$both" bpf 0 "$nameless"
row 'root without sys_ptrace' "${root}-sys_ptrace" "$both" bpf 0 "$unread"
row 'root without any' "${root}-all" '-a -- work' perf 0 "$(perf_for 'cap_bpf, cap_perfmon')" "$own"
row 'a user with all six' "$(user $all)" "$machine" bpf 0
row 'a user without bpf' "$(but bpf)" "$both" perf 0 "$(perf_for cap_bpf)"
row 'a user without perfmon' "$(but perfmon)" '-a -- work' perf 0 "$(perf_for cap_perfmon)" "$own"
row 'a user without syslog' "$(but syslog)" "$both" bpf 0 "$nameless"
row 'a user without sys_ptrace' "$(but sys_ptrace)" "$both" bpf 0 "$unread"
row 'a user without dac_read_search' "$(but dac_read_search)" "$hidden" bpf 0 "$(build_id cap_dac_read_search)"
row 'a user without checkpoint_restore' "$(but checkpoint_restore)" "$gone" bpf 0 "$(build_id cap_checkpoint_restore)"
row 'a user without ipc_lock, no memory to lock' "prlimit --memlock=0 $(but bpf)" "$both" perf 0 "$(perf_for cap_bpf)"
row 'the same with bpf' "prlimit --memlock=0 $(user $all)" "$both" bpf 0
row 'root without sys_resource' "${root}-sys_resource" "$both" bpf 0
row 'a user with none: a command' "$(user)" work perf 0 "$(perf_for 'cap_bpf, cap_perfmon')" "$userland"
v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -z "$v2" ] || row 'a user with none: a command and a cgroup' "$(user)" "-G $v2 -- work" none 0 \
	"$(perf_for 'cap_bpf, cap_perfmon')" '^evp-record: sampling a cgroup is not permitted: '
row "a user with none: root's process" "$(user)" "$hidden" none 2 \
	"^evp-record: another user's process may not be sampled: run as root, or once 'setcap "

# ---- sysctls ----
row 'kptr_restrict 2' 'sysctl_is kptr_restrict=2' "$both" bpf 0 \
	'^evp-record: kernel functions have no names: kernel.kptr_restrict is 2$'
sysctl_is kptr_restrict=1 true
row 'perf_event_paranoid 1' "sysctl_is perf_event_paranoid=1 $(user)" work perf 0 \
	"$(perf_for 'cap_bpf, cap_perfmon')" "$nameless"
row 'perf_event_paranoid 0' "sysctl_is perf_event_paranoid=0 $(user)" "$machine" perf 0 \
	"$(perf_for 'cap_bpf, cap_perfmon')" "$nameless" "$unread"
sysctl_is perf_event_paranoid=2 true

# ---- kernels and containers ----
types="BPF needs the kernel's types: no '/sys/kernel/btf/vmlinux' \(CONFIG_DEBUG_INFO_BTF\)"
row 'no BTF' no_btf "$both" perf 0 "^evp-record: $types; sampling through perf events instead\$"
row 'no BTF, but BPF asked for' no_btf "$both --backend bpf" none 2 "^evp-record: $types\$"
row 'seccomp: bpf(2) is not permitted' "deny $bpf 1" "$both" perf 0 \
	'^evp-record: bpf\(2\) is refused in spite of all capabilities: a seccomp filter is in force; sampling '
row 'seccomp: no bpf(2)' "deny $bpf 38" "$both" perf 0 '^evp-record: there is no bpf\(2\) here: a seccomp filter '
row 'seccomp: perf_event_open(2) is not permitted' "deny $perf 1" "$both" none 2 "${denied}a seccomp filter is in force\$"
row 'seccomp: no perf_event_open(2)' "deny $perf 38" "$both" none 2 \
	'^evp-record: there is no perf_event_open\(2\) here: '
row 'seccomp: neither; the command runs' "deny $bpf 1 deny $perf 1" '-- work' none 0 "${denied}a seccomp filter is in force\$"
row 'a pid namespace' 'unshare -pf --mount-proc' '-a -- work' bpf 0 \
	"^evp-record: only processes of this container's pid namespace are recorded\$"
row 'a pid namespace: a command' 'unshare -pf --mount-proc' work bpf 0
row 'a user namespace' "$(user) unshare -Urpf --mount-proc" work perf 0 \
	"$(perf_for 'cap_bpf, cap_perfmon of the initial user namespace')" "$userland"
row '/proc with hidepid' hidepid "$both" bpf 0
row '/proc with hidepid, a user without sys_ptrace' "hidepid $(but sys_ptrace)" "$machine" bpf 0 \
	"^evp-record: '/proc' hides other users' processes \(hidepid\) without cap_sys_ptrace: their files are unknown\$"
row '/proc with hidepid: a process' "hidepid $(user)" "$hidden" none 2 '^evp-record: no process [0-9]+ .*hides it'
noproc="^evp-record: '/proc' is not mounted: "
if ! sanitized; then
	row 'no /proc' no_proc "$machine" bpf 0 "$noproc"
	row 'no /proc: a command' no_proc work bpf 0 "$noproc"
fi
row 'no /sys: a command' no_sys work perf 0 \
	"^evp-record: BPF needs '/sys/devices/system/cpu/possible'; sampling through perf events instead\$"
row 'few open files' 'prlimit --nofile=16' "$both" perf 0 \
	"^evp-record: BPF needs more open files: raise 'ulimit -n'; sampling through perf events instead\$"
done_testing
