// SPDX-License-Identifier: Apache-2.0
#include "inlet_gate.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64 };

struct inlet_gate {
	uint32_t portal;
	int fd; /* listening; not ours */
	uv_poll_t poll;
	struct inlet_gate *next;
};

/* Closing with an unread end and no linger is a reset. */
static void turn_away(int fd)
{
	struct linger none = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	close(fd);
}

static void on_connection(uv_poll_t *h, int status, int events)
{
	struct inlet_gate *g = h->data;
	for (unsigned i = 0; i < BATCH; i++) {
		int fd = accept4(g->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		turn_away(fd);
	}
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void inlet_gate_set(void *ctx, uint32_t portal, int fd, bool refuse)
{
	struct program *p = ctx;
	struct inlet_gate **pp = &p->inlet_gates, *g;
	while (*pp && (*pp)->portal != portal)
		pp = &(*pp)->next;
	if (!refuse && (g = *pp)) {
		*pp = g->next;
		uv_close((uv_handle_t *)&g->poll, on_closed);
	}
	if (!refuse || *pp || !(g = calloc(1, sizeof *g)))
		return;
	g->portal = portal;
	g->fd = fd;
	g->poll.data = g;
	if (uv_poll_init(&p->uv, &g->poll, fd) < 0) {
		free(g);
		return;
	}
	uv_poll_start(&g->poll, UV_READABLE, on_connection);
	g->next = p->inlet_gates;
	p->inlet_gates = g;
}
