// SPDX-License-Identifier: Apache-2.0
#include "takeover.h"

#include "inlet_socket.h"
#include "keys.h"
#include "log.h"
#include "seam_client.h"
#include "tcp_listener.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	DUMP_MS = 10000,
	KEPT_MAX = 8 << 20, /* bytes of events that come before the node is there */
};

/* A datagram that came in the middle of the dump. */
struct kept {
	struct kept *next;
	size_t len;
	uint8_t bytes[];
};

struct takeover {
	struct adoption *adoption;
	struct kept *kept, **tail;
	size_t size;
};

void takeover_free(struct takeover *t)
{
	if (!t)
		return;
	while (t->kept) {
		struct kept *k = t->kept;
		t->kept = k->next;
		free(k);
	}
	adoption_free(t->adoption);
	free(t);
}

static struct takeover *takeover_new(void)
{
	struct takeover *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->tail = &t->kept;
	t->adoption = adoption_new();
	if (t->adoption)
		return t;
	free(t);
	return NULL;
}

/* Frames and messages may be lost, news of what ended may not. */
static int keep(struct takeover *t, const struct seam_msg *m, const uint8_t *buf, size_t len)
{
	if (t->size + len > KEPT_MAX)
		return m->cmd == SEAM_FRAME || m->cmd == SEAM_MSG ? 0 : -ENOBUFS;
	struct kept *k = malloc(sizeof *k + len);
	if (!k)
		return -ENOMEM;
	k->next = NULL;
	k->len = len;
	memcpy(k->bytes, buf, len);
	*t->tail = k;
	t->tail = &k->next;
	t->size += len;
	return 0;
}

static int send_dump(int seam)
{
	uint8_t buf[64];
	struct seam_msg m = {.cmd = SEAM_DUMP, .want_ack = true, .seq = UINT32_MAX - 1, .fd = -1};
	int n = seam_encode(&m, buf, sizeof buf);
	return n < 0 ? n : seam_send(seam, buf, (size_t)n, -1);
}

/* One datagram. 1: the dump is complete. */
static int take(struct takeover *t, const uint8_t *buf, size_t len, int fd)
{
	struct seam_msg m;
	int rc = seam_decode(&m, buf, len, true);
	m.fd = fd;
	if (rc == 0 && m.seq == UINT32_MAX - 1 && m.cmd != SEAM_ACK)
		return adoption_take(t->adoption, &m);
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		return rc;
	if (m.cmd == SEAM_ACK)
		return m.seq != UINT32_MAX - 1 ? 0 : m.error ? m.error : 1;
	return m.seq ? 0 : keep(t, &m, buf, len);
}

static int read_dump(struct takeover *t, int seam)
{
	static uint8_t buf[SEAM_MSG_MAX];
	int rc = send_dump(seam);
	while (rc >= 0 && rc != 1) {
		struct pollfd pfd = {.fd = seam, .events = POLLIN};
		int fd = -1, n = poll(&pfd, 1, DUMP_MS);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ETIMEDOUT;
		n = seam_recv(seam, buf, sizeof buf, &fd);
		if (n == -EAGAIN)
			continue;
		if (n <= 0)
			return n ? n : -EPIPE;
		rc = take(t, buf, (size_t)n, fd);
	}
	return rc < 0 ? rc : 0;
}

int takeover_start(struct program *p, struct takeover **out, struct dataplane_info *info)
{
	struct reason why;
	int seam = dataplane_adopt(p, &why);
	if (seam == -ESRCH)
		return seam;
	struct takeover *t = seam >= 0 ? takeover_new() : NULL;
	int rc = seam < 0 ? seam : !t ? -ENOMEM : dataplane_greet(p, seam, info, &why);
	if (rc == 0)
		rc = read_dump(t, seam);
	if (rc == 0) {
		*out = t;
		return seam;
	}
	log_warn("the data plane that is there cannot be taken over (%s): it is replaced",
		strerror(-rc));
	if (seam >= 0)
		close(seam);
	dataplane_let_go(p);
	takeover_free(t);
	return rc;
}

static struct handshake_keys *keys_of(void *ctx, const char *identity)
{
	struct handshake_keys *keys = NULL;
	struct reason why;
	return keys_load_other(ctx, identity, &keys, &why) < 0 ? NULL : keys;
}

void takeover_apply(struct program *p, struct takeover *t, const struct dataplane_info *info)
{
	uint32_t id;
	int fd;
	adopt_numbers(p->node, &info->highest);
	p->last_listener = info->highest.listener;
	adopt_apply(p->node, t->adoption, keys_of, p);
	while ((fd = adoption_listener(t->adoption, &id)) >= 0)
		tcp_listener_adopt(p, id, fd);
	while ((fd = adoption_portal(t->adoption, &id)) >= 0)
		inlet_socket_adopt(p, id, fd);
}

void takeover_finish(struct program *p, struct takeover *t)
{
	adopt_done(p->node);
	tcp_listeners_adopted(p);
	inlet_sockets_close(p);
	for (struct kept *k = t->kept; k; k = k->next)
		seam_input(p->node, k->bytes, k->len);
}
