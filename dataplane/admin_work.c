// SPDX-License-Identifier: Apache-2.0
/*
 * Walks and changes. A part of a walk is as many slots of a table as fit, with the rows of one slot
 * together; what is in a row is admin_row.c's.
 */
#include "admin_work.h"

#include "admin_row.h"

#include <errno.h>

enum { SLOTS_MAX = 4096 }; /* that one part looks at: a filter may take none of them */

struct walk {
	struct admin_work *w;
	const struct admin_place *p;
	struct engine *e;
};

static bool put(struct walk *k, struct admin_msg *row)
{
	struct admin_work *w = k->w;
	if (!admin_matches(row, &w->request))
		return true;
	row->type = admin_type(admin_object_of(w->request.type), ADMIN_ROW);
	row->seq = w->request.seq;
	row->multi = w->request.dump;
	row->interrupted = w->interrupted;
	int n = admin_encode(row, w->out, w->len, sizeof w->out);
	if (n < 0)
		return false;
	w->len = (size_t)n;
	return true;
}

/* Visits the nodes of the slot; false: what did not fit has to come with the next part. */
typedef bool visit_fn(struct walk *k, struct label_node *n);

static bool slot_put(struct walk *k, struct label_node *first, visit_fn *visit)
{
	const size_t before = k->w->len;
	for (struct label_node *n = first; n; n = n->next) {
		if (visit(k, n))
			continue;
		if (!before) { /* it never fits as a whole: rows are missing */
			k->w->interrupted = true;
			return true;
		}
		k->w->len = before;
		return false;
	}
	return true;
}

static void walk_table(struct walk *k, const struct label_table *t, visit_fn *visit)
{
	struct admin_cursor *at = &k->w->at;
	for (unsigned i = 0; i < SLOTS_MAX; i++) {
		struct label_node *first;
		uint64_t next = label_scan(t, at->slot, &first);
		if (!slot_put(k, first, visit))
			return;
		at->slot = next;
		if (!next) {
			k->w->through = true;
			return;
		}
	}
}

static bool link_put(struct walk *k, struct label_node *n)
{
	struct admin_msg row;
	admin_row_link(&row, k->e, LABEL_ENTRY(n, struct link, node));
	return put(k, &row);
}

static bool session_put(struct walk *k, struct label_node *n)
{
	struct admin_msg row;
	admin_row_session(&row, k->e, LABEL_ENTRY(n, struct endpoint, node));
	return put(k, &row);
}

static bool label_put(struct walk *k, struct label_node *n)
{
	struct admin_msg row;
	admin_row_label(&row, k->e, LABEL_ENTRY(n, struct row, node));
	return put(k, &row);
}

static bool stream_put(struct walk *k, struct label_node *n)
{
	struct admin_msg row;
	admin_row_stream(&row, k->e, LABEL_ENTRY(n, struct stream, node));
	return put(k, &row);
}

static bool portals_put(struct walk *k, struct label_node *n)
{
	const struct endpoint *ep = LABEL_ENTRY(n, struct endpoint, node);
	for (const struct portal *p = ep->portals; p; p = portal_next(p)) {
		struct admin_msg row;
		admin_row_portal(&row, k->e, ep, p, k->p->ledger);
		if (!put(k, &row))
			return false;
	}
	return true;
}

static void walk_links(struct walk *k)
{
	walk_table(k, &k->e->links, link_put);
}

static void walk_sessions(struct walk *k)
{
	walk_table(k, &k->e->endpoints, session_put);
}

static void walk_labels(struct walk *k)
{
	walk_table(k, &k->e->rows, label_put);
}

static void walk_portals(struct walk *k)
{
	walk_table(k, &k->e->endpoints, portals_put);
}

/* The session with the least number, from `from` on, in one slot. */
static struct endpoint *session_from(struct label_node *first, uint32_t from)
{
	struct endpoint *best = NULL;
	for (struct label_node *n = first; n; n = n->next)
		if (n->link >= from && (!best || n->link < best->node.link))
			best = LABEL_ENTRY(n, struct endpoint, node);
	return best;
}

