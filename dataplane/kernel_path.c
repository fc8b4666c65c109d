// SPDX-License-Identifier: Apache-2.0
#include "kernel_path.h"

#include "fd_pass.h"
#include "kernel_map.h"
#include "kernel_route.h"
#include "label.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	STEER_WAIT_S = 3,
	NEWS_REST_MS = 50, /* routes that change come in crowds */
	AGAIN_MS = 10000,  /* rows that are wanted and not served are tried again */
	WHY_LEN = 160,
};

struct way;

struct krow {
	struct label_node node; /* (link, label) */
	struct way *in, *out;
	struct krow *in_next, **in_back, *out_next, **out_back;
	struct krow *next, **back;
	bool served;
	struct relay_key key; /* of what is served */
	struct device *device;
	uint32_t slot; /* 0: none yet */
};

/* A datagram link. */
struct way {
	struct label_node node; /* (link, 0) */
	struct udp_address at;
	uint16_t local_port, frame_max;
	int device; /* 0: not asked yet; negative errno: no way */
	struct krow *in, *out;
	struct passed gone_in, gone_out; /* of rows that are no more */
};

/* What the program is attached to. */
struct device {
	struct device *next;
	uint32_t ifindex, how;
	int link; /* tcx */
	unsigned rows;
};

enum state { OFF, AWAIT_GREETING, ON };

struct kernel_path {
	pthread_mutex_t lock;
	pthread_t thread;
	bool has_thread;
	bool held; /* none is served */
	int steer, stop, epoll;
	enum state state;
	struct kernel_maps maps;
	struct kernel_route route;
	struct label_table ways, rows;
	struct krow *all;
	uint32_t wanted, served, last_slot;
	struct device *devices;
	struct passed gone;
	char why[WHY_LEN];
};

static void off(struct kernel_path *k, const char *why)
{
	k->state = OFF;
	snprintf(k->why, sizeof k->why, "%s", why);
}

/* --- ockam-steer --- */

static bool greeted(struct kernel_path *k)
{
	struct steer_answer a;
	int fds[FD_PASS_MAX];
	if (k->state != AWAIT_GREETING)
		return k->state == ON;
	int rc = fd_pass_recv(k->steer, &a, sizeof a, fds, true);
	a.why[sizeof a.why - 1] = 0;
	if (rc < 0 || a.error) {
		off(k, rc < 0 ? "ockam-steer has not started" : a.why);
		log_info("relays forward in user space: %s", k->why);
		return false;
	}
	memcpy(k->maps.fd, fds, sizeof k->maps.fd);
	k->maps.cpus = a.cpus;
	if (fds[STEER_REASONS] < 0 || !a.cpus)
		off(k, "ockam-steer is of another version");
	else
		k->state = ON;
	return k->state == ON;
}

static int ask(
	struct kernel_path *k, uint32_t op, uint32_t ifindex, struct steer_answer *a, int *fd)
{
	struct steer_request r = {op, ifindex};
	int fds[FD_PASS_MAX] = {-1, -1, -1, -1};
	int rc = k->steer < 0 ? -EPIPE : fd_pass_send(k->steer, &r, sizeof r, NULL, 0);
	if (rc == 0)
		rc = fd_pass_recv(k->steer, a, sizeof *a, fds, true);
	if (rc < 0) { /* answers would belong to other questions from here on */
		snprintf(k->why, sizeof k->why, "ockam-steer does not answer: %s", strerror(-rc));
		if (k->steer >= 0)
			close(k->steer);
		k->steer = -1;
		return rc;
	}
	a->why[sizeof a->why - 1] = 0;
	*fd = fds[0];
	if (a->error)
		snprintf(k->why, sizeof k->why, "%s", a->why);
	return a->error;
}

