// SPDX-License-Identifier: Apache-2.0
/* socat at each station, a process for each connection. */
#include "chain.h"

#include <stdio.h>

static int station(
	struct tunnel *t, const struct chain *c, const char *name, uint16_t port, uint16_t to)
{
	char in[PATH_MAX * 2 + 256], out[PATH_MAX * 2 + 256], tls[PATH_MAX * 2 + 128];
	const char *argv[] = {"socat", "-b", "65536", in, out, NULL};
	snprintf(tls, sizeof tls,
		",cert=%s/%s.pem,cafile=%s/ca.pem,verify=1,openssl-min-proto-version=TLS1.3",
		c->dir, name, c->dir);
	bool tls_in = port != t->port, tls_out = to != t->target;
	snprintf(in, sizeof in, "%s:%u,bind=127.0.0.1,reuseaddr,fork,backlog=512,nodelay%s",
		tls_in ? "OPENSSL-LISTEN" : "TCP-LISTEN", port, tls_in ? tls : "");
	snprintf(out, sizeof out, "%s:127.0.0.1:%u,nodelay%s", tls_out ? "OPENSSL" : "TCP", to,
		tls_out ? tls : "");
	return tunnel_start(t, argv);
}

static int open_socat(struct bench *b, struct tunnel *t)
{
	struct chain c;
	int rc = chain_init(b, t, &c);
	return rc < 0 ? rc : chain_start(t, &c, station);
}

const struct tunnel_kind tunnel_socat = {
	"socat", {"socat TLS", "socat TLS, two in chain"}, {"socat", "openssl"}, open_socat};
