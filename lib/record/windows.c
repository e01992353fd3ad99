// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/windows.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

static int64_t window_of(const struct evp_windows *ws, int64_t unix_ns)
{
	return unix_ns - unix_ns % ws->len_ns;
}

int evp_windows_write(struct evp_windows *ws)
{
	int rc = 0;

	for (size_t i = 0; i < ws->n && !rc; i++) {
		const struct evp_window_entry *e = &ws->entry[i];
		const struct evp_window_who *who = &ws->who[e->who];
		int64_t values[2] = { e->samples, e->value };

		rc = evp_writer_sample(ws->w, &(struct evp_sample){ .event = ws->event,
								    .process = who->process,
								    .labels = who->labels,
								    .stack = e->stack,
								    .window_ns = ws->start_ns,
								    .window_len_ns = ws->len_ns,
								    .values = values });
	}
	ws->n = 0;
	evp_map_clear(&ws->index);
	return rc;
}

static int open_window(struct evp_windows *ws, int64_t start_ns)
{
	int rc = 0;

	if (start_ns > ws->start_ns) {
		rc = evp_windows_write(ws);
		ws->start_ns = start_ns;
	}
	return rc;
}

int evp_windows_epoch(struct evp_windows *ws)
{
	int rc = evp_windows_write(ws);

	ws->nwho = 0;
	evp_map_clear(&ws->who_index);
	return rc;
}

int evp_windows_who(struct evp_windows *ws, uint32_t process, uint32_t labels, uint32_t *ret_who)
{
	uint64_t *place = evp_map_at(&ws->who_index, (uint64_t)process << 32 | labels, NULL);

	if (!place)
		return -ENOMEM;
	if (!*place) {
		if (evp_grow(&ws->who, &ws->cwho, ws->nwho + 1, sizeof(*ws->who)))
			return -ENOMEM;
		ws->who[ws->nwho++] = (struct evp_window_who){ process, labels };
		*place = ws->nwho;
	}
	*ret_who = (uint32_t)(*place - 1);
	return 0;
}

int evp_windows_add(struct evp_windows *ws, int64_t unix_ns, uint32_t who, uint32_t stack,
		    int64_t value)
{
	int rc = open_window(ws, window_of(ws, unix_ns));
	struct evp_window_entry *e;
	uint64_t *place;

	if (rc)
		return rc;
	place = evp_map_at(&ws->index, (uint64_t)who << 32 | stack, NULL);
	if (!place)
		return -ENOMEM;
	if (!*place) {
		if (evp_grow(&ws->entry, &ws->cap, ws->n + 1, sizeof(*ws->entry)))
			return -ENOMEM;
		ws->entry[ws->n++] = (struct evp_window_entry){ .who = who, .stack = stack };
		*place = ws->n;
	}
	e = &ws->entry[*place - 1];
	e->samples++;
	e->value += value;
	ws->samples++;
	return 0;
}

static int missing(const struct evp_windows *ws, int64_t unix_ns, const char *reason,
		   uint64_t samples, struct evp_loss *ret)
{
	*ret = (struct evp_loss){ .event = ws->event,
				  .window_ns = window_of(ws, unix_ns),
				  .window_len_ns = ws->len_ns,
				  .samples = samples > INT64_MAX ? INT64_MAX : (int64_t)samples };
	if (ret->window_ns < ws->start_ns)
		ret->window_ns = ws->start_ns;
	return evp_writer_cstring(ws->w, reason, &ret->reason);
}

int evp_windows_loss(struct evp_windows *ws, int64_t unix_ns, const char *reason, uint64_t samples)
{
	struct evp_loss l;
	int rc = missing(ws, unix_ns, reason, samples, &l);

	return rc ? rc : evp_writer_loss(ws->w, &l);
}

int evp_windows_dropped(struct evp_windows *ws, int64_t unix_ns)
{
	struct evp_loss l;
	int rc = missing(ws, unix_ns, "relabel", 1, &l);

	return rc ? rc : evp_writer_dropped(ws->w, &l);
}

int evp_windows_advance(struct evp_windows *ws, int64_t unix_ns, int64_t *ret_open)
{
	int rc = open_window(ws, window_of(ws, unix_ns));

	*ret_open = ws->start_ns;
	return rc;
}

void evp_windows_release(struct evp_windows *ws)
{
	evp_map_release(&ws->index);
	evp_map_release(&ws->who_index);
	free(ws->entry);
	free(ws->who);
	ws->entry = NULL;
	ws->who = NULL;
	ws->n = ws->cap = ws->nwho = ws->cwho = 0;
}
