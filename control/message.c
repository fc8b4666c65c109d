// SPDX-License-Identifier: Apache-2.0
/*
 * This node's own requests, and the module's doors. A request is finished exactly once: by its
 * reply, by an error, by the loss of what it was sent over, or by its time-out.
 */
#include "message_private.h"

#include "hop.h"
#include "log.h"
#include "seam_client.h"
#include "service.h"

#include <errno.h>
#include <stdlib.h>

struct messages *messages_new(void)
{
	struct messages *ms = calloc(1, sizeof *ms);
	if (ms && handles_init(&ms->handles) < 0) {
		free(ms);
		return NULL;
	}
	return ms;
}

static void request_free(struct node *n, struct message_request *r)
{
	*r->link_back = r->next;
	if (r->next)
		r->next->link_back = r->link_back;
	if (r->wait)
		link_wait_cancel(n, r->wait);
	if (r->secure)
		secure_route_abandon(n, r->secure);
	handle_drop_request(n, &n->messages->handles, r);
	free(r->message);
	free(r);
}

void messages_free(struct node *n)
{
	struct messages *ms = n->messages;
	if (!ms)
		return;
	/* those with a secure route first: they cancel the request inside it, and must find it alive */
	for (struct message_request *r = ms->requests; r;) {
		struct message_request *with = r->secure ? r : NULL;
		r = r->next;
		if (with) {
			request_free(n, with);
			r = ms->requests;
		}
	}
	while (ms->requests)
		request_free(n, ms->requests);
	message_forwards_drop(n, NULL);
	secure_routes_fini(n);
	handles_fini(n, &ms->handles);
	reassembly_fini(&ms->reassembly);
	free(ms);
	n->messages = NULL;
}

struct message_request *message_request_new(
	struct node *n, const struct route *to, uint64_t timeout_ms, message_fn *fn, void *ctx)
{
	struct message_request *r = calloc(1, sizeof *r);
	char text[ROUTE_STRING_MAX];
	if (!r)
		return NULL;
	r->fn = fn;
	r->ctx = ctx;
	r->timeout_ms = timeout_ms;
	r->deadline_ms = n->now_ms + timeout_ms;
	if (route_format(to, text, sizeof text) >= 0)
		memcpy(r->to, text, strnlen(text, sizeof r->to - 1));
	r->next = n->messages->requests;
	r->link_back = &n->messages->requests;
	if (r->next)
		r->next->link_back = &r->next;
	n->messages->requests = r;
	return r;
}

void message_finish(struct node *n, struct message_request *r, const struct reason *why,
	const uint8_t *payload, size_t len)
{
	message_fn *fn = r->fn;
	void *ctx = r->ctx;
	if (r->finished)
		*r->finished = true;
	request_free(n, r);
	fn(n, ctx, why, why ? NULL : payload, why ? 0 : len);
}

static void finish_failed(struct node *n, struct message_request *r, struct reason why)
{
	message_finish(n, r, &why, NULL, 0);
}

struct message *message_copy(const struct message *m)
{
	struct message *copy = malloc(sizeof *copy + m->len);
	if (!copy)
		return NULL;
	*copy = *m;
	uint8_t *payload = (uint8_t *)(copy + 1);
	if (m->len)
		memcpy(payload, m->payload, m->len);
	copy->payload = payload;
	return copy;
}

int message_to_channel(struct node *n, struct channel *ch, const struct message *m, unsigned from)
{
	uint8_t *body;
	size_t len;
	int rc = m->len <= WIRE_MSG_MAX ? msg_encode(m, from, &body, &len) : -EMSGSIZE;
	if (rc < 0)
		return rc;
	/* what is lost there is not sent again: all or nothing */
	if (ch->path_flags & PATH_LOSSY && len + WIRE_CHANNEL_LINK_OVERHEAD > ch->frame_max) {
		free(body);
		return -EMSGSIZE;
	}
	uint32_t id = ++n->messages->next_message;
	for (size_t at = 0; rc >= 0 && at < len; at += SEAM_BODY_MAX) {
		size_t part = len - at < SEAM_BODY_MAX ? len - at : SEAM_BODY_MAX;
		rc = channel_send(n, ch, id, at + part < len, body + at, part);
	}
	free(body);
	return rc < 0 ? rc : 0;
}

