// SPDX-License-Identifier: Apache-2.0
/*
 * Messages that come in. A request is served here, or goes on under a handle of this node's own; a
 * reply or error finds its handle, once, and goes back where that came from. Only a request is ever
 * answered. What leaves over a link is CONTROL with plain rights, however it came.
 */
#include "message_private.h"

#include "hop.h"
#include "log.h"
#include "seam_client.h"
#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FORWARDS_MAX = 256, FORWARDS_PER_PEER = 64 };

struct forward {
	struct message_peer from;
	struct message *m; /* heap */
	unsigned used, cost;
	struct link_wait *wait;
	struct forward *next, **link_back;
};

static uint16_t narrower(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

static int send_to(struct node *n, const struct message_peer *to, struct message *m)
{
	uint8_t *frame;
	size_t len;
	if (to->channel)
		return message_to_channel(n, to->channel, m, 0);
	m->hop.path_max = narrower(m->hop.path_max, link_plain_max(to->link));
	if (m->hop.path_max < WIRE_PATH_MIN)
		return -EMSGSIZE;
	int rc = control_encode(m, 0, m->hop.path_max, &frame, &len);
	if (rc < 0)
		return rc;
	rc = seam_frame(n, to->link->id, frame, len);
	free(frame);
	return rc;
}

/* A reply or error to the handle `back` of the neighbour `to`. */
static int send_back(struct node *n, const struct message_peer *to,
	const uint8_t back[static WIRE_HANDLE], uint8_t kind, uint8_t hops_left, uint16_t path_max,
	const uint8_t *payload, size_t len)
{
	struct message m = {
		.kind = kind,
		.hop = {.hops_left = hops_left, .path_max = path_max, .has_return_field = true},
		.payload = payload,
		.len = len,
	};
	m.hop.onward.n = 1;
	struct route_element *e = &m.hop.onward.e[0];
	e->code = ROUTE_SERVICE;
	e->is_handle = true;
	e->len = WIRE_HANDLE;
	memcpy(e->addr, back, WIRE_HANDLE);
	return send_to(n, to, &m);
}

static void send_error(struct node *n, const struct message_peer *to,
	const uint8_t back[static WIRE_HANDLE], uint8_t hops_left, uint8_t code, const char *text)
{
	struct message_error e = {.code = code, .hops_left = hops_left};
	uint8_t payload[ERROR_PAYLOAD_MAX];
	snprintf(e.text, sizeof e.text, "%s", text);
	size_t len = message_error_encode(payload, &e);
	int rc = send_back(n, to, back, MSG_ERROR, WIRE_HOPS_MAX, WIRE_FRAME_MAX, payload, len);
	if (rc < 0)
		log_debug("message: an error could not be sent back: %s", strerror(-rc));
}

static void refuse(struct node *n, const struct message_peer *from, const struct message *m,
	uint8_t code, const char *text)
{
	send_error(n, from, m->hop.handle, m->hop.hops_left, code, text);
}

static void serve(
	struct node *n, const struct message_peer *from, const struct message *m, const char *name)
{
	const struct service *s = service_get(n, name);
	char text[WIRE_ERROR_TEXT_MAX + 1] = "";
	uint8_t *reply = NULL;
	size_t len = 0;
	uint8_t code = s->fn(n, from->channel, m->payload, m->len, &reply, &len, text);
	if (code) {
		refuse(n, from, m, code, text);
	} else if (send_back(n, from, m->hop.handle, MSG_REPLY, WIRE_HOPS_MAX, m->hop.path_max,
			   reply, len) == -EMSGSIZE) {
		snprintf(text, sizeof text,
			"the reply of %zu bytes does not fit into a plain message", len);
		refuse(n, from, m, RESET_OVERRUN, text);
	}
	free(reply);
}

/* Out by link `l` as CONTROL; the route goes on behind element `used`. */
static void forward_on(struct node *n, const struct message_peer *from, const struct message *m,
	unsigned used, unsigned cost, struct link *l)
{
	char text[WIRE_ERROR_TEXT_MAX + 1];
	if (l == from->link || (from->channel && l->channel == from->channel)) {
		refuse(n, from, m, RESET_LOOP, "the route goes back over the link it came by");
		return;
	}
	struct message out = *m;
	out.hop.hops_left = (uint8_t)(m->hop.hops_left - 1 - cost);
	out.hop.path_max = narrower(m->hop.path_max, link_plain_max(l));
	if (from->link)
		out.hop.path_max = narrower(out.hop.path_max, link_plain_max(from->link));
	out.hop.flags |= l->lossy ? PATH_LOSSY : 0;
	if (out.hop.path_max < WIRE_PATH_MIN) {
		refuse(n, from, m, RESET_OVERRUN,
			"a link of the path takes no frames of 1024 bytes");
		return;
	}
	struct handle like = {
		.ingress = *from,
		.hops_left = m->hop.hops_left,
		.egress = {.link = l},
		.expire_ms = n->now_ms + WIRE_HANDLE_MS,
	};
	memcpy(like.back, m->hop.handle, WIRE_HANDLE);
	struct handle *h = handle_add(n, &n->messages->handles, &like);
	if (!h)
		return;
	memcpy(out.hop.handle, h->id, WIRE_HANDLE);
	uint8_t *frame;
	size_t len;
	int rc = control_encode(&out, used, out.hop.path_max, &frame, &len);
	if (rc == 0) {
		seam_frame(n, l->id, frame, len);
		free(frame);
		return;
	}
	handle_drop(n, &n->messages->handles, h);
	snprintf(text, sizeof text, "a plain message on this path carries %zu bytes",
		control_room(&out, used, out.hop.path_max));
	if (rc == -EMSGSIZE)
		refuse(n, from, m, RESET_OVERRUN, text);
}

static void forward_free(struct node *n, struct forward *f)
{
	*f->link_back = f->next;
	if (f->next)
		f->next->link_back = f->link_back;
	n->messages->forwards_n--;
	if (f->wait)
		link_wait_cancel(n, f->wait);
	free(f->m);
	free(f);
}

void message_forwards_drop(struct node *n, const struct message_peer *from)
{
	struct forward *f = n->messages->forwards;
	while (f) {
		struct forward *next = f->next;
		if (!from || message_peer_equal(&f->from, from))
			forward_free(n, f);
		f = next;
	}
}

static void link_ready(
	struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *why)
{
	struct forward *f = ctx;
	f->wait = NULL;
	if (l) {
		forward_on(n, &f->from, f->m, f->used, f->cost, l);
		link_release(n, l); /* the handle holds it */
	} else {
		refuse(n, &f->from, f->m, code, why->text);
	}
	forward_free(n, f);
}

static bool may_wait(const struct node *n, const struct message_peer *from)
{
	unsigned same = 0;
	for (const struct forward *f = n->messages->forwards; f; f = f->next)
		same += message_peer_equal(&f->from, from);
	return n->messages->forwards_n < FORWARDS_MAX && same < FORWARDS_PER_PEER;
}

static void dial(struct node *n, const struct message_peer *from, const struct message *m,
	const struct hop *hop)
{
	if (m->len > CONTROL_FRAME_MAX) {
		refuse(n, from, m, RESET_OVERRUN,
			"onward from here it is a plain message of at most 64 KiB");
		return;
	}
	struct forward *f = may_wait(n, from) ? calloc(1, sizeof *f) : NULL;
	if (f)
		f->m = message_copy(m);
	if (!f || !f->m) {
		free(f);
		refuse(n, from, m, RESET_OVERRUN, "too many messages wait for connections");
		return;
	}
	f->from = *from;
	f->used = hop->used;
	f->cost = hop->cost;
	f->next = n->messages->forwards;
	f->link_back = &n->messages->forwards;
	if (f->next)
		f->next->link_back = &f->next;
	n->messages->forwards = f;
	n->messages->forwards_n++;
	/* may call back, and free it, before it returns; then there is no wait */
	struct link_wait *w = links_acquire(
		n, &hop->target, hop->for_other, n->now_ms + WIRE_HALF_OPEN_MS, link_ready, f);
	if (w)
		f->wait = w;
}

static void request_arrived(
	struct node *n, const struct message_peer *from, const struct message *m)
{
	struct hop hop;
	hop_decide(n, from->channel ? HOP_SESSION : HOP_PLAIN, from->link, from->channel,
		&m->hop.onward, &hop);
	if (m->hop.hops_left < 1 + hop.cost) {
		refuse(n, from, m, RESET_LOOP, "");
		return;
	}
	struct link *l;
	switch (hop.kind) {
	case HOP_SERVICE:
		serve(n, from, m, hop.service);
		break;
	case HOP_LINK:
		forward_on(n, from, m, hop.used, hop.cost, hop.link);
		break;
	case HOP_CHANNEL: /* over it, not inside: what comes out has plain rights, not this node's
			   */
		l = channel_link(n, hop.channel);
		if (l)
			forward_on(n, from, m, hop.used, hop.cost, l);
		else
			refuse(n, from, m, RESET_NO_ROUTE,
				"the channel is not up, or nested too deep");
		break;
	case HOP_DIAL:
		dial(n, from, m, &hop);
		break;
	case HOP_LISTENER:
		refuse(n, from, m, RESET_NOT_FOUND, "a secure channel listener takes no messages");
		break;
	case HOP_HANDLE: /* a request never follows a handle */
		break;
	case HOP_REFUSE:
		refuse(n, from, m, hop.code, hop.text);
		break;
	}
}

static void reply_to_own(struct node *n, struct message_request *r, const struct message *m)
{
	struct message_error e;
	if (m->kind == MSG_REPLY) {
		message_finish(n, r, NULL, m->payload, m->len);
	} else if (message_error_decode(m->payload, m->len, &e) == 0) {
		struct reason why = reason_from_reset(e.code, e.hops_left, e.text);
		message_finish(n, r, &why, NULL, 0);
	}
}

static void reply_arrived(struct node *n, const struct message_peer *from, const struct message *m)
{
	const struct route_element *e = &m->hop.onward.e[0];
	if (m->hop.onward.n != 1 || !e->is_handle || m->hop.has_handle)
		return;
	struct handle *h = handle_find(&n->messages->handles, e->addr, from);
	if (!h || !m->hop.hops_left) {
		log_debug("message: a reply to an unknown handle");
		return;
	}
	if (h->request) {
		reply_to_own(n, h->request, m); /* drops the handle */
		return;
	}
	struct handle to = *h;
	handle_drop(n, &n->messages->handles, h);
	int rc = send_back(n, &to.ingress, to.back, m->kind, (uint8_t)(m->hop.hops_left - 1),
		m->hop.path_max, m->payload, m->len);
	if (rc == -EMSGSIZE)
		send_error(n, &to.ingress, to.back, to.hops_left, RESET_OVERRUN,
			"the reply does not fit into a plain message of the path back");
}

void message_arrived(struct node *n, const struct message_peer *from, const struct message *m)
{
	if (m->kind != MSG_REQUEST)
		reply_arrived(n, from, m);
	else if (m->hop.has_handle)
		request_arrived(n, from, m);
}

void message_handle_lost(struct node *n, struct handle *h, const struct reason *why)
{
	if (h->request) {
		message_finish(n, h->request, why, NULL, 0);
		return;
	}
	struct handle lost = *h;
	handle_drop(n, &n->messages->handles, h);
	send_error(n, &lost.ingress, lost.back, lost.hops_left, RESET_LINK_LOST, "");
}
