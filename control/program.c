// SPDX-License-Identifier: Apache-2.0
/* The life of the program: start, ready, housekeeping, end. */
#include "program.h"

#include "api.h"
#include "channel.h"
#include "inlet_socket.h"
#include "keys.h"
#include "locked.h"
#include "log.h"
#include "log_rotate.h"
#include "loop.h"
#include "notify.h"
#include "respawn.h"
#include "restore.h"
#include "sandbox.h"
#include "spawn.h"
#include "steer.h"
#include "takeover.h"
#include "tcp_listener.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HOUSEKEEPING_MS = 10000, /* at most so often */
	RENEW_MS = 24 * 3600 * 1000,
	CLOSE_GRACE_MS = 100, /* for CLOSE to leave */
	LOG_MAX = 10 << 20,
};

static struct {
	uv_timer_t end, renewal;
	uv_prepare_t housekeeping; /* before the loop sleeps: no timer wakes an idle node for it */
	uint64_t kept_house_ms;
	uv_poll_t input; /* --temporary, --exit-on-eof */
	bool watching_input;
	char log_path[PATH_MAX];
} part;

void program_path(const struct program *p, const char *file, char *dst, size_t cap)
{
	snprintf(dst, cap, "%s/%s", p->dir, file);
}

/* One line, then closed. */
static void report(struct program *p, const char *fmt, ...)
{
	va_list ap;
	if (p->ready_fd < 0)
		return;
	va_start(ap, fmt);
	vdprintf(p->ready_fd, fmt, ap);
	va_end(ap);
	close(p->ready_fd);
	p->ready_fd = -1;
}

void program_begin(struct program *p)
{
	p->starting++;
}

void program_done(struct program *p)
{
	if (--p->starting || p->ending)
		return;
	p->ready = true;
	dataplane_outlive(p);
	log_info("node %s is ready, %u workers", p->name, p->node->workers);
	report(p, "ready\n");
	notify_send("READY=1");
}

void program_fail(struct program *p, const struct reason *why)
{
	log_error("%s", why->text);
	report(p, "%d %s\n", why->exit, why->text);
	program_end(p, why->exit);
}

static struct channel *first_ending(struct node *n)
{
	struct channel *ch = channels_first(n);
	while (ch && !ch->ending)
		ch = ch->next;
	return ch;
}

/*
 * Those that this node opened get a CLOSE. Of the others the peer sees the path break: it opens them
 * again under their address when this node is back. Closing one may make a relay open a new one:
 * only what is there now counts. True when there was one.
 */
static bool close_channels(struct node *n)
{
	struct channel *ch;
	bool any = false;
	for (ch = channels_first(n); ch; ch = ch->next)
		any |= ch->ending = ch->role == SEAM_INITIATOR;
	while ((ch = first_ending(n)))
		channel_close(n, ch);
	return any;
}

static void close_handles(struct program *p)
{
	steer_stop(p);
	uv_close((uv_handle_t *)&part.end, NULL);
	respawn_close(p);
	notify_close();
	uv_close((uv_handle_t *)&part.housekeeping, NULL);
	uv_close((uv_handle_t *)&part.renewal, NULL);
	if (part.watching_input)
		uv_close((uv_handle_t *)&part.input, NULL);
}

/* Everything goes; the loop returns when the data plane has ended too. */
static void on_end(uv_timer_t *t)
{
	struct program *p = t->data;
	char path[PATH_MAX];
	/* one that was adopted goes on when the start has failed: it can be tried again */
	bool leave = p->adopted && !p->ready;
	if (p->node)
		loop_enter(p);
	api_close(p);
	tcp_listeners_free(p, leave);
	struct node *n = p->node;
	p->node = NULL;
	if (n && leave)
		loop_detach(p); /* nothing is taken down there */
	node_free(n);
	loop_close(p, !leave);
	if (leave)
		dataplane_let_go(p);
	else
		dataplane_expect_end(p);
	for (unsigned i = 0; i < 2 && !leave; i++) {
		program_path(p, i ? "admin.sock" : "seam.sock", path, sizeof path);
		unlink(path);
	}
	program_path(p, "listeners", path, sizeof path);
	unlink(path);
	close_handles(p);
}

