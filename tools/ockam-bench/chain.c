// SPDX-License-Identifier: Apache-2.0
#include "chain.h"

#include "keys.h"

int chain_init(struct bench *b, struct tunnel *t, struct chain *c)
{
	t->port = tunnel_free_port();
	c->far = tunnel_free_port();
	c->relay = t->relayed ? tunnel_free_port() : 0;
	c->next = t->relayed ? c->relay : c->far;
	int rc = tunnel_dir(b, t, c->dir, sizeof c->dir);
	return rc < 0 ? rc : keys_tls(c->dir);
}

int chain_start(struct tunnel *t, const struct chain *c,
	int (*station)(struct tunnel *t, const struct chain *c, const char *name, uint16_t port,
		uint16_t to))
{
	int rc = station(t, c, "far", c->far, t->target);
	if (rc == 0 && t->relayed)
		rc = station(t, c, "relay", c->relay, c->far);
	return rc < 0 ? rc : station(t, c, "near", t->port, c->next);
}
