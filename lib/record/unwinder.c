// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/unwinder.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "record/bpf_tables.h"
#include "unwind/compiler.h"

#define OWN_BYTES	 (4u << 20)  /* of tables in our memory that BPF has too */
#define OWN_BYTES_ONLY	 (16u << 20) /* where there is no BPF to have them */
#define MAX_TRIES	 16	     /* of files that could not be opened */
#define FUTILE_MANY	 3 /* publications that changed nothing, then all files are compiled */
#define FUTILE_GIVE_UP	 6 /* and then BPF does not ask again */
#define MAX_ENTRIES	 8192
#define WITHDRAW_AT_ONCE 8
#define NOWHERE		 UINT32_MAX

/* A table, of all files with this build ID. */
struct entry {
	struct evp_unwind_table table; /* word NULL: only BPF has it, or nobody */
	uint32_t pool_at;	       /* in BPF; NOWHERE */
	uint64_t used;		       /* turn of its last use */
	uint8_t tries;
	bool known, none; /* compiled at some time; there is none */
};

/* What BPF was told of a process. */
struct published {
	pid_t pid;
	uint32_t exec_generation;
	uint64_t serial;  /* of the process then */
	uint64_t turn;	  /* of the last publication */
	int64_t told_ns;  /* when that was; samples from before say nothing of it */
	uint64_t changes; /* of tables, then */
	uint32_t futile;  /* publications in a row that could say nothing new */
	struct evp_bpf_process process;
	struct evp_bpf_mapping *m, *next; /* as told; being written */
	uint32_t *entry;		  /* whose table it is, beside each of m; 0 none */
	size_t cm, cnext, centry;
};

struct evp_unwinder {
	struct evp_bpf_tables *bpf;
	struct evp_compiler *compiler;
	struct entry *entry; /* number - 1 */
	size_t nentries, centries;
	struct evp_map by_build_id; /* hash -> number */
	struct evp_map processes;   /* global pid -> struct published *, 0 withdrawn */
	size_t own_bytes;
	uint64_t turn;
	uint64_t changes; /* raised by every table that comes or goes */
	struct evp_unwinder_stats stats;
	uint64_t frame[EVP_BPF_USER_FRAMES];
};

int evp_unwinder_new(struct evp_unwinder **ret, struct evp_bpf_tables *bpf, struct evp_err *err)
{
	struct evp_unwinder *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return evp_fail_oom(err);
	u->bpf = bpf;
	rc = evp_compiler_new(&u->compiler, err);
	if (rc) {
		free(u);
		return rc;
	}
	*ret = u;
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * EVP_NSEC + ts.tv_nsec;
}

static void free_published(struct published *pub)
{
	if (!pub)
		return;
	free(pub->m);
	free(pub->next);
	free(pub->entry);
	free(pub);
}

void evp_unwinder_free(struct evp_unwinder *u)
{
	if (!u)
		return;
	evp_compiler_free(u->compiler);
	for (size_t i = 0; i < u->nentries; i++)
		evp_unwind_table_release(&u->entry[i].table);
	for (size_t i = 0; i < u->processes.nslots; i++)
		if (u->processes.slot[i].used)
			free_published((void *)(uintptr_t)u->processes.slot[i].value);
	free(u->entry);
	evp_map_release(&u->by_build_id);
	evp_map_release(&u->processes);
	free(u);
}

void evp_unwinder_stats(const struct evp_unwinder *u, struct evp_unwinder_stats *ret)
{
	*ret = u->stats;
	for (size_t i = 0; i < u->nentries; i++) {
		ret->tables += u->entry[i].table.nwords > 0;
		ret->table_bytes += u->entry[i].table.nwords * sizeof(uint32_t);
	}
}

/* ---- tables ---- */

static size_t table_bytes(const struct entry *e)
{
	return e->table.nwords * sizeof(*e->table.word);
}

/* The number of this file's entry, made if needed; 0: no memory. */
static uint32_t number_of(struct evp_unwinder *u, struct evp_mapped_file *file)
{
	uint64_t none = 0, *place = &none;

	if (file->table)
		return file->table;
	if (file->id.build_id_len)
		place = evp_map_at(&u->by_build_id,
				   evp_hash_bytes(file->id.build_id, file->id.build_id_len), NULL);
	if (place && !*place &&
	    !evp_grow(&u->entry, &u->centries, u->nentries + 1, sizeof(*u->entry))) {
		u->entry[u->nentries] = (struct entry){ .pool_at = NOWHERE };
		*place = ++u->nentries;
	}
	file->table = place ? (uint32_t)*place : 0;
	return file->table;
}

