// SPDX-License-Identifier: Apache-2.0
/*
 * The table of paths through this node. Half-open ones are bounded by eviction, the oldest of the
 * busiest link first, so that newcomers always get in; established ones by refusing more to the
 * links that have most.
 */
#include "path_private.h"

#include "channel.h"
#include "path_key.h"
#include "seam_client.h"

#include <errno.h>
#include <stdlib.h>

enum {
	HALF_STEP_MS = 100, /* how exact the time of half-open paths is */
	CHECK_STEP_MS = 1000,
};

struct paths *paths_new(void)
{
	struct paths *ps = calloc(1, sizeof *ps);
	if (!ps)
		return NULL;
	ps->half_due_ms = ps->check_due_ms = ps->turn_due_ms = UINT64_MAX;
	if (crowd_init(&ps->half_crowd, HALF_OPEN_MAX, HALF_OPEN_PER_LINK) == 0) {
		if (crowd_init(&ps->crowd, PATHS_MAX, PATHS_PER_LINK) == 0)
			return ps;
		crowd_fini(&ps->half_crowd);
	}
	free(ps);
	return NULL;
}

void paths_free(struct node *n)
{
	struct paths *ps = n->paths;
	if (!ps)
		return;
	while (ps->half_open)
		path_free(n, ps->half_open);
	while (ps->established)
		path_free(n, ps->established);
	crowd_fini(&ps->half_crowd);
	crowd_fini(&ps->crowd);
	free(ps);
	n->paths = NULL;
}

unsigned paths_count(const struct node *n)
{
	return n->paths->half_crowd.total + n->paths->crowd.total;
}

void paths_turn_due(struct node *n, uint64_t at_ms)
{
	if (at_ms < n->paths->turn_due_ms)
		n->paths->turn_due_ms = at_ms;
}

/* Rows of a link that is gone went with it; the data plane answers -ENOENT, which is fine. */
static void row_del(struct node *n, struct link *l, uint32_t label)
{
	struct seam_msg m = {
		.cmd = SEAM_LABEL_DEL,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL),
		.link = l->id,
		.label = label,
	};
	seam_request(n, &m, NULL, NULL);
}

static void list_add(struct path **head, struct path *p)
{
	p->next = *head;
	p->link_back = head;
	if (p->next)
		p->next->link_back = &p->next;
	*head = p;
}

static void list_drop(struct path *p)
{
	*p->link_back = p->next;
	if (p->next)
		p->next->link_back = p->link_back;
}

static void next_link_drop(struct node *n, struct path *p)
{
	turns_leave(&p->next_link->turns, &p->turn);
	path_key_drop(n->keys_in_use, p->next_link->id, p->li, KEY_RX, p);
	path_key_drop(n->keys_in_use, p->next_link->id, p->lr, KEY_TX, p);
	if (p->init_row)
		row_del(n, p->next_link, p->li);
	*p->out_back = p->out_next;
	if (p->out_next)
		p->out_next->out_back = p->out_back;
	link_release(n, p->next_link);
}

void path_free(struct node *n, struct path *p)
{
	seam_forget(n, p);
	if (p->wait)
		link_wait_cancel(n, p->wait);
	if (p->next_link)
		next_link_drop(n, p);
	path_key_drop(n->keys_in_use, p->prev->id, p->li, KEY_TX, p);
	path_key_drop(n->keys_in_use, p->prev->id, p->lr, KEY_RX, p);
	if (p->resp_row)
		row_del(n, p->prev, p->lr);
	list_drop(p);
	crowd_leave(p->state == ESTABLISHED ? &n->paths->crowd : &n->paths->half_crowd, &p->place);
	link_release(n, p->prev);
	free(p->onward);
	free(p->init);
	free(p->resp);
	free(p);
}

