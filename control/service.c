// SPDX-License-Identifier: Apache-2.0
#include "service.h"

#include "listener.h"
#include "outlet.h"
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct services {
	struct service *first; /* by address */
};

static uint8_t copy(const uint8_t *payload, size_t len, uint8_t **reply, size_t *reply_len)
{
	uint8_t *p = malloc(len ? len : 1);
	if (!p)
		return RESET_OVERRUN;
	if (len)
		memcpy(p, payload, len);
	*reply = p;
	*reply_len = len;
	return 0;
}

static uint8_t echo(struct node *n, struct channel *from, const uint8_t *payload, size_t len,
	uint8_t **reply, size_t *reply_len, char text[static WIRE_ERROR_TEXT_MAX + 1])
{
	return copy(payload, len, reply, reply_len);
}

/* ASCII letters only: what is not text passes unchanged. */
static uint8_t uppercase(struct node *n, struct channel *from, const uint8_t *payload, size_t len,
	uint8_t **reply, size_t *reply_len, char text[static WIRE_ERROR_TEXT_MAX + 1])
{
	uint8_t code = copy(payload, len, reply, reply_len);
	for (size_t i = 0; !code && i < len; i++)
		if ((*reply)[i] >= 'a' && (*reply)[i] <= 'z')
			(*reply)[i] -= 'a' - 'A';
	return code;
}

static const struct service types[] = {
	{.type = "echo", .plain = true, .fn = echo},
	{.type = "forwarding_service", .fn = relay_service},
	{.type = "hop", .plain = true},
	{.type = "uppercase", .plain = true, .fn = uppercase},
};
enum { TYPES = sizeof types / sizeof *types };

static struct service *service_add(
	struct services *ss, const struct service *type, const char *addr)
{
	struct service *s = malloc(sizeof *s);
	if (!s)
		return NULL;
	*s = *type;
	memcpy(s->addr, addr, strlen(addr) + 1);
	struct service **pp = &ss->first;
	while (*pp && strcmp((*pp)->addr, addr) < 0)
		pp = &(*pp)->next;
	s->next = *pp;
	*pp = s;
	return s;
}

static void free_all(struct services *ss)
{
	while (ss->first) {
		struct service *s = ss->first;
		ss->first = s->next;
		free(s);
	}
	free(ss);
}

struct services *services_new(void)
{
	struct services *ss = calloc(1, sizeof *ss);
	if (!ss)
		return NULL;
	for (unsigned i = 0; i < TYPES; i++)
		if (!service_add(ss, &types[i], types[i].type)) {
			free_all(ss);
			return NULL;
		}
	return ss;
}

void services_free(struct node *n)
{
	if (n->services)
		free_all(n->services);
	n->services = NULL;
}

int service_start(struct node *n, const char *type, const char *addr, struct service **out)
{
	unsigned i = 0;
	while (i < TYPES && strcmp(types[i].type, type))
		i++;
	if (i == TYPES)
		return -ENOENT;
	if (!addr)
		addr = type;
	if (!route_name_valid(addr))
		return -EINVAL;
	if (service_get(n, addr) || listener_get(n, addr) || outlet_get(n, addr) || relay_name_channel(n, addr))
		return -EEXIST;
	struct service *s = service_add(n->services, &types[i], addr);
	if (!s)
		return -ENOMEM;
	if (out)
		*out = s;
	return 0;
}

int service_stop(struct node *n, const char *addr)
{
	for (struct service **pp = &n->services->first; *pp; pp = &(*pp)->next) {
		struct service *s = *pp;
		if (strcmp(s->addr, addr))
			continue;
		*pp = s->next;
		free(s);
		return 0;
	}
	return -ENOENT;
}

struct service *service_get(struct node *n, const char *addr)
{
	struct service *s = n->services->first;
	while (s && strcmp(s->addr, addr))
		s = s->next;
	return s;
}

struct service *services_first(struct node *n)
{
	return n->services->first;
}
