/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which labels a sample carries: chosen ones, environment variables, fixed ones, and what the
 * relabelling rules make of them.
 *
 * Labels are worked out once for each process as it is (its exec, comm, executable and cgroup), and
 * once for each thread or CPU of it only where a label of those is chosen or read by a rule. Every
 * further sample finds the answer with its process. What is dear to know (environment, command
 * line, build ID) is read only where a label or a rule wants it, and the environment once an exec.
 *
 * In the stream a label of the names that a process record has goes there, any other into a label
 * set. Where pid is no label the process record says nothing of the pid and start time either, so
 * that samples of processes alike add up.
 */
#ifndef EVP_RECORD_LABELLER_H
#define EVP_RECORD_LABELLER_H

#include "record/labels.h"
#include "record/process_table.h"
#include "record/sampler.h"
#include "stream/writer.h"

struct evp_relabel;
struct evp_proc_labels;

/* Labels by number: bit 1 << n of a choice. The order is that of the names' documentation. */
enum evp_label_id {
	EVP_LABEL_COMM,
	EVP_LABEL_THREAD,
	EVP_LABEL_PID,
	EVP_LABEL_TID,
	EVP_LABEL_CPU,
	EVP_LABEL_EXE,
	EVP_LABEL_BUILD_ID,
	EVP_LABEL_CGROUP,
	EVP_LABEL_CONTAINER,
	EVP_LABEL_POD,
	EVP_LABEL_NAMESPACE,
	EVP_LABEL_UNIT,
	EVP_LABEL_SLICE,
	EVP_LABEL_SERVICE,
	EVP_LABEL_IDS
};

/*
 * What follows from the process and its cgroup: one value a process, so that none of them splits a
 * sample. Thread, tid, cpu split, build_id opens a file, slice has no column in a store.
 */
#define EVP_LABELS_DEFAULT                                                                         \
	(1u << EVP_LABEL_COMM | 1u << EVP_LABEL_PID | 1u << EVP_LABEL_EXE |                        \
	 1u << EVP_LABEL_CGROUP | 1u << EVP_LABEL_CONTAINER | 1u << EVP_LABEL_POD |                \
	 1u << EVP_LABEL_NAMESPACE | 1u << EVP_LABEL_UNIT | 1u << EVP_LABEL_SERVICE)

/*
 * "comm,exe": these. "+thread,-pid", each with a sign: the default with and without. "": none.
 * 0, or -EINVAL with the names there are.
 */
int evp_labels_choose(const char *list, uint32_t *ret_chosen, struct evp_err *err);

struct evp_labeller_opts {
	uint32_t chosen;
	const char *node;	  /* always a label */
	const char *const *fixed; /* KEY=VALUE */
	size_t nfixed;
	const char *const *env; /* names of variables */
	size_t nenv;
	struct evp_relabel *relabel; /* NULL: none; must live as long */
};

#define EVP_ENV_MAX 32 /* variables, those that rules read included */

struct evp_labeller {
	struct evp_labeller_opts opts;
	uint32_t facts;		      /* chosen, or read by a rule: enum in labeller.c */
	uint32_t read_facts;	      /* by a rule, under its __meta_ name */
	bool by_comm, by_tid, by_cpu; /* what beside the process a label depends on */
	struct evp_bytes env[EVP_ENV_MAX];
	size_t nenv;
	struct evp_labels labels; /* being put together */
	struct evp_str scratch;
	struct evp_label *out; /* labels as the writer takes them */
	size_t out_cap;
	char kernel_release[65], machine[65];
};

/* What init would say, before anything is recorded: 0, or -EINVAL, -E2BIG. */
int evp_labeller_check(const struct evp_labeller_opts *opts, struct evp_err *err);
/* 0, or -EINVAL (a name that is none, a fixed label that is not KEY=VALUE), -E2BIG. */
int evp_labeller_init(struct evp_labeller *l, const struct evp_labeller_opts *opts,
		      struct evp_err *err);
void evp_labeller_release(struct evp_labeller *l);
/* false: a __meta_ label that is always empty here, whoever else may know it. */
bool evp_labeller_knows(struct evp_bytes name);

/*
 * The labels of a sample of `p`, in l->labels until the next call. *ret_keep: false where a rule
 * drops it. 0 or -ENOMEM.
 */
int evp_labeller_derive(struct evp_labeller *l, struct evp_proc *p, const struct evp_raw_sample *s,
			bool *ret_keep);

/*
 * What l->labels are in the stream: the ids of a process record and of a label set. 0 or the
 * writer's error. Labels that begin with "__" stay behind.
 */
int evp_labeller_write(struct evp_labeller *l, struct evp_writer *w, const struct evp_proc *p,
		       const char *boot_id, uint32_t *ret_process, uint32_t *ret_labels);

/*
 * A number of the caller's, kept with the process for all samples that get the same labels while
 * `epoch` is the same; 0 at first. Good until the next call. NULL: no memory.
 */
uint64_t *evp_labeller_slot(struct evp_labeller *l, struct evp_proc *p,
			    const struct evp_raw_sample *s, uint64_t epoch);

void evp_proc_labels_free(struct evp_proc_labels *pl); /* NULL too */

#endif
