// SPDX-License-Identifier: Apache-2.0
/*
 * Nothing waits in the kernel with memory of ours but the buffers at rest: receives into blocks and
 * writes do not wait, they complete at once or the socket is polled. A socket goes when its stream
 * has ended and its last operation has completed.
 */
#include "app.h"

#include "log.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	WRITE_PIECES = 32,
	/* a silent peer of an application's connection is noticed in 30 + 6 * 10 s */
	KEEP_IDLE_S = 30,
	KEEP_STEP_S = 10,
	KEEP_PROBES = 6,
	ACCEPT_BATCH = 16,
	DIAL_MS = 3000, /* then control tries, and says how it went */
};

enum op_kind {
	OP_READ,
	OP_READ_BULK,
	OP_READABLE,
	OP_WRITE,
	OP_WRITABLE,
	OP_HANGUP,
	OP_DIALLED,
	OP_CANCEL,
	OP_ACCEPT,
	OP_ACCEPT_CANCEL,
};

struct op {
	void *owner; /* struct app, or struct inlet */
	enum op_kind kind;
	bool pending;
};

struct app {
	struct apps *all;
	struct stream *s;
	int fd;
	bool reading, writing, closing;
	bool dialling; /* then among those of its apps */
	TAILQ_ENTRY(app) dial_at;
	uint64_t dial_ms; /* until when */
	bool fresh;	  /* what it brings with it goes with its OPEN */
	bool watched;	  /* for its reset, since a time when nothing was received */
	bool bulk;	  /* has more than fits a buffer at rest */
	struct guest guest;
	unsigned ops;
	struct op read, bulk_read, readable, write, writable, hangup, dialled, cancel;
	struct msghdr in, out;
	struct iovec in_iov[STREAM_SLOTS], out_iov[WRITE_PIECES];
};

struct inlet {
	struct apps *all;
	struct portal *p; /* NULL: closed */
	struct seat *seat;
	uint32_t portal;
	int fd;
	unsigned ops;
	struct op accept, cancel;
	int spare; /* given up for a moment when descriptors have run out */
};

struct apps {
	struct ring *ring;
	struct engine *engine;
	struct ledger *ledger;
	struct apps_config cfg;
	unsigned count;
	TAILQ_HEAD(, app) dials; /* in order of time */
	bool not_exclusive;
	uint64_t now_ms;
};

struct apps *apps_new(const struct apps_config *cfg)
{
	struct apps *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->ring = cfg->ring;
	a->engine = cfg->engine;
	a->ledger = cfg->ledger;
	a->cfg = *cfg;
	TAILQ_INIT(&a->dials);
	return a;
}

void apps_free(struct apps *a)
{
	free(a);
}

bool apps_idle(const struct apps *a)
{
	return !a->count;
}

/* An operation that was prepared; *ops counts those of its owner. */
static void start(struct io_uring_sqe *sqe, struct op *op, unsigned *ops)
{
	io_uring_sqe_set_data64(sqe, (uintptr_t)op | RING_OP_APP);
	op->pending = true;
	++*ops;
}

