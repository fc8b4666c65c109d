// SPDX-License-Identifier: Apache-2.0
#include "seam_srv.h"

#include "aead.h"
#include "allowance.h"
#include "dials.h"
#include "ledger.h"
#include "listeners.h"
#include "log.h"
#include "outbox.h"
#include "registry.h"
#include "udp_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONTROLLER_WAIT_MS = 30000, /* for the first one */
	EVENTS = 32,
	PEER_TEXT = 64,
};

struct seam_srv {
	int listen_fd, conn, epoll;
	unsigned count;
	uint32_t missing; /* of the sandbox */
	bool greeted;
	bool outlive; /* goes on without a controller, */
	bool ending;  /* but for one that said that it ends */
	bool had_controller;
	atomic_bool serving;   /* new connections are taken */
	_Atomic uint64_t dump; /* sequence number << 32 | workers that are not through */
	struct serials *serials;
	struct ledger *ledger;
	void (*tap)(void *ctx, const struct seam_msg *m); /* NULL: nobody */
	void *tap_ctx;
	struct dials *dials;
	struct limits *limits;
	struct kernel_path *kernel; /* NULL: none */
	uint32_t top_link, top_session; /* of control's numbers */
	struct worker **workers;
	struct worker_seam seam;
	struct registry registry;
	struct outbox outbox;
	struct listeners listeners;
	uint32_t next_link; /* odd */
	uint8_t buf[SEAM_MSG_MAX];
};

static void ack(
	struct seam_srv *s, const struct seam_msg *cmd, const struct seam_msg *answer, int error)
{
	if (cmd->want_ack)
		outbox_ack(&s->outbox, answer, cmd->seq, error);
}

/* Any worker. What is gone for control is gone from the registry first. */
static bool on_event(void *ctx, unsigned worker, const struct seam_msg *m)
{
	struct seam_srv *s = ctx;
	if (m->cmd == SEAM_LINK_LOST)
		registry_remove(&s->registry, OWNED_LINK, m->link);
	else if (m->cmd == SEAM_SESSION_CLOSED)
		registry_remove(&s->registry, OWNED_SESSION, m->session);
	if (s->tap)
		s->tap(s->tap_ctx, m);
	return outbox_send(&s->outbox, worker, m);
}

/* A worker is through with a dump: true when it was the last, of the dump that counts. */
static bool dump_count_down(struct seam_srv *s, uint32_t seq)
{
	uint64_t now = atomic_load(&s->dump);
	while (now >> 32 == seq && now & UINT32_MAX)
		if (atomic_compare_exchange_weak(&s->dump, &now, now - 1))
			return (now & UINT32_MAX) == 1;
	return false;
}

static void on_done(void *ctx, const struct seam_msg *cmd, const struct seam_msg *answer, int error)
{
	struct seam_srv *s = ctx;
	bool ok = error == 0;
	if (cmd->cmd == SEAM_DUMP) {
		if (!dump_count_down(s, cmd->seq))
			return;
		atomic_store(&s->serving, true);
	}
	if (cmd->cmd == SEAM_LINK_ADD ? !ok : cmd->cmd == SEAM_LINK_DEL && ok)
		registry_remove(&s->registry, OWNED_LINK, cmd->link);
	else if (cmd->cmd == SEAM_SESSION_ADD ? !ok
					      : cmd->cmd == SEAM_SESSION_DEL && ok &&
							!(cmd->has & SEAM_HAS(SEAM_A_CLOSE)))
		registry_remove(&s->registry, OWNED_SESSION, cmd->session);
	if (ok && s->tap)
		s->tap(s->tap_ctx, cmd);
	ack(s, cmd, answer, error);
}

static void on_delivered(void *ctx, unsigned worker, uint32_t session, size_t bytes)
{
	struct seam_srv *s = ctx;
	struct letter *l = letter_new(LETTER_DELIVERED, 0);
	if (!l)
		return;
	l->session = session;
	l->bytes = bytes;
	mailbox_post(worker_mailbox(s->workers[worker]), l);
}