/* The streams of one session, from the cursor on; false: the part is full. */
static bool walk_session_streams(struct walk *k, struct endpoint *ep)
{
	struct admin_cursor *at = &k->w->at;
	const struct streams *st = session_streams(ep->session);
	if (!st->table.slots)
		return true;
	do {
		struct label_node *first;
		uint64_t next = label_scan(&st->table, at->inner, &first);
		if (!slot_put(k, first, stream_put))
			return false;
		at->inner = next;
	} while (at->inner);
	return true;
}

static void walk_streams(struct walk *k)
{
	struct admin_cursor *at = &k->w->at;
	for (unsigned i = 0; i < SLOTS_MAX; i++) {
		struct label_node *first;
		struct endpoint *ep;
		uint64_t next = label_scan(&k->e->endpoints, at->slot, &first);
		while ((ep = session_from(first, at->session))) {
			if (ep->node.link != at->session)
				at->inner = 0; /* the one before has gone */
			at->session = ep->node.link;
			if (!walk_session_streams(k, ep))
				return;
			at->session++;
		}
		at->session = 0;
		at->inner = 0;
		at->slot = next;
		if (!next) {
			k->w->through = true;
			return;
		}
	}
}

static void walk_worker(struct walk *k)
{
	struct admin_msg row;
	admin_row_worker(&row, k->e, k->p->ring_entries);
	put(k, &row);
	k->w->through = true;
}

static void walk_counters(struct walk *k)
{
	struct admin_msg row;
	for (unsigned i = 0; admin_row_counter(&row, k->e, i); i++)
		put(k, &row);
	k->w->through = true;
}

static void walk_limits(struct walk *k)
{
	struct admin_msg row;
	for (unsigned i = 0; admin_row_limit(&row, k->e, i); i++)
		put(k, &row);
	k->w->through = true;
}

static uint64_t changes_none(const struct engine *e)
{
	(void)e;
	return 0;
}

static uint64_t changes_links(const struct engine *e)
{
	return e->links.changes;
}

static uint64_t changes_sessions(const struct engine *e)
{
	return e->endpoints.changes;
}

static uint64_t changes_labels(const struct engine *e)
{
	return e->rows.changes;
}

static uint64_t changes_streams(const struct engine *e)
{
	return e->endpoints.changes + e->hub.changes;
}

static uint64_t changes_portals(const struct engine *e)
{
	return e->endpoints.changes + e->portal_changes;
}

static struct label_node *find_link(const struct engine *e, const struct admin_msg *m)
{
	return label_find(&e->links, (uint32_t)m->v[ADMIN_A_LINK].n, 0);
}

static struct label_node *find_session(const struct engine *e, const struct admin_msg *m)
{
	return label_find(&e->endpoints, (uint32_t)m->v[ADMIN_A_SESSION].n, 0);
}

static struct label_node *find_label(const struct engine *e, const struct admin_msg *m)
{
	return label_find(
		&e->rows, (uint32_t)m->v[ADMIN_A_LINK].n, (uint32_t)m->v[ADMIN_A_LABEL].n);
}

static struct label_node *find_stream(const struct engine *e, const struct admin_msg *m)
{
	struct label_node *n = find_session(e, m);
	struct streams *st =
		n ? session_streams(LABEL_ENTRY(n, struct endpoint, node)->session) : NULL;
	return st && st->table.slots ? label_find(&st->table, (uint32_t)m->v[ADMIN_A_STREAM].n, 0)
				     : NULL;
}

static int link_del(struct engine *e, struct label_node *n, const char **why)
{
	(void)why;
	link_destroy(e, LABEL_ENTRY(n, struct link, node), -ECONNABORTED, true);
	return 0;
}

static int session_del(struct engine *e, struct label_node *n, const char **why)
{
	struct endpoint *ep = LABEL_ENTRY(n, struct endpoint, node);
	if (!session_is_open(ep->session)) {
		*why = "the session ends already";
		return -EALREADY;
	}
	return endpoint_del(e, ep, true, CLOSE_DONE);
}

