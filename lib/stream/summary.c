// SPDX-License-Identifier: GPL-2.0-or-later
#include "stream/summary.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "base/table.h"
#include "base/text.h"

void evp_summary_release(struct evp_summary *s)
{
	size_t i;

	for (i = 0; i < s->nevents; i++) {
		free(s->events[i].name);
		free(s->events[i].value_unit);
	}
	evp_interner_release(&s->reasons);
	for (i = 0; i < s->ntools; i++)
		free(s->tools[i]);
	free(s->events);
	free(s->lost);
	free(s->tools);
	free(s->why);
	*s = (struct evp_summary){ 0 };
}

/* Names are bytes: this is how text and JSON show them. NULL: no memory. */
static char *shown(const struct evp_bytes *b)
{
	struct evp_str s = { 0 };

	evp_escape(&s, b->ptr, b->len);
	if (s.oom)
		evp_str_release(&s);
	return s.buf;
}

static struct evp_summary_event *event_at(struct evp_summary *s, const struct evp_tables *t,
					  const struct evp_event *e)
{
	char *name = shown(evp_string(t, e->name)), *unit;
	size_t i;

	for (i = 0; name && i < s->nevents; i++)
		if (!strcmp(s->events[i].name, name)) {
			free(name);
			return &s->events[i];
		}
	unit = e->value_type ? shown(evp_string(t, e->types[e->value_type - 1].unit)) : NULL;
	if (!name || (e->value_type && !unit) ||
	    evp_grow(&s->events, &s->events_cap, s->nevents + 1, sizeof(*s->events))) {
		free(name);
		free(unit);
		return NULL;
	}
	s->events[i] = (struct evp_summary_event){ .name = name, .value_unit = unit };
	s->nevents++;
	return &s->events[i];
}

static int add_sample(struct evp_summary *s, const struct evp_tables *t,
		      const struct evp_sample *sample)
{
	const struct evp_event *e = &t->events[sample->event];
	struct evp_summary_event *sum = event_at(s, t, e);

	if (!sum)
		return -ENOMEM;
	sum->records++;
	sum->samples = evp_sum(sum->samples,
			       e->samples_type ? sample->values[e->samples_type - 1] : 1);
	if (e->value_type)
		sum->value = evp_sum(sum->value, sample->values[e->value_type - 1]);
	if (sample->window_ns < s->from_ns)
		s->from_ns = sample->window_ns;
	if (sample->window_ns + sample->window_len_ns > s->to_ns)
		s->to_ns = sample->window_ns + sample->window_len_ns;
	return 0;
}

static int add_rate(struct evp_summary *s, const struct evp_tables *t, const struct evp_rate *r)
{
	const struct evp_event *e = &t->events[r->event];
	struct evp_summary_event *sum = event_at(s, t, e);

	if (!sum)
		return -ENOMEM;
	sum->rate_changes += r->period != (sum->rate_changes ? sum->period : e->period);
	sum->period = r->period;
	return 0;
}

static int add_loss(struct evp_summary *s, const struct evp_tables *t, const struct evp_loss *l)
{
	char *reason = shown(evp_string(t, l->reason));
	size_t before = s->reasons.n;
	uint32_t id;
	int rc = reason ? evp_intern(&s->reasons, reason, strlen(reason), &id) : -ENOMEM;

	free(reason);
	if (!rc)
		rc = evp_grow(&s->lost, &s->lost_cap, s->reasons.n, sizeof(*s->lost));
	if (rc)
		return rc;
	if (id == before)
		s->lost[id] = 0;
	s->lost[id] = evp_sum(s->lost[id], l->samples);
	return 0;
}

static int add_tool(struct evp_summary *s, const struct evp_provenance *p)
{
	struct evp_str text = { 0 };

	evp_escape(&text, p->tool.ptr, p->tool.len);
	evp_str_putc(&text, ' ');
	evp_escape(&text, p->version.ptr, p->version.len);
	if (p->options.len)
		evp_str_puts(&text, " with ");
	evp_escape(&text, p->options.ptr, p->options.len);
	if (text.oom || evp_grow(&s->tools, &s->tools_cap, s->ntools + 1, sizeof(*s->tools))) {
		evp_str_release(&text);
		return -ENOMEM;
	}
	s->tools[s->ntools++] = text.buf;
	return 0;
}

static void add_cost(struct evp_summary *s, const struct evp_cost *c)
{
	if (!s->cost.from_ns)
		s->cost.from_ns = c->from_ns;
	s->cost.to_ns = c->to_ns;
	s->cost.user_ns = evp_sum(s->cost.user_ns, c->user_ns);
	s->cost.system_ns = evp_sum(s->cost.system_ns, c->system_ns);
	s->cost.kernel_ns = evp_sum(s->cost.kernel_ns, c->kernel_ns);
	if (c->peak_rss_bytes > s->cost.peak_rss_bytes)
		s->cost.peak_rss_bytes = c->peak_rss_bytes;
}