static struct device *device_get(struct kernel_path *k, uint32_t ifindex)
{
	struct steer_answer a;
	struct device *d = k->devices;
	while (d && d->ifindex != ifindex)
		d = d->next;
	if (!d) {
		int link = -1;
		d = calloc(1, sizeof *d);
		if (!d || ask(k, STEER_ATTACH, ifindex, &a, &link) < 0) {
			free(d);
			return NULL;
		}
		*d = (struct device){
			.next = k->devices, .ifindex = ifindex, .how = a.how, .link = link};
		k->devices = d;
	}
	d->rows++;
	return d;
}

static void device_put(struct kernel_path *k, struct device *d)
{
	struct steer_answer a;
	struct device **pp = &k->devices;
	int fd = -1;
	if (--d->rows)
		return;
	while (*pp != d)
		pp = &(*pp)->next;
	*pp = d->next;
	if (d->link >= 0)
		close(d->link);
	else
		ask(k, STEER_DETACH, d->ifindex, &a, &fd);
	free(d);
}

/* --- rows --- */

static struct passed count_of(const struct kernel_path *k, const struct krow *r)
{
	struct relay_count c = {0};
	if (r->slot)
		kernel_slot_get(&k->maps, r->slot, &c);
	return (struct passed){c.frames, c.bytes, c.last_ns / 1000000};
}

static void count_add(struct passed *sum, const struct passed *c)
{
	sum->frames += c->frames;
	sum->bytes += c->bytes;
	if (c->last_ms > sum->last_ms)
		sum->last_ms = c->last_ms;
}

static void count_row(const struct kernel_path *k, const struct krow *r, struct passed *sum)
{
	struct passed c = count_of(k, r);
	count_add(sum, &c);
}

static void unserve(struct kernel_path *k, struct krow *r)
{
	if (!r->served)
		return;
	kernel_row_del(&k->maps, &r->key);
	r->served = false;
	k->served--;
	device_put(k, r->device);
}

static int way_device(struct kernel_path *k, struct way *w)
{
	if (!w->device)
		w->device = kernel_route_device(&k->route, &w->at);
	return w->device;
}

/* The entry for a row as its links are now; false: it cannot be served, and why. */
static bool entry(
	struct kernel_path *k, struct krow *r, struct relay_key *key, struct relay_row *row)
{
	struct way *in = r->in, *out = r->out;
	if (k->held) {
		snprintf(k->why, sizeof k->why, "links have a rate that they may not exceed");
		return false;
	}
	if (in->at.family != out->at.family) {
		snprintf(k->why, sizeof k->why, "a path from IPv4 to IPv6");
		return false;
	}
	int from = way_device(k, in), to = way_device(k, out);
	if (from <= 0 || to <= 0) {
		snprintf(k->why, sizeof k->why, "no route to a neighbour: %s",
			strerror(from < 0 ? -from : -to));
		return false;
	}
	*key = (struct relay_key){
		.remote_port = htons(in->at.port),
		.local_port = htons(in->local_port),
		.label = htonl(r->node.label),
		.family = in->at.family,
	};
	memcpy(key->remote, in->at.remote, 16);
	memcpy(key->local, in->at.local, 16);
	*row = (struct relay_row){
		.remote_port = htons(out->at.port),
		.local_port = htons(out->local_port),
		.in_ifindex = (uint32_t)from,
		.out_ifindex = (uint32_t)to,
		.slot = r->slot,
		.frame_max = out->frame_max,
	};
	memcpy(row->remote, out->at.remote, 16);
	memcpy(row->local, out->at.local, 16);
	return true;
}

static int slot_take(struct kernel_path *k, struct krow *r)
{
	if (r->slot)
		return 0;
	uint32_t slot = ++k->last_slot ? k->last_slot : ++k->last_slot;
	int rc = kernel_slot_add(&k->maps, slot);
	if (rc == 0)
		r->slot = slot;
	return rc;
}

