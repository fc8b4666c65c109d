// SPDX-License-Identifier: Apache-2.0
/*
 * libmicrohttpd polls with an epoll descriptor of its own, which the program's loop watches.
 * MHD_run is called from the loop only, never from inside a handler: an answer that comes later
 * resumes its connection and leaves a note (`kick`) that the next turn of the loop finds.
 * libmicrohttpd aborts when it is stopped with a suspended connection, so all are resumed first.
 */
#include "api_server.h"

#include "locked.h"
#include "log.h"
#include "loop.h"
#include "restore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	LOCAL_CONNECTIONS_MAX = 256,
	IDLE_S = 60,
	BACKLOG = 64,
	MEMORY_MAX =
		16 << 10, /* of a connection by TCP: what its request line and headers fit in */
};

/* Paths and queries are decoded by us, after they were taken apart. */
static size_t keep_encoded(void *cls, struct MHD_Connection *c, char *text)
{
	return strlen(text);
}

static void run(struct api_door *door)
{
	door->kick = false;
	if (door->mhd)
		MHD_run(door->mhd);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	run(h->data);
}

static void on_timer(uv_timer_t *h)
{
	struct program *p = h->data;
	struct api *a = p->api;
	uint64_t now = loop_now_ms();
	loop_enter(p);
	for (struct api_request *rq = a->waiting, *next; rq; rq = next) {
		next = rq->next;
		if (rq->deadline_ms <= now)
			api_give_up_request(rq, "timed out");
	}
	http_clients_tick(&a->clients, now);
	run(&a->local);
	run(&a->http);
}

static uint64_t due_of(const struct api_door *door, uint64_t now)
{
	unsigned long long ms;
	if (door->kick)
		return now;
	return door->mhd && MHD_get_timeout(door->mhd, &ms) == MHD_YES ? now + ms : UINT64_MAX;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Before the loop sleeps: runs what was resumed, and sets the timer. */
static void on_prepare(uv_prepare_t *h)
{
	struct program *p = h->data;
	struct api *a = p->api;
	if (a->local.kick)
		run(&a->local);
	if (a->http.kick)
		run(&a->http);
	uint64_t now = loop_now_ms();
	uint64_t due = earlier(due_of(&a->local, now), due_of(&a->http, now));
	due = earlier(due, http_clients_deadline(&a->clients));
	for (struct api_request *rq = a->waiting; rq; rq = rq->next)
		due = earlier(due, rq->deadline_ms);
	if (due == UINT64_MAX)
		uv_timer_stop(&a->timer);
	else
		uv_timer_start(&a->timer, on_timer, due > now ? due - now : 0, 0);
}

static int listen_socket(const char *path, struct reason *why)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof sa.sun_path) {
		*why = reason_make(EXIT_CONFIG, "the path %s is too long for a socket", path);
		return -ENAMETOOLONG;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && chmod(path, 0600) == 0 &&
		listen(fd, BACKLOG) == 0)
		return fd;
	int rc = -errno;
	if (fd >= 0)
		close(fd);
	*why = reason_make(EXIT_IO, "cannot listen on %s: %s", path, strerror(-rc));
	return rc;
}

/* Watches a daemon; NULL: it was not started, and its socket is closed. 0 or negative errno. */
static int door_open(struct api_door *door, struct MHD_Daemon *mhd, int fd, struct reason *why)
{
	const union MHD_DaemonInfo *info =
		mhd ? MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (info && uv_poll_init(&door->p->uv, &door->poll, info->epoll_fd) == 0) {
		door->mhd = mhd;
		door->poll.data = door;
		uv_poll_start(&door->poll, UV_READABLE, on_poll);
		return 0;
	}
	*why = reason_make(EXIT_INTERNAL, "cannot start the control API");
	if (mhd)
		MHD_stop_daemon(mhd);
	else
		close(fd);
	return -EIO;
}

static int open_local(struct api_door *door, struct reason *why)
{
	char path[PATH_MAX];
	program_path(door->p, "control.sock", path, sizeof path);
	int fd = listen_socket(path, why);
	if (fd < 0)
		return fd;
	return door_open(door,
		MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
			api_on_request, door, MHD_OPTION_LISTEN_SOCKET, fd,
			MHD_OPTION_NOTIFY_COMPLETED, api_on_completed, door,
			MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL,
			MHD_OPTION_CONNECTION_LIMIT, (unsigned)LOCAL_CONNECTIONS_MAX,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END),
		fd, why);
}

static void on_connection(
	void *cls, struct MHD_Connection *c, void **slot, enum MHD_ConnectionNotificationCode code)
{
	struct api *a = cls;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		http_clients_came(&a->clients, c, slot, loop_now_ms());
	else
		http_clients_left(&a->clients, slot);
}