/* The vdso is the same in every process of our kind; its section headers are its end. */
static int compile_vdso(struct entry *e)
{
	// NOLINTNEXTLINE(performance-no-int-to-ptr)
	const Elf64_Ehdr *image = (const void *)getauxval(AT_SYSINFO_EHDR);

	if (!image || sizeof(void *) != 8)
		return -ENODATA;
	return evp_unwind_compile_image(
		image, image->e_shoff + (size_t)image->e_shnum * image->e_shentsize, &e->table,
		NULL);
}

static void compile(struct evp_unwinder *u, struct entry *e, const struct evp_proc *p,
		    const struct evp_mapping *m)
{
	int fd, rc;

	if (m->file->kind == EVP_MAPPED_VDSO) {
		rc = compile_vdso(e);
	} else {
		fd = evp_files_open(m->file, p->pid, p->kin, m->start, m->end);
		if (fd < 0) {
			e->none = ++e->tries == MAX_TRIES;
			u->changes += e->none;
			return;
		}
		rc = evp_compiler_table(u->compiler, fd, &e->table, NULL);
		close(fd);
	}
	u->changes++;
	e->known = true;
	e->none = rc != 0;
	u->stats.compiled += !rc;
	u->stats.failed += rc != 0;
	if (!rc)
		u->own_bytes += table_bytes(e);
}

/* Whether its table is in our memory now. */
static bool have_table(struct evp_unwinder *u, struct entry *e, const struct evp_proc *p,
		       const struct evp_mapping *m)
{
	e->used = u->turn;
	if (e->none || e->table.word)
		return !e->none;
	if (e->known && e->pool_at != NOWHERE) {
		uint32_t *words = malloc(table_bytes(e));

		if (words && !evp_bpf_tables_read(u->bpf, e->pool_at, e->table.nwords, words)) {
			e->table.word = words;
			u->changes++;
			u->own_bytes += table_bytes(e);
			return true;
		}
		free(words);
		return false;
	}
	compile(u, e, p, m);
	return e->table.word != NULL;
}

/* What was not used for longest leaves our memory; BPF or the file still has it. */
static void trim(struct evp_unwinder *u)
{
	size_t most = u->bpf ? OWN_BYTES : OWN_BYTES_ONLY;

	while (u->own_bytes > most) {
		struct entry *oldest = NULL;

		for (size_t i = 0; i < u->nentries; i++)
			if (u->entry[i].table.word && (!oldest || u->entry[i].used < oldest->used))
				oldest = &u->entry[i];
		if (!oldest || oldest->used == u->turn)
			return;
		u->own_bytes -= table_bytes(oldest);
		free(oldest->table.word);
		oldest->table.word = NULL;
	}
}

/* ---- code ---- */

/* Run-time address less ELF virtual address, if the mapping is of an executable segment. */
static bool bias_of(const struct evp_mapping *m, uint64_t *ret)
{
	const struct evp_elf_identity *id = &m->file->id;

	for (uint32_t i = 0; i < id->nsegments; i++) {
		const struct evp_segment *s = &id->segments[i];

		/* A mapping begins on a page, a segment where it likes. */
		if (m->pgoff < s->offset + s->size && s->offset < m->pgoff + (m->end - m->start)) {
			*ret = m->start - m->pgoff + s->offset - s->vaddr;
			return true;
		}
	}
	return false;
}

/* What a mapping holds, without looking for a table: EVP_CODE_PENDING where there may be one. */
static enum evp_code_kind kind_of(struct evp_unwinder *u, const struct evp_mapping *m,
				  uint64_t *ret_bias, uint32_t *ret_entry)
{
	struct evp_mapped_file *file = m->file;

	*ret_entry = 0;
	if (!file || file->kind == EVP_MAPPED_ANONYMOUS)
		return EVP_CODE_JIT;
	if (!file->resolved)
		return EVP_CODE_PENDING;
	if (!bias_of(m, ret_bias))
		return EVP_CODE_UNKNOWN;
	*ret_entry = number_of(u, file);
	if (!*ret_entry || u->entry[*ret_entry - 1].none)
		return EVP_CODE_UNKNOWN;
	return EVP_CODE_PENDING;
}

