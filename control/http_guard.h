/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use the control API by TCP. A port of 127.0.0.1 is open to every user and every web page
 * of the machine: a request must show the node's token, in constant time compared, and name this
 * very server as its host, so that no page whose name was made to point here (DNS rebinding) gets
 * through; a browser's request from a page of another origin is refused as well. No answer allows
 * another origin anything (CORS). Only `HEAD /` needs no token.
 */
#ifndef OCKAM_HTTP_GUARD_H
#define OCKAM_HTTP_GUARD_H

#include "http_clients.h"
#include "reason.h"
#include "secret.h"

#include <stdbool.h>

enum http_verdict { HTTP_ADMITTED, HTTP_BAD_HOST, HTTP_NO_TOKEN };

struct http_guard {
	struct secret32 token;
	uint16_t port;
	struct http_clients *clients; /* are told who showed the token */
};

/* The token in a file (0600, of this user), made when there is none: 0, or negative errno and why.
 */
int http_token_load(const char *path, struct secret32 *out, struct reason *why);

enum http_verdict http_guard_ask(
	const struct http_guard *g, struct MHD_Connection *c, const char *method, const char *path);
/* "127.0.0.1:PORT" or "localhost:PORT"; without a port only when that is 80. NULL: not named. */
bool http_host_fits(const char *host, uint16_t port);
/* An Origin header: none, or this server's own. */
bool http_origin_fits(const char *origin, uint16_t port);
/* "Bearer TOKEN". */
bool http_token_fits(const char *authorization, const struct secret32 *token);

#endif