/* The token lies beside the node's log, in a directory that a node in the foreground has not yet.
 */
static int load_token(struct program *p, struct api *a, struct reason *why)
{
	char path[PATH_MAX + 8];
	snprintf(path, sizeof path, "%s/nodes", p->home_dir);
	mkdir(path, 0700);
	if (home_node_path(path, sizeof path, p->home_dir, "nodes", p->name, NULL) < 0) {
		*why = reason_make(EXIT_CONFIG, "the path of %.200s is too long", p->home_dir);
		return -ENAMETOOLONG;
	}
	mkdir(path, 0700);
	home_node_path(path, sizeof path, p->home_dir, "nodes", p->name, "http_token");
	locked_in_place(&a->guard.token, sizeof a->guard.token);
	return http_token_load(path, &a->guard.token, why);
}

/* Of 127.0.0.1 alone. A port 0 becomes the one that the kernel picked, which is kept. */
static int open_http(struct program *p, struct api *a, json_int_t port, struct reason *why)
{
	struct tcp_address at;
	char text[TCP_ADDRESS_TEXT];
	snprintf(text, sizeof text, "127.0.0.1:%d", (int)port);
	int rc = tcp_address_parse(&at, text, why);
	if (rc == 0)
		rc = load_token(p, a, why);
	int fd = rc < 0 ? rc : tcp_address_listen(&at, why);
	if (fd < 0)
		return fd;
	tcp_address_format(&at, text);
	memcpy(a->http_address, text, sizeof a->http_address);
	a->guard.port = (uint16_t)strtoul(strrchr(text, ':') + 1, NULL, 10);
	a->guard.clients = &a->clients;
	a->http.guard = &a->guard;
	rc = door_open(&a->http,
		MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
			api_on_request, &a->http, MHD_OPTION_LISTEN_SOCKET, fd,
			MHD_OPTION_NOTIFY_COMPLETED, api_on_completed, &a->http,
			MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL,
			MHD_OPTION_NOTIFY_CONNECTION, on_connection, a, MHD_OPTION_CONNECTION_LIMIT,
			(unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
			(size_t)MEMORY_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
			MHD_OPTION_END),
		fd, why);
	if (rc == 0 && a->guard.port != port)
		rc = restore_keep(p, "http_server_port", json_integer(a->guard.port), why);
	if (rc == 0)
		log_info("the HTTP server listens on %s", a->http_address);
	return rc;
}

static int open_doors(struct program *p, struct api *a, struct reason *why)
{
	json_t *port = p->temporary ? NULL : json_object_get(p->config, "http_server_port");
	int rc = open_local(&a->local, why);
	if (rc < 0 || !port)
		return rc;
	if (json_is_integer(port) && json_integer_value(port) >= 0 &&
		json_integer_value(port) <= UINT16_MAX)
		return open_http(p, a, json_integer_value(port), why);
	*why = reason_make(EXIT_CONFIG, "http_server_port of node %s is not a port", p->name);
	return -EINVAL;
}

int api_open(struct program *p, struct reason *why)
{
	struct api *a = calloc(1, sizeof *a);
	if (!a) {
		*why = reason_make(EXIT_INTERNAL, "out of memory");
		return -ENOMEM;
	}
	a->local.p = a->http.p = p;
	p->api = a;
	uv_timer_init(&p->uv, &a->timer);
	uv_prepare_init(&p->uv, &a->prepare);
	a->timer.data = a->prepare.data = p;
	uv_prepare_start(&a->prepare, on_prepare);
	return open_doors(p, a, why); /* what was opened api_close closes */
}

const char *api_http_address(const struct program *p)
{
	return p->api && p->api->http.mhd ? p->api->http_address : NULL;
}

void api_give_up(struct program *p)
{
	while (p->api && p->api->waiting)
		api_give_up_request(p->api->waiting, "the node is stopping");
}

static void door_close(struct api_door *door)
{
	if (!door->mhd)
		return;
	MHD_run(door->mhd);
	MHD_run(door->mhd);
	uv_poll_stop(&door->poll);
	MHD_stop_daemon(door->mhd);
	door->mhd = NULL;
	uv_close((uv_handle_t *)&door->poll, NULL);
}

void api_close(struct program *p)
{
	struct api *a = p->api;
	char path[PATH_MAX];
	if (!a)
		return;
	api_give_up(p);
	uv_prepare_stop(&a->prepare);
	uv_timer_stop(&a->timer);
	if (a->local.mhd) {
		program_path(p, "control.sock", path, sizeof path);
		unlink(path);
	}
	door_close(&a->local);
	door_close(&a->http);
	secret_wipe(&a->guard.token, sizeof a->guard.token);
	uv_close((uv_handle_t *)&a->prepare, NULL);
	uv_close((uv_handle_t *)&a->timer, NULL);
}