/* The new entry first, then the old one goes: a frame in between finds one of them. */
static int serve(struct kernel_path *k, struct krow *r, const struct relay_key *key,
	const struct relay_row *row)
{
	struct device *d = device_get(k, row->in_ifindex);
	if (!d)
		return -EIO;
	int rc = kernel_row_put(&k->maps, key, row);
	if (rc < 0) {
		snprintf(k->why, sizeof k->why, "the kernel's table of paths: %s",
			rc == -E2BIG || rc == -ENOSPC ? "it is full" : strerror(-rc));
		device_put(k, d);
		return rc;
	}
	if (r->served && memcmp(&r->key, key, sizeof *key))
		kernel_row_del(&k->maps, &r->key);
	if (r->served)
		device_put(k, r->device);
	else
		k->served++;
	r->served = true;
	r->key = *key;
	r->device = d;
	return 0;
}

/* Makes a row's place in the kernel what its links say. */
static void follow(struct kernel_path *k, struct krow *r)
{
	struct relay_key key;
	struct relay_row row;
	int rc = slot_take(k, r);
	if (rc < 0)
		snprintf(k->why, sizeof k->why, "the kernel's table of paths: %s",
			rc == -E2BIG || rc == -ENOSPC ? "it is full" : strerror(-rc));
	if (rc < 0 || !entry(k, r, &key, &row) || serve(k, r, &key, &row) < 0)
		unserve(k, r);
	else if (k->served == k->wanted)
		k->why[0] = 0;
}

static void row_free(struct kernel_path *k, struct krow *r)
{
	struct passed c;
	unserve(k, r);
	c = count_of(k, r);
	count_add(&r->in->gone_in, &c);
	count_add(&r->out->gone_out, &c);
	count_add(&k->gone, &c);
	if (r->slot)
		kernel_slot_del(&k->maps, r->slot);
	label_remove(&k->rows, &r->node);
	*r->in_back = r->in_next;
	if (r->in_next)
		r->in_next->in_back = r->in_back;
	*r->out_back = r->out_next;
	if (r->out_next)
		r->out_next->out_back = r->out_back;
	*r->back = r->next;
	if (r->next)
		r->next->back = r->back;
	k->wanted--;
	free(r);
}

static struct krow *row_find(const struct kernel_path *k, uint32_t link, uint32_t label)
{
	struct label_node *n = label_find(&k->rows, link, label);
	return n ? LABEL_ENTRY(n, struct krow, node) : NULL;
}

static struct way *way_find(const struct kernel_path *k, uint32_t link)
{
	struct label_node *n = label_find(&k->ways, link, 0);
	return n ? LABEL_ENTRY(n, struct way, node) : NULL;
}

static void row_new(struct kernel_path *k, struct way *in, struct way *out, uint32_t label)
{
	struct krow *r = calloc(1, sizeof *r);
	if (!r)
		return;
	*r = (struct krow){.node = {.link = in->node.link, .label = label},
		.in = in,
		.out = out,
		.in_next = in->in,
		.in_back = &in->in,
		.out_next = out->out,
		.out_back = &out->out,
		.next = k->all,
		.back = &k->all};
	if (r->in_next)
		r->in_next->in_back = &r->in_next;
	if (r->out_next)
		r->out_next->out_back = &r->out_next;
	if (r->next)
		r->next->back = &r->next;
	in->in = out->out = k->all = r;
	label_insert(&k->rows, &r->node);
	k->wanted++;
	follow(k, r);
}

/* --- news of routes --- */

static void follow_all(struct kernel_path *k, bool routes)
{
	struct label_iter it = {0};
	if (routes)
		for (struct label_node *n; (n = label_each(&k->ways, &it));)
			LABEL_ENTRY(n, struct way, node)->device = 0;
	for (struct krow *r = k->all; r; r = r->next)
		if (routes || !r->served)
			follow(k, r);
}

