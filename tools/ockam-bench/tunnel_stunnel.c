// SPDX-License-Identifier: Apache-2.0
/* stunnel at each station. */
#include "chain.h"

#include <stdio.h>

#define GLOBAL                                                                                     \
	"foreground = quiet\npid =\nsyslog = no\ndebug = 3\noutput = /dev/null\n"                  \
	"socket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\nsslVersionMin = TLSv1.3\n"            \
	"CAfile = %s/ca.pem\ncert = %s/%s.pem\nverifyChain = yes\n"
#define ENTER "[enter]\nclient = yes\naccept = %s\nconnect = 127.0.0.1:%u\ncheckIP = 127.0.0.1\n"
#define LEAVE "[leave]\naccept = 127.0.0.1:%u\nconnect = %s\nrequireCert = yes\n"

/* A relay is both services in one process, with a Unix socket from the one to the other. */
static int config(
	const struct tunnel *t, const struct chain *c, const char *name, uint16_t port, uint16_t to)
{
	char file[32], end[PATH_MAX];
	snprintf(file, sizeof file, "%s.conf", name);
	if (port == t->port) {
		snprintf(end, sizeof end, "127.0.0.1:%u", port);
		return tunnel_write(c->dir, file, GLOBAL ENTER, c->dir, c->dir, name, end, to);
	}
	if (to == t->target) {
		snprintf(end, sizeof end, "127.0.0.1:%u", to);
		return tunnel_write(c->dir, file, GLOBAL LEAVE, c->dir, c->dir, name, port, end);
	}
	snprintf(end, sizeof end, "%s/inside", c->dir);
	return tunnel_write(
		c->dir, file, GLOBAL LEAVE ENTER, c->dir, c->dir, name, port, end, end, to);
}

static int station(
	struct tunnel *t, const struct chain *c, const char *name, uint16_t port, uint16_t to)
{
	char path[PATH_MAX];
	const char *argv[] = {"stunnel4", path, NULL};
	snprintf(path, sizeof path, "%s/%s.conf", c->dir, name);
	int rc = config(t, c, name, port, to);
	return rc < 0 ? rc : tunnel_start(t, argv);
}

static int open_stunnel(struct bench *b, struct tunnel *t)
{
	struct chain c;
	int rc = chain_init(b, t, &c);
	return rc < 0 ? rc : chain_start(t, &c, station);
}

const struct tunnel_kind tunnel_stunnel = {
	"stunnel", {"stunnel", "stunnel, two in chain"}, {"stunnel4", "openssl"}, open_stunnel};
