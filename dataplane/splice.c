// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes that are looked at are always taken next, however few they are: what is left in a socket
 * keeps a whole segment's memory there, and may so keep the window closed for what it waits for.
 */
#include "splice.h"

#include "bufpool.h"
#include "conduit_pipe.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

enum {
	REFUSED_MAX = 8,	/* frames in a row: it is not worth it */
	MEMORY_RECV = 64 << 10, /* of a frame that does not pass */
};

static void nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int splice_begin(struct splice *s, int fd)
{
	*s = (struct splice){.fd = fd, .c = conduit_pipe_new()};
	if (!s->c)
		return -EMFILE;
	nonblock(fd, true);
	return 0;
}

void splice_end(struct splice *s)
{
	if (!s->c)
		return;
	nonblock(s->fd, false);
	s->c->put(s->c, 0);
	s->c = NULL;
}

int splice_room_fd(const struct splice *s)
{
	return conduit_pipe_room_fd(s->c);
}

/* Tells the engine of what is whole. */
static void tell(struct splice *s, struct engine *e, struct link *const *lp, uint64_t now_ms)
{
	struct through run = s->run;
	s->run = (struct through){0};
	if (!run.len || !*lp)
		return; /* the pipe goes with its link */
	run.c = conduit_pipe_get(s->c);
	run.way = s->way;
	engine_rx_through(e, *lp, &run, now_ms);
}

/* Receives at most n bytes for the engine: how many, or negative errno, -EPIPE for the end. */
static ssize_t take(
	struct splice *s, struct engine *e, struct link *const *lp, size_t n, uint64_t now_ms)
{
	if (n > MEMORY_RECV)
		n = MEMORY_RECV;
	tell(s, e, lp, now_ms);
	struct buf *b = *lp ? buf_plain((uint32_t)n) : NULL;
	if (!b)
		return -ENOMEM;
	ssize_t k = recv(s->fd, b->data, n, MSG_DONTWAIT);
	if (k > 0)
		engine_rx(e, *lp, b, b->data, (size_t)k, now_ms);
	else
		k = k ? -errno : -EPIPE;
	buf_put(b);
	return k;
}

/* What is there of the frame that was moving goes on by memory. False: the link has gone. */
static bool take_back(struct splice *s, struct engine *e, struct link *const *lp, uint64_t now_ms)
{
	uint32_t n = s->have;
	s->need = s->have = 0;
	engine_rx_passes(e, *lp, false, now_ms);
	if (!n)
		return true;
	struct buf *b = buf_plain(n);
	bool ok = b && s->c->read(s->c, b->data, n);
	if (ok)
		engine_rx(e, *lp, b, b->data, n, now_ms);
	else
		engine_link_gone(e, *lp, -ENOMEM, now_ms);
	buf_put(b);
	return ok && *lp;
}

static ssize_t look(const struct splice *s, uint8_t *dst, size_t n)
{
	ssize_t k = recv(s->fd, dst, n, MSG_PEEK | MSG_DONTWAIT);
	return k < 0 ? -errno : k;
}

/* Nothing moved: because nothing is there, or because the pipe is full. */
static enum splice_result stuck(
	struct splice *s, struct engine *e, struct link *const *lp, int *error, uint64_t now_ms)
{
	uint8_t byte;
	ssize_t k = look(s, &byte, 1);
	tell(s, e, lp, now_ms);
	if (!*lp)
		return SPLICE_GONE;
	if (k == -EAGAIN || k == -EINTR)
		return SPLICE_DATA;
	if (k <= 0) {
		*error = (int)k;
		return SPLICE_GONE;
	}
	if (!s->leaving && conduit_pipe_inside(s->c) > s->have)
		return SPLICE_ROOM;
	/* one frame alone fills it: it comes in very small pieces, or has urgent data in it */
	return take_back(s, e, lp, now_ms) ? SPLICE_LEAVE : SPLICE_GONE;
}

/* Moves what is there of the frame. As take. */
static ssize_t move(struct splice *s, struct engine *e, struct link *l, uint64_t now_ms)
{
	ssize_t k = conduit_pipe_fill(s->c, s->fd, s->need - s->have);
	if (k <= 0)
		return k ? k : -EPIPE;
	s->have += (uint32_t)k;
	if (s->have < s->need) {
		engine_rx_passes(e, l, true, now_ms);
		return k;
	}
	engine_rx_passes(e, l, false, now_ms);
	s->run.label = s->label;
	s->run.len += s->need;
	s->run.frames++;
	if (s->need > s->run.biggest)
		s->run.biggest = s->need;
	s->need = s->have = 0;
	return k;
}

