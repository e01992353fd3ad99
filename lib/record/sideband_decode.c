// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/sideband.h"

#include <string.h>

/* Bodies as perf_event_open(2) has them, behind the header and before the trailer. */
struct mmap_body {
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
};

struct mmap2_body {
	struct mmap_body base;
	uint32_t major, minor;
	uint64_t inode, generation;
	uint32_t prot, flags;
};

struct task_body {
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};

struct ksymbol_body {
	uint64_t addr;
	uint32_t len;
	uint16_t type, flags;
};

struct trailer { /* EVP_SB_SAMPLE_TYPE */
	uint32_t pid, tid;
	uint64_t time_ns;
	uint32_t cpu, reserved;
};

struct body {
	const uint8_t *p;
	size_t len;
};

/* Takes a fixed part off the front, by copy: a record in a ring need not be aligned. */
static int take(struct body *b, void *to, size_t len)
{
	if (b->len < len)
		return -EBADMSG;
	memcpy(to, b->p, len);
	b->p += len;
	b->len -= len;
	return 0;
}

/* The rest of the body is a string, padded with NULs; at least one must be there. */
static int take_name(struct body *b, struct evp_sideband_event *e)
{
	const uint8_t *end = memchr(b->p, 0, b->len);

	if (!end)
		return -EBADMSG;
	e->name = (const char *)b->p;
	e->name_len = (uint32_t)(end - b->p);
	return 0;
}

static void set_range(struct evp_sideband_event *e, const struct mmap_body *m)
{
	e->type = EVP_SB_MMAP;
	e->pid = (pid_t)m->pid;
	e->tid = (pid_t)m->tid;
	e->addr = m->addr;
	e->len = m->len;
	e->pgoff = m->pgoff;
}

static int decode_mmap(struct body *b, struct evp_sideband_event *e)
{
	struct mmap_body m;
	int rc = take(b, &m, sizeof(m));

	if (rc)
		return rc;
	set_range(e, &m);
	return take_name(b, e);
}

/*
 * PERF_RECORD_MISC_MMAP_BUILD_ID is not looked at: nobody asked for build IDs, and where the mark is
 * set nevertheless, it is another program's (see side_attr).
 */
static int decode_mmap2(struct body *b, struct evp_sideband_event *e)
{
	struct mmap2_body m;
	int rc = take(b, &m, sizeof(m));

	if (rc)
		return rc;
	set_range(e, &m.base);
	e->prot = m.prot;
	e->flags = m.flags;
	e->dev_major = m.major;
	e->dev_minor = m.minor;
	e->inode = m.inode;
	e->inode_generation = m.generation;
	return take_name(b, e);
}

static int decode_comm(struct body *b, uint16_t misc, struct evp_sideband_event *e)
{
	uint32_t ids[2];
	int rc = take(b, ids, sizeof(ids));

	if (rc)
		return rc;
	e->type = EVP_SB_COMM;
	e->pid = (pid_t)ids[0];
	e->tid = (pid_t)ids[1];
	e->is_exec = misc & PERF_RECORD_MISC_COMM_EXEC;
	return take_name(b, e);
}

static int decode_task(struct body *b, uint32_t type, struct evp_sideband_event *e)
{
	struct task_body t;
	int rc = take(b, &t, sizeof(t));

	if (rc)
		return rc;
	e->type = type == PERF_RECORD_FORK ? EVP_SB_FORK : EVP_SB_EXIT;
	e->pid = (pid_t)t.pid;
	e->tid = (pid_t)t.tid;
	e->ppid = (pid_t)t.ppid;
	e->ptid = (pid_t)t.ptid;
	return 0;
}

static int decode_ksymbol(struct body *b, struct evp_sideband_event *e)
{
	struct ksymbol_body k;
	int rc = take(b, &k, sizeof(k));

	if (rc)
		return rc;
	e->type = EVP_SB_KSYMBOL;
	e->addr = k.addr;
	e->len = k.len;
	e->is_bpf = k.type == PERF_RECORD_KSYMBOL_TYPE_BPF;
	e->is_unregister = k.flags & PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER;
	return take_name(b, e);
}

static int decode_cgroup(struct body *b, struct evp_sideband_event *e)
{
	int rc = take(b, &e->cgroup_id, sizeof(e->cgroup_id));

	if (rc)
		return rc;
	e->type = EVP_SB_CGROUP;
	return take_name(b, e);
}

static int decode_lost(struct body *b, struct evp_sideband_event *e)
{
	uint64_t id_and_lost[2];
	int rc = take(b, id_and_lost, sizeof(id_and_lost));

	if (rc)
		return rc;
	e->type = EVP_SB_LOST;
	e->lost = id_and_lost[1];
	return 0;
}

static int decode_body(const struct perf_event_header *h, struct body *b,
		       struct evp_sideband_event *e)
{
	switch (h->type) {
	case PERF_RECORD_MMAP:
		return decode_mmap(b, e);
	case PERF_RECORD_MMAP2:
		return decode_mmap2(b, e);
	case PERF_RECORD_COMM:
		return decode_comm(b, h->misc, e);
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		return decode_task(b, h->type, e);
	case PERF_RECORD_KSYMBOL:
		return decode_ksymbol(b, e);
	case PERF_RECORD_CGROUP:
		return decode_cgroup(b, e);
	case PERF_RECORD_LOST:
		return decode_lost(b, e);
	}
	return -ENOENT;
}

int evp_sideband_decode(const void *record, size_t len, struct evp_sideband_event *ret_event)
{
	struct evp_sideband_event e = { .name = "" };
	struct perf_event_header h;
	struct trailer t;
	struct body b;
	int rc;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, record, sizeof(h));
	if (h.size > len || h.size < sizeof(h) + sizeof(t))
		return -EBADMSG;
	b.p = (const uint8_t *)record + sizeof(h);
	b.len = h.size - sizeof(h) - sizeof(t);
	memcpy(&t, b.p + b.len, sizeof(t));
	if (t.time_ns > INT64_MAX)
		return -EBADMSG;
	rc = decode_body(&h, &b, &e);
	if (rc)
		return rc;
	e.time_ns = (int64_t)t.time_ns;
	e.cpu = t.cpu;
	*ret_event = e;
	return 0;
}