struct place {
	struct evp_unwinder *u;
	struct evp_proc *p;
};

static void find_code(void *arg, uint64_t address, struct evp_code *ret)
{
	const struct place *at = arg;
	const struct evp_mapping *m = evp_mappings_find(at->p->maps, address);
	struct entry *e;
	uint32_t number;

	*ret = (struct evp_code){ .kind = EVP_CODE_NONE };
	if (!m)
		return;
	if (m->file)
		evp_files_resolve(m->file, at->p->pid, at->p->kin, m->start, m->end);
	ret->start = m->start;
	ret->end = m->end;
	ret->kind = kind_of(at->u, m, &ret->bias, &number);
	if (ret->kind != EVP_CODE_PENDING)
		return;
	ret->kind = EVP_CODE_UNKNOWN;
	e = number ? &at->u->entry[number - 1] : NULL;
	if (e && have_table(at->u, e, at->p, m)) {
		ret->kind = EVP_CODE_TABLE;
		ret->table = &e->table;
	}
}

void evp_unwinder_walk(struct evp_unwinder *u, struct evp_proc *p, const struct evp_raw_stack *raw,
		       struct evp_raw_stack *ret)
{
	struct place at = { u, p };
	struct evp_walk_in in = {
		.regs = *raw->regs,
		.stack = raw->copy,
		.stack_len = raw->copy_len,
		.arg = &at,
		.find = find_code,
	};
	uint64_t hash;
	size_t n;

	u->turn++;
	u->stats.walks++;
	*ret = *raw;
	ret->end = evp_walk(&in, u->frame, EVP_BPF_USER_FRAMES, &n);
	ret->regs = NULL;
	ret->copy = NULL;
	ret->copy_len = 0;
	ret->user = u->frame;
	ret->nuser = (uint32_t)n;
	hash = evp_hash_bytes(u->frame, n * sizeof(*u->frame)) + ret->end;
	ret->hash = hash ^
		    evp_hash_u64(evp_hash_bytes(raw->kernel, raw->nkernel * sizeof(*raw->kernel)));
}

/* ---- what BPF has ---- */

static bool in_use(const struct published *pub, uint32_t number, size_t *ret_i)
{
	for (; *ret_i < pub->process.n; (*ret_i)++)
		if (pub->entry[*ret_i] == number)
			return true;
	return false;
}

/* Takes a table from BPF: processes that have it ask again when they meet it. */
static void evict(struct evp_unwinder *u, uint32_t number)
{
	struct entry *e = &u->entry[number - 1];

	for (size_t s = 0; s < u->processes.nslots; s++) {
		const struct evp_map_slot *slot = &u->processes.slot[s];
		struct published *pub = (void *)(uintptr_t)(slot->used ? slot->value : 0);

		for (size_t i = 0; pub && in_use(pub, number, &i); i++) {
			pub->m[i].kind = EVP_CODE_PENDING;
			pub->entry[i] = 0;
			evp_bpf_tables_change(u->bpf, &pub->process, (uint32_t)i, &pub->m[i]);
		}
	}
	evp_bpf_tables_settle(u->bpf);
	evp_bpf_tables_unload(u->bpf, e->pool_at, e->table.nwords);
	e->pool_at = NOWHERE;
	if (!e->table.word)
		e->known = false;
	u->changes++;
	u->stats.evicted++;
}

static uint32_t least_used(const struct evp_unwinder *u)
{
	uint32_t found = 0;

	for (size_t i = 0; i < u->nentries; i++)
		if (u->entry[i].pool_at != NOWHERE && u->entry[i].used != u->turn &&
		    (!found || u->entry[i].used < u->entry[found - 1].used))
			found = (uint32_t)i + 1;
	return found;
}

/* Gives BPF a table that we have. Whether it has it then. */
static bool load(struct evp_unwinder *u, struct entry *e)
{
	uint32_t victim;
	int rc;

	if (e->pool_at != NOWHERE)
		return true;
	if (!e->table.word)
		return false;
	while ((rc = evp_bpf_tables_load(u->bpf, &e->table, &e->pool_at)) == -ENOSPC) {
		victim = least_used(u);
		if (!victim)
			break;
		evict(u, victim);
	}
	if (rc) {
		e->pool_at = NOWHERE;
		return false;
	}
	return true;
}

