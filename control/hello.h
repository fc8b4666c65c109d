/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HELLO as bytes, and the cookies of datagram links. Pure but for randomness. Unknown keys are ignored,
 * and each HELLO has a random one so that this stays true. Source: docs/protocol.md "Links".
 */
#ifndef OCKAM_HELLO_H
#define OCKAM_HELLO_H

#include "secret.h"
#include "udp_address.h"
#include "wire.h"

#include <stdbool.h>

struct hello {
	bool common;	  /* WIRE_VERSION is among its versions */
	unsigned highest; /* of its versions, for an error */
	uint64_t max_frame, features;
	/* of datagram links */
	bool has_tag, has_cookie, has_token, moved;
	uint64_t tag;
	uint8_t cookie[WIRE_COOKIE_LEN], token[WIRE_TOKEN_LEN];
};

enum { HELLO_SIZE_MAX = 512 }; /* of those that we write */

/*
 * Writes a whole frame: our versions, and h's max_frame, features, and tag (then `moved` too, when there
 * is no pad_to), cookie, token if it has them. pad_to: 0, or how long it shall be. Its length.
 */
size_t hello_encode(uint8_t frame[static HELLO_SIZE_MAX], const struct hello *h, size_t pad_to);
/* The body of one from outside. `datagram`: of such a link; on others its own keys are as good as unknown. */
bool hello_decode(const uint8_t *body, size_t len, bool datagram, struct hello *out);

/* Secrets of cookies: the one in use, and the one before. Wiped with its owner. */
struct cookies {
	struct secret32 key[2];
	uint8_t number; /* of key[0] */
	uint64_t since_ms;
	bool made;
};

/* For this far end of a listener's socket, now. */
void cookie_make(struct cookies *c, uint64_t now_ms, uint32_t listener, const struct udp_address *from,
	uint8_t out[static WIRE_COOKIE_LEN]);
bool cookie_valid(struct cookies *c, uint64_t now_ms, uint32_t listener, const struct udp_address *from,
	const uint8_t cookie[static WIRE_COOKIE_LEN]);

#endif
