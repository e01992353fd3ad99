# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Whole stacks of everything: the programs below, busy for ever, are recorded while they run (so all
# samples are older than their start, and none is of an exec or an exit) and judged one by one.
# stacks-bpf.t and stacks-perf.t source this with $backend set.
#
# A sample is whole when its root is where that program's threads begin; or it carries a reason at
# its root. One that has neither fails its case, wherever it came from.
. "${0%/*}/../lib.sh"
needs root gcc g++ python3
: "${backend:=bpf}"
[ "$backend" = perf ] || needs bpf
S=$TOP/tests/root/cases
cd "$T" || exit 1

cc() { gcc -O2 -g -fomit-frame-pointer -I"$S" "$@" 2>cc.err || tr '\n' ' ' <cc.err; }

# Roots are known by address (roots.py), so that neither symbols nor a symbolizer are needed.
libc=$(ldd /bin/sh | awk '/libc\.so/ { print $3 }')
python3 "$S/roots.py" "$libc" >roots

# start NAME KIND COMMAND...: one case, from now on in the background.
#	whole   99.5 % of its samples, all but two of a few, begin at a root, the others with a reason
#	far     the same, but a copy of the stack, which is all that --backend perf has, need not
#	        reach: 500 frames, and other stacks than the one that was interrupted
#	native  as far, but where made at run time follows its reason is as good
#	either  each sample begins at a root or with a reason
#	REASON  99.5 % begin with it (an ERE)
start() {
	name=$1 kind=$2
	shift 2
	if command -v "$1" >/dev/null; then
		bg sh -c 'exec "$@" <&3 >/dev/null 2>&1' sh "$@" 3<&0
		printf '%s\t%s\t%s\n' "$pid" "$kind" "$name" >>cases
		python3 "$S/roots.py" "$(command -v "$1")" >>roots
	else
		skip "$backend: $name" "no ${1##*/}"
	fi
}

# judge PID KIND FOLDED: "ok" or what is wrong and the figures, then the stacks that are to blame.
judge() {
	awk -F ';' -v pid="$1" -v kind="$2" -v backend="$backend" '
	FILENAME == "roots" { root[$1]; next }
	{
		n = $NF; sub(/.* /, "", n)
		sub(/ [0-9]+$/, "")
		if ($1 != pid) next
		if ($2 == "[cut:exiting]") { apart += n; next }
		total += n
		if ($2 in root) {
			whole += n
			if (kind ~ /^(whole|far|native|either)$/) { good += n; next }
		} else if ($2 ~ /^\[cut:[a-z0-9-]+\]$/) {
			reason = substr($2, 6, length($2) - 6)
			why[reason] += n
			if (kind == "either" || reason ~ "^(" kind ")$" || kind == "native" && $3 == "[jit]" ||
			    kind ~ /^(far|native)$/ && backend == "perf" && reason == "not-copied") { good += n; next }
		} else {
			neither += n
		}
		blame[$0] = n
	}
	END {
		bad = total - good
		verdict = total < 20 ? "few" : neither ? "unexplained" : bad * 1000 > total * 5 && bad > 2 ? "not" : "ok"
		printf "%s\t%.1f %% of %d whole", verdict, total ? 100 * whole / total : 0, total
		for (w in why) printf ", %d %s", why[w], w
		if (apart) printf ", apart %d past their exit", apart
		if (neither) printf ", %d with neither root nor reason", neither
		printf "\n"
		for (b in blame) print blame[b] "\t" b
	}' roots "$3"
}

