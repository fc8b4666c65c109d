// SPDX-License-Identifier: Apache-2.0
#include "link_socket.h"

#include "allowance.h"
#include "conduit_pipe.h"
#include "log.h"
#include "splice.h"
#include "timer.h"
#include "udp.h"
#include "waste.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	REST_RECV = 64 << 10, /* plain receive of a link at rest, without multishot */
	BULK_RECV = 512 << 10,
	BULK_HEAD = 64 << 10, /* in front of it: for the begin of a frame that came before */
	BUSY_AFTER = 2,	      /* full buffers in a row make a link busy */
	BULK_AFTER = 4,	      /* and so many bulk */
	REST_AFTER = 16,      /* small receives in a row end that */
	BULK_FRAME = 512, /* bytes for each frame that has to be handled by itself; else it is too
			     much work at once */
	BULK_LINKS = 32,  /* at a time: each has up to RX_BUFS large buffers */
	RX_BUFS = 3,
	SPLICE_TURN = 1 << 20, /* bytes that pass before others have their turn */
	SPLICE_BUSY_MS = 1,    /* so long, and so often, it waits for what is in front of it */
	SPLICE_BUSY_TURNS = 10,
	SPLICE_STALL_MS = 10, /* a full pipe that does not move for so long is emptied to memory, */
	SPLICE_REST_MS = 100, /* and is not tried again for so long */
	TCP_UNSENT = 256 << 10,
	TCP_LOST_MS = 30000,
};

/* A link's socket. It outlives its link until its last operation has completed. */
struct socket {
	struct link_sockets *all;
	struct link *l; /* NULL: gone */
	int fd;
	unsigned ops;				   /* under way in the ring */
	bool bulk, busy, receiving, multi, ending; /* ending: multi is being cancelled */
	bool polling; /* it has a rate: what it may receive is known only when something is there */
	unsigned full, small;	 /* receives in a row */
	uint64_t weighed;	 /* frames that had come when it was looked at last */
	size_t weighed_bytes;	 /* that came then */
	struct buf *rx[RX_BUFS]; /* plain receives take turns: sends may still use the others */
	struct buf *rx_now;
	uint8_t *kept_at; /* begin of a frame, in rx_now: the rest of it comes next */
	size_t kept;
	struct msghdr mh;
	size_t tx_len;
	struct socket *next_arm;
	bool to_arm;
	struct waste waste;
	struct timer hold; /* among the holds while it is not to be read */
	bool held;
	/* frames pass without being copied: splice.h */
	struct splice splice;
	bool tcp, splicing, wide; /* wide: what came last were large frames */
	uint64_t weighed_frames;  /* all that had come when it was looked at last */
	uint64_t splice_after_ms;
	struct timer stall;	   /* while its pipe is full */
	bool awaits_room, stalled; /* stalled: the timer runs */
	unsigned busy_turns;	   /* it has waited for its way out so often */
};
static_assert((size_t)BULK_HEAD >= (size_t)ENGINE_KEEP_MAX, "the begin of any frame");
static_assert(_Alignof(struct socket) > RING_OP_BITS, "the op fits beside the pointer");

struct link_sockets {
	struct ring *ring;
	struct engine *engine;
	const struct limits *limits;
	struct socket *arm, **arm_tail; /* to start receiving, in order */
	struct waste_pool strangers;	/* what they waste for nothing */
	struct timers holds;		/* when those may be read that sent too much of no use */
	struct timers stalls;		/* when full pipes are not waited for any longer */
	unsigned count, bulk;
	uint64_t now_ms;
};

struct link_sockets *link_sockets_new(
	struct ring *ring, struct engine *engine, const struct limits *limits)
{
	struct link_sockets *all = calloc(1, sizeof *all);
	if (!all)
		return NULL;
	all->ring = ring;
	all->engine = engine;
	all->limits = limits;
	all->arm_tail = &all->arm;
	return all;
}

void link_sockets_free(struct link_sockets *all)
{
	timers_fini(&all->holds);
	timers_fini(&all->stalls);
	free(all);
}

static void op_set(struct io_uring_sqe *sqe, struct socket *s, enum ring_op op)
{
	io_uring_sqe_set_data64(sqe, (uintptr_t)s | op);
	s->ops++;
}

static void arm_later(struct socket *s)
{
	if (s->to_arm || s->held)
		return;
	s->to_arm = true;
	s->next_arm = NULL;
	*s->all->arm_tail = s;
	s->all->arm_tail = &s->next_arm;
}

