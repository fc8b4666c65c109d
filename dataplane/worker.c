// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include "admin_work.h"
#include "allowance.h"
#include "app.h"
#include "dials.h"
#include "link_socket.h"
#include "log.h"
#include "ring.h"
#include "spin.h"
#include "stream.h"
#include "udp.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CQE_BATCH = 32 }; /* then what they brought is sent: a sender must hear PAUSE soon */
enum { UNKNOWN = 1 };
enum { COMPANY_MS = 1 }; /* records wait so long for others in a worker that is always busy */

struct worker {
	struct worker_config cfg;
	pthread_t thread;
	struct mailbox mailbox;
	struct ring ring;
	struct engine *engine;
	struct apps *apps;
	struct link_sockets *sockets;
	struct udps *udps;
	uint64_t now_ms, wake_count;
	uint64_t waits_ms; /* records wait for company since then; UINT64_MAX: none */
	struct spin spin;
	const struct limits *limits;
	bool stopping;
	/* how the start went */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int start_rc; /* of its last step, or UNKNOWN */
	int count;    /* of all workers; -1: not known yet */
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

static void *on_link_open(void *ctx, struct link *l, int fd)
{
	struct worker *w = ctx;
	return link_is_datagram(l) ? udps_open(w->udps, l, fd)
				   : link_socket_open(w->sockets, l, fd);
}

static void *on_link_open_at(
	void *ctx, struct link *l, uint32_t listener, const struct udp_address *at, int *error)
{
	struct worker *w = ctx;
	return udps_open_at(w->udps, l, listener, at, error);
}

static int on_link_move(void *ctx, struct link *l, const struct udp_address *at)
{
	(void)ctx;
	return udps_move(link_io(l), at);
}

static void on_link_close(void *ctx, struct link *l)
{
	struct worker *w = ctx;
	if (link_is_datagram(l))
		udps_close(link_io(l), w->now_ms);
	else
		link_socket_close(w->sockets, l);
}

static size_t on_rx_window(void *ctx, struct link *l)
{
	(void)ctx;
	return link_is_datagram(l) ? 0 : link_socket_rx_window(l);
}

static size_t on_tx_waiting(void *ctx, struct link *l)
{
	(void)ctx;
	return link_is_datagram(l) ? 0 : link_socket_tx_waiting(l);
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
		engine_mail_drop(m);
		return;
	}
	l->mail = *m;
	mailbox_post(&w->cfg.all[worker]->mailbox, l);
}

/* Without memory the connection is reset, as by the seat's worker. */
static void on_hand_over(void *ctx, struct seat *seat, int fd)
{
	struct worker *w = ctx;
	struct letter *l = letter_new(LETTER_ARRIVAL, 0);
	if (!l) {
		seat_give_up(w->cfg.ledger, seat);
		close(fd);
		return;
	}
	l->seat = seat;
	l->fd = fd;
	mailbox_post(&w->cfg.all[seat_worker(seat)]->mailbox, l);
}

static void *on_app_open(void *ctx, struct stream *s, int fd)
{
	struct worker *w = ctx;
	return apps_open(w->apps, s, fd);
}

static void *on_app_dial(void *ctx, struct stream *s)
{
	struct worker *w = ctx;
	bool ask;
	int fd = dials_take(w->cfg.dials, s->name, &ask);
	const struct seam_msg m = {.cmd = SEAM_DIAL_WANTED,
		.has = SEAM_HAS(SEAM_A_SERVICE),
		.fd = -1,
		.service = s->name};
	if (ask)
		on_event(w, &m);
	return fd < 0 ? NULL : apps_dial(w->apps, s, fd);
}

