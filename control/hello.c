// SPDX-License-Identifier: Apache-2.0
#include "hello.h"

#include "cbor.h"

#include <assert.h>
#include <sodium.h>

enum { HELLO_KEYS_MAX = 64, VERSIONS_MAX = 16, MAC_LEN = WIRE_COOKIE_LEN - 1 };

static void put_bytes(struct wr *w, enum link_param key, const uint8_t *p, size_t n)
{
	cbor_put_uint(w, key);
	cbor_put_bytes(w, p, n);
}

/* The parameters that only datagram links have. */
static void put_datagram(struct wr *w, const struct hello *h, bool dialler)
{
	cbor_put_uint(w, LINK_P_TAG);
	cbor_put_uint(w, h->tag);
	if (h->has_cookie)
		put_bytes(w, LINK_P_COOKIE, h->cookie, sizeof h->cookie);
	if (h->has_token)
		put_bytes(w, LINK_P_TOKEN, h->token, sizeof h->token);
	if (dialler)
		return;
	cbor_put_uint(w, LINK_P_MOVED);
	cbor_put_uint(w, h->moved);
}

/* As much as makes the frame pad_to bytes long, with `after` behind it. */
static void put_pad(struct wr *w, size_t pad_to, size_t after)
{
	static const uint8_t zeros[WIRE_UDP_HELLO_MIN];
	const size_t head = 3; /* key, and the head of 24 to 255 bytes */
	size_t n = pad_to - wr_len(w) - after - head;
	assert(n >= 24 && n <= 255);
	put_bytes(w, LINK_P_PAD, zeros, n);
}

size_t hello_encode(uint8_t frame[static HELLO_SIZE_MAX], const struct hello *h, size_t pad_to)
{
	uint8_t grease[16];
	struct wr g = wr_init(grease, sizeof grease), w = wr_init(frame, HELLO_SIZE_MAX);
	cbor_put_uint(&g, WIRE_GREASE_KEY + randombytes_uniform(1u << 24));
	cbor_put_uint(&g, randombytes_random());
	wr_room(&w, WIRE_HEADER);
	cbor_put_map(&w, 4u + (h->has_tag ? 2 : 0) + h->has_cookie + h->has_token);
	cbor_put_uint(&w, LINK_P_VERSIONS);
	cbor_put_array(&w, 1);
	cbor_put_uint(&w, WIRE_VERSION);
	cbor_put_uint(&w, LINK_P_MAX_FRAME);
	cbor_put_uint(&w, h->max_frame);
	cbor_put_uint(&w, LINK_P_FEATURES);
	cbor_put_uint(&w, h->features);
	if (h->has_tag)
		put_datagram(&w, h, pad_to);
	if (pad_to)
		put_pad(&w, pad_to, wr_len(&g));
	wr_bytes(&w, grease, wr_len(&g));
	assert(!w.bad && !g.bad);
	frame_header_encode(frame, WIRE_LINK, LINK_HELLO, (uint16_t)wr_len(&w), 0, 0);
	return wr_len(&w);
}

static void get_versions(struct rd *r, struct hello *h)
{
	size_t count = cbor_get_array(r, VERSIONS_MAX);
	for (size_t i = 0; i < count && !r->bad; i++) {
		uint64_t v = cbor_get_uint(r);
		h->common |= v == WIRE_VERSION;
		if (v > h->highest && v <= 255)
			h->highest = (unsigned)v;
	}
}

static bool get_bytes(struct rd *r, uint8_t *dst, size_t n)
{
	struct slice s = cbor_get_bytes(r);
	if (!r->bad && s.len != n)
		r->bad = true;
	if (!r->bad)
		memcpy(dst, s.p, n);
	return !r->bad;
}

static void get_param(struct rd *r, uint64_t key, struct hello *h)
{
	switch (key) {
	case LINK_P_VERSIONS:
		get_versions(r, h);
		break;
	case LINK_P_MAX_FRAME:
		h->max_frame = cbor_get_uint(r);
		break;
	case LINK_P_FEATURES:
		h->features = cbor_get_uint(r);
		break;
	case LINK_P_TAG:
		h->tag = cbor_get_uint(r);
		h->has_tag = true;
		break;
	case LINK_P_COOKIE:
		h->has_cookie = get_bytes(r, h->cookie, sizeof h->cookie);
		break;
	case LINK_P_TOKEN:
		h->has_token = get_bytes(r, h->token, sizeof h->token);
		break;
	case LINK_P_MOVED:
		h->moved = cbor_get_uint(r) == 1;
		break;
	default:
		cbor_skip(r);
	}
}

bool hello_decode(const uint8_t *body, size_t len, bool datagram, struct hello *out)
{
	const uint32_t needed = 1u << LINK_P_VERSIONS | 1u << LINK_P_MAX_FRAME;
	struct rd r = rd_init(body, len);
	uint32_t seen = 0;
	*out = (struct hello){0};
	size_t pairs = cbor_get_map(&r, HELLO_KEYS_MAX);
	for (size_t i = 0; i < pairs && !r.bad; i++) {
		uint64_t key = cbor_get_uint(&r);
		if (key < 32 && seen & 1u << key)
			return false;
		if (key < 32)
			seen |= 1u << key;
		if (datagram || key <= LINK_P_FEATURES)
			get_param(&r, key, out);
		else
			cbor_skip(&r);
	}
	return rd_done(&r) && (seen & needed) == needed && out->max_frame >= WIRE_DATA_MIN;
}

/* The secret in use changes every WIRE_COOKIE_MS; one of a time long past is worth nothing. */
static void turn(struct cookies *c, uint64_t now_ms)
{
	if (c->made && now_ms < c->since_ms + WIRE_COOKIE_MS)
		return;
	bool old = c->made && now_ms < c->since_ms + 2ull * WIRE_COOKIE_MS;
	if (old)
		c->key[1] = c->key[0];
	else
		randombytes_buf(&c->key[1], sizeof c->key[1]);
	randombytes_buf(&c->key[0], sizeof c->key[0]);
	c->number++;
	c->since_ms = now_ms;
	c->made = true;
}

static void mac(const struct secret32 *key, uint32_t listener, const struct udp_address *from,
	uint8_t out[static MAC_LEN])
{
	uint8_t text[4 + sizeof from->remote + 8];
	put_be32(text, listener);
	memcpy(text + 4, from->remote, sizeof from->remote);
	text[20] = from->family;
	text[21] = 0;
	put_be16(text + 22, from->port);
	put_be32(text + 24, from->scope);
	static_assert(sizeof text == 28, "nothing else");
	crypto_generichash(out, MAC_LEN, text, sizeof text, key->b, sizeof key->b);
}

void cookie_make(struct cookies *c, uint64_t now_ms, uint32_t listener, const struct udp_address *from,
	uint8_t out[static WIRE_COOKIE_LEN])
{
	turn(c, now_ms);
	out[0] = c->number;
	mac(&c->key[0], listener, from, out + 1);
}

bool cookie_valid(struct cookies *c, uint64_t now_ms, uint32_t listener, const struct udp_address *from,
	const uint8_t cookie[static WIRE_COOKIE_LEN])
{
	uint8_t want[MAC_LEN];
	turn(c, now_ms);
	unsigned age = (uint8_t)(c->number - cookie[0]);
	if (age > 1)
		return false;
	mac(&c->key[age], listener, from, want);
	return sodium_memcmp(want, cookie + 1, sizeof want) == 0;
}