/* Out of the call that asked for it, which may be inside the node. */
static void on_end_begins(uv_timer_t *t)
{
	struct program *p = t->data;
	bool closing = false;
	if (p->node) {
		loop_enter(p);
		api_give_up(p);
		closing = close_channels(p->node) && dataplane_pid(p);
	}
	uv_timer_start(t, on_end, closing ? CLOSE_GRACE_MS : 0, 0);
}

void program_end(struct program *p, int status)
{
	if (p->ending)
		return;
	p->ending = true;
	p->exit_status = status;
	notify_send("STOPPING=1");
	node_lock_ending(p->lock_fd);
	uv_timer_start(&part.end, on_end_begins, 0, 0);
}

/* The log grows only when something has woken the loop. */
static void on_housekeeping(uv_prepare_t *h)
{
	struct program *p = h->data;
	uint64_t now = loop_now_ms();
	if (p->temporary || p->foreground || now < part.kept_house_ms + HOUSEKEEPING_MS)
		return;
	part.kept_house_ms = now;
	int rc = log_rotate(STDERR_FILENO, part.log_path, LOG_MAX);
	if (rc < 0)
		log_warn("the log was not rotated whole: %s", strerror(-rc));
}

static void on_renewal(uv_timer_t *t)
{
	struct program *p = t->data;
	loop_enter(p);
	keys_renew(p);
}

static void on_input(uv_poll_t *h, int status, int events)
{
	struct program *p = h->data;
	char buf[4096];
	ssize_t n = status < 0 ? 0 : read(STDIN_FILENO, buf, sizeof buf);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	uv_poll_stop(h);
	log_info("standard input has ended: the node ends");
	program_end(p, 0);
}

static void start_handles(struct program *p)
{
	respawn_init(p);
	notify_open(p, p->notifies);
	uv_timer_init(&p->uv, &part.end);
	uv_prepare_init(&p->uv, &part.housekeeping);
	uv_timer_init(&p->uv, &part.renewal);
	part.end.data = part.housekeeping.data = part.renewal.data = p;
	uv_prepare_start(&part.housekeeping, on_housekeeping);
	uv_timer_start(&part.renewal, on_renewal, RENEW_MS, RENEW_MS);
	if (!p->temporary && !p->ends_with_stdin)
		return;
	/* a file or /dev/null cannot be polled, and has ended */
	if (uv_poll_init(&p->uv, &part.input, STDIN_FILENO) < 0) {
		program_end(p, 0);
		return;
	}
	part.watching_input = true;
	part.input.data = p;
	uv_poll_start(&part.input, UV_READABLE, on_input);
}

/* The directory of the sockets, and the lock that says that this node runs. */
static int take_place(struct program *p, struct reason *why)
{
	char path[PATH_MAX + 8];
	if (p->temporary)
		return 0;
	if (home_node_path(p->dir, sizeof p->dir, p->home_dir, "run", p->name, "") < 0 ||
		home_node_path(path, sizeof path, p->home_dir, "run", p->name, "control.sock") <
			0) {
		*why = reason_make(EXIT_CONFIG,
			"the path of %.200s is too long for a socket (at most 107 bytes)",
			p->home_dir);
		return -ENAMETOOLONG;
	}
	for (size_t n = strlen(p->dir); n && p->dir[n - 1] == '/'; n--)
		p->dir[n - 1] = 0;
	snprintf(path, sizeof path, "%s/run", p->home_dir);
	mkdir(path, 0700);
	mkdir(p->dir, 0700);
	p->lock_fd = node_lock(p->home_dir, p->name);
	if (p->lock_fd >= 0)
		return 0;
	*why = p->lock_fd == -EEXIST
		       ? reason_make(EXIT_EXISTS, "node %s is already running", p->name)
		       : reason_make(EXIT_IO, "cannot lock %s: %s", p->dir, strerror(-p->lock_fd));
	return p->lock_fd;
}

