#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# pprof out and in again: nothing that a fold or a value shows is lost, and pprof itself agrees.
. "${0%/*}/lib.sh"

"$B/tests/unit/format" stream "$T/a.evp"
status 'export' 0 evp-export -f pprof -o "$T/a.pb.gz" "$T/a.evp"
said 'other events are said' "1 samples of other events left out \(this is 'cpu'"
evp-export -q <"$T/a.evp" >"$T/b.pb.gz"
same 'the same bytes from a pipe' "$T/a.pb.gz" "$T/b.pb.gz"
status 'and back' 0 evp-import -o "$T/b.evp" "$T/a.pb.gz"
status 'the stream is whole' 0 evp-stream check "$T/b.evp"
for how in '' '-m' '--lines' '--value cpu' '--by comm,pid,node,service,size'; do
	# shellcheck disable=SC2086
	evp-fold -q $how "$T/a.evp" | sed 's/\\\\x/\\x/' >"$T/want"
	# shellcheck disable=SC2086
	evp-fold -q $how "$T/b.evp" | sed 's/\\\\x/\\x/' >"$T/out"
	case $how in -m) sed -i 's/\[python\]`//' "$T/want" ;; esac
	same "fold $how" "$T/out" "$T/want"
done
evp-fold -qa "$T/a.evp" | sed 's/\\\\x/\\x/' >"$T/want"
evp-fold -qa "$T/b.evp" | sed 's/\\\\x/\\x/' >"$T/out"
same 'fold -a: kernel, JIT and inlined stay so' "$T/out" "$T/want"
evp-export --no-prov "$T/b.evp" >"$T/c.pb.gz"
evp-import -q "$T/c.pb.gz" | evp-fold -a | sed 's/\\\\x/\\x/' >"$T/again"
same 'a second round changes nothing' "$T/again" "$T/out"
gzip -dc "$T/a.pb.gz" | evp-import -q >"$T/d.evp"
is 'uncompressed as well' "$(evp-fold "$T/d.evp" | md5sum)" "$(evp-fold "$T/b.evp" | md5sum)"
evp-export -q --by service "$T/a.evp" | evp-import -q | evp-fold --by comm,service >"$T/out"
no '--by leaves other labels out' grep -q '^app' "$T/out"
ok 'and keeps those' grep -q '^\[none\];shop;main' "$T/out"
is '--type' "$(evp-export --type fault "$T/a.evp" 2>"$T/err" | evp-import -q | evp-fold -L '')" 'main;[unknown] 3'
run sh -c "head -c 300 '$T/a.evp' | evp-export -o '$T/cut.pb.gz'"
is 'a cut stream is status 3' "$rc" 3

size=$(wc -c <"$T/a.pb.gz")
for n in 1 3 10 50 100 200 400 600 $((size - 1)); do
	head -c "$n" "$T/a.pb.gz" >"$T/cut"
	refused "cut at $n" 'cut short|damaged' evp-import -f pprof -o "$T/none.evp" "$T/cut"
done
no 'and leaves nothing' test -e "$T/none.evp"
gzip -dc "$T/a.pb.gz" | head -c 500 >"$T/cut"
refused 'a damaged message' 'damaged profile' evp-import -f pprof "$T/cut"

head -c 200M /dev/zero | gzip -1 >"$T/bomb.gz"
refused 'a bomb' 'holds more than' evp-import "$T/bomb.gz"

if command -v go >/dev/null; then
	# Go builds its pprof once into a cache, half a minute: scripts/peers has one, or the user's.
	GOCACHE=$TOP/build/peers/go-build
	[ -d "$GOCACHE" ] || GOCACHE=$(env -u XDG_CACHE_HOME go env GOCACHE)
	export GOCACHE GOTOOLCHAIN=local PPROF_TMPDIR="$T"
	status 'pprof -top' 0 go tool pprof -top "$T/a.pb.gz"
	ok 'names a function that only the ELF knows' grep -q evp_format_test_leaf "$T/out"
	status 'pprof -traces' 0 go tool pprof -traces "$T/a.pb.gz"
	ok 'shows labels' grep -q 'service: *shop' "$T/out"
	status 'pprof -raw' 0 go tool pprof -symbolize=none -raw "$T/a.pb.gz"
	ok 'and the default type' grep -q 'cpu/nanoseconds\[dflt\]' "$T/out"
	go tool pprof -symbolize=none -proto -output "$T/e.pb.gz" "$T/a.pb.gz" 2>/dev/null
	is 'what pprof wrote comes in' "$(evp-import -q "$T/e.pb.gz" | evp-fold -a --value cpu | md5sum)" \
		"$(evp-fold -a --value cpu "$T/b.evp" | md5sum)"
else
	skip 'pprof itself' 'no go'
fi
# A stream whose event has no sample is a profile of that event all the same, through filters too.
printf 'a 1\n' | evp-import -qf folded | evp-stream cat --from @4000000000 | evp-export -o "$T/empty.pb.gz"
status 'an empty profile is one of its event' 0 sh -c "evp-import -f pprof '$T/empty.pb.gz' | evp-stream check"
like 'with its types' "$(gzip -dc "$T/empty.pb.gz" | tr -c 'a-z' '\n')" '^samples$'
done_testing
