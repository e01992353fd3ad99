// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of a mapped file: made once, and not while files that took too long are paid for. */
#include <stdbool.h>
#include <unistd.h>

#include "base/text.h"
#include "record/file_tables.h"
#include "record/process_read.h"
#include "tap.h"

int main(void)
{
	struct evp_procs procs;
	struct evp_file_tables t;
	const struct evp_mapping *m;
	const struct evp_proc *p;
	uint64_t bias = 0;
	uint32_t number = 0;

	evp_procs_init(&procs);
	p = evp_procs_scan_pid(&procs, getpid());
	m = p ? evp_mappings_find(p->maps, (uintptr_t)&main) : NULL;
	if (!m || !m->file || evp_file_tables_init(&t, NULL, NULL)) {
		return skip_all("our own mappings cannot be read");
	}
	evp_files_resolve(m->file, p->pid, p->kin, m->start, m->end);
	ok(evp_file_tables_kind(&t, m, &bias, &number) == EVP_CODE_PENDING && number,
	   "a file has a number before it has a table");
	t.debt_ns = INT64_MAX / 2;
	ok(evp_file_tables_late(&t) && !evp_file_tables_get(&t, number, p, m),
	   "none is made while too much is owed");
	t.debt_ns = 0;
	ok(evp_file_tables_get(&t, number, p, m) && t.made == 1, "afterwards it is");
	t.debt_ns = INT64_MAX / 2;
	ok(evp_file_tables_get(&t, number, p, m) && t.made == 1, "what is there needs no making");
	evp_file_tables_release(&t);
	evp_procs_release(&procs);
	return done_testing();
}