/* Sizes of the current epoch's tables, followed along: they are gone when the next one begins. */
struct sizes {
	size_t strings, processes, files, functions, locations, stacks, label_sets, named;
};

static void follow(struct sizes *z, const struct evp_tables *t)
{
	for (; z->locations < t->nlocations; z->locations++)
		z->named += t->locations[z->locations].nlines > 0;
	z->strings = t->strings.n;
	z->processes = t->nprocesses;
	z->files = t->nfiles;
	z->functions = t->nfunctions;
	z->stacks = t->nstacks;
	z->label_sets = t->nlabel_sets;
}

/* Every table but the events begins with the empty entry. */
static void close_epoch(struct evp_summary *s, struct sizes *z)
{
	if (z->strings) {
		s->strings += z->strings - 1;
		s->processes += z->processes - 1;
		s->files += z->files - 1;
		s->functions += z->functions - 1;
		s->locations += z->locations - 1;
		s->stacks += z->stacks - 1;
		s->label_sets += z->label_sets - 1;
		s->named_locations += z->named;
	}
	*z = (struct sizes){ 0 };
}

int evp_summary_read(struct evp_summary *s, struct evp_reader *r, struct evp_err *err)
{
	const struct evp_tables *t = evp_reader_tables(r);
	struct evp_str why = { 0 };
	struct sizes sizes = { 0 };
	struct evp_record rec;
	int rc, bad = 0;

	*s = (struct evp_summary){ .from_ns = INT64_MAX, .to_ns = INT64_MIN };
	while (!bad && (rc = evp_reader_next(r, &rec, err)) > 0) {
		if (rec.type == EVP_REC_SAMPLE)
			bad = add_sample(s, t, &rec.sample);
		else if (rec.type == EVP_REC_RATE)
			bad = add_rate(s, t, &rec.rate);
		else if (rec.type == EVP_REC_LOSS)
			bad = add_loss(s, t, &rec.loss);
		else if (rec.type == EVP_REC_PROVENANCE)
			bad = add_tool(s, &rec.provenance);
		else if (rec.type == EVP_REC_COST)
			add_cost(s, &rec.cost);
		else if (rec.type == EVP_REC_EPOCH)
			close_epoch(s, &sizes);
		follow(&sizes, t);
	}
	close_epoch(s, &sizes);
	if (bad)
		return evp_fail_errno(err, -bad, "cannot sum up the stream");
	if (rc < 0)
		return rc;
	s->status = *evp_reader_status(r);
	s->bytes = evp_reader_offset(r);
	s->whole = evp_reader_whole(r, &why);
	s->why = why.buf;
	return 0;
}

static void text_events(const struct evp_summary *s, struct evp_str *out)
{
	size_t i;

	for (i = 0; i < s->nevents; i++) {
		const struct evp_summary_event *e = &s->events[i];

		evp_str_printf(out, "event:      %s: %lld samples in %llu records", e->name,
			       (long long)e->samples, (unsigned long long)e->records);
		if (e->value_unit && !strcmp(e->value_unit, "nanoseconds"))
			evp_str_printf(out, ", %.3f s", (double)e->value / 1e9);
		else if (e->value_unit)
			evp_str_printf(out, ", %lld %s", (long long)e->value, e->value_unit);
		evp_str_putc(out, '\n');
		if (e->rate_changes)
			evp_str_printf(out,
				       "rate:       changed %llu times, last to a period of %lld\n",
				       (unsigned long long)e->rate_changes, (long long)e->period);
	}
	for (i = 0; i < s->reasons.n; i++)
		evp_str_printf(out, "lost:       %lld samples, %s\n", (long long)s->lost[i],
			       s->reasons.item[i].ptr);
	if (s->status.dropped_samples)
		evp_str_printf(out, "dropped:    %lld samples, as wanted\n",
			       (long long)s->status.dropped_samples);
}

