/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A profile in memory: one calling-context tree over frames, with values at the nodes.
 *
 * Invariants: node 0 is the root and has no frame; a node's parent has a smaller number; two
 * children of a node never have the same frame; two frames never have the same fields. `self`
 * holds ntypes values a node (row-major); what happens below a node is not in it.
 *
 * A frame is what a viewer shows on one line, at the granularity the options ask for: the fields
 * that were not asked for are 0, so that frames that look the same are the same.
 * Grouping labels (`by`) are frames too, next to the root, with kind EVP_FRAME_LABEL.
 *
 * Life: evp_profile_new, any number of evp_profile_add_*, then the questions. Asking and adding
 * may alternate; orders are made anew. Everything is owned by the profile.
 */
#ifndef EVP_PROFILE_PROFILE_H
#define EVP_PROFILE_PROFILE_H

#include "stream/reader.h"

#define EVP_FRAME_LABEL 0xff /* evp_frame.kind of a grouping label; else enum evp_location_kind */

struct evp_frame {
	uint32_t name;	  /* string: function or location text; of a label its value */
	uint32_t module;  /* string: base name of the file, "[kernel]"; 0 none or not asked for */
	uint32_t file;	  /* string: source file; 0 unknown or not asked for */
	int32_t line;	  /* 0 unknown or not asked for */
	uint8_t kind;	  /* enum evp_location_kind or EVP_FRAME_LABEL */
	uint8_t inlined;  /* this frame was inlined into its parent (only with EVP_PROFILE_KINDS) */
	uint8_t nameless; /* `name` is made up from the location: it was not symbolized */
	uint8_t pad;
};

enum {
	EVP_PROFILE_MODULES = 1,      /* fill module */
	EVP_PROFILE_LINES = 2,	      /* fill file and line */
	EVP_PROFILE_KINDS = 4,	      /* tell kinds and inlined frames apart */
	EVP_PROFILE_NO_INLINES = 8,   /* only the function that has the code */
	EVP_PROFILE_SKIP_ABSENT = 16, /* a `by` label that a sample lacks gives no frame */
};

struct evp_profile_opts {
	const char *const *by; /* label names, root side first */
	size_t nby;
	const char *event; /* NULL: the first with a sample; samples of others are counted apart */
	unsigned int flags;
	/*
	 * NULL: every value of the event is kept. Else only the one of this name ("" the default:
	 * samples, else the shown one), which takes less memory; all where the event has no such.
	 */
	const char *value;
};

struct evp_profile_type {
	char *type, *unit; /* "samples" "count" */
};

struct evp_profile {
	struct evp_interner strings; /* id 0 is the empty string */
	struct evp_frame *frames;
	size_t nframes;
	uint32_t *parent, *frame; /* per node */
	int64_t *self;		  /* per node and type */
	size_t nnodes;

	char *event; /* NULL while no sample came */
	struct evp_profile_type types[EVP_MAX_TYPES];
	size_t ntypes;
	size_t samples_type, value_type; /* indexes; SIZE_MAX: none */
	int64_t from_ns, to_ns;		 /* the time the samples span; from > to: none */
	int64_t period;			 /* of the event, 0 unknown or mixed */

	uint64_t other_events; /* samples (records) left out as of another event */
	int64_t lost_samples;  /* loss reported by the streams */
	int64_t cut_samples;   /* samples whose stack begins with a cut frame */
	struct evp_profile_private *priv;
};

int evp_profile_new(struct evp_profile **ret_p, const struct evp_profile_opts *opts,
		    struct evp_err *err);
void evp_profile_free(struct evp_profile *p);

/* Everything up to the reader's end. 0, or -errno; damage is the reader's to tell. */
int evp_profile_add_reader(struct evp_profile *p, struct evp_reader *r, struct evp_err *err);
/* One sample; `epoch` must change whenever the tables' ids are void (any counter will do). */
int evp_profile_add_sample(struct evp_profile *p, const struct evp_tables *t, uint64_t epoch,
			   const struct evp_sample *s, struct evp_err *err);
