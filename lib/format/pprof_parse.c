// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/pprof_parse.h"

#include <stdlib.h>

#include "format/pprof_proto.h"
#include "stream/stream.h"

static int bad(struct evp_err *err, const char *what)
{
	return evp_fail(err, EBADMSG, "damaged profile: %s", what);
}

void evp_pprof_parsed_release(struct evp_pprof_parsed *p)
{
	struct evp_pprof_list *lists[] = { &p->strings,	 &p->types,	&p->samples,
					   &p->mappings, &p->locations, &p->functions };
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(lists); i++) {
		free(lists[i]->item);
		evp_map_release(&lists[i]->by_id);
	}
	*p = (struct evp_pprof_parsed){ 0 };
}

/* ---- submessages ---- */

struct evp_pprof_type evp_pprof_get_type(const struct evp_pprof_message *m)
{
	struct evp_pb pb = evp_pb_from(m->bytes, m->len);
	struct evp_pprof_type t = { 0 };
	struct evp_pb_field f;

	while (evp_pb_next(&pb, &f)) {
		if (f.number == VALUE_TYPE)
			t.type = (uint32_t)f.value;
		else if (f.number == VALUE_UNIT)
			t.unit = (uint32_t)f.value;
	}
	return t;
}

void evp_pprof_get_mapping(const struct evp_pprof_parsed *p, size_t i,
			   struct evp_pprof_mapping_fields *ret_f)
{
	struct evp_pb pb = evp_pb_from(p->mappings.item[i].bytes, p->mappings.item[i].len);
	struct evp_pb_field f;

	*ret_f = (struct evp_pprof_mapping_fields){ 0 };
	while (evp_pb_next(&pb, &f)) {
		if (f.number == MAPPING_START)
			ret_f->start = f.value;
		else if (f.number == MAPPING_LIMIT)
			ret_f->limit = f.value;
		else if (f.number == MAPPING_OFFSET)
			ret_f->offset = f.value;
		else if (f.number == MAPPING_FILE)
			ret_f->file = (uint32_t)f.value;
		else if (f.number == MAPPING_BUILD_ID)
			ret_f->build_id = (uint32_t)f.value;
	}
}

void evp_pprof_get_function(const struct evp_pprof_parsed *p, size_t i,
			    struct evp_pprof_function_fields *ret_f)
{
	struct evp_pb pb = evp_pb_from(p->functions.item[i].bytes, p->functions.item[i].len);
	struct evp_pb_field f;

	*ret_f = (struct evp_pprof_function_fields){ 0 };
	while (evp_pb_next(&pb, &f)) {
		if (f.number == FUNCTION_NAME)
			ret_f->name = (uint32_t)f.value;
		else if (f.number == FUNCTION_SYSTEM)
			ret_f->system_name = (uint32_t)f.value;
		else if (f.number == FUNCTION_FILE)
			ret_f->filename = (uint32_t)f.value;
		else if (f.number == FUNCTION_START)
			ret_f->start_line = (int64_t)f.value;
	}
}

static uint64_t index_of(const struct evp_pprof_list *list, uint64_t id)
{
	const uint64_t *at = evp_map_find(&list->by_id, id);

	return at ? *at : UINT64_MAX;
}

void evp_pprof_get_location(const struct evp_pprof_parsed *p, size_t i,
			    struct evp_pprof_location_fields *ret_f, struct evp_pb *ret_lines)
{
	struct evp_pb pb = evp_pb_from(p->locations.item[i].bytes, p->locations.item[i].len);
	struct evp_pb_field f;
	uint64_t id = 0, at;

	*ret_f = (struct evp_pprof_location_fields){ 0 };
	*ret_lines = pb;
	while (evp_pb_next(&pb, &f)) {
		if (f.number == LOCATION_ADDRESS)
			ret_f->address = f.value;
		else if (f.number == LOCATION_MAPPING)
			id = f.value;
	}
	at = id ? index_of(&p->mappings, id) : 0;
	ret_f->mapping = id && at != UINT64_MAX ? at + 1 : at;
}

bool evp_pprof_next_line(const struct evp_pprof_parsed *p, struct evp_pb *lines,
			 struct evp_pprof_line_fields *ret_f)
{
	struct evp_pb_field f;
	struct evp_pb pb;

	do
		if (!evp_pb_next(lines, &f))
			return false;
	while (f.number != LOCATION_LINE || f.wire != EVP_PB_LEN);
	*ret_f = (struct evp_pprof_line_fields){ .function = UINT64_MAX };
	pb = evp_pb_inside(&f);
	while (evp_pb_next(&pb, &f)) {
		if (f.number == LINE_FUNCTION)
			ret_f->function = index_of(&p->functions, f.value);
		else if (f.number == LINE_LINE)
			ret_f->line = (int64_t)f.value;
		else if (f.number == LINE_COLUMN)
			ret_f->column = (int64_t)f.value;
	}
	if (pb.bad)
		ret_f->function = UINT64_MAX;
	return true;
}

