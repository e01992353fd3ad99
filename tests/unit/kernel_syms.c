// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of kernel addresses: from a tree made here, and from the machine it runs on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "record/kernel_syms.h"
#include "base/mem.h"
#include "tap.h"

static char root[64];

static void put(const char *path, const void *bytes, size_t len)
{
	char full[256], *slash;
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	f = fopen(full, "w");
	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f))
		exit(2);
}

static void puts_to(const char *path, const char *text)
{
	put(path, text, strlen(text));
}

static const char kallsyms[] = "0000000000000000 A fixed_percpu_data\n"
			       "0000000000001000 A cpu_tss_rw\n"
			       "ffffffff81000000 T _text\n"
			       "ffffffff81000000 T startup_64\n"
			       "ffffffff81000000 T _stext\n"
			       "ffffffff81000100 T __pfx_do_work\n"
			       "ffffffff81000110 T do_work\n"
			       "ffffffff81000110 t __do_work_alias\n"
			       "ffffffff81000200 D jiffies\n"
			       "not a line at all\n"
			       "ffffffff81000300 W weak_one\n"
			       "ffffffff81000400 T last\n"
			       "ffffffff81001000 T _etext\n"
			       "ffffffff81002000 T _sinittext\n"
			       "ffffffff81002100 t early_init\n"
			       "ffffffffc0a01010 t ext4_read\t[ext4]\n"
			       "ffffffffc0a01800 t ext4_write\t[ext4]\n"
			       "ffffffffc0a00010 t ext4_noinstr\t[ext4]\n"
			       "ffffffffc0201000 t ftrace_trampoline\t[__builtin__ftrace]\n"
			       "ffffffffc0300000 t bpf_prog_aa_one\t[bpf]\n"
			       "ffffffffc0300100 t bpf_prog_bb_two\t[bpf]\n"
			       "ffffffff81000500 T cut_here";

static const char notes[] = "\4\0\0\0\2\0\0\0\1\0\0\0XXX\0ab\0\0" /* another note, padded */
			    "\4\0\0\0\4\0\0\0\3\0\0\0GNU\0\xde\xad\xbe\xef";

static void make_tree(void)
{
	strcpy(root, "/tmp/evp-unit.XXXXXX");
	if (!mkdtemp(root))
		exit(2);
	puts_to("/proc/kallsyms", kallsyms);
	puts_to("/proc/modules",
		"ext4 8192 1 - Live 0xffffffffc0a00000 (E)\nhidden 1 0 - Live 0x0\n"
		"short line\n");
	put("/sys/kernel/notes", notes, sizeof(notes) - 1);
	puts_to("/sys/module/ext4/sections/.text", "0xffffffffc0a01000\n");
	put("/sys/module/ext4/notes/.note.gnu.build-id", notes, sizeof(notes) - 1);
}

static void remove_tree(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	if (system(command))
		printf("# cannot remove '%s'\n", root);
}

static int is(struct evp_kernel_syms *ks, uint64_t address, enum evp_location_kind kind,
	      uint64_t offset, const char *name)
{
	struct evp_kernel_place p;

	evp_kernel_syms_lookup(ks, address, &p);
	if (p.kind == kind && p.offset == offset &&
	    !strcmp(p.name ? p.name : "", name ? name : "") &&
	    (kind != EVP_LOC_UNKNOWN || name || p.reason))
		return 1;
	printf("# %#llx: kind %d offset %#llx name %s reason %s\n", (unsigned long long)address,
	       p.kind, (unsigned long long)p.offset, p.name ? p.name : "-",
	       p.reason ? p.reason : "-");
	return 0;
}

