// SPDX-License-Identifier: Apache-2.0
/*
 * A connection shows only later what it is, so those that are open count as well as those that are
 * bulk, and what counts first is what would stand in its way: bulk in the same session, then bulk
 * on the same worker. Being bulk is forgotten by time, when somebody looks.
 */
#include "ledger.h"

#include "wire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct seat {
	TAILQ_ENTRY(seat) next;
	struct account *account;
	void *io;
	unsigned worker;
	unsigned guests, bulk;
	uint64_t turn; /* when it was chosen last */
};

struct account {
	TAILQ_ENTRY(account) next;
	uint32_t portal; /* 0: of a service */
	char service[WIRE_NAME_MAX + 1];
	unsigned users;
	TAILQ_HEAD(, seat) seats;
	atomic_uint_fast64_t open, streams, rx, tx;
};

struct ledger {
	pthread_mutex_t lock;
	TAILQ_HEAD(accounts, account) accounts; /* last used first */
	unsigned n;
	TAILQ_HEAD(, guest) bulk;
	unsigned guests[LEDGER_WORKERS];
	uint64_t turn;
};

struct ledger *ledger_new(void)
{
	struct ledger *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	TAILQ_INIT(&l->accounts);
	TAILQ_INIT(&l->bulk);
	return l;
}