static int watch(struct seam_srv *s, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static bool same_user(int fd)
{
	struct ucred c;
	socklen_t len = sizeof c;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) == 0 && c.uid == geteuid();
}

static void conn_lost(struct seam_srv *s)
{
	log_warn("the controller is gone: what is there goes on, new connections are closed");
	atomic_store(&s->serving, false);
	atomic_store(&s->dump, 0);
	outbox_close(&s->outbox);
	close(s->conn);
	s->conn = -1;
	s->greeted = false;
	pending_clear(s->listeners.pending);
}

static int conn_read(struct seam_srv *s);

/* Handles what the controller has sent; true when it is gone. */
static bool conn_is_dead(struct seam_srv *s)
{
	uint8_t byte;
	for (;;) {
		ssize_t n = recv(s->conn, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n < 0)
			return errno != EAGAIN && errno != EINTR;
		if (n == 0 || conn_read(s) < 0)
			return true;
	}
}

/* The connection of the one controller. The one before may be dead, and we just do not know yet. */
static void conn_open(struct seam_srv *s, int fd)
{
	int size = 1 << 20;
	if (s->conn >= 0 && s->outlive && conn_is_dead(s) && !s->ending)
		conn_lost(s);
	if (s->conn >= 0 || !same_user(fd)) {
		log_warn("a second controller, or one of another user, is turned away");
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* what the kernel allows */
	s->conn = fd;
	s->had_controller = true;
	watch(s, fd);
	outbox_open(&s->outbox, fd);
	dials_drop(s->dials, NULL); /* of another's outlets */
}

struct seam_srv *seam_srv_new(int seam_fd, unsigned workers, uint64_t seed, struct serials *serials,
	struct ledger *ledger, struct dials *dials, struct limits *limits)
{
	struct seam_srv *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->conn = -1;
	s->listen_fd = -1;
	s->count = workers;
	s->serials = serials;
	s->ledger = ledger;
	s->dials = dials;
	s->limits = limits;
	atomic_init(&s->serving, true);
	atomic_init(&s->dump, 0);
	s->next_link = 1;
	s->seam = (struct worker_seam){.event = on_event, .done = on_done, .ctx = s};
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0 || registry_init(&s->registry, workers, seed) < 0) {
		if (s->epoll >= 0)
			close(s->epoll);
		free(s);
		return NULL;
	}
	if (listeners_init(&s->listeners, s->epoll, seed) < 0) {
		registry_fini(&s->registry);
		close(s->epoll);
		free(s);
		return NULL;
	}
	outbox_init(&s->outbox, s->epoll);
	s->outbox.delivered = on_delivered;
	s->outbox.ctx = s;
	if (listening(seam_fd)) {
		s->listen_fd = seam_fd;
		fcntl(seam_fd, F_SETFL, fcntl(seam_fd, F_GETFL) | O_NONBLOCK);
		watch(s, seam_fd);
	} else {
		conn_open(s, seam_fd);
	}
	return s;
}

void seam_srv_started(struct seam_srv *s, unsigned workers, unsigned missing)
{
	s->count = s->registry.workers = workers;
	s->missing = missing;
}

void seam_srv_tap(struct seam_srv *s, void (*tap)(void *ctx, const struct seam_msg *m), void *ctx)
{
	s->tap = tap;
	s->tap_ctx = ctx;
}

void seam_srv_kernel(struct seam_srv *s, struct kernel_path *k)
{
	s->kernel = k;
}

const struct worker_seam *seam_srv_seam(struct seam_srv *s)
{
	return &s->seam;
}

/* A command, as bytes, to a worker; takes fd. */
static int post(struct seam_srv *s, unsigned worker, const uint8_t *data, size_t len, int fd,
	int out_worker)
{
	struct letter *l = letter_new(LETTER_COMMAND, len);
	if (!l) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	memcpy(l->data, data, len);
	l->fd = fd;
	l->out_worker = out_worker;
	mailbox_post(worker_mailbox(s->workers[worker]), l);
	return 0;
}