void path_end(
	struct node *n, struct path *p, const struct link *except, uint8_t code, uint8_t hops_left)
{
	if (p->prev != except)
		path_send_reset(n, p->prev, p->li, false, code, hops_left);
	if (p->next_link && p->next_link != except && p->state >= AWAIT_INIT_ROW) {
		if (p->lr)
			path_send_reset(n, p->next_link, p->lr, false, code, hops_left);
		else
			path_send_reset(n, p->next_link, p->li, true, code, hops_left);
	}
	path_free(n, p);
}

struct path *path_new(struct node *n, struct link *prev, uint32_t li)
{
	struct crowd_item *victim = crowd_victim(&n->paths->half_crowd, &prev->half_open);
	if (victim) {
		struct path *old = CROWD_ENTRY(victim, struct path, place);
		path_end(n, old, NULL, RESET_OVERRUN, old->hops_left);
	}
	struct path *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	if (path_key_claim(n->keys_in_use, prev->id, li, KEY_TX, KEY_TRANSIT, p) < 0) {
		free(p);
		return NULL;
	}
	p->prev = prev;
	link_hold(prev);
	p->li = li;
	p->born_ms = p->refreshed_ms = n->now_ms;
	list_add(&n->paths->half_open, p);
	crowd_enter(&n->paths->half_crowd, &prev->half_open, &p->place);
	if (n->now_ms + WIRE_HALF_OPEN_MS < n->paths->half_due_ms)
		n->paths->half_due_ms = n->now_ms + WIRE_HALF_OPEN_MS;
	return p;
}

void path_leads_to(struct path *p, struct link *l)
{
	p->next_link = l;
	p->out_next = l->paths_out;
	p->out_back = &l->paths_out;
	if (p->out_next)
		p->out_next->out_back = &p->out_next;
	l->paths_out = p;
}

void path_established(struct node *n, struct path *p)
{
	struct paths *ps = n->paths;
	struct crowd_item *victim = crowd_victim(&ps->crowd, &p->prev->paths);
	if (victim) { /* its own link has most: no more of it; else it takes the place of another's
		       */
		struct path *old = CROWD_ENTRY(victim, struct path, place);
		old = old->prev == p->prev ? p : old;
		path_end(n, old, NULL, RESET_OVERRUN, old->hops_left);
		if (old == p)
			return;
	}
	turns_leave(&p->next_link->turns, &p->turn);
	list_drop(p);
	crowd_leave(&ps->half_crowd, &p->place);
	p->state = ESTABLISHED;
	list_add(&ps->established, p);
	crowd_enter(&ps->crowd, &p->prev->paths, &p->place);
	p->check_ms = n->now_ms + WIRE_PATH_IDLE_MS;
	if (p->check_ms < ps->check_due_ms)
		ps->check_due_ms = p->check_ms;
	free(p->init);
	free(p->resp);
	p->init = p->resp = NULL;
}

int paths_adopt(struct node *n, struct link *prev, struct link *next, uint32_t li, uint32_t lr)
{
	struct path_keys *k = n->keys_in_use;
	struct path *p = path_new(n, prev, li);
	if (!p)
		return -EEXIST;
	link_hold(next);
	path_leads_to(p, next);
	p->lr = lr;
	p->init_row = p->resp_row = true;
	p->used_rx = p->used_tx = true;
	p->state = AWAIT_DATA;
	if (path_key_claim(k, next->id, li, KEY_RX, KEY_TRANSIT, p) == 0 &&
		path_key_claim(k, prev->id, lr, KEY_RX, KEY_TRANSIT, p) == 0 &&
		path_key_claim(k, next->id, lr, KEY_TX, KEY_TRANSIT, p) == 0) {
		path_established(n, p);
		return 0;
	}
	path_end(n, p, NULL, RESET_COLLISION, WIRE_HOPS_MAX);
	return -EEXIST;
}

static struct path *path_on(const struct link *l)
{
	struct crowd_item *i = l->half_open.oldest ? l->half_open.oldest : l->paths.oldest;
	return i ? CROWD_ENTRY(i, struct path, place) : l->paths_out;
}

