#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Too much of everything: processes, threads, frames, mappings, names. What is due is delivered or
# counted, stacks stay right, the recorder stays small.
. "${0%/*}/../lib.sh"
needs root bpf gcc
src=$TOP/tests/root/hostile
cd "$T" || exit 1
gcc -O2 -static -nostdlib -o tiny "$src/tiny.c"
gcc -O2 -fomit-frame-pointer -pthread -o many "$src/many.c"
gcc -O2 -o storm "$src/storm.c"
gcc -O2 -fomit-frame-pointer -o churn "$src/churn.c"
gcc -O2 -shared -fPIC -nostdlib -o outer.so "$src/outer.c"

most=64 times=1 # MB; of CPU
! sanitized || most=256 times=4

# A stream as folded text, names and all, labelled by comm; how many samples of it match.
fold() { evp-symbolize -q "$1" | evp-fold -q -L comm >folded; }
count() { awk -v what="$1" '$0 ~ what { n += $NF } END { print n + 0 }' folded; }
# What a stream says of itself: milliseconds recorded, samples lost, CPU (in ms) and MB it took.
ms() { evp-fold -q --value cpu "$1" | awk '{ n += $NF } END { printf "%d", n / 1000000 }'; }
lost() { evp-stream stat "$1" | awk '/^lost:/ { n += $2 } END { print n + 0 }'; }
own() { evp-stream stat "$1" | sed -n 's/^cost: *user \([0-9.]*\) s, system \([0-9.]*\) s.*/\1 \2/p' | awk '{ printf "%d", ($1 + $2) * 1000 }'; }
peak() { evp-stream stat "$1" | sed -n 's/.* peak \([0-9]*\)[0-9.]* MB.*/\1/p'; }
# conserves NAME STREAM DUE-MS [OTHERS-MS]: with those lost, at 5 ms a sample, it is about what was due: as
# near as some 280 samples at random moments tell (a tenth is less than two standard deviations). What
# a process does after it counted (its end), and before (exec), is beyond that; what a perf ring
# loses may have been anybody's: OTHERS-MS.
conserves() {
	all=$(($(ms "$2") + 5 * $(lost "$2")))
	ok "$1: $(ms "$2") ms and $(lost "$2") samples lost of $3 ms due" \
		test $all -ge $(($3 * 8 / 10 - 60)) -a $all -le $(($3 * 12 / 10 + 250 + ${4:-0}))
}
small() {
	ok "$1: took $(own "$2") ms of CPU and $(peak "$2") MB" test "$(peak "$2")" -lt $most -a "$(own "$2")" -lt $(($3 * times))
}

for b in bpf perf; do
	run evp-record -q --backend $b -F 199 -o s.evp -- ./storm 2000 2 ./tiny 100000
	due=$(($(cut -d' ' -f2 "$T/out") / 1000000))
	fold s.evp
	conserves "$b: $(cut -d' ' -f1 "$T/out") processes" s.evp $due
	small "$b: and" s.evp 1000
	all=$(count '^tiny;.*tiny_main') whole=$(count '^tiny;_start;tiny_main;')
	ok "$b: $whole of $all stacks in their own code are whole" test "$all" -gt 10 -a $((whole * 100)) -ge $((all * 95))

	run evp-record -q --backend $b -F 199 -o t.evp -- ./many threads 5000 2
	conserves "$b: 5,000 threads" t.evp $(($(cat "$T/out") / 1000000)) 3000
	small "$b: and" t.evp 1000

	run evp-record -q --backend $b -F 199 -o f.evp -- ./many frames 10000 1
	fold f.evp
	is "$b: 10,000 frames: all say too deep" "$(count '^many;.cut:too-deep.;descend')" "$(count descend)"
	is "$b: 1,024 of them, the leaf's end" "$(awk -F\; '/burn/ && !/asm_/ { print NF - 2 }' folded | sort -u)" 1024
	conserves "$b: and" f.evp $(($(cat "$T/out") / 1000000))

	run evp-record -q --backend $b -F 199 -o n.evp -- ./many names 1
	fold n.evp
	conserves "$b: odd names" n.evp $(($(cat "$T/out") / 1000000))
	ok "$b: survive" test "$(cut -d\; -f1 folded | grep -cE '^(new\\nline|esc\\x1b\[31mred|\\xff\\xfe\\x80|semi\\)$')" -ge 2
	is "$b: a line a stack" "$(grep -cv ' [0-9]*$' folded)" 0

	for how in mmap dlopen idle; do
		run evp-record -q --backend $b -F 199 -o c.evp -- ./churn ./outer.so $how 1
		fold c.evp
		n=$(cat "$T/out")
		name="$b: $n times $how"
		small "$name" c.evp $((200 + n * 3500 / 1000000)) # 3.5 us an event
		[ $how != idle ] || continue
		all=$(count ';work') whole=$(count ';_start;.*;main;outer;work')
		# 98 %, or all but two
		ok "$name: $whole of $all stacks are whole" test "$all" -gt 5 -a $((whole * 100 + 200)) -ge $((all * 98))
	done
done
done_testing
