// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables and mappings as BPF has them: what is told arrives, what is taken back gives room. */
#define _GNU_SOURCE
#include <stdio.h>

#include "tap.h"

#ifdef EVP_HAVE_BPF

#include "../../lib/record/bpf_tables.c"
/* clang-format off */
#define even even_words
#define compile compile_file
#include "../../lib/record/file_tables.c"
/* clang-format on */

#define MIB_WORDS (1u << 18)

static int pool, mappings, processes;

static bool make_maps(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, mapped, .map_flags = BPF_F_MMAPABLE);

	pool = bpf_map_create(BPF_MAP_TYPE_ARRAY, "t_pool", 4, 8, EVP_BPF_POOL_WORDS / 2, &mapped);
	mappings = bpf_map_create(BPF_MAP_TYPE_ARRAY, "t_mappings", 4,
				  sizeof(struct evp_bpf_mapping), EVP_BPF_MAPPINGS, &mapped);
	processes = bpf_map_create(BPF_MAP_TYPE_HASH, "t_processes", 4,
				   sizeof(struct evp_bpf_process), 2, NULL);
	return pool >= 0 && mappings >= 0 && processes >= 0;
}

/* ---- mappings of processes ---- */

static struct evp_bpf_mapping some[EVP_BPF_MAPPINGS];

static bool is_told(uint32_t pid, const struct evp_bpf_process *p, uint32_t n)
{
	struct evp_bpf_process told;
	struct evp_bpf_mapping m;
	uint32_t last = p->first + n - 1;

	return !bpf_map_lookup_elem(processes, &pid, &told) && !memcmp(&told, p, sizeof(told)) &&
	       told.n == n && !bpf_map_lookup_elem(mappings, &last, &m) &&
	       !memcmp(&m, &some[n - 1], sizeof(m));
}

static void published(struct evp_bpf_tables *t)
{
	struct evp_bpf_process p = { .start_ns = 1 }, q = { .start_ns = 2 }, before;
	uint32_t half = EVP_BPF_MAPPINGS / 2;

	for (uint32_t i = 0; i < EVP_BPF_MAPPINGS; i++)
		some[i] = (struct evp_bpf_mapping){ .start = i, .end = i + 1 };
	ok(!evp_bpf_tables_publish(t, 1, &p, some, 3) && p.version && is_told(1, &p, 3),
	   "a process is told");
	before = p;
	ok(!evp_bpf_tables_publish(t, 1, &p, some, 4) && is_told(1, &p, 4) &&
		   p.version != before.version && p.first != before.first,
	   "told anew in another place, BPF may still be reading there");
	ok(t->nretired == 1, "which is not free yet");
	t->retired[0].time_ns = 0;
	ok(!evp_bpf_tables_publish(t, 1, &p, some, half) && t->nretired == 1, "but in time");
	evp_bpf_tables_withdraw(t, 1, &p);
	p.n = 0;
	for (int i = 0; i < 5; i++)
		if (evp_bpf_tables_publish(t, 1, &p, some, half) || !is_told(1, &p, half))
			ok(false, "no room for what had been given up");
	before = p;
	ok(evp_bpf_tables_publish(t, 1, &p, some, EVP_BPF_MAPPINGS) == -ENOSPC &&
		   !memcmp(&before, &p, sizeof(p)) && is_told(1, &p, half),
	   "no room: it stays as it was");
	evp_bpf_tables_withdraw(t, 1, &p);
	p = (struct evp_bpf_process){ 0 };
	ok(!evp_bpf_tables_publish(t, 1, &p, some, EVP_BPF_MAPPINGS), "withdrawn, all is free");
	evp_bpf_tables_withdraw(t, 1, &p);
	p = q;
	evp_bpf_tables_publish(t, 1, &p, some, 1);
	evp_bpf_tables_publish(t, 2, &q, some, 1);
	before.n = 0;
	ok(evp_bpf_tables_publish(t, 3, &before, some, half) == -ENOSPC && !before.n,
	   "no room for one more process");
	evp_bpf_tables_withdraw(t, 1, &p);
	evp_bpf_tables_withdraw(t, 2, &q);
}

