/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routed messages as bytes: CONTROL frames and bodies of MSG (docs/protocol.md, "Paths" and "Inner
 * records"). Pure functions. What a decoder yields borrows from its buffer; what an encoder yields
 * is heap, freed by the caller.
 */
#ifndef OCKAM_MESSAGE_CODEC_H
#define OCKAM_MESSAGE_CODEC_H

#include "hop_part.h"

enum {
	/* What one attribute of the seam can carry. */
	CONTROL_FRAME_MAX = 65535 - 4,
	/* A MSG body beside its payload: route, handle, heads. */
	MSG_BODY_MAX = WIRE_MSG_MAX + WIRE_ROUTE_MAX + 64,
	ERROR_PAYLOAD_MAX = WIRE_ERROR_TEXT_MAX + 8,
};

struct message {
	uint8_t kind;		/* enum msg_kind */
	struct hop_part hop;	/* in MSG without path_max and flags */
	const uint8_t *payload; /* of an error: the CBOR array [code, hops_left, text] */
	size_t len;
};

/* 0; -EBADMSG on anything that is not exactly one message of a known kind. */
int control_decode(const uint8_t *frame, size_t len, struct message *out);
int msg_decode(const uint8_t *body, size_t len, struct message *out);
/* A whole frame with the route from element `from` on. 0, -EMSGSIZE (longer than max), -ENOMEM. */
int control_encode(
	const struct message *m, unsigned from, size_t max, uint8_t **frame, size_t *len);
int msg_encode(const struct message *m, unsigned from, uint8_t **body, size_t *len);
/* How many bytes of payload fit into a CONTROL frame of `max` bytes beside this message's route. */
size_t control_room(const struct message *m, unsigned from, size_t max);

struct message_error {
	uint8_t code; /* enum reset_code */
	uint8_t hops_left;
	char text[WIRE_ERROR_TEXT_MAX + 1]; /* printable ASCII, whatever came */
};
size_t message_error_encode(uint8_t dst[static ERROR_PAYLOAD_MAX], const struct message_error *e);
int message_error_decode(const uint8_t *p, size_t len, struct message_error *out);

#endif
