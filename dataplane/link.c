// SPDX-License-Identifier: Apache-2.0
#include "link.h"

#include <assert.h>
#include <string.h>

uint32_t link_id(const struct link *l)
{
	return l->node.link;
}

uint64_t link_frames_handled(const struct link *l)
{
	return l->frames_handled;
}

uint64_t link_frames_received(const struct link *l)
{
	return l->frames_rx;
}

bool link_is_alone(const struct link *l)
{
	return !l->origin;
}

uint64_t link_frames_useless(const struct link *l)
{
	return l->useless;
}

struct allowance *link_allowance(const struct link *l)
{
	return l->allowance;
}

void *link_io(const struct link *l)
{
	return l->io;
}

bool link_is_datagram(const struct link *l)
{
	return l->datagram;
}

bool link_is_up(const struct link *l)
{
	return l->up;
}

void link_flow_add(struct link *l, struct flow *f)
{
	/* who was alone got more than a turn of several is worth */
	if (l->first && l->first == l->last && l->first->deficit > LINK_QUANTUM)
		l->first->deficit = LINK_QUANTUM;
	f->next = NULL;
	f->out = l;
	f->active = true;
	f->had_turn = false;
	f->deficit = 0;
	if (l->last)
		l->last->next = f;
	else
		l->first = f;
	l->last = f;
	if (!f->is_session)
		l->backlogs++;
}

void link_flow_remove(struct link *l, struct flow *f)
{
	struct flow *prev = NULL;
	for (struct flow *i = l->first; i && i != f; i = i->next)
		prev = i;
	if (prev)
		prev->next = f->next;
	else
		l->first = f->next;
	if (l->last == f)
		l->last = prev;
	f->next = NULL;
	f->active = false;
	if (!f->is_session)
		l->backlogs--;
}

void link_flow_rotate(struct link *l)
{
	struct flow *f = l->first;
	f->had_turn = false;
	if (f == l->last)
		return;
	l->first = f->next;
	l->last->next = f;
	l->last = f;
	f->next = NULL;
}

void link_piece_add(struct link *l, struct buf *b, uint8_t *p, size_t n)
{
	assert(l->pieces < ENGINE_IOV_MAX);
	l->iov[l->pieces] = (struct iovec){p, n};
	l->piece[l->pieces] = (struct tx_piece){.b = b};
	l->pieces++;
	l->tx_bytes += n;
}

void link_conduit_add(struct link *l, struct conduit *c, size_t n)
{
	if (l->pieces && l->piece[l->pieces - 1].c == c) {
		l->iov[l->pieces - 1].iov_len += n;
		l->tx_bytes += n;
		c->put(c, 0);
		return;
	}
	link_piece_add(l, NULL, NULL, n);
	l->piece[l->pieces - 1].c = c;
}

static void piece_put(struct tx_piece *p, size_t left)
{
	buf_put(p->b);
	if (p->c)
		p->c->put(p->c, left);
}

void link_pieces_sent(struct link *l, size_t sent)
{
	unsigned i = 0;
	l->tx_bytes -= sent;
	for (; i < l->pieces && sent >= l->iov[i].iov_len; i++) {
		sent -= l->iov[i].iov_len;
		piece_put(&l->piece[i], 0);
	}
	l->pieces -= i;
	memmove(l->iov, l->iov + i, l->pieces * sizeof l->iov[0]);
	memmove(l->piece, l->piece + i, l->pieces * sizeof l->piece[0]);
	if (sent) {
		if (l->piece[0].b)
			l->iov[0].iov_base = (uint8_t *)l->iov[0].iov_base + sent;
		l->iov[0].iov_len -= sent;
	}
}

void link_pieces_clear(struct link *l)
{
	for (unsigned i = 0; i < l->pieces; i++)
		piece_put(&l->piece[i], l->iov[i].iov_len);
	l->pieces = 0;
	l->tx_bytes = 0;
}

bool link_reset_allowed(struct link *l, uint64_t now_ms)
{
	const uint64_t step = 1000 / LINK_RESET_RATE, depth = step * LINK_RESET_BURST;
	if (l->reset_ms + depth < now_ms + step)
		l->reset_ms = now_ms + step > depth ? now_ms + step - depth : 0;
	if (l->reset_ms > now_ms)
		return false;
	l->reset_ms += step;
	return true;
}
