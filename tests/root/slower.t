#!/bin/bash
# Two builds of one program, one function three times as slow in the second: recorded, 2,000
# samples a side and more, and evp-diff names that function and no other.
. "${0%/*}/../lib.sh"
needs root gcc
cd "$T" || exit 1

cat >work.c <<'EOT'
#include <stdlib.h>
static volatile unsigned long sink;
#define SPIN(n) for (unsigned long i = 0; i < (n); i++) sink += i * i
__attribute__((noinline)) void parse(void) { SPIN(300000); }
__attribute__((noinline)) void lookup(void) { SPIN(SLOW * 200000); }
__attribute__((noinline)) void render(void) { SPIN(400000); }
int main(int argc, char **argv)
{
	for (int n = atoi(argv[1]); n--;) {
		parse();
		lookup();
		render();
	}
}
EOT
for slow in 1 3; do
	gcc -O1 -g -fno-omit-frame-pointer -DSLOW=$slow -o work$slow work.c
done
record() { evp-record -F 999 -o - -- "$1" "$2" 2>/dev/null | evp-symbolize -o "$3"; }

# As many rounds as take three seconds of CPU.
rounds=$(TIMEFORMAT=%U && { time ./work1 100; } 2>&1 | awk '{ printf "%d", 100 * 3 / $1 }')
record ./work1 $rounds a.evp
record ./work3 $rounds b.evp
for side in a b; do
	n=$(evp-fold $side.evp | awk '{ n += $NF } END { print n + 0 }')
	ok "2,000 samples in $side ($n)" test "$n" -ge 2000
done
status 'slower' 1 evp-diff a.evp b.evp
evp-diff --tsv a.evp b.evp >table
is 'it is lookup, and no other' "$(awk -F '\t' '$1 == "regression" { print $NF }' table)" lookup
status 'itself' 0 evp-diff a.evp a.evp
done_testing