static int open_home(struct program *p, struct reason *why)
{
	int rc = home_open(&p->home, p->home_dir, p->temporary ? HOME_READ : HOME_WRITE);
	if (rc < 0) {
		*why = reason_make(EXIT_IO, "%s", home_error(p->home));
		return rc;
	}
	if (!p->temporary)
		return restore_config(p, why);
	p->config = json_object();
	return 0;
}

/* known: what the data plane answered, when it was greeted already. */
static int make_node(
	struct program *p, int seam, const struct dataplane_info *known, struct reason *why)
{
	struct dataplane_info info = {0};
	struct handshake_keys *keys = locked_new(sizeof *keys);
	int rc = keys ? keys_load_node(p, keys, why) : -ENOMEM;
	if (rc == 0 && known)
		info = *known;
	else if (rc == 0)
		rc = dataplane_greet(p, seam, &info, why);
	if (rc == 0)
		rc = keys_set_suites(keys, info.suites, why);
	if (rc == 0) {
		p->node = node_new(p->name, keys, &loop_io, p);
		if (!p->node) {
			*why = reason_make(EXIT_INTERNAL, "out of memory");
			rc = -ENOMEM;
		}
	}
	locked_free(keys);
	if (rc < 0)
		return rc;
	p->node->temporary = p->temporary;
	p->node->home = p->temporary ? NULL : p->home;
	p->node->workers = info.workers;
	p->node->suites = info.suites;
	p->node->missing = info.missing;
	return 0;
}

/* The seam of a data plane: the one that is there (*t), or a new one. */
static int get_dataplane(
	struct program *p, struct takeover **t, struct dataplane_info *info, struct reason *why)
{
	int seam = p->temporary ? -ESRCH : takeover_start(p, t, info);
	if (seam >= 0) {
		p->adopted = true;
		return seam;
	}
	int rc = p->temporary ? 0 : dataplane_end_earlier(p, why);
	return rc < 0 ? rc : dataplane_start(p, p->temporary ? 1 : restore_workers(p), why);
}

static int fill_node(struct program *p, struct takeover *t, const struct dataplane_info *info,
	struct reason *why)
{
	loop_enter(p);
	program_begin(p);
	if (t)
		takeover_apply(p, t, info);
	int rc = restore_objects(p, why);
	if (rc == 0)
		rc = api_open(p, why);
	if (rc == 0 && t)
		takeover_finish(p, t);
	if (rc == 0)
		program_done(p);
	return rc;
}

/* A node that is not known leaves no directory; the data plane starts while the keys are read. */
static int start(struct program *p, struct reason *why)
{
	struct takeover *t = NULL;
	struct dataplane_info info;
	int rc = open_home(p, why);
	if (rc == 0)
		rc = take_place(p, why);
	if (rc == 0)
		steer_start(p); /* keeps what is given up now */
	if (rc == 0)
		rc = sandbox_enter(p, why);
	if (rc < 0)
		return rc;
	int seam = get_dataplane(p, &t, &info, why);
	if (seam < 0)
		return seam;
	rc = make_node(p, seam, t ? &info : NULL, why);
	if (rc < 0)
		close(seam);
	else
		rc = loop_open(p, seam);
	if (rc == 0)
		rc = fill_node(p, t, &info, why);
	takeover_free(t);
	return rc;
}

static void finish(struct program *p)
{
	uv_run(&p->uv, UV_RUN_DEFAULT);
	uv_loop_close(&p->uv);
	inlet_sockets_close(p); /* of a start that failed */
	free(p->api);
	free(p->loop);
	json_decref(p->config);
	home_close(p->home);
	secret_wipe(&p->static_key, sizeof p->static_key);
	if (p->lock_fd >= 0)
		close(p->lock_fd);
}

int program_run(struct program *p)
{
	struct reason why = {.exit = EXIT_INTERNAL};
	if (home_node_path(part.log_path, sizeof part.log_path, p->home_dir, "nodes", p->name,
		    "stdout.log") < 0)
		part.log_path[0] = 0;
	locked_in_place(&p->static_key, sizeof p->static_key);
	if (uv_loop_init(&p->uv) < 0)
		return EXIT_INTERNAL;
	start_handles(p);
	if (start(p, &why) < 0)
		program_fail(p, &why);
	finish(p);
	return p->exit_status;
}
