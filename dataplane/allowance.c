// SPDX-License-Identifier: Apache-2.0
/*
 * The bucket is a time until which everything is paid for: a byte costs 1/rate seconds, and what is
 * paid may be at most burst/rate ahead of now. So in any time t at most rate * t + burst bytes are
 * taken, however many links share it.
 */
#include "allowance.h"

#include "spin.h"

#include <pthread.h>
#include <stdlib.h>

struct allowances {
	pthread_mutex_t lock;
	struct limits *limits;
	LIST_HEAD(, allowance) tenants;
};

void limits_init(struct limits *l)
{
	atomic_init(&l->rate, 0);
	atomic_init(&l->burst, 0);
	atomic_init(&l->queue, 0);
	atomic_init(&l->busy_poll_us, SPIN_NS / 1000);
}

struct allowances *allowances_new(struct limits *l)
{
	struct allowances *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	pthread_mutex_init(&a->lock, NULL);
	a->limits = l;
	return a;
}

void allowances_free(struct allowances *a)
{
	if (!a)
		return;
	for (struct allowance *w; (w = LIST_FIRST(&a->tenants));) {
		LIST_REMOVE(w, next);
		free(w);
	}
	pthread_mutex_destroy(&a->lock);
	free(a);
}

const struct limits *allowances_limits(const struct allowances *a)
{
	return a->limits;
}

static struct allowance *of_tenant(const struct allowances *a, uint64_t tenant)
{
	struct allowance *w;
	LIST_FOREACH(w, &a->tenants, next)
	if (w->tenant == tenant)
		break;
	return w;
}

/* One of its own is known to its link alone: links come and go by thousands. */
struct allowance *allowance_join(struct allowances *a, uint64_t tenant)
{
	struct allowance *w = NULL;
	if (!tenant) {
		if ((w = calloc(1, sizeof *w)))
			w->links = 1;
		return w;
	}
	pthread_mutex_lock(&a->lock);
	w = of_tenant(a, tenant);
	if (!w && (w = calloc(1, sizeof *w))) {
		w->tenant = tenant;
		LIST_INSERT_HEAD(&a->tenants, w, next);
	}
	if (w)
		w->links++;
	pthread_mutex_unlock(&a->lock);
	return w;
}

void allowance_leave(struct allowances *a, struct allowance *w)
{
	if (!w)
		return;
	if (!w->tenant) {
		if (atomic_fetch_sub(&w->links, 1) == 1)
			free(w);
		return;
	}
	pthread_mutex_lock(&a->lock);
	if (atomic_fetch_sub(&w->links, 1) == 1) {
		LIST_REMOVE(w, next);
		free(w);
	}
	pthread_mutex_unlock(&a->lock);
}

static uint64_t rate_of(const struct limits *l)
{
	uint64_t rate = atomic_load_explicit(&l->rate, memory_order_relaxed);
	return rate > (uint64_t)LIMITS_RATE_MAX << 10 ? 0 : rate;
}

/* Rounded up, so that what was taken is never cheaper than it is. */
static uint64_t time_of(uint64_t bytes, uint64_t rate)
{
	const uint64_t s = 1000000000;
	return bytes / rate * s + (bytes % rate * s + rate - 1) / rate;
}

static uint64_t bytes_in(uint64_t ns, uint64_t rate)
{
	const uint64_t s = 1000000000;
	return ns / s * rate + ns % s * rate / s;
}

size_t allowance_take(
	struct allowance *w, const struct limits *l, size_t n, uint64_t now_ns, uint64_t *at_ns)
{
	uint64_t rate = rate_of(l), burst = atomic_load_explicit(&l->burst, memory_order_relaxed);
	if (!w || !rate || !n)
		return n;
	if (burst < LIMITS_BURST_LEAST)
		burst = LIMITS_BURST_LEAST;
	uint64_t depth = time_of(burst, rate);
	uint64_t paid = atomic_load_explicit(&w->paid_ns, memory_order_relaxed), from, got;
	do {
		from = paid > now_ns ? paid : now_ns;
		uint64_t room = from - now_ns < depth ? bytes_in(depth - (from - now_ns), rate) : 0;
		got = room < n ? room : n;
		if (!got) {
			atomic_fetch_add_explicit(&w->limited, 1, memory_order_relaxed);
			/* for as much as is worth a receive: half of what may be saved up */
			*at_ns = from - depth / 2;
			return 0;
		}
	} while (!atomic_compare_exchange_weak(&w->paid_ns, &paid, from + time_of(got, rate)));
	return got;
}

void allowance_give(struct allowance *w, const struct limits *l, size_t n)
{
	uint64_t rate = rate_of(l);
	if (w && rate && n)
		atomic_fetch_sub_explicit(
			&w->paid_ns, (uint64_t)n * 1000000000 / rate, memory_order_relaxed);
}

bool allowance_counts(const struct limits *l)
{
	return atomic_load_explicit(&l->queue, memory_order_relaxed) > 0;
}

struct allowance *allowance_ref(struct allowance *w)
{
	if (w)
		atomic_fetch_add_explicit(&w->links, 1, memory_order_relaxed);
	return w;
}

bool allowance_queue(struct allowance *w, const struct limits *l, size_t n)
{
	uint64_t max = atomic_load_explicit(&l->queue, memory_order_relaxed);
	if (!w)
		return true;
	uint64_t before = atomic_fetch_add_explicit(&w->queued, n, memory_order_relaxed);
	if (!max || before + n <= max)
		return true;
	atomic_fetch_sub_explicit(&w->queued, n, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->limited, 1, memory_order_relaxed);
	return false;
}

bool allowance_is_near(const struct allowance *w, const struct limits *l)
{
	uint64_t max = atomic_load_explicit(&l->queue, memory_order_relaxed);
	return max && atomic_load_explicit(&w->queued, memory_order_relaxed) > max / 2;
}

void allowance_unqueue(struct allowance *w, size_t n)
{
	if (w)
		atomic_fetch_sub_explicit(&w->queued, n, memory_order_relaxed);
}
