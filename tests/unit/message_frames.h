/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as frames of a fake node's neighbours, and what became of those that it sends itself. */
#ifndef OCKAM_MESSAGE_FRAMES_H
#define OCKAM_MESSAGE_FRAMES_H

#include "fake_node.h"
#include "message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

struct result {
	unsigned calls;
	struct reason why; /* exit 0: replied */
	char reply[64];
	size_t len;
};

static inline void replied(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct result *r = ctx;
	r->calls++;
	if (why)
		r->why = *why;
	r->len = len;
	if (len && len < sizeof r->reply)
		memcpy(r->reply, payload, len);
}

static inline struct message request(const char *to, uint8_t handle, const char *payload)
{
	struct message m = {
		.kind = MSG_REQUEST,
		.hop = {.hops_left = 16,
			.path_max = WIRE_FRAME_MAX,
			.has_return_field = true,
			.has_handle = true},
		.payload = (const uint8_t *)payload,
		.len = strlen(payload),
	};
	m.hop.onward = fake_route(to);
	memset(m.hop.handle, handle, WIRE_HANDLE);
	return m;
}

static inline struct message reply_to(const uint8_t handle[static WIRE_HANDLE], const char *payload)
{
	struct message m = {
		.kind = MSG_REPLY,
		.hop = {.hops_left = 16, .path_max = WIRE_FRAME_MAX, .has_return_field = true},
		.payload = (const uint8_t *)payload,
		.len = strlen(payload),
	};
	m.hop.onward.n = 1;
	m.hop.onward.e[0] = (struct route_element){
		.code = ROUTE_SERVICE, .is_handle = true, .len = WIRE_HANDLE};
	memcpy(m.hop.onward.e[0].addr, handle, WIRE_HANDLE);
	return m;
}

static inline void arrive(struct fake *f, uint32_t link, const struct message *m)
{
	uint8_t *frame;
	size_t len;
	assert_int_equal(control_encode(m, 0, WIRE_FRAME_MAX, &frame, &len), 0);
	fake_input(f, link, frame, len);
	free(frame);
}

/* The next CONTROL that left by this link. */
static inline bool left(struct fake *f, uint32_t link, struct message *m)
{
	struct fake_sent *s = fake_frame(f, WIRE_CONTROL, link);
	if (!s)
		return false;
	assert_int_equal(control_decode(s->frame, s->frame_len, m), 0);
	return true;
}

static inline struct message_request *send_to(
	struct fake *f, const char *to, const void *p, size_t len, struct result *r)
{
	struct route route = fake_route(to);
	return message_send(f->n, &route, NULL, p, len, 10000, replied, r);
}

static inline struct message_error error_of(const struct message *m)
{
	struct message_error e;
	assert_int_equal(m->kind, MSG_ERROR);
	assert_int_equal(message_error_decode(m->payload, m->len, &e), 0);
	return e;
}

#endif
