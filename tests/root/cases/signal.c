// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A handler that is busy itself, over 40 frames, at whatever instruction the timer meets. With an
 * argument it runs on a stack of its own.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "work.h"

static APART void handled(void)
{
	work_sink += work(1000000);
}

static void on_signal(int sig)
{
	work_sink += (unsigned long)sig;
	descend(5, handled);
}

static void busy(void)
{
	work_sink += work(300);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	stack_t stack = { .ss_size = 1 << 18 };
	struct itimerval often = { { 0, 4000 }, { 0, 4000 } };

	if (argc > 1) {
		stack.ss_sp = malloc(stack.ss_size);
		sigaltstack(&stack, NULL);
		sa.sa_flags |= SA_ONSTACK;
	}
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (;;)
		descend(40, busy);
}