static void fill_mapping(struct evp_unwinder *u, const struct evp_mapping *m,
			 struct evp_bpf_mapping *ret, uint32_t *ret_entry)
{
	struct entry *e;

	*ret = (struct evp_bpf_mapping){ .start = m->start, .end = m->end };
	ret->kind = kind_of(u, m, (uint64_t *)&ret->bias, ret_entry);
	if (ret->kind != EVP_CODE_PENDING || !*ret_entry)
		return;
	e = &u->entry[*ret_entry - 1];
	if (!load(u, e)) {
		*ret_entry = 0;
		return;
	}
	ret->kind = EVP_CODE_TABLE;
	ret->table = e->pool_at;
	ret->rules = e->pool_at + evp_unwind_table_rules(&e->table);
	ret->pages = e->pool_at - (uint32_t)(e->table.first_page * EVP_UNWIND_PAGE_WORDS);
}

/* Compiles every table of a process that seems to need one which its walks do not come to. */
static void have_all_tables(struct evp_unwinder *u, struct evp_proc *p)
{
	struct place at = { u, p };
	struct evp_code code;

	for (size_t i = 0; i < evp_mappings_count(p->maps); i++)
		find_code(&at, evp_mappings_item(p->maps, i)->start, &code);
}

static void withdraw(struct evp_unwinder *u, struct evp_map_slot *slot)
{
	struct published *pub = (void *)(uintptr_t)slot->value;

	evp_bpf_tables_withdraw(u->bpf, (uint32_t)slot->key, &pub->process);
	free_published(pub);
	slot->value = 0;
}

/* There is no room for one more process, or for so many mappings: some that asked long ago go. */
static void make_way(struct evp_unwinder *u, const struct published *keep)
{
	for (int i = 0; i < WITHDRAW_AT_ONCE; i++) {
		struct evp_map_slot *oldest = NULL;

		for (size_t s = 0; s < u->processes.nslots; s++) {
			struct evp_map_slot *slot = &u->processes.slot[s];
			const struct published *pub =
				(const void *)(uintptr_t)(slot->used ? slot->value : 0);

			if (pub && pub != keep &&
			    (!oldest ||
			     pub->turn <
				     ((const struct published *)(uintptr_t)oldest->value)->turn))
				oldest = slot;
		}
		if (oldest)
			withdraw(u, oldest);
	}
}

static void publish(struct evp_unwinder *u, uint32_t global_pid, struct published *pub, uint32_t n)
{
	int rc = evp_bpf_tables_publish(u->bpf, global_pid, &pub->process, pub->m, n);

	pub->turn = u->turn;
	pub->changes = u->changes;
	pub->told_ns = now_ns();
	if (rc) { /* it will ask again, and be told then */
		evp_bpf_tables_withdraw(u->bpf, global_pid, &pub->process);
		pub->process.n = 0;
		pub->serial = 0;
	}
	if (rc == -ENOSPC)
		make_way(u, pub);
	u->stats.published += !rc;
}

static bool make_room(struct published *pub, size_t n)
{
	return !evp_grow(&pub->m, &pub->cm, n + 1, sizeof(*pub->m)) &&
	       !evp_grow(&pub->next, &pub->cnext, n + 1, sizeof(*pub->next)) &&
	       !evp_grow(&pub->entry, &pub->centry, n + 1, sizeof(*pub->entry));
}

/*
 * Tells BPF of the process as it is now. Whether that was news. Whatever fails, BPF goes on asking,
 * and nothing is lost.
 */
static bool write_process(struct evp_unwinder *u, uint32_t global_pid, struct published *pub,
			  const struct evp_proc *p)
{
	size_t n = evp_mappings_count(p->maps);
	struct evp_bpf_mapping *old = pub->m;
	bool news;

	if (n > 1u << EVP_BPF_MAX_SEARCH)
		n = 1u << EVP_BPF_MAX_SEARCH;
	if (!make_room(pub, n))
		return false;
	/* First loads, then writes: loading one table may evict another of this process. */
	for (size_t i = 0; i < n; i++)
		fill_mapping(u, evp_mappings_item(p->maps, i), &pub->next[i], &pub->entry[i]);
	for (size_t i = 0; i < n; i++)
		fill_mapping(u, evp_mappings_item(p->maps, i), &pub->next[i], &pub->entry[i]);
	old = pub->m;
	news = pub->serial == 0 || n != pub->process.n ||
	       memcmp(old, pub->next, n * sizeof(*old)) != 0;
	pub->serial = p->serial;
	if (!news)
		return false;
	pub->m = pub->next;
	pub->next = old;
	{
		size_t cap = pub->cm;

		pub->cm = pub->cnext;
		pub->cnext = cap;
	}
	pub->process.give_up = 0;
	publish(u, global_pid, pub, (uint32_t)n);
	return true;
}

