// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include "app.h"
#include "log.h"
#include "ring.h"
#include "spin.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	REST_RECV = 64 << 10, /* plain receive of a link at rest, without multishot */
	BULK_RECV = 256 << 10,
	BUSY_AFTER = 2,	 /* full buffers in a row make a link busy */
	BULK_AFTER = 4,	 /* and so many bulk */
	REST_AFTER = 16, /* small receives in a row end that */
	BULK_FRAME = 512, /* bytes for each frame that has to be handled by itself; else it is too much
			     work at once */
	BULK_LINKS = 32, /* at a time: each has two large buffers */
	TCP_UNSENT = 256 << 10,
	TCP_LOST_MS = 30000,
	CQE_BATCH = 32, /* then what they brought is sent: a sender must hear PAUSE soon */
};

/* In the low bits of user_data, beside the link. */
enum op { OP_WAKE, OP_RECV, OP_MULTI, OP_SEND, OP_ROOM, OP_CANCEL, OP_APP };
enum { OP_BITS = 7 };

/* A link's socket. It outlives its link until its last operation has completed. */
struct socket {
	struct worker *w;
	struct link *l; /* NULL: gone */
	int fd;
	unsigned ops; /* under way in the ring */
	bool bulk, busy, receiving, multi, ending; /* ending: multi is being cancelled */
	unsigned full, small; /* receives in a row */
	uint64_t weighed;     /* frames that had come when it was looked at last */
	size_t weighed_bytes; /* that came then */
	struct buf *rx[2];    /* plain receives take turns: a send may still use the other one */
	struct buf *rx_now;
	struct msghdr mh;
	size_t tx_len;
	struct socket *next_arm;
	bool to_arm;
};
static_assert(_Alignof(struct socket) > OP_BITS, "the op fits beside the pointer");

struct worker {
	struct worker_config cfg;
	pthread_t thread;
	struct mailbox mailbox;
	struct ring ring;
	struct engine *engine;
	struct apps *apps;
	struct socket *arm, **arm_tail; /* to start receiving, in order */
	unsigned sockets, bulk;
	uint64_t now_ms, wake_count;
	struct spin spin;
	bool stopping;
	/* how the start went */
	pthread_mutex_t lock;
	pthread_cond_t started;
	int start_rc; /* 1: not known yet */
};

static uint64_t clock_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t clock_ms(void)
{
	return clock_ns() / 1000000;
}

static void op_set(struct io_uring_sqe *sqe, struct socket *s, enum op op)
{
	io_uring_sqe_set_data64(sqe, (uintptr_t)s | op);
	if (s)
		s->ops++;
}

static void arm_later(struct socket *s)
{
	if (s->to_arm)
		return;
	s->to_arm = true;
	s->next_arm = NULL;
	*s->w->arm_tail = s;
	s->w->arm_tail = &s->next_arm;
}

static void socket_free(struct socket *s)
{
	if (s->l || s->ops || s->to_arm)
		return;
	close(s->fd);
	s->w->bulk -= s->bulk;
	buf_put(s->rx[0]);
	buf_put(s->rx[1]);
	s->w->sockets--;
	free(s);
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
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && flags & O_NONBLOCK)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

static void *on_link_open(void *ctx, struct link *l, int fd)
{
	struct worker *w = ctx;
	struct socket *s = calloc(1, sizeof *s);
	if (!s) {
		close(fd);
		return NULL;
	}
	*s = (struct socket){.w = w, .l = l, .fd = fd};
	socket_options(fd);
	w->sockets++;
	arm_later(s);
	return s;
}

/* What control sent last (BYE, RESET) still goes if there is room; shutdown completes what waits.
 */