void evp_pprof_get_label(const struct evp_pb_field *field, struct evp_pprof_label_fields *ret_f)
{
	struct evp_pb pb = evp_pb_inside(field);
	struct evp_pb_field f;

	*ret_f = (struct evp_pprof_label_fields){ 0 };
	while (evp_pb_next(&pb, &f)) {
		if (f.number == LABEL_KEY)
			ret_f->key = (uint32_t)f.value;
		else if (f.number == LABEL_STR)
			ret_f->str = (uint32_t)f.value;
		else if (f.number == LABEL_NUM)
			ret_f->num = (int64_t)f.value;
		else if (f.number == LABEL_UNIT)
			ret_f->unit = (uint32_t)f.value;
	}
}

/* ---- the whole ---- */

static int append(struct evp_pprof_list *list, const struct evp_pb_field *f, struct evp_err *err)
{
	if (f->wire != EVP_PB_LEN)
		return bad(err, "a table entry is no message");
	if (list->n == EVP_PPROF_TABLE_MAX)
		return evp_fail(err, EFBIG, "more than %u entries in a table", EVP_PPROF_TABLE_MAX);
	if (evp_grow(&list->item, &list->cap, list->n + 1, sizeof(*list->item)))
		return evp_fail_oom(err);
	list->item[list->n++] = (struct evp_pprof_message){ f->bytes, f->len };
	return 0;
}

static int collect(struct evp_pprof_parsed *p, const struct evp_pb_field *f, struct evp_err *err)
{
	struct evp_pprof_message m = { f->bytes, f->len };

	switch (f->number) {
	case PP_SAMPLE_TYPE:
		return append(&p->types, f, err);
	case PP_SAMPLE:
		return append(&p->samples, f, err);
	case PP_MAPPING:
		return append(&p->mappings, f, err);
	case PP_LOCATION:
		return append(&p->locations, f, err);
	case PP_FUNCTION:
		return append(&p->functions, f, err);
	case PP_STRING:
		return append(&p->strings, f, err);
	case PP_TIME:
		p->time_ns = (int64_t)f->value;
		break;
	case PP_DURATION:
		p->duration_ns = (int64_t)f->value;
		break;
	case PP_PERIOD_TYPE:
		p->period_type = evp_pprof_get_type(&m);
		break;
	case PP_PERIOD:
		p->period = (int64_t)f->value;
		break;
	case PP_DEFAULT_TYPE:
		p->default_type = (uint32_t)f->value;
		break;
	}
	return 0;
}

/* Every submessage well-formed, its numbers that are string indexes within the table. */
static int check_fields(const struct evp_pprof_parsed *p, const struct evp_pprof_message *m,
			uint32_t strings, uint64_t *ret_id, struct evp_err *err)
{
	struct evp_pb pb = evp_pb_from(m->bytes, m->len);
	struct evp_pb_field f;

	*ret_id = 0;
	while (evp_pb_next(&pb, &f)) {
		if (f.number == 1)
			*ret_id = f.value;
		if (f.number < 32 && strings & 1u << f.number && f.value >= p->strings.n)
			return bad(err, "a string that is not there");
	}
	return pb.bad ? bad(err, "a message does not end where it should") : 0;
}

#define BIT(field) (1u << (field))

static int check_table(struct evp_pprof_parsed *p, struct evp_pprof_list *list, uint32_t strings,
		       const char *what, struct evp_err *err)
{
	uint64_t id, *at;
	size_t i;
	int rc, isnew;

	for (i = 0; i < list->n; i++) {
		rc = check_fields(p, &list->item[i], strings, &id, err);
		if (rc)
			return rc;
		if (!id)
			return evp_fail(err, EBADMSG, "damaged profile: a %s with id 0", what);
		at = evp_map_at(&list->by_id, id, &isnew);
		if (!at)
			return evp_fail_oom(err);
		if (!isnew)
			return evp_fail(err, EBADMSG, "damaged profile: two %ss with id %llu", what,
					(unsigned long long)id);
		*at = i;
	}
	return 0;
}