static struct published *published(struct evp_unwinder *u, const struct evp_proc *p,
				   const struct evp_raw_sample *s)
{
	uint64_t *place = evp_map_at(&u->processes, s->global_pid, NULL);
	struct published *pub;

	if (!place)
		return NULL;
	pub = (void *)(uintptr_t)*place;
	if (!pub) {
		pub = calloc(1, sizeof(*pub));
		*place = (uint64_t)(uintptr_t)pub;
	}
	if (pub && (pub->process.start_ns != (uint64_t)s->start_ns ||
		    pub->process.exec_id != s->exec_id)) {
		pub->process.start_ns = (uint64_t)s->start_ns;
		pub->process.exec_id = s->exec_id;
		pub->process.give_up = 0;
		pub->pid = p->pid;
		pub->exec_generation = p->exec_generation;
		pub->serial = 0;
		pub->told_ns = 0;
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

void evp_unwinder_publish(struct evp_unwinder *u, struct evp_proc *p,
			  const struct evp_raw_sample *s)
{
	struct published *pub;

	if (u->bpf && !p->exit_ns && s->start_ns) {
		pub = published(u, p, s);
		if (!pub || (s->time_ns < pub->told_ns && pub->serial == p->serial &&
			     pub->changes == u->changes))
			; /* taken before BPF was told */
		else if (write_process(u, s->global_pid, pub, p))
			pub->futile = 0;
		else if (s->time_ns >= pub->told_ns)
			was_futile(u, s->global_pid, pub, p);
	}
	trim(u);
}

/* Numbers of processes that are gone would fill the table in the course of time. */
static void rebuild(struct evp_unwinder *u)
{
	struct evp_map live = { 0 };

	for (size_t i = 0; i < u->processes.nslots; i++) {
		const struct evp_map_slot *slot = &u->processes.slot[i];
		uint64_t *place;

		if (!slot->used || !slot->value)
			continue;
		place = evp_map_at(&live, slot->key, NULL);
		if (!place) {
			evp_map_release(&live);
			return;
		}
		*place = slot->value;
	}
	evp_map_release(&u->processes);
	u->processes = live;
}

/* Every file that was ever met has an entry; before they become too many all is learnt anew. */
static void reset(struct evp_unwinder *u, const struct evp_procs *procs)
{
	for (size_t i = 0; i < u->processes.nslots; i++)
		if (u->processes.slot[i].used && u->processes.slot[i].value)
			withdraw(u, &u->processes.slot[i]);
	if (u->bpf)
		evp_bpf_tables_settle(u->bpf);
	for (size_t i = 0; i < u->nentries; i++) {
		struct entry *e = &u->entry[i];

		if (e->pool_at != NOWHERE)
			evp_bpf_tables_unload(u->bpf, e->pool_at, e->table.nwords);
		evp_unwind_table_release(&e->table);
	}
	for (size_t i = 0; i < procs->files.n; i++)
		procs->files.file[i]->table = 0;
	evp_map_clear(&u->processes);
	evp_map_clear(&u->by_build_id);
	u->nentries = u->own_bytes = 0;
}

void evp_unwinder_renew(struct evp_unwinder *u, const struct evp_procs *procs)
{
	size_t kept = 0;

	if (u->nentries > MAX_ENTRIES)
		reset(u, procs);

	for (size_t i = 0; i < u->processes.nslots; i++) {
		struct evp_map_slot *slot = &u->processes.slot[i];
		struct published *pub = (void *)(uintptr_t)(slot->used ? slot->value : 0);
		const struct evp_proc *p = pub ? evp_procs_find(procs, pub->pid) : NULL;

		if (!pub)
			continue;
		kept++;
		if (!p || p->exit_ns || p->exec_generation != pub->exec_generation)
			withdraw(u, slot);
		else if (p->serial != pub->serial)
			(void)write_process(u, (uint32_t)slot->key, pub, p);
	}
	if (u->processes.n > 4 * kept + 64)
		rebuild(u);
}