# finish SECONDS: records what was started, judges, ends it. In the first second, while tables are still
# being made, only samples with neither root nor reason are looked for.
finish() {
	pids=$(cut -f1 cases | paste -sd,)
	sleep 0.3
	from=$(date +%s.%N)
	status "$backend: records $(wc -l <cases) programs" 0 evp-record -q -U --backend "$backend" \
		-F 499 --window 100ms --duration "$1" -p "$pids" -o r.evp
	evp-fold -q -L pid r.evp >folded.all
	evp-stream cat --from "@$(echo "$from" | awk '{ printf "%.1f", $1 + 1.2 }')" r.evp | evp-fold -q -L pid >folded
	while IFS='	' read -r p kind name; do
		kill "$p"
		judge "$p" either folded.all >verdict
		grep -q '^unexplained' verdict || judge "$p" "$kind" folded >verdict
		tap_name="$backend: $name: $(head -n 1 verdict | cut -f2)"
		if head -n 1 verdict | grep -q '^ok'; then tap_pass
		else tap_fail "$(head -n 1 verdict)" "$(sed 1d verdict | sort -rn | head -n 5)"; fi
	done <cases
	rm -f cases
}

cc -o deep "$S/deep.c"
cc -static -o deep-static "$S/deep.c"
cc -static-pie -o deep-static-pie "$S/deep.c"
cc -o signals "$S/signal.c"
cc -o vdso "$S/vdso.c"
cc -fno-builtin -Wl,-z,lazy -o plt "$S/plt.c"
cc -o recurse "$S/recurse.c"
cc -pthread -o threads "$S/threads.c"
cc -o loads "$S/loads.c" -ldl
cc -fPIC -shared -o loaded.so "$S/loaded.c"
cc -o realigned "$S/realigned.c"
g++ -O2 -fomit-frame-pointer -o throws "$S/throws.cpp"

start 'C, 50 deep with qsort and its callbacks' whole ./deep
start 'static' whole ./deep-static
start 'static and position-independent' whole ./deep-static-pie
start 'signal handler' whole ./signals
start 'signal handler on its own stack' far ./signals alternate
start 'vdso' whole ./vdso
start 'slots of a procedure linkage table' whole ./plt
start 'recursion 100 deep' whole ./recurse 100
start 'recursion 300 deep' whole ./recurse 300
start 'recursion 500 deep' far ./recurse 500
start 'recursion 10,000 deep' 'too-deep|not-copied' ./recurse 10000
start 'C++ exceptions' whole ./throws
finish 7

start 'threads' whole ./threads
start 'a library that comes and goes' whole ./loads "$T/loaded.so"
start 'realigned and variable frames' whole ./realigned

gcc -m32 -O1 -static -nostdlib -fno-pie -no-pie -o bits32 "$S/bits32.c" 2>cc.err
start '32-bit program' 32-bit ./bits32
musl-gcc -O2 -g -static -fomit-frame-pointer -I"$S" -o musl "$S/deep.c" 2>cc.err
start 'static with musl' either ./musl
cc -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-dwarf2-cfi-asm -g0 -o nocfi "$S/nocfi.c"
start 'code without call frame information' either ./nocfi
gcc -O2 -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -g0 -I"$S" -o nocfi-fp "$S/nocfi.c"
start 'code with frame pointers only' either ./nocfi-fp
finish 4

# shellcheck disable=SC2046 # words
start 'Rust: ripgrep' whole rg -j2 -uu -c 'a.*b.c' $(yes /usr/share | head -n 200)
# shellcheck disable=SC2046
start 'Rust: fd' whole fdfind -j2 -u 'a.*b.c' $(yes /usr | head -n 200)
mkfifo words json
bg sh -c "exec yes '1 2 3 4 5 6 7 8 99' >words"
bg sh -c "exec yes '{\"a\":[1,2,{\"b\":null}]}' >json"
start 'Go: fzf' far fzf --no-sort -f 99 <words
start 'Go: gron' far gron --stream <json
if command -v go >/dev/null; then
	go build -o goroutines "$S/goroutines.go" 2>cc.err
	CGO_ENABLED=1 go build -buildmode=pie -o callbacks "$S/callbacks.go" 2>cc.err
	start 'Go: goroutines' far ./goroutines
	start 'Go with C' far ./callbacks
else
	skip "$backend: Go: goroutines" 'no go'
	skip "$backend: Go with C" 'no go'
fi
start 'python3' whole "$(python3 -c 'import sys; print(sys.executable)')" "$S/busy.py"
start 'node' native node "$S/busy.js"
start 'java' native java "$S/Busy.java"
finish 5
