// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/sources.h"

#include <stdlib.h>

#include "record/rights.h"
#include "record/sampler_perf.h"

static int open_sideband(struct evp_sources *s, const struct evp_targets *t, struct evp_err *err)
{
	size_t n = t->npids + t->nthreads;
	pid_t *pids = calloc(n + 1, sizeof(*pids));
	struct evp_sideband_opts so = {
		.all = true, .pids = pids, .npids = n, .wake_bytes = EVP_SB_RING_BYTES / 2
	};
	int rc;

	if (!pids)
		return evp_fail_oom(err);
	for (size_t i = 0; i < n; i++)
		pids[i] = i < t->npids ? t->pid[i] : t->thread[i - t->npids].pid;
	rc = evp_sideband_open(&s->sb, &so, err);
	free(pids);
	return rc;
}

static int try(struct evp_sources *s, const struct evp_sampler_ops *ops,
	       const struct evp_record_opts *o, struct evp_err *err)
{
	const struct evp_targets *t = o->targets;
	struct evp_sampler_opts so = {
		.period_ns = o->period_ns,
		.user = o->user,
		.kernel = o->kernel,
		.all = o->all,
		.pids = t->pid,
		.npids = (uint32_t)t->npids,
		.threads = t->thread,
		.nthreads = (uint32_t)t->nthreads,
		.cgroup_ids = t->cgroup_id,
		.ncgroups = (uint32_t)t->ncgroups,
	};

	s->ops = ops;
	return ops->open(&s->sampler, &so, err);
}

static int open_sampler(struct evp_sources *s, const struct evp_record_opts *o, struct evp_err *err)
{
	struct evp_rights rights;
	struct evp_err why = { 0 };
	const char *note;
	char hint[400];
	int rc;

	if (o->backend != EVP_BACKEND_PERF) {
		rc = try(s, &evp_sampler_bpf, o, &why);
		if (!rc)
			return 0;
		if (o->backend == EVP_BACKEND_BPF) {
			evp_rights_read(&rights);
			evp_rights_bpf_hint(&rights, hint, sizeof(hint));
			return evp_fail(err, -rc, "%s%s%s", why.msg, hint[0] ? ": " : "", hint);
		}
		o->warn("%s; sampling through perf events instead", why.msg);
	}
	rc = try(s, &evp_sampler_perf, o, err);
	note = rc ? NULL : evp_sampler_perf_note(s->sampler);
	if (note)
		o->warn("%s", note);
	return rc;
}

int evp_sources_open(struct evp_sources *ret, const struct evp_record_opts *opts,
		     struct evp_err *err)
{
	int rc = open_sideband(ret, opts->targets, err);

	return rc ? rc : open_sampler(ret, opts, err);
}

void evp_sources_close(struct evp_sources *s)
{
	if (s->sampler)
		s->ops->close(s->sampler);
	evp_sideband_close(s->sb);
	*s = (struct evp_sources){ 0 };
}
