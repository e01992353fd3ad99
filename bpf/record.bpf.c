// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sampler's kernel side: at every tick of a perf event, who runs here and with what stack.
 *
 * Repetition is removed here: frames leave the kernel once per stack hash, and a sample is one
 * small fixed record. The "seen" table is a direct-mapped cache rather than an LRU map: losing an
 * entry only sends some frames twice, so it needs neither locks nor eviction. Nothing here wakes
 * the reader but a ring that is half full, and a copied stack whose process waits for its tables; it
 * looks by itself once a second.
 */
#include "kernel.h"
#include "record.h"

#define SIGNAL_FRAME_PLACES 1024      /* of 16 bytes: 11 KiB of registers are known (AMX) */
#define OTHER_FRAMES	    64	      /* followed until they leave a stack */
#define OTHER_REACH	    (1 << 26) /* farther away no frame's caller is */

char LICENSE[] SEC("license") = "GPL";

const volatile struct evp_bpf_knobs knobs;

#include "regs.bpf.h"

__u64 copy_woke_ns; /* when a copy last woke the reader */
__u64 generation;   /* raised by user space when it forgot the frames sent before */
bool crowded;	    /* a child of a selected process found no room in the table of them */

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

/* One per CPU; too large for a per-CPU map. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set by user space */
	__type(key, __u32);
	__type(value, struct evp_bpf_walker);
} walkers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct evp_bpf_counters);
} counters SEC(".maps");

/*
 * Selected processes by their number in the recorder's pid namespace -> start time, so that a
 * reused number is not taken for the old process; 0 where user space named one not seen yet.
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

/*
 * Whether the process with this start time is the one of that number. One that user space named is
 * whoever has it first: on_free does not hear of the end of a number in another pid namespace.
 */
static __always_inline bool is_target(__u32 key, __u64 start)
{
	__u64 *known = bpf_map_lookup_elem(&targets, &key);

	if (known && !*known)
		*known = start;
	return known && *known == start;
}

static __always_inline bool selected(__u32 pid, __u32 tid)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 start;

	tid |= EVP_BPF_THREAD;
	if (knobs.all)
		return true;
	if (knobs.by_pid) {
		start = BPF_CORE_READ(task, group_leader, start_boottime);
		if (is_target(pid, start) ||
		    (knobs.pidns_ino && is_target(key_of(bpf_get_current_pid_tgid() >> 32), start)))
			return true;
	}
	if (knobs.by_tid && bpf_map_lookup_elem(&targets, &tid))
		return true;
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

/* ---- stacks ---- */

static __always_inline __u32 walk_kernel(struct bpf_perf_event_data *ctx, __u64 *frames)
{
	long bytes = bpf_get_stack(ctx, frames, EVP_BPF_KERNEL_FRAMES * sizeof(*frames), 0);

	return bytes <= 0 ? 0 : (__u32)bytes / sizeof(*frames);
}

/* The process's mappings as user space published them, if they are this program's. */
static __always_inline void find_process(struct evp_bpf_walker *b, const struct evp_bpf_sample *e)
{
	__u32 key = e->global_pid;
	struct evp_bpf_process *p = bpf_map_lookup_elem(&processes, &key);

	if (p) {
		b->process = *p;
		barrier();
		/* Written anew while it was read, it may be another process's by half. */
		if (b->process.start_ns == e->start_ns && b->process.exec_id == e->exec_id &&
		    b->process.version == *(volatile __u32 *)&p->version &&
		    e->start_ns == *(volatile __u64 *)&p->start_ns)
			return;
	}
	b->process.n = b->process.give_up = b->process.version = 0;
}

/* The user half: frames, their number, how it ended; EVP_WALK_PENDING: user space must help. */
static __always_inline void walk_user(struct bpf_perf_event_data *ctx, struct evp_bpf_walker *b,
				      const struct evp_bpf_sample *e)
{
	b->n = 0;
	b->end = EVP_WALK_GOES_ON;
	b->hash = knobs.seed;
	if (!knobs.user)
		return;
	b->end = user_regs(ctx, b);
	if (b->end == EVP_WALK_32BIT) {
		b->stack.frames[0] = b->w.pc;
		b->hash = mix(b->hash, b->w.pc);
		b->n = 1;
	}
	if (b->end != EVP_WALK_GOES_ON)
		return;
	find_process(b, e);
	walk(b);
	if (b->end != EVP_WALK_ROOT && IN_KERNEL(ctx->regs) && is_exec(&b->regs)) {
		/* The address of one program, the mappings of the next: better none. */
		b->end = EVP_WALK_EXEC;
		b->hash = knobs.seed;
		b->n = 0;
	}
}

