#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# evp-record --check --json: what the page promises, and that restrictions show in it.
. "${0%/*}/../lib.sh"
needs root bpf python3 setpriv unshare
cd "$T" || exit 1
cp "$BIN/evp-record" . && chmod 755 . evp-record

# has NAME STATUS PYTHON HOW...: the expression holds of the report; c(NAME) is a check's answer.
has() {
	name=$1 wanted=$2 expression=$3
	shift 3
	status "$name: status" "$wanted" "$@" ./evp-record --check --json
	is "$name" "$(python3 -c "
import json, sys
r = json.load(sys.stdin); f = r['facts']; caps = f['capabilities']
c = lambda name: {x['name']: x['answer'] for x in r['checks']}[name]
print($expression)" <"$T/out")" True
}
user='setpriv --reuid 65534 --regid 65534 --clear-groups'
page=$(sed -n '/^The names:/,/^\.It Va facts/s/^\.Ql \([a-z0-9-]*\).*/\1/p' "$TOP/man/evp-record.1" | sort | tr '\n' ' ')
has 'the names in the page' 0 "' '.join(sorted(x['name'] for x in r['checks'])) + ' ' == '$page'" env
has 'root' 0 "r['backend'] == 'bpf' and r['can_all'] and c('bpf') == c('bpf-loop') == c('stack-copies') == 'yes'" env
has 'root: facts' 0 "caps['cap_bpf'] is True and f['pid_namespace'] == 'initial' and f['seccomp'] in ('none', 'filter')" env
has 'types' 0 "all(set(x) == {'name', 'what', 'answer', 'needed', 'why', 'hint'} and x['answer'] in ('yes', 'partly', 'no') for x in r['checks'])" env
# shellcheck disable=SC2086 # words
has 'another user' 0 "r['backend'] == 'perf' and not caps['cap_perfmon'] and c('capabilities') == 'partly' and c('bpf') == c('bpf-loop') == 'no'" $user
# shellcheck disable=SC2086
has 'a container' 0 "f['pid_namespace'] == f['user_namespace'] == 'own' and not caps['cap_bpf'] and c('pid-namespace') == 'partly'" \
	$user unshare -Urpf --mount-proc
has 'no BTF' 0 "c('btf') == 'no' and r['backend'] == 'perf' and r['can_all']" \
	unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh
refused 'without --check nothing is recorded' 'json needs --check' timeout 5 evp-record --json
done_testing
