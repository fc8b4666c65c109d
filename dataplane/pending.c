// SPDX-License-Identifier: Apache-2.0
#include "pending.h"

#include "crowd.h"
#include "label.h"
#include "seam.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

enum {
	EVENTS = 64,  /* looked at before the caller looks elsewhere */
	LOOK = 16,    /* origins that are asked whether they still have shares of their own */
	RETRY_MS = 10 /* until there are shares again */
};

/* One connection. */
struct waiting {
	struct crowd_item item; /* of its origin */
	TAILQ_ENTRY(waiting) by_age;
	STAILQ_ENTRY(waiting) by_turn; /* once it has said HELLO */
	struct pending_origin *origin;
	uint64_t till_us;
	bool said_hello;
	struct pending_link link;
};

/* Where connections come from. It outlives them until what they took is paid for. */
struct pending_origin {
	struct label_node node;
	struct crowd_member has;
	uint64_t paid_us;
	STAILQ_HEAD(, waiting) ready;
	TAILQ_ENTRY(pending_origin) turn; /* while some are ready */
	TAILQ_ENTRY(pending_origin) idle; /* while it has none */
};

struct pending {
	int epoll;
	unsigned idle_n;
	bool short_of; /* who is ready waits for shares */
	struct crowd crowd;
	struct label_table origins;
	TAILQ_HEAD(, waiting) ages;
	TAILQ_HEAD(, pending_origin) turns, idles;
	uint64_t shared_us; /* when what was taken of the shares is paid for */
	struct pending_stats stats;
};

struct pending *pending_new(unsigned max, uint64_t seed)
{
	struct pending *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	TAILQ_INIT(&p->ages);
	TAILQ_INIT(&p->turns);
	TAILQ_INIT(&p->idles);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll >= 0 && crowd_init(&p->crowd, max, max) == 0 &&
		label_table_init(&p->origins, seed) == 0)
		return p;
	crowd_fini(&p->crowd);
	if (p->epoll >= 0)
		close(p->epoll);
	free(p);
	return NULL;
}

static void idle_drop(struct pending *p, struct pending_origin *o)
{
	TAILQ_REMOVE(&p->idles, o, idle);
	p->idle_n--;
}

/* Those that have nothing left to pay are forgotten, and the oldest of too many. */
static void idles_forget(struct pending *p, uint64_t now_us)
{
	for (struct pending_origin *o; (o = TAILQ_FIRST(&p->idles));) {
		if (o->paid_us > now_us && p->idle_n <= PENDING_IDLE_MAX)
			return;
		idle_drop(p, o);
		label_remove(&p->origins, &o->node);
		free(o);
	}
}

static struct pending_origin *origin_get(struct pending *p, const struct sockaddr_storage *from)
{
	uint64_t key = seam_origin(from);
	uint32_t high = (uint32_t)(key >> 32), low = (uint32_t)key;
	struct label_node *n = label_find(&p->origins, high, low);
	if (n)
		return LABEL_ENTRY(n, struct pending_origin, node);
	struct pending_origin *o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->node.link = high;
	o->node.label = low;
	STAILQ_INIT(&o->ready);
	label_insert(&p->origins, &o->node);
	TAILQ_INSERT_TAIL(&p->idles, o, idle);
	p->idle_n++;
	return o;
}

/* Out of everything; its descriptor is the caller's. */
static void take_out(struct pending *p, struct waiting *w)
{
	struct pending_origin *o = w->origin;
	if (w->said_hello) {
		STAILQ_REMOVE(&o->ready, w, waiting, by_turn);
		if (STAILQ_EMPTY(&o->ready))
			TAILQ_REMOVE(&p->turns, o, turn);
	}
	TAILQ_REMOVE(&p->ages, w, by_age);
	crowd_leave(&p->crowd, &w->item);
	if (o->has.n)
		return;
	TAILQ_INSERT_TAIL(&p->idles, o, idle);
	p->idle_n++;
}

/* By a reset, which leaves nothing of it in the kernel. */
static void discard(struct pending *p, struct waiting *w, uint64_t *count)
{
	const struct linger now = {.l_onoff = 1};
	take_out(p, w);
	setsockopt(w->link.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(w->link.fd);
	free(w);
	++*count;
}

void pending_free(struct pending *p)
{
	pending_clear(p);
	for (struct pending_origin *o; (o = TAILQ_FIRST(&p->idles));) {
		idle_drop(p, o);
		free(o);
	}
	label_table_fini(&p->origins);
	crowd_fini(&p->crowd);
	close(p->epoll);
	free(p);
}

int pending_epoll(const struct pending *p)
{
	return p->epoll;
}

void pending_add(struct pending *p, uint32_t listener, int fd, const struct sockaddr_storage *from,
	uint64_t now_us)
{
	struct waiting *w = malloc(sizeof *w);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = w};
	idles_forget(p, now_us);
	struct pending_origin *o = w ? origin_get(p, from) : NULL;
	if (!o || epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(w);
		close(fd);
		return;
	}
	struct crowd_item *victim = crowd_victim(&p->crowd, &o->has);
	if (victim)
		discard(p, CROWD_ENTRY(victim, struct waiting, item), &p->stats.crowded);
	if (!o->has.n)
		idle_drop(p, o);
	*w = (struct waiting){.origin = o, .till_us = now_us + PENDING_MS * 1000u};
	w->link = (struct pending_link){.listener = listener, .fd = fd, .from = *from};
	crowd_enter(&p->crowd, &o->has, &w->item);
	TAILQ_INSERT_TAIL(&p->ages, w, by_age);
}