static __always_inline __u64 hash_kernel(__u64 h, const __u64 *frames, __u32 n)
{
	for (__u32 i = 0; i < EVP_BPF_KERNEL_FRAMES; i++) {
		if (i >= n)
			break;
		h = mix(h, frames[i]);
	}
	return h;
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
	if (n > EVP_BPF_USER_FRAMES + EVP_BPF_KERNEL_FRAMES)
		return false;
	if (bpf_ringbuf_output(&ring, s, __builtin_offsetof(struct evp_bpf_stack, frames) + n * 8,
			       wake_flag()))
		return false;
	*last = mark;
	return true;
}

struct copying {
	struct evp_bpf_copy *c;
	__u64 from;
	__u32 len, end; /* of the copy: now, at most about */
};

static long copy_page(__u32 i, void *arg)
{
	struct copying *k = arg;
	__u32 len = k->len, part = 4096 - (k->from & 4095);

	if (len >= k->end || len > sizeof(k->c->bytes) - 4096 || part > 4096 ||
	    bpf_probe_read_user(&k->c->bytes[len], part, (const void *)k->from))
		return 1;
	k->len += part;
	k->from += part;
	return 0;
}

/* As much of a stack as there is, to where it ends or about `most` bytes, goes behind what there is. */
static __always_inline void copy_stack(struct copying *k, __u64 from, __u32 most)
{
	k->from = from;
	k->end = k->len + most;
	if (knobs.has_loop) {
		bpf_loop(EVP_BPF_COPY_BYTES / 4096 + 1, copy_page, k, 0);
		return;
	}
	for (__u32 i = 0; i <= EVP_BPF_COPY_BYTES / 4096; i++)
		if (copy_page(i, k))
			return;
}

/*
 * A handler of signals may have a stack of its own (sigaltstack). The kernel's frame lies at that
 * stack's end, behind floating point registers of unknown size; it is known by its uc_stack, which
 * says what task_struct does, and has the stack pointer that was interrupted.
 */
struct signal_stack {
	__u64 sp, start, size; /* its own */
	__u64 at, ret;	       /* the place looked at; the interrupted one, 0 not found */
};

static long look_for_signal(__u32 i, void *arg)
{
	struct signal_stack *s = arg;
	__u64 uc_stack[3];

	s->at -= 16;
	if (s->at <= s->sp || bpf_probe_read_user(uc_stack, sizeof(uc_stack), (const void *)s->at))
		return 1;
	if (uc_stack[0] != s->start || uc_stack[2] != s->size)
		return 0;
	bpf_probe_read_user(&s->ret, sizeof(s->ret), (const void *)(s->at + EVP_UC_STACK_TO_SP));
	return 1;
}

static __always_inline __u64 interrupted_stack(__u64 sp)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct signal_stack s = {
		.sp = sp,
		.start = BPF_CORE_READ(task, sas_ss_sp),
		.size = BPF_CORE_READ(task, sas_ss_size),
	};

	if (sp - s.start >= s.size)
		return 0;
	s.at = (s.start + s.size) & ~15ull;
	bpf_loop(SIGNAL_FRAME_PLACES, look_for_signal, &s, 0);
	return s.ret;
}

/* Go's functions run on a system stack for a while: by frame pointers that leads to the other one. */
struct chain {
	__u64 sp, fp, ret; /* ret: the first frame elsewhere; 0 none */
	__u32 len;	   /* of the stack that it begins in */
};

static long follow(__u32 i, void *arg)
{
	struct chain *c = arg;
	__u64 frame[2]; /* the caller's frame pointer, the return address */

	if ((c->fp & 7) || bpf_probe_read_user(frame, sizeof(frame), (const void *)c->fp))
		return 1;
	if (c->fp - c->sp >= c->len) { /* what is no frame there is not worth a copy */
		if (frame[1] >> 16 && (!frame[0] || frame[0] - c->fp < OTHER_REACH))
			c->ret = c->fp;
		return 1;
	}
	if (frame[0] <= c->fp && frame[0] >= c->sp)
		return 1;
	c->fp = frame[0];
	return 0;
}

/* Where the stack begins that the copied one leads to; 0: nowhere. */
static __always_inline __u64 other_stack(__u64 sp, __u32 len, __u64 fp)
{
	struct chain c = { .sp = sp, .fp = fp, .len = len };

	if (!knobs.has_loop)
		return 0;
	c.ret = interrupted_stack(sp);
	if (!c.ret)
		bpf_loop(OTHER_FRAMES, follow, &c, 0);
	return c.ret;
}

