// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/translate.h"

#include <errno.h>
#include <string.h>

#define MAX_KNOWN_STACKS (1u << 19) /* then all are translated anew: bounds memory at 24 MiB */

#define TRY(x)                                                                                     \
	do {                                                                                       \
		int try_rc = (x);                                                                  \
		if (try_rc)                                                                        \
			return try_rc;                                                             \
	} while (0)

void evp_translator_init(struct evp_translator *t, struct evp_writer *w, struct evp_kernel_syms *ks,
			 const char *node, const char *boot_id)
{
	*t = (struct evp_translator){
		.w = w, .ks = ks, .node = node, .boot_id = boot_id, .epoch = 1
	};
}

void evp_translator_release(struct evp_translator *t)
{
	evp_map_release(&t->stacks);
	evp_map_release(&t->kernel);
	evp_map_release(&t->images);
}

void evp_translator_stream(struct evp_translator *t, struct evp_writer *w)
{
	t->w = w;
	t->epoch++;
	evp_map_release(&t->stacks);
	evp_map_release(&t->kernel);
	evp_map_release(&t->images);
}

int evp_translator_epoch(struct evp_translator *t)
{
	evp_translator_stream(t, t->w);
	return evp_writer_epoch(t->w);
}

void evp_translator_forget(struct evp_translator *t)
{
	evp_map_clear(&t->stacks);
	evp_map_clear(&t->kernel);
}

static int remember(struct evp_map *map, uint64_t key, uint32_t id)
{
	uint64_t *place = evp_map_at(map, key, NULL);

	if (!place)
		return -ENOMEM;
	*place = (uint64_t)id + 1;
	return 0;
}

static bool recall(const struct evp_map *map, uint64_t key, uint32_t *ret_id)
{
	const uint64_t *place = evp_map_find(map, key);

	if (!place || !*place)
		return false;
	*ret_id = (uint32_t)(*place - 1);
	return true;
}

int evp_translate_process(struct evp_translator *t, struct evp_proc *p, uint32_t *ret_id)
{
	struct evp_process out = {
		.pid = p->pid,
		.ns_pid = p->ns_pid,
		.start_ns = p->start_ns,
		.exec_generation = p->exec_generation,
	};

	if (p->stream_epoch != t->epoch) {
		TRY(evp_writer_cstring(t->w, t->node, &out.node));
		TRY(evp_writer_cstring(t->w, t->boot_id, &out.boot_id));
		TRY(evp_writer_cstring(t->w, p->comm, &out.comm));
		TRY(evp_writer_cstring(t->w, p->exe, &out.exe));
		TRY(evp_writer_cstring(t->w, p->cgroup, &out.cgroup));
		TRY(evp_writer_process(t->w, &out, &p->stream_id));
		p->stream_epoch = t->epoch;
	}
	*ret_id = p->stream_id;
	return 0;
}

/* ---- kernel frames ---- */

static int kernel_file(struct evp_translator *t, const struct evp_kernel_image *image,
		       uint32_t *ret_id)
{
	uint64_t key = (uint64_t)(uintptr_t)image;
	struct evp_file f = { .build_id_len = image->build_id_len };

	if (recall(&t->images, key, ret_id))
		return 0;
	memcpy(f.build_id, image->build_id, sizeof(f.build_id));
	TRY(evp_writer_cstring(t->w, image->name, &f.path));
	TRY(evp_writer_file(t->w, &f, ret_id));
	return remember(&t->images, key, *ret_id);
}

static int kernel_location(struct evp_translator *t, uint64_t address, uint32_t *ret_id)
{
	struct evp_kernel_place place;
	struct evp_location l = { 0 };
	struct evp_function f = { 0 };
	struct evp_line line = { 0 };

	if (recall(&t->kernel, address, ret_id))
		return 0;
	evp_kernel_syms_lookup(t->ks, address, &place);
	l.kind = (uint8_t)place.kind;
	l.offset = place.offset;
	if (place.image)
		TRY(kernel_file(t, place.image, &l.file));
	if (place.reason)
		TRY(evp_writer_cstring(t->w, place.reason, &l.text));
	if (place.name) {
		TRY(evp_writer_cstring(t->w, place.name, &f.name));
		TRY(evp_writer_function(t->w, &f, &line.function));
		l.source = EVP_SRC_KALLSYMS;
		l.lines = &line;
		l.nlines = 1;
	}
	TRY(evp_writer_location(t->w, &l, ret_id));
	return remember(&t->kernel, address, *ret_id);
}

/* ---- user frames ---- */

static int user_file(struct evp_translator *t, struct evp_mapped_file *file, uint32_t *ret_id)
{
	struct evp_file f = { .build_id_len = file->id.build_id_len,
			      .segments = file->id.segments,
			      .nsegments = file->id.nsegments };

	if (file->stream_epoch != t->epoch) {
		memcpy(f.build_id, file->id.build_id, sizeof(f.build_id));
		TRY(evp_writer_cstring(t->w, file->path, &f.path));
		TRY(evp_writer_file(t->w, &f, &file->stream_id));
		file->stream_epoch = t->epoch;
	}
	*ret_id = file->stream_id;
	return 0;
}

