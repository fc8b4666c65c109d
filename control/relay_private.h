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
	RELAY_WAYS_MAX = 4, /* channels of a registrant that lead to one name, each on a link of its own */
};

struct relay_name;
struct reg;

struct relays {
	struct relay_name *names; /* as relay */
	struct reg *regs;	  /* as registrant */
	struct reg *dying; /* released; their channels are closed when the relay has answered */
};

/*
 * REGISTER is CBOR [1, name, lease in s, [listener...]], release is [2, name]. Join is [3, name, lease in
 * s, way]: one more way, 1 to RELAY_WAYS_MAX - 1, to the node that has registered the name.
 */
enum relay_op { RELAY_REGISTER = 1, RELAY_RELEASE = 2, RELAY_JOIN = 3 };
struct relay_request {
	enum relay_op op;
	char name[WIRE_NAME_MAX + 1];
	uint32_t lease_s;
	unsigned way;
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
	RELAY_NOT_HELD = 6, /* join: nobody has registered it, or not any more */
};
size_t relay_answer_encode(
	uint8_t dst[static RELAY_ANSWER_MAX], enum relay_status status, uint32_t lease_s);
int relay_answer_decode(const uint8_t *p, size_t len, uint8_t *status, uint32_t *lease_s);

/* relay_names.c */
void relay_names_fini(struct node *n);
void relay_names_on_channel_gone(struct node *n, struct channel *ch);

/* registration.c, with what registration_way.c has to know of it */
bool registration_is_up(const struct registration *r);
void registrations_fini(struct node *n);
void registrations_on_channel_gone(struct node *n, struct channel *ch);
void registrations_tick(struct node *n);
uint64_t registrations_deadline(const struct node *n);

/*
 * registration_way.c: the ways of a registration beside its own channel. Each is a hidden channel on a
 * link of its own that joins the names its registration holds.
 */
struct registration_way {
	struct registration *r;
	unsigned number;
	struct channel *channel;	 /* NULL: none */
	struct message_request *request; /* NULL: none is unanswered */
	unsigned step;			 /* which of the names it joins */
};
/* Those of before control was started again. */
void ways_claim(struct node *n, struct registration *r);
/* The registration is up, or was renewed: they are opened, and join (again). */
void ways_join(struct node *n, struct registration *r);
/* Stops asking; closes their channels, which can not be done from the channel's own callbacks. */
void ways_quiet(struct node *n, struct registration *r);
void ways_close(struct node *n, struct registration *r);
void ways_on_channel_up(struct node *n, struct registration *r, struct channel *ch);
void ways_on_channel_gone(struct node *n, struct registration *r, struct channel *ch);
bool ways_have(const struct registration *r, const struct channel *ch);

#endif
