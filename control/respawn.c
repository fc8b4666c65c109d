// SPDX-License-Identifier: Apache-2.0
#include "respawn.h"

#include "log.h"
#include "loop.h"
#include "restore.h"
#include "settings_json.h"
#include "seam_client.h"
#include "spawn.h"
#include "supervisor.h"
#include "tcp_listener.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { GREETING_MS = 10000 };

static struct {
	uv_timer_t timer; /* the next start, or the greeting */
	struct supervisor rule;
	unsigned count;
} part;

static void start(uv_timer_t *t);

void respawn_init(struct program *p)
{
	uv_timer_init(&p->uv, &part.timer);
	part.timer.data = p;
}

void respawn_close(struct program *p)
{
	uv_close((uv_handle_t *)&part.timer, NULL);
}

unsigned respawn_count(const struct program *p)
{
	return part.count;
}

/* The node's links, paths and sessions went with the process. */
static void detach(struct program *p)
{
	if (!loop_detach(p))
		return;
	loop_enter(p);
	node_dataplane_lost(p->node);
}

void respawn_on_seam_lost(struct program *p, const char *why)
{
	if (p->ending || !p->ready) {
		dataplane_kill(p); /* how it ended says more */
		return;
	}
	log_warn("the data plane has ended (%s)", why);
	detach(p);
	dataplane_kill(p);
}

static void give_up(struct program *p, const struct reason *why)
{
	struct reason r =
		reason_make(why->exit, "the data plane ended %d times within %d seconds, last: %s",
			SUPERVISOR_DEATHS, SUPERVISOR_WINDOW_MS / 1000, why->text);
	if (!p->temporary && !p->foreground) {
		int rc = node_set_failed(p->home_dir, p->name, r.text);
		if (rc < 0)
			log_error("the node's failure cannot be written down: %s", strerror(-rc));
	}
	program_fail(p, &r);
}

void respawn_on_exit(struct program *p, const struct reason *why)
{
	if (p->ending)
		return;
	if (!p->ready) {
		program_fail(p, why);
		return;
	}
	detach(p);
	int wait = supervisor_on_death(&part.rule, loop_now_ms(), randombytes_random());
	if (wait < 0) {
		give_up(p, why);
		return;
	}
	log_warn("%s; it is started again in %d ms", why->text, wait);
	uv_timer_start(&part.timer, start, (uint64_t)wait, 0);
}

static void on_greeting_late(uv_timer_t *t)
{
	log_warn("the data plane does not answer: it is killed");
	dataplane_kill(t->data);
}

static void greeted(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct program *p = ctx;
	if (error || !answer) {
		if (error != -ECANCELED)
			dataplane_kill(p);
		return;
	}
	uv_timer_stop(&part.timer);
	n->workers = answer->workers;
	n->suites = answer->suites;
	n->missing = answer->missing;
	log_info("the data plane is back, process %d", dataplane_pid(p));
	settings_apply(n);
	node_dataplane_back(n);
	tcp_listeners_hand_over(p);
	restore_connections(p);
	dataplane_outlive(p);
}

static void start(uv_timer_t *t)
{
	struct program *p = t->data;
	struct reason why;
	struct seam_msg hello = {
		.cmd = SEAM_HELLO,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_VERSION),
		.version = SEAM_VERSION,
	};
	part.count++;
	int seam = dataplane_start(p, restore_workers(p), &why);
	if (seam < 0 && dataplane_pid(p)) { /* its end is told by itself */
		dataplane_kill(p);
		return;
	}
	if (seam < 0) {
		respawn_on_exit(p, &why);
		return;
	}
	loop_enter(p);
	uv_timer_start(&part.timer, on_greeting_late, GREETING_MS, 0);
	if (loop_attach(p, seam) < 0 || seam_request(p->node, &hello, greeted, p) < 0)
		dataplane_kill(p);
}