void paths_on_link_gone(struct node *n, struct link *l)
{
	for (struct path *p; (p = path_on(l));)
		path_end(n, p, l, RESET_LINK_LOST, p->hops_left);
	channels_on_link_gone(n, l);
}

/* The second row's idle time: when both have rested long enough the path ends. */
static void idle_second(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct path *p = ctx;
	if (error || !answer)
		path_end(n, p, NULL, RESET_LINK_LOST, p->hops_left);
	else if (p->idle_rx && answer->idle_ms >= WIRE_PATH_IDLE_MS)
		path_end(n, p, NULL, RESET_IDLE, p->hops_left);
	else if (!p->idle_rx)
		; /* the first row's answer has set the next check */
	else
		p->check_ms = n->now_ms + WIRE_PATH_IDLE_MS - answer->idle_ms;
}

static void idle_first(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct path *p = ctx;
	p->idle_rx = !error && answer && answer->idle_ms >= WIRE_PATH_IDLE_MS;
	if (!error && answer && !p->idle_rx)
		p->check_ms = n->now_ms + WIRE_PATH_IDLE_MS - answer->idle_ms;
}

static void check_idle(struct node *n, struct path *p)
{
	p->check_ms = n->now_ms + WIRE_PATH_IDLE_MS;
	struct seam_msg m = {
		.cmd = SEAM_LABEL_GET,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL),
		.link = p->next_link->id,
		.label = p->li,
	};
	if (seam_request(n, &m, idle_first, p) < 0)
		return;
	m.link = p->prev->id;
	m.label = p->lr;
	seam_request(n, &m, idle_second, p);
}

static uint64_t half_open_end(const struct path *p)
{
	uint64_t a = p->refreshed_ms + WIRE_HALF_OPEN_MS, b = p->born_ms + WIRE_HALF_OPEN_TOTAL_MS;
	return a < b ? a : b;
}

/* INITs that wait for this link. */
static void turn(struct node *n, struct link *l)
{
	for (struct turn *t; (t = turns_next(&l->turns, n->now_ms));)
		path_take_turn(n, TURN_ENTRY(t, struct path, turn));
	paths_turn_due(n, turns_deadline(&l->turns, n->now_ms));
}

static void half_open_tick(struct node *n)
{
	struct path *next;
	uint64_t due = UINT64_MAX;
	for (struct path *p = n->paths->half_open; p; p = next) {
		next = p->next;
		uint64_t end = half_open_end(p);
		if (n->now_ms >= end)
			path_end(n, p, NULL, RESET_IDLE, p->hops_left);
		else if (end < due)
			due = end;
	}
	if (due < n->now_ms + HALF_STEP_MS)
		due = n->now_ms + HALF_STEP_MS;
	n->paths->half_due_ms = due;
}

static void established_tick(struct node *n)
{
	uint64_t due = UINT64_MAX;
	struct path *next;
	for (struct path *p = n->paths->established; p; p = next) {
		next = p->next;
		if (n->now_ms >= p->check_ms)
			check_idle(n, p);
		if (p->check_ms < due)
			due = p->check_ms;
	}
	if (due < n->now_ms + CHECK_STEP_MS)
		due = n->now_ms + CHECK_STEP_MS;
	n->paths->check_due_ms = due;
}

void paths_tick(struct node *n)
{
	struct paths *ps = n->paths;
	if (n->now_ms >= ps->half_due_ms)
		half_open_tick(n);
	if (n->now_ms >= ps->check_due_ms)
		established_tick(n);
	if (n->now_ms < ps->turn_due_ms)
		return;
	ps->turn_due_ms = UINT64_MAX;
	for (struct link *l = links_first(n); l; l = l->next)
		if (l->turns.first)
			turn(n, l);
}

uint64_t paths_deadline(const struct node *n)
{
	const struct paths *ps = n->paths;
	uint64_t due = ps->half_due_ms < ps->check_due_ms ? ps->half_due_ms : ps->check_due_ms;
	return ps->turn_due_ms < due ? ps->turn_due_ms : due;
}
