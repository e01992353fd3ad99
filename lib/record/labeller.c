// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/labeller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "record/cgroup_path.h"
#include "record/proc_scan.h"
#include "record/process_text.h"
#include "record/relabel.h"
#include "stream/service.h"

#define MAX_SLOTS     65536 /* threads of a process that are remembered */
#define SAME_START_NS 100000000
#define ENV_LABEL     "env_"

/* What can be known of a sample; the first ones are labels by name too. */
enum fact {
	PPID = EVP_LABEL_IDS,
	CMDLINE,
	EXE_NAME,
	RUNTIME,
	DOCKER_ID,
	CONTAINERD_ID,
	BUILDKIT_ID,
	LXC_ID,
	KERNEL_RELEASE,
	MACHINE,
	FACTS
};

static const struct {
	const char *label, *meta;
} names[FACTS] = {
	[EVP_LABEL_COMM] = { "comm", "__meta_process_comm" },
	[EVP_LABEL_THREAD] = { "thread", "__meta_thread_comm" },
	[EVP_LABEL_PID] = { "pid", "__meta_process_pid" },
	[EVP_LABEL_TID] = { "tid", "__meta_thread_id" },
	[EVP_LABEL_CPU] = { "cpu", "__meta_cpu" },
	[EVP_LABEL_EXE] = { "exe", "__meta_process_executable_path" },
	[EVP_LABEL_BUILD_ID] = { "build_id", "__meta_process_executable_build_id" },
	[EVP_LABEL_CGROUP] = { "cgroup", "__meta_process_cgroup" },
	[EVP_LABEL_CONTAINER] = { "container", "__meta_container_id" },
	[EVP_LABEL_POD] = { "pod", "__meta_kubernetes_pod_uid" },
	[EVP_LABEL_NAMESPACE] = { "namespace", "__meta_kubernetes_namespace" },
	[EVP_LABEL_UNIT] = { "unit", "__meta_systemd_unit" },
	[EVP_LABEL_SLICE] = { "slice", "__meta_systemd_slice" },
	[EVP_LABEL_SERVICE] = { "service", "__meta_service" },
	[PPID] = { NULL, "__meta_process_ppid" },
	[CMDLINE] = { NULL, EVP_CMDLINE_META },
	[EXE_NAME] = { NULL, "__meta_process_executable_name" },
	[RUNTIME] = { NULL, "__meta_container_runtime" },
	[DOCKER_ID] = { NULL, "__meta_docker_container_id" },
	[CONTAINERD_ID] = { NULL, "__meta_containerd_container_id" },
	[BUILDKIT_ID] = { NULL, "__meta_docker_build_kit_container_id" },
	[LXC_ID] = { NULL, "__meta_lxc_container_id" },
	[KERNEL_RELEASE] = { NULL, "__meta_system_kernel_release" },
	[MACHINE] = { NULL, "__meta_system_kernel_machine" },
};

/* What is remembered with a process. */
struct evp_proc_labels {
	uint64_t identity, epoch;
	uint64_t one;	     /* the slot, where nothing but the process matters */
	struct evp_map many; /* else the slots by thread, its name, CPU */
	bool was_read;
	uint32_t read_generation;
	struct evp_labels read; /* environment and command line of that exec */
};

void evp_proc_labels_free(struct evp_proc_labels *pl)
{
	if (!pl)
		return;
	evp_map_release(&pl->many);
	evp_labels_release(&pl->read);
	free(pl);
}

/* ---- what was chosen ---- */

static int unknown_label(const char *name, size_t len, struct evp_err *err)
{
	struct evp_str all = { 0 };

	for (int id = 0; id < EVP_LABEL_IDS; id++)
		evp_str_printf(&all, "%s%s", id ? ", " : "", names[id].label);
	evp_fail(err, EINVAL, "unknown label '%.*s'; there are %s", (int)len, name,
		 all.buf ? all.buf : "");
	evp_str_release(&all);
	return -EINVAL;
}

int evp_labels_choose(const char *list, uint32_t *ret_chosen, struct evp_err *err)
{
	bool changes = *list == '+' || *list == '-';
	uint32_t chosen = changes ? EVP_LABELS_DEFAULT : 0;

	while (*list) {
		size_t len = strcspn(list, ","), sign = *list == '+' || *list == '-';
		int id = 0;

		if (sign != changes)
			return evp_fail(err, EINVAL,
					"labels '%s': all of them with a sign, or none", list);
		while (id < EVP_LABEL_IDS &&
		       (strlen(names[id].label) != len - sign ||
			memcmp(names[id].label, list + sign, len - sign) != 0))
			id++;
		if (id == EVP_LABEL_IDS)
			return unknown_label(list + sign, len - sign, err);
		if (*list == '-')
			chosen &= ~(1u << id);
		else
			chosen |= 1u << id;
		list += len + (list[len] == ',');
	}
	*ret_chosen = chosen;
	return 0;
}