static bool handle_for(
	struct node *n, struct message_request *r, const struct message_peer *to, struct message *m)
{
	struct handle like = {.request = r, .egress = *to};
	struct handle *h = handle_add(n, &n->messages->handles, &like);
	if (!h)
		return false;
	memcpy(m->hop.handle, h->id, WIRE_HANDLE);
	m->hop.has_handle = true;
	return true;
}

/* Sends it as CONTROL; the route goes on behind element `used`. */
static void send_on_link(
	struct node *n, struct message_request *r, struct message *m, unsigned used, struct link *l)
{
	uint8_t *frame;
	size_t len;
	if (l->frame_max < WIRE_PATH_MIN) {
		finish_failed(n, r,
			reason_make(EXIT_UNREACHABLE, "%s takes frames of %u bytes, %d are needed",
				l->peer, l->frame_max, WIRE_PATH_MIN));
		return;
	}
	m->hop.path_max = link_plain_max(l);
	m->hop.flags = l->lossy ? PATH_LOSSY : 0;
	if (!handle_for(n, r, &(struct message_peer){.link = l}, m)) {
		finish_failed(n, r, reason_make(EXIT_INTERNAL, "out of memory"));
		return;
	}
	int rc = control_encode(m, used, link_plain_max(l), &frame, &len);
	if (rc == -EMSGSIZE && m->len) {
		finish_failed(n, r,
			reason_make(EXIT_DATA,
				"the message has %zu bytes, but a plain message on this path "
				"carries %zu; "
				"send it through a secure channel",
				m->len, control_room(m, used, link_plain_max(l))));
		return;
	}
	if (rc == 0) {
		rc = seam_frame(n, l->id, frame, len);
		free(frame);
	}
	if (rc < 0)
		finish_failed(n, r,
			reason_make(EXIT_UNREACHABLE, "the message could not be sent: %s",
				strerror(-rc)));
}

static void link_ready(
	struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *why)
{
	struct message_request *r = ctx;
	r->wait = NULL;
	if (!l) {
		message_finish(n, r, why, NULL, 0);
		return;
	}
	struct message *m = r->message;
	r->message = NULL;
	send_on_link(n, r, m, r->used, l); /* the handle holds the link from here */
	free(m);
	link_release(n, l);
}

static void dial(
	struct node *n, struct message_request *r, const struct message *m, const struct hop *hop)
{
	r->message = message_copy(m);
	r->used = hop->used;
	if (!r->message) {
		finish_failed(n, r, reason_make(EXIT_INTERNAL, "out of memory"));
		return;
	}
	/* may finish the request before it returns; then there is no wait */
	struct link_wait *w = links_acquire(n, &hop->target, false, r->deadline_ms, link_ready, r);
	if (w)
		r->wait = w;
}

static void ask_service(
	struct node *n, struct message_request *r, const char *name, const struct message *m)
{
	const struct service *s = service_get(n, name);
	char text[WIRE_ERROR_TEXT_MAX + 1] = "";
	uint8_t *reply = NULL;
	size_t len = 0;
	uint8_t code = s->fn(n, NULL, m->payload, m->len, &reply, &len, text);
	if (code)
		finish_failed(n, r, reason_from_reset(code, 0xff, text));
	else
		message_finish(n, r, NULL, reply, len);
	free(reply);
}

/* An initiator's channel comes back by itself: the request waits for that, until its time-out. */
static void await_channel(struct node *n, struct message_request *r, const struct message *m,
	unsigned used, struct channel *ch)
{
	r->message = message_copy(m);
	r->used = used;
	r->awaits = ch;
	if (!r->message)
		finish_failed(n, r, reason_make(EXIT_INTERNAL, "out of memory"));
}

static struct reason not_up(const struct channel *ch)
{
	return reason_make(EXIT_UNREACHABLE, "the channel /service/%s is not up%s%s", ch->address,
		ch->last_error.exit ? ": " : "", ch->last_error.exit ? ch->last_error.text : "");
}

