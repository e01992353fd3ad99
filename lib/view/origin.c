// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "view/nameless.h"
#include "view/origin.h"

struct place { /* of the last sample: its node is known already */
	uint32_t process, labels;
	bool known;
};

static int note_node(struct evp_origin *s, const struct evp_tables *t,
		     const struct evp_sample *sample, struct place *last)
{
	struct evp_str node = { 0 };
	uint32_t id;
	int rc = 0;

	if (last->known && last->process == sample->process && last->labels == sample->labels)
		return 0;
	*last = (struct place){ sample->process, sample->labels, true };
	if (evp_label_value(t, sample->process, sample->labels, "node", strlen("node"), &node))
		rc = evp_intern(&s->nodes, node.buf, node.len, &id);
	if (node.oom)
		rc = -ENOMEM;
	evp_str_release(&node);
	return rc;
}

static int note_loss(struct evp_origin *s, const struct evp_tables *t, const struct evp_loss *loss)
{
	const struct evp_bytes *name = evp_string(t, t->events[loss->event].name);
	size_t before = s->events.n;
	uint32_t id;
	int rc = evp_intern(&s->events, name->ptr, name->len, &id);

	if (!rc)
		rc = evp_grow(&s->lost, &s->clost, s->events.n, sizeof(*s->lost));
	if (rc)
		return rc;
	if (id == before)
		s->lost[id] = 0;
	if (__builtin_add_overflow(s->lost[id], loss->samples, &s->lost[id]))
		s->lost[id] = INT64_MAX;
	return 0;
}

static void note_program(struct evp_origin *s, const struct evp_bytes *tool)
{
	static const char *const named[] = { "evp-symbolize", "evp-query" };

	for (size_t i = 0; i < EVP_ARRAY_SIZE(named); i++)
		s->symbolized |= tool->len == strlen(named[i]) &&
				 !memcmp(tool->ptr, named[i], tool->len);
}

int evp_origin_read(struct evp_origin *s, struct evp_reader *r, struct evp_err *err)
{
	struct place last = { 0 };
	struct evp_record rec;
	int rc;

	s->epochs++; /* another reader's ids are void too */
	evp_profile_begin_stream(s->profile);
	while ((rc = evp_reader_next(r, &rec, err)) > 0) {
		const struct evp_tables *t = evp_reader_tables(r);

		if (rec.type == EVP_REC_EPOCH) {
			s->epochs++;
			last.known = false;
		} else if (rec.type == EVP_REC_COST) {
			evp_profile_add_cost(s->profile, &rec.cost);
		} else if (rec.type == EVP_REC_END) {
			evp_profile_begin_stream(s->profile);
		} else if (rec.type == EVP_REC_PROVENANCE) {
			note_program(s, &rec.provenance.tool);
		} else if (rec.type == EVP_REC_LOSS) {
			if (note_loss(s, t, &rec.loss))
				return evp_fail_oom(err);
		} else if (rec.type == EVP_REC_SAMPLE) {
			if (note_node(s, t, &rec.sample, &last))
				return evp_fail_oom(err);
			rc = evp_profile_add_sample(s->profile, t, s->epochs, &rec.sample, err);
			if (rc)
				return rc;
		}
	}
	return rc;
}

int64_t evp_origin_lost(const struct evp_origin *s)
{
	const char *event = s->profile->event;
	uint32_t id = event ? evp_interner_find(&s->events, event, strlen(event)) : EVP_NO_ID;

	return id == EVP_NO_ID ? 0 : s->lost[id];
}

int evp_origin_finish(struct evp_origin *s, struct evp_err *err)
{
	struct evp_profile *joined = NULL;
	int rc;

	s->profile->lost_samples = evp_origin_lost(s);
	rc = evp_profile_join_nameless(&joined, s->profile, err);
	if (rc)
		return rc;
	evp_profile_free(s->profile);
	s->profile = joined;
	return 0;
}

void evp_origin_release(struct evp_origin *s)
{
	evp_interner_release(&s->nodes);
	evp_interner_release(&s->events);
	free(s->lost);
	*s = (struct evp_origin){ 0 };
}

static int by_bytes(const void *a, const void *b)
{
	return evp_bytes_compare(a, b);
}

void evp_origin_nodes(const struct evp_origin *s, struct evp_str *out)
{
	size_t shown = s->nodes.n > 3 ? 1 : s->nodes.n;
	struct evp_bytes *name = calloc(s->nodes.n + 1, sizeof(*name));

	if (!name) {
		out->oom = true;
		return;
	}
	if (s->nodes.n)
		memcpy(name, s->nodes.item, s->nodes.n * sizeof(*name));
	qsort(name, s->nodes.n, sizeof(*name), by_bytes);
	for (size_t i = 0; i < shown; i++) {
		if (i)
			evp_str_puts(out, ", ");
		evp_str_add(out, name[i].ptr, name[i].len);
	}
	if (shown < s->nodes.n)
		evp_str_printf(out, " and %zu more", s->nodes.n - shown);
	free(name);
}
