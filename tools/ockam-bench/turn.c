// SPDX-License-Identifier: Apache-2.0
#include "turn.h"

#include "bytes.h"

#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

enum {
	HEADER = 20,
	MAGIC = 0x2112a442,
	ALLOCATE = 0x003,
	CHANNEL_BIND = 0x009,
	SUCCESS = 0x100,
	CHANNEL_NUMBER = 0x00c,
	LIFETIME = 0x00d,
	XOR_PEER_ADDRESS = 0x012,
	XOR_RELAYED_ADDRESS = 0x016,
	REQUESTED_TRANSPORT = 0x019,
	UDP_PROTOCOL = 17,
	LIFETIME_S = 3600,
	FAMILY_IPV4 = 1,
	MESSAGE_MAX = 512,
	TRIES = 10,
};

struct message {
	uint8_t b[MESSAGE_MAX];
	size_t len;
};

static void begin(struct message *m, uint16_t type)
{
	put_be16(m->b, type);
	put_be16(m->b + 2, 0);
	put_be32(m->b + 4, MAGIC);
	randombytes_buf(m->b + 8, 12); /* of this transaction */
	m->len = HEADER;
}

static void attribute(struct message *m, uint16_t type, const uint8_t *value, uint16_t len)
{
	put_be16(m->b + m->len, type);
	put_be16(m->b + m->len + 2, len);
	memcpy(m->b + m->len + 4, value, len);
	m->len += 4u + len;
	put_be16(m->b + 2, (uint16_t)(m->len - HEADER));
}

static void attribute_u32(struct message *m, uint16_t type, uint32_t value)
{
	uint8_t v[4];
	put_be32(v, value);
	attribute(m, type, v, sizeof v);
}

/* Sends it until the answer comes. */
static int ask(int fd, const struct message *m, struct message *answer)
{
	for (unsigned i = 0; i < TRIES; i++) {
		if (send(fd, m->b, m->len, MSG_NOSIGNAL) < 0 && errno != ECONNREFUSED)
			return -errno;
		ssize_t n = recv(fd, answer->b, sizeof answer->b, 0);
		if (n < HEADER || memcmp(answer->b + 8, m->b + 8, 12))
			continue;
		answer->len = (size_t)n;
		if (get_be16(answer->b) != (get_be16(m->b) | SUCCESS))
			return -EACCES;
		return get_be16(answer->b + 2) + (size_t)HEADER == answer->len ? 0 : -EPROTO;
	}
	return -ETIMEDOUT;
}

static int relayed_port_of(const struct message *m, uint16_t *port)
{
	for (size_t at = HEADER; at + 4 <= m->len;) {
		size_t len = get_be16(m->b + at + 2), next = at + 4 + (len + 3) / 4 * 4;
		if (get_be16(m->b + at) == XOR_RELAYED_ADDRESS && len >= 8 && at + 8 <= m->len) {
			*port = get_be16(m->b + at + 6) ^ (MAGIC >> 16);
			return 0;
		}
		at = next;
	}
	return -EPROTO;
}

int turn_open(int fd, uint16_t peer_port, uint16_t *relayed_port)
{
	struct message m, answer;
	uint8_t peer[8] = {0, FAMILY_IPV4};
	begin(&m, ALLOCATE);
	attribute_u32(&m, REQUESTED_TRANSPORT, (uint32_t)UDP_PROTOCOL << 24);
	attribute_u32(&m, LIFETIME, LIFETIME_S);
	int rc = ask(fd, &m, &answer);
	if (rc == 0)
		rc = relayed_port_of(&answer, relayed_port);
	if (rc < 0)
		return rc;
	put_be16(peer + 2, (uint16_t)(peer_port ^ (MAGIC >> 16)));
	put_be32(peer + 4, INADDR_LOOPBACK ^ (uint32_t)MAGIC);
	begin(&m, CHANNEL_BIND);
	attribute_u32(&m, CHANNEL_NUMBER, (uint32_t)TURN_CHANNEL << 16);
	attribute(&m, XOR_PEER_ADDRESS, peer, sizeof peer);
	return ask(fd, &m, &answer);
}

void turn_prefix(uint8_t dst[static TURN_PREFIX], uint16_t len)
{
	put_be16(dst, TURN_CHANNEL);
	put_be16(dst + 2, len);
}