static int add_env(struct evp_labeller *l, struct evp_bytes name, struct evp_err *err)
{
	if (!evp_label_name_valid(name))
		return evp_fail(
			err, EINVAL,
			"'%.*s' is no variable to take; it has to be of letters, digits and _",
			(int)name.len, name.ptr);
	for (size_t i = 0; i < l->nenv; i++)
		if (evp_bytes_equal(l->env[i], name))
			return 0;
	if (l->nenv == EVP_ENV_MAX)
		return evp_fail(err, E2BIG, "more than %d environment variables", EVP_ENV_MAX);
	l->env[l->nenv++] = name;
	return 0;
}

/* A rule that names a variable asks for it as --env does, but makes no label of it by itself. */
static int add_read_env(struct evp_labeller *l, struct evp_err *err)
{
	const struct evp_relabel *r = l->opts.relabel;
	size_t head = strlen(EVP_ENV_META);
	int rc = 0;

	for (size_t i = 0; !rc && i < evp_relabel_nsources(r); i++) {
		struct evp_bytes name = evp_relabel_source(r, i);

		if (name.len > head && !memcmp(name.ptr, EVP_ENV_META, head))
			rc = add_env(l, (struct evp_bytes){ name.ptr + head, name.len - head },
				     err);
	}
	return rc;
}

static int check_fixed(const char *label, struct evp_err *err)
{
	const char *equals = strchr(label, '=');

	if (!equals || !evp_label_name_valid((struct evp_bytes){ label, (size_t)(equals - label) }))
		return evp_fail(
			err, EINVAL,
			"'%s' is no label; write KEY=VALUE, the key of letters, digits and _",
			label);
	return 0;
}

int evp_labeller_init(struct evp_labeller *l, const struct evp_labeller_opts *opts,
		      struct evp_err *err)
{
	struct utsname host;
	int rc = 0;

	*l = (struct evp_labeller){ .opts = *opts, .facts = opts->chosen };
	for (size_t i = 0; !rc && i < opts->nfixed; i++)
		rc = check_fixed(opts->fixed[i], err);
	for (size_t i = 0; !rc && i < opts->nenv; i++)
		rc = add_env(l, evp_text(opts->env[i]), err);
	l->opts.nenv = l->nenv;
	if (!rc && opts->relabel)
		rc = add_read_env(l, err);
	for (int id = 0; opts->relabel && id < FACTS; id++)
		if (evp_relabel_reads(opts->relabel, evp_text(names[id].meta)))
			l->read_facts |= 1u << id;
	l->facts |= l->read_facts;
	l->by_comm = l->facts >> EVP_LABEL_THREAD & 1;
	l->by_tid = l->facts >> EVP_LABEL_TID & 1;
	l->by_cpu = l->facts >> EVP_LABEL_CPU & 1;
	if (!uname(&host)) {
		snprintf(l->kernel_release, sizeof(l->kernel_release), "%s", host.release);
		snprintf(l->machine, sizeof(l->machine), "%s", host.machine);
	}
	return rc;
}

void evp_labeller_release(struct evp_labeller *l)
{
	evp_labels_release(&l->labels);
	evp_str_release(&l->scratch);
	free(l->out);
	*l = (struct evp_labeller){ 0 };
}

int evp_labeller_check(const struct evp_labeller_opts *opts, struct evp_err *err)
{
	struct evp_labeller l;
	int rc = evp_labeller_init(&l, opts, err);

	evp_labeller_release(&l);
	return rc;
}

bool evp_labeller_knows(struct evp_bytes name)
{
	size_t head = strlen(EVP_ENV_META);

	if (name.len < 7 || memcmp(name.ptr, "__meta_", 7) != 0 ||
	    (name.len > head && !memcmp(name.ptr, EVP_ENV_META, head)))
		return true;
	for (int id = 0; id < FACTS; id++)
		if (evp_bytes_equal(name, evp_text(names[id].meta)))
			return true;
	return false;
}

/* ---- the cache ---- */