static void rx_bufs_put(struct socket *s)
{
	for (unsigned i = 0; i < RX_BUFS; i++) {
		buf_put(s->rx[i]);
		s->rx[i] = NULL;
	}
}

static void socket_free(struct socket *s)
{
	if (s->l || s->ops || s->to_arm)
		return;
	splice_end(&s->splice);
	close(s->fd);
	s->all->bulk -= s->bulk;
	rx_bufs_put(s);
	s->all->count--;
	free(s);
}

static void hold_end(struct socket *s)
{
	if (s->held)
		timer_remove(&s->all->holds, &s->hold);
	s->held = false;
}

static void stall_end(struct socket *s)
{
	if (s->stalled)
		timer_remove(&s->all->stalls, &s->stall);
	s->stalled = false;
}

/* Those whose time is over are read again. */
static void holds_end(struct link_sockets *all)
{
	for (struct timer *t; (t = timer_first(&all->holds, all->now_ms));) {
		struct socket *s =
			(struct socket *)(void *)((char *)t - offsetof(struct socket, hold));
		hold_end(s);
		arm_later(s);
	}
}

static void nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && on != !!(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags ^ O_NONBLOCK);
}

/* Options that a Unix socket does not have fail, which is as well. */
static void socket_options(int fd)
{
	int one = 1, unsent = TCP_UNSENT, lost = TCP_LOST_MS;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost, sizeof lost);
	/* io_uring does not wait on a non-blocking socket; our sends say themselves that they will
	 * not */
	nonblock(fd, false);
}

static bool is_tcp(int fd)
{
	int protocol = 0;
	socklen_t len = sizeof protocol;
	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 &&
	       protocol == IPPROTO_TCP;
}

void *link_socket_open(struct link_sockets *all, struct link *l, int fd)
{
	struct socket *s = calloc(1, sizeof *s);
	if (!s) {
		close(fd);
		return NULL;
	}
	*s = (struct socket){.all = all, .l = l, .fd = fd, .tcp = is_tcp(fd)};
	socket_options(fd);
	all->count++;
	arm_later(s);
	return s;
}

