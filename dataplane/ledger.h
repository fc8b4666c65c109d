/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers of a node know together of its portals: which sessions serve an inlet, how each
 * has to do, and what their connections have moved. An account is of an inlet (by its number) or of
 * an outlet (by the name that its peers ask for); a seat is one session that takes connections of
 * an inlet; a guest is a connection, part of what its worker has for it. Any thread: one lock,
 * taken when connections come and go and when one turns bulk, and atomic counts. Seats live while
 * somebody has them, accounts longer, for their sums; ledger_free takes what is left.
 */
#ifndef OCKAM_LEDGER_H
#define OCKAM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
	LEDGER_WORKERS = 64,
	LEDGER_ACCOUNTS = 4096, /* then one is forgotten that nobody uses */
	/* so much, in pieces that are not small, within so long is bulk; for so long after it */
	LEDGER_BULK = 64 << 10,
	LEDGER_PIECE = 2 << 10,
	LEDGER_WINDOW_MS = 250,
	LEDGER_MEMORY_MS = 1000,
};

struct ledger;
struct account;
struct seat;

struct guest {
	struct account *account; /* NULL: counts nowhere */
	struct seat *seat;	 /* NULL: of an outlet */
	unsigned worker;
	uint64_t rx, tx; /* as it was counted last */
	uint64_t since_ms;
	size_t large; /* since then */
	/* under the lock */
	TAILQ_ENTRY(guest) bulk_at;
	bool bulk;
	uint64_t bulk_ms;
};

struct ledger *ledger_new(void); /* NULL: no memory */
void ledger_free(struct ledger *l);

/* A session of this worker takes connections of an inlet; `io`: what seat_io shall return. NULL: no
 * memory. */
struct seat *seat_take(struct ledger *l, uint32_t portal, unsigned worker, void *io);
/* It takes no more, seat_io is NULL from now on. */
void seat_leave(struct ledger *l, struct seat *s);
void *seat_io(const struct seat *s); /* its worker only */
unsigned seat_worker(const struct seat *s);
uint32_t seat_portal(const struct seat *s);

/*
 * The seat for a new connection, of which it is expected from now on: the one with fewest bulk
 * connections, on the worker with fewest, then with fewest connections, then one of `worker`
 * itself, then in turn. NULL: there is none. Then one of the next two.
 */
struct seat *seat_choose(struct ledger *l, uint32_t portal, unsigned worker, uint64_t now_ms);
bool seats_any(struct ledger *l, uint32_t portal); /* whether seat_choose would find one */
void guest_come(struct guest *g, struct seat *s);
void seat_give_up(struct ledger *l, struct seat *s); /* it does not come */

/* A connection of an outlet; without memory it counts nowhere. */
void guest_come_by_name(struct ledger *l, struct guest *g, const char *service, unsigned worker);
/* What it has moved so far, to the application and from it, n bytes of that just now. */
void guest_moved(
	struct ledger *l, struct guest *g, uint64_t rx, uint64_t tx, size_t n, uint64_t now_ms);
void guest_leave(struct ledger *l, struct guest *g);

struct ledger_sum {
	uint64_t open, streams, rx, tx;
};
/* Of an inlet's connections, or of those to a service (when that is not NULL): how many are open;
 * how many there were, and what they moved, those that are open included. */
struct ledger_sum ledger_sum(struct ledger *l, uint32_t portal, const char *service);

#endif
