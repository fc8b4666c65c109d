/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the real ockam-dataplane and those who look at it: its operators' door beside what
 * dataplane_ctl.h gives. Includes cmocka.
 */
#ifndef OCKAM_ADMIN_CTL_H
#define OCKAM_ADMIN_CTL_H

#include "admin.h"
#include "dataplane_ctl.h"

#include <fcntl.h>

static struct sockaddr_un door;
static socklen_t door_len;

static inline int admin_set_up(void **state)
{
	door = (struct sockaddr_un){.sun_family = AF_UNIX};
	door_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			       (size_t)snprintf(door.sun_path + 1, sizeof door.sun_path - 1,
				       "ockam-admin-%d-%d", getpid(), rand()));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	admin_listener = fcntl(fd, F_DUPFD_CLOEXEC, 20); /* not where the program gets its own */
	close(fd);
	assert_int_equal(bind(admin_listener, (struct sockaddr *)&door, door_len), 0);
	assert_int_equal(listen(admin_listener, 32), 0);
	int rc = set_up(state);
	close(admin_listener);
	return rc;
}

static inline int client(void)
{
	struct timeval tv = {.tv_sec = TIMEOUT_MS / 1000};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	assert_int_equal(connect(fd, (struct sockaddr *)&door, door_len), 0);
	return fd;
}

static inline void ask(int fd, const struct admin_msg *m)
{
	_Alignas(8) uint8_t buf[ADMIN_REQUEST_MAX];
	int n = admin_encode(m, buf, 0, sizeof buf);
	assert_true(n > 0);
	assert_int_equal(send(fd, buf, (size_t)n, MSG_NOSIGNAL), n);
}

/* It may be turned away before. */
static inline void try_ask(int fd, const struct admin_msg *m)
{
	_Alignas(8) uint8_t buf[ADMIN_REQUEST_MAX];
	int n = admin_encode(m, buf, 0, sizeof buf);
	(void)!send(fd, buf, (size_t)n, MSG_NOSIGNAL);
}

static inline struct admin_msg get(enum admin_object o, bool dump)
{
	return (struct admin_msg){.type = admin_type(o, ADMIN_GET), .dump = dump, .seq = 1};
}

/* The next packet; its length. */
static inline size_t packet(int fd, uint8_t *buf)
{
	ssize_t n = recv(fd, buf, ADMIN_PACKET, 0);
	if (n < 0 &&
		errno == ECONNRESET) /* turned away, with what we said unread: why comes next */
		n = recv(fd, buf, ADMIN_PACKET, 0);
	assert_true(n > 0);
	return (size_t)n;
}

/* Hands over what a dump gives; true when it was interrupted. */
static inline bool dump(int fd, const struct admin_msg *request,
	void (*fn)(void *, const struct admin_msg *), void *ctx)
{
	static _Thread_local _Alignas(8) uint8_t buf[ADMIN_PACKET];
	bool interrupted = false;
	ask(fd, request);
	for (;;) {
		size_t len = packet(fd, buf);
		for (size_t off = 0; off < len;) {
			struct admin_msg m;
			int n = admin_decode_answer(&m, buf + off, len - off);
			assert_true(n > 0);
			off += (size_t)n;
			interrupted |= m.interrupted;
			if (m.type == ADMIN_DONE)
				return interrupted;
			assert_int_equal(m.type, request->type - ADMIN_GET + ADMIN_ROW);
			assert_true(m.multi);
			fn(ctx, &m);
		}
	}
}

static inline int answer(int fd, const struct admin_msg *request, struct admin_msg *row)
{
	static _Alignas(8) uint8_t buf[ADMIN_PACKET];
	ask(fd, request);
	size_t len = packet(fd, buf);
	struct admin_msg m;
	for (size_t off = 0; off < len;) {
		int n = admin_decode_answer(&m, buf + off, len - off);
		assert_true(n > 0);
		off += (size_t)n;
		if (m.type != ADMIN_ACK && row)
			*row = m;
	}
	assert_int_equal(m.type, ADMIN_ACK);
	return m.error;
}

/* A neighbour connects; its link is up. */
static inline int neighbour(struct dp *d, uint32_t *link)
{
	struct timeval tv = {.tv_sec = TIMEOUT_MS / 1000};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	assert_int_equal(connect(s, (struct sockaddr *)&d->addr, sizeof d->addr), 0);
	hello(s);
	*link = wait_event(d, SEAM_LINK_NEW).link;
	assert_int_equal(wait_event(d, SEAM_FRAME).link, *link);
	assert_int_equal(link_up(d, *link), 0);
	return s;
}

static inline struct seam_msg row_msg(uint16_t cmd, uint32_t link, uint32_t label, uint32_t out)
{
	return (struct seam_msg){.cmd = cmd,
		.fd = -1,
		.link = link,
		.label = label,
		.out_link = out,
		.has = H(LINK) | H(LABEL) | (out ? H(OUT_LINK) : 0)};
}

/* Many rows, without waiting for each: label i of link `in` leaves by `out`. */
static inline void rows_add(struct dp *d, uint32_t in, uint32_t out, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct seam_msg m = row_msg(SEAM_LABEL_ADD, in, from + i, out);
		m.want_ack = i % 64 == 63 || i + 1 == n;
		m.seq = ++d->seq;
		post(d, m, -1);
		while (m.want_ack) {
			struct seam_msg a = next_message(d);
			if (a.cmd == SEAM_ACK && a.seq == m.seq) {
				assert_int_equal(a.error, 0);
				break;
			}
		}
	}
}

#define A(f) cmocka_unit_test_setup_teardown(f, admin_set_up, tear_down)

#endif
