// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/unwinder.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "record/file_tables.h"

#define FUTILE_MANY	 3 /* publications that changed nothing, then all tables are made */
#define FUTILE_GIVE_UP	 6 /* and then BPF does not ask again */
#define WITHDRAW_AT_ONCE 8

/* What BPF was told of a process. */
struct published {
	pid_t pid;
	uint32_t exec_generation;
	uint64_t serial;  /* of the process then */
	uint64_t turn;	  /* of the last publication */
	int64_t told_ns;  /* when that was; samples from before say nothing of it */
	int64_t since_ns; /* when `m` was first told */
	uint64_t changes; /* of tables, then */
	uint32_t futile;  /* publications in a row that could say nothing new */
	struct evp_bpf_process process;
	/* process.n as told; nnext being written, or nbefore that were told before. */
	struct evp_bpf_mapping *m, *next;
	size_t cm, cnext, nnext, nbefore;
};

struct evp_unwinder {
	struct evp_bpf_tables *bpf;
	struct evp_file_tables tables;
	struct evp_map processes; /* global pid -> struct published * */
	uint64_t walks, published;
	uint64_t frame[EVP_BPF_USER_FRAMES];
};

static void on_evict(void *arg, uint32_t number);

int evp_unwinder_new(struct evp_unwinder **ret, struct evp_bpf_tables *bpf, struct evp_err *err)
{
	struct evp_unwinder *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return evp_fail_oom(err);
	u->bpf = bpf;
	rc = evp_file_tables_init(&u->tables, bpf, err);
	if (rc) {
		free(u);
		return rc;
	}
	u->tables.on_evict = on_evict;
	u->tables.arg = u;
	*ret = u;
	return 0;
}

/* Of a slot of u->processes; NULL: it is empty. */
static struct published *published_in(const struct evp_map_slot *slot)
{
	return slot->used ? (struct published *)(uintptr_t)slot->value : NULL;
}

static void free_published(struct published *pub)
{
	free(pub->m);
	free(pub->next);
	free(pub);
}

void evp_unwinder_free(struct evp_unwinder *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->processes.nslots; i++)
		if (u->processes.slot[i].used)
			free_published(published_in(&u->processes.slot[i]));
	evp_map_release(&u->processes);
	evp_file_tables_release(&u->tables);
	free(u);
}

void evp_unwinder_meanwhile(struct evp_unwinder *u, void (*fn)(void *arg), void *arg)
{
	u->tables.meanwhile = fn;
	u->tables.meanwhile_arg = arg;
}

void evp_unwinder_used(struct evp_unwinder *u, const struct evp_mapped_file *file)
{
	evp_file_tables_used(&u->tables, file->table);
}

void evp_unwinder_stats(const struct evp_unwinder *u, struct evp_unwinder_stats *ret)
{
	*ret = (struct evp_unwinder_stats){
		.walks = u->walks,
		.published = u->published,
		.compiled = u->tables.made,
		.failed = u->tables.failed,
		.evicted = u->tables.evicted,
		.compiler_ns = evp_compiler_cpu_ns(u->tables.compiler),
	};
	ret->tables = evp_file_tables_count(&u->tables, &ret->table_bytes);
}

/* ---- walks ---- */

struct place {
	struct evp_unwinder *u;
	struct evp_proc *p;
};

static void find_code(void *arg, uint64_t address, struct evp_code *ret)
{
	const struct place *at = arg;
	const struct evp_mapping *m = evp_mappings_find(at->p->maps, address);
	uint32_t number;

	*ret = (struct evp_code){ .kind = EVP_CODE_NONE };
	if (!m)
		return;
	if (m->file)
		evp_files_resolve(m->file, at->p->pid, at->p->kin, m->start, m->end);
	ret->start = m->start;
	ret->end = m->end;
	ret->kind = evp_file_tables_kind(&at->u->tables, m, &ret->bias, &number);
	if (ret->kind != EVP_CODE_PENDING)
		return;
	if (number)
		ret->table = evp_file_tables_get(&at->u->tables, number, at->p, m);
	ret->kind = ret->table ? EVP_CODE_TABLE : EVP_CODE_UNKNOWN;
}

