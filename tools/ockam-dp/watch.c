// SPDX-License-Identifier: Apache-2.0
/* Rates: what counters have gained since the round before, the busiest rows first. */
#include "run.h"

#include "cell.h"
#include "layout.h"
#include "print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { WATCH_ROWS = 65536 };

struct seen {
	uint64_t hash; /* of the node and the keys */
	uint64_t n[ADMIN_A_END];
};

struct watched {
	char node[65];
	struct admin_msg row;
	char text[3 * ADMIN_TEXT_MAX]; /* its key texts and state */
	uint64_t busy;
};

struct round {
	const struct dp *d;
	const struct dp_command *c;
	struct seen *before, *now; /* sorted by hash */
	unsigned n_before, n_now;
	struct watched **top;
	unsigned n_top, cap;
	double seconds;
	bool first;
};

static bool is_counter(unsigned a)
{
	return a == ADMIN_A_FRAMES_RX || a == ADMIN_A_FRAMES_TX || a == ADMIN_A_BYTES_RX ||
	       a == ADMIN_A_BYTES_TX || a == ADMIN_A_DROPPED || a == ADMIN_A_VALUE ||
	       a == ADMIN_A_HITS;
}

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;
	while (n--)
		h = (h ^ *b++) * 0x100000001b3ull;
	return h;
}

static uint64_t key_hash(const char *node, const struct admin_msg *row)
{
	const uint64_t keys = admin_objects[admin_object_of(row->type)].keys;
	uint64_t h = hash_bytes(0xcbf29ce484222325ull, node, strlen(node));
	for (unsigned a = 1; a < ADMIN_A_END; a++) {
		if (!(keys & row->has & ADMIN_HAS(a)))
			continue;
		if (admin_attrs[a].kind == ADMIN_TEXT)
			h = hash_bytes(h, row->v[a].text, row->v[a].n);
		else
			h = hash_bytes(h, &row->v[a].n, sizeof row->v[a].n);
	}
	return h;
}

static int by_hash(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int by_busy(const void *a, const void *b)
{
	const struct watched *x = *(struct watched *const *)a, *y = *(struct watched *const *)b;
	return x->busy > y->busy ? -1 : x->busy < y->busy;
}

/* Counters become rates. */
static void to_rates(struct round *r, struct watched *w, const struct seen *now)
{
	const struct seen *was = bsearch(now, r->before, r->n_before, sizeof *now, by_hash);
	for (unsigned a = 1; a < ADMIN_A_END; a++) {
		if (!is_counter(a) || !(w->row.has & ADMIN_HAS(a)))
			continue;
		uint64_t gain = was && now->n[a] >= was->n[a] ? now->n[a] - was->n[a] : 0;
		w->row.v[a].n = r->first ? 0 : (uint64_t)((double)gain / r->seconds + 0.5);
		w->busy += w->row.v[a].n;
	}
}

static void keep_texts(struct watched *w)
{
	size_t at = 0;
	for (unsigned a = 1; a < ADMIN_A_END; a++) {
		if (!(w->row.has & ADMIN_HAS(a)) || admin_attrs[a].kind != ADMIN_TEXT)
			continue;
		size_t n = w->row.v[a].n + 1;
		if (n > sizeof w->text - at) {
			w->row.has &= ~ADMIN_HAS(a);
			continue;
		}
		memcpy(w->text + at, w->row.v[a].text, n);
		w->row.v[a].text = w->text + at;
		at += n;
	}
}

static int take(void *ctx, const char *node, const struct admin_msg *row)
{
	struct round *r = ctx;
	if (r->n_now == WATCH_ROWS)
		return DP_OK;
	struct seen *now = &r->now[r->n_now++];
	struct watched *w = calloc(1, sizeof *w);
	if (!w)
		return dp_fail(r->d, DP_INTERNAL, "out of memory");
	now->hash = key_hash(node, row);
	for (unsigned a = 1; a < ADMIN_A_END; a++)
		now->n[a] = row->v[a].n;
	w->row = *row;
	snprintf(w->node, sizeof w->node, "%s", node);
	keep_texts(w);
	to_rates(r, w, now);
	r->top[r->n_top++] = w;
	return DP_OK;
}

static int node_round(void *ctx, const char *node)
{
	struct round *r = ctx;
	return run_dump(r->d, r->c, node, take, r);
}

static unsigned lines_of_terminal(void)
{
	struct winsize w;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 4 ? w.ws_row - 3u : 0;
}

/* The busiest rows, as many as the terminal has lines for; then they are forgotten. */
static int write_round(struct round *r)
{
	const bool terminal = isatty(STDOUT_FILENO) && !r->d->o.json;
	unsigned lines = terminal ? lines_of_terminal() : 0;
	struct print *p = print_new(r->d, r->c->object);
	int rc = p ? DP_OK : dp_fail(r->d, DP_INTERNAL, "out of memory");
	qsort(r->top, r->n_top, sizeof *r->top, by_busy);
	if (rc == DP_OK && terminal)
		printf("\033[H\033[2J");
	if (rc == DP_OK && !r->d->o.json)
		printf("per second, over %.1f s\n", r->seconds);
	for (unsigned i = 0; i < r->n_top; i++) {
		if (rc == DP_OK && (!lines || i < lines))
			rc = print_row(p, r->top[i]->node, &r->top[i]->row);
		free(r->top[i]);
	}
	r->n_top = 0;
	if (rc == DP_OK)
		rc = print_end_unsorted(p);
	print_free(p);
	return rc;
}

static double clock_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_s(double s)
{
	struct timespec ts = {.tv_sec = (time_t)s};
	ts.tv_nsec = (long)((s - (double)ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

/* The first round only counts. */
static int rounds(struct round *r)
{
	double last = clock_s();
	for (unsigned i = 0;; i++) {
		struct seen *swap = r->before;
		r->first = i == 0;
		r->n_now = 0;
		double now = clock_s();
		r->seconds = now > last ? now - last : r->d->o.watch_s;
		last = now;
		int rc = run_nodes(r->d, node_round, r);
		if (rc == DP_OK && i)
			rc = write_round(r);
		while (r->n_top)
			free(r->top[--r->n_top]);
		if (rc || (r->d->o.count && i == r->d->o.count))
			return rc;
		qsort(r->now, r->n_now, sizeof *r->now, by_hash);
		r->before = r->now;
		r->n_before = r->n_now;
		r->now = swap;
		sleep_s(r->d->o.watch_s);
	}
}

int run_watch(const struct dp *d, const struct dp_command *c)
{
	struct dp with_stats = *d;
	with_stats.o.stats = true;
	struct round r = {.d = &with_stats, .c = c};
	r.before = calloc(WATCH_ROWS, sizeof *r.before);
	r.now = calloc(WATCH_ROWS, sizeof *r.now);
	r.top = calloc(WATCH_ROWS, sizeof(*r.top));
	int rc = r.before && r.now && r.top ? rounds(&r) : dp_fail(d, DP_INTERNAL, "out of memory");
	free(r.before);
	free(r.now);
	free(r.top);
	return rc;
}
