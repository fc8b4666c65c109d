// SPDX-License-Identifier: Apache-2.0
#include "message_codec.h"

#include "cbor.h"

#include <errno.h>
#include <stdlib.h>

enum {
	OVERHEAD_MAX =
		1024, /* frame header, hop part, heads; the route is at most WIRE_ROUTE_MAX */
};
static_assert(
	OVERHEAD_MAX >= WIRE_HEADER + WIRE_ROUTE_MAX + WIRE_HANDLE + 64, "room beside the payload");

/* Takes the payload of a message whose kind is known. */
static void payload_get(struct rd *r, struct message *out)
{
	if (out->kind == MSG_ERROR) {
		out->payload = r->p;
		cbor_skip(r);
		out->len = r->bad ? 0 : (size_t)(r->p - out->payload);
		struct message_error e;
		if (r->bad || message_error_decode(out->payload, out->len, &e) < 0)
			r->bad = true;
		return;
	}
	struct slice s = cbor_get_bytes(r);
	out->payload = s.p;
	out->len = s.len;
}

static void payload_put(struct wr *w, const struct message *m)
{
	if (m->kind == MSG_ERROR)
		wr_bytes(w, m->payload, m->len);
	else
		cbor_put_bytes(w, m->payload, m->len);
}

static void kind_get(struct rd *r, struct message *out)
{
	uint64_t kind = cbor_get_uint(r);
	if (kind > MSG_ERROR)
		r->bad = true;
	out->kind = (uint8_t)kind;
}

int control_decode(const uint8_t *frame, size_t len, struct message *out)
{
	struct rd r = {.bad = true}; /* until there is a hop part in front of it */
	if (len < WIRE_HEADER ||
		hop_part_decode(frame + WIRE_HEADER, len - WIRE_HEADER, true, &out->hop, &r) < 0)
		return -EBADMSG;
	if (cbor_get_array(&r, 2) != 2)
		return -EBADMSG;
	kind_get(&r, out);
	payload_get(&r, out);
	return rd_done(&r) ? 0 : -EBADMSG;
}

int msg_decode(const uint8_t *body, size_t len, struct message *out)
{
	struct rd r = rd_init(body, len);
	if (cbor_get_array(&r, 5) != 5)
		return -EBADMSG;
	kind_get(&r, out);
	uint64_t hops = cbor_get_uint(&r);
	if (r.bad || hops > WIRE_HOPS_MAX)
		return -EBADMSG;
	out->hop.hops_left = (uint8_t)hops;
	out->hop.path_max = WIRE_FRAME_MAX;
	out->hop.flags = 0;
	route_decode(&r, &out->hop.onward);
	out->hop.has_return_field = true;
	out->hop.has_handle = false;
	if (!cbor_take_null(&r)) {
		struct slice s = cbor_get_bytes(&r);
		if (r.bad || s.len != WIRE_HANDLE)
			return -EBADMSG;
		memcpy(out->hop.handle, s.p, WIRE_HANDLE);
		out->hop.has_handle = true;
	}
	payload_get(&r, out);
	return rd_done(&r) && out->len <= WIRE_MSG_MAX ? 0 : -EBADMSG;
}

static void control_put(struct wr *w, const struct message *m, unsigned from)
{
	wr_room(w, WIRE_HEADER);
	hop_part_encode(w, &m->hop, from);
	cbor_put_array(w, 2);
	cbor_put_uint(w, m->kind);
	payload_put(w, m);
}

int control_encode(const struct message *m, unsigned from, size_t max, uint8_t **frame, size_t *len)
{
	if (max > CONTROL_FRAME_MAX)
		max = CONTROL_FRAME_MAX;
	size_t cap = m->len + OVERHEAD_MAX < max ? m->len + OVERHEAD_MAX : max;
	uint8_t *buf = malloc(cap);
	if (!buf)
		return -ENOMEM;
	struct wr w = wr_init(buf, cap);
	control_put(&w, m, from);
	if (w.bad) {
		free(buf);
		return -EMSGSIZE;
	}
	frame_header_encode(buf, WIRE_CONTROL, 0, (uint16_t)wr_len(&w), 0, 0);
	*frame = buf;
	*len = wr_len(&w);
	return 0;
}

size_t control_room(const struct message *m, unsigned from, size_t max)
{
	uint8_t buf[OVERHEAD_MAX];
	struct message empty = *m;
	empty.kind = MSG_REQUEST;
	empty.payload = buf;
	empty.len = 0;
	struct wr w = wr_init(buf, sizeof buf);
	control_put(&w, &empty, from);
	if (max > CONTROL_FRAME_MAX)
		max = CONTROL_FRAME_MAX;
	/* the head of a byte string takes up to two bytes more than that of the empty one */
	size_t used = wr_len(&w) + 2;
	return w.bad || used > max ? 0 : max - used;
}

int msg_encode(const struct message *m, unsigned from, uint8_t **body, size_t *len)
{
	size_t cap = m->len + OVERHEAD_MAX;
	uint8_t *buf = malloc(cap);
	if (!buf)
		return -ENOMEM;
	struct wr w = wr_init(buf, cap);
	cbor_put_array(&w, 5);
	cbor_put_uint(&w, m->kind);
	cbor_put_uint(&w, m->hop.hops_left);
	route_encode(&w, &m->hop.onward, from);
	if (m->hop.has_handle)
		cbor_put_bytes(&w, m->hop.handle, WIRE_HANDLE);
	else
		cbor_put_null(&w);
	payload_put(&w, m);
	if (w.bad) {
		free(buf);
		return -EMSGSIZE;
	}
	*body = buf;
	*len = wr_len(&w);
	return 0;
}

size_t message_error_encode(uint8_t dst[static ERROR_PAYLOAD_MAX], const struct message_error *e)
{
	struct wr w = wr_init(dst, ERROR_PAYLOAD_MAX);
	cbor_put_array(&w, 3);
	cbor_put_uint(&w, e->code);
	cbor_put_uint(&w, e->hops_left);
	cbor_put_text(&w, e->text, strnlen(e->text, WIRE_ERROR_TEXT_MAX));
	assert(!w.bad);
	return wr_len(&w);
}

int message_error_decode(const uint8_t *p, size_t len, struct message_error *out)
{
	struct rd r = rd_init(p, len);
	if (cbor_get_array(&r, 3) != 3)
		return -EBADMSG;
	uint64_t code = cbor_get_uint(&r), hops = cbor_get_uint(&r);
	struct slice text = cbor_get_text(&r);
	if (!rd_done(&r) || code > 127 || hops > WIRE_HOPS_MAX || text.len > WIRE_ERROR_TEXT_MAX)
		return -EBADMSG;
	out->code = (uint8_t)code;
	out->hops_left = (uint8_t)hops;
	/* it ends up on somebody's terminal */
	for (size_t i = 0; i < text.len; i++)
		out->text[i] = text.p[i] >= 0x20 && text.p[i] < 0x7f ? (char)text.p[i] : '?';
	out->text[text.len] = 0;
	return 0;
}