static int check_types(const struct evp_pprof_parsed *p, struct evp_err *err)
{
	int64_t until;
	uint64_t id;
	size_t i;
	int rc;

	if (!p->types.n)
		return bad(err, "no sample type");
	if (p->time_ns < 0 || p->duration_ns < 0 ||
	    __builtin_add_overflow(p->time_ns, p->duration_ns, &until))
		return bad(err, "a time that is none");
	for (i = 0; i < p->types.n; i++) {
		rc = check_fields(p, &p->types.item[i], BIT(VALUE_TYPE) | BIT(VALUE_UNIT), &id,
				  err);
		if (rc)
			return rc;
	}
	if (p->period_type.type >= p->strings.n || p->period_type.unit >= p->strings.n ||
	    p->default_type >= p->strings.n)
		return bad(err, "a string that is not there");
	return 0;
}

static int check_locations(const struct evp_pprof_parsed *p, struct evp_err *err)
{
	struct evp_pprof_location_fields l;
	struct evp_pprof_line_fields line;
	struct evp_pb lines;
	size_t i;

	for (i = 0; i < p->locations.n; i++) {
		evp_pprof_get_location(p, i, &l, &lines);
		if (l.mapping > p->mappings.n)
			return bad(err, "a location in a mapping that is not there");
		while (evp_pprof_next_line(p, &lines, &line))
			if (line.function >= p->functions.n)
				return bad(err, "a line of a function that is not there");
	}
	return 0;
}

static int check_label(const struct evp_pprof_parsed *p, const struct evp_pb_field *f,
		       struct evp_err *err)
{
	struct evp_pprof_message m = { f->bytes, f->len };
	uint64_t id;

	if (f->wire != EVP_PB_LEN)
		return bad(err, "a label is no message");
	return check_fields(p, &m, BIT(LABEL_KEY) | BIT(LABEL_STR) | BIT(LABEL_UNIT), &id, err);
}

static int check_sample(const struct evp_pprof_parsed *p, size_t i, struct evp_err *err)
{
	struct evp_pb pb = evp_pb_from(p->samples.item[i].bytes, p->samples.item[i].len);
	struct evp_pb_values v;
	struct evp_pb_field f;
	size_t nvalues = 0, depth = 0;
	uint64_t x;

	while (evp_pb_next(&pb, &f)) {
		if (f.number == SAMPLE_LABEL && check_label(p, &f, err))
			return -EBADMSG;
		if (f.number != SAMPLE_LOCATION && f.number != SAMPLE_VALUE)
			continue;
		for (v = evp_pb_values(&f); evp_pb_value(&v, &x);) {
			nvalues += f.number == SAMPLE_VALUE;
			depth += f.number == SAMPLE_LOCATION;
			if (f.number == SAMPLE_LOCATION && !evp_map_find(&p->locations.by_id, x))
				return bad(err, "a sample with a location that is not there");
		}
		if (v.packed.bad)
			return bad(err, "a sample does not end where it should");
	}
	if (pb.bad)
		return bad(err, "a sample does not end where it should");
	if (depth > EVP_MAX_DEPTH)
		return bad(err, "a stack deeper than 2^20");
	return nvalues == p->types.n ? 0 : bad(err, "a sample with too many or too few values");
}

static int check(struct evp_pprof_parsed *p, struct evp_err *err)
{
	size_t i;
	int rc = 0;

	if (!p->strings.n || p->strings.item[0].len)
		return bad(err, "string 0 is not empty");
	rc = check_types(p, err);
	if (!rc)
		rc = check_table(p, &p->mappings, BIT(MAPPING_FILE) | BIT(MAPPING_BUILD_ID),
				 "mapping", err);
	if (!rc)
		rc = check_table(p, &p->functions,
				 BIT(FUNCTION_NAME) | BIT(FUNCTION_SYSTEM) | BIT(FUNCTION_FILE),
				 "function", err);
	if (!rc)
		rc = check_table(p, &p->locations, 0, "location", err);
	if (!rc)
		rc = check_locations(p, err);
	for (i = 0; !rc && i < p->samples.n; i++)
		rc = check_sample(p, i, err);
	return rc;
}

int evp_pprof_parse(const void *bytes, size_t len, struct evp_pprof_parsed *ret_p,
		    struct evp_err *err)
{
	struct evp_pprof_parsed p = { 0 };
	struct evp_pb pb = evp_pb_from(bytes, len);
	struct evp_pb_field f;
	int rc = 0;

	while (!rc && evp_pb_next(&pb, &f))
		rc = collect(&p, &f, err);
	if (!rc && pb.bad)
		rc = evp_fail(err, EBADMSG, "damaged profile at byte %zu",
			      (size_t)(pb.p - (const uint8_t *)bytes));
	if (!rc)
		rc = check(&p, err);
	if (rc)
		evp_pprof_parsed_release(&p);
	else
		*ret_p = p;
	return rc;
}