void evp_unwinder_walk(struct evp_unwinder *u, struct evp_proc *p, const struct evp_raw_stack *raw,
		       struct evp_raw_stack *ret)
{
	struct place at = { u, p };
	struct evp_walk_in in = {
		.regs = *raw->regs,
		.stack = raw->copy,
		.other = raw->other,
		.arg = &at,
		.find = find_code,
	};
	uint64_t hash;
	size_t n;

	u->tables.turn++;
	u->walks++;
	*ret = *raw;
	ret->end = evp_walk(&in, u->frame, EVP_BPF_USER_FRAMES, &n);
	ret->regs = NULL;
	ret->copy = ret->other = (struct evp_walk_copy){ 0 };
	ret->user = u->frame;
	ret->nuser = (uint32_t)n;
	hash = evp_hash_bytes(u->frame, n * sizeof(*u->frame)) + ret->end;
	ret->hash = hash ^
		    evp_hash_u64(evp_hash_bytes(raw->kernel, raw->nkernel * sizeof(*raw->kernel)));
}

/* ---- what BPF has ---- */

static bool take_back(struct evp_bpf_mapping *m, uint32_t number)
{
	if (m->number != number)
		return false;
	m->kind = EVP_CODE_PENDING;
	m->number = 0;
	return true;
}

/* Processes that have it ask again when they meet it. */
static void on_evict(void *arg, uint32_t number)
{
	struct evp_unwinder *u = arg;
	bool changed;

	for (size_t s = 0; s < u->processes.nslots; s++) {
		const struct evp_map_slot *slot = &u->processes.slot[s];
		struct published *pub = published_in(slot);

		if (!pub)
			continue;
		changed = false;
		for (uint32_t i = 0; i < pub->process.n; i++)
			if (take_back(&pub->m[i], number)) {
				evp_bpf_tables_change(u->bpf, &pub->process, i, &pub->m[i]);
				changed = true;
			}
		if (changed) {
			pub->process.give_up = 0; /* there is something to ask for again */
			pub->futile = 0;
			evp_bpf_tables_changed(u->bpf, (uint32_t)slot->key, &pub->process);
		}
		for (size_t i = 0; i < pub->nnext; i++)
			take_back(&pub->next[i], number);
	}
}

static void fill_mapping(struct evp_unwinder *u, const struct evp_mapping *m,
			 struct evp_bpf_mapping *ret)
{
	struct evp_bpf_mapping out = { .start = m->start, .end = m->end };
	uint64_t bias = 0;
	uint32_t number;

	out.kind = (uint16_t)evp_file_tables_kind(&u->tables, m, &bias, &number);
	out.bias = bias;
	if (out.kind == EVP_CODE_PENDING && number)
		evp_file_tables_load(&u->tables, number, &out);
	*ret = out;
}

/* Makes every table of a process that seems to need one which its walks do not come to. */
static void have_all_tables(struct evp_unwinder *u, struct evp_proc *p)
{
	struct place at = { u, p };
	struct evp_code code;

	for (size_t i = 0; i < evp_mappings_count(p->maps); i++)
		find_code(&at, evp_mappings_item(p->maps, i)->start, &code);
}

static void withdraw(struct evp_unwinder *u, const struct evp_map_slot *slot)
{
	struct published *pub = published_in(slot);

	evp_bpf_tables_withdraw(u->bpf, (uint32_t)slot->key, &pub->process);
	free_published(pub);
	evp_map_remove(&u->processes, slot->key);
}

/* There is no room for one more process, or for so many mappings: some that asked long ago go. */
static void make_way(struct evp_unwinder *u, const struct published *keep)
{
	for (int i = 0; i < WITHDRAW_AT_ONCE; i++) {
		const struct evp_map_slot *oldest = NULL;

		for (size_t s = 0; s < u->processes.nslots; s++) {
			const struct evp_map_slot *slot = &u->processes.slot[s];
			const struct published *pub = published_in(slot);

			if (pub && pub != keep &&
			    (!oldest || pub->turn < published_in(oldest)->turn))
				oldest = slot;
		}
		if (oldest)
			withdraw(u, oldest);
	}
}

