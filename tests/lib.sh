# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Tests in shell that speak TAP. A test is an executable tests/NAME.t (or tests/root/NAME.t):
#
#	#!/bin/sh
#	. "${0%/*}/lib.sh"             # in tests/root: "${0%/*}/../lib.sh"
#	status 'folds two streams' 0 evp-fold a.evp b.evp
#	is 'and sums them' "$(cat "$T/out")" 'main;f 5'
#	done_testing
#
# The name of a check comes first, everywhere. Given:
#	$TOP  the source tree, where the test runs      $BIN  build/bin, first on PATH
#	$T    a directory of its own, gone at the end   $B    the build folder
#	$rc $T/out $T/err   what the last run/status left
#	$FLAMEGRAPH  Debian's flamegraph.pl            build/peers holds other peers (scripts/peers)
# Run one test with `make && tests/NAME.t`; `ACCEPT=1 tests/NAME.t` rewrites what `expect` compares with.

set -u
TOP=$(cd "${0%/*}/.." && { [ -f tests/lib.sh ] || cd ..; } && pwd) || exit 1
cd "$TOP" || exit 1
B=${B:-build}
case $B in /*) ;; *) B=$TOP/$B ;; esac
BIN=$B/bin
PATH=$BIN:$PATH:$TOP/build/peers/cargo/bin
FLAMEGRAPH=/usr/share/perl5/Devel/NYTProf/flamegraph.pl
T=$(mktemp -d "${TMPDIR:-/tmp}/evp-test.XXXXXX") || exit 1
export TOP B BIN T PATH FLAMEGRAPH LC_ALL=C.UTF-8 TZ=UTC0
export XDG_DATA_HOME="$T/xdg/data" XDG_CONFIG_HOME="$T/xdg/config" XDG_CACHE_HOME="$T/xdg/cache"
export GOCACHE="$TOP/build/peers/go-build"
unset DEBUGINFOD_URLS EVP_STORE EVP_NODE NO_COLOR
tap_n=0 tap_failed=0 tap_done='' tap_pids='' rc=0

tap_exit() {
	for pid in $tap_pids; do kill "$pid" 2>/dev/null; done
	rm -rf "$T"
	[ -n "$tap_done" ] || echo "# ended before done_testing"
}
trap tap_exit EXIT
trap 'exit 1' HUP INT TERM

# ok NAME COMMAND...: it succeeds. no NAME COMMAND...: it fails.
ok() { tap_name=$1; shift; if "$@"; then tap_pass; else tap_fail "failed: $*"; fi; }
no() { tap_name=$1; shift; if "$@"; then tap_fail "succeeded: $*"; else tap_pass; fi; }

# is NAME GOT WANTED. like, unlike NAME TEXT ERE: a line matches, no line does.
is() {
	tap_name=$1
	if [ "$2" = "$3" ]; then tap_pass; else tap_fail "got:    $2" "wanted: $3"; fi
}
like() {
	tap_name=$1
	if printf '%s\n' "$2" | grep -qE -e "$3"; then tap_pass; else tap_fail "got:    $2" "no match for: $3"; fi
}
unlike() {
	tap_name=$1
	if printf '%s\n' "$2" | grep -qE -e "$3"; then tap_fail "got:    $2" "but it matches: $3"; else tap_pass; fi
}

# same NAME FILE FILE: equal bytes.
same() {
	tap_name=$1
	if cmp -s "$2" "$3"; then tap_pass; else tap_fail "$(diff -a "$2" "$3" 2>&1 | head -20)"; fi
}

# run COMMAND...: leaves $rc, $T/out and $T/err. A pipeline: run sh -c 'a | b'.
run() { "$@" >"$T/out" 2>"$T/err"; rc=$?; }

# status NAME WANTED COMMAND...: run, and the exit status is as wanted.
status() {
	tap_name=$1 tap_want=$2
	shift 2
	run "$@"
	if [ "$rc" = "$tap_want" ]; then tap_pass; else tap_fail "status $rc, wanted $tap_want: $*" "$(head -20 "$T/err")"; fi
}

# said NAME ERE: a line on stderr of the last run matches. refused NAME ERE COMMAND...: status 2,
# a message that matches, nothing on stdout.
said() { like "$1" "$(cat "$T/err")" "$2"; }
refused() {
	tap_name=$1 tap_ere=$2
	shift 2
	run "$@"
	if [ "$rc" = 2 ] && [ ! -s "$T/out" ] && grep -qE -e "$tap_ere" "$T/err"; then tap_pass
	else tap_fail "status $rc, $(wc -c <"$T/out") bytes on stdout: $*" "wanted 2, no byte and: $tap_ere" "$(head -20 "$T/err")"; fi
}

# expect NAME FILE GOT: the file GOT has the bytes of FILE, which is in the tree. ACCEPT=1 rewrites it.
expect() {
	[ -z "${ACCEPT-}" ] || cp "$3" "$2"
	same "$@"
}

# waits SECONDS COMMAND...: until it succeeds; false when the time is over.
waits() {
	tap_left=$(($1 * 20))
	shift
	until "$@"; do
		tap_left=$((tap_left - 1))
		[ "$tap_left" -gt 0 ] || return 1
		sleep 0.05
	done
}

# bg COMMAND...: in the background, its pid in $pid; ended at the latest with the test.
bg() { "$@" & pid=$!; tap_pids="$tap_pids $pid"; }

# skip NAME REASON for one check; skip_all REASON for the whole file; needs PROGRAM|root|bpf...
# skips the whole file where one is absent. Only the reasons in scripts/check pass there.
skip() { tap_n=$((tap_n + 1)); echo "ok $tap_n - $1 # SKIP $2"; }
skip_all() {
	tap_done=1
	echo "1..0 # SKIP $1"
	exit 0
}
needs() {
	for need; do
		case $need in
		root) [ "$(id -u)" = 0 ] || skip_all 'not root' ;;
		bpf) evp-record --check 2>/dev/null | grep -q '^bpf  *yes' || skip_all 'no BPF here' ;;
		*) command -v "$need" >/dev/null || skip_all "no $need" ;;
		esac
	done
}

# Whether the programs carry sanitizers: they need /proc, and much memory.
sanitized() { nm -D "$BIN/evp-record" | grep -q __asan_init; }

done_testing() {
	echo "1..$tap_n"
	tap_done=1
	[ "$tap_failed" = 0 ]
	exit
}

tap_pass() { tap_n=$((tap_n + 1)); echo "ok $tap_n - $tap_name"; }
tap_fail() {
	tap_n=$((tap_n + 1)) tap_failed=$((tap_failed + 1))
	echo "not ok $tap_n - $tap_name"
	for line; do printf '%s\n' "$line" | cut -c1-400 | sed 's/^/# /'; done
}
