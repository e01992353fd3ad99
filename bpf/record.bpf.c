// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sampler's kernel side: at every tick of a perf event, who runs here and with what stack.
 *
 * Repetition is removed here: frames leave the kernel once per stack hash, and a sample is one
 * small fixed record. The "seen" table is a direct-mapped cache rather than an LRU map: losing an
 * entry only sends some frames twice, so it needs neither locks nor eviction. Nothing here wakes
 * the reader unless the ring fills up; it looks by itself a few times a second.
 */
#include "kernel.h"
#include "record.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct evp_bpf_knobs knobs;
__u64 generation; /* raised by user space when it forgot the frames sent before */
bool crowded;	  /* a child of a selected process found no room in the table of them */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18); /* set by user space */
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EVP_BPF_SEEN_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct evp_bpf_stack);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct evp_bpf_counters);
} counters SEC(".maps");

/*
 * Selected processes by their number in the recorder's pid namespace -> start time, so that a
 * reused number is not taken for the old process; 0 where user space named the process.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set by user space where there is a filter */
	__type(key, __u32);
	__type(value, __u64);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
} cgroups SEC(".maps");

/*
 * The key of a child that was followed. In another pid namespace user space names processes by
 * their numbers there, while at a fork only the global number of the child is at hand: it is marked.
 */
static __always_inline __u32 key_of(__u32 global)
{
	return knobs.pidns_ino ? global | EVP_BPF_GLOBAL_PID : global;
}

static __always_inline bool in_cgroups(void)
{
	for (int level = 0; level < EVP_BPF_CGROUP_DEPTH; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);

		if (!id)
			return false;
		if (bpf_map_lookup_elem(&cgroups, &id))
			return true;
	}
	return false;
}

static __always_inline bool selected(__u32 pid)
{
	if (knobs.all)
		return true;
	if (knobs.by_pid && bpf_map_lookup_elem(&targets, &pid))
		return true;
	if (knobs.by_pid && knobs.pidns_ino) {
		pid = key_of(bpf_get_current_pid_tgid() >> 32);
		if (bpf_map_lookup_elem(&targets, &pid))
			return true;
	}
	return knobs.by_cgroup && in_cgroups();
}

/* Whether one of its next ancestors is selected. */
static __always_inline bool has_selected_parent(const struct task_struct *task)
{
	for (int level = 0; level < EVP_BPF_ANCESTORS; level++) {
		__u32 pid;

		task = BPF_CORE_READ(task, real_parent);
		pid = key_of(BPF_CORE_READ(task, tgid));
		if (bpf_map_lookup_elem(&targets, &pid))
			return true;
	}
	return false;
}

/* Who should have been selected at its fork: selected now if there is room, else a loss. */
static __always_inline bool left_out(__u32 pid, bool *ret_selected)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 start;

	if (!crowded)
		return false;
	pid = key_of(BPF_CORE_READ(task, tgid));
	start = BPF_CORE_READ(task, group_leader, start_boottime);
	if (start < knobs.since_ns || !has_selected_parent(task))
		return false;
	*ret_selected = !bpf_map_update_elem(&targets, &pid, &start, BPF_ANY);
	return !*ret_selected;
}

static __always_inline __u32 frames_of(long bytes)
{
	return bytes <= 0 ? 0 : (__u32)bytes / sizeof(__u64);
}

static __always_inline __u32 walk_kernel(struct bpf_perf_event_data *ctx, __u64 *frames)
{
	return frames_of(bpf_get_stack(ctx, frames, EVP_BPF_HALF_FRAMES * sizeof(*frames), 0));
}

/* By frame pointers. A walker with unwind tables takes this function's place. */
static __always_inline __u32 walk_user(struct bpf_perf_event_data *ctx, __u64 *frames)
{
	return frames_of(bpf_get_stack(ctx, frames, EVP_BPF_HALF_FRAMES * sizeof(*frames),
				       BPF_F_USER_STACK));
}

static __always_inline __u64 mix(__u64 h, __u64 v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 32);
}

static __always_inline __u64 hash_frames(const struct evp_bpf_stack *s, __u32 n)
{
	__u64 h = mix(knobs.seed, (__u64)s->nkernel << 32 | s->nuser);

	for (__u32 i = 0; i < 2 * EVP_BPF_HALF_FRAMES; i++) {
		if (i >= n)
			break;
		h = mix(h, s->frames[i]);
	}
	return mix(h, h >> 29);
}

static __always_inline __u64 wake_flag(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= knobs.wake_bytes ? BPF_RB_FORCE_WAKEUP
									       : BPF_RB_NO_WAKEUP;
}

