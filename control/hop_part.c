// SPDX-License-Identifier: Apache-2.0
#include "hop_part.h"

#include "cbor.h"

#include <errno.h>

int hop_part_decode(
	const uint8_t *body, size_t len, bool control, struct hop_part *out, struct rd *end)
{
	struct rd r = rd_init(body, len);
	struct rd h = rd_sub(&r, rd_u16(&r));
	size_t fields = cbor_get_array(&h, 5);
	if (fields != (control ? 5 : 4))
		return -EBADMSG;
	uint64_t hops = cbor_get_uint(&h), max = cbor_get_uint(&h), flags = cbor_get_uint(&h);
	if (hops > WIRE_HOPS_MAX || max < WIRE_PATH_MIN || max > WIRE_FRAME_MAX || flags > 255)
		return -EBADMSG;
	out->hops_left = (uint8_t)hops;
	out->path_max = (uint16_t)max;
	out->flags = (uint8_t)flags;
	route_decode(&h, &out->onward);
	out->has_handle = false;
	if (control && !cbor_take_null(&h)) {
		struct slice s = cbor_get_bytes(&h);
		if (h.bad || s.len != WIRE_HANDLE)
			return -EBADMSG;
		memcpy(out->handle, s.p, WIRE_HANDLE);
		out->has_handle = true;
	}
	out->has_return_field = control;
	if (!rd_done(&h) || r.bad)
		return -EBADMSG;
	*end = r;
	return 0;
}

void hop_part_encode(struct wr *w, const struct hop_part *h, unsigned from)
{
	uint8_t *len = wr_room(w, 2);
	const uint8_t *start = w->p;
	cbor_put_array(w, h->has_return_field ? 5 : 4);
	cbor_put_uint(w, h->hops_left);
	cbor_put_uint(w, h->path_max);
	cbor_put_uint(w, h->flags);
	route_encode(w, &h->onward, from);
	if (h->has_return_field && h->has_handle)
		cbor_put_bytes(w, h->handle, WIRE_HANDLE);
	else if (h->has_return_field)
		cbor_put_null(w);
	if (!w->bad)
		put_be16(len, (uint16_t)(w->p - start));
}
