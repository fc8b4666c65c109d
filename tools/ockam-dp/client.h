/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to a node's data plane: requests, and rows that come part by part. Functions
 * return an exit code and have then said why.
 */
#ifndef OCKAM_DP_CLIENT_H
#define OCKAM_DP_CLIENT_H

#include "admin.h"
#include "dp.h"

enum { CLIENT_WAIT_MS = 10000 };

struct client {
	const struct dp *d;
	const char *node;
	int fd;
	uint32_t seq;
	_Alignas(8) uint8_t packet[ADMIN_PACKET];
};

/* Which node is meant when none is said; dst of 65 bytes. */
int node_default(const struct dp *d, char dst[static 65]);
/* Calls fn with each node of the home whose data plane runs, in order of their names. */
int nodes_each(const struct dp *d, int (*fn)(void *ctx, const char *node), void *ctx);

int client_open(struct client *c, const struct dp *d, const char *node);
void client_close(struct client *c);

/* What is done with a row, or an event; not 0: an exit code that ends it. Texts borrow. */
typedef int row_fn(void *ctx, const char *node, const struct admin_msg *row);

/* Sends a request and hands over its rows, until it is answered. *interrupted (may be NULL): the
 * table changed while it was walked. */
int client_ask(
	struct client *c, struct admin_msg *request, row_fn *fn, void *ctx, bool *interrupted);
/* Reads one packet that came by itself; DP_UNREACHABLE: the data plane has gone. An OVERRUN is
 * handed over too. */
int client_events(struct client *c, row_fn *fn, void *ctx);

#endif
