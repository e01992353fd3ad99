/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a stream holds, counted: evp-stream stat and check. Names are escaped as evp_escape does;
 * sums past 2^63 stay there.
 */
#ifndef EVP_STREAM_SUMMARY_H
#define EVP_STREAM_SUMMARY_H

#include "stream/reader.h"

struct evp_summary_event {
	char *name;
	uint64_t records;	/* sample records */
	int64_t samples, value; /* sums of the samples and the value type */
	char *value_unit;
	int64_t period; /* the last one that was different */
	uint64_t rate_changes;
};

struct evp_summary {
	struct evp_reader_status status;
	uint64_t bytes;
	bool whole;
	char *why; /* the sentence for a stream that is not; NULL */
	struct evp_summary_event *events;
	size_t nevents, events_cap;
	struct evp_interner reasons; /* of losses ... */
	int64_t *lost;		     /* ... and how many samples each */
	size_t lost_cap;
	char **tools; /* provenance: "evp-record 0.1.0 -F --duration" */
	size_t ntools, tools_cap;
	int64_t from_ns, to_ns; /* of samples; from > to: none */
	uint64_t strings, processes, files, functions, locations, stacks,
		label_sets; /* all epochs */
	uint64_t named_locations;
	struct evp_cost cost; /* summed; times span all of them */
};

/* Reads to the end. 0 (look at `whole`), or -errno where nothing could be read. */
int evp_summary_read(struct evp_summary *s, struct evp_reader *r, struct evp_err *err);
void evp_summary_release(struct evp_summary *s);

/* "name: value" lines, or one JSON object. */
int evp_summary_text(const struct evp_summary *s, const char *name, struct evp_str *out);
int evp_summary_json(const struct evp_summary *s, const char *name, struct evp_str *out);

#endif