/* Whether the other end of the connection sees a reset when it is closed. */
static void reset_on_close(int fd, bool reset)
{
	const struct linger now = {.l_onoff = reset, .l_linger = 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void close_reset(int fd)
{
	reset_on_close(fd, true);
	close(fd);
}

/* Of a connection, or of a listening socket: what is accepted has them too. Options that a Unix
 * socket does not have fail, which is as well. */
static void socket_options(int fd)
{
	int one = 1, idle = KEEP_IDLE_S, step = KEEP_STEP_S, probes = KEEP_PROBES;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &step, sizeof step);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
	reset_on_close(fd, true); /* also when this process is killed */
}

/* It does not on a non-blocking socket. */
static void wait_in_ring(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && flags & O_NONBLOCK)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static struct app *app_new(struct apps *all, int fd)
{
	struct app *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->all = all;
	a->fd = fd;
	a->read = (struct op){a, OP_READ};
	a->bulk_read = (struct op){a, OP_READ_BULK};
	a->readable = (struct op){a, OP_READABLE};
	a->write = (struct op){a, OP_WRITE};
	a->writable = (struct op){a, OP_WRITABLE};
	a->hangup = (struct op){a, OP_HANGUP};
	a->dialled = (struct op){a, OP_DIALLED};
	a->cancel = (struct op){a, OP_CANCEL};
	all->count++;
	return a;
}

void *apps_open(struct apps *all, struct stream *s, int fd)
{
	struct app *a = app_new(all, fd);
	if (!a) {
		close_reset(fd);
		return NULL;
	}
	socket_options(fd);
	wait_in_ring(fd);
	a->s = s;
	guest_come_by_name(all->ledger, &a->guest, s->name, all->cfg.worker);
	return a;
}

static void told(struct app *a)
{
	engine_stream_told(a->all->engine, a->s, a->all->now_ms);
}

static void poll_start(struct app *a, struct op *op, unsigned events)
{
	struct io_uring_sqe *sqe = ring_sqe(a->all->ring);
	io_uring_prep_poll_add(sqe, a->fd, events);
	start(sqe, op, &a->ops);
}

/* An error, or 0 when it is under way. */
static int dial_start(struct app *a)
{
	if (send(a->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EINPROGRESS)
		return -errno;
	poll_start(a, &a->dialled, POLLOUT);
	a->dialling = true;
	a->dial_ms = a->all->now_ms + DIAL_MS;
	TAILQ_INSERT_TAIL(&a->all->dials, a, dial_at);
	return 0;
}

void *apps_dial(struct apps *all, struct stream *s, int fd)
{
	struct app *a = app_new(all, fd);
	socket_options(fd);
	if (a)
		a->s = s;
	if (a && dial_start(a) == 0)
		return a;
	all->cfg.dial_failed(all->cfg.ctx, s);
	all->count -= a != NULL;
	free(a);
	close(fd);
	return NULL;
}

static void dial_over(struct app *a)
{
	a->dialling = false;
	TAILQ_REMOVE(&a->all->dials, a, dial_at);
}

/* Into as many blocks as the stream may fill. */
static void read_bulk(struct app *a)
{
	unsigned n = stream_in_slots(a->s, a->in_iov, STREAM_SLOTS);
	if (!n)
		return;
	a->in = (struct msghdr){.msg_iov = a->in_iov, .msg_iovlen = n};
	struct io_uring_sqe *sqe = ring_sqe(a->all->ring);
	io_uring_prep_recvmsg(sqe, a->fd, &a->in, MSG_DONTWAIT);
	start(sqe, &a->bulk_read, &a->ops);
	a->reading = true;
}

/* Waits for bytes, without memory for them. */
static void read_at_rest(struct app *a)
{
	uint32_t room = stream_in_room(a->s), most = ring_bufs_room(&a->all->ring->app_bufs);
	if (!room)
		return;
	if (!a->all->ring->app_bufs.br) {
		poll_start(a, &a->readable, POLLIN);
	} else {
		struct io_uring_sqe *sqe = ring_sqe(a->all->ring);
		io_uring_prep_recv(sqe, a->fd, NULL, room < most ? room : most, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = RING_APP_GROUP;
		start(sqe, &a->read, &a->ops);
	}
	a->reading = true;
}

/*
 * A reset is noticed by what receives. While nothing does (no credit, or the application's end has
 * come) it is polled for, from then on: repeatedly, since the kernel tells an end as well.
 */
static void watch(struct app *a)
{
	if (a->watched || a->s->state >= STREAM_LEAVING)
		return;
	struct io_uring_sqe *sqe = ring_sqe(a->all->ring);
	io_uring_prep_poll_multishot(sqe, a->fd, 0); /* errors are always told */
	start(sqe, &a->hangup, &a->ops);
	a->watched = true;
}

static bool is_transient(int res)
{
	return res == -EAGAIN || res == -EINTR || res == -ENOBUFS || res == -ECANCELED;
}

/* n bytes went one way. */
static void moved(struct app *a, int n)
{
	const struct stream *s = a->s;
	guest_moved(a->all->ledger, &a->guest, s->delivered, s->tx_queued - s->fin_sent,
		n > 0 ? (size_t)n : 0, a->all->now_ms);
}

/* Who connects mostly has something to say. */
static void read_first(struct app *a)
{
	a->fresh = false;
	if (!stream_in_slots(a->s, a->in_iov, 1))
		return;
	int n = (int)recv(a->fd, a->in_iov[0].iov_base, a->in_iov[0].iov_len, MSG_DONTWAIT);
	if (n < 0)
		n = is_transient(-errno) ? -EAGAIN : -errno;
	stream_in_done(a->s, n);
	moved(a, n);
	a->bulk = n > 0 && (size_t)n == a->in_iov[0].iov_len;
	told(a);
}

static void app_read(struct app *a)
{
	if (a->reading || a->closing)
		return;
	if (a->fresh)
		read_first(a);
	if (a->bulk)
		read_bulk(a);
	else
		read_at_rest(a);
	if (!a->reading)
		watch(a);
}

static void app_write(struct app *a)
{
	bool end;
	if (a->writing || a->closing)
		return;
	unsigned n = stream_out_take(a->s, a->out_iov, WRITE_PIECES, &end);
	if (end) {
		shutdown(a->fd, SHUT_WR);
		stream_out_end(a->s);
		told(a);
	}
	if (!n)
		return;
	a->out = (struct msghdr){.msg_iov = a->out_iov, .msg_iovlen = n};
	struct io_uring_sqe *sqe = ring_sqe(a->all->ring);
	io_uring_prep_sendmsg(sqe, a->fd, &a->out, MSG_DONTWAIT | MSG_NOSIGNAL);
	start(sqe, &a->write, &a->ops);
	a->writing = true;
}

static void app_gone(struct app *a)
{
	if (a->ops)
		return;
	guest_leave(a->all->ledger, &a->guest);
	if (!a->s || !a->s->reset) /* a reset is what it begins with */
		reset_on_close(a->fd, false);
	close(a->fd);
	if (a->s)
		stream_free(a->s);
	a->all->count--;
	free(a);
}

/* By name: the kernel would look at every operation for one on a descriptor. */
static void cancel_start(struct apps *all, struct op *what, struct op *op, unsigned *ops)
{
	if (!what->pending)
		return;
	struct io_uring_sqe *sqe = ring_sqe(all->ring);
	io_uring_prep_cancel64(sqe, (uintptr_t)what | RING_OP_APP, 0);
	start(sqe, op, ops);
}

/* The stream has ended. */
static void app_close(struct app *a)
{
	if (a->closing)
		return;
	a->closing = true;
	if (a->dialling)
		dial_over(a);
	struct op *waiting[] = {&a->read, &a->readable, &a->writable, &a->hangup, &a->dialled};
	for (unsigned i = 0; i < sizeof waiting / sizeof *waiting; i++)
		cancel_start(a->all, waiting[i], &a->cancel, &a->ops);
	app_gone(a);
}

void apps_serve(struct apps *all, uint64_t now_ms)
{
	all->now_ms = now_ms;
	for (struct stream *s; (s = engine_next_stream(all->engine, now_ms));) {
		struct app *a = s->app;
		if (s->state == STREAM_ENDED) {
			app_close(a);
			continue;
		}
		if (a->dialling)
			continue;
		app_write(a);
		app_read(a);
	}
}

static void on_read(struct app *a, const struct io_uring_cqe *cqe)
{
	int res = cqe->res;
	a->reading = false;
	if (cqe->flags & IORING_CQE_F_BUFFER) {
		struct buf *b = ring_bufs_take(&a->all->ring->app_bufs, cqe);
		if (res > 0 && !a->closing)
			stream_in_adopt(a->s, b, (uint32_t)res);
		else
			buf_put(b);
	}
	if (a->closing)
		return;
	if (res == -ENOBUFS) { /* blocks of its own, when there is something */
		poll_start(a, &a->readable, POLLIN);
		a->reading = true;
		return;
	}
	if (res <= 0 && !is_transient(res))
		stream_in_done(a->s, res);
	moved(a, res);
	a->bulk = res > 0 && (uint32_t)res == ring_bufs_room(&a->all->ring->app_bufs);
	told(a);
	app_read(a);
}

static void on_read_bulk(struct app *a, int res)
{
	a->reading = false;
	stream_in_done(a->s, res < 0 && is_transient(res) ? -EAGAIN : res);
	if (a->closing)
		return;
	moved(a, res);
	a->bulk = res > 0 && (size_t)res >= a->in_iov[0].iov_len;
	told(a);
	app_read(a);
}

static void on_write(struct app *a, int res)
{
	size_t offered = a->s->offered;
	a->writing = false;
	stream_out_done(a->s, res < 0 && is_transient(res) ? -EAGAIN : res);
	if (a->closing)
		return;
	moved(a, res);
	told(a);
	if (a->s->full && a->s->all && (res < 0 || (size_t)res < offered)) {
		poll_start(a, &a->writable, POLLOUT);
		return;
	}
	app_write(a);
}

static void on_hangup(struct app *a, int res)
{
	int error = 0;
	socklen_t len = sizeof error;
	if (a->closing || res < 0 || !(res & POLLERR))
		return;
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || !error)
		return; /* a receive or a write was told */
	stream_reset(a->s);
	told(a);
}

/* When it has not worked control tries, and tells whoever asks why. */
static void on_dialled(struct app *a, int res)
{
	int error = 0;
	socklen_t len = sizeof error;
	struct stream *s = a->s;
	if (a->closing)
		return;
	dial_over(a);
	if (res < 0 || getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
		a->s = NULL;
		a->closing = true;
		a->all->cfg.dial_failed(a->all->cfg.ctx, s);
		engine_stream_dialled(a->all->engine, s, false, a->all->now_ms);
		return;
	}
	guest_come_by_name(a->all->ledger, &a->guest, s->name, a->all->cfg.worker);
	engine_stream_dialled(a->all->engine, s, true, a->all->now_ms);
}

void apps_tick(struct apps *all, uint64_t now_ms)
{
	struct app *a;
	all->now_ms = now_ms;
	while ((a = TAILQ_FIRST(&all->dials)) && a->dial_ms <= now_ms) {
		TAILQ_REMOVE(&all->dials, a, dial_at);
		a->dial_ms = UINT64_MAX; /* the last, until the operation ends */
		TAILQ_INSERT_TAIL(&all->dials, a, dial_at);
		cancel_start(all, &a->dialled, &a->cancel, &a->ops);
	}
}

uint64_t apps_deadline(const struct apps *all)
{
	const struct app *a = TAILQ_FIRST(&all->dials);
	return a ? a->dial_ms : UINT64_MAX;
}

static void inlet_gone(struct inlet *in)
{
	if (in->ops || in->p)
		return;
	close(in->fd);
	if (in->spare >= 0)
		close(in->spare);
	in->all->count--;
	free(in);
}

static void accept_start(struct inlet *in)
{
	struct io_uring_sqe *sqe = ring_sqe(in->all->ring);
	/* one worker is woken for a connection */
	io_uring_prep_poll_add(
		sqe, in->fd, POLLIN | (in->all->not_exclusive ? 0u : EPOLLEXCLUSIVE));
	start(sqe, &in->accept, &in->ops);
}

/* A connection sits down at this worker. */
static void connection(struct apps *all, struct seat *seat, int fd)
{
	const struct inlet *in = seat_io(seat);
	struct app *a = app_new(all, fd);
	if (a && engine_portal_accept(all->engine, in->p, a, &a->s, all->now_ms) == 0) {
		a->fresh = true;
		guest_come(&a->guest, seat);
		return;
	}
	if (a)
		all->count--;
	free(a);
	close_reset(fd);
	seat_give_up(all->ledger, seat);
}

/* A connection of a portal, whoever accepted it. */
static void arrival(struct apps *all, uint32_t portal, int fd)
{
	struct seat *seat = seat_choose(all->ledger, portal, all->cfg.worker, all->now_ms);
	if (!seat)
		close_reset(fd);
	else if (seat_worker(seat) == all->cfg.worker)
		connection(all, seat, fd);
	else
		all->cfg.hand_over(all->cfg.ctx, seat, fd);
}

/* The session may have gone meanwhile; then another one is asked. */
void apps_arrived(struct apps *all, struct seat *seat, int fd, uint64_t now_ms)
{
	all->now_ms = now_ms;
	uint32_t portal = seat_portal(seat);
	if (seat_io(seat)) {
		connection(all, seat, fd);
		return;
	}
	seat_give_up(all->ledger, seat);
	arrival(all, portal, fd);
}

/* Without a descriptor left the caller would wait in the backlog for ever, and we would spin. */
static void refuse_one(struct inlet *in)
{
	log_warn("no descriptor left: a portal's connection is reset");
	close(in->spare);
	int fd = accept4(in->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close_reset(fd);
	in->spare = fcntl(in->fd, F_DUPFD_CLOEXEC, 0);
}

/* Nobody else was woken: though it is closed, what came is for the others, if there are some. */
static void on_acceptable(struct inlet *in, int res)
{
	if (res == -EINVAL)
		in->all->not_exclusive = true; /* an older kernel */
	bool takes = in->p || seats_any(in->all->ledger, in->portal);
	for (unsigned i = 0; takes && i < ACCEPT_BATCH; i++) {
		int fd = accept4(in->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			arrival(in->all, in->portal, fd);
		else if (errno == EMFILE || errno == ENFILE)
			refuse_one(in);
		else if (errno != ECONNABORTED && errno != EINTR)
			break;
	}
	if (in->p)
		accept_start(in);
}

void *apps_portal_open(struct apps *all, struct portal *p, int fd)
{
	struct inlet *in = calloc(1, sizeof *in);
	if (!in) {
		close(fd);
		return NULL;
	}
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK); /* another worker may be faster */
	socket_options(fd);
	*in = (struct inlet){.all = all, .p = p, .portal = portal_number(p), .fd = fd};
	in->seat = seat_take(all->ledger, in->portal, all->cfg.worker, in);
	if (!in->seat) {
		free(in);
		close(fd);
		return NULL;
	}
	in->spare = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	in->accept = (struct op){in, OP_ACCEPT};
	in->cancel = (struct op){in, OP_ACCEPT_CANCEL};
	all->count++;
	accept_start(in);
	return in;
}

void apps_portal_close(void *io)
{
	struct inlet *in = io;
	in->p = NULL;
	seat_leave(in->all->ledger, in->seat);
	cancel_start(in->all, &in->accept, &in->cancel, &in->ops);
}

int apps_portal_socket(void *io)
{
	return ((const struct inlet *)io)->fd;
}

static void app_completion(struct app *a, enum op_kind kind, const struct io_uring_cqe *cqe)
{
	switch (kind) {
	case OP_READ:
		on_read(a, cqe);
		break;
	case OP_READ_BULK:
		on_read_bulk(a, cqe->res);
		break;
	case OP_READABLE:
		a->reading = false;
		if (!a->closing)
			read_bulk(a);
		break;
	case OP_WRITE:
		on_write(a, cqe->res);
		break;
	case OP_WRITABLE:
		if (!a->closing) {
			stream_out_room(a->s);
			app_write(a);
		}
		break;
	case OP_HANGUP:
		on_hangup(a, cqe->res);
		break;
	case OP_DIALLED:
		on_dialled(a, cqe->res);
		break;
	default:
		break;
	}
}

static void inlet_completion(struct inlet *in, enum op_kind kind, int res)
{
	if (kind == OP_ACCEPT)
		on_acceptable(in, res);
	in->ops--;
	inlet_gone(in);
}

void apps_completion(struct apps *all, void *op, const struct io_uring_cqe *cqe, uint64_t now_ms)
{
	struct op *o = op;
	enum op_kind kind = o->kind;
	all->now_ms = now_ms;
	o->pending =
		cqe->flags & IORING_CQE_F_MORE; /* before the handler, which may start it again */
	if (kind == OP_ACCEPT || kind == OP_ACCEPT_CANCEL) {
		inlet_completion(o->owner, kind, cqe->res);
		return;
	}
	struct app *a = o->owner;
	app_completion(a, kind, cqe);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		a->ops--;
	if (a->closing)
		app_gone(a);
}