static int label_del(struct engine *e, struct label_node *n, const char **why)
{
	const struct row *r = LABEL_ENTRY(n, struct row, node);
	if (r->endpoint || !r->out_id) {
		*why = r->endpoint ? "the label is a session's: that is what can be deleted"
				   : "the label is of a handshake that is under way";
		return -EBUSY;
	}
	row_reset(e, e->cfg.worker, n->link, n->label, RESET_DONE);
	return 0;
}

static int stream_del(struct engine *e, struct label_node *n, const char **why)
{
	struct stream *s = LABEL_ENTRY(n, struct stream, node);
	(void)why;
	struct endpoint *ep = endpoint_find(e, s->session);
	stream_reset(s);
	if (ep)
		endpoint_update(e, ep);
	return 0;
}

static void session_set(struct engine *e, struct label_node *n)
{
	struct endpoint *ep = LABEL_ENTRY(n, struct endpoint, node);
	session_ping(ep->session, e->now_ms);
	endpoint_update(e, ep);
}

/* How each object is walked, found and changed. */
static const struct {
	void (*walk)(struct walk *k);
	uint64_t (*changes)(const struct engine *e);
	/* its node by the keys, and that one's row; NULL: it is walked to */
	struct label_node *(*find)(const struct engine *e, const struct admin_msg *m);
	visit_fn *visit;
	int (*del)(struct engine *e, struct label_node *n, const char **why);
	void (*set)(struct engine *e, struct label_node *n);
} objects[ADMIN_OBJECTS_END] = {
	[ADMIN_WORKER] = {walk_worker, changes_none},
	[ADMIN_LINK] = {walk_links, changes_links, find_link, link_put, link_del},
	[ADMIN_SESSION] = {walk_sessions, changes_sessions, find_session, session_put, session_del,
		session_set},
	[ADMIN_LABEL] = {walk_labels, changes_labels, find_label, label_put, label_del},
	[ADMIN_STREAM] = {walk_streams, changes_streams, find_stream, stream_put, stream_del},
	[ADMIN_PORTAL] = {walk_portals, changes_portals},
	[ADMIN_COUNTER] = {walk_counters, changes_none},
	[ADMIN_LIMIT] = {walk_limits, changes_none},
};

static void one(struct walk *k, enum admin_object o)
{
	struct admin_work *w = k->w;
	if (objects[o].find) {
		struct label_node *n = objects[o].find(k->e, &w->request);
		w->error = n ? 0 : -ENOENT;
		if (n)
			objects[o].visit(k, n);
		return;
	}
	w->through = false;
	for (w->at = (struct admin_cursor){0}; !w->through && !w->len;)
		objects[o].walk(k);
	w->error = w->len ? 0 : -ENOENT;
}

static void change(struct walk *k, enum admin_object o)
{
	struct admin_work *w = k->w;
	struct label_node *n = objects[o].find(k->e, &w->request);
	bool del = admin_verb_of(w->request.type) == ADMIN_DEL;
	w->error = n ? 0 : -ENOENT;
	if (n && del)
		w->error = objects[o].del(k->e, n, &w->why);
	else if (n)
		objects[o].set(k->e, n);
}

void admin_work_do(struct admin_work *w, const struct admin_place *p, uint64_t now_ms)
{
	struct walk k = {.w = w, .p = p, .e = p->engine};
	const enum admin_object o = admin_object_of(w->request.type);
	p->engine->now_ms = now_ms;
	w->len = 0;
	switch (w->kind) {
	case ADMIN_WORK_BEGIN:
		w->changes = objects[o].changes(k.e);
		break;
	case ADMIN_WORK_PART:
		w->through = false;
		if (objects[o].changes(k.e) != w->changes)
			w->interrupted = true;
		objects[o].walk(&k);
		break;
	case ADMIN_WORK_ONE:
		one(&k, o);
		break;
	case ADMIN_WORK_CHANGE:
		change(&k, o);
		break;
	}
}
