// SPDX-License-Identifier: Apache-2.0
/* coturn's turnserver, without passwords and only over UDP. */
#include "tunnel.h"
#include "via.h"

#include <stdio.h>

static int open_coturn(struct bench *b, const struct via_set *s, struct via *v)
{
	char port[16], db[PATH_MAX + 16], pid[PATH_MAX + 16];
	const char *argv[] = {"turnserver", "-n", "-z", "--no-tls", "--no-dtls", "--no-tcp",
		"--no-cli", "--no-stun-backward-compatibility", "--allow-loopback-peers",
		"--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--listening-port", port,
		"--db", db, "--pidfile", pid, "--log-file", "stdout", NULL};
	v->port = tunnel_free_port();
	snprintf(port, sizeof port, "%u", v->port);
	snprintf(db, sizeof db, "%s/turn.db", b->dir);
	snprintf(pid, sizeof pid, "%s/turn.pid", b->dir);
	return via_start(v, argv);
}

const struct via_kind via_coturn = {"coturn", VIA_UDP, VIA_TURN, "turnserver", open_coturn};