/* The shutdown completes what waits in the ring. */
void link_socket_close(struct link_sockets *all, struct link *l)
{
	struct socket *s = link_io(l);
	const struct iovec *iov;
	unsigned n = engine_tx_take(all->engine, l, &iov, all->now_ms);
	if (n) {
		struct msghdr mh = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
		if (sendmsg(s->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			log_debug("link %u closes with bytes unsent", link_id(l));
	}
	shutdown(s->fd, SHUT_RDWR);
	s->l = NULL;
	hold_end(s);
	stall_end(s);
	socket_free(s);
}

size_t link_socket_rx_window(const struct link *l)
{
	const struct socket *s = link_io(l);
	int size = 0;
	socklen_t len = sizeof size;
	if (getsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, &len) < 0 || size < 0)
		size = 0;
	return (size_t)size + (s->splicing ? CONDUIT_MAX : RING_BUFS * RING_BUF_SIZE);
}

size_t link_socket_tx_waiting(const struct link *l)
{
	const struct socket *s = link_io(l);
	int n = 0;
	return ioctl(s->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

/* One of the socket's buffers that nothing else refers to; NULL: all are in use. */
static struct buf **free_slot(struct socket *s)
{
	for (unsigned i = 0; i < RX_BUFS; i++)
		if (!s->rx[i] || buf_alone(s->rx[i]))
			return &s->rx[i];
	return NULL;
}

/*
 * A buffer that nothing else refers to; NULL: no memory. *old: what it takes the place of, to be
 * put when what is kept there has been moved, for others may let go of it at any time.
 */
static struct buf *plain_buf(struct socket *s, struct buf **old)
{
	uint32_t size = s->bulk ? BULK_HEAD + BULK_RECV : REST_RECV;
	struct buf **slot = free_slot(s);
	if (!slot) {
		engine_unpin(s->all->engine, s->all->now_ms);
		slot = free_slot(s);
	}
	if (!slot)
		slot = &s->rx[RX_BUFS - 1];
	*old = NULL;
	if (*slot && buf_alone(*slot) && (*slot)->cap == size)
		return *slot;
	struct buf *b = buf_shared(size);
	if (b) {
		*old = *slot;
		*slot = b;
	}
	return b;
}

/* Memory of the socket's own to receive into, behind what is kept. NULL: there is none. */
static uint8_t *plain_room(struct socket *s, size_t *room)
{
	struct buf *old, *b = plain_buf(s, &old);
	if (!b)
		return NULL;
	uint8_t *p = b->data + (s->bulk ? BULK_HEAD : 0);
	if (s->kept) /* it still lies in the buffer before, which may be this one */
		s->kept_at = memmove(p - s->kept, s->kept_at, s->kept);
	buf_put(old);
	s->rx_now = b;
	*room = (size_t)(b->data + b->cap - p);
	return p;
}

static bool recv_plain(struct link_sockets *all, struct socket *s)
{
	size_t room;
	uint8_t *p = plain_room(s, &room);
	if (!p)
		return false;
	struct io_uring_sqe *sqe = ring_sqe(all->ring);
	io_uring_prep_recv(sqe, s->fd, p, room, 0);
	op_set(sqe, s, RING_OP_RECV);
	return true;
}

static bool has_rate(const struct link_sockets *all)
{
	return atomic_load_explicit(&all->limits->rate, memory_order_relaxed) > 0;
}

static void poll_arm(struct link_sockets *all, struct socket *s)
{
	struct io_uring_sqe *sqe = ring_sqe(all->ring);
	io_uring_prep_poll_add(sqe, s->fd, POLLIN);
	op_set(sqe, s, RING_OP_RECV);
	s->polling = true;
}

/* What an operator has limited is counted where it is received and copied. */
static bool has_limits(const struct link_sockets *all)
{
	return has_rate(all) || allowance_counts(all->limits);
}

/* Waits for a full pipe, or for what comes by the socket. */
static void splice_arm(struct link_sockets *all, struct socket *s)
{
	if (has_limits(all) && !s->splice.leaving)
		splice_release(&s->splice, all->engine, all->now_ms);
	struct io_uring_sqe *sqe = ring_sqe(all->ring);
	if (s->awaits_room)
		io_uring_prep_poll_add(sqe, splice_room_fd(&s->splice), POLLOUT);
	else
		io_uring_prep_poll_add(sqe, s->fd, POLLIN);
	op_set(sqe, s, RING_OP_RECV);
	s->receiving = true;
}

/* A bulk link of large frames that go on to others. What was kept of a frame goes to the engine. */
static void splice_if_worth(struct link_sockets *all, struct socket *s)
{
	if (s->splicing || !s->bulk || !s->wide || !s->tcp ||
		!(all->ring->features & RING_SPLICE) || has_limits(all) || all->now_ms < s->splice_after_ms ||
		!engine_rx_forwards(all->engine, s->l))
		return;
	if (splice_begin(&s->splice, s->fd) < 0) {
		s->splice_after_ms = all->now_ms + SPLICE_REST_MS;
		return;
	}
	s->splicing = true;
	size_t kept = s->kept;
	s->kept = 0;
	if (kept)
		engine_rx(all->engine, s->l, s->rx_now, s->kept_at, kept, all->now_ms);
	rx_bufs_put(s);
}

static void recv_arm(struct link_sockets *all, struct socket *s)
{
	if (!s->l || s->receiving)
		return;
	splice_if_worth(all, s);
	if (!s->l) /* what was kept was not sound */
		return;
	if (s->splicing) {
		splice_arm(all, s);
		return;
	}
	if (has_rate(all)) {
		s->multi = false;
		poll_arm(all, s);
		s->receiving = true;
		return;
	}
	/* a busy link takes one of the shared buffers at a time, or it would take them all */
	s->multi = !s->bulk && !s->busy && all->ring->features & RING_MULTISHOT;
	if (!s->bulk && all->ring->features & RING_MULTISHOT) {
		rx_bufs_put(s); /* they were for bulk */
		struct io_uring_sqe *sqe = ring_sqe(all->ring);
		if (s->multi)
			io_uring_prep_recv_multishot(sqe, s->fd, NULL, 0, 0);
		else
			io_uring_prep_recv(sqe, s->fd, NULL, 0, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = RING_GROUP;
		op_set(sqe, s, RING_OP_MULTI);
	} else if (!recv_plain(all, s)) {
		engine_link_gone(all->engine, s->l, -ENOMEM, all->now_ms);
		return;
	}
	s->receiving = true;
}

static void arm_all(struct link_sockets *all)
{
	while (all->arm) {
		struct socket *s = all->arm;
		all->arm = s->next_arm;
		if (!all->arm)
			all->arm_tail = &all->arm;
		recv_arm(all, s);
		s->to_arm = false; /* only now may it go */
		socket_free(s);
	}
}

static void on_sent(struct link_sockets *all, struct socket *s, int res)
{
	if (!s->l)
		return;
	bool room_wanted = res == -EAGAIN || res == -EINTR || (res >= 0 && (size_t)res < s->tx_len);
	engine_tx_done(all->engine, s->l, res == -EINTR ? -EAGAIN : res, all->now_ms);
	if (room_wanted && s->l) {
		struct io_uring_sqe *sqe = ring_sqe(all->ring);
		io_uring_prep_poll_add(sqe, s->fd, POLLOUT);
		op_set(sqe, s, RING_OP_ROOM);
	}
}

/* What passes goes on at once. */
static void send_conduit(struct link_sockets *all, struct socket *s)
{
	struct conduit *c = engine_tx_conduit(all->engine, s->l, &s->tx_len);
	if (!c)
		return;
	nonblock(s->fd, true);
	ssize_t k = conduit_pipe_drain(c, s->fd, s->tx_len);
	if (!s->splicing)
		nonblock(s->fd, false);
	on_sent(all, s, (int)k);
}

/* Takes what is ready and puts it into the ring. */
static void send_all(struct link_sockets *all)
{
	for (struct link *l; (l = engine_next_ready(all->engine, all->now_ms));) {
		if (link_is_datagram(l)) {
			udps_send(l, all->now_ms);
			continue;
		}
		struct socket *s = link_io(l);
		const struct iovec *iov;
		unsigned n = engine_tx_take(all->engine, l, &iov, all->now_ms);
		if (!n) {
			send_conduit(all, s);
			continue;
		}
		s->tx_len = 0;
		for (unsigned i = 0; i < n; i++)
			s->tx_len += iov[i].iov_len;
		s->mh = (struct msghdr){.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
		struct io_uring_sqe *sqe = ring_sqe(all->ring);
		io_uring_prep_sendmsg(sqe, s->fd, &s->mh, MSG_DONTWAIT | MSG_NOSIGNAL);
		op_set(sqe, s, RING_OP_SEND);
	}
}

static void multi_end(struct link_sockets *all, struct socket *s)
{
	if (!s->multi || !s->receiving || s->ending)
		return;
	s->ending = true;
	struct io_uring_sqe *sqe = ring_sqe(all->ring);
	io_uring_prep_cancel64(sqe, (uintptr_t)s | RING_OP_MULTI, 0);
	op_set(sqe, s, RING_OP_CANCEL);
}

/*
 * Decides by what came whether the link is busy, or bulk: busy with large frames. A multishot
 * receive has to be ended for that.
 */
static void weigh(struct link_sockets *all, struct socket *s, size_t n, size_t cap)
{
	bool was = s->bulk;
	uint64_t frames = link_frames_handled(s->l) - s->weighed; /* of the receive before */
	bool large = s->weighed_bytes >= frames * BULK_FRAME;
	s->weighed += frames;
	uint64_t came = link_frames_received(s->l) - s->weighed_frames;
	s->weighed_frames += came;
	s->wide = came && s->weighed_bytes / came >= THROUGH_FRAME_MIN;
	s->weighed_bytes = n;
	s->full = n == cap ? s->full + 1 : 0;
	s->small = n < RING_BUF_SIZE ? s->small + 1 : 0;
	if (!s->bulk && s->full >= BULK_AFTER && large && all->bulk < BULK_LINKS)
		s->bulk = true;
	else if (s->bulk && (s->small >= REST_AFTER || !large))
		s->bulk = false;
	if (s->full >= BUSY_AFTER)
		s->busy = true;
	else if (s->small >= REST_AFTER)
		s->busy = false;
	if (s->bulk != was) {
		s->full = s->small = 0;
		all->bulk += s->bulk ? 1u : (unsigned)-1;
	}
	if (s->bulk || s->busy)
		multi_end(all, s);
}

static uint64_t clock_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void hold(struct link_sockets *all, struct socket *s, uint64_t till_ms)
{
	if (till_ms <= all->now_ms || s->held || timer_add(&all->holds, &s->hold, TIMER_LINK) < 0)
		return;
	s->held = true;
	timer_set(&all->holds, &s->hold, till_ms);
}

/* What came was handled, from begin_ns on. A link that sends mostly what is dropped is held. */
static void count_waste(struct link_sockets *all, struct socket *s, size_t n, uint64_t begin_ns)
{
	uint64_t now_ns = clock_ns();
	uint64_t till_ns = waste_count(&s->waste, link_is_alone(s->l) ? NULL : &all->strangers,
		link_frames_received(s->l), link_frames_useless(s->l), n, now_ns - begin_ns, (unsigned)all->holds.n, now_ns);
	if (!till_ns)
		return;
	s->busy = true; /* it shall not stay armed */
	multi_end(all, s);
	hold(all, s, till_ns / 1000000);
}

/* n bytes came by a plain receive, behind what was kept. */
static void received_plain(struct link_sockets *all, struct socket *s, size_t n)
{
	const bool large = s->rx_now->cap != REST_RECV;
	struct buf *b = buf_get(s->rx_now);
	uint8_t *p = b->data + (large ? BULK_HEAD : 0) - s->kept;
	n += s->kept;
	s->kept = 0;
	if (large && s->bulk)
		s->kept = engine_rx_keep(all->engine, s->l, b, p, n, all->now_ms);
	else
		engine_rx(all->engine, s->l, b, p, n, all->now_ms);
	s->kept_at = p + n - s->kept;
	buf_put(b);
}

static void received(
	struct link_sockets *all, struct socket *s, const struct io_uring_cqe *cqe, enum ring_op op)
{
	size_t n = (size_t)cqe->res;
	if (op == RING_OP_RECV) {
		weigh(all, s, n, s->rx_now->cap == REST_RECV ? REST_RECV : BULK_RECV);
		received_plain(all, s, n);
	} else if (cqe->flags & IORING_CQE_F_BUFFER) {
		struct buf *b = ring_bufs_take(&all->ring->bufs, cqe);
		weigh(all, s, n, b->cap);
		engine_rx(all->engine, s->l, b, b->data, n, all->now_ms);
		buf_put(b);
	}
}

/* Something is there: as much of it is received as the link may send now. */
static void on_readable(struct link_sockets *all, struct socket *s)
{
	size_t room;
	uint64_t begin_ns = clock_ns(), at_ns = 0;
	struct allowance *w = link_allowance(s->l);
	uint8_t *p = plain_room(s, &room);
	if (!p) {
		engine_link_gone(all->engine, s->l, -ENOMEM, all->now_ms);
		return;
	}
	size_t may = allowance_take(w, all->limits, room, begin_ns, &at_ns);
	if (!may) {
		hold(all, s, at_ns / 1000000 + 1);
		return;
	}
	ssize_t n = recv(s->fd, p, may, MSG_DONTWAIT);
	int error = n < 0 ? -errno : 0;
	allowance_give(w, all->limits, may - (n > 0 ? (size_t)n : 0));
	if (n > 0) {
		weigh(all, s, (size_t)n, room);
		received_plain(all, s, (size_t)n);
		if (s->l)
			count_waste(all, s, (size_t)n, begin_ns);
	} else if (error != -EAGAIN && error != -EINTR) {
		engine_link_gone(all->engine, s->l, error, all->now_ms);
	}
}

static void splice_leave(struct link_sockets *all, struct socket *s)
{
	if (s->splice.denied) {
		log_info("frames do not pass by splice(2): it is not allowed here");
		all->ring->features &= ~(unsigned)RING_SPLICE;
	}
	splice_end(&s->splice);
	s->splicing = s->wide = false;
	s->splice_after_ms = all->now_ms + SPLICE_REST_MS;
}

/* A pipe is full. Others that use the link too must not wait for it, nor anybody for ever. */
static void splice_wait(struct link_sockets *all, struct socket *s, bool moved)
{
	if (s->splice.leaving)
		return;
	if (!engine_rx_alone(all->engine, s->l) ||
		(!s->stalled && timer_add(&all->stalls, &s->stall, TIMER_LINK) < 0)) {
		splice_release(&s->splice, all->engine, all->now_ms);
		return;
	}
	if (!s->stalled || moved)
		timer_set(&all->stalls, &s->stall, all->now_ms + SPLICE_STALL_MS);
	s->stalled = true;
}

/* What it was to come behind is still there; it is looked at again soon, but not for ever. */
static void splice_busy(struct link_sockets *all, struct socket *s, bool moved)
{
	s->busy_turns = moved ? 1 : s->busy_turns + 1;
	if (s->busy_turns > SPLICE_BUSY_TURNS ||
		timer_add(&all->stalls, &s->stall, TIMER_LINK) < 0) {
		s->splice.impatient = true;
		return;
	}
	s->stalled = true;
	timer_set(&all->stalls, &s->stall, all->now_ms + SPLICE_BUSY_MS);
}

static void splice_turn(struct link_sockets *all, struct socket *s)
{
	size_t moved = 0;
	int error = 0;
	uint64_t begin_ns = clock_ns();
	enum splice_result r = splice_pump(
		&s->splice, all->engine, &s->l, SPLICE_TURN, &moved, &error, all->now_ms);
	if (s->l && moved)
		count_waste(all, s, moved, begin_ns);
	s->awaits_room = r == SPLICE_ROOM;
	if (s->l && s->awaits_room) {
		splice_wait(all, s, moved);
		return;
	}
	stall_end(s);
	if (s->l && r == SPLICE_BUSY) {
		splice_busy(all, s, moved);
		return;
	}
	s->busy_turns = 0;
	if (s->l && r == SPLICE_GONE)
		engine_link_gone(all->engine, s->l, error, all->now_ms);
	else if (s->l && r == SPLICE_LEAVE)
		splice_leave(all, s);
}

/* Full pipes have had their time. */
static void stalls_end(struct link_sockets *all)
{
	for (struct timer *t; (t = timer_first(&all->stalls, all->now_ms));) {
		struct socket *s =
			(struct socket *)(void *)((char *)t - offsetof(struct socket, stall));
		stall_end(s);
		if (s->awaits_room)
			splice_release(&s->splice, all->engine, all->now_ms);
		else
			arm_later(s);
	}
}

static void on_received(
	struct link_sockets *all, struct socket *s, const struct io_uring_cqe *cqe, enum ring_op op)
{
	int res = cqe->res;
	if (op == RING_OP_RECV || !(cqe->flags & IORING_CQE_F_MORE))
		s->receiving = s->ending = false;
	if (s->l && s->splicing) {
		splice_turn(all, s);
	} else if (s->polling) {
		s->polling = false;
		if (s->l)
			on_readable(all, s);
	} else if (s->l && res > 0) {
		uint64_t begin_ns = clock_ns();
		received(all, s, cqe, op);
		if (s->l)
			count_waste(all, s, (size_t)res, begin_ns);
		if (s->l && has_rate(all)) /* since a moment ago */
			multi_end(all, s);
	} else {
		if (cqe->flags & IORING_CQE_F_BUFFER)
			buf_put(ring_bufs_take(&all->ring->bufs, cqe));
		if (s->l && op == RING_OP_MULTI && res == -EINVAL)
			all->ring->features &= ~(unsigned)RING_MULTISHOT;
		else if (s->l && res != -ENOBUFS && res != -EINTR && res != -EAGAIN &&
			 res != -ECANCELED)
			engine_link_gone(all->engine, s->l, res, all->now_ms);
	}
	if (s->l && !s->receiving && (!s->stalled || s->awaits_room))
		arm_later(s);
}

void link_sockets_serve(struct link_sockets *all, uint64_t now_ms)
{
	all->now_ms = now_ms;
	holds_end(all);
	stalls_end(all);
	send_all(all);
	arm_all(all);
}

uint64_t link_sockets_deadline(const struct link_sockets *all)
{
	uint64_t held = timers_deadline(&all->holds), stalled = timers_deadline(&all->stalls);
	return held < stalled ? held : stalled;
}

void link_socket_completion(struct link_sockets *all, void *owner, enum ring_op op,
	const struct io_uring_cqe *cqe, uint64_t now_ms)
{
	struct socket *s = owner;
	all->now_ms = now_ms;
	switch (op) {
	case RING_OP_RECV:
	case RING_OP_MULTI:
		on_received(all, s, cqe, op);
		break;
	case RING_OP_SEND:
		on_sent(all, s, cqe->res);
		break;
	case RING_OP_ROOM:
		if (s->l)
			engine_tx_room(all->engine, s->l);
		break;
	default: /* a receive was cancelled, which completes by itself */
		break;
	}
	if (!(cqe->flags & IORING_CQE_F_MORE))
		s->ops--; /* only now may it go */
	socket_free(s);
}

/* Those that wait to receive are let go of in arm_all. */
bool link_sockets_gone(struct link_sockets *all)
{
	arm_all(all);
	return !all->count;
}
