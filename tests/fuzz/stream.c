// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a stream, read, copied and made into a profile. */
#include <stdlib.h>
#include <string.h>

#include "profile/profile.h"
#include "stream/copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
	const uint8_t *p;
	size_t len;
};

static int64_t source_read(void *arg, void *buf, size_t len)
{
	struct source *s = arg;

	if (len > s->len)
		len = s->len;
	memcpy(buf, s->p, len);
	s->p += len;
	s->len -= len;
	return (int64_t)len;
}

static int sink(void *arg, const void *bytes, size_t len)
{
	*(size_t *)arg += len;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source src = { data, size };
	struct evp_reader_opts ropts = { .read = source_read, .arg = &src };
	size_t written = 0;
	struct evp_writer_opts wopts = { .sink = sink, .sink_arg = &written, .level = -1 };
	struct evp_profile_opts popts = { .flags = EVP_PROFILE_LINES | EVP_PROFILE_KINDS };
	struct evp_profile *p = NULL;
	struct evp_reader *r = NULL;
	struct evp_writer *w = NULL;
	struct evp_copy *c = NULL;
	struct evp_record rec;
	uint64_t epoch = 0;

	if (evp_reader_new(&r, &ropts, NULL) || evp_writer_new(&w, &wopts, NULL) ||
	    evp_copy_new(&c, r, w, NULL) || evp_profile_new(&p, &popts, NULL))
		abort();
	while (evp_reader_next(r, &rec, NULL) > 0) {
		epoch += rec.type == EVP_REC_EPOCH;
		evp_copy_record(c, &rec);
		if (rec.type == EVP_REC_SAMPLE)
			evp_profile_add_sample(p, evp_reader_tables(r), epoch, &rec.sample, NULL);
	}
	evp_writer_end(w);
	evp_profile_free(p);
	evp_copy_free(c);
	evp_writer_free(w);
	evp_reader_free(r);
	return 0;
}
