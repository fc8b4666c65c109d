// SPDX-License-Identifier: Apache-2.0
/*
 * HELLO and BYE. The dialling side speaks first. The accepting side answers only when its data
 * plane has been told that the link is up: what the dialler sends next would be dropped otherwise,
 * and a CONTROL is not sent twice. HELLO's body is a CBOR map of enum link_param; unknown keys are
 * ignored, and each side sends a random one so that this stays true.
 */
#include "link_private.h"

#include "cbor.h"
#include "log.h"
#include "note.h"
#include "seam_client.h"

#include <sodium.h>

enum { HELLO_KEYS_MAX = 64, VERSIONS_MAX = 16 };

struct hello {
	bool has_versions, has_max_frame;
	bool common;	  /* WIRE_VERSION is among them */
	unsigned highest; /* of the peer's versions, for the error */
	uint64_t max_frame;
	uint64_t features;
};

static void send_link_frame(struct node *n, struct link *l, uint8_t sub, uint8_t *frame, size_t len)
{
	frame_header_encode(frame, WIRE_LINK, sub, (uint16_t)len, 0, 0);
	seam_frame(n, l->id, frame, len);
}

void link_hello_send(struct node *n, struct link *l)
{
	uint8_t frame[WIRE_HEADER + 64];
	struct wr w = wr_init(frame, sizeof frame);
	wr_room(&w, WIRE_HEADER);
	cbor_put_map(&w, 4);
	cbor_put_uint(&w, LINK_P_VERSIONS);
	cbor_put_array(&w, 1);
	cbor_put_uint(&w, WIRE_VERSION);
	cbor_put_uint(&w, LINK_P_MAX_FRAME);
	cbor_put_uint(&w, WIRE_FRAME_MAX);
	cbor_put_uint(&w, LINK_P_FEATURES);
	cbor_put_uint(&w, 0);
	cbor_put_uint(&w, WIRE_GREASE_KEY + randombytes_uniform(1u << 24));
	cbor_put_uint(&w, randombytes_random());
	assert(!w.bad);
	send_link_frame(n, l, LINK_HELLO, frame, wr_len(&w));
}

static void bye_send(struct node *n, struct link *l)
{
	uint8_t frame[WIRE_HEADER + 8];
	struct wr w = wr_init(frame, sizeof frame);
	wr_room(&w, WIRE_HEADER);
	cbor_put_array(&w, 1);
	cbor_put_uint(&w, WIRE_VERSION);
	send_link_frame(n, l, LINK_BYE, frame, wr_len(&w));
}

struct reason link_mute_reason(const struct link *l)
{
	return reason_make(EXIT_UNREACHABLE,
		"%s accepts %sconnections but does not speak this protocol", l->peer,
		l->kind == LINK_TCP ? "TCP " : "");
}

static void versions_decode(struct rd *r, struct hello *h)
{
	size_t count = cbor_get_array(r, VERSIONS_MAX);
	for (size_t i = 0; i < count && !r->bad; i++) {
		uint64_t v = cbor_get_uint(r);
		h->common |= v == WIRE_VERSION;
		if (v > h->highest && v <= 255)
			h->highest = (unsigned)v;
	}
	h->has_versions = true;
}

static bool hello_decode(const uint8_t *body, size_t len, struct hello *h)
{
	struct rd r = rd_init(body, len);
	unsigned seen = 0;
	*h = (struct hello){0};
	size_t pairs = cbor_get_map(&r, HELLO_KEYS_MAX);
	for (size_t i = 0; i < pairs && !r.bad; i++) {
		uint64_t key = cbor_get_uint(&r);
		if (key < 32 && seen & 1u << key)
			return false;
		if (key < 32)
			seen |= 1u << key;
		if (key == LINK_P_VERSIONS) {
			versions_decode(&r, h);
		} else if (key == LINK_P_MAX_FRAME) {
			h->max_frame = cbor_get_uint(&r);
			h->has_max_frame = true;
		} else if (key == LINK_P_FEATURES) {
			h->features = cbor_get_uint(&r);
		} else {
			cbor_skip(&r);
		}
	}
	return rd_done(&r) && h->has_versions && h->has_max_frame && h->max_frame >= WIRE_DATA_MIN;
}

static void link_is_up(struct node *n, void *ctx, int error, const struct seam_msg *answer)
{
	struct link *l = ctx;
	if (error) {
		struct reason why =
			reason_make(EXIT_UNREACHABLE, "the connection to %s was lost", l->peer);
		link_fail(n, l, RESET_LINK_LOST, &why);
		return;
	}
	l->state = LINK_UP;
	l->deadline_ms = 0;
	crowd_leave(&n->links->mute, &l->mute);
	crowd_leave(&n->links->silent, &l->silent);
	log_debug("link %u to %s is up", l->id, l->peer);
	link_fire(n, l);
}

int link_tell(struct node *n, struct link *l, seam_ack_fn *fn)
{
	uint8_t note[SEAM_NOTE_MAX];
	int note_len = note_link_encode(l, note, sizeof note);
	struct seam_msg m = {.cmd = SEAM_LINK_SET,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_FRAME_MAX),
		.link = l->id,
		.up = 1,
		.frame_max = l->frame_max,
		.note = note,
		.note_len = (uint32_t)note_len};
	if (note_len > 0)
		m.has |= SEAM_HAS(SEAM_A_NOTE);
	if (!l->dialled && !l->origin)
		m.has |= SEAM_HAS(SEAM_A_ORIGIN); /* 0 */
	return seam_request(n, &m, fn, l);
}

static void on_hello(struct node *n, struct link *l, const uint8_t *body, size_t len)
{
	struct hello h;
	if (l->hello_seen)
		return;
	if (!hello_decode(body, len, &h)) {
		struct reason why = link_mute_reason(l);
		link_fail(n, l, RESET_NO_ROUTE, &why);
		return;
	}
	if (!h.common) {
		bye_send(n, l);
		struct reason why = reason_make(EXIT_UNREACHABLE,
			"%s speaks version %u of the protocol, this node speaks version %d; update "
			"the older",
			l->peer, h.highest, WIRE_VERSION);
		link_fail(n, l, RESET_NO_ROUTE, &why);
		return;
	}
	l->hello_seen = true;
	l->frame_max = (uint16_t)(h.max_frame < WIRE_FRAME_MAX ? h.max_frame : WIRE_FRAME_MAX);
	int rc = link_tell(n, l, link_is_up);
	if (rc < 0)
		link_is_up(n, l, rc, NULL);
	else if (!l->dialled)
		link_hello_send(n, l);
}

void links_on_frame(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct frame_header h = frame_header_decode(frame);
	if (h.label || l->kind == LINK_CHANNEL || l->lost)
		return;
	if (h.sub == LINK_HELLO) {
		on_hello(n, l, frame + WIRE_HEADER, len - WIRE_HEADER);
	} else if (h.sub == LINK_BYE) {
		struct reason why = reason_make(EXIT_UNREACHABLE,
			"%s speaks no version of the protocol that this node speaks (%d)", l->peer,
			WIRE_VERSION);
		link_fail(n, l, l->state == LINK_UP ? RESET_LINK_LOST : RESET_NO_ROUTE, &why);
	}
}