/* The next frame: 0 when it passes, -EBUSY when it has to wait, else as take. */
static ssize_t begin(struct splice *s, struct engine *e, struct link *const *lp, uint64_t now_ms)
{
	uint8_t head[WIRE_HEADER];
	struct through_way way = {0};
	ssize_t k = look(s, head, sizeof head);
	if (k <= 0)
		return k ? k : -EPIPE;
	if (k < WIRE_HEADER)
		return take(s, e, lp, (size_t)k, now_ms);
	const struct frame_header h = frame_header_decode(head);
	enum through_may may = engine_rx_way(e, *lp, head, &way);
	if (may == THROUGH_YES && way.link != s->way.link &&
		(s->run.len || conduit_pipe_inside(s->c)))
		may = THROUGH_NO; /* what is in the pipe goes elsewhere */
	if (may == THROUGH_BUSY && !s->impatient && engine_rx_alone(e, *lp))
		return -EBUSY;
	if (may != THROUGH_YES) {
		s->refused++;
		return take(s, e, lp, h.len < WIRE_HEADER ? WIRE_HEADER : h.len, now_ms);
	}
	if (s->run.len && s->run.label != h.label)
		tell(s, e, lp, now_ms);
	s->refused = 0;
	s->way = way;
	s->label = h.label;
	s->need = h.len;
	return 0;
}

/* It was released: nothing comes into the pipe before all of it has been taken. */
static enum splice_result leave(
	struct splice *s, struct engine *e, struct link *const *lp, uint64_t now_ms)
{
	tell(s, e, lp, now_ms);
	if (!*lp)
		return SPLICE_GONE;
	if (conduit_pipe_inside(s->c) > s->have)
		return SPLICE_ROOM;
	return take_back(s, e, lp, now_ms) ? SPLICE_LEAVE : SPLICE_GONE;
}

static bool given_up(const struct splice *s, const struct link *l)
{
	return s->refused >= REFUSED_MAX && !s->need && !engine_rx_need(l);
}

/* The end of the stream, or its error; what only splice has no use for comes by memory. */
static enum splice_result failed(struct splice *s, struct engine *e, struct link *const *lp, int k,
	int *error, uint64_t now_ms)
{
	s->denied = s->need && (k == -ENOSYS || k == -EPERM);
	if (s->need && k != -EPIPE)
		return take_back(s, e, lp, now_ms) ? SPLICE_LEAVE : SPLICE_GONE;
	*error = k == -EPIPE ? 0 : k;
	return SPLICE_GONE;
}

enum splice_result splice_pump(struct splice *s, struct engine *e, struct link *const *lp,
	size_t budget, size_t *moved, int *error, uint64_t now_ms)
{
	ssize_t k = 1;
	*moved = 0;
	if (s->leaving)
		return leave(s, e, lp, now_ms);
	while (*moved < budget && *lp && k >= 0 && !given_up(s, *lp)) {
		size_t need = s->need ? 0 : engine_rx_need(*lp);
		k = s->need ? move(s, e, *lp, now_ms)
		    : need  ? take(s, e, lp, need, now_ms)
			    : begin(s, e, lp, now_ms);
		*moved += k > 0 ? (size_t)k : 0;
	}
	if (k == -EAGAIN && s->need && *lp)
		return stuck(s, e, lp, error, now_ms);
	tell(s, e, lp, now_ms);
	if (!*lp)
		return SPLICE_GONE;
	if (k == -EBUSY)
		return SPLICE_BUSY;
	if (k < 0 && k != -EAGAIN && k != -EINTR)
		return failed(s, e, lp, (int)k, error, now_ms);
	if (given_up(s, *lp))
		return SPLICE_LEAVE;
	return *moved >= budget ? SPLICE_AGAIN : SPLICE_DATA;
}

void splice_release(struct splice *s, struct engine *e, uint64_t now_ms)
{
	s->leaving = true;
	engine_through_release(e, &s->way, conduit_pipe_get(s->c), now_ms);
}
