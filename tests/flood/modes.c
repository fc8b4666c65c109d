// SPDX-License-Identifier: Apache-2.0
#include "flood.h"

#include "cbor.h"

#include <stdlib.h>
#include <sys/random.h>

enum { BATCH = 64 }; /* frames per turn of a link */

bool put_frame(struct flood *f, struct peer *p, enum wire_type type, uint8_t sub, uint32_t label,
	const void *body, size_t len)
{
	if (PEER_OUT - p->out_len < WIRE_HEADER + len)
		return false;
	uint8_t *at = p->out + p->out_len;
	frame_header_encode(at, type, sub, (uint16_t)(WIRE_HEADER + len), label, 0);
	if (len)
		memcpy(at + WIRE_HEADER, body, len);
	p->out_len += WIRE_HEADER + len;
	p->frames++;
	f->frames_sent++;
	return true;
}

void put_hello(struct flood *f, struct peer *p)
{
	uint8_t body[64];
	struct wr w = wr_init(body, sizeof body);
	cbor_put_map(&w, 2);
	cbor_put_uint(&w, LINK_P_VERSIONS);
	cbor_put_array(&w, 1);
	cbor_put_uint(&w, WIRE_VERSION);
	cbor_put_uint(&w, LINK_P_MAX_FRAME);
	cbor_put_uint(&w, WIRE_FRAME_MAX);
	put_frame(f, p, WIRE_LINK, LINK_HELLO, 0, body, wr_len(&w));
}

static uint32_t next_random(void)
{
	static uint64_t x;
	while (!x)
		if (getrandom(&x, sizeof x, 0) != sizeof x)
			abort();
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32) | 1;
}

static void put_hop_part(struct wr *w, const struct route *r, bool control)
{
	uint8_t *len = wr_room(w, 2), *start = w->p, handle[WIRE_HANDLE];
	cbor_put_array(w, control ? 5 : 4);
	cbor_put_uint(w, WIRE_HOPS_MAX);
	cbor_put_uint(w, WIRE_FRAME_MAX);
	cbor_put_uint(w, 0);
	route_encode(w, r, 0);
	if (control) {
		for (unsigned i = 0; i < sizeof handle; i += 4)
			put_be32(handle + i, next_random());
		cbor_put_bytes(w, handle, sizeof handle);
	}
	put_be16(len, (uint16_t)(w->p - start));
}

/* The ephemeral key is no honest one, which nobody can see. */
bool put_init(struct flood *f, struct peer *p, const struct route *r, const char *listener,
	uint32_t label)
{
	uint8_t body[WIRE_INIT_MAX];
	struct wr w = wr_init(body, sizeof body);
	put_hop_part(&w, r, false);
	wr_u8(&w, SUITE_CHACHAPOLY);
	wr_u8(&w, PATTERN_XX);
	wr_u16(&w, WIRE_FRAME_MAX);
	wr_u32(&w, label);
	wr_u8(&w, (uint8_t)strlen(listener));
	wr_bytes(&w, listener, strlen(listener));
	wr_u8(&w, 0);
	for (unsigned i = 0; i < 8; i++)
		wr_u32(&w, next_random());
	if (w.bad)
		abort();
	return put_frame(f, p, WIRE_INIT, 0, label, body, wr_len(&w));
}

static void fill_init(struct flood *f, struct peer *p)
{
	unsigned n = f->rate ? 1 : BATCH;
	while (n-- && put_init(f, p, &f->route, f->listener, next_random()))
		;
}

/* The same few INITs over and over. */
static void fill_again(struct flood *f, struct peer *p)
{
	uint8_t copy[WIRE_INIT_MAX];
	if (!p->label) {
		p->label = next_random();
		put_init(f, p, &f->route, f->listener, p->label);
	}
	/* what was written last is still at the front of the buffer */
	size_t len = get_be16(p->out + 2);
	if ((p->out[0] & 15) != WIRE_INIT || len > sizeof copy)
		return;
	memcpy(copy, p->out, len);
	for (unsigned n = f->rate ? 1 : BATCH; n--;)
		put_frame(f, p, WIRE_INIT, 0, p->label, copy + WIRE_HEADER, len - WIRE_HEADER);
}

static bool put_control(struct flood *f, struct peer *p, size_t payload)
{
	static uint8_t body[60 << 10];
	struct wr w = wr_init(body, sizeof body);
	put_hop_part(&w, &f->route, true);
	cbor_put_array(&w, 2);
	cbor_put_uint(&w, MSG_REQUEST);
	uint8_t *data = calloc(1, payload);
	cbor_put_bytes(&w, data, payload);
	free(data);
	return !w.bad && put_frame(f, p, WIRE_CONTROL, 0, 0, body, wr_len(&w));
}

static void fill_control(struct flood *f, struct peer *p)
{
	for (unsigned n = f->rate ? 1 : BATCH; n-- && put_control(f, p, 500);)
		;
}

static void fill_large(struct flood *f, struct peer *p)
{
	for (unsigned n = 2; n-- && put_control(f, p, 50000);)
		;
}

/* A frame that is begun, all but its end, and never finished. */
static void fill_stall(struct flood *f, struct peer *p)
{
	frame_header_encode(p->out + p->out_len, WIRE_CONTROL, 0, 65535, 0, 0);
	memset(p->out + p->out_len + WIRE_HEADER, 0, 65000);
	p->out_len += WIRE_HEADER + 65000;
	f->frames_sent++;
}

static void fill_reset(struct flood *f, struct peer *p)
{
	uint8_t body[8] = {0x81, 16};
	for (unsigned n = f->rate ? 1 : BATCH; n--;) {
		uint32_t label = next_random();
		put_frame(f, p, WIRE_RESET, RESET_DONE | (label & WIRE_RESET_SENT), label, body, 2);
		put_frame(f, p, WIRE_LINK, LINK_PING, 0, body, 8);
		put_frame(f, p, WIRE_LINK, label & 2 ? LINK_PAUSE : LINK_RESUME, 0, &label, 4);
		put_frame(f, p, WIRE_RESP, 0, label, body, 8);
		put_frame(f, p, WIRE_FINISH, 0, label, body, 8);
		uint8_t data[64] = {0};
		put_frame(f, p, WIRE_DATA, 0, label, data, sizeof data);
		put_hello(f, p);
	}
}

/* Connects, says HELLO and one INIT, and leaves. */
static void fill_churn(struct flood *f, struct peer *p)
{
	put_init(f, p, &f->route, f->listener, next_random());
	peer_write(f, p);
	peer_close(p);
}

static const struct mode modes[] = {
	{"init", "INITs of ever new paths", .fill = fill_init},
	{"again", "one INIT per link, repeated", .fill = fill_again},
	{"control", "requests of 500 bytes", .fill = fill_control},
	{"slow", "requests of 50000 bytes, whose replies are not read", .no_read = true,
		.fill = fill_large},
	{"stall", "one frame per link that is never finished", .once = true, .fill = fill_stall},
	{"mute", "links without HELLO", .no_hello = true},
	{"reset", "RESET, LINK, RESP, FINISH and DATA of labels that nobody knows",
		.fill = fill_reset},
	{"churn", "links that come and go", .fill = fill_churn},
	{"paths", "paths that are set up and kept", .run = paths_run},
	{"sink", "nothing: it listens and forgets what comes", .run = sink_run},
};

const struct mode *mode_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (!strcmp(modes[i].name, name))
			return &modes[i];
	return NULL;
}

void modes_print(FILE *to)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		fprintf(to, "%s%s (%s)", i ? ", " : "", modes[i].name, modes[i].about);
	fprintf(to, "\n");
}
