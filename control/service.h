/* SPDX-License-Identifier: Apache-2.0 */
/* Local services that answer messages: uppercase, echo; hop and forwarding_service by name. */
#ifndef OCKAM_SERVICE_H
#define OCKAM_SERVICE_H

#include "channel.h"

/* Answers into *reply (heap, freed by the caller). 0; or an enum reset_code and `text` for an error reply. */
typedef uint8_t service_fn(struct node *n, struct channel *from /* NULL: plain */, const uint8_t *payload, size_t len,
	uint8_t **reply, size_t *reply_len, char text[static WIRE_ERROR_TEXT_MAX + 1]);

struct service {
	char addr[WIRE_NAME_MAX + 1];
	const char *type; /* "uppercase", "echo", "hop", "forwarding_service" */
	bool plain;	  /* reachable without a channel */
	service_fn *fn;	  /* NULL: hop */
	struct service *next;
};

struct services *services_new(void); /* with the default ones */
void services_free(struct node *n);
/* -ENOENT unknown type, -EEXIST address taken (by a listener too), -EINVAL. addr NULL: the type's name. */
int service_start(struct node *n, const char *type, const char *addr, struct service **out);
int service_stop(struct node *n, const char *addr);
struct service *service_get(struct node *n, const char *addr);
struct service *services_first(struct node *n);

#endif
