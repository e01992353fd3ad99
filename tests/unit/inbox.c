// SPDX-License-Identifier: GPL-2.0-or-later
/* How much the inbox holds, and what is left away when it is too much. */
#include <stdlib.h>

#include "record/inbox.h"
#include "tap.h"

enum { COPY = 32 << 10, FRAMES = 1000 };

static struct evp_inbox in;

static void copies(void)
{
	static char bytes[COPY];
	struct evp_user_regs regs = { .pc = 7 };
	struct evp_raw_stack raw = { .regs = &regs, .copy = { bytes, COPY, 0 } };
	size_t before, most = EVP_INBOX_COPIED_BYTES + 2 * COPY;

	while (++raw.hash < 4000 && in.copied_bytes < EVP_INBOX_COPIED_BYTES)
		evp_inbox_put_stack(&in, &raw);
	before = in.copied_bytes;
	ok(before < most && evp_inbox_copied(&in, 1)->copy.len == COPY, "copies up to a limit");
	raw.hash = 1;
	evp_inbox_put_stack(&in, &raw);
	ok(in.copied_bytes == before, "the same again takes no more");
	for (raw.hash = 5000; raw.hash < 5100; raw.hash++)
		evp_inbox_put_stack(&in, &raw);
	ok(in.copied_bytes < most && evp_inbox_copied(&in, 5099) &&
		   evp_inbox_copied(&in, 5099)->regs->pc == 7 &&
		   !evp_inbox_copied(&in, 5099)->copy.len,
	   "then registers alone");
	for (raw.hash = 1; raw.hash < 5100; raw.hash++)
		if (evp_inbox_copied(&in, raw.hash))
			evp_inbox_walked(&in, evp_inbox_copied(&in, raw.hash));
	ok(!in.copied.n && !in.copied_bytes, "all of which is given back");
}

static void frames(void)
{
	uint64_t frame[FRAMES] = { 0 };
	struct evp_raw_stack raw = { .user = frame, .nuser = FRAMES };
	size_t before;

	while (++raw.hash < 4000 && !evp_inbox_full(&in))
		evp_inbox_put_stack(&in, &raw);
	before = in.young.arena.bytes;
	ok(raw.hash > 100 && before < EVP_INBOX_STACK_BYTES + (1 << 20),
	   "frames fill it, and it says so");
	raw.hash = 1;
	evp_inbox_put_stack(&in, &raw);
	ok(in.young.arena.bytes == before, "the same again does not");
	evp_inbox_age(&in);
	ok(!evp_inbox_full(&in) && evp_inbox_stack(&in, 1), "until it is aged");
}

static void times(void)
{
	for (int64_t t = 3; t; t--)
		evp_inbox_put_sample(&in, &(struct evp_raw_sample){ .time_ns = t });
	evp_inbox_sort(&in);
	ok(evp_inbox_take(&in, 2)->time_ns == 1 && !evp_inbox_take(&in, 2),
	   "samples from before a time, not of it");
}

int main(void)
{
	copies();
	frames();
	times();
	evp_inbox_release(&in);
	return done_testing();
}