static void on_dial_failed(void *ctx, const struct stream *s)
{
	struct worker *w = ctx;
	dials_drop(w->cfg.dials, s->name);
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

static void on_way_set(void *ctx, struct link *l, uint16_t frame_max)
{
	struct worker *w = ctx;
	struct udp_address at;
	uint16_t local_port;
	if (udps_where(link_io(l), &at, &local_port) == 0)
		kernel_path_link(w->cfg.kernel, link_id(l), &at, local_port, frame_max);
}

static void on_way_gone(void *ctx, uint32_t link)
{
	struct worker *w = ctx;
	kernel_path_link_gone(w->cfg.kernel, link);
}

static void on_row_used(void *ctx, uint32_t link, uint32_t label, uint32_t out_link)
{
	struct worker *w = ctx;
	kernel_path_row(w->cfg.kernel, link, label, out_link);
}

static void on_row_gone(void *ctx, uint32_t link, uint32_t label)
{
	struct worker *w = ctx;
	kernel_path_row_gone(w->cfg.kernel, link, label);
}

static bool on_row_passed(void *ctx, uint32_t link, uint32_t label, struct passed *out)
{
	struct worker *w = ctx;
	return kernel_path_row_count(w->cfg.kernel, link, label, out);
}

static void on_link_passed(void *ctx, uint32_t link, struct passed *in, struct passed *out)
{
	struct worker *w = ctx;
	kernel_path_link_count(w->cfg.kernel, link, in, out);
}

static bool on_row_served(void *ctx, uint32_t link, uint32_t label, char *why, size_t cap)
{
	struct worker *w = ctx;
	return kernel_path_row_served(w->cfg.kernel, link, label, why, cap);
}

static const struct engine_ops engine_ops = {
	.event = on_event,
	.post = on_post,
	.link_open = on_link_open,
	.link_open_at = on_link_open_at,
	.link_move = on_link_move,
	.link_close = on_link_close,
	.way_set = on_way_set,
	.way_gone = on_way_gone,
	.row_used = on_row_used,
	.row_gone = on_row_gone,
	.row_passed = on_row_passed,
	.link_passed = on_link_passed,
	.row_served = on_row_served,
	.rx_window = on_rx_window,
	.tx_waiting = on_tx_waiting,
	.app_open = on_app_open,
	.app_dial = on_app_dial,
	.portal_open = on_portal_open,
	.portal_close = on_portal_close,
	.portal_socket = apps_portal_socket,
};

static void wake_arm(struct worker *w)
{
	struct io_uring_sqe *sqe = ring_sqe(&w->ring);
	io_uring_prep_read(sqe, w->mailbox.event_fd, &w->wake_count, sizeof w->wake_count, 0);
	io_uring_sqe_set_data64(sqe, RING_OP_WAKE);
}

static void on_completion(struct worker *w, const struct io_uring_cqe *cqe)
{
	void *owner = (void *)(uintptr_t)(cqe->user_data & ~(uint64_t)RING_OP_BITS);
	enum ring_op op = cqe->user_data & RING_OP_BITS;
	if (op == RING_OP_WAKE)
		wake_arm(w);
	else if (op == RING_OP_APP)
		apps_completion(w->apps, owner, cqe, w->now_ms);
	else if (op == RING_OP_UDP)
		udps_completion(w->udps, owner, cqe, w->now_ms);
	else
		link_socket_completion(w->sockets, owner, op, cqe, w->now_ms);
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
		rung |= (copy[i].user_data & RING_OP_BITS) == RING_OP_WAKE;
		on_completion(w, &copy[i]);
	}
	return rung;
}

/* What concerns sockets and no link. */
static int socket_command(struct worker *w, struct seam_msg *m)
{
	int rc = m->cmd == SEAM_LISTENER_ADD   ? udps_listen(w->udps, m->listener, m->fd)
		 : m->cmd == SEAM_LISTENER_DEL ? udps_unlisten(w->udps, m->listener)
					       : udps_datagram(w->udps, m);
	if (rc == 0)
		m->fd = -1;
	return rc;
}