static int unknown_location(struct evp_translator *t, struct evp_proc *p, uint64_t address,
			    const char *reason, uint32_t *ret_id)
{
	struct evp_location l = { .kind = EVP_LOC_UNKNOWN, .offset = address };

	TRY(evp_translate_process(t, p, &l.process));
	TRY(evp_writer_cstring(t->w, reason, &l.text));
	return evp_writer_location(t->w, &l, ret_id);
}

static int user_location(struct evp_translator *t, struct evp_proc *p, uint64_t address,
			 uint32_t *ret_id)
{
	const struct evp_mapping *m = evp_mappings_find(p->maps, address);
	struct evp_location l = { .kind = EVP_LOC_NATIVE };

	if (!m)
		return unknown_location(t, p, address, "no-mapping", ret_id);
	if (m->file)
		evp_files_resolve(m->file, p->pid, p->kin, m->start, m->end);
	if (!m->file || m->file->kind == EVP_MAPPED_ANONYMOUS) {
		l.kind = EVP_LOC_JIT;
		l.offset = address;
		TRY(evp_translate_process(t, p, &l.process));
	} else {
		if (t->unwinder)
			evp_unwinder_used(t->unwinder, m->file);
		l.kind = m->file->kind == EVP_MAPPED_VDSO ? EVP_LOC_VDSO : EVP_LOC_NATIVE;
		l.offset = address - m->start + m->pgoff;
		TRY(user_file(t, m->file, &l.file));
	}
	return evp_writer_location(t->w, &l, ret_id);
}

/* ---- stacks ---- */

static int push_cut(struct evp_translator *t, const char *reason, uint32_t *stack)
{
	struct evp_location l = { .kind = EVP_LOC_CUT };
	uint32_t location;

	TRY(evp_writer_cstring(t->w, reason, &l.text));
	TRY(evp_writer_location(t->w, &l, &location));
	return evp_writer_stack(t->w, *stack, location, stack);
}

static int push_user(struct evp_translator *t, struct evp_proc *p, const struct evp_raw_stack *raw,
		     uint32_t *stack)
{
	uint32_t n = raw->nuser, location;

	/* A kernel thread, in the eyes of perf; it has no program. */
	if (raw->end == EVP_WALK_EXITING && !p->exe[0] && !evp_mappings_count(p->maps))
		return 0;
	if (raw->end != EVP_WALK_ROOT && raw->end != EVP_WALK_GOES_ON)
		TRY(push_cut(t, evp_walk_reason(raw->end), stack));
	if (n && !evp_mappings_count(p->maps)) {
		TRY(unknown_location(t, p, 0, "no-mappings", &location));
		return evp_writer_stack(t->w, *stack, location, stack);
	}
	while (n--) {
		TRY(user_location(t, p, raw->user[n], &location));
		TRY(evp_writer_stack(t->w, *stack, location, stack));
	}
	return 0;
}

/* The address inside the instruction to be named: only a leaf is where execution was. */
static uint64_t inside(const uint64_t *frame, uint32_t i)
{
	return i ? frame[i] - 1 : frame[i];
}

static int push_kernel(struct evp_translator *t, const struct evp_raw_stack *raw, uint32_t *stack)
{
	uint32_t location;

	if (raw->kernel_cut)
		TRY(push_cut(t, "too-deep", stack));
	for (uint32_t i = raw->nkernel; i--;) {
		TRY(kernel_location(t, inside(raw->kernel, i), &location));
		TRY(evp_writer_stack(t->w, *stack, location, stack));
	}
	return 0;
}

static uint64_t stack_key(const struct evp_proc *p, uint64_t hash)
{
	return evp_hash_u64(p->serial) ^ hash;
}

bool evp_translate_known(struct evp_translator *t, const struct evp_proc *p, uint64_t hash,
			 uint32_t *ret_id)
{
	return recall(&t->stacks, stack_key(p, hash), ret_id);
}

int evp_translate_stack(struct evp_translator *t, struct evp_proc *p,
			const struct evp_raw_stack *raw, uint32_t *ret_id)
{
	struct evp_raw_stack walked;
	uint32_t stack = 0;

	if (raw->regs) {
		evp_unwinder_walk(t->unwinder, p, raw, &walked);
		raw = &walked;
		if (evp_translate_known(t, p, raw->hash, ret_id))
			return 0;
	}
	TRY(push_user(t, p, raw, &stack));
	TRY(push_kernel(t, raw, &stack));
	if (t->stacks.n >= MAX_KNOWN_STACKS)
		evp_map_clear(&t->stacks);
	TRY(remember(&t->stacks, stack_key(p, raw->hash), stack));
	*ret_id = stack;
	return 0;
}
