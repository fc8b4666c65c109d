// SPDX-License-Identifier: Apache-2.0
#include "loop.h"

#include "bucket.h"
#include "inlet_gate.h"
#include "link.h"
#include "log.h"
#include "respawn.h"
#include "seam_client.h"
#include "vault.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	SEAM_BATCH = 64,	 /* datagrams read before the loop looks elsewhere */
	SEAM_SLICE_NS = 2000000, /* or so much time: a message of a handshake takes up to 0.3 ms */
	SEAM_BACKLOG = 32 << 20, /* bytes that may wait for the data plane */
	ADDRESSES_MAX = 8,
	OWN_LISTENERS_MAX = 1024, /* of the running nodes of a home */
	OWN_READS = 20,		  /* of them, per second, and at once */
	OWN_READS_BURST = 50,
};

/* A datagram that the seam did not take yet. */
struct parcel {
	struct parcel *next;
	int fd;
	size_t len;
	uint8_t bytes[];
};

enum job_kind {
	JOB_RESOLVE,
	JOB_LOCALHOST, /* known without asking; told from the loop */
	JOB_CONNECT,
	JOB_FAILED, /* a connect that failed at once; told from the loop */
};

/* One resolve or connect that the node asked for. */
struct job {
	struct program *p;
	uint32_t id;
	enum job_kind kind;
	bool cancelled;
	uint16_t port; /* JOB_LOCALHOST */
	int fd;	       /* JOB_CONNECT */
	int error;     /* JOB_FAILED */
	union {
		uv_getaddrinfo_t resolve;
		uv_poll_t poll;
		uv_timer_t timer;
	};
	struct job *next;
};

struct loop {
	int seam;	 /* -1: there is no data plane */
	uv_poll_t *poll; /* of the seam; freed when closed */
	uv_timer_t timer;
	uv_prepare_t prepare;
	uv_signal_t sigterm, sigint;
	struct parcel *head, **tail;
	size_t backlog;
	struct job *jobs;
	struct own_listeners *own;
	uint8_t out[SEAM_MSG_MAX];
	uint8_t in[SEAM_MSG_MAX];
};

uint64_t loop_now_ms(void)
{
	return uv_hrtime() / 1000000;
}

void loop_enter(struct program *p)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	node_enter(p->node, loop_now_ms(), (uint64_t)ts.tv_sec);
}

/* --- the seam --- */

static void parcel_free(struct parcel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	secret_wipe(c->bytes, c->len);
	free(c);
}

static void watch_seam(struct loop *l);

static void flush_parcels(struct program *p)
{
	struct loop *l = p->loop;
	while (l->head) {
		struct parcel *c = l->head;
		int rc = seam_send(l->seam, c->bytes, c->len, c->fd);
		if (rc == -EAGAIN)
			return;
		if (rc < 0)
			log_warn("seam: a message was lost: %s", strerror(-rc));
		l->head = c->next;
		if (!l->head)
			l->tail = &l->head;
		l->backlog -= c->len;
		parcel_free(c);
	}
	watch_seam(l);
}

static void read_seam(struct program *p)
{
	struct loop *l = p->loop;
	uint64_t end_ns = uv_hrtime() + SEAM_SLICE_NS;
	for (unsigned i = 0; i < SEAM_BATCH && uv_hrtime() < end_ns; i++) {
		int fd = -1;
		int n = seam_recv(l->seam, l->in, sizeof l->in, &fd);
		if (fd >= 0)
			close(fd);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			uv_poll_stop(l->poll);
			respawn_on_seam_lost(p, n ? strerror(-n) : "it closed the seam");
			return;
		}
		seam_input(p->node, l->in, (size_t)n);
		if (l->seam < 0)
			return; /* lost by what that did */
	}
}

