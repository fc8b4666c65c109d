// SPDX-License-Identifier: Apache-2.0
#include "handshake_codec.h"

#include <errno.h>
#include <sodium.h>

enum payload_param { PARAM_SUITES = 1 };

/* One key of no meaning, so that peers which choke on unknown keys are found early. */
static void put_grease(struct wr *w)
{
	cbor_put_uint(w, WIRE_GREASE_KEY + randombytes_uniform(64000));
	cbor_put_uint(w, randombytes_uniform(24));
}

/* Names are shown and logged: no control characters. */
static bool name_valid(const uint8_t *p, size_t len)
{
	if (!len || len > WIRE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return false;
	return true;
}

int init_prologue_encode(uint8_t suite, uint32_t li, uint16_t frame_max, const char *listener,
	uint8_t *dst, size_t cap)
{
	size_t name_len = strlen(listener);
	if (!li || !name_valid((const uint8_t *)listener, name_len))
		return -EINVAL;
	if (frame_max < WIRE_PATH_MIN)
		return -EMSGSIZE;
	struct wr w = wr_init(dst, cap);
	wr_u8(&w, suite);
	wr_u8(&w, PATTERN_XX);
	wr_u16(&w, frame_max);
	wr_u32(&w, li);
	wr_u8(&w, (uint8_t)name_len);
	wr_bytes(&w, listener, name_len);
	uint8_t ext[INIT_EXT_MAX];
	struct wr x = wr_init(ext, sizeof ext);
	cbor_put_map(&x, 1);
	put_grease(&x);
	wr_u8(&w, (uint8_t)wr_len(&x));
	wr_bytes(&w, ext, wr_len(&x));
	return w.bad || x.bad ? -EMSGSIZE : (int)wr_len(&w);
}

/* One well-formed map of which no key is known yet; empty: no map. */
static bool ext_valid(struct rd ext)
{
	if (ext.bad || !rd_left(&ext))
		return !ext.bad;
	size_t n = cbor_get_map(&ext, PAYLOAD_PARAMS_MAX);
	while (!ext.bad && n--) {
		cbor_skip(&ext);
		cbor_skip(&ext);
	}
	return rd_done(&ext);
}

int init_end_decode(const uint8_t *p, size_t len, struct init_end *out)
{
	struct rd r = rd_init(p, len);
	struct init_end end = {.prologue = p};
	end.suite = rd_u8(&r);
	end.pattern = rd_u8(&r);
	end.frame_max = rd_u16(&r);
	end.label = rd_u32(&r);
	size_t name_len = rd_u8(&r);
	const uint8_t *name = rd_bytes(&r, name_len);
	size_t ext_len = rd_u8(&r);
	struct rd ext = rd_sub(&r, ext_len);
	end.prologue_len = len - rd_left(&r);
	end.noise_len = rd_left(&r);
	end.noise = rd_bytes(&r, end.noise_len);
	if (!rd_done(&r) || !end.noise_len || !end.label || end.frame_max < WIRE_PATH_MIN ||
		!name_valid(name, name_len) || !ext_valid(ext))
		return -EBADMSG;
	memcpy(end.listener, name, name_len);
	*out = end;
	return 0;
}

int handshake_payload_encode(
	const struct handshake_keys *keys, uint32_t lr, uint8_t *dst, size_t cap)
{
	struct wr w = wr_init(dst, cap);
	cbor_put_array(&w, lr ? 5 : 4);
	cbor_put_bytes(&w, keys->history, keys->history_len);
	cbor_put_bytes(&w, keys->attestation, keys->attestation_len);
	cbor_put_array(&w, 0); /* no credentials */
	cbor_put_map(&w, 2);
	cbor_put_uint(&w, PARAM_SUITES);
	cbor_put_array(&w, keys->suites_n);
	for (unsigned i = 0; i < keys->suites_n; i++)
		cbor_put_uint(&w, keys->suites[i]);
	put_grease(&w);
	if (lr)
		cbor_put_uint(&w, lr);
	return w.bad ? -EMSGSIZE : (int)wr_len(&w);
}

static void get_suites(struct rd *r, struct handshake_payload *out)
{
	unsigned n = (unsigned)cbor_get_array(r, PAYLOAD_SUITES_MAX);
	if (r->bad || !n || out->suites_n) { /* none, or the key a second time */
		r->bad = true;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		uint64_t suite = cbor_get_uint(r);
		out->suites[i] = suite <= UINT8_MAX ? (uint8_t)suite : 0;
	}
	out->suites_n = n;
}

static void get_params(struct rd *r, struct handshake_payload *out)
{
	size_t n = cbor_get_map(r, PAYLOAD_PARAMS_MAX);
	while (!r->bad && n--) {
		struct rd value = *r;
		cbor_skip(&value); /* the key */
		if (cbor_peek(r) == CBOR_UINT && cbor_get_uint(r) == PARAM_SUITES) {
			get_suites(r, out);
		} else {
			*r = value;
			cbor_skip(r);
		}
	}
}

int handshake_payload_decode(
	const uint8_t *p, size_t len, bool with_label, struct handshake_payload *out)
{
	if (len > WIRE_HANDSHAKE_PAYLOAD_MAX)
		return -EBADMSG;
	struct rd r = rd_init(p, len);
	struct handshake_payload got = {0};
	if (cbor_get_array(&r, 5) != (with_label ? 5 : 4))
		return -EBADMSG;
	got.history = cbor_get_bytes(&r);
	got.attestation = cbor_get_bytes(&r);
	size_t credentials = cbor_get_array(&r, PAYLOAD_CREDENTIALS_MAX);
	while (!r.bad && credentials--)
		cbor_get_bytes(&r); /* no policy asks for them */
	get_params(&r, &got);
	uint64_t label = with_label ? cbor_get_uint(&r) : 0;
	if (!rd_done(&r) || !got.suites_n || label > UINT32_MAX || (with_label && !label) ||
		got.history.len > IDENTITY_HISTORY_MAX || got.attestation.len > ATTESTATION_MAX)
		return -EBADMSG;
	got.label = (uint32_t)label;
	*out = got;
	return 0;
}
