// SPDX-License-Identifier: Apache-2.0
/* HAProxy in TCP mode at each station, TLS between them. */
#include "chain.h"

#include <stdio.h>

static int station(
	struct tunnel *t, const struct chain *c, const char *name, uint16_t port, uint16_t to)
{
	char config[PATH_MAX + 32], file[32],
		tls_in[PATH_MAX * 2 + 128] = "", tls_out[PATH_MAX * 2 + 128] = "";
	const char *argv[] = {"haproxy", "-db", "-f", config, NULL};
	if (port != t->port)
		snprintf(tls_in, sizeof tls_in,
			" ssl crt %s/%s.pem ca-file %s/ca.pem verify required"
			" ssl-min-ver TLSv1.3",
			c->dir, name, c->dir);
	if (to != t->target)
		snprintf(tls_out, sizeof tls_out,
			" ssl crt %s/%s.pem ca-file %s/ca.pem verify required"
			" verifyhost localhost ssl-min-ver TLSv1.3",
			c->dir, name, c->dir);
	snprintf(file, sizeof file, "%s.cfg", name);
	snprintf(config, sizeof config, "%s/%s", c->dir, file);
	int rc = tunnel_write(c->dir, file,
		"global\n    maxconn 4000\n"
		"defaults\n    mode tcp\n    option splice-auto\n    timeout connect 5s\n"
		"    timeout client 1h\n    timeout server 1h\n"
		"listen station\n    bind 127.0.0.1:%u%s\n    server next 127.0.0.1:%u%s\n",
		port, tls_in, to, tls_out);
	return rc < 0 ? rc : tunnel_start(t, argv);
}

static int open_haproxy(struct bench *b, struct tunnel *t)
{
	struct chain c;
	int rc = chain_init(b, t, &c);
	return rc < 0 ? rc : chain_start(t, &c, station);
}

const struct tunnel_kind tunnel_haproxy = {"haproxy", {"HAProxy TLS", "HAProxy TLS, two in chain"},
	{"haproxy", "openssl"}, open_haproxy};