static void send_in(struct node *n, struct message_request *r, struct message *m, unsigned used,
	struct channel *ch)
{
	int rc = -ENOTCONN;
	if (ch->role == SEAM_INITIATOR &&
		(ch->state == CHANNEL_BROKEN || ch->state == CHANNEL_OPENING)) {
		await_channel(n, r, m, used, ch);
		return;
	}
	if (ch->state == CHANNEL_UP && handle_for(n, r, &(struct message_peer){.channel = ch}, m))
		rc = message_to_channel(n, ch, m, used);
	if (ch->role == SEAM_INITIATOR && (rc == -EPIPE || rc == -ECONNRESET)) {
		/* the data plane has just died; the channel hears of it in a moment */
		handle_drop_request(n, &n->messages->handles, r);
		await_channel(n, r, m, used, ch);
		return;
	}
	if (rc == -EMSGSIZE)
		finish_failed(n, r,
			reason_make(EXIT_DATA,
				"the message has %zu bytes; on a lossy path it has to fit into one "
				"frame of %u",
				m->len, ch->frame_max));
	else if (rc < 0)
		finish_failed(n, r, not_up(ch));
}

static struct message_request *first_awaiting(const struct node *n, const struct channel *ch)
{
	struct message_request *r = n->messages->requests;
	while (r && r->awaits != ch)
		r = r->next;
	return r;
}

void messages_on_channel_up(struct node *n, struct channel *ch)
{
	struct message_request *r;
	while (ch->state == CHANNEL_UP && (r = first_awaiting(n, ch))) {
		struct message *m = r->message;
		r->message = NULL;
		r->awaits = NULL;
		send_in(n, r, m, r->used, ch);
		free(m);
	}
}

static struct message request_of(const struct route *onward, const uint8_t *payload, size_t len)
{
	return (struct message){
		.kind = MSG_REQUEST,
		.hop = {.hops_left = WIRE_HOPS_MAX,
			.path_max = WIRE_FRAME_MAX,
			.onward = *onward,
			.has_return_field = true},
		.payload = payload,
		.len = len,
	};
}

static void out_of_memory(struct node *n, message_fn *fn, void *ctx)
{
	struct reason why = reason_make(EXIT_INTERNAL, "out of memory");
	fn(n, ctx, &why, NULL, 0);
}

static void decide(struct node *n, struct message_request *r, struct message *m)
{
	struct hop hop;
	hop_decide(n, HOP_OWN, NULL, NULL, &m->hop.onward, &hop);
	switch (hop.kind) {
	case HOP_SERVICE:
		ask_service(n, r, hop.service, m);
		break;
	case HOP_LINK:
		send_on_link(n, r, m, hop.used, hop.link);
		break;
	case HOP_CHANNEL:
		send_in(n, r, m, hop.used, hop.channel);
		break;
	case HOP_DIAL:
		dial(n, r, m, &hop);
		break;
	case HOP_LISTENER:
		finish_failed(n, r,
			reason_make(EXIT_NOT_FOUND,
				"NotFound: %s is a secure channel listener, it takes no messages",
				hop.service));
		break;
	case HOP_HANDLE:
		finish_failed(n, r, reason_make(EXIT_USAGE, "a reply handle is no destination"));
		break;
	case HOP_REFUSE:
		message_finish(n, r, &hop.why, NULL, 0);
		break;
	}
}

struct message_request *message_send(struct node *n, const struct route *to,
	const struct trust *trust, const uint8_t *payload, size_t len, uint64_t timeout_ms,
	message_fn *fn, void *ctx)
{
	bool finished = false;
	struct message_request *r = message_request_new(n, to, timeout_ms, fn, ctx);
	if (!r) {
		out_of_memory(n, fn, ctx);
		return NULL;
	}
	r->finished = &finished;
	if (len > WIRE_MSG_MAX) {
		finish_failed(n, r,
			reason_make(EXIT_DATA, "the message has %zu bytes, at most %d can be sent",
				len, WIRE_MSG_MAX));
	} else if (secure_route_needed(to)) {
		secure_route_start(n, r, to, trust, payload, len);
	} else {
		struct message m = request_of(to, payload, len);
		decide(n, r, &m);
	}
	if (finished)
		return NULL;
	r->finished = NULL;
	return r;
}

