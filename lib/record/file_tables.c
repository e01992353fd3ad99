// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/file_tables.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define OWN_BYTES      (4u << 20)  /* of tables in our memory that BPF has too */
#define OWN_BYTES_ONLY (16u << 20) /* where there is no BPF to have them */
#define MOST_BYTES     (64u << 20) /* of all that one walk or one process needs: then no more */
#define MAX_TABLES     8192
#define MAX_TRIES      16	     /* of a file that could not be opened */
#define MAX_FAILURES   3	     /* of the child that makes it */
#define DUE_NS	       200000000LL   /* of CPU time: what a file's table may take, by far */
#define DEBT_NS	       10000000000LL /* who takes more runs into debt, for all: then none is made */
#define DEBT_PAID_BY   4	     /* the time that passes, divided by this */
#define NOWHERE	       UINT32_MAX

/* Of all files with one build ID. */
struct evp_file_table {
	struct evp_unwind_table table; /* word NULL: only BPF has it, or nobody */
	uint32_t pool_at;	       /* in BPF; NOWHERE */
	uint64_t used;		       /* turn of its last use */
	uint8_t tries, failures;
	bool none; /* there is none */
};

int evp_file_tables_init(struct evp_file_tables *t, struct evp_bpf_tables *bpf, struct evp_err *err)
{
	*t = (struct evp_file_tables){ .bpf = bpf };
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = (uint64_t)(uintptr_t)t; /* early at boot: better than none */
	return evp_compiler_new(&t->compiler, err);
}

void evp_file_tables_release(struct evp_file_tables *t)
{
	evp_compiler_free(t->compiler);
	for (size_t i = 0; i < t->n; i++)
		evp_unwind_table_release(&t->item[i].table);
	free(t->item);
	evp_map_release(&t->by_build_id);
	*t = (struct evp_file_tables){ 0 };
}

size_t evp_file_tables_count(const struct evp_file_tables *t, size_t *ret_bytes)
{
	size_t n = 0;

	*ret_bytes = 0;
	for (size_t i = 0; i < t->n; i++) {
		n += t->item[i].table.nwords > 0;
		*ret_bytes += t->item[i].table.nwords * sizeof(uint32_t);
	}
	return n;
}

static size_t table_bytes(const struct evp_file_table *e)
{
	return e->table.nwords * sizeof(*e->table.word);
}

/*
 * One table a build ID, of whatever path and inode. But a stranger's file that claims the C
 * library's ID is another file, and so is one that was cut. Who cannot know the seed cannot choose
 * an ID that is another's to us.
 */
static uint64_t key_of(const struct evp_file_tables *t, const struct evp_mapped_file *file)
{
	return evp_hash_seeded(file->id.build_id, file->id.build_id_len,
			       t->seed ^ evp_hash_u64(file->size ^ (uint64_t)file->owner << 48));
}

/* The number of this file's entry, made if needed; 0: no memory. */
static uint32_t number_of(struct evp_file_tables *t, struct evp_mapped_file *file)
{
	uint64_t none = 0, *place = &none;

	if (file->table)
		return file->table;
	if (file->id.build_id_len)
		place = evp_map_at(&t->by_build_id, key_of(t, file), NULL);
	if (place && !*place && t->n < UINT16_MAX &&
	    !evp_grow(&t->item, &t->cap, t->n + 1, sizeof(*t->item))) {
		t->item[t->n] = (struct evp_file_table){ .pool_at = NOWHERE };
		*place = ++t->n;
	}
	file->table = place ? (uint32_t)*place : 0;
	return file->table;
}

/* The vdso is the same in every process of our kind; its section headers are its end. */
static int make_vdso(struct evp_file_table *e)
{
	// NOLINTNEXTLINE(performance-no-int-to-ptr)
	const Elf64_Ehdr *image = (const void *)getauxval(AT_SYSINFO_EHDR);

	if (!image || sizeof(void *) != 8)
		return -ENODATA;
	return evp_unwind_compile_image(
		image, image->e_shoff + (size_t)image->e_shnum * image->e_shentsize, &e->table,
		NULL);
}