uint64_t *evp_labeller_slot(struct evp_labeller *l, struct evp_proc *p,
			    const struct evp_raw_sample *s, uint64_t epoch)
{
	struct {
		char comm[16];
		uint32_t tid, cpu;
	} key = { .tid = l->by_tid ? (uint32_t)s->tid : 0, .cpu = l->by_cpu ? s->cpu : 0 };
	struct evp_proc_labels *pl = p->labels;

	if (!pl)
		pl = p->labels = calloc(1, sizeof(*pl));
	if (!pl)
		return NULL;
	if (pl->identity != p->identity || pl->epoch != epoch || pl->many.n >= MAX_SLOTS) {
		pl->identity = p->identity;
		pl->epoch = epoch;
		pl->one = 0;
		evp_map_release(&pl->many);
	}
	if (!l->by_comm && !l->by_tid && !l->by_cpu)
		return &pl->one;
	if (l->by_comm)
		memcpy(key.comm, s->comm, strnlen(s->comm, sizeof(s->comm)));
	return evp_map_at(&pl->many, evp_hash_bytes(&key, sizeof(key)), NULL);
}

/* ---- what is read of a process, once an exec ---- */

/* The number may be somebody else's by now. */
static bool still_runs(const struct evp_proc *p)
{
	struct evp_proc_stat stat;
	char dir[32];

	snprintf(dir, sizeof(dir), "/proc/%d", p->pid);
	return !p->exit_ns && !evp_proc_read_stat(dir, &stat) &&
	       (!p->start_ns || llabs(stat.start_ns - p->start_ns) < SAME_START_NS);
}

static void read_process(struct evp_labeller *l, struct evp_proc *p)
{
	struct evp_proc_labels *pl = p->labels;
	bool cmdline = l->facts >> CMDLINE & 1;

	if ((!l->nenv && !cmdline) || (pl->was_read && pl->read_generation == p->exec_generation))
		return;
	pl->was_read = true;
	pl->read_generation = p->exec_generation;
	evp_labels_clear(&pl->read);
	if (!still_runs(p))
		return;
	if (l->nenv)
		evp_process_read_env(p->pid, l->env, l->nenv, &pl->read);
	if (cmdline)
		evp_process_read_cmdline(p->pid, &pl->read);
}

/* ---- facts ---- */

static struct evp_bytes number(struct evp_labeller *l, int64_t v)
{
	evp_str_clear(&l->scratch);
	evp_str_i64(&l->scratch, v);
	return (struct evp_bytes){ l->scratch.buf, l->scratch.len };
}

/* Of the file that the process executes, where it is mapped. */
static struct evp_bytes build_id(struct evp_labeller *l, const struct evp_proc *p)
{
	const struct evp_mapping *m;

	evp_str_clear(&l->scratch);
	for (size_t i = 0; i < evp_mappings_count(p->maps); i++) {
		m = evp_mappings_item(p->maps, i);
		if (!m->file || strcmp(m->file->path, p->exe) != 0)
			continue;
		evp_files_resolve(m->file, p->pid, p->kin, m->start, m->end);
		for (uint32_t j = 0; j < m->file->id.build_id_len; j++)
			evp_str_printf(&l->scratch, "%02x", m->file->id.build_id[j]);
		break;
	}
	return (struct evp_bytes){ l->scratch.buf, l->scratch.len };
}

static struct evp_bytes exe_name(const struct evp_proc *p)
{
	const char *slash = strrchr(p->exe, '/');

	return evp_text(slash ? slash + 1 : p->exe);
}

static struct evp_bytes container_of(const struct evp_cgroup_parts *c, const char *runtime)
{
	return !strcmp(c->runtime, runtime) ? c->container : evp_text("");
}

/* Only LXC's containers have names in the path; an ID is no service, whatever its letters. */
static struct evp_bytes service(const struct evp_proc *p, const struct evp_cgroup_parts *c)
{
	return evp_service_name(&(struct evp_service_from){ .unit = c->unit,
							    .container = container_of(c, "lxc"),
							    .pod = evp_text(c->pod),
							    .exe = evp_text(p->exe),
							    .comm = evp_text(p->comm) });
}