/* Of datagrams: a worker gets the socket. */
static int udp_listener_add(struct seam_srv *s, struct seam_msg *m, size_t len)
{
	unsigned w = registry_least_links(&s->registry);
	int rc = listener_add_datagrams(&s->listeners, m->listener, m->fd, w), fd = m->fd;
	if (rc < 0)
		return rc;
	m->fd = -1;
	return post(s, w, s->buf, len, fd, ENGINE_LOCAL);
}

static int listener_take(struct seam_srv *s, struct seam_msg *m)
{
	int rc = listener_add(&s->listeners, m->listener, m->fd);
	if (rc == 0)
		m->fd = -1;
	return rc;
}

static int listener_del(struct seam_srv *s, const struct seam_msg *m, size_t len)
{
	struct listener *l = listener_get(&s->listeners, m->listener);
	if (!l)
		return -ENOENT;
	int w = l->worker;
	listener_remove(&s->listeners, l);
	if (w < 0)
		return 0;
	int rc = post(s, (unsigned)w, s->buf, len, -1, ENGINE_LOCAL);
	return rc < 0 ? rc : 1; /* the worker answers */
}

static void peer_text(char *dst, const struct sockaddr_storage *sa)
{
	char host[INET6_ADDRSTRLEN];
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	if (sa->ss_family == AF_INET && inet_ntop(AF_INET, &in4->sin_addr, host, sizeof host))
		snprintf(dst, PEER_TEXT, "%s:%u", host, ntohs(in4->sin_port));
	else if (sa->ss_family == AF_INET6 &&
		 inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host))
		snprintf(dst, PEER_TEXT, "[%s]:%u", host, ntohs(in6->sin6_port));
	else
		snprintf(dst, PEER_TEXT, "unix");
}

/* Control hears of the link before anything that comes by it. */
static void link_new(struct seam_srv *s, const struct pending_link *l)
{
	char peer[PEER_TEXT];
	uint8_t buf[256];
	unsigned worker = registry_least_links(&s->registry);
	struct seam_msg m;
	memset(&m, 0, sizeof m);
	peer_text(peer, &l->from);
	m.cmd = SEAM_LINK_NEW;
	m.fd = -1;
	m.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LISTENER) | SEAM_HAS(SEAM_A_PEER);
	m.link = s->next_link;
	m.listener = l->listener;
	m.peer = peer;
	if (registry_add(&s->registry, OWNED_LINK, m.link, worker) < 0) {
		close(l->fd);
		return;
	}
	s->next_link += 2;
	outbox_send(&s->outbox, 0, &m);
	m.cmd = SEAM_LINK_ADD;
	m.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_ORIGIN) | SEAM_HAS(SEAM_A_PEER);
	m.origin = seam_origin(&l->from);
	int n = seam_encode(&m, buf, sizeof buf);
	if (n < 0 || post(s, worker, buf, (size_t)n, l->fd, ENGINE_LOCAL) < 0) {
		m.cmd = SEAM_LINK_LOST;
		m.has |= SEAM_HAS(SEAM_A_ERROR);
		m.error = -ENOMEM;
		on_event(s, 0, &m);
	}
}

/* They wait while control is behind. */
static void links_begin(struct seam_srv *s)
{
	struct pending_link l;
	while (!outbox_busy(&s->outbox) && listeners_next(&s->listeners, &l))
		link_new(s, &l);
}

static int hello(struct seam_srv *s, const struct seam_msg *m, struct seam_msg *answer)
{
	if (m->version != SEAM_VERSION)
		return -EPROTO;
	s->greeted = true;
	memset(answer, 0, sizeof *answer);
	answer->cmd = SEAM_HELLO;
	answer->fd = -1;
	answer->has = SEAM_HAS(SEAM_A_VERSION) | SEAM_HAS(SEAM_A_WORKERS) |
		      SEAM_HAS(SEAM_A_SUITES) | SEAM_HAS(SEAM_A_MISSING) | SEAM_HAS(SEAM_A_SERIAL) |
		      SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_LISTENER);
	answer->version = SEAM_VERSION;
	answer->workers = s->count;
	answer->missing = s->missing;
	answer->suites = aead_suites();
	answer->serial = serials_highest(s->serials);
	answer->link = s->top_link;
	answer->session = s->top_session;
	answer->listener = s->listeners.top;
	return 0;
}