/*
 * Anyone can run files without end that take the compiler long, or for ever where a file system is
 * theirs: they get a part of our time, not all of it.
 */
static int64_t debt_ns(const struct evp_file_tables *t)
{
	int64_t paid_ns = (evp_clock_ns(CLOCK_MONOTONIC) - t->debt_at_ns) / DEBT_PAID_BY;

	return paid_ns < t->debt_ns ? t->debt_ns - paid_ns : 0;
}

static void add_debt(struct evp_file_tables *t, int64_t more_ns)
{
	t->debt_ns = debt_ns(t) + more_ns;
	t->debt_at_ns = evp_clock_ns(CLOCK_MONOTONIC);
}

bool evp_file_tables_late(const struct evp_file_tables *t)
{
	return debt_ns(t) > DEBT_NS;
}

/* Time itself where it came to nothing; else CPU time, for a starved machine's is no one's fault. */
static bool compile(struct evp_file_tables *t, struct evp_file_table *e, int fd, int *ret_rc)
{
	uint64_t cpu_ns = evp_compiler_cpu_ns(t->compiler);
	int64_t began_ns = evp_clock_ns(CLOCK_MONOTONIC), took_ns;

	*ret_rc = evp_compiler_table(t->compiler, fd, t->meanwhile, t->meanwhile_arg, &e->table,
				     NULL);
	if (*ret_rc == -ETIMEDOUT || *ret_rc == -ECHILD || *ret_rc == -ENOMEM || *ret_rc == -EIO) {
		add_debt(t, evp_clock_ns(CLOCK_MONOTONIC) - began_ns);
		return false;
	}
	took_ns = (int64_t)(evp_compiler_cpu_ns(t->compiler) - cpu_ns);
	if (took_ns > DUE_NS)
		add_debt(t, took_ns - DUE_NS);
	return true;
}

static void make(struct evp_file_tables *t, struct evp_file_table *e, const struct evp_proc *p,
		 const struct evp_mapping *m)
{
	int fd, rc;
	bool final;

	if (evp_file_tables_late(t))
		return;
	if (m->file->kind == EVP_MAPPED_VDSO) {
		rc = make_vdso(e);
	} else {
		fd = evp_files_open(m->file, p->pid, p->kin, m->start, m->end);
		if (fd < 0 && m->file->silent)
			return; /* it may answer some day */
		if (fd < 0) {
			e->none = ++e->tries == MAX_TRIES;
			t->changes += e->none;
			return;
		}
		final = compile(t, e, fd, &rc);
		close(fd);
		/* A starved machine is no reason to do without the file's table for ever. */
		if (!final && ++e->failures < MAX_FAILURES)
			return;
	}
	t->changes++;
	e->none = rc != 0;
	t->made += !rc;
	t->failed += rc != 0;
	if (!rc)
		t->own_bytes += table_bytes(e);
}

/* BPF has it; without memory for it, nobody else does now. */
static void read_back(struct evp_file_tables *t, struct evp_file_table *e)
{
	uint32_t *words = malloc(table_bytes(e));

	if (!words || evp_bpf_tables_read(t->bpf, e->pool_at, e->table.nwords, words)) {
		free(words);
		return;
	}
	e->table.word = words;
	t->changes++;
	t->own_bytes += table_bytes(e);
}

const struct evp_unwind_table *evp_file_tables_get(struct evp_file_tables *t, uint32_t number,
						   const struct evp_proc *p,
						   const struct evp_mapping *m)
{
	struct evp_file_table *e = &t->item[number - 1];

	e->used = t->turn;
	if (e->none)
		return NULL;
	if (!e->table.word && t->own_bytes <= MOST_BYTES) {
		if (e->pool_at != NOWHERE)
			read_back(t, e);
		else
			make(t, e, p, m);
	}
	return e->table.word ? &e->table : NULL;
}