static void *watch(void *arg)
{
	static const struct timespec rest = {.tv_nsec = NEWS_REST_MS * 1000000};
	struct kernel_path *k = arg;
	for (;;) {
		struct epoll_event ev;
		int n = epoll_wait(k->epoll, &ev, 1, AGAIN_MS);
		if (n > 0 && ev.data.fd == k->stop)
			return NULL;
		if (n > 0)
			nanosleep(&rest, NULL);
		bool routes = kernel_route_drain(&k->route);
		pthread_mutex_lock(&k->lock);
		if (k->state == ON)
			follow_all(k, routes);
		pthread_mutex_unlock(&k->lock);
	}
}

static int watch_start(struct kernel_path *k)
{
	k->stop = eventfd(0, EFD_CLOEXEC);
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event stop = {.events = EPOLLIN, .data.fd = k->stop};
	struct epoll_event news = {.events = EPOLLIN, .data.fd = k->route.news};
	if (k->stop < 0 || k->epoll < 0 || epoll_ctl(k->epoll, EPOLL_CTL_ADD, k->stop, &stop) < 0 ||
		epoll_ctl(k->epoll, EPOLL_CTL_ADD, k->route.news, &news) < 0)
		return -errno;
	int rc = -pthread_create(&k->thread, NULL, watch, k);
	k->has_thread = rc == 0;
	return rc;
}

/* --- public --- */

struct kernel_path *kernel_path_new(int fd)
{
	const struct timeval limit = {.tv_sec = STEER_WAIT_S};
	struct kernel_path *k = calloc(1, sizeof *k);
	uint64_t seed;
	if (!k)
		return NULL;
	*k = (struct kernel_path){.steer = fd, .stop = -1, .epoll = -1, .route = {-1, -1, 0}};
	kernel_maps_init(&k->maps);
	pthread_mutex_init(&k->lock, NULL);
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed ||
		label_table_init(&k->ways, seed) < 0 || label_table_init(&k->rows, seed + 1) < 0) {
		kernel_path_free(k);
		return NULL;
	}
	if (fd < 0)
		return k;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	k->state = AWAIT_GREETING;
	if (kernel_route_init(&k->route) < 0 || watch_start(k) < 0)
		off(k, "routes cannot be asked for");
	return k;
}