static void of_the_tree(void)
{
	struct evp_kernel_place p;
	struct evp_kernel_syms *ks;

	if (evp_kernel_syms_new(&ks, root))
		exit(2);
	ok(!evp_kernel_syms_reason(ks), "a tree that shows everything");
	ok(is(ks, 0xffffffff81000000, EVP_LOC_KERNEL, 0, "startup_64"),
	   "a function before a marker");
	ok(is(ks, 0xffffffff81000108, EVP_LOC_KERNEL, 0x108, "__pfx_do_work"), "padding");
	ok(is(ks, 0xffffffff81000110, EVP_LOC_KERNEL, 0x110, "do_work"),
	   "a global before an alias");
	ok(is(ks, 0xffffffff810002ff, EVP_LOC_KERNEL, 0x2ff, "do_work"),
	   "data is no symbol of text");
	ok(is(ks, 0xffffffff81000fff, EVP_LOC_KERNEL, 0xfff, "last"), "up to _etext");
	ok(is(ks, 0xffffffff81001000, EVP_LOC_UNKNOWN, 0xffffffff81001000, NULL),
	   "not from _etext on");
	ok(is(ks, 0xffffffff81002100, EVP_LOC_UNKNOWN, 0xffffffff81002100, NULL), "not freed text");
	ok(is(ks, 0x1000, EVP_LOC_UNKNOWN, 0x1000, NULL), "not a per-CPU offset");
	ok(is(ks, 0xffffffffc0a01820, EVP_LOC_MODULE, 0x820, "ext4_write"),
	   "a module, from its .text");
	ok(is(ks, 0xffffffffc0a00018, EVP_LOC_UNKNOWN, 0xffffffffc0a00018, "ext4_noinstr"),
	   "text of a module before its .text: a name, no offset");
	ok(is(ks, 0xffffffffc0a02000, EVP_LOC_UNKNOWN, 0xffffffffc0a02000, NULL),
	   "behind a module");
	ok(is(ks, 0xffffffffc0300010, EVP_LOC_BPF, 0x10, "bpf_prog_aa_one"), "a BPF program");
	ok(is(ks, 0xffffffffc0201004, EVP_LOC_UNKNOWN, 0xffffffffc0201004, "ftrace_trampoline"),
	   "a trampoline");
	evp_kernel_syms_lookup(ks, 0xffffffff81000110, &p);
	ok(p.image && p.image->build_id_len == 4 &&
		   !memcmp(p.image->build_id, "\xde\xad\xbe\xef", 4) &&
		   !strcmp(p.image->name, "[kernel]"),
	   "the kernel's build ID");
	evp_kernel_syms_lookup(ks, 0xffffffffc0a01820, &p);
	ok(p.image && p.image->build_id_len == 4 && !strcmp(p.image->name, "[ext4]"),
	   "the module's build ID");
	evp_kernel_syms_ksymbol(ks, 0xffffffffc0300100, 0x80, "bpf_prog_bb_two", true, true);
	ok(is(ks, 0xffffffffc0300110, EVP_LOC_BPF, 0x10, "bpf_prog_bb_two"), "gone, still named");
	evp_kernel_syms_ksymbol(ks, 0xffffffffc0300080, 0x100, "bpf_prog_cc_new", true, false);
	ok(is(ks, 0xffffffffc0300110, EVP_LOC_BPF, 0x90, "bpf_prog_cc_new") &&
		   is(ks, 0xffffffffc030007f, EVP_LOC_BPF, 0x7f, "bpf_prog_aa_one") &&
		   is(ks, 0xffffffffc0300180, EVP_LOC_UNKNOWN, 0xffffffffc0300180, NULL),
	   "replaced by a new one");
	ok(evp_kernel_syms_ksymbol(ks, UINT64_MAX - 8, 100, "x", true, false) == -EINVAL,
	   "a range past the end of addresses");
	evp_kernel_syms_free(ks);
}

static void without_rights(void)
{
	struct evp_kernel_syms *ks;

	puts_to("/proc/kallsyms", "0000000000000000 A a\n0000000000000000 T _text\n"
				  "0000000000000000 T f\n0000000000000000 T _etext\n");
	if (evp_kernel_syms_new(&ks, root))
		exit(2);
	ok(is(ks, 0xffffffff81000110, EVP_LOC_UNKNOWN, 0xffffffff81000110, NULL) &&
		   !strcmp(evp_kernel_syms_reason(ks), "kptr-restrict"),
	   "zeros: kptr-restrict, no names");
	evp_kernel_syms_free(ks);
	if (evp_kernel_syms_new(&ks, "/nonexistent"))
		exit(2);
	ok(!strcmp(evp_kernel_syms_reason(ks), "no-kallsyms"), "no file");
	evp_kernel_syms_free(ks);
}

static double ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Each symbol of /proc/kallsyms that is text must be found again under a name of its address. */
static void of_this_machine(void)
{
	unsigned long long addr, text = 0, etext = 0;
	char type, name[512], line[600];
	long found = 0, wrong = 0;
	struct evp_kernel_syms *ks;
	struct evp_kernel_place p;
	double before = ms();
	FILE *f;

	if (evp_kernel_syms_new(&ks, ""))
		exit(2);
	if (evp_kernel_syms_reason(ks)) {
		skip("this machine", "hides its kernel's addresses");
		goto out;
	}
	before = ms() - before;
	printf("# loading takes %.1f ms of CPU time\n", before);
	f = fopen("/proc/kallsyms", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (strchr(line, '[') || sscanf(line, "%llx %c %500s", &addr, &type, name) != 3)
			continue;
		text = !strcmp(name, "_text") ? addr : text;
		etext = !strcmp(name, "_etext") ? addr : etext;
		if (!strchr("tTwW", type) || !text || etext)
			continue;
		evp_kernel_syms_lookup(ks, addr, &p);
		found += p.kind == EVP_LOC_KERNEL && p.offset == addr - text &&
			 p.symbol_start == addr;
		wrong += p.kind != EVP_LOC_KERNEL || p.symbol_start != addr;
	}
	if (f)
		fclose(f);
	ok(found > 1000 && !wrong, "every kernel function of this machine is found");
out:
	evp_kernel_syms_free(ks);
}

int main(void)
{
	make_tree();
	of_the_tree();
	without_rights();
	remove_tree();
	of_this_machine();
	return done_testing();
}