static void dump_listeners(struct seam_srv *s, uint32_t seq)
{
	for (const struct listener *l = s->listeners.first; l; l = l->next) {
		struct seam_msg m;
		memset(&m, 0, sizeof m);
		m.cmd = SEAM_DUMP_LISTENER;
		m.seq = seq;
		m.has = SEAM_HAS(SEAM_A_LISTENER);
		m.listener = l->id;
		m.fd = l->fd;
		outbox_send(&s->outbox, 0, &m);
	}
}

/* Each worker tells of its own; the last one acknowledges (on_done). */
static int dump(struct seam_srv *s, const struct seam_msg *m, size_t len)
{
	dump_listeners(s, m->seq);
	atomic_store(&s->dump, (uint64_t)m->seq << 32 | s->count);
	for (unsigned w = 0; w < s->count; w++) {
		int rc = post(s, w, s->buf, len, -1, ENGINE_LOCAL);
		if (rc < 0) {
			atomic_store(&s->dump, 0);
			return rc;
		}
	}
	return 0;
}

static int listener_worker(struct seam_srv *s, uint32_t id)
{
	const struct listener *l = listener_get(&s->listeners, id);
	return l && l->worker >= 0 ? l->worker : -ENOENT;
}

static int portal_get(struct seam_srv *s, const struct seam_msg *m, struct seam_msg *answer)
{
	const char *service = m->has & SEAM_HAS(SEAM_A_SERVICE) ? m->service : NULL;
	if (!service == !(m->has & SEAM_HAS(SEAM_A_PORTAL)))
		return -EINVAL;
	struct ledger_sum sum = ledger_sum(s->ledger, m->portal, service);
	memset(answer, 0, sizeof *answer);
	answer->cmd = SEAM_PORTAL_GET;
	answer->fd = -1;
	answer->has = SEAM_HAS(SEAM_A_OPEN) | SEAM_HAS(SEAM_A_STREAMS) | SEAM_HAS(SEAM_A_BYTES_RX) |
		      SEAM_HAS(SEAM_A_BYTES_TX);
	answer->open = (uint32_t)sum.open;
	answer->streams = sum.streams;
	answer->bytes_rx = sum.rx;
	answer->bytes_tx = sum.tx;
	return 0;
}

/* Behind those of the workers: of connections, which are ours. */
static void stats_get(struct seam_srv *s, struct seam_msg *answer)
{
	listeners_counters(&s->listeners, answer);
	answer->worker = s->count;
}

/* Workers look when they need it. */
static void set(struct seam_srv *s, const struct seam_msg *m)
{
	struct limits *l = s->limits;
	if (m->has & SEAM_HAS(SEAM_A_BUSY_POLL_US))
		atomic_store(&l->busy_poll_us, m->busy_poll_us);
	if (m->has & SEAM_HAS(SEAM_A_MAX_QUEUE))
		atomic_store(&l->queue, m->max_queue);
	if (m->has & SEAM_HAS(SEAM_A_MAX_RATE))
		atomic_store(&l->rate, m->max_rate);
	if (m->has & SEAM_HAS(SEAM_A_MAX_RATE) && s->kernel)
		kernel_path_hold(s->kernel, m->max_rate > 0);
	if (m->has & SEAM_HAS(SEAM_A_MAX_BURST))
		atomic_store(&l->burst, m->max_burst);
}

static int dial_add(struct seam_srv *s, struct seam_msg *m)
{
	int rc = m->fd < 0 ? -EBADF : dials_add(s->dials, m->service, m->fd);
	m->fd = -1;
	return rc;
}