/* Registers, kernel frames and a copy of the stack, for user space to walk. */
static __always_inline bool deliver_copy(struct bpf_perf_event_data *ctx, struct evp_bpf_walker *b,
					 struct evp_bpf_sample *e)
{
	struct evp_bpf_copy *c = &b->copy;
	__u64 held = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA), flag;
	__u32 share = held < knobs.copy_bytes / 2 ? 1 : 4;
	struct copying k = { .c = c };

	if (held >= knobs.copy_bytes)
		return false;
	flag = held >= knobs.wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	c->kind = EVP_BPF_COPY;
	c->hash = e->hash = mix(mix(knobs.seed, e->time_ns), e->tid);
	/* The walk has changed them; what the interruption left is read anew. */
	user_regs(ctx, b);
	c->pc = b->w.pc;
	for (int i = 0; i < EVP_REGS; i++)
		c->reg[i] = b->w.reg[i];
	c->nkernel = knobs.kernel ? walk_kernel(ctx, c->kernel) : 0;
	/* Most stacks are small: rather all of those than a few whole deep ones. */
	copy_stack(&k, b->w.sp, EVP_BPF_COPY_BYTES / share);
	c->len = k.len;
	c->other = other_stack(b->w.sp, k.len, b->w.fp);
	if (c->other)
		copy_stack(&k, c->other, EVP_BPF_OTHER_BYTES / share);
	if (k.len > sizeof(c->bytes))
		return false;
	if (e->time_ns - copy_woke_ns >= knobs.copy_wake_ns) {
		copy_woke_ns = e->time_ns;
		flag = BPF_RB_FORCE_WAKEUP;
	}
	return !bpf_ringbuf_output(&ring, c, __builtin_offsetof(struct evp_bpf_copy, bytes) + k.len,
				   flag);
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
	e->kind = EVP_BPF_SAMPLE;
	e->cpu = bpf_get_smp_processor_id();
	e->cgroup_id = bpf_get_current_cgroup_id();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	if (bpf_ringbuf_output(&ring, e, sizeof(*e), BPF_RB_NO_WAKEUP))
		c->ring_full++;
}

static __always_inline void take(struct bpf_perf_event_data *ctx, struct evp_bpf_sample *e,
				 struct evp_bpf_counters *c)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 cpu = bpf_get_smp_processor_id(), n, nkernel = 0;
	struct evp_bpf_walker *b = bpf_map_lookup_elem(&walkers, &cpu);

	if (!b) { /* a CPU whose number is beyond their count */
		c->stack_missing++;
		return;
	}
	e->global_pid = bpf_get_current_pid_tgid() >> 32;
	e->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	e->exec_id = BPF_CORE_READ(task, self_exec_id);
	walk_user(ctx, b, e);
	if (b->end == EVP_WALK_PENDING && deliver_copy(ctx, b, e)) {
		deliver_sample(e, c);
		return;
	}
	n = b->n;
	if (n > EVP_BPF_USER_FRAMES)
		return;
	if (knobs.kernel)
		nkernel = walk_kernel(ctx, &b->stack.frames[n]);
	b->stack.kind = EVP_BPF_STACK;
	b->stack.nuser = n;
	b->stack.nkernel = nkernel;
	b->stack.end = b->end;
	b->stack.hash = mix(hash_kernel(b->hash, &b->stack.frames[n], nkernel),
			    (__u64)b->end << 32 | n << 16 | nkernel);
	e->hash = b->stack.hash;
	if (deliver_stack(&b->stack, n + nkernel))
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
	/* Who has no number in our pid namespace is none of ours. */
	if (who(&e) && !(chosen = selected(e.pid, e.tid)) && left_out(e.pid, &chosen))
		c->not_followed++;
	if (chosen)
		take(ctx, &e, c);
	c->run_ns += bpf_ktime_get_ns() - e.time_ns;
	return 0;
}

/*
 * A child of a selected process or thread is selected, from its first instruction. The parent is
 * current.
 */
SEC("tp_btf/sched_process_fork")
int on_fork(__u64 *ctx)
{
	struct task_struct *parent = (void *)ctx[0], *child = (void *)ctx[1];
	__u32 from = key_of(parent->tgid), to = key_of(child->tgid);
	struct evp_bpf_sample self = { .pid = parent->tgid, .tid = parent->pid };
	__u64 start;

	if (from == to)
		return 0;
	if (!bpf_map_lookup_elem(&targets, &from)) {
		if (knobs.pidns_ino && !who(&self))
			return 0;
		start = parent->group_leader->start_boottime;
		if (is_target(self.pid, start)) {
			bpf_map_update_elem(&targets, &from, &start, BPF_ANY);
		} else {
			self.tid |= EVP_BPF_THREAD;
			if (!bpf_map_lookup_elem(&targets, &self.tid))
				return 0;
		}
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
	__u32 tgid = key_of(task->tgid), thread = task->pid | EVP_BPF_THREAD;
	__u64 *start;

	if (knobs.by_tid && !knobs.pidns_ino)
		bpf_map_delete_elem(&targets, &thread);
	if (task->pid != task->tgid)
		return 0;
	start = bpf_map_lookup_elem(&targets, &tgid);
	if (start && (!*start || *start == task->start_boottime))
		bpf_map_delete_elem(&targets, &tgid);
	return 0;
}