void evp_file_tables_used(struct evp_file_tables *t, uint32_t number)
{
	if (number)
		t->item[number - 1].used = t->turn;
}

void evp_file_tables_trim(struct evp_file_tables *t)
{
	size_t most = t->bpf ? OWN_BYTES : OWN_BYTES_ONLY;

	while (t->own_bytes > most) {
		struct evp_file_table *oldest = NULL;

		for (size_t i = 0; i < t->n; i++)
			if (t->item[i].table.word && (!oldest || t->item[i].used < oldest->used))
				oldest = &t->item[i];
		if (!oldest || oldest->used == t->turn)
			return;
		t->own_bytes -= table_bytes(oldest);
		free(oldest->table.word);
		oldest->table.word = NULL;
	}
}

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

enum evp_code_kind evp_file_tables_kind(struct evp_file_tables *t, const struct evp_mapping *m,
					uint64_t *ret_bias, uint32_t *ret_number)
{
	struct evp_mapped_file *file = m->file;

	*ret_number = 0;
	if (!file || file->kind == EVP_MAPPED_ANONYMOUS)
		return EVP_CODE_JIT;
	if (!file->resolved)
		return EVP_CODE_PENDING;
	if (!bias_of(m, ret_bias))
		return EVP_CODE_UNKNOWN;
	*ret_number = number_of(t, file);
	if (!*ret_number || t->item[*ret_number - 1].none)
		return EVP_CODE_UNKNOWN;
	return EVP_CODE_PENDING;
}

/* ---- BPF ---- */

static void evict(struct evp_file_tables *t, uint32_t number)
{
	struct evp_file_table *e = &t->item[number - 1];

	t->on_evict(t->arg, number);
	evp_bpf_tables_unload(t->bpf, e->pool_at, e->table.nwords);
	e->pool_at = NOWHERE;
	t->changes++;
	t->evicted++;
}

static uint32_t least_used(const struct evp_file_tables *t)
{
	uint32_t found = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->item[i].pool_at != NOWHERE && t->item[i].used != t->turn &&
		    (!found || t->item[i].used < t->item[found - 1].used))
			found = (uint32_t)i + 1;
	return found;
}

bool evp_file_tables_load(struct evp_file_tables *t, uint32_t number, struct evp_bpf_mapping *ret)
{
	struct evp_file_table *e = &t->item[number - 1];
	uint32_t victim;
	int rc = 0;

	/* One that never fits must not drive the others out; nor has BPF numbers for its pages. */
	if (e->pool_at == NOWHERE && (!e->table.word || e->table.nwords > EVP_BPF_POOL_WORDS ||
				      e->table.first_page > UINT32_MAX))
		return false;
	while (e->pool_at == NOWHERE &&
	       (rc = evp_bpf_tables_load(t->bpf, &e->table, &e->pool_at)) == -ENOSPC) {
		e->pool_at = NOWHERE;
		victim = least_used(t);
		if (!victim)
			break;
		evict(t, victim);
	}
	if (rc) {
		e->pool_at = NOWHERE;
		return false;
	}
	ret->kind = EVP_CODE_TABLE;
	ret->number = (uint16_t)number;
	ret->table = e->pool_at;
	ret->first_page = (uint32_t)e->table.first_page;
	ret->npages = e->table.npages;
	return true;
}

bool evp_file_tables_full(const struct evp_file_tables *t)
{
	return t->n > MAX_TABLES;
}

void evp_file_tables_reset(struct evp_file_tables *t, const struct evp_files *files)
{
	for (size_t i = 0; i < t->n; i++) {
		struct evp_file_table *e = &t->item[i];

		if (e->pool_at != NOWHERE)
			evp_bpf_tables_unload(t->bpf, e->pool_at, e->table.nwords);
		evp_unwind_table_release(&e->table);
	}
	for (size_t i = 0; i < files->n; i++)
		files->file[i]->table = 0;
	evp_map_clear(&t->by_build_id);
	t->n = t->own_bytes = 0;
	t->changes++;
}