static void account_free(struct ledger *l, struct account *a)
{
	TAILQ_REMOVE(&l->accounts, a, next);
	l->n--;
	for (struct seat *s; (s = TAILQ_FIRST(&a->seats));) {
		TAILQ_REMOVE(&a->seats, s, next);
		free(s);
	}
	free(a);
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	while (!TAILQ_EMPTY(&l->accounts))
		account_free(l, TAILQ_FIRST(&l->accounts));
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static struct account *account_find(struct ledger *l, uint32_t portal, const char *service)
{
	struct account *a;
	TAILQ_FOREACH(a, &l->accounts, next)
	if (service ? !a->portal && !strcmp(a->service, service) : a->portal == portal)
		return a;
	return NULL;
}

/* Their sums are kept for who asks, but not without end. */
static void forget_unused(struct ledger *l)
{
	struct account *a = TAILQ_LAST(&l->accounts, accounts);
	while (a && a->users)
		a = TAILQ_PREV(a, accounts, next);
	if (a)
		account_free(l, a);
}

static struct account *account_new(struct ledger *l, uint32_t portal, const char *service)
{
	struct account *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->portal = portal;
	if (service)
		memcpy(a->service, service, strnlen(service, WIRE_NAME_MAX));
	TAILQ_INIT(&a->seats);
	if (l->n >= LEDGER_ACCOUNTS)
		forget_unused(l);
	l->n++;
	return a;
}

/* The caller is one more who uses it. */
static struct account *account_get(struct ledger *l, uint32_t portal, const char *service)
{
	struct account *a = account_find(l, portal, service);
	if (a)
		TAILQ_REMOVE(&l->accounts, a, next);
	else if (!(a = account_new(l, portal, service)))
		return NULL;
	TAILQ_INSERT_HEAD(&l->accounts, a, next);
	a->users++;
	return a;
}

struct seat *seat_take(struct ledger *l, uint32_t portal, unsigned worker, void *io)
{
	struct seat *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	pthread_mutex_lock(&l->lock);
	s->account = account_get(l, portal, NULL);
	s->worker = worker;
	s->io = io;
	if (s->account)
		TAILQ_INSERT_TAIL(&s->account->seats, s, next);
	pthread_mutex_unlock(&l->lock);
	if (s->account)
		return s;
	free(s);
	return NULL;
}

/* Gone when it takes nobody and has nobody. */
static void seat_check(struct seat *s)
{
	struct account *a = s->account;
	if (s->io || s->guests)
		return;
	TAILQ_REMOVE(&a->seats, s, next);
	free(s);
	a->users--;
}

void seat_leave(struct ledger *l, struct seat *s)
{
	pthread_mutex_lock(&l->lock);
	s->io = NULL;
	seat_check(s);
	pthread_mutex_unlock(&l->lock);
}

void *seat_io(const struct seat *s)
{
	return s->io;
}

unsigned seat_worker(const struct seat *s)
{
	return s->worker;
}

uint32_t seat_portal(const struct seat *s)
{
	return s->account->portal;
}

static void bulk_end(struct ledger *l, struct guest *g)
{
	if (!g->bulk)
		return;
	g->bulk = false;
	TAILQ_REMOVE(&l->bulk, g, bulk_at);
}

/* How many bulk connections each worker has, and each of this account's seats. */
static void count_bulk(
	struct ledger *l, struct account *a, unsigned of[static LEDGER_WORKERS], uint64_t now_ms)
{
	struct seat *s;
	struct guest *g, *next;
	TAILQ_FOREACH(s, &a->seats, next)
	s->bulk = 0;
	for (g = TAILQ_FIRST(&l->bulk); g; g = next) {
		next = TAILQ_NEXT(g, bulk_at);
		if (now_ms > g->bulk_ms + LEDGER_MEMORY_MS) {
			bulk_end(l, g);
			continue;
		}
		of[g->worker]++;
		if (g->seat)
			g->seat->bulk++;
	}
}

/* Less is better, in this order. */
struct weight {
	uint64_t what[7];
};

static bool lighter(const struct weight *a, const struct weight *b)
{
	for (unsigned i = 0; i < sizeof a->what / sizeof *a->what; i++)
		if (a->what[i] != b->what[i])
			return a->what[i] < b->what[i];
	return false;
}

static struct weight weigh(
	const struct ledger *l, const struct seat *s, const unsigned bulk[], unsigned worker)
{
	return (struct weight){{s->guests >= WIRE_STREAMS_MAX, s->bulk, bulk[s->worker], s->guests,
		l->guests[s->worker], s->worker != worker, s->turn}};
}

struct seat *seat_choose(struct ledger *l, uint32_t portal, unsigned worker, uint64_t now_ms)
{
	unsigned bulk[LEDGER_WORKERS] = {0};
	struct seat *s, *best = NULL;
	struct weight least = {0};
	pthread_mutex_lock(&l->lock);
	struct account *a = account_find(l, portal, NULL);
	if (a) {
		count_bulk(l, a, bulk, now_ms);
		TAILQ_FOREACH(s, &a->seats, next)
		{
			struct weight w = weigh(l, s, bulk, worker);
			if (s->io && (!best || lighter(&w, &least))) {
				best = s;
				least = w;
			}
		}
	}
	if (best) {
		best->guests++;
		best->turn = ++l->turn;
		l->guests[best->worker]++;
	}
	pthread_mutex_unlock(&l->lock);
	return best;
}

bool seats_any(struct ledger *l, uint32_t portal)
{
	const struct seat *s = NULL;
	pthread_mutex_lock(&l->lock);
	const struct account *a = account_find(l, portal, NULL);
	if (a)
		TAILQ_FOREACH(s, &a->seats, next)
	if (s->io)
		break;
	pthread_mutex_unlock(&l->lock);
	return s != NULL;
}

static void come(struct account *a)
{
	atomic_fetch_add_explicit(&a->open, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&a->streams, 1, memory_order_relaxed);
}

void guest_come(struct guest *g, struct seat *s)
{
	*g = (struct guest){.account = s->account, .seat = s, .worker = s->worker};
	come(s->account);
}

static void seat_vacate(struct ledger *l, struct seat *s)
{
	l->guests[s->worker]--;
	s->guests--;
	seat_check(s);
}

void seat_give_up(struct ledger *l, struct seat *s)
{
	pthread_mutex_lock(&l->lock);
	seat_vacate(l, s);
	pthread_mutex_unlock(&l->lock);
}

void guest_come_by_name(struct ledger *l, struct guest *g, const char *service, unsigned worker)
{
	*g = (struct guest){.worker = worker};
	pthread_mutex_lock(&l->lock);
	g->account = account_get(l, 0, service);
	if (g->account)
		l->guests[worker]++;
	pthread_mutex_unlock(&l->lock);
	if (g->account)
		come(g->account);
}

/* Once for each time that there was enough. */
static void look_at_size(struct ledger *l, struct guest *g, size_t n, uint64_t now_ms)
{
	if (n <= LEDGER_PIECE)
		return;
	if (now_ms >= g->since_ms + LEDGER_WINDOW_MS) {
		g->since_ms = now_ms;
		g->large = 0;
	}
	size_t before = g->large;
	g->large += n;
	if (before >= LEDGER_BULK || g->large < LEDGER_BULK)
		return;
	pthread_mutex_lock(&l->lock);
	g->bulk_ms = now_ms;
	if (!g->bulk)
		TAILQ_INSERT_TAIL(&l->bulk, g, bulk_at);
	g->bulk = true;
	pthread_mutex_unlock(&l->lock);
}

void guest_moved(
	struct ledger *l, struct guest *g, uint64_t rx, uint64_t tx, size_t n, uint64_t now_ms)
{
	struct account *a = g->account;
	if (!a)
		return;
	if (rx != g->rx)
		atomic_fetch_add_explicit(&a->rx, rx - g->rx, memory_order_relaxed);
	if (tx != g->tx)
		atomic_fetch_add_explicit(&a->tx, tx - g->tx, memory_order_relaxed);
	g->rx = rx;
	g->tx = tx;
	look_at_size(l, g, n, now_ms);
}

void guest_leave(struct ledger *l, struct guest *g)
{
	struct account *a = g->account;
	if (!a)
		return;
	atomic_fetch_sub_explicit(&a->open, 1, memory_order_relaxed);
	pthread_mutex_lock(&l->lock);
	bulk_end(l, g);
	if (g->seat) {
		seat_vacate(l, g->seat);
	} else {
		l->guests[g->worker]--;
		a->users--;
	}
	pthread_mutex_unlock(&l->lock);
	g->account = NULL;
}

struct ledger_sum ledger_sum(struct ledger *l, uint32_t portal, const char *service)
{
	struct ledger_sum sum = {0};
	pthread_mutex_lock(&l->lock);
	const struct account *a = account_find(l, portal, service);
	if (a) {
		sum.open = atomic_load_explicit(&a->open, memory_order_relaxed);
		sum.streams = atomic_load_explicit(&a->streams, memory_order_relaxed);
		sum.rx = atomic_load_explicit(&a->rx, memory_order_relaxed);
		sum.tx = atomic_load_explicit(&a->tx, memory_order_relaxed);
	}
	pthread_mutex_unlock(&l->lock);
	return sum;
}