struct message_request *message_send_in(struct node *n, struct channel *ch,
	const struct route *onward, const uint8_t *payload, size_t len, uint64_t timeout_ms,
	message_fn *fn, void *ctx)
{
	bool finished = false;
	struct message_request *r = message_request_new(n, onward, timeout_ms, fn, ctx);
	if (!r) {
		out_of_memory(n, fn, ctx);
		return NULL;
	}
	r->finished = &finished;
	struct message m = request_of(onward, payload, len);
	send_in(n, r, &m, 0, ch);
	if (finished)
		return NULL;
	r->finished = NULL;
	return r;
}

void message_cancel(struct node *n, struct message_request *m)
{
	request_free(n, m);
}

void messages_on_control(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct frame_header h = frame_header_decode(frame);
	struct message m;
	if (h.sub || h.label || control_decode(frame, len, &m) < 0) {
		log_debug("message: a CONTROL of %zu bytes from %s is malformed", len, l->peer);
		return;
	}
	message_arrived(n, &(struct message_peer){.link = l}, &m);
}

void messages_on_msg(struct node *n, struct channel *ch, uint32_t message, bool more,
	const uint8_t *body, size_t len)
{
	uint8_t *whole = NULL;
	size_t whole_len = 0;
	int rc = reassembly_take(&n->messages->reassembly, n->now_ms, ch, message, more, body, len,
		&whole, &whole_len);
	if (rc == -EPROTO) {
		log_warn("channel %s: more than %d messages open, closed", ch->address,
			WIRE_MSG_OPEN_MAX);
		channel_close(n, ch);
		return;
	}
	struct message m;
	if (rc == 1 && msg_decode(whole, whole_len, &m) == 0)
		message_arrived(n, &(struct message_peer){.channel = ch}, &m);
	else if (rc == 1)
		log_debug("message: a MSG of %zu bytes in %s is malformed", whole_len, ch->address);
	free(whole);
}

static void peer_gone(struct node *n, const struct message_peer *peer, const struct reason *why)
{
	struct handle *h;
	handles_drop_ingress(n, &n->messages->handles, peer);
	message_forwards_drop(n, peer);
	while ((h = handle_by_egress(&n->messages->handles, peer)))
		message_handle_lost(n, h, why);
}

void messages_on_link_gone(struct node *n, struct link *l)
{
	if (!n->messages)
		return;
	struct reason why = reason_make(
		EXIT_UNREACHABLE, "the connection to %s was lost before the reply came", l->peer);
	peer_gone(n, &(struct message_peer){.link = l}, &why);
}

void messages_on_channel_gone(struct node *n, struct channel *ch)
{
	if (!n->messages)
		return;
	struct reason why =
		reason_make(EXIT_UNREACHABLE, "the secure channel was lost before the reply came");
	reassembly_drop_session(&n->messages->reassembly, ch);
	peer_gone(n, &(struct message_peer){.channel = ch}, &why);
	struct message_request *r;
	while (ch->state == CHANNEL_CLOSING && (r = first_awaiting(n, ch)))
		finish_failed(n, r, not_up(ch));
}

static struct reason timed_out(const struct message_request *r)
{
	double s = (double)r->timeout_ms / 1000;
	if (!r->awaits)
		return reason_make(EXIT_UNREACHABLE, "timed out: no reply within %g s from %s", s,
			r->to);
	const struct reason *last = &r->awaits->last_error;
	return reason_make(EXIT_UNREACHABLE,
		"timed out: the channel /service/%s did not come up within %g s%s%s",
		r->awaits->address, s, last->exit ? "; last: " : "", last->exit ? last->text : "");
}

static bool expire_one(struct node *n)
{
	for (struct message_request *r = n->messages->requests; r; r = r->next)
		if (n->now_ms >= r->deadline_ms) {
			finish_failed(n, r, timed_out(r));
			return true;
		}
	return false;
}

void messages_tick(struct node *n)
{
	while (expire_one(n))
		;
	handles_tick(n, &n->messages->handles);
	reassembly_tick(&n->messages->reassembly, n->now_ms);
	secure_routes_tick(n);
}

uint64_t messages_deadline(const struct node *n)
{
	const struct messages *ms = n->messages;
	uint64_t due = ms->handles.due_ms, stall = reassembly_deadline(&ms->reassembly);
	if (ms->secure_done)
		return n->now_ms;
	if (stall < due)
		due = stall;
	for (const struct message_request *r = ms->requests; r; r = r->next)
		if (r->deadline_ms < due)
			due = r->deadline_ms;
	return due;
}