/* Sends the frames unless they were sent before. Whether user space has them now. */
static __always_inline bool deliver_stack(struct evp_bpf_stack *s, __u32 n)
{
	__u32 slot = (__u32)s->hash % EVP_BPF_SEEN_SLOTS;
	__u64 mark = s->hash + generation;
	__u64 *last = bpf_map_lookup_elem(&seen, &slot);

	if (!last)
		return false;
	if (*last == mark)
		return true;
	n &= 2 * EVP_BPF_HALF_FRAMES + 1;
	if (bpf_ringbuf_output(&ring, s, __builtin_offsetof(struct evp_bpf_stack, frames) + n * 8,
			       wake_flag()))
		return false;
	*last = mark;
	return true;
}

static __always_inline bool who(struct evp_bpf_sample *e)
{
	if (knobs.pidns_ino) {
		struct bpf_pidns_info ns;

		if (bpf_get_ns_current_pid_tgid(knobs.pidns_dev, knobs.pidns_ino, &ns, sizeof(ns)))
			return false;
		e->pid = ns.tgid;
		e->tid = ns.pid;
	} else {
		__u64 id = bpf_get_current_pid_tgid();

		e->pid = id >> 32;
		e->tid = (__u32)id;
	}
	return true;
}

static __always_inline void deliver_sample(struct evp_bpf_sample *e, struct evp_bpf_counters *c)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	e->kind = EVP_BPF_SAMPLE;
	e->cpu = bpf_get_smp_processor_id();
	e->cgroup_id = bpf_get_current_cgroup_id();
	e->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	if (bpf_ringbuf_output(&ring, e, sizeof(*e), BPF_RB_NO_WAKEUP))
		c->ring_full++;
	else
		c->samples++;
}

static __always_inline void take(struct bpf_perf_event_data *ctx, struct evp_bpf_sample *e,
				 struct evp_bpf_counters *c)
{
	__u32 zero = 0, nkernel = 0, nuser = 0;
	struct evp_bpf_stack *s = bpf_map_lookup_elem(&scratch, &zero);

	if (!s)
		return;
	if (knobs.kernel)
		nkernel = walk_kernel(ctx, s->frames);
	if (nkernel > EVP_BPF_HALF_FRAMES)
		nkernel = EVP_BPF_HALF_FRAMES;
	if (knobs.user)
		nuser = walk_user(ctx, &s->frames[nkernel]);
	s->kind = EVP_BPF_STACK;
	s->nkernel = nkernel;
	s->nuser = nuser;
	s->hash = hash_frames(s, nkernel + nuser);
	e->hash = s->hash;
	e->period_ns = ctx->sample_period;
	if (deliver_stack(s, nkernel + nuser))
		deliver_sample(e, c);
	else
		c->stack_missing++;
}

SEC("perf_event")
int on_tick(struct bpf_perf_event_data *ctx)
{
	struct evp_bpf_sample e = { .time_ns = bpf_ktime_get_ns() };
	struct evp_bpf_counters *c;
	bool chosen = false;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&counters, &zero);
	if (!c)
		return 0;
	if (!who(&e))
		c->foreign++;
	else if (!(chosen = selected(e.pid)) && left_out(e.pid, &chosen))
		c->not_followed++;
	if (chosen)
		take(ctx, &e, c);
	c->runs++;
	c->run_ns += bpf_ktime_get_ns() - e.time_ns;
	return 0;
}

/*
 * A child of a selected process is selected, from its first instruction. The parent is current.
 */
SEC("tp_btf/sched_process_fork")
int on_fork(__u64 *ctx)
{
	struct task_struct *parent = (void *)ctx[0], *child = (void *)ctx[1];
	__u32 from = key_of(parent->tgid), to = key_of(child->tgid);
	struct evp_bpf_sample self = {};
	__u64 start;

	if (from == to)
		return 0;
	if (!bpf_map_lookup_elem(&targets, &from)) {
		if (!knobs.pidns_ino || !who(&self) || !bpf_map_lookup_elem(&targets, &self.pid))
			return 0;
		start = parent->group_leader->start_boottime;
		bpf_map_update_elem(&targets, &from, &start, BPF_ANY);
	}
	start = child->start_boottime;
	if (bpf_map_update_elem(&targets, &to, &start, BPF_ANY))
		crowded = true;
	return 0;
}

/* The last task of a process to be freed is its leader. */
SEC("tp_btf/sched_process_free")
int on_free(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	__u32 tgid = key_of(task->tgid);
	__u64 *start;

	if (task->pid != task->tgid)
		return 0;
	start = bpf_map_lookup_elem(&targets, &tgid);
	if (start && (!*start || *start == task->start_boottime))
		bpf_map_delete_elem(&targets, &tgid);
	return 0;
}
