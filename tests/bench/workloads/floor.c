// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * floor OBJECT HZ: runs floor.bpf.c at every tick of a cpu-clock on each CPU, reads its ring ten
 * times a second, until a signal ends it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROWS 1024

static int take(void *arg, void *data, size_t len)
{
	*(uint64_t *)arg += len;
	return 0;
}

/* Keys are ten bits wide, so every row is met. */
static int fill(struct bpf_object *o)
{
	uint64_t row[ROWS];
	uint32_t zero = 0;

	for (uint64_t i = 0; i < ROWS; i++)
		row[i] = i;
	return bpf_map_update_elem(bpf_object__find_map_fd_by_name(o, "table"), &zero, row, 0);
}

static int attach(struct bpf_program *p, int cpu, uint64_t hz)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = hz,
		.exclude_idle = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 || !bpf_program__attach_perf_event(p, fd) ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *o = argc == 3 ? bpf_object__open_file(argv[1], NULL) : NULL;
	struct ring_buffer *ring;
	uint64_t bytes = 0;

	if (!o || bpf_object__load(o) || fill(o))
		return 2;
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		if (attach(bpf_object__find_program_by_name(o, "on_tick"), cpu,
			   strtoul(argv[2], NULL, 10)))
			return 2;
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(o, "ring"), take, &bytes, NULL);
	while (ring) {
		ring_buffer__consume(ring);
		usleep(100000);
	}
	return 2;
}
