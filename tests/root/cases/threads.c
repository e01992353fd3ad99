// SPDX-License-Identifier: GPL-2.0-or-later
/* Two threads that work and one that makes threads that soon end. */
#include <pthread.h>

#include "work.h"

static void busy(void)
{
	work_sink += work(50000);
}

static void *for_ever(void *arg)
{
	for (;;)
		descend(30, busy);
	return arg;
}

static void *for_a_while(void *arg)
{
	int i;

	for (i = 0; i < 100; i++)
		descend(30, busy);
	return arg;
}

int main(void)
{
	pthread_t t;

	pthread_create(&t, NULL, for_ever, NULL);
	pthread_create(&t, NULL, for_ever, NULL);
	for (;;) {
		pthread_create(&t, NULL, for_a_while, NULL);
		pthread_join(t, NULL);
	}
}