void kernel_path_free(struct kernel_path *k)
{
	const uint64_t one = 1;
	if (!k)
		return;
	if (k->has_thread && write(k->stop, &one, sizeof one) == sizeof one)
		pthread_join(k->thread, NULL);
	while (k->all)
		row_free(k, k->all);
	for (struct label_node *n;
		k->ways.slots && (n = label_each(&k->ways, &(struct label_iter){0}));) {
		label_remove(&k->ways, n);
		free(LABEL_ENTRY(n, struct way, node));
	}
	label_table_fini(&k->ways);
	label_table_fini(&k->rows);
	kernel_maps_close(&k->maps);
	kernel_route_close(&k->route);
	if (k->steer >= 0)
		close(k->steer);
	if (k->stop >= 0)
		close(k->stop);
	if (k->epoll >= 0)
		close(k->epoll);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* An IPv4 address in IPv6's clothes is what the packets have. */
static void undress(struct udp_address *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (a->family != 6 || memcmp(a->remote, mapped, sizeof mapped))
		return;
	a->family = 4;
	memmove(a->remote, a->remote + 12, 4);
	memmove(a->local, a->local + 12, 4);
	memset(a->remote + 4, 0, 12);
	memset(a->local + 4, 0, 12);
}

static void way_set(struct kernel_path *k, uint32_t link, const struct udp_address *at,
	uint16_t local_port, uint16_t frame_max)
{
	struct way *w = way_find(k, link);
	if (!w) {
		w = calloc(1, sizeof *w);
		if (!w)
			return;
		w->node.link = link;
		label_insert(&k->ways, &w->node);
	}
	w->at = *at;
	undress(&w->at);
	w->local_port = local_port;
	w->frame_max = frame_max;
	w->device = 0;
	for (struct krow *r = w->in; r; r = r->in_next)
		follow(k, r);
	for (struct krow *r = w->out; r; r = r->out_next)
		follow(k, r);
}

void kernel_path_link(struct kernel_path *k, uint32_t link, const struct udp_address *at,
	uint16_t local_port, uint16_t frame_max)
{
	pthread_mutex_lock(&k->lock);
	if (k->state != OFF)
		way_set(k, link, at, local_port, frame_max);
	pthread_mutex_unlock(&k->lock);
}

void kernel_path_link_gone(struct kernel_path *k, uint32_t link)
{
	pthread_mutex_lock(&k->lock);
	struct way *w = way_find(k, link);
	while (w && w->in)
		row_free(k, w->in);
	while (w && w->out)
		row_free(k, w->out);
	if (w)
		label_remove(&k->ways, &w->node);
	free(w);
	pthread_mutex_unlock(&k->lock);
}

void kernel_path_row(struct kernel_path *k, uint32_t link, uint32_t label, uint32_t out_link)
{
	pthread_mutex_lock(&k->lock);
	struct way *in = way_find(k, link), *out = way_find(k, out_link);
	if (in && out && !row_find(k, link, label) && greeted(k))
		row_new(k, in, out, label);
	pthread_mutex_unlock(&k->lock);
}

void kernel_path_row_gone(struct kernel_path *k, uint32_t link, uint32_t label)
{
	pthread_mutex_lock(&k->lock);
	struct krow *r = row_find(k, link, label);
	if (r)
		row_free(k, r);
	pthread_mutex_unlock(&k->lock);
}

void kernel_path_hold(struct kernel_path *k, bool hold)
{
	pthread_mutex_lock(&k->lock);
	bool news = k->held != hold;
	k->held = hold;
	for (struct krow *r = news ? k->all : NULL; r; r = r->next)
		follow(k, r);
	pthread_mutex_unlock(&k->lock);
}

bool kernel_path_row_count(struct kernel_path *k, uint32_t link, uint32_t label, struct passed *out)
{
	pthread_mutex_lock(&k->lock);
	const struct krow *r = row_find(k, link, label);
	if (r)
		*out = count_of(k, r);
	pthread_mutex_unlock(&k->lock);
	return r;
}

bool kernel_path_row_served(
	struct kernel_path *k, uint32_t link, uint32_t label, char *why, size_t cap)
{
	pthread_mutex_lock(&k->lock);
	const struct krow *r = row_find(k, link, label);
	const bool served = r && r->served;
	if (!served)
		snprintf(why, cap, "%s",
			!r	    ? "nothing has passed yet"
			: k->why[0] ? k->why
				    : "not yet");
	pthread_mutex_unlock(&k->lock);
	return served;
}

void kernel_path_link_count(
	struct kernel_path *k, uint32_t link, struct passed *in, struct passed *out)
{
	*in = *out = (struct passed){0};
	pthread_mutex_lock(&k->lock);
	const struct way *w = way_find(k, link);
	if (w) {
		*in = w->gone_in;
		*out = w->gone_out;
		for (const struct krow *r = w->in; r; r = r->in_next)
			count_row(k, r, in);
		for (const struct krow *r = w->out; r; r = r->out_next)
			count_row(k, r, out);
	}
	pthread_mutex_unlock(&k->lock);
}

void kernel_path_status(struct kernel_path *k, struct kernel_status *out)
{
	pthread_mutex_lock(&k->lock);
	greeted(k);
	*out = (struct kernel_status){.wanted = k->wanted, .served = k->served, .count = k->gone};
	snprintf(out->why, sizeof out->why, "%s", k->why);
	for (const struct krow *r = k->all; r; r = r->next)
		count_row(k, r, &out->count);
	pthread_mutex_unlock(&k->lock);
}