static void on_seam(uv_poll_t *h, int status, int events)
{
	struct program *p = h->data;
	loop_enter(p);
	if (status < 0) {
		uv_poll_stop(h);
		respawn_on_seam_lost(p, "the seam is broken");
		return;
	}
	if (events & UV_WRITABLE)
		flush_parcels(p);
	if (events & UV_READABLE)
		read_seam(p);
}

static void watch_seam(struct loop *l)
{
	uv_poll_start(l->poll, UV_READABLE | (l->head ? UV_WRITABLE : 0), on_seam);
}

static int queue_parcel(struct loop *l, size_t len, int fd)
{
	struct parcel *c = l->backlog + len <= SEAM_BACKLOG ? malloc(sizeof *c + len) : NULL;
	if (!c)
		return -ENOBUFS;
	c->next = NULL;
	c->fd = fd;
	c->len = len;
	memcpy(c->bytes, l->out, len);
	l->backlog += len;
	*l->tail = c;
	l->tail = &c->next;
	watch_seam(l);
	return 0;
}

static int io_seam_send(void *ctx, const struct seam_msg *m)
{
	struct loop *l = ((struct program *)ctx)->loop;
	int rc = l->seam < 0 ? -ENOTCONN : seam_encode(m, l->out, sizeof l->out);
	int fd = m->fd;
	if (rc > 0) {
		size_t len = (size_t)rc;
		rc = l->head ? -EAGAIN : seam_send(l->seam, l->out, len, fd);
		if (rc == -EAGAIN && (rc = queue_parcel(l, len, fd)) == 0)
			fd = -1;
		if (m->has & SEAM_HAS(SEAM_A_CHAIN_TX))
			secret_wipe(l->out, len);
	}
	if (fd >= 0)
		close(fd);
	return rc < 0 ? rc : 0;
}

/* --- names and connections --- */

static struct job *job_new(struct program *p, uint32_t id, enum job_kind kind)
{
	struct job *j = calloc(1, sizeof *j);
	if (!j)
		return NULL;
	j->p = p;
	j->id = id;
	j->kind = kind;
	j->fd = -1;
	j->next = p->loop->jobs;
	p->loop->jobs = j;
	return j;
}

static void job_unlink(struct job *j)
{
	struct job **pp = &j->p->loop->jobs;
	while (*pp && *pp != j)
		pp = &(*pp)->next;
	if (*pp)
		*pp = j->next;
}

static void job_closed(uv_handle_t *h)
{
	free(h->data);
}

/* Ends a job that has a handle; its socket is the caller's when taken. */
static void job_close(struct job *j)
{
	job_unlink(j);
	if (j->fd >= 0)
		close(j->fd);
	uv_handle_t *h =
		j->kind == JOB_CONNECT ? (uv_handle_t *)&j->poll : (uv_handle_t *)&j->timer;
	h->data = j;
	uv_close(h, job_closed);
}