static struct evp_bytes fact_of(struct evp_labeller *l, struct evp_proc *p,
				const struct evp_raw_sample *s, const struct evp_cgroup_parts *c,
				int fact)
{
	switch (fact) {
	case EVP_LABEL_COMM:
		return evp_text(p->comm);
	case EVP_LABEL_THREAD:
		return (struct evp_bytes){ s->comm, strnlen(s->comm, sizeof(s->comm)) };
	case EVP_LABEL_PID:
		return number(l, p->pid);
	case EVP_LABEL_TID:
		return number(l, s->tid);
	case EVP_LABEL_CPU:
		return number(l, s->cpu);
	case EVP_LABEL_EXE:
		return evp_text(p->exe);
	case EVP_LABEL_BUILD_ID:
		return build_id(l, p);
	case EVP_LABEL_CGROUP:
		return evp_text(p->cgroup);
	case EVP_LABEL_CONTAINER:
		return c->container;
	case EVP_LABEL_POD:
		return evp_text(c->pod);
	case EVP_LABEL_UNIT:
		return c->unit;
	case EVP_LABEL_SLICE:
		return c->slice;
	case EVP_LABEL_SERVICE:
		return service(p, c);
	case PPID:
		return number(l, p->kin[0]);
	case CMDLINE:
		return evp_labels_get(&p->labels->read, evp_text(EVP_CMDLINE_META));
	case EXE_NAME:
		return exe_name(p);
	case RUNTIME:
		return evp_text(c->runtime);
	case DOCKER_ID:
		return container_of(c, "docker");
	case CONTAINERD_ID:
		return container_of(c, "containerd");
	case BUILDKIT_ID:
		return container_of(c, "buildkit");
	case LXC_ID:
		return container_of(c, "lxc");
	case KERNEL_RELEASE:
		return evp_text(l->kernel_release);
	case MACHINE:
		return evp_text(l->machine);
	default:
		return evp_text("");
	}
}

/* ---- the labels ---- */

static void add_facts(struct evp_labeller *l, struct evp_proc *p, const struct evp_raw_sample *s)
{
	struct evp_cgroup_parts parts;

	evp_cgroup_parse(p->cgroup, &parts);
	for (int id = 0; id < FACTS; id++) {
		struct evp_bytes value;

		if (!(l->facts >> id & 1))
			continue;
		value = fact_of(l, p, s, &parts, id);
		if (l->opts.chosen >> id & 1)
			evp_labels_set(&l->labels, evp_text(names[id].label), value);
		if (l->read_facts >> id & 1)
			evp_labels_set(&l->labels, evp_text(names[id].meta), value);
	}
}

static void add_env_labels(struct evp_labeller *l, const struct evp_labels *read)
{
	for (size_t i = 0; i < l->nenv; i++) {
		struct evp_bytes value;

		evp_str_clear(&l->scratch);
		evp_str_puts(&l->scratch, EVP_ENV_META);
		evp_str_add(&l->scratch, l->env[i].ptr, l->env[i].len);
		value = evp_labels_get(read, (struct evp_bytes){ l->scratch.buf, l->scratch.len });
		if (l->opts.relabel)
			evp_labels_set(&l->labels,
				       (struct evp_bytes){ l->scratch.buf, l->scratch.len }, value);
		if (i >= l->opts.nenv)
			continue;
		evp_str_clear(&l->scratch);
		evp_str_puts(&l->scratch, ENV_LABEL);
		evp_str_add(&l->scratch, l->env[i].ptr, l->env[i].len);
		evp_labels_set(&l->labels, (struct evp_bytes){ l->scratch.buf, l->scratch.len },
			       value);
	}
}

static void add_fixed(struct evp_labeller *l)
{
	for (size_t i = 0; i < l->opts.nfixed; i++) {
		const char *label = l->opts.fixed[i], *equals = strchr(label, '=');

		evp_labels_set(&l->labels, (struct evp_bytes){ label, (size_t)(equals - label) },
			       evp_text(equals + 1));
	}
}

int evp_labeller_derive(struct evp_labeller *l, struct evp_proc *p, const struct evp_raw_sample *s,
			bool *ret_keep)
{
	int rc = 0;

	*ret_keep = true;
	if (!p->labels && !(p->labels = calloc(1, sizeof(*p->labels))))
		return -ENOMEM;
	read_process(l, p);
	evp_labels_clear(&l->labels);
	evp_labels_set(&l->labels, evp_text("node"), evp_text(l->opts.node));
	add_facts(l, p, s);
	add_env_labels(l, &p->labels->read);
	add_fixed(l);
	if (l->opts.relabel)
		rc = evp_relabel_apply(l->opts.relabel, &l->labels, ret_keep);
	return rc ? rc : l->labels.text.oom || l->scratch.oom ? -ENOMEM : 0;
}
