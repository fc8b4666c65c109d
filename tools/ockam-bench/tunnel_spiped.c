// SPDX-License-Identifier: Apache-2.0
/* spiped with a key that both ends share; a chain of two has a station that knows both keys. */
#include "keys.h"
#include "tunnel.h"

#include <stdio.h>

/* Way "-e" into a tunnel, "-d" out of it. */
static int half(
	struct tunnel *t, const char *way, const char *from, const char *to, const char *key)
{
	const char *argv[] = {
		"spiped", way, "-F", "-s", from, "-t", to, "-k", key, "-n", "4000", NULL};
	return tunnel_start(t, argv);
}

static int open_spiped(struct bench *b, struct tunnel *t)
{
	char dir[PATH_MAX], key[PATH_MAX + 8], inside[PATH_MAX + 8], near[32], relay[32], far[32],
		target[32];
	int rc = tunnel_dir(b, t, dir, sizeof dir);
	if (rc == 0)
		rc = keys_shared(dir);
	t->port = tunnel_free_port();
	snprintf(key, sizeof key, "%s/key", dir);
	snprintf(inside, sizeof inside, "%s/inside", dir);
	snprintf(near, sizeof near, "[127.0.0.1]:%u", t->port);
	snprintf(relay, sizeof relay, "[127.0.0.1]:%u", tunnel_free_port());
	snprintf(far, sizeof far, "[127.0.0.1]:%u", tunnel_free_port());
	snprintf(target, sizeof target, "[127.0.0.1]:%u", t->target);
	if (rc == 0)
		rc = half(t, "-d", far, target, key);
	if (rc == 0 && t->relayed)
		rc = half(t, "-e", inside, far, key);
	if (rc == 0 && t->relayed)
		rc = half(t, "-d", relay, inside, key);
	return rc < 0 ? rc : half(t, "-e", near, t->relayed ? relay : far, key);
}

const struct tunnel_kind tunnel_spiped = {
	"spiped", {"spiped", "spiped, two in chain"}, {"spiped"}, open_spiped};
