// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The unwind table of a file as text, for comparison with readelf's interpretation: a line a row,
 * address, CFA, rbp, return address and rbx, as readelf spells them.
 *
 *	unwind_rows FILE
 *	unwind_rows -d DEBUGFILE FILE	with this separate debug file
 *	unwind_rows -t N FILE...	nothing but the time and rows of N compilations each
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "unwind/compile.h"

static const char *const reg_name[16] = { "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
					  "r8",	 "r9",	"r10", "r11", "r12", "r13", "r14", "r15" };

static void print_cfa(const struct evp_unwind_rule *r)
{
	const char *reg = r->cfa == EVP_CFA_SP || r->cfa == EVP_CFA_DEREF_SP ||
					  r->cfa == EVP_CFA_PLT
				  ? "rsp"
			  : r->cfa == EVP_CFA_FP || r->cfa == EVP_CFA_LANDING ||
					  r->cfa == EVP_CFA_DEREF_FP
				  ? "rbp"
				  : reg_name[r->reg];

	switch (r->cfa) {
	case EVP_CFA_SP:
	case EVP_CFA_FP:
	case EVP_CFA_LANDING:
	case EVP_CFA_REG:
		printf("%s%+d", reg, r->cfa_off);
		break;
	case EVP_CFA_DEREF_SP:
	case EVP_CFA_DEREF_FP:
	case EVP_CFA_DEREF_REG:
		printf("*(%s%+d)%+d", reg, r->cfa_off, r->cfa_add);
		break;
	case EVP_CFA_PLT:
		printf("plt(%d)%+d", r->cfa_add, r->cfa_off);
		break;
	default:
		fputs(r->cfa == EVP_CFA_NONE	 ? "none"
		      : r->cfa == EVP_CFA_END	 ? "end"
		      : r->cfa == EVP_CFA_SIGNAL ? "signal"
						 : "unknown",
		      stdout);
	}
}

static void print_row(uint64_t vaddr, const struct evp_unwind_rule *r)
{
	static const char *const base[] = { "s", "c", "rsp", "rbp" };

	printf("%" PRIx64 " ", vaddr);
	print_cfa(r);
	printf(" %s", base[r->fp]);
	if (r->fp != EVP_FP_SAME)
		printf("%+d", r->fp_off);
	if (r->ra == EVP_RA_REG)
		printf(" %s", reg_name[r->ra_off]);
	else
		printf(" c%+d", r->ra_off);
	if (r->bx_off == EVP_BX_OFF_LOST)
		printf(" lost\n");
	else if (r->bx_off)
		printf(" c%+d\n", r->bx_off);
	else
		printf(" s\n");
}

static void print_table(const struct evp_unwind_table *t)
{
	uint32_t page, i;

	for (page = 0; page < t->npages; page++) {
		const uint32_t *words = &t->word[page * EVP_UNWIND_PAGE_WORDS];
		uint64_t at = (t->first_page + page) << EVP_UNWIND_PAGE_BITS;
		const struct evp_unwind_row *row =
			(const void *)&t->word[words[0] + EVP_UNWIND_INDEX_WORDS];

		if (!words[1])
			printf("%" PRIx64 " none s c+0 s\n", at);
		for (i = 0; i < words[1]; i++)
			print_row(at + row[i].low, evp_unwind_table_rule(t, row[i].rule));
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int measure(const char *path, int fd, int times)
{
	double best = 1e9, start;
	struct evp_unwind_table t;
	struct evp_err err;
	int i;

	for (i = 0; i < times; i++) {
		start = now();
		if (evp_unwind_compile_fd(fd, &t, &err)) {
			fprintf(stderr, "%s: %s\n", path, err.msg);
			return 2;
		}
		if (now() - start < best)
			best = now() - start;
		if (i + 1 < times)
			evp_unwind_table_release(&t);
	}
	printf("%s\t%.2f ms\t%u rows\t%.1f Mrows/s\t%u rules\t%u words\t%u pages\t%u inexact\n",
	       path, best * 1e3, t.nrows, t.nrows / best / 1e6, t.nrules, t.nwords, t.npages,
	       evp_unwind_table_inexact(&t));
	evp_unwind_table_release(&t);
	return 0;
}

static int print_file(const char *path, int fd, int debug)
{
	struct evp_debug_file wanted;
	struct evp_unwind_table t;
	struct evp_err err;
	int rc = debug < 0 ? evp_unwind_compile_fd(fd, &t, &err)
			   : evp_unwind_compile_with(fd, debug, &t, &wanted, &err);

	if (!rc)
		rc = evp_unwind_table_check(&t, &err);
	if (rc) {
		fprintf(stderr, "%s: %s\n", path, err.msg);
		return 2;
	}
	print_table(&t);
	evp_unwind_table_release(&t);
	return 0;
}

static int open_or_exit(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return fd;
}

int main(int argc, char **argv)
{
	int times = argc > 3 && !strcmp(argv[1], "-t") ? atoi(argv[2]) : 0;
	int debug = argc > 3 && !strcmp(argv[1], "-d") ? open_or_exit(argv[2]) : -1;
	int i, fd, rc = 0;

	for (i = times || debug >= 0 ? 3 : 1; i < argc && !rc; i++) {
		fd = open_or_exit(argv[i]);
		rc = times ? measure(argv[i], fd, times) : print_file(argv[i], fd, debug);
		close(fd);
	}
	return rc;
}
