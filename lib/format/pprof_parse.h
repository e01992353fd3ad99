/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pprof profile in memory, checked: every reference leads somewhere, every sample has as many
 * values as there are types, string 0 is "". The tables point into the bytes they were made from.
 *
 * The bytes are a stranger's: at most 16 Mi entries a table, what repeats stays encoded and is walked
 * when it is needed (samples, lines of a location).
 */
#ifndef EVP_FORMAT_PPROF_PARSE_H
#define EVP_FORMAT_PPROF_PARSE_H

#include "base/err.h"
#include "base/hash.h"
#include "format/protobuf.h"

#define EVP_PPROF_TABLE_MAX (16u << 20)

struct evp_pprof_message { /* the raw bytes of a submessage */
	const uint8_t *bytes;
	size_t len;
};

struct evp_pprof_list {
	struct evp_pprof_message *item;
	size_t n, cap;
	struct evp_map by_id; /* id -> index; mappings, locations, functions */
};

struct evp_pprof_type {
	uint32_t type, unit; /* strings */
};

struct evp_pprof_parsed {
	struct evp_pprof_list strings, types, samples, mappings, locations, functions;
	struct evp_pprof_type period_type;
	int64_t time_ns, duration_ns, period;
	uint32_t default_type; /* string, 0 none */
};

struct evp_pprof_mapping_fields {
	uint64_t start, limit, offset;
	uint32_t file, build_id; /* strings */
};

struct evp_pprof_location_fields {
	uint64_t mapping, address; /* mapping: index + 1, 0 none, UINT64_MAX not there */
};

struct evp_pprof_line_fields {
	uint64_t function; /* index, UINT64_MAX not there */
	int64_t line, column;
};

struct evp_pprof_function_fields {
	uint32_t name, system_name, filename;
	int64_t start_line;
};

struct evp_pprof_label_fields {
	uint32_t key, str, unit;
	int64_t num;
};

/* EBADMSG with what is wrong. The bytes must outlive *ret_p. */
int evp_pprof_parse(const void *bytes, size_t len, struct evp_pprof_parsed *ret_p,
		    struct evp_err *err);
void evp_pprof_parsed_release(struct evp_pprof_parsed *p);

/* These read what evp_pprof_parse found good; ids are turned into indexes. */
struct evp_pprof_type evp_pprof_get_type(const struct evp_pprof_message *m);
void evp_pprof_get_mapping(const struct evp_pprof_parsed *p, size_t i,
			   struct evp_pprof_mapping_fields *ret_f);
void evp_pprof_get_function(const struct evp_pprof_parsed *p, size_t i,
			    struct evp_pprof_function_fields *ret_f);
/* The location; then its lines by evp_pprof_next_line on *ret_lines. */
void evp_pprof_get_location(const struct evp_pprof_parsed *p, size_t i,
			    struct evp_pprof_location_fields *ret_f, struct evp_pb *ret_lines);
bool evp_pprof_next_line(const struct evp_pprof_parsed *p, struct evp_pb *lines,
			 struct evp_pprof_line_fields *ret_f);
void evp_pprof_get_label(const struct evp_pb_field *f, struct evp_pprof_label_fields *ret_f);

#endif
