/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by relay.c (the doors), relay_names.c (as relay), registration.c (as registrant) and
 * relay_codec.c (what they say to each other, as messages to forwarding_service). Nobody else
 * includes it.
 */
#ifndef OCKAM_RELAY_PRIVATE_H
#define OCKAM_RELAY_PRIVATE_H

#include "relay.h"

#define RELAY_PREFIX "forward_to_"
enum {
	RELAY_LISTENERS_MAX = 64, /* named in one REGISTER */
	RELAY_REQUEST_MAX = 128 + RELAY_LISTENERS_MAX * (WIRE_NAME_MAX + 2),
	RELAY_ANSWER_MAX = 64,
};

struct relay_name;
struct reg;

struct relays {
	struct relay_name *names; /* as relay */
	struct reg *regs;	  /* as registrant */
	struct reg *dying; /* released; their channels are closed when the relay has answered */
};

/* REGISTER is CBOR [1, name, lease in s, [listener...]], release is [2, name]. */
enum relay_op { RELAY_REGISTER = 1, RELAY_RELEASE = 2 };
struct relay_request {
	enum relay_op op;
	char name[WIRE_NAME_MAX + 1];
	uint32_t lease_s;
	unsigned listeners_n;
	char listeners[RELAY_LISTENERS_MAX][WIRE_NAME_MAX + 1];
};
/* Length, or -EMSGSIZE. */
int relay_request_encode(const struct relay_request *q, uint8_t *dst, size_t cap);
int relay_request_decode(const uint8_t *p, size_t len, struct relay_request *out);

/* The answer is CBOR [status, lease in s]. */
enum relay_status {
	RELAY_OK = 0,
	RELAY_OTHER_IDENTITY = 1, /* held by, or reserved for another identity */
	RELAY_OTHER_NODE = 2,	  /* held by another node of the identity, which is connected */
	RELAY_NAME_IN_USE = 3,	  /* a service or listener of the relay */
	RELAY_TOO_MANY = 4,
	RELAY_BAD_NAME = 5,
};
size_t relay_answer_encode(
	uint8_t dst[static RELAY_ANSWER_MAX], enum relay_status status, uint32_t lease_s);
int relay_answer_decode(const uint8_t *p, size_t len, uint8_t *status, uint32_t *lease_s);

/* relay_names.c */
void relay_names_fini(struct node *n);
void relay_names_on_channel_gone(struct node *n, struct channel *ch);

/* registration.c */
void registrations_fini(struct node *n);
void registrations_on_channel_gone(struct node *n, struct channel *ch);
void registrations_tick(struct node *n);
uint64_t registrations_deadline(const struct node *n);

#endif
