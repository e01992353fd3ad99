/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The profile's inside, shared by profile.c (the tree) and add.c (samples of a stream). Not for
 * anybody else.
 */
#ifndef EVP_PROFILE_PROFILE_PRIVATE_H
#define EVP_PROFILE_PROFILE_PRIVATE_H

#include "profile/profile.h"

/* Most stacks are seen in one group only: that answer stands in an array, the others in a map. */
struct stack_memo {
	uint32_t group; /* + 1; 0: nothing known */
	uint32_t node;	/* and CUT_BIT */
};

struct span {		  /* a location's frames, root side first */
	uint32_t from, n; /* n 0: not made yet */
};

/* Memo of one epoch of one stream: what its ids mean here. */
struct memo {
	uint64_t epoch;
	bool valid;
	struct span *locations;
	size_t nlocations, locations_cap;
	uint32_t *frames; /* the spans' frames */
	size_t nframes, frames_cap;
	struct evp_map groups; /* process << 32 | label set -> node of the innermost label frame */
	struct stack_memo *stacks;
	size_t nstacks, stacks_cap;
	struct evp_map nodes; /* group node << 32 | stack -> node, CUT_BIT: for second groups */
	uint32_t *path;
	size_t path_cap;
	uint64_t last_who;
	uint32_t last_group;
	uint32_t event; /* EVP_NO_ID: not looked up */
};

#define CUT_BIT (1u << 31)

struct frame_numbers {
	uint32_t *frame;
	size_t n, cap;
};

/* The time of the stream being added, and what all before it covered. from > to: nothing yet. */
struct stream_time {
	int64_t before_from_ns, before_to_ns;
	int64_t from_ns, to_ns;		  /* of its samples' windows */
	int64_t cost_from_ns, cost_to_ns; /* of its cost records; INT64_MAX: none */
};

struct evp_profile_private {
	struct stream_time time;
	char **by;
	size_t nby;
	char *wanted_event, *wanted_value;
	uint32_t event_ntypes;	      /* of the event; the profile may keep one of them only */
	uint32_t kept[EVP_MAX_TYPES]; /* which value of a sample each type of the profile is */
	unsigned int flags;
	struct evp_interner frame_keys; /* of frames that are more than a name */
	struct frame_numbers plain, other;
	/* Children by (parent, frame): node numbers, 0 free. The keys stand in p->parent, p->frame. */
	uint32_t *children;
	size_t nchildren; /* slots, a power of two */
	size_t frames_cap, parent_cap, frame_cap, self_cap;
	struct memo memo;
	struct evp_str text;
	int64_t grand[EVP_MAX_TYPES]; /* magnitudes of all values added, by type */
};

void evp_profile_memo_release(struct memo *m);
/* The number of a frame, new if needed. 0 or -errno. */
int evp_profile_frame_id(struct evp_profile *p, const struct evp_frame *f, uint32_t *ret_id);
/* The child of a node with a frame of that number, made if there is none. 0 or -ENOMEM. */
int evp_profile_child_of(struct evp_profile *p, uint32_t parent, uint32_t frame,
			 uint32_t *ret_node);

#endif
