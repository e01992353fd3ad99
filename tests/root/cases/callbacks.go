// SPDX-License-Identifier: GPL-2.0-or-later

// Go calls C that calls Go, on threads that Go and C made.
package main

/*
#include <pthread.h>
#include <stdlib.h>
extern void fromC(int);
static void work(int n) { volatile int i; for (i = 0; i < n; i++) ; }
static void down(int depth) {
	volatile int v[5]; v[depth % 5] = depth;
	if (depth) down(depth - 1); else { work(20000); fromC(3000); }
	v[depth % 5]++;
}
static void *thread(void *arg) { for (;;) down(10); return arg; }
static void start(void) { pthread_t t; pthread_create(&t, NULL, thread, NULL); }
*/
import "C"

var sink int

//export fromC
func fromC(n C.int) {
	for i := 0; i < int(n); i++ {
		sink += i % 7
	}
}

//go:noinline
func descend(depth int) int {
	if depth == 0 {
		C.down(10)
		return sink
	}
	return descend(depth-1) + depth
}

func main() {
	C.start()
	for {
		sink += descend(20)
	}
}