static void publish(struct evp_unwinder *u, uint32_t global_pid, struct published *pub, uint32_t n)
{
	int rc = evp_bpf_tables_publish(u->bpf, global_pid, &pub->process, pub->m, n);

	pub->turn = u->tables.turn;
	pub->changes = u->tables.changes;
	pub->told_ns = evp_clock_ns(CLOCK_MONOTONIC);
	if (rc) { /* it will ask again, and be told then */
		evp_bpf_tables_withdraw(u->bpf, global_pid, &pub->process);
		pub->process.n = 0;
		pub->serial = 0;
	}
	if (rc == -ENOSPC)
		make_way(u, pub);
	u->published += !rc;
}

static bool make_room(struct published *pub, size_t n)
{
	return !evp_grow(&pub->m, &pub->cm, n + 1, sizeof(*pub->m)) &&
	       !evp_grow(&pub->next, &pub->cnext, n + 1, sizeof(*pub->next));
}

static void swap_mappings(struct published *pub)
{
	struct evp_bpf_mapping *m = pub->m;
	size_t cap = pub->cm;

	pub->m = pub->next;
	pub->cm = pub->cnext;
	pub->next = m;
	pub->cnext = cap;
}

/*
 * Tells BPF of the process as it is now. Whether that was news. Whatever fails, BPF goes on asking,
 * and nothing is lost.
 */
static bool write_process(struct evp_unwinder *u, uint32_t global_pid, struct published *pub,
			  const struct evp_proc *p)
{
	size_t n = evp_mappings_count(p->maps), nbefore = pub->serial ? pub->process.n : 0;
	bool news;

	if (n > 1u << EVP_BPF_MAX_SEARCH)
		n = 1u << EVP_BPF_MAX_SEARCH;
	if (!make_room(pub, n))
		return false;
	/* Loading one table may evict another of this very process, in `next` too. */
	for (pub->nnext = 0; pub->nnext < n; pub->nnext++)
		fill_mapping(u, evp_mappings_item(p->maps, pub->nnext), &pub->next[pub->nnext]);
	pub->nnext = pub->nbefore = 0;
	news = !pub->serial || n != pub->process.n ||
	       memcmp(pub->m, pub->next, n * sizeof(*pub->m)) != 0;
	pub->serial = p->serial;
	if (!news)
		return false;
	swap_mappings(pub);
	pub->process.give_up = 0;
	publish(u, global_pid, pub, (uint32_t)n);
	pub->nbefore = nbefore;
	pub->since_ns = pub->told_ns;
	return true;
}

static struct published *published(struct evp_unwinder *u, const struct evp_proc *p,
				   const struct evp_raw_sample *s)
{
	uint64_t *place = evp_map_find(&u->processes, s->global_pid);
	struct published *pub = (void *)(uintptr_t)(place ? *place : 0);

	if (!pub) {
		pub = calloc(1, sizeof(*pub));
		place = pub ? evp_map_at(&u->processes, s->global_pid, NULL) : NULL;
		if (!place) {
			free(pub);
			return NULL;
		}
		*place = (uint64_t)(uintptr_t)pub;
	}
	if (pub->process.start_ns != (uint64_t)s->start_ns || pub->process.exec_id != s->exec_id) {
		pub->process.start_ns = (uint64_t)s->start_ns;
		pub->process.exec_id = s->exec_id;
		pub->process.give_up = 0;
		pub->pid = p->pid;
		pub->exec_generation = p->exec_generation;
		pub->serial = 0;
		pub->told_ns = pub->since_ns = 0;
		pub->futile = 0;
	}
	return pub;
}

/* BPF asked, and was told nothing new: first all tables are made, then it is told not to ask. */
static void was_futile(struct evp_unwinder *u, uint32_t global_pid, struct published *pub,
		       struct evp_proc *p)
{
	pub->futile++;
	if (pub->futile == FUTILE_MANY)
		have_all_tables(u, p);
	if (pub->futile < FUTILE_GIVE_UP || pub->process.give_up)
		return;
	pub->process.give_up = 1;
	publish(u, global_pid, pub, pub->process.n);
}

/* Taken before BPF was told of the process: it asks what has been answered. */
static bool is_older(const struct published *pub, const struct evp_raw_sample *s)
{
	return s->time_ns < pub->told_ns;
}

/*
 * Samples from oldest_ns on are still to be judged by what BPF was told before the last time, and
 * there is room for no third: what is new waits.
 */