/* ---- tables of files ---- */

static uint32_t evicted[8], nevicted;

static void on_evict(void *arg, uint32_t number)
{
	evicted[nevicted++] = number;
}

/* Number i + 1, of 4 MiB: four fit. */
static void add_table(struct evp_file_tables *t, uint32_t i)
{
	struct evp_file_table *e;

	if (evp_grow(&t->item, &t->cap, t->n + 1, sizeof(*t->item)))
		return;
	e = &t->item[t->n++];
	*e = (struct evp_file_table){ .pool_at = NOWHERE, .used = i };
	e->table.nwords = 4 * MIB_WORDS;
	e->table.word = calloc(e->table.nwords, sizeof(*e->table.word));
	e->table.word[e->table.nwords - 1] = i + 1;
	t->own_bytes += table_bytes(e);
}

static uint32_t last_word(struct evp_file_tables *t, uint32_t number)
{
	const struct evp_unwind_table *table = evp_file_tables_get(t, number, NULL, NULL);

	return table ? table->word[table->nwords - 1] : 0;
}

static void files(struct evp_bpf_tables *bpf)
{
	struct evp_mapped_file file = { .table = 3 }, *file_at = &file;
	struct evp_files known = { .file = &file_at, .n = 1 };
	struct evp_file_tables t = { .bpf = bpf, .on_evict = on_evict };
	struct evp_bpf_mapping m = { 0 };
	int loaded = 0;

	for (uint32_t i = 0; i < 5; i++)
		add_table(&t, i);
	t.item[0].used = 10;
	t.turn = 20;
	for (uint32_t number = 1; number < 5; number++)
		loaded += evp_file_tables_load(&t, number, &m);
	ok(loaded == 4 && !nevicted && m.number == 4 && m.kind == EVP_CODE_TABLE, "four tables");
	ok(evp_file_tables_load(&t, 5, &m) && nevicted == 1 && evicted[0] == 2 && t.evicted == 1,
	   "for a fifth the one goes that was not used for longest");
	ok(evp_file_tables_load(&t, 2, &m) && evicted[1] == 3, "it may come again");
	for (uint32_t number = 1; number < 6; number++)
		evp_file_tables_used(&t, number);
	ok(!evp_file_tables_load(&t, 3, &m) && nevicted == 2, "what is in use stays");
	evp_file_tables_trim(&t);
	ok(t.own_bytes == 5 * 16 * MIB_WORDS, "in our memory too");
	t.turn++;
	evp_file_tables_used(&t, 3);
	evp_file_tables_trim(&t);
	ok(t.own_bytes == 16 * MIB_WORDS && t.item[2].table.word, "otherwise one is left there");
	ok(last_word(&t, 5) == 5 && last_word(&t, 1) == 1 && t.own_bytes == 3 * 16 * MIB_WORDS,
	   "others are read back");
	evp_file_tables_reset(&t, &known);
	ok(!t.n && !t.own_bytes && !file.table, "all is forgotten");
	for (uint32_t i = 0; i < 4; i++)
		add_table(&t, i);
	for (uint32_t number = 1; number < 5; number++)
		loaded += evp_file_tables_load(&t, number, &m);
	ok(loaded == 8 && nevicted == 2, "and there is room for four");
	evp_file_tables_release(&t);
}

int main(void)
{
	struct evp_bpf_tables *t;

	if (!make_maps())
		return skip_all("no BPF here");
	if (evp_bpf_tables_new(&t, pool, mappings, processes))
		return 1;
	published(t);
	files(t);
	evp_bpf_tables_free(t);
	return done_testing();
}

#else

int main(void)
{
	return skip_all("no BPF here");
}

#endif
