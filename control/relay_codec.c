// SPDX-License-Identifier: Apache-2.0
#include "relay_private.h"

#include "cbor.h"

#include <errno.h>

enum { LEASE_MAX_S = 86400 };

int relay_request_encode(const struct relay_request *q, uint8_t *dst, size_t cap)
{
	struct wr w = wr_init(dst, cap);
	cbor_put_array(&w, q->op == RELAY_RELEASE ? 2 : 4);
	cbor_put_uint(&w, q->op);
	cbor_put_text(&w, q->name, strlen(q->name));
	if (q->op != RELAY_RELEASE)
		cbor_put_uint(&w, q->lease_s);
	if (q->op == RELAY_JOIN)
		cbor_put_uint(&w, q->way);
	if (q->op == RELAY_REGISTER) {
		cbor_put_array(&w, q->listeners_n);
		for (unsigned i = 0; i < q->listeners_n; i++)
			cbor_put_text(&w, q->listeners[i], strlen(q->listeners[i]));
	}
	return w.bad ? -EMSGSIZE : (int)wr_len(&w);
}

static void name_get(struct rd *r, char dst[static WIRE_NAME_MAX + 1])
{
	struct slice s = cbor_get_text(r);
	if (r->bad || s.len > WIRE_NAME_MAX || memchr(s.p, 0, s.len)) {
		r->bad = true;
		s.len = 0;
	}
	if (s.len)
		memcpy(dst, s.p, s.len);
	dst[s.len] = 0;
	if (!route_name_valid(dst))
		r->bad = true;
}

int relay_request_decode(const uint8_t *p, size_t len, struct relay_request *out)
{
	struct rd r = rd_init(p, len);
	size_t fields = cbor_get_array(&r, 4);
	uint64_t op = cbor_get_uint(&r);
	if (r.bad || op < RELAY_REGISTER || op > RELAY_JOIN || fields != (op == RELAY_RELEASE ? 2 : 4))
		return -EBADMSG;
	*out = (struct relay_request){.op = (enum relay_op)op};
	name_get(&r, out->name);
	if (out->op != RELAY_RELEASE) {
		uint64_t lease = cbor_get_uint(&r);
		out->lease_s = (uint32_t)(lease < LEASE_MAX_S ? lease : LEASE_MAX_S);
	}
	if (out->op == RELAY_JOIN) {
		uint64_t way = cbor_get_uint(&r);
		if (way < 1 || way >= RELAY_WAYS_MAX)
			return -EBADMSG;
		out->way = (unsigned)way;
	} else if (out->op == RELAY_REGISTER) {
		out->listeners_n = (unsigned)cbor_get_array(&r, RELAY_LISTENERS_MAX);
		for (unsigned i = 0; !r.bad && i < out->listeners_n; i++)
			name_get(&r, out->listeners[i]);
	}
	return rd_done(&r) ? 0 : -EBADMSG;
}

size_t relay_answer_encode(
	uint8_t dst[static RELAY_ANSWER_MAX], enum relay_status status, uint32_t lease_s)
{
	struct wr w = wr_init(dst, RELAY_ANSWER_MAX);
	cbor_put_array(&w, 2);
	cbor_put_uint(&w, status);
	cbor_put_uint(&w, lease_s);
	return wr_len(&w);
}

int relay_answer_decode(const uint8_t *p, size_t len, uint8_t *status, uint32_t *lease_s)
{
	struct rd r = rd_init(p, len);
	if (cbor_get_array(&r, 2) != 2)
		return -EBADMSG;
	uint64_t s = cbor_get_uint(&r), lease = cbor_get_uint(&r);
	if (!rd_done(&r) || s > 255)
		return -EBADMSG;
	*status = (uint8_t)s;
	*lease_s = (uint32_t)(lease < LEASE_MAX_S ? lease : LEASE_MAX_S);
	return 0;
}