static int resolve_error(int uv_error)
{
	switch (uv_error) {
	case UV_EAI_NONAME:
	case UV_EAI_NODATA:
	case UV_EAI_FAMILY:
		return -ENOENT;
	case UV_EAI_AGAIN:
		return -EAGAIN;
	case UV_ENOMEM:
	case UV_EAI_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *res)
{
	struct job *j = req->data;
	struct sockaddr_storage addrs[ADDRESSES_MAX];
	unsigned n = 0;
	if (!j->cancelled) {
		job_unlink(j);
		for (struct addrinfo *a = res; a && n < ADDRESSES_MAX; a = a->ai_next) {
			if (a->ai_addrlen > sizeof addrs[0])
				continue;
			memset(&addrs[n], 0, sizeof addrs[n]);
			memcpy(&addrs[n++], a->ai_addr, a->ai_addrlen);
		}
		if (status == 0 && !n)
			status = UV_EAI_NODATA;
		loop_enter(j->p);
		node_on_resolved(
			j->p->node, j->id, addrs, n, status < 0 ? resolve_error(status) : 0);
	}
	uv_freeaddrinfo(res);
	free(j);
}

/* Tells a result from the loop instead of at once. */
static void job_defer(struct job *j, uv_timer_cb fn)
{
	uv_timer_init(&j->p->uv, &j->timer);
	j->timer.data = j;
	uv_timer_start(&j->timer, fn, 0, 0);
}

/* RFC 6761: this name is always the loopback addresses. */
static void on_localhost(uv_timer_t *h)
{
	struct job *j = h->data;
	struct program *p = j->p;
	uint32_t id = j->id;
	struct sockaddr_storage addrs[2] = {0};
	struct sockaddr_in *a4 = (struct sockaddr_in *)&addrs[0];
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&addrs[1];
	a4->sin_family = AF_INET;
	a4->sin_port = htons(j->port);
	a4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a6->sin6_family = AF_INET6;
	a6->sin6_port = htons(j->port);
	a6->sin6_addr = in6addr_loopback;
	job_close(j);
	loop_enter(p);
	node_on_resolved(p->node, id, addrs, 2, 0);
}

static void io_resolve(void *ctx, uint32_t id, const char *host, uint16_t port)
{
	struct program *p = ctx;
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char service[8];
	bool localhost = !strcmp(host, "localhost");
	struct job *j = job_new(p, id, localhost ? JOB_LOCALHOST : JOB_RESOLVE);
	if (!j)
		return; /* the link's own deadline ends it */
	if (localhost) {
		j->port = port;
		job_defer(j, on_localhost);
		return;
	}
	j->resolve.data = j;
	snprintf(service, sizeof service, "%u", port);
	if (uv_getaddrinfo(&p->uv, &j->resolve, on_resolved, host, service, &hints) < 0) {
		job_unlink(j);
		free(j);
	}
}

static void on_connect_failed(uv_timer_t *h)
{
	struct job *j = h->data;
	struct program *p = j->p;
	uint32_t id = j->id;
	int error = j->error;
	job_close(j);
	loop_enter(p);
	node_on_connected(p->node, id, -1, error);
}

static void on_connected(uv_poll_t *h, int status, int events)
{
	struct job *j = h->data;
	struct program *p = j->p;
	uint32_t id = j->id;
	int fd = j->fd, error = 0;
	socklen_t len = sizeof error;
	/* libuv's status says EBADF for any error: the socket knows better */
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	error = error ? -error : status;
	uv_poll_stop(h);
	if (!error)
		j->fd = -1;
	job_close(j);
	loop_enter(p);
	node_on_connected(p->node, id, error ? -1 : fd, error);
}

/* Until an outlet's stream takes the connection over: whatever ends it, the target sees a reset. */
static void reset_on_close(int fd)
{
	const struct linger now = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* Begins to connect: 0, or a negative errno. */
/* Connected by its first send, by a plain SYN: the cookie of TCP Fast Open, and data beside the
 * SYN, are not for a target that may never have heard of them. */
static int io_aim(void *ctx, const struct link_target *t)
{
	const struct sockaddr *sa = (const struct sockaddr *)&t->addr;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &one, sizeof one) == 0 &&
		connect(fd, sa, t->addr_len) == 0)
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

static int connect_start(struct job *j, const struct link_target *t)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const struct sockaddr *sa = (const struct sockaddr *)&t->addr;
	socklen_t len = t->addr_len;
	if (t->kind == LINK_UNIX) {
		if (strlen(t->host) >= sizeof sun.sun_path)
			return -ENAMETOOLONG;
		memcpy(sun.sun_path, t->host, strlen(t->host) + 1);
		sa = (const struct sockaddr *)&sun;
		len = sizeof sun;
	}
	int type = t->kind == LINK_UDP ? SOCK_DGRAM : SOCK_STREAM;
	j->fd = socket(sa->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (j->fd < 0)
		return -errno;
	int one = 1;
	if (t->kind == LINK_TCP)
		setsockopt(j->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (j->id & NODE_DIAL_OUTLET)
		reset_on_close(j->fd);
	if (connect(j->fd, sa, len) < 0 && errno != EINPROGRESS)
		return -errno;
	int rc = uv_poll_init_socket(&j->p->uv, &j->poll, j->fd);
	if (rc < 0)
		return rc;
	j->poll.data = j;
	uv_poll_start(&j->poll, UV_WRITABLE, on_connected);
	return 0;
}

static void io_connect(void *ctx, uint32_t id, const struct link_target *t)
{
	struct program *p = ctx;
	struct job *j = job_new(p, id, JOB_CONNECT);
	if (!j)
		return;
	j->error = connect_start(j, t);
	if (j->error) {
		j->kind = JOB_FAILED;
		job_defer(j, on_connect_failed);
	}
}

static void job_cancel(struct job *j)
{
	if (j->kind != JOB_RESOLVE) {
		job_close(j);
		return;
	}
	job_unlink(j);
	j->cancelled = true; /* on_resolved frees it */
	uv_cancel((uv_req_t *)&j->resolve);
}

static void io_cancel(void *ctx, uint32_t id)
{
	struct program *p = ctx;
	for (struct job *j = p->loop->jobs, *next; j; j = next) {
		next = j->next;
		if (j->id == id)
			job_cancel(j);
	}
}

/* --- what the home knows --- */

static bool io_is_own(void *ctx, const struct identifier *id)
{
	struct program *p = ctx;
	int rc = p->home ? identity_is_own(p->home, id) : 0;
	if (rc == -EROFS)
		log_warn(
			"an identity of this home is taken for a foreign one: a running node reads "
			"only the vaults that it was started with; stop and start it (%s)",
			home_error(p->home));
	return rc > 0;
}

static bool same_socket(const struct link_target *t, const struct route *r)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&t->addr;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&t->addr;
	if (t->kind == LINK_UNIX)
		return r->n == 1 && r->e[0].code == ROUTE_UNIX && !strcmp(r->e[0].text, t->host);
	if (r->n != 2 || r->e[1].code != (t->kind == LINK_UDP ? ROUTE_UDP : ROUTE_TCP) ||
		!t->resolved)
		return false;
	bool localhost = r->e[0].code == ROUTE_DNSADDR && !strcmp(r->e[0].text, "localhost");
	if (a4->sin_family == AF_INET && ntohs(a4->sin_port) == r->e[1].port)
		return (localhost && a4->sin_addr.s_addr == htonl(INADDR_LOOPBACK)) ||
		       (r->e[0].code == ROUTE_IP4 && !memcmp(r->e[0].addr, &a4->sin_addr, 4));
	if (a6->sin6_family == AF_INET6 && ntohs(a6->sin6_port) == r->e[1].port)
		return r->e[0].code == ROUTE_IP6 && !memcmp(r->e[0].addr, &a6->sin6_addr, 16);
	return false;
}

/* What the home's nodes listen on, as it was read last. */
struct own_listeners {
	struct bucket reads;
	unsigned n;
	struct route at[OWN_LISTENERS_MAX];
};

static int keep_listener(void *ctx, const char *node, const char *text)
{
	struct own_listeners *own = ctx;
	char err[128];
	if (route_parse(&own->at[own->n], text, err, sizeof err) == 0)
		own->n++;
	return own->n == OWN_LISTENERS_MAX;
}

/*
 * Every answer is fresh as long as few ask; strangers cause this question, and reading the home for
 * each of them would be work for nothing.
 */
static bool io_is_own_listener(void *ctx, const struct link_target *t)
{
	struct program *p = ctx;
	struct own_listeners *own = p->loop->own;
	if (!own) {
		own = p->loop->own = calloc(1, sizeof *own);
		if (!own)
			return false;
		bucket_init(&own->reads, OWN_READS, OWN_READS_BURST, p->node->now_ms);
	}
	if (bucket_take(&own->reads, p->node->now_ms)) {
		own->n = 0;
		node_listeners_each(p->home_dir, keep_listener, own);
	}
	for (unsigned i = 0; i < own->n; i++)
		if (same_socket(t, &own->at[i]))
			return true;
	return false;
}

const struct node_io loop_io = {
	.seam_send = io_seam_send,
	.aim = io_aim,
	.resolve = io_resolve,
	.connect = io_connect,
	.cancel = io_cancel,
	.inlet_gate = inlet_gate_set,
	.is_own = io_is_own,
	.is_own_listener = io_is_own_listener,
};

/* --- timers and signals --- */

static void on_timer(uv_timer_t *h)
{
	struct program *p = h->data;
	loop_enter(p);
	node_tick(p->node);
}

/* Before the loop sleeps: when the node wants to be called next. */
static void on_prepare(uv_prepare_t *h)
{
	struct program *p = h->data;
	struct loop *l = p->loop;
	uint64_t now = loop_now_ms(), due = node_deadline(p->node);
	if (due == UINT64_MAX) {
		uv_timer_stop(&l->timer);
		return;
	}
	/* libuv's clock is that of the turn's begin: without this the timer fires early, again and
	 * again */
	uv_update_time(&p->uv);
	uv_timer_start(&l->timer, on_timer, due > now ? due - now : 0, 0);
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct program *p = h->data;
	log_info("signal %d: the node ends", signum);
	program_end(p, 0);
}

int loop_attach(struct program *p, int seam)
{
	struct loop *l = p->loop;
	l->poll = malloc(sizeof *l->poll);
	if (!l->poll) {
		close(seam);
		return -ENOMEM;
	}
	l->seam = seam;
	uv_poll_init(&p->uv, l->poll, seam);
	l->poll->data = p;
	watch_seam(l);
	return 0;
}

bool loop_detach(struct program *p)
{
	struct loop *l = p->loop;
	if (!l || l->seam < 0)
		return false;
	uv_poll_stop(l->poll);
	uv_close((uv_handle_t *)l->poll, (uv_close_cb)free);
	l->poll = NULL;
	while (l->head) {
		struct parcel *c = l->head;
		l->head = c->next;
		parcel_free(c);
	}
	l->tail = &l->head;
	l->backlog = 0;
	close(l->seam);
	l->seam = -1;
	return true;
}

int loop_open(struct program *p, int seam)
{
	struct loop *l = calloc(1, sizeof *l);
	if (!l) {
		close(seam);
		return -ENOMEM;
	}
	l->seam = -1;
	l->tail = &l->head;
	p->loop = l;
	uv_timer_init(&p->uv, &l->timer);
	uv_prepare_init(&p->uv, &l->prepare);
	uv_signal_init(&p->uv, &l->sigterm);
	uv_signal_init(&p->uv, &l->sigint);
	l->timer.data = l->prepare.data = p;
	l->sigterm.data = l->sigint.data = p;
	uv_prepare_start(&l->prepare, on_prepare);
	uv_signal_start(&l->sigterm, on_signal, SIGTERM);
	uv_signal_start(&l->sigint, on_signal, SIGINT);
	return loop_attach(p, seam);
}

/* What waits before it is of no use any more. */
static void say_end(struct loop *l)
{
	const struct seam_msg m = {.cmd = SEAM_END, .fd = -1};
	int n = seam_encode(&m, l->out, sizeof l->out);
	int rc = n < 0 ? n : seam_send(l->seam, l->out, (size_t)n, -1);
	if (rc < 0)
		log_info("the data plane is not told to end: %s", strerror(-rc));
}

void loop_close(struct program *p, bool end_dataplane)
{
	struct loop *l = p->loop;
	if (!l)
		return;
	while (l->jobs)
		job_cancel(l->jobs);
	if (end_dataplane && l->seam >= 0)
		say_end(l);
	loop_detach(p);
	uv_close((uv_handle_t *)&l->timer, NULL);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->sigterm, NULL);
	uv_close((uv_handle_t *)&l->sigint, NULL);
	free(l->own);
	l->own = NULL;
}