static bool is_settling(const struct published *pub, int64_t oldest_ns)
{
	return pub->nbefore && oldest_ns < pub->since_ns;
}

static void answer(struct evp_unwinder *u, struct evp_proc *p, const struct evp_raw_sample *s)
{
	struct published *pub = published(u, p, s);

	if (!pub ||
	    (is_older(pub, s) && pub->serial == p->serial && pub->changes == u->tables.changes) ||
	    is_settling(pub, s->time_ns))
		return;
	if (write_process(u, s->global_pid, pub, p))
		pub->futile = 0;
	else if (!is_older(pub, s) && !evp_file_tables_late(&u->tables))
		was_futile(u, s->global_pid, pub, p);
}

void evp_unwinder_publish(struct evp_unwinder *u, struct evp_proc *p,
			  const struct evp_raw_sample *s)
{
	if (u->bpf && !p->exit_ns && s->start_ns)
		answer(u, p, s);
	evp_file_tables_trim(&u->tables);
}

static const struct evp_bpf_mapping *find_told(const struct evp_bpf_mapping *m, size_t n,
					       uint64_t address)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m[mid].end > address)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < n && m[lo].start <= address ? &m[lo] : NULL;
}

/* Whether this code, by which BPF walked on from the address, had given way to other code there. */
static bool gave_way(struct evp_unwinder *u, const struct evp_proc *p,
		     const struct evp_bpf_mapping *told, uint64_t address)
{
	const struct evp_mapping *m = evp_mappings_find(p->maps, address);
	uint64_t bias = 0;
	uint32_t number;
	enum evp_code_kind kind;

	if (!m || !told)
		return false;
	kind = evp_file_tables_kind(&u->tables, m, &bias, &number);
	if (told->kind == EVP_CODE_TABLE)
		return number != told->number || bias != told->bias;
	return told->kind == EVP_CODE_JIT && kind != EVP_CODE_JIT;
}

bool evp_unwinder_outdated(struct evp_unwinder *u, const struct evp_proc *p,
			   const struct evp_raw_sample *s, const struct evp_raw_stack *raw,
			   struct evp_raw_stack *ret)
{
	const uint64_t *slot = evp_map_find(&u->processes, s->global_pid);
	const struct published *pub = (const void *)(uintptr_t)(slot ? *slot : 0);
	const struct evp_bpf_mapping *m;
	bool now;
	size_t n;

	if (!pub || raw->regs || pub->process.start_ns != (uint64_t)s->start_ns ||
	    pub->process.exec_id != s->exec_id)
		return false;
	now = s->time_ns >= pub->since_ns;
	if (now && pub->serial == p->serial)
		return false;
	m = now ? pub->m : pub->next;
	n = now ? pub->process.n : pub->nbefore;
	for (uint32_t i = 0; i < raw->nuser; i++)
		if (gave_way(u, p, find_told(m, n, raw->user[i]), raw->user[i])) {
			*ret = *raw;
			ret->nuser = i + 1;
			ret->end = EVP_WALK_REMAPPED;
			ret->hash = ~raw->hash;
			return true;
		}
	return false;
}

/* Before the files that were ever met become too many, all is learnt anew. */
static void start_anew(struct evp_unwinder *u, const struct evp_procs *procs)
{
	for (size_t i = 0; i < u->processes.nslots;) {
		if (u->processes.slot[i].used)
			withdraw(u, &u->processes.slot[i]);
		else
			i++;
	}
	evp_file_tables_reset(&u->tables, &procs->files);
}

void evp_unwinder_renew(struct evp_unwinder *u, const struct evp_procs *procs, int64_t oldest_ns)
{
	if (evp_file_tables_full(&u->tables))
		start_anew(u, procs);
	for (size_t i = 0; i < u->processes.nslots; i++) {
		const struct evp_map_slot *slot = &u->processes.slot[i];
		struct published *pub = published_in(slot);
		const struct evp_proc *p = pub ? evp_procs_find(procs, pub->pid) : NULL;

		if (!pub)
			continue;
		if (!p || p->exit_ns || p->exec_generation != pub->exec_generation)
			withdraw(u, &u->processes.slot[i--]); /* another may stand there now */
		else if (p->serial != pub->serial && !is_settling(pub, oldest_ns))
			(void)write_process(u, (uint32_t)slot->key, pub, p);
	}
}
