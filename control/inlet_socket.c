// SPDX-License-Identifier: Apache-2.0
#include "inlet_socket.h"

#include "tcp_listener.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct inlet_socket {
	struct inlet_socket *next;
	uint32_t portal;
	int fd;
	char address[TCP_ADDRESS_TEXT];
};

void inlet_socket_adopt(struct program *p, uint32_t portal, int fd)
{
	struct tcp_address a = {.len = 0};
	socklen_t len = sizeof a.any;
	struct inlet_socket *s = calloc(1, sizeof *s);
	if (!s || getsockname(fd, &a.sa, &len) < 0) {
		free(s);
		close(fd);
		return;
	}
	a.len = len;
	*s = (struct inlet_socket){.next = p->inlet_sockets, .portal = portal, .fd = fd};
	tcp_address_format(&a, s->address);
	p->inlet_sockets = s;
}

int inlet_socket_take(struct program *p, const char *address, uint32_t *portal)
{
	struct inlet_socket **pp = &p->inlet_sockets, *s;
	while (*pp && strcmp((*pp)->address, address))
		pp = &(*pp)->next;
	if (!(s = *pp))
		return -ENOENT;
	int fd = s->fd;
	*portal = s->portal;
	*pp = s->next;
	free(s);
	return fd;
}

void inlet_sockets_close(struct program *p)
{
	while (p->inlet_sockets) {
		struct inlet_socket *s = p->inlet_sockets;
		p->inlet_sockets = s->next;
		close(s->fd);
		free(s);
	}
}