static int kernel_get(struct seam_srv *s, struct kernel_status *st, struct seam_msg *answer)
{
	if (!s->kernel)
		return -EOPNOTSUPP;
	kernel_path_status(s->kernel, st);
	memset(answer, 0, sizeof *answer);
	answer->cmd = SEAM_KERNEL_GET;
	answer->fd = -1;
	answer->has = SEAM_HAS(SEAM_A_OPEN) | SEAM_HAS(SEAM_A_WANTED) | SEAM_HAS(SEAM_A_FRAMES_RX) |
		      SEAM_HAS(SEAM_A_BYTES_RX) | SEAM_HAS(SEAM_A_WHY);
	answer->open = st->served;
	answer->wanted = st->wanted;
	answer->frames_rx = st->count.frames;
	answer->bytes_rx = st->count.bytes;
	answer->why = st->why;
	return 0;
}

/* A channel stays with its session. Frames between links of one worker are not copied. */
static int link_worker(struct seam_srv *s, const struct seam_msg *m)
{
	if (m->has & SEAM_HAS(SEAM_A_SESSION))
		return registry_worker(&s->registry, OWNED_SESSION, m->session);
	if (m->has & SEAM_HAS(SEAM_A_LISTENER))
		return listener_worker(s, m->listener);
	int w = m->has & SEAM_HAS(SEAM_A_OUT_LINK)
			? registry_worker(&s->registry, OWNED_LINK, m->out_link)
			: -ENOENT;
	return w < 0 ? (int)registry_least_links(&s->registry) : w;
}

/* Who executes a command. Negative errno: nobody can. */
static int worker_of(struct seam_srv *s, const struct seam_msg *m)
{
	int w, rc;
	switch (m->cmd) {
	case SEAM_LINK_ADD:
		w = link_worker(s, m);
		if (w < 0)
			return w;
		if (m->link & 1)
			return -EINVAL; /* ours */
		rc = registry_add(&s->registry, OWNED_LINK, m->link, (unsigned)w);
		if (rc == 0 && m->link > s->top_link)
			s->top_link = m->link;
		return rc < 0 ? rc : w;
	case SEAM_SESSION_ADD:
		w = registry_worker(&s->registry, OWNED_LINK, m->link);
		if (w < 0)
			return w;
		rc = registry_add(&s->registry, OWNED_SESSION, m->session, (unsigned)w);
		if (rc == 0 && m->session > s->top_session)
			s->top_session = m->session;
		return rc < 0 ? rc : w;
	case SEAM_SESSION_SET:
	case SEAM_SESSION_DEL:
	case SEAM_SESSION_PING:
	case SEAM_SESSION_GET:
	case SEAM_PORTAL_ADD:
	case SEAM_PORTAL_DEL:
	case SEAM_STREAM_ACCEPT:
	case SEAM_STREAM_REFUSE:
	case SEAM_MSG:
		return registry_worker(&s->registry, OWNED_SESSION, m->session);
	case SEAM_STATS_GET:
		return m->worker < s->count ? (int)m->worker : -ENOENT;
	case SEAM_DGRAM:
		return listener_worker(s, m->listener);
	default:
		return registry_worker(&s->registry, OWNED_LINK, m->link);
	}
}

static int dispatch(struct seam_srv *s, struct seam_msg *m, size_t len)
{
	int out = ENGINE_LOCAL, w = worker_of(s, m);
	if (w < 0)
		return w;
	if (m->cmd == SEAM_LABEL_ADD && m->has & SEAM_HAS(SEAM_A_OUT_LINK)) {
		out = registry_worker(&s->registry, OWNED_LINK, m->out_link);
		if (out < 0)
			return out;
		if (out == w)
			out = ENGINE_LOCAL;
	}
	int fd = m->fd;
	m->fd = -1;
	int rc = post(s, (unsigned)w, s->buf, len, fd, out);
	if (rc < 0 && m->cmd == SEAM_LINK_ADD)
		registry_remove(&s->registry, OWNED_LINK, m->link);
	if (rc < 0 && m->cmd == SEAM_SESSION_ADD)
		registry_remove(&s->registry, OWNED_SESSION, m->session);
	return rc;
}

