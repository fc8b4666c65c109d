// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include "home.h"
#include "node_config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Why there is nobody to speak to. */
static int no_door(const struct client *c, int error)
{
	const struct dp *d = c->d;
	char path[PATH_MAX];
	int pid;
	if (error == EACCES || error == EPERM)
		return dp_fail(d, DP_REFUSED,
			"node %s is another user's: its data plane cannot be "
			"looked at from here",
			c->node);
	enum node_status status = node_status(d->home, c->node, &pid);
	bool known = !home_node_path(path, sizeof path, d->home, "nodes", c->node, NULL) &&
		     !access(path, F_OK);
	if (status == NODE_STOPPED && !known)
		return dp_fail(d, DP_NOT_FOUND,
			"NotFound: there is no node %s in %s; `ockam node list` shows those there "
			"are",
			c->node, d->home);
	if (status == NODE_STOPPED || status == NODE_FAILED)
		return dp_fail(d, DP_UNREACHABLE,
			"node %s is not running; start it with `ockam node start %s`", c->node,
			c->node);
	return dp_fail(d, DP_UNREACHABLE, "the data plane of node %s cannot be reached: %s",
		c->node, strerror(error));
}

int client_open(struct client *c, const struct dp *d, const char *node)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char path[PATH_MAX];
	c->d = d;
	c->node = node;
	c->seq = 0;
	int rc = home_node_path(path, sizeof path, d->home, "run", node, "admin.sock");
	if (rc < 0 || strlen(path) >= sizeof sa.sun_path)
		return dp_fail(
			d, DP_CONFIG, "the path of %.200s is too long for a socket", d->home);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return dp_fail(d, DP_IO, "no socket: %s", strerror(errno));
	if (connect(c->fd, (const struct sockaddr *)&sa, sizeof sa) == 0)
		return DP_OK;
	rc = errno;
	client_close(c);
	return no_door(c, rc);
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static int gone(const struct client *c)
{
	return dp_fail(c->d, DP_UNREACHABLE, "the data plane of node %s has ended", c->node);
}

/* One packet; its length in *len. */
static int packet(struct client *c, int wait_ms, size_t *len)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int n;
	do
		n = poll(&p, 1, wait_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return dp_fail(
			c->d, DP_UNREACHABLE, "the data plane of node %s does not answer", c->node);
	ssize_t got = recv(c->fd, c->packet, sizeof c->packet, 0);
	if (got < 0 &&
		errno == ECONNRESET) /* turned away, with our request unread: why comes next */
		got = recv(c->fd, c->packet, sizeof c->packet, MSG_DONTWAIT);
	if (got <= 0)
		return gone(c);
	*len = (size_t)got;
	return DP_OK;
}

static int not_understood(const struct client *c)
{
	return dp_fail(c->d, DP_DATA,
		"what the data plane of node %s says is not understood: is it of another version?",
		c->node);
}

/* The sentence of the data plane, with the attribute that it found wrong. */
static int refused(
	const struct client *c, const struct admin_msg *request, const struct admin_msg *ack)
{
	const char *object =
		request ? admin_objects[admin_object_of(request->type)].name : "data plane";
	if (ack->error == -ENOENT) {
		char keys[160] = "";
		size_t n = 0;
		for (unsigned a = 1; request && a < ADMIN_A_END; a++)
			if (request->has & admin_objects[admin_object_of(request->type)].keys &
					ADMIN_HAS(a) &&
				n < sizeof keys)
				n += (size_t)snprintf(keys + n, sizeof keys - n, " %s %llu",
					admin_attrs[a].name, (unsigned long long)request->v[a].n);
		return dp_fail(c->d, DP_NOT_FOUND, "NotFound: node %s has no%s%s", c->node,
			strncmp(keys + 1, object, strlen(object)) ? " such" : "", keys);
	}
	return dp_fail(c->d, dp_code(ack->error), "the %s of node %s: %s", object, c->node,
		ack->why ? ack->why : strerror(-ack->error));
}

/* Handles one packet of an answer; *through when it was the last. */
static int take(struct client *c, const struct admin_msg *request, size_t len, row_fn *fn,
	void *ctx, bool *interrupted, bool *through)
{
	struct admin_msg m;
	for (size_t off = 0; off < len && !*through;) {
		int n = admin_decode_answer(&m, c->packet + off, len - off), rc = DP_OK;
		if (n < 0)
			return not_understood(c);
		off += (size_t)n;
		if (m.type == ADMIN_ACK && (m.seq == request->seq || !m.seq)) {
			*through = true;
			if (m.error)
				return refused(c, request, &m);
		} else if (m.seq == request->seq && m.type != ADMIN_OVERRUN) {
			*interrupted |= m.interrupted;
			*through = m.type == ADMIN_DONE;
			rc = *through || !fn ? DP_OK : fn(ctx, c->node, &m);
		}
		if (rc)
			return rc;
	}
	return DP_OK;
}

int client_ask(
	struct client *c, struct admin_msg *request, row_fn *fn, void *ctx, bool *interrupted)
{
	_Alignas(8) uint8_t buf[ADMIN_REQUEST_MAX];
	bool through = false, unused = false;
	request->seq = ++c->seq;
	int n = admin_encode(request, buf, 0, sizeof buf);
	if (n < 0)
		return dp_fail(c->d, DP_USAGE, "the request is too long");
	if (send(c->fd, buf, (size_t)n, MSG_NOSIGNAL) != n && errno != EPIPE && errno != ECONNRESET)
		return dp_fail(c->d, DP_IO, "cannot ask node %s: %s", c->node, strerror(errno));
	/* one that turns us away has said why */
	while (!through) {
		size_t len = 0;
		int rc = packet(c, CLIENT_WAIT_MS, &len);
		if (rc == DP_OK)
			rc = take(c, request, len, fn, ctx, interrupted ? interrupted : &unused,
				&through);
		if (rc)
			return rc;
	}
	return DP_OK;
}

int client_events(struct client *c, row_fn *fn, void *ctx)
{
	struct admin_msg m;
	size_t len = 0;
	int rc = packet(c, -1, &len);
	for (size_t off = 0; rc == DP_OK && off < len;) {
		int n = admin_decode_answer(&m, c->packet + off, len - off);
		if (n < 0)
			return not_understood(c);
		off += (size_t)n;
		rc = fn(ctx, c->node, &m);
	}
	return rc;
}