static void on_link_close(void *ctx, struct link *l)
{
	struct worker *w = ctx;
	struct socket *s = link_io(l);
	const struct iovec *iov;
	unsigned n = engine_tx_take(w->engine, l, &iov, w->now_ms);
	if (n) {
		struct msghdr mh = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
		if (sendmsg(s->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			log_debug("link %u closes with bytes unsent", link_id(l));
	}
	shutdown(s->fd, SHUT_RDWR);
	s->l = NULL;
	socket_free(s);
}

static size_t on_rx_window(void *ctx, struct link *l)
{
	const struct socket *s = link_io(l);
	int size = 0;
	socklen_t len = sizeof size;
	(void)ctx;
	if (getsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, &len) < 0 || size < 0)
		size = 0;
	return (size_t)size + RING_BUFS * RING_BUF_SIZE;
}

static size_t on_tx_waiting(void *ctx, struct link *l)
{
	const struct socket *s = link_io(l);
	int n = 0;
	(void)ctx;
	return ioctl(s->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

static bool on_event(void *ctx, const struct seam_msg *m)
{
	struct worker *w = ctx;
	return w->cfg.seam->event(w->cfg.seam->ctx, w->cfg.index, m);
}

static void on_post(void *ctx, unsigned worker, const struct engine_mail *m)
{
	struct worker *w = ctx;
	struct letter *l = letter_new(LETTER_ENGINE, 0);
	if (!l) {
		log_error("out of memory: mail between workers is lost");
		if (m->kind == MAIL_FRAMES)
			buf_put(m->frames);
		return;
	}
	l->mail = *m;
	mailbox_post(&w->cfg.all[worker]->mailbox, l);
}

static void *on_app_open(void *ctx, struct stream *s, int fd)
{
	struct worker *w = ctx;
	return apps_open(w->apps, s, fd);
}

static void *on_portal_open(void *ctx, struct portal *p, int fd)
{
	struct worker *w = ctx;
	return apps_portal_open(w->apps, p, fd);
}

static void on_portal_close(void *ctx, void *io)
{
	(void)ctx;
	apps_portal_close(io);
}

static const struct engine_ops engine_ops = {
	.event = on_event,
	.post = on_post,
	.link_open = on_link_open,
	.link_close = on_link_close,
	.rx_window = on_rx_window,
	.tx_waiting = on_tx_waiting,
	.app_open = on_app_open,
	.portal_open = on_portal_open,
	.portal_close = on_portal_close,
	.portal_socket = apps_portal_socket,
};

static void wake_arm(struct worker *w)
{
	struct io_uring_sqe *sqe = ring_sqe(&w->ring);
	io_uring_prep_read(sqe, w->mailbox.event_fd, &w->wake_count, sizeof w->wake_count, 0);
	op_set(sqe, NULL, OP_WAKE);
}

/* A buffer that nothing else refers to. */
static struct buf *plain_buf(struct socket *s)
{
	uint32_t size = s->bulk ? BULK_RECV : REST_RECV;
	if (s->rx[0] && s->rx[0]->refs > 1 && s->rx[1] && s->rx[1]->refs > 1)
		engine_unpin(s->w->engine, s->w->now_ms);
	struct buf **slot = s->rx[0] && s->rx[0]->refs > 1 ? &s->rx[1] : &s->rx[0];
	if (*slot && ((*slot)->refs > 1 || (*slot)->cap != size)) {
		buf_put(*slot);
		*slot = NULL;
	}
	if (!*slot)
		*slot = buf_plain(size);
	return *slot;
}

static void recv_arm(struct worker *w, struct socket *s)
{
	if (!s->l || s->receiving)
		return;
	struct io_uring_sqe *sqe;
	/* a busy link takes one of the shared buffers at a time, or it would take them all */
	s->multi = !s->bulk && !s->busy && w->ring.features & RING_MULTISHOT;
	if (!s->bulk && w->ring.features & RING_MULTISHOT) {
		for (unsigned i = 0; i < 2; i++) { /* they were for bulk */
			buf_put(s->rx[i]);
			s->rx[i] = NULL;
		}
		sqe = ring_sqe(&w->ring);
		if (s->multi)
			io_uring_prep_recv_multishot(sqe, s->fd, NULL, 0, 0);
		else
			io_uring_prep_recv(sqe, s->fd, NULL, 0, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = RING_GROUP;
		op_set(sqe, s, OP_MULTI);
	} else {
		s->rx_now = plain_buf(s);
		if (!s->rx_now) {
			engine_link_gone(w->engine, s->l, -ENOMEM, w->now_ms);
			return;
		}
		sqe = ring_sqe(&w->ring);
		io_uring_prep_recv(sqe, s->fd, s->rx_now->data, s->rx_now->cap, 0);
		op_set(sqe, s, OP_RECV);
	}
	s->receiving = true;
}

static void arm_all(struct worker *w)
{
	while (w->arm) {
		struct socket *s = w->arm;
		w->arm = s->next_arm;
		if (!w->arm)
			w->arm_tail = &w->arm;
		recv_arm(w, s);
		s->to_arm = false; /* only now may it go */
		socket_free(s);
	}
}

/* Takes what is ready and puts it into the ring. */
static void send_all(struct worker *w)
{
	for (struct link *l; (l = engine_next_ready(w->engine, w->now_ms));) {
		struct socket *s = link_io(l);
		const struct iovec *iov;
		unsigned n = engine_tx_take(w->engine, l, &iov, w->now_ms);
		if (!n)
			continue;
		s->tx_len = 0;
		for (unsigned i = 0; i < n; i++)
			s->tx_len += iov[i].iov_len;
		s->mh = (struct msghdr){.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
		struct io_uring_sqe *sqe = ring_sqe(&w->ring);
		io_uring_prep_sendmsg(sqe, s->fd, &s->mh, MSG_DONTWAIT | MSG_NOSIGNAL);
		op_set(sqe, s, OP_SEND);
	}
}

static void on_sent(struct worker *w, struct socket *s, int res)
{
	if (!s->l)
		return;
	bool room_wanted = res == -EAGAIN || res == -EINTR || (res >= 0 && (size_t)res < s->tx_len);
	engine_tx_done(w->engine, s->l, res == -EINTR ? -EAGAIN : res, w->now_ms);
	if (room_wanted && s->l) {
		struct io_uring_sqe *sqe = ring_sqe(&w->ring);
		io_uring_prep_poll_add(sqe, s->fd, POLLOUT);
		op_set(sqe, s, OP_ROOM);
	}
}

/*
 * Decides by what came whether the link is busy, or bulk: busy with large frames. A multishot receive
 * has to be ended for that.
 */
static void weigh(struct worker *w, struct socket *s, size_t n, size_t cap)
{
	bool was = s->bulk;
	uint64_t frames = link_frames_handled(s->l) - s->weighed; /* of the receive before */
	bool large = s->weighed_bytes >= frames * BULK_FRAME;
	s->weighed += frames;
	s->weighed_bytes = n;
	s->full = n == cap ? s->full + 1 : 0;
	s->small = n < RING_BUF_SIZE ? s->small + 1 : 0;
	if (!s->bulk && s->full >= BULK_AFTER && large && w->bulk < BULK_LINKS)
		s->bulk = true;
	else if (s->bulk && (s->small >= REST_AFTER || !large))
		s->bulk = false;
	if (s->full >= BUSY_AFTER)
		s->busy = true;
	else if (s->small >= REST_AFTER)
		s->busy = false;
	if (s->bulk != was) {
		s->full = s->small = 0;
		w->bulk += s->bulk ? 1u : (unsigned)-1;
	}
	if ((s->bulk || s->busy) && s->multi && s->receiving && !s->ending) {
		s->ending = true;
		struct io_uring_sqe *sqe = ring_sqe(&w->ring);
		io_uring_prep_cancel64(sqe, (uintptr_t)s | OP_MULTI, 0);
		op_set(sqe, s, OP_CANCEL);
	}
}

static void on_received(
	struct worker *w, struct socket *s, const struct io_uring_cqe *cqe, enum op op)
{
	int res = cqe->res;
	struct buf *b = op == OP_RECV			   ? buf_get(s->rx_now)
			: cqe->flags & IORING_CQE_F_BUFFER ? ring_bufs_take(&w->ring.bufs, cqe)
							   : NULL;
	if (op == OP_RECV || !(cqe->flags & IORING_CQE_F_MORE))
		s->receiving = s->ending = false;
	if (s->l && res > 0 && b) {
		weigh(w, s, (size_t)res, b->cap);
		engine_rx(w->engine, s->l, b, b->data, (size_t)res, w->now_ms);
	} else if (s->l && op == OP_MULTI && res == -EINVAL) {
		w->ring.features &= ~(unsigned)RING_MULTISHOT;
	} else if (s->l && res != -ENOBUFS && res != -EINTR && res != -EAGAIN &&
		   res != -ECANCELED) {
		engine_link_gone(w->engine, s->l, res, w->now_ms);
	}
	buf_put(b);
	if (s->l && !s->receiving)
		arm_later(s);
}

static void on_completion(struct worker *w, const struct io_uring_cqe *cqe)
{
	struct socket *s = (struct socket *)(uintptr_t)(cqe->user_data & ~(uint64_t)OP_BITS);
	enum op op = cqe->user_data & OP_BITS;
	if (op == OP_WAKE) {
		wake_arm(w);
		return;
	}
	if (op == OP_APP) {
		apps_completion(w->apps, s, cqe, w->now_ms);
		return;
	}
	switch (op) {
	case OP_RECV:
	case OP_MULTI:
		on_received(w, s, cqe, op);
		break;
	case OP_SEND:
		on_sent(w, s, cqe->res);
		break;
	case OP_ROOM:
		if (s->l)
			engine_tx_room(w->engine, s->l);
		break;
	default:
		break;
	}
	if (!(cqe->flags & IORING_CQE_F_MORE))
		s->ops--; /* only now may it go */
	socket_free(s);
}

/* Handles what has completed. The slots are free before: handlers may submit. True: the bell rang.
 */
static bool completions(struct worker *w)
{
	struct io_uring_cqe *cqe, copy[CQE_BATCH];
	unsigned head, n = 0;
	bool rung = false;
	io_uring_for_each_cqe(&w->ring.u, head, cqe)
	{
		if (n == CQE_BATCH)
			break;
		copy[n++] = *cqe;
	}
	io_uring_cq_advance(&w->ring.u, n);
	for (unsigned i = 0; i < n; i++) {
		rung |= (copy[i].user_data & OP_BITS) == OP_WAKE;
		on_completion(w, &copy[i]);
	}
	return rung;
}

static void command(struct worker *w, struct letter *lt)
{
	struct seam_msg m, answer;
	/* the seam server has decoded it before: it cannot fail here */
	int rc = seam_decode(&m, lt->data, lt->len, false);
	m.fd = lt->fd;
	answer.cmd = 0;
	if (rc == 0)
		rc = engine_apply(w->engine, &m, lt->out_worker, &answer, w->now_ms);
	lt->fd = m.fd;
	w->cfg.seam->done(w->cfg.seam->ctx, &m, answer.cmd ? &answer : NULL, rc);
}

static void mail(struct worker *w)
{
	for (struct letter *l = mailbox_take(&w->mailbox), *next; l; l = next) {
		next = l->next;
		switch (l->kind) {
		case LETTER_COMMAND:
			command(w, l);
			break;
		case LETTER_ENGINE:
			engine_mail(w->engine, &l->mail, w->now_ms);
			l->mail.frames = NULL;
			break;
		case LETTER_DELIVERED:
			engine_delivered(w->engine, l->session, l->bytes, w->now_ms);
			break;
		case LETTER_STOP:
			w->stopping = true;
			break;
		}
		letter_free(l);
	}
}

static uint64_t spin_now_ns(void *ctx)
{
	(void)ctx;
	return clock_ns();
}

static bool spin_work(void *ctx)
{
	struct worker *w = ctx;
	return ring_ready(&w->ring);
}

static void spin_yield(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static void wait_for_work(struct worker *w, uint64_t timeout_ms)
{
	static const struct spin_ops ops = {spin_now_ns, spin_work, spin_yield};
	if (timeout_ms && spin_wanted(&w->spin, clock_ns())) {
		ring_submit(&w->ring);
		if (spin_wait(&w->spin, &ops, w))
			return;
	}
	ring_wait(&w->ring, timeout_ms);
}

/* One batch: what there is to send and receive goes in, what completed is handled, then the
 * letters. */
static void turn(struct worker *w, uint64_t timeout_ms)
{
	apps_serve(w->apps, w->now_ms);
	send_all(w);
	arm_all(w);
	wait_for_work(w, timeout_ms);
	w->now_ms = clock_ms();
	if (completions(w))
		mail(w);
	if (w->ring.bufs.out > RING_BUFS / 2)
		engine_unpin(w->engine, w->now_ms);
	if (engine_deadline(w->engine) <= w->now_ms)
		engine_tick(w->engine, w->now_ms);
}

static uint64_t wait_ms(const struct worker *w)
{
	uint64_t due = engine_deadline(w->engine);
	return due == UINT64_MAX ? UINT64_MAX : due > w->now_ms ? due - w->now_ms : 0;
}

static int worker_init(struct worker *w)
{
	const struct engine_config cfg = {
		.worker = w->cfg.index,
		.workers = w->cfg.count,
		.seed = w->cfg.seed,
		.serials = w->cfg.serials,
		.ops = &engine_ops,
		.ctx = w,
	};
	w->now_ms = clock_ms();
	int rc = ring_init(&w->ring, w->cfg.ring_mask);
	if (rc < 0)
		return rc;
	if (w->ring.entries < RING_ENTRIES && w->cfg.index == 0)
		log_warn("memory for rings is short (RLIMIT_MEMLOCK): they are smaller than wanted");
	if (!w->ring.restricted && w->cfg.index == 0)
		log_warn("sandbox: this kernel cannot restrict what an io_uring does");
	w->engine = engine_new(&cfg);
	w->apps = w->engine ? apps_new(&w->ring, w->engine, OP_APP) : NULL;
	if (!w->apps) {
		engine_free(w->engine);
		ring_fini(&w->ring);
		return -ENOMEM;
	}
	wake_arm(w);
	return 0;
}

/* Applications' connections are reset; nothing of theirs is under way in the ring then. */
static void apps_end(struct worker *w)
{
	engine_streams_end(w->engine, w->now_ms);
	apps_serve(w->apps, w->now_ms);
	for (unsigned i = 0; !apps_idle(w->apps) && i < 1000; i++) {
		ring_wait(&w->ring, 10);
		completions(w);
		apps_serve(w->apps, w->now_ms);
	}
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	int rc = worker_init(w);
	pthread_mutex_lock(&w->lock);
	w->start_rc = rc;
	pthread_cond_signal(&w->started);
	pthread_mutex_unlock(&w->lock);
	if (rc < 0)
		return NULL;
	while (!w->stopping)
		turn(w, wait_ms(w));
	apps_end(w);
	engine_free(w->engine);
	apps_free(w->apps);
	for (unsigned i = 0; w->sockets && i < 1000; i++) { /* completions of what was shut down */
		arm_all(w);
		ring_wait(&w->ring, 10);
		completions(w);
	}
	ring_fini(&w->ring);
	return NULL;
}

int worker_start(struct worker **out, const struct worker_config *cfg)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->arm_tail = &w->arm;
	w->cfg = *cfg;
	w->start_rc = 1;
	int rc = mailbox_init(&w->mailbox);
	if (rc < 0) {
		free(w);
		return rc;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->started, NULL);
	rc = -pthread_create(&w->thread, NULL, worker_main, w);
	if (rc == 0) {
		pthread_mutex_lock(&w->lock);
		while (w->start_rc == 1)
			pthread_cond_wait(&w->started, &w->lock);
		rc = w->start_rc;
		pthread_mutex_unlock(&w->lock);
		if (rc < 0)
			pthread_join(w->thread, NULL);
	}
	if (rc < 0) {
		mailbox_fini(&w->mailbox);
		free(w);
		return rc;
	}
	*out = w;
	return 0;
}

struct mailbox *worker_mailbox(struct worker *w)
{
	return &w->mailbox;
}

void worker_stop(struct worker *w)
{
	struct letter *l = letter_new(LETTER_STOP, 0);
	if (!l)
		_exit(1); /* no memory left even for a farewell */
	mailbox_post(&w->mailbox, l);
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

void worker_free(struct worker *w)
{
	mailbox_fini(&w->mailbox);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->started);
	free(w);
}