static void command(struct seam_srv *s, size_t len, int fd)
{
	struct seam_msg m, answer;
	int rc = seam_decode(&m, s->buf, len, false);
	if (rc < 0) {
		log_warn("a message of control is not understood");
		if (fd >= 0)
			close(fd);
		/* an ACK all the same, if there is a number to answer */
		if (len >= 16) {
			memcpy(&m.seq, s->buf + 8, sizeof m.seq);
			outbox_ack(&s->outbox, NULL, m.seq, rc);
		}
		return;
	}
	struct kernel_status kernel; /* what an answer borrows from */
	m.fd = fd;
	answer.cmd = 0;
	bool here = true;
	if (m.cmd == SEAM_HELLO)
		rc = hello(s, &m, &answer);
	else if (!s->greeted)
		rc = -EPROTO;
	else if (m.cmd == SEAM_LISTENER_ADD && udp_socket_is(m.fd))
		here = (rc = udp_listener_add(s, &m, len)) < 0;
	else if (m.cmd == SEAM_LISTENER_ADD)
		rc = listener_take(s, &m);
	else if (m.cmd == SEAM_LISTENER_DEL)
		here = (rc = listener_del(s, &m, len)) <= 0;
	else if (m.cmd == SEAM_OUTLIVE)
		s->outlive = true;
	else if (m.cmd == SEAM_END)
		s->ending = true;
	else if (m.cmd == SEAM_PORTAL_GET)
		rc = portal_get(s, &m, &answer);
	else if (m.cmd == SEAM_STATS_GET && m.worker == s->count)
		stats_get(s, &answer);
	else if (m.cmd == SEAM_SET)
		set(s, &m);
	else if (m.cmd == SEAM_DIAL_ADD)
		rc = dial_add(s, &m);
	else if (m.cmd == SEAM_DIAL_DEL)
		dials_drop(s->dials, m.service);
	else if (m.cmd == SEAM_KERNEL_GET)
		rc = kernel_get(s, &kernel, &answer);
	else if (m.cmd == SEAM_DUMP)
		here = (rc = dump(s, &m, len)) < 0;
	else
		here = (rc = dispatch(s, &m, len)) < 0;
	if (here)
		ack(s, &m, answer.cmd ? &answer : NULL, rc);
	if (m.fd >= 0)
		close(m.fd);
	secret_wipe(&m, sizeof m);
}

/* 0, or a negative errno when the controller is gone. */
static int conn_read(struct seam_srv *s)
{
	for (unsigned i = 0; i < EVENTS; i++) {
		int fd = -1, n = seam_recv(s->conn, s->buf, sizeof s->buf, &fd);
		if (n == -EAGAIN)
			return 0;
		if (n == -EMSGSIZE)
			continue;
		if (n <= 0)
			return n < 0 ? n : -EPIPE;
		command(s, (size_t)n, fd);
		secret_wipe(s->buf, (size_t)n);
	}
	return 0;
}

static int handle(struct seam_srv *s, const struct epoll_event *ev)
{
	int fd = ev->data.fd;
	if (fd == s->conn) {
		int rc = ev->events & EPOLLOUT ? outbox_flush(&s->outbox) : 0;
		return rc == 0 && ev->events & ~(uint32_t)EPOLLOUT ? conn_read(s) : rc;
	}
	if (fd == s->listen_fd) {
		fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			conn_open(s, fd);
		return 0;
	}
	listeners_ready(&s->listeners, fd, atomic_load(&s->serving));
	return 0;
}

int seam_srv_run(struct seam_srv *s, struct worker **workers)
{
	struct epoll_event ev[EVENTS];
	s->workers = workers;
	for (;;) {
		int ms = listeners_tick(&s->listeners);
		int n = epoll_wait(
			s->epoll, ev, EVENTS, s->had_controller ? ms : CONTROLLER_WAIT_MS);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 && !s->had_controller)
			return -ETIMEDOUT;
		for (int i = 0; i < n; i++) {
			if (handle(s, &ev[i]) == 0)
				continue;
			if (!s->outlive || s->ending)
				return 0;
			conn_lost(s);
		}
		links_begin(s);
	}
}

void seam_srv_free(struct seam_srv *s)
{
	listeners_fini(&s->listeners);
	if (s->conn >= 0)
		close(s->conn);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	close(s->epoll);
	outbox_fini(&s->outbox);
	registry_fini(&s->registry);
	free(s);
}