/*
 * The time that a stream covers. Samples belong to whole windows; where the stream's cost records say
 * when recording really began and ended, [from_ns, to_ns) is cut to that. Call begin_stream before
 * the first sample of each stream; evp_profile_add_reader does both by itself.
 */
void evp_profile_begin_stream(struct evp_profile *p);
void evp_profile_add_cost(struct evp_profile *p, const struct evp_cost *c);
/* All of src into dst; both must be of one event and the same types (-EINVAL). */
int evp_profile_merge(struct evp_profile *dst, const struct evp_profile *src, struct evp_err *err);

/*
 * A new profile, the caller's, in which every frame of `p` is another: asked once a frame, `fn` gives
 * it with strings of `to`. Nodes that become the same are added up; all else is kept.
 */
typedef int (*evp_profile_frame_fn)(void *arg, struct evp_profile *to,
				    const struct evp_profile *from, uint32_t frame,
				    struct evp_frame *ret_f);
int evp_profile_regroup(struct evp_profile **ret_p, const struct evp_profile *p,
			evp_profile_frame_fn fn, void *arg, struct evp_err *err);
/* An evp_profile_frame_fn that leaves frames as they are; arg is not used. */
int evp_profile_move_frame(void *arg, struct evp_profile *to, const struct evp_profile *from,
			   uint32_t frame, struct evp_frame *ret_f);

/* By hand: declare the event once, then nodes. Strings in `f` are evp_profile_string ids. */
int evp_profile_declare(struct evp_profile *p, const char *event,
			const struct evp_profile_type *types, size_t ntypes, size_t samples_type,
			size_t value_type);
int evp_profile_string(struct evp_profile *p, const void *bytes, size_t len, uint32_t *ret_id);
int evp_profile_child(struct evp_profile *p, uint32_t parent, const struct evp_frame *f,
		      uint32_t *ret_node);
/*
 * To be asked before `value` is added to self[] of any node: 0, or -EOVERFLOW once the magnitudes
 * of all values of that type pass 2^63. Until then no sum over any nodes overflows.
 */
int evp_profile_weigh(struct evp_profile *p, size_t type, int64_t value);

/* Index of a type by name ("samples"; "cpu"; "cpu:nanoseconds"), SIZE_MAX if there is none. */
size_t evp_profile_type_index(const struct evp_profile *p, const char *name);
/* The type a viewer shows unless told: samples if there is such a type, else the value. */
size_t evp_profile_default_type(const struct evp_profile *p);

static inline const struct evp_bytes *evp_profile_text(const struct evp_profile *p, uint32_t id)
{
	return &p->strings.item[id];
}

/*
 * The tree in a fixed order: children of every node sorted by name (as bytes, "name;" against
 * "name;", so that a preorder walk gives folded text in LC_ALL=C order), then module, file, line,
 * kind. Valid until the next addition. order: nodes in preorder without the root; end[i]: index
 * behind the subtree of order[i]; total: self plus everything below, for one type.
 */
struct evp_profile_order {
	uint32_t *order, *end;
	int64_t *total; /* by node number, [0] is the grand total */
	size_t n;
};

int evp_profile_order(const struct evp_profile *p, size_t type, struct evp_profile_order *ret_o,
		      struct evp_err *err);
void evp_profile_order_release(struct evp_profile_order *o);

/*
 * Flat and cumulative by frame name (and module when filled): a frame that recurs in a stack counts
 * once.
 */
struct evp_profile_row {
	uint32_t frame; /* the first frame with this key */
	int64_t flat, cum;
};

/*
 * Label frames are left out. Sorted by flat, then cum, descending, then name: always the same.
 * *ret_total = grand total. free(*ret_rows).
 */
int evp_profile_rows(const struct evp_profile *p, size_t type, struct evp_profile_row **ret_rows,
		     size_t *ret_n, int64_t *ret_total, struct evp_err *err);

#endif
