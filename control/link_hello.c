// SPDX-License-Identifier: Apache-2.0
/*
 * HELLO and BYE. The dialling side speaks first. The accepting side answers only when its data
 * plane has been told that the link is up: what the dialler sends next would be dropped otherwise,
 * and a CONTROL is not sent twice. Datagram links begin differently: link_udp.c.
 */
#include "link_private.h"

#include "cbor.h"
#include "link_udp.h"
#include "log.h"
#include "note.h"

static void send_link_frame(struct node *n, struct link *l, uint8_t sub, uint8_t *frame, size_t len)
{
	frame_header_encode(frame, WIRE_LINK, sub, (uint16_t)len, 0, 0);
	seam_frame(n, l->id, frame, len);
}

void link_hello_send(struct node *n, struct link *l)
{
	uint8_t frame[HELLO_SIZE_MAX];
	const struct hello h = {.max_frame = WIRE_FRAME_MAX};
	seam_frame(n, l->id, frame, hello_encode(frame, &h, 0));
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
	if (l->kind == LINK_UDP)
		return reason_make(EXIT_UNREACHABLE,
			"%s does not answer over UDP: nothing listens there, or something on the way drops it", l->peer);
	return reason_make(EXIT_UNREACHABLE,
		"%s accepts %sconnections but does not speak this protocol", l->peer,
		l->kind == LINK_TCP ? "TCP " : "");
}

void link_came_up(struct node *n, void *ctx, int error, const struct seam_msg *answer)
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

static int set(struct node *n, struct link *l, bool move, seam_ack_fn *fn)
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
	link_udp_describe(l, &m);
	if (move) {
		m.has |= SEAM_HAS(SEAM_A_ADDRESS);
		m.address = l->udp.at;
	}
	return seam_request(n, &m, fn, l);
}

int link_tell(struct node *n, struct link *l, seam_ack_fn *fn)
{
	return set(n, l, false, fn);
}

int link_move(struct node *n, struct link *l, seam_ack_fn *fn)
{
	return set(n, l, true, fn);
}

static void on_hello(struct node *n, struct link *l, const uint8_t *body, size_t len)
{
	struct hello h;
	if (l->hello_seen)
		return;
	if (!hello_decode(body, len, false, &h)) {
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
	int rc = link_tell(n, l, link_came_up);
	if (rc < 0)
		link_came_up(n, l, rc, NULL);
	else if (!l->dialled)
		link_hello_send(n, l);
}

void links_on_frame(struct node *n, struct link *l, const uint8_t *frame, size_t len)
{
	struct frame_header h = frame_header_decode(frame);
	if (h.label || l->kind == LINK_CHANNEL || l->lost)
		return;
	if (h.type == WIRE_COOKIE) {
		link_udp_on_cookie(n, l, frame, len);
	} else if (l->kind == LINK_UDP && h.sub == LINK_HELLO) {
		link_udp_on_hello(n, l, frame, len);
	} else if (h.sub == LINK_HELLO) {
		on_hello(n, l, frame + WIRE_HEADER, len - WIRE_HEADER);
	} else if (h.sub == LINK_BYE) {
		struct reason why = l->state == LINK_UP
			? reason_make(EXIT_UNREACHABLE, "%s has closed the link", l->peer)
			: reason_make(EXIT_UNREACHABLE,
				  "%s speaks no version of the protocol that this node speaks (%d)",
				  l->peer, WIRE_VERSION);
		link_fail(n, l, l->state == LINK_UP ? RESET_LINK_LOST : RESET_NO_ROUTE, &why);
	}
}
