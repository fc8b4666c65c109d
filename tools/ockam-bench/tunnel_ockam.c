// SPDX-License-Identifier: Apache-2.0
/* A portal: an inlet and an outlet at two nodes, the channels by way of a relay node or not. */
#include "node.h"
#include "tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct names {
	const char *near, *far, *relay;
};

static const struct names names[2] = {{"near", "far", NULL}, {"near-r", "far-r", "relay"}};

static int node(struct bench *b, struct tunnel *t, const char *name)
{
	struct node_info info;
	int rc = node_create(b, name, &info);
	if (rc < 0)
		return rc;
	tunnel_adopt(t, info.control);
	tunnel_adopt(t, info.dataplane);
	return 0;
}

static int nodes(struct bench *b, struct tunnel *t, const struct names *n)
{
	int rc = node(b, t, n->near);
	if (rc == 0)
		rc = node(b, t, n->far);
	if (rc < 0 || !t->relayed)
		return rc;
	rc = node(b, t, n->relay);
	const char *args[] = {"relay", "create", n->far, "--at", n->relay, "--to", n->far, NULL};
	return rc < 0 ? rc : node_command(b, args, NULL, 0, NULL);
}

static int outlet(struct bench *b, const struct tunnel *t, const struct names *n)
{
	char to[32];
	const char *args[] = {"tcp-outlet", "create", "--at", n->far, "--to", to, NULL};
	snprintf(to, sizeof to, "127.0.0.1:%u", t->target);
	return node_command(b, args, NULL, 0, NULL);
}

static int inlet(struct bench *b, struct tunnel *t, const struct names *n)
{
	char to[128], bound[128];
	const char *args[] = {"tcp-inlet", "create", "--at", n->near, "--to", to, NULL};
	if (t->relayed)
		snprintf(to, sizeof to, "/node/%s/service/forward_to_%s/secure/api/service/outlet",
			n->relay, n->far);
	else
		snprintf(to, sizeof to, "/node/%s/secure/api/service/outlet", n->far);
	int rc = node_command(b, args, bound, sizeof bound, NULL);
	const char *colon = rc < 0 ? NULL : strrchr(bound, ':');
	if (!colon)
		return rc < 0 ? rc : -EPROTO;
	t->port = (uint16_t)strtoul(colon + 1, NULL, 10);
	return 0;
}

static int open_ockam(struct bench *b, struct tunnel *t)
{
	const struct names *n = &names[t->relayed];
	int rc = node_home(b, "portal");
	if (rc == 0)
		rc = nodes(b, t, n);
	if (rc == 0)
		rc = outlet(b, t, n);
	return rc < 0 ? rc : inlet(b, t, n);
}

const struct tunnel_kind tunnel_ockam = {
	"ockam", {"ockam portal", "ockam portal, one relay"}, {NULL}, open_ockam};
