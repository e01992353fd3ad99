// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of a mapped file: made once, and not while files that took too long are paid for. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "record/file_tables.h"
#include "record/process_read.h"
#include "tap.h"

static int own_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	*(uint64_t *)arg = info->dlpi_addr;
	return 1; /* the program itself is the first */
}

/* /bin/true as if made for another machine, mapped as code. */
static void *map_foreign(void)
{
	static const uint16_t arm = 40;
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC), to;
	char path[] = "/tmp/evp-unit-XXXXXX";
	void *at = MAP_FAILED;
	struct stat st;

	to = mkstemp(path);
	if (from >= 0 && to >= 0 && !fstat(from, &st) &&
	    sendfile(to, from, NULL, (size_t)st.st_size) == st.st_size &&
	    pwrite(to, &arm, sizeof(arm), offsetof(Elf64_Ehdr, e_machine)) == sizeof(arm))
		at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, to, 0);
	unlink(path);
	close(from);
	close(to);
	return at;
}

static void without_table(struct evp_file_tables *t, struct evp_procs *procs)
{
	void *at = map_foreign();
	const struct evp_proc *p = evp_procs_scan_pid(procs, getpid());
	const struct evp_mapping *m = p ? evp_mappings_find(p->maps, (uintptr_t)at) : NULL;
	uint64_t bias;
	uint32_t number = 0;

	if (!m || !m->file) {
		ok(false, "another machine's program, mapped");
		return;
	}
	evp_files_resolve(m->file, p->pid, p->kin, m->start, m->end);
	evp_file_tables_kind(t, m, &bias, &number);
	for (int i = 0; number && i < 3; i++)
		ok(!evp_file_tables_get(t, number, p, m) && t->failed == 1,
		   i ? "nor tried again" : "what cannot have a table gets none");
	ok(evp_file_tables_kind(t, m, &bias, &number) == EVP_CODE_UNKNOWN,
	   "and is known to have none");
}

/* Whether what is at this path can be had for a file that was mapped from there. */
static bool opens(struct evp_procs *procs, const char *path)
{
	struct evp_mapped_file *file;
	struct stat st;
	int fd;

	if (stat(path, &st) ||
	    evp_files_get(&procs->files, &(struct evp_file_key){ .path = path, .inode = st.st_ino },
			  INT64_MAX / 2, &file))
		exit(2);
	fd = evp_files_open(file, getpid(), (pid_t[EVP_KIN]){ 0 }, 1, 2);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* To look at a FIFO or a device may have effects. */
static void of_no_file(struct evp_procs *procs)
{
	char dir[] = "/tmp/evp-unit-XXXXXX", path[64];

	if (!mkdtemp(dir))
		exit(2);
	snprintf(path, sizeof(path), "%s/x", dir);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ok(opens(procs, path), "a file by its path");
	unlink(path);
	if (mkfifo(path, 0600))
		exit(2);
	ok(!opens(procs, path), "not a FIFO");
	unlink(path);
	rmdir(dir);
}

/* A server that is gone for a while must not cost the file its table for ever. */
static void on_silent_device(struct evp_file_tables *t, uint32_t number, const struct evp_proc *p,
			     const struct evp_mapping *m)
{
	struct evp_mapped_file was = *m->file;
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	m->file->device->child = child;
	m->file->path = "/proc/none"; /* which is not local anywhere */
	m->file->dev_major = 0;
	m->file->dev_minor = 0xfffff;
	for (int i = 0; i < 32; i++)
		if (evp_file_tables_get(t, number, p, m))
			ok(false, "a table of a device that does not answer");
	ok(m->file->silent, "a device does not answer while its child does not come back");
	kill(child, SIGKILL);
	m->file->path = was.path;
	m->file->dev_major = was.dev_major;
	m->file->dev_minor = was.dev_minor;
}

int main(void)
{
	struct evp_procs procs;
	struct evp_file_tables t;
	const struct evp_mapping *m;
	struct evp_mapping part;
	const struct evp_proc *p;
	uint64_t bias = 0, own = 1;
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
	dl_iterate_phdr(own_bias, &own);
	ok(bias == own, "and lies where the dynamic linker says");
	part = *m;
	part.start += 0x1000; /* as mprotect leaves it of a segment */
	part.end += 0x1000;
	part.pgoff += 0x1000;
	ok(evp_file_tables_kind(&t, &part, &bias, &number) == EVP_CODE_PENDING && bias == own,
	   "so does a part of it");
	t.debt_ns = INT64_MAX / 2;
	ok(evp_file_tables_late(&t) && !evp_file_tables_get(&t, number, p, m),
	   "none is made while too much is owed");
	t.debt_ns = 10500000000;
	t.debt_at_ns = evp_clock_ns(CLOCK_MONOTONIC);
	ok(evp_file_tables_late(&t), "or ten seconds are");
	t.debt_at_ns -= 8000000000;
	ok(!evp_file_tables_late(&t), "of which a quarter of the time since is paid");
	t.debt_ns = 0;
	on_silent_device(&t, number, p, m);
	ok(evp_file_tables_get(&t, number, p, m) && t.made == 1, "afterwards it is");
	t.debt_ns = INT64_MAX / 2;
	ok(evp_file_tables_get(&t, number, p, m) && t.made == 1, "what is there needs no making");
	t.debt_ns = 0;
	without_table(&t, &procs);
	of_no_file(&procs);
	evp_file_tables_release(&t);
	evp_procs_release(&procs);
	return done_testing();
}
