#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The perf back end brings stacks without frame pointers to their root, for root and for anybody.
. "${0%/*}/../lib.sh"
needs root cc c++ setpriv

chmod 755 "$T"
{
	echo '#include <pthread.h>
#include <stdlib.h>
volatile unsigned sink;
__attribute__((noinline)) int f0(int x) { for (int i = 0; i < 20000; i++) sink += i * x; return 1; }'
	for i in $(seq 50); do
		echo "__attribute__((noinline)) int f$i(int x)
{ volatile int a[4]; a[x & 3] = x; return f$((i - 1))(x + 1) + a[x & 3]; }"
	done
	echo 'static void *run(void *end) { for (int i = 0; i < 9000; i++) f50(1); return end; }
int main(void)
{
	pthread_t t;
	if (pthread_create(&t, NULL, run, NULL)) return 1;
	run(NULL);
	return pthread_join(t, NULL);
}'
} >"$T/deep.c"
cat >"$T/throws.cc" <<'E2'
__attribute__((noinline)) int down(int n) { if (!n) throw 1; volatile int a = down(n - 1); return a; }
int main() { for (int i = 0; i < 30000; i++) try { down(20); } catch (int) {} }
E2
cc -O2 -fomit-frame-pointer -pthread -o "$T/deep" "$T/deep.c" &&
	c++ -O2 -fomit-frame-pointer -o "$T/throws" "$T/throws.cc" || exit 1

# Samples of a stream but those of an exec or an exit, which have no user half, and how many are cut.
count() { evp-fold -q -L '' "$1" | awk '/\[cut:(exec|exiting)\]/ { next } { n += $NF; if (/\[cut:/) c += $NF } END { print n + 0, c + 0 }'; }
whole() {
	# shellcheck disable=SC2046 # two words
	set -- "$1" "$2" $(count "$3")
	ok "$1: samples" test "$3" -ge "$2"
	ok "$1: $4 of $3 cut" test "$4" -le 2 -o $(($4 * 1000)) -le $(($3 * 5))
}

status 'root' 0 evp-record --backend perf -F 199 -o "$T/root" "$T/deep"
whole root 20 "$T/root"
evp-symbolize "$T/root" | evp-fold -q -L '' >"$T/folded"
like 'the first thread' "$(cat "$T/folded")" '^_start;.*main;.*f50;.*f25;.*f1;f0'
like 'another thread' "$(cat "$T/folded")" '^clone3;start_thread;.*f50;.*f25;.*f1;f0'
status 'anybody' 0 setpriv --reuid 65534 --regid 65534 --clear-groups \
	evp-record --backend perf -F 199 "$T/deep"
whole anybody 20 "$T/out"
status 'who may lock no memory' 0 sh -c "ulimit -l 0; exec setpriv --reuid 65534 --regid 65534 \
	--clear-groups evp-record --backend perf -F 199 '$T/deep'"
whole 'who may lock no memory' 20 "$T/out"
status 'exceptions' 0 evp-record --backend perf -F 199 -o "$T/throws.evp" "$T/throws"
whole exceptions 20 "$T/throws.evp"
status 'only the kernel' 0 evp-record --backend perf -K -F 199 -o "$T/k" "$T/deep"
evp-fold -q -L '' "$T/k" >"$T/folded"
ok 'has samples' test -s "$T/folded"
no 'but no user frames' grep -q deep "$T/folded"
done_testing
