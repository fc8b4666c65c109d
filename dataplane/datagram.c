// SPDX-License-Identifier: Apache-2.0
/* Datagram links: their frames as datagrams, and whether the other end is there. */
#include "datagram.h"

#include "engine_private.h"

#include <errno.h>

/* The first frame of what is left; its length, 0: there is none. */
static uint32_t front(const struct datagrams *d, const uint8_t **p)
{
	if (!d->n)
		return 0;
	*p = (const uint8_t *)d->iov->iov_base + d->off;
	return get_be16(*p + 2);
}

static void step(struct datagrams *d, uint32_t len)
{
	d->off += len;
	if (d->off < d->iov->iov_len)
		return;
	d->iov++;
	d->n--;
	d->off = 0;
}

static void run_add(struct datagram_run *run, const uint8_t *p, uint32_t len)
{
	struct iovec *last = run->pieces ? &run->iov[run->pieces - 1] : NULL;
	if (last && (const uint8_t *)last->iov_base + last->iov_len == p)
		last->iov_len += len;
	else
		run->iov[run->pieces++] = (struct iovec){(void *)(uintptr_t)p, len};
	run->frames++;
	run->bytes += len;
}

size_t datagrams_next(struct datagrams *d, unsigned most, struct datagram_run *out)
{
	const uint8_t *p;
	uint32_t len = front(d, &p), label;
	out->pieces = out->frames = 0;
	out->bytes = 0;
	out->segment = len;
	if (!len)
		return 0;
	label = get_be32(p + 4);
	if (most > DATAGRAM_RUN_MAX)
		most = DATAGRAM_RUN_MAX;
	do {
		run_add(out, p, len);
		step(d, len);
		if (len < out->segment) /* a shorter one is the last */
			break;
		len = front(d, &p);
	} while (len && len <= out->segment && get_be32(p + 4) == label && out->frames < most &&
		 out->bytes + len <= DATAGRAM_RUN_BYTES);
	return out->bytes;
}

bool datagram_tagged(uint8_t type)
{
	return type != WIRE_DATA && type != WIRE_FINISH;
}

void datagram_asked(struct engine *e, struct link *l)
{
	if (l->unheard_ms || !l->up)
		return;
	l->unheard_ms = e->now_ms ? e->now_ms : 1;
	timer_nearer(&e->timers, &l->timer, e->now_ms + WIRE_UDP_SILENT_MS);
}

void datagram_heard(struct engine *e, struct link *l)
{
	l->last_rx_ms = e->now_ms;
	l->unheard_ms = 0;
	l->pings = 0;
}

void datagram_bye(struct engine *e, struct link *l)
{
	static_assert(WIRE_VERSION < 24, "one byte of CBOR");
	uint8_t f[WIRE_HEADER + 2];
	frame_header_encode(f, WIRE_LINK, LINK_BYE, sizeof f, 0, 0);
	f[WIRE_HEADER] = 0x81;
	f[WIRE_HEADER + 1] = WIRE_VERSION;
	tx_ctl(e, l, f, sizeof f);
}

static void ping(struct engine *e, struct link *l)
{
	uint8_t f[WIRE_HEADER + 8];
	frame_header_encode(f, WIRE_LINK, LINK_PING, sizeof f, 0, 0);
	put_be64(f + WIRE_HEADER, e->now_ms);
	tx_ctl(e, l, f, sizeof f);
	l->ping_ms = e->now_ms;
	if (++l->pings == 2 && l->dialled) { /* one is unanswered: the link may have to move */
		struct seam_msg m = event_of(SEAM_LINK_SILENT, SEAM_HAS(SEAM_A_LINK));
		m.link = link_id(l);
		e->cfg.ops->event(e->cfg.ctx, &m);
	}
}

/* When it has to PING next. */
static uint64_t ping_due(const struct link *l)
{
	const uint64_t second = 1000;
	if (l->pings)
		return l->ping_ms + second;
	uint64_t idle = l->last_rx_ms + (l->dialled ? WIRE_UDP_PING_DIALLED_MS : WIRE_UDP_PING_MS);
	uint64_t unheard = l->unheard_ms + WIRE_UDP_SILENT_MS;
	return l->unheard_ms && unheard < idle ? unheard : idle;
}

/* What the kernel has taken in says that the link lives; it is asked now and then all the same, so
 * that a NAT or a filter on the way keeps what it knows. */
static void hear_kernel(struct engine *e, struct link *l)
{
	struct passed in, out;
	if (!l->unheard_ms || !e->cfg.ops->link_passed)
		return;
	e->cfg.ops->link_passed(e->cfg.ctx, link_id(l), &in, &out);
	if (in.last_ms <= l->unheard_ms)
		return;
	l->unheard_ms = 0;
	l->pings = 0;
}

void datagram_timer_fire(struct engine *e, struct link *l)
{
	const uint64_t lost = l->dialled ? WIRE_UDP_LOST_MS : WIRE_UDP_LOST_ACCEPTED_MS;
	if (!l->up) {
		timer_set(&e->timers, &l->timer, UINT64_MAX);
		return;
	}
	hear_kernel(e, l);
	if (l->unheard_ms && l->pings >= LINK_PINGS && e->now_ms >= l->unheard_ms + lost) {
		link_destroy(e, l, -ETIMEDOUT, true);
		return;
	}
	if (ping_due(l) <= e->now_ms)
		ping(e, l);
	timer_set(&e->timers, &l->timer, ping_due(l));
}
