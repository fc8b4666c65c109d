/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of the HTTP server. Any user of the machine can make one, so one that has not
 * shown the token lives for a few seconds only, however slowly it sends, and there are few of them:
 * the oldest goes when one more comes. One that has shown it is as good as one of control.sock. On
 * the loop's thread.
 */
#ifndef OCKAM_HTTP_CLIENTS_H
#define OCKAM_HTTP_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

struct MHD_Connection;
struct http_client;

enum {
	HTTP_STRANGERS_MAX = 32,
	HTTP_STRANGER_MS = 5000,
	HTTP_CONNECTIONS_MAX = 128, /* with those that are trusted */
};

struct http_clients {
	struct http_client *strangers; /* the newest first */
	unsigned n;		       /* of them */
	uint64_t refused;	       /* went for want of the token, or of room */
};

/* A connection was accepted, or is closed (before its descriptor is). */
void http_clients_came(
	struct http_clients *all, struct MHD_Connection *c, void **slot, uint64_t now_ms);
void http_clients_left(struct http_clients *all, void **slot);
void http_clients_trust(struct http_clients *all, struct MHD_Connection *c);
/* When the next one's time is over; UINT64_MAX: never. */
uint64_t http_clients_deadline(const struct http_clients *all);
void http_clients_tick(struct http_clients *all, uint64_t now_ms);

#endif