/* Bytes of a HELLO's header, so far. */
static bool may_be_hello(const uint8_t *head, size_t n)
{
	uint8_t whole[WIRE_HEADER] = {0};
	if (n < WIRE_HEADER)
		return head[0] == (WIRE_VERSION << 4 | WIRE_LINK);
	memcpy(whole, head, sizeof whole);
	struct frame_header h = frame_header_decode(whole);
	return h.version == WIRE_VERSION && h.type == WIRE_LINK && h.sub == LINK_HELLO &&
	       !h.label && h.len >= WIRE_FRAME_MIN;
}

static void look(struct pending *p, struct waiting *w, uint32_t events)
{
	uint8_t head[WIRE_HEADER];
	if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
		discard(p, w, &p->stats.left);
		return;
	}
	if (w->said_hello)
		return;
	ssize_t n = recv(w->link.fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		discard(p, w, &p->stats.left);
		return;
	}
	if (!may_be_hello(head, (size_t)n)) {
		discard(p, w, &p->stats.alien);
		return;
	}
	if ((size_t)n < sizeof head)
		return; /* more of it is another event */
	struct pending_origin *o = w->origin;
	if (STAILQ_EMPTY(&o->ready))
		TAILQ_INSERT_TAIL(&p->turns, o, turn);
	w->said_hello = true;
	STAILQ_INSERT_TAIL(&o->ready, w, by_turn);
}

void pending_read(struct pending *p)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(p->epoll, ev, EVENTS, 0);
	for (int i = 0; i < n; i++)
		look(p, ev[i].data.ptr, ev[i].events);
}

/* Takes one of a rate, if it has as much saved up. */
static bool take(uint64_t *paid_us, unsigned rate, unsigned burst, uint64_t now_us)
{
	const uint64_t step_us = 1000000 / rate;
	if (*paid_us < now_us)
		*paid_us = now_us;
	if (*paid_us - now_us > (burst - 1) * step_us)
		return false;
	*paid_us += step_us;
	return true;
}

/* Unix sockets come from this machine. */
static bool has_share(struct pending_origin *o, uint64_t now_us)
{
	return !(o->node.link | o->node.label) ||
	       take(&o->paid_us, PENDING_RATE, PENDING_BURST, now_us);
}

/* The next that has a share of its own, or gets one of those for all. */
static struct pending_origin *next_origin(struct pending *p, uint64_t now_us)
{
	struct pending_origin *o;
	for (unsigned i = 0; i < LOOK && (o = TAILQ_FIRST(&p->turns)); i++) {
		TAILQ_REMOVE(&p->turns, o, turn);
		TAILQ_INSERT_TAIL(&p->turns, o, turn);
		if (has_share(o, now_us) ||
			take(&p->shared_us, PENDING_SHARED_RATE, PENDING_SHARED_BURST, now_us))
			return o;
	}
	return NULL;
}

bool pending_next(struct pending *p, struct pending_link *out, uint64_t now_us)
{
	struct pending_origin *o = next_origin(p, now_us);
	p->short_of = !o && !TAILQ_EMPTY(&p->turns);
	if (!o)
		return false;
	struct waiting *w = STAILQ_FIRST(&o->ready);
	epoll_ctl(p->epoll, EPOLL_CTL_DEL, w->link.fd, NULL);
	*out = w->link;
	take_out(p, w);
	free(w);
	return true;
}

bool pending_shed(struct pending *p)
{
	struct crowd_item *i = crowd_most(&p->crowd);
	if (i)
		discard(p, CROWD_ENTRY(i, struct waiting, item), &p->stats.crowded);
	return i;
}

void pending_listener_gone(struct pending *p, uint32_t listener)
{
	for (struct waiting *w = TAILQ_FIRST(&p->ages), *next; w; w = next) {
		next = TAILQ_NEXT(w, by_age);
		if (w->link.listener == listener)
			discard(p, w, &p->stats.left);
	}
}

void pending_clear(struct pending *p)
{
	for (struct waiting *w; (w = TAILQ_FIRST(&p->ages));)
		discard(p, w, &p->stats.left);
}

int pending_tick(struct pending *p, uint64_t now_us)
{
	struct waiting *w;
	while ((w = TAILQ_FIRST(&p->ages)) && w->till_us <= now_us)
		discard(p, w, &p->stats.silent);
	if (!w)
		return -1;
	uint64_t ms = (w->till_us - now_us) / 1000 + 1;
	return p->short_of && ms > RETRY_MS ? RETRY_MS : (int)ms;
}

unsigned pending_count(const struct pending *p)
{
	return p->crowd.total;
}

const struct pending_stats *pending_stats(const struct pending *p)
{
	return &p->stats;
}
