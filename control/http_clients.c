// SPDX-License-Identifier: Apache-2.0
/*
 * To end a connection its socket is shut down, which libmicrohttpd then sees: the descriptor stays
 * its own.
 */
#include "http_clients.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>

struct http_client {
	int fd;
	bool trusted, ended;
	uint64_t until_ms;
	struct http_client *next;
};

static int descriptor_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	return info ? info->connect_fd : -1;
}

static void unlink_stranger(struct http_clients *all, struct http_client *h)
{
	struct http_client **pp = &all->strangers;
	while (*pp && *pp != h)
		pp = &(*pp)->next;
	if (!*pp)
		return;
	*pp = h->next;
	all->n--;
}

/* It stays in libmicrohttpd's hands until that has seen the end. */
static void end(struct http_clients *all, struct http_client *h)
{
	unlink_stranger(all, h);
	h->ended = true;
	all->refused++;
	shutdown(h->fd, SHUT_RDWR);
}

static struct http_client *oldest(const struct http_clients *all)
{
	struct http_client *h = all->strangers;
	while (h && h->next)
		h = h->next;
	return h;
}

void http_clients_came(
	struct http_clients *all, struct MHD_Connection *c, void **slot, uint64_t now_ms)
{
	int fd = descriptor_of(c);
	struct http_client *h = calloc(1, sizeof *h);
	*slot = h;
	if (!h) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	h->fd = fd;
	h->until_ms = now_ms + HTTP_STRANGER_MS;
	if (all->n == HTTP_STRANGERS_MAX)
		end(all, oldest(all));
	h->next = all->strangers;
	all->strangers = h;
	all->n++;
}

void http_clients_left(struct http_clients *all, void **slot)
{
	struct http_client *h = *slot;
	if (!h)
		return;
	*slot = NULL;
	if (!h->trusted && !h->ended)
		unlink_stranger(all, h);
	free(h);
}

void http_clients_trust(struct http_clients *all, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_client *h = info ? info->socket_context : NULL;
	if (!h || h->trusted || h->ended)
		return;
	unlink_stranger(all, h);
	h->trusted = true;
}

uint64_t http_clients_deadline(const struct http_clients *all)
{
	const struct http_client *h = oldest(all);
	return h ? h->until_ms : UINT64_MAX;
}

void http_clients_tick(struct http_clients *all, uint64_t now_ms)
{
	struct http_client *h;
	while ((h = oldest(all)) && h->until_ms <= now_ms)
		end(all, h);
}
