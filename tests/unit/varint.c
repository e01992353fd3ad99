// SPDX-License-Identifier: GPL-2.0-or-later
/* DWARF's numbers off a cursor: padded ones, ones too long, ones cut short. */
#include "base/varint.h"
#include "tap.h"

static struct evp_cursor over(const char *bytes, size_t len)
{
	const uint8_t *p = (const uint8_t *)bytes;

	return (struct evp_cursor){ p, p + len, 0 };
}

#define OVER(text) over(text, sizeof(text) - 1)

/* Both kinds read all of it: as unsigned and as signed. */
static void leb(struct evp_cursor c, uint64_t u, int64_t s, const char *what)
{
	struct evp_cursor again = c;

	ok(evp_cursor_uleb(&c) == u && c.p == c.end && !c.bad && evp_cursor_sleb(&again) == s &&
		   again.p == c.end && !again.bad,
	   what);
}

static void cut(struct evp_cursor c)
{
	struct evp_cursor fixed = c;

	ok(!evp_cursor_uleb(&c) && c.bad && c.p == c.end && !evp_cursor_byte(&c), "cut short");
	ok(!evp_cursor_fixed(&fixed, 4) && fixed.bad && !evp_cursor_fixed(&fixed, 1),
	   "too few bytes, and none afterwards");
}

int main(void)
{
	struct evp_cursor c = OVER("\1\2\3\4\5\6\7\x88\x12\x34\x9a");

	leb(OVER("\x3f"), 0x3f, 0x3f, "the largest of one byte with either sign");
	leb(OVER("\x40"), 0x40, -0x40, "the smallest");
	leb(OVER("\x7f"), 0x7f, -1, "minus one");
	leb(OVER("\xff\x00"), 0x7f, 0x7f, "a sign of its own");
	leb(OVER("\x80\x7f"), 0x3f80, -128, "two bytes");
	leb(OVER("\x85\x80\x80\x00"), 5, 5, "padded");
	leb(OVER("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), UINT64_MAX, -1, "64 bits");
	leb(OVER("\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f"), 1, 1, "84 bits");
	cut(OVER("\x80\x80"));
	ok(evp_cursor_fixed(&c, 8) == 0x8807060504030201 && evp_cursor_fixed(&c, 2) == 0x3412 &&
		   evp_cursor_fixed(&c, 1) == 0x9a && c.p == c.end && !c.bad,
	   "fixed ones, low bytes first");
	return done_testing();
}
