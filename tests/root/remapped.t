#!/bin/bash
# Two libraries with frames of different sizes take turns at the same addresses, faster than BPF
# hears of it: a stack that was walked by the other one's table is never taken for a whole one.
. "${0%/*}/../lib.sh"
needs root gcc
cd "$T" || exit 1

cat >part.c <<'EOT'
#include <time.h>
#define NAME_(x) spin_##x
#define NAME(x) NAME_(x)
static long ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
__attribute__((noinline)) void NAME(WHICH)(long n)
{
	volatile long room[ROOM];
	for (int i = 0; i < ROOM; i++)
		room[i] = 0;
	for (long until = ms() + n; ms() < until;)
		for (int i = 0; i < 1000000; i++)
			room[i % ROOM]++, room[i % ROOM]--;
}
EOT
cat >main.c <<'EOT'
#include <dlfcn.h>
#include <stdio.h>
static void *last;
static int again;
__attribute__((noinline)) static void turn(const char *file, const char *name)
{
	void *lib = dlopen(file, RTLD_NOW);
	void (*spin)(long) = (void (*)(long))dlsym(lib, name);
	again += (void *)((unsigned long)spin & ~4095UL) == last;
	last = (void *)((unsigned long)spin & ~4095UL);
	spin(120);
	dlclose(lib);
}
int main(void)
{
	for (int n = 0; n < 12; n++) {
		turn("./liba.so", "spin_a");
		turn("./libb.so", "spin_b");
	}
	printf("%d\n", again);
}
EOT
gcc -O1 -g -fomit-frame-pointer -fPIC -shared -DWHICH=a -DROOM=8 -o liba.so part.c
gcc -O1 -g -fomit-frame-pointer -fPIC -shared -DWHICH=b -DROOM=300 -o libb.so part.c
gcc -O1 -g -o main main.c

evp-record -F 499 --backend bpf -o a.evp -- ./main >again 2>/dev/null
ok "the same addresses, again and again ($(cat again))" test "$(cat again)" -ge 12
evp-symbolize -o b.evp a.evp
evp-fold b.evp >folded
fold() { awk "$1 { n += \$NF } END { print n + 0 }" folded; }
all=$(fold '/spin_[ab]/') whole=$(fold '/main;turn;spin_[ab]/')
cut=$(fold '/spin_[ab]/ && /\[cut:remapped/ && !/main;turn;spin/')
ok "samples in both ($all), whole $whole, cut $cut" test "$all" -ge 300
is 'nothing passes for what it is not' "$((all - whole - cut))" 0
ok 'and some are whole' test "$((whole * 10))" -ge "$all"
grep spin_ folded | grep -v 'main;turn;spin' | head -20 | sed 's/^/# /'
done_testing
