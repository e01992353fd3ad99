// SPDX-License-Identifier: GPL-2.0-or-later
/* What /proc says, in its own odd spellings, and what it must not make us believe. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/cpus.h"
#include "record/proc_scan.h"
#include "tap.h"

static int cgroup_is(const char *text, const char *wanted)
{
	struct evp_str out = { 0 };
	int good;

	evp_proc_parse_cgroup(text, &out);
	good = out.buf && !strcmp(out.buf, wanted);
	evp_str_release(&out);
	return good;
}

static int map(const char *text, struct evp_proc_map *ret)
{
	static char line[512];

	snprintf(line, sizeof(line), "%s", text);
	return evp_proc_parse_map(line, ret);
}

static int count_map(void *arg, const struct evp_proc_map *m)
{
	*(int *)arg += (uintptr_t)count_map >= m->start && (uintptr_t)count_map < m->end;
	return 0;
}

/* A process in a pid namespace within another: each has a number for it. */
static void test_ns_pid(void)
{
	char dir[] = "/tmp/evp-unit-XXXXXX", path[64];
	FILE *f;

	if (!mkdtemp(dir))
		exit(2);
	snprintf(path, sizeof(path), "%s/status", dir);
	f = fopen(path, "w");
	if (!f || fputs("Name:\tx\nNSpid:\t1234\t56\t7\nNSpgid:\t1234\t56\t8\n", f) < 0 ||
	    fclose(f))
		exit(2);
	ok(evp_proc_read_ns_pid(dir) == 7, "the innermost number in pid namespaces");
	unlink(path);
	rmdir(dir);
}

static void test_stat(void)
{
	struct evp_proc_stat s;
	char dir[64];

	ok(!evp_proc_parse_stat(
		   "12 (a) b (c) R 7 12 12 0 -1 4194304 1 0 0 0 1 2 0 0 20 0 1 0 500 9", &s) &&
		   !strcmp(s.comm, "a) b (c") && s.ppid == 7 && !s.kernel_thread &&
		   s.start_ns == 500 * (1000000000LL / sysconf(_SC_CLK_TCK)),
	   "stat: a name with parentheses");
	ok(!evp_proc_parse_stat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 1 0",
				&s) &&
		   s.kernel_thread,
	   "stat: a kernel thread");
	ok(!evp_proc_parse_stat(
		   "2 (0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef) S 3 0 0 0 "
		   "-1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 1 0",
		   &s) &&
		   !strcmp(s.comm,
			   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde") &&
		   s.ppid == 3,
	   "stat: a name longer than a process may give itself");
	ok(evp_proc_parse_stat("12 (a) R 7", &s) == -EBADMSG &&
		   evp_proc_parse_stat("", &s) == -EBADMSG &&
		   evp_proc_parse_stat(")(", &s) == -EBADMSG,
	   "stat: cut short");
	snprintf(dir, sizeof(dir), "/proc/%d", getpid());
	ok(!evp_proc_read_stat(dir, &s) && s.ppid == getppid(), "stat: our own");
	ok(evp_proc_read_ns_pid(dir) > 0, "a number in our own pid namespace");
	ok(evp_proc_read_stat("/proc/999999999", &s) < 0, "stat: nobody's");
}

static void test_maps(void)
{
	struct evp_proc_map m;
	int own = 0;

	ok(map("7f00-7f10 r-xp 00002000 08:01 77                         /usr/lib/a b.so\n", &m) ==
			   1 &&
		   m.start == 0x7f00 && m.end == 0x7f10 && m.pgoff == 0x2000 && m.dev_major == 8 &&
		   m.dev_minor == 1 && m.inode == 77 && !strcmp(m.name, "/usr/lib/a b.so"),
	   "maps: a file");
	ok(map("7f00-7f10 rwxp 00000000 00:00 0 \n", &m) == 1 && !m.name[0], "maps: memory");
	ok(map("7f00-7f10 rw-p 00000000 00:00 0 [heap]\n", &m) == 0, "maps: not executable");
	ok(map("7f10-7f00 r-xp 0 0:0 0", &m) == -EBADMSG && map("7f00-7f10 r", &m) == -EBADMSG &&
		   map("", &m) == -EBADMSG && map("zz", &m) == -EBADMSG &&
		   map("7f00-7f10 r-xp 0 0:0 x", &m) == -EBADMSG &&
		   map("ffffffffffffffffff-7f10 r-xp 0 0:0 0", &m) == -EBADMSG,
	   "maps: broken");
	ok(!evp_proc_read_maps("/proc/self", count_map, &own) && own == 1, "maps: our own");
}

int main(void)
{
	struct evp_cpus cpus = { 0 };

	test_stat();
	test_ns_pid();
	test_maps();
	ok(cgroup_is("0::/user.slice/a:b\n", "/user.slice/a:b"), "cgroup: v2");
	ok(cgroup_is("2:cpu:/\n1:memory:/docker/abc\n0::/\n", "/docker/abc"), "cgroup: v1");
	ok(cgroup_is("2:cpu:/x/y\n0::/a\n", "/a"), "cgroup: v2 before v1");
	ok(cgroup_is("0::/a/b (deleted)\n", "/a/b"), "cgroup: removed");
	ok(cgroup_is("", "/") && cgroup_is("nonsense", "/") && cgroup_is("1:", "/"),
	   "cgroup: none");

	ok(!evp_cpus_parse(&cpus, "0-2,5\n") && cpus.n == 6 && cpus.on[2] && !cpus.on[3] &&
		   cpus.on[5],
	   "cpus: a list");
	ok(evp_cpus_parse(&cpus, "") && evp_cpus_parse(&cpus, "3-1") &&
		   evp_cpus_parse(&cpus, "0-99999999") && evp_cpus_parse(&cpus, "1,x") &&
		   evp_cpus_parse(&cpus, "0-18446744073709551616"),
	   "cpus: no list");
	evp_cpus_release(&cpus);
	return done_testing();
}