static void command(struct worker *w, struct letter *lt)
{
	struct seam_msg m, answer;
	/* the seam server has decoded it before: it cannot fail here */
	int rc = seam_decode(&m, lt->data, lt->len, false);
	m.fd = lt->fd;
	answer.cmd = 0;
	if (rc == 0 &&
		(m.cmd == SEAM_LISTENER_ADD || m.cmd == SEAM_LISTENER_DEL || m.cmd == SEAM_DGRAM))
		rc = socket_command(w, &m);
	else if (rc == 0)
		rc = engine_apply(w->engine, &m, lt->out_worker, &answer, w->now_ms);
	lt->fd = m.fd;
	w->cfg.seam->done(w->cfg.seam->ctx, &m, answer.cmd ? &answer : NULL, rc);
}

static void admin(struct worker *w, struct admin_work *work)
{
	const struct admin_place place = {
		.engine = w->engine, .ledger = w->cfg.ledger, .ring_entries = w->ring.entries};
	admin_work_do(work, &place, w->now_ms);
	w->cfg.admin->done(w->cfg.admin->ctx, work);
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
			l->mail.conduit = NULL;
			break;
		case LETTER_DELIVERED:
			engine_delivered(w->engine, l->session, l->bytes, w->now_ms);
			break;
		case LETTER_ARRIVAL:
			apps_arrived(w->apps, l->seat, l->fd, w->now_ms);
			l->fd = -1;
			break;
		case LETTER_ADMIN:
			admin(w, l->work);
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

/* Frames leave for what has waited for company. */
static void hurry(struct worker *w)
{
	engine_hurry(w->engine, w->now_ms);
	link_sockets_serve(w->sockets, w->now_ms);
}

/* In a worker that always has something to do. */
static void hurry_after_a_while(struct worker *w)
{
	if (!engine_waits(w->engine))
		w->waits_ms = UINT64_MAX;
	else if (w->waits_ms == UINT64_MAX)
		w->waits_ms = w->now_ms;
	else if (w->now_ms > w->waits_ms + COMPANY_MS)
		hurry(w);
}

static void wait_for_work(struct worker *w, uint64_t timeout_ms)
{
	static const struct spin_ops ops = {spin_now_ns, spin_work, spin_yield};
	uint64_t most_ns =
		atomic_load_explicit(&w->limits->busy_poll_us, memory_order_relaxed) * 1000u;
	if (timeout_ms && most_ns && spin_wanted(&w->spin, clock_ns())) {
		ring_submit(&w->ring);
		if (spin_wait(&w->spin, most_ns, &ops, w))
			return;
	}
	if (engine_waits(w->engine))
		hurry(w);
	ring_wait(&w->ring, timeout_ms);
}

/* One batch: what there is to send and receive goes in, what completed is handled, then the
 * letters. */
static void turn(struct worker *w, uint64_t timeout_ms)
{
	apps_serve(w->apps, w->now_ms);
	link_sockets_serve(w->sockets, w->now_ms);
	hurry_after_a_while(w);
	wait_for_work(w, timeout_ms);
	w->now_ms = clock_ms();
	if (completions(w))
		mail(w);
	if (w->ring.bufs.out > RING_BUFS / 2)
		engine_unpin(w->engine, w->now_ms);
	if (engine_deadline(w->engine) <= w->now_ms)
		engine_tick(w->engine, w->now_ms);
	if (apps_deadline(w->apps) <= w->now_ms)
		apps_tick(w->apps, w->now_ms);
}

static void on_udp_event(void *ctx, const struct seam_msg *m)
{
	on_event(ctx, m);
}

static uint64_t wait_ms(const struct worker *w)
{
	uint64_t due = engine_deadline(w->engine), held = link_sockets_deadline(w->sockets);
	uint64_t dial = apps_deadline(w->apps);
	due = held < due ? held : due;
	due = dial < due ? dial : due;
	return due == UINT64_MAX ? UINT64_MAX : due > w->now_ms ? due - w->now_ms : 0;
}

static int worker_init(struct worker *w)
{
	const struct engine_config cfg = {
		.worker = w->cfg.index,
		.workers = w->cfg.count,
		.seed = w->cfg.seed,
		.serials = w->cfg.serials,
		.allowances = w->cfg.allowances,
		.collects = true,
		.ops = &engine_ops,
		.ctx = w,
		.news = w->cfg.admin ? w->cfg.admin->news : (struct engine_news){0},
	};
	w->limits = allowances_limits(w->cfg.allowances);
	w->now_ms = clock_ms();
	w->waits_ms = UINT64_MAX;
	if (!w->ring.restricted && w->cfg.index == 0)
		log_warn("sandbox: this kernel cannot restrict what an io_uring does");
	w->engine = engine_new(&cfg);
	const struct apps_config apps = {
		.ring = &w->ring,
		.engine = w->engine,
		.worker = w->cfg.index,
		.ledger = w->cfg.ledger,
		.hand_over = on_hand_over,
		.dial_failed = on_dial_failed,
		.ctx = w,
	};
	w->sockets = link_sockets_new(&w->ring, w->engine, w->limits);
	w->apps = w->engine ? apps_new(&apps) : NULL;
	w->udps = udps_new(&w->ring, w->engine, w->cfg.seed, RING_OP_UDP, on_udp_event, w);
	if (!w->apps || !w->sockets || !w->udps) {
		udps_free(w->udps);
		apps_free(w->apps);
		link_sockets_free(w->sockets);
		engine_free(w->engine);
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

/* How a step of the start went. */
static void say(struct worker *w, int rc)
{
	pthread_mutex_lock(&w->lock);
	w->start_rc = rc;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static int hear(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->start_rc == UNKNOWN)
		pthread_cond_wait(&w->changed, &w->lock);
	int rc = w->start_rc;
	pthread_mutex_unlock(&w->lock);
	return rc;
}

/* How many workers there are, once that is known; 0: it shall end. */
static unsigned wait_for_count(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->count < 0)
		pthread_cond_wait(&w->changed, &w->lock);
	unsigned count = (unsigned)w->count;
	pthread_mutex_unlock(&w->lock);
	return count;
}

static void work(struct worker *w)
{
	while (!w->stopping)
		turn(w, wait_ms(w));
	apps_end(w);
	engine_free(w->engine);
	apps_free(w->apps);
	udps_end(w->udps);
	/* completions of what was shut down */
	for (unsigned i = 0; !(link_sockets_gone(w->sockets) && udps_idle(w->udps)) && i < 1000;
		i++) {
		ring_wait(&w->ring, 10);
		completions(w);
	}
	udps_free(w->udps);
	link_sockets_free(w->sockets);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	int rc = ring_init(&w->ring, w->cfg.ring_mask, RING_ENTRIES);
	say(w, rc);
	if (rc < 0)
		return NULL;
	w->cfg.count = wait_for_count(w);
	if (w->cfg.count) {
		rc = worker_init(w);
		say(w, rc);
		if (rc == 0)
			work(w);
	}
	ring_fini(&w->ring);
	return NULL;
}

int worker_start(struct worker **out, const struct worker_config *cfg)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->cfg = *cfg;
	w->start_rc = UNKNOWN;
	w->count = -1;
	int rc = mailbox_init(&w->mailbox);
	if (rc < 0) {
		free(w);
		return rc;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	rc = -pthread_create(&w->thread, NULL, worker_main, w);
	if (rc == 0) {
		rc = hear(w);
		if (rc < 0)
			pthread_join(w->thread, NULL);
	}
	if (rc < 0) {
		worker_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

int worker_run(struct worker *w, unsigned count)
{
	pthread_mutex_lock(&w->lock);
	w->count = (int)count;
	if (count)
		w->start_rc = UNKNOWN;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return hear(w);
}

struct mailbox *worker_mailbox(struct worker *w)
{
	return &w->mailbox;
}

unsigned worker_ring_entries(const struct worker *w)
{
	return w->ring.entries;
}

bool worker_ring_restricted(const struct worker *w)
{
	return w->ring.restricted;
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
	pthread_cond_destroy(&w->changed);
	free(w);
}