int evp_summary_text(const struct evp_summary *s, const char *name, struct evp_str *out)
{
	const struct evp_reader_status *st = &s->status;
	size_t i;

	evp_str_printf(out, "input:      %s\nstate:      %s\n", name, s->whole ? "whole" : s->why);
	evp_str_printf(out, "size:       %llu bytes, %llu streams, %llu epochs\n",
		       (unsigned long long)s->bytes, (unsigned long long)st->streams,
		       (unsigned long long)st->epochs);
	if (s->from_ns <= s->to_ns) {
		evp_str_puts(out, "time:       ");
		evp_format_time(out, s->from_ns);
		evp_str_puts(out, " to ");
		evp_format_time(out, s->to_ns);
		evp_str_printf(out, " (%.3f s)\n", ((double)s->to_ns - (double)s->from_ns) / 1e9);
	}
	text_events(s, out);
	evp_str_printf(
		out,
		"defined:    %llu stacks, %llu locations (%llu named), %llu functions, %llu files, "
		"%llu processes, %llu label sets, %llu strings\n",
		(unsigned long long)s->stacks, (unsigned long long)s->locations,
		(unsigned long long)s->named_locations, (unsigned long long)s->functions,
		(unsigned long long)s->files, (unsigned long long)s->processes,
		(unsigned long long)s->label_sets, (unsigned long long)s->strings);
	if (s->cost.to_ns > s->cost.from_ns) {
		double span = (double)s->cost.to_ns - (double)s->cost.from_ns;

		evp_str_printf(
			out,
			"cost:       user %.3f s, system %.3f s, in the kernel %.3f s over %.1f s "
			"(%.3f %% of a CPU), peak %.1f MB\n",
			(double)s->cost.user_ns / 1e9, (double)s->cost.system_ns / 1e9,
			(double)s->cost.kernel_ns / 1e9, span / 1e9,
			100 *
				((double)s->cost.user_ns + (double)s->cost.system_ns +
				 (double)s->cost.kernel_ns) /
				span,
			(double)s->cost.peak_rss_bytes / 1e6);
	}
	for (i = 0; i < s->ntools; i++)
		evp_str_printf(out, "made by:    %s\n", s->tools[i]);
	return out->oom ? -ENOMEM : 0;
}

static json_t *json_lists(const struct evp_summary *s)
{
	json_t *root = json_object(), *events = json_array(), *losses = json_array(),
	       *tools = json_array();
	size_t i;

	for (i = 0; i < s->nevents; i++)
		json_array_append_new(events,
				      json_pack("{s:s, s:I, s:I, s:I, s:I, s:s?}", "name",
						s->events[i].name, "records",
						(json_int_t)s->events[i].records, "samples",
						(json_int_t)s->events[i].samples, "value",
						(json_int_t)s->events[i].value, "rate_changes",
						(json_int_t)s->events[i].rate_changes, "unit",
						s->events[i].value_unit));
	for (i = 0; i < s->reasons.n; i++)
		json_array_append_new(losses,
				      json_pack("{s:s, s:I}", "reason", s->reasons.item[i].ptr,
						"samples", (json_int_t)s->lost[i]));
	for (i = 0; i < s->ntools; i++)
		json_array_append_new(tools, json_string(s->tools[i]));
	json_object_set_new(root, "events", events);
	json_object_set_new(root, "lost", losses);
	json_object_set_new(root, "provenance", tools);
	return root;
}

int evp_summary_json(const struct evp_summary *s, const char *name, struct evp_str *out)
{
	int64_t span_ns = (int64_t)((uint64_t)s->cost.to_ns - (uint64_t)s->cost.from_ns);
	const struct {
		const char *name;
		json_int_t value;
	} number[] = {
		{ "bytes", (json_int_t)s->bytes },
		{ "streams", (json_int_t)s->status.streams },
		{ "epochs", (json_int_t)s->status.epochs },
		{ "damaged", (json_int_t)s->status.damaged },
		{ "skipped_bytes", (json_int_t)s->status.skipped_bytes },
		{ "missing_samples", (json_int_t)s->status.missing_samples },
		{ "lost_samples", (json_int_t)s->status.lost_samples },
		{ "dropped_samples", (json_int_t)s->status.dropped_samples },
		{ "from_ns", s->from_ns <= s->to_ns ? (json_int_t)s->from_ns : 0 },
		{ "to_ns", s->from_ns <= s->to_ns ? (json_int_t)s->to_ns : 0 },
		{ "stacks", (json_int_t)s->stacks },
		{ "locations", (json_int_t)s->locations },
		{ "named_locations", (json_int_t)s->named_locations },
		{ "functions", (json_int_t)s->functions },
		{ "files", (json_int_t)s->files },
		{ "processes", (json_int_t)s->processes },
		{ "label_sets", (json_int_t)s->label_sets },
		{ "strings", (json_int_t)s->strings },
		{ "cost_user_ns", s->cost.user_ns },
		{ "cost_system_ns", s->cost.system_ns },
		{ "cost_kernel_ns", s->cost.kernel_ns },
		{ "cost_span_ns", span_ns },
		{ "cost_peak_rss_bytes", s->cost.peak_rss_bytes },
	};
	json_t *root = json_lists(s);
	size_t i;

	json_object_set_new(root, "name", json_string(name));
	json_object_set_new(root, "whole", json_boolean(s->whole));
	json_object_set_new(root, "state", json_string(s->whole ? "whole" : s->why));
	for (i = 0; i < EVP_ARRAY_SIZE(number); i++)
		json_object_set_new(root, number[i].name, json_integer(number[i].value));
	return evp_json_append(out, root, JSON_SORT_KEYS | JSON_COMPACT);
}
