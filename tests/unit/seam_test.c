// SPDX-License-Identifier: Apache-2.0
#include "seam.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

#define H(a) SEAM_HAS(SEAM_A_##a)

static struct seam_msg session_add(void)
{
	struct seam_msg m = {
		.cmd = SEAM_SESSION_ADD,
		.want_ack = true,
		.seq = 77,
		.has = H(SESSION) | H(SERIAL) | H(ROLE) | H(SUITE) | H(LINK) | H(LABEL) |
		       H(LABEL_TX) | H(FRAME_MAX) | H(CHAIN_RX) | H(CHAIN_TX) | H(EXPORTER) |
		       H(CLOSE),
		.fd = -1,
		.session = 5,
		.serial = 0x0102030405060708,
		.role = SEAM_RESPONDER,
		.suite = 2,
		.link = 4,
		.label = 0xfffffffe,
		.label_tx = 0x80000000,
		.frame_max = 65535,
		.close = 1,
	};
	memset(&m.chain_rx, 1, sizeof m.chain_rx);
	memset(&m.chain_tx, 2, sizeof m.chain_tx);
	memset(&m.exporter, 3, sizeof m.exporter);
	return m;
}

static void every_field_survives(void **state)
{
	uint8_t buf[1024];
	struct seam_msg m = session_add(), d;
	int n = seam_encode(&m, buf, sizeof buf);
	assert_true(n > 0);
	assert_int_equal(seam_decode(&d, buf, (size_t)n, false), 0);
	assert_int_equal(d.cmd, m.cmd);
	assert_true(d.want_ack);
	assert_int_equal(d.seq, 77);
	assert_true(d.has == m.has);
	assert_int_equal(d.fd, -1);
	assert_true(d.serial == m.serial);
	assert_int_equal(d.role, m.role);
	assert_true(d.label == m.label && d.label_tx == m.label_tx);
	assert_int_equal(d.frame_max, 65535);
	assert_memory_equal(&d.chain_rx, &m.chain_rx, 32);
	assert_memory_equal(&d.chain_tx, &m.chain_tx, 32);
	assert_memory_equal(&d.exporter, &m.exporter, 32);
	/* the data plane never sends it */
	assert_int_equal(seam_decode(&d, buf, (size_t)n, true), -EBADMSG);
}

static void unaligned_buffers_work(void **state)
{
	uint8_t buf[1024];
	struct seam_msg m = session_add(), d;
	int n = seam_encode(&m, buf + 1, sizeof buf - 1);
	assert_true(n > 0);
	assert_int_equal(seam_decode(&d, buf + 1, (size_t)n, false), 0);
	assert_true(d.serial == m.serial);
}

static void every_shorter_message_is_refused(void **state)
{
	uint8_t buf[1024], cut[1024];
	struct seam_msg m = session_add(), d;
	int n = seam_encode(&m, buf, sizeof buf);
	for (size_t i = 0; i < (size_t)n; i++) {
		assert_int_equal(seam_decode(&d, buf, i, false), -EBADMSG);
		/* also when the header agrees with the shorter length */
		memcpy(cut, buf, i);
		uint32_t len = (uint32_t)i;
		if (i >= sizeof len)
			memcpy(cut, &len, sizeof len);
		int rc = seam_decode(&d, cut, i, false);
		uint8_t zero[32] = {0};
		if (rc < 0)
			assert_memory_equal(&d.chain_tx, zero, 32);
		else /* only the optional last attributes were cut */
			assert_true(!(d.has & H(CLOSE)));
		if (i < (size_t)n)
			assert_int_equal(seam_encode(&m, cut, i), -EMSGSIZE);
	}
}

static void a_missing_attribute_is_refused(void **state)
{
	uint8_t buf[1024];
	struct seam_msg m = session_add();
	m.has &= ~H(SERIAL);
	assert_int_equal(seam_encode(&m, buf, sizeof buf), -EINVAL);
	m = (struct seam_msg){.cmd = SEAM_LINK_LOST, .has = H(LINK), .link = 3};
	assert_int_equal(seam_encode(&m, buf, sizeof buf), -EINVAL);
	/* said to be there, and is not */
	m = (struct seam_msg){.cmd = SEAM_LINK_NEW, .has = H(LINK) | H(LISTENER) | H(PEER)};
	assert_int_equal(seam_encode(&m, buf, sizeof buf), -EINVAL);
	m.cmd = SEAM_CMD_END;
	assert_int_equal(seam_encode(&m, buf, sizeof buf), -EINVAL);
	m.cmd = 0;
	assert_int_equal(seam_encode(&m, buf, sizeof buf), -EINVAL);
}

/* One message by hand: header, then attributes as (type, bytes). */
struct raw {
	uint8_t b[256];
	uint32_t len;
};

static void raw_attr(struct raw *r, uint16_t type, const void *v, uint16_t n)
{
	uint16_t head[2] = {(uint16_t)(n + 4), type};
	memcpy(r->b + r->len, head, 4);
	memset(r->b + r->len + 4, 0, (n + 3u) & ~3u);
	memcpy(r->b + r->len + 4, v, n);
	r->len += 4 + ((n + 3u) & ~3u);
	memcpy(r->b, &r->len, 4);
}

static struct raw raw_msg(uint16_t cmd)
{
	struct raw r = {.len = 16};
	memcpy(r.b, &r.len, 4);
	memcpy(r.b + 4, &cmd, 2);
	return r;
}

static void policy_checks_lengths(void **state)
{
	static const uint8_t z[64];
	struct seam_msg d;
	struct raw r = raw_msg(SEAM_LINK_GET);
	raw_attr(&r, SEAM_A_LINK, z, 4);
	raw_attr(&r, SEAM_A_END + 3, z, 7); /* unknown: skipped */
	assert_int_equal(seam_decode(&d, r.b, r.len, false), 0);
	struct raw twice = r;
	raw_attr(&twice, SEAM_A_LINK, z, 4);
	assert_int_equal(seam_decode(&d, twice.b, twice.len, false), -EBADMSG);
	for (uint16_t n = 0; n < 20; n++) {
		r = raw_msg(SEAM_LINK_GET);
		raw_attr(&r, SEAM_A_LINK, z, n);
		assert_int_equal(seam_decode(&d, r.b, r.len, false), n == 4 ? 0 : -EBADMSG);
	}
	r = raw_msg(SEAM_LINK_NEW);
	raw_attr(&r, SEAM_A_LINK, z, 4);
	raw_attr(&r, SEAM_A_LISTENER, z, 4);
	struct raw bad = r;
	raw_attr(&bad, SEAM_A_PEER, "unix", 4); /* no NUL */
	assert_int_equal(seam_decode(&d, bad.b, bad.len, true), -EBADMSG);
	raw_attr(&r, SEAM_A_PEER, "unix", 5);
	assert_int_equal(seam_decode(&d, r.b, r.len, true), 0);
	assert_string_equal(d.peer, "unix");
}

/* In memory that ends where the bytes do. */
static int decode_bytes(const void *p, size_t len)
{
	struct seam_msg d;
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, p, len);
	int rc = seam_decode(&d, len ? copy : copy + 1, len, false);
	free(copy);
	return rc;
}

static void attributes_end_where_the_message_does(void **state)
{
	static const uint8_t z[SEAM_NOTE_MAX + 1];
	struct raw r = raw_msg(SEAM_LINK_GET);
	for (uint32_t n = 0; n <= 16; n++) {
		memcpy(r.b, &n, 4);
		assert_int_equal(decode_bytes(r.b, n), -EBADMSG);
	}
	memcpy(r.b, &r.len, 4);
	raw_attr(&r, SEAM_A_LINK, z, 4);
	assert_int_equal(decode_bytes(r.b, r.len), 0);
	for (uint32_t n = r.len + 1; n < r.len + 8; n++) { /* a piece of one */
		memcpy(r.b, &n, 4);
		assert_int_equal(decode_bytes(r.b, n), -EBADMSG);
	}
	for (uint16_t said = 0; said < 4; said++) { /* less than its head */
		struct raw bad = r;
		raw_attr(&bad, SEAM_A_END + 3, z, 4);
		memcpy(bad.b + r.len, &said, 2);
		assert_int_equal(decode_bytes(bad.b, bad.len), -EBADMSG);
	}
	struct raw unpadded = r;
	raw_attr(&unpadded, SEAM_A_END + 3, z, 1);
	unpadded.len -= 3;
	memcpy(unpadded.b, &unpadded.len, 4);
	assert_int_equal(decode_bytes(unpadded.b, unpadded.len), -EBADMSG);
}

static void a_note_is_short(void **state)
{
	static uint8_t buf[SEAM_NOTE_MAX + 256], note[SEAM_NOTE_MAX + 1];
	struct seam_msg d, m = {.cmd = SEAM_LINK_SET,
				   .fd = -1,
				   .has = H(LINK) | H(UP) | H(FRAME_MAX) | H(NOTE),
				   .frame_max = 1024,
				   .note = note,
				   .note_len = SEAM_NOTE_MAX};
	for (int more = 0; more < 2; more++, m.note_len++) {
		int n = seam_encode(&m, buf, sizeof buf);
		assert_true(n > 0);
		assert_int_equal(seam_decode(&d, buf, (size_t)n, false), more ? -EBADMSG : 0);
	}
}

static void answers_and_acks(void **state)
{
	uint8_t buf[512];
	struct seam_msg d;
	struct seam_msg m = {.cmd = SEAM_ACK, .seq = 9, .error = -ENOENT};
	int n = seam_encode(&m, buf, sizeof buf);
	assert_int_equal(seam_decode(&d, buf, (size_t)n, true), 0);
	assert_int_equal(d.error, -ENOENT);
	assert_int_equal(d.seq, 9);
	assert_int_equal(seam_decode(&d, buf, (size_t)n, false), -EBADMSG);
	for (int len = n - 8; len <= n + 8; len += 4) { /* an ACK has one length */
		memcpy(buf, &(uint32_t){(uint32_t)len}, 4);
		assert_int_equal(seam_decode(&d, buf, (size_t)len, true), len == n ? 0 : -EBADMSG);
	}

	m = (struct seam_msg){.cmd = SEAM_HELLO, .has = H(VERSION), .version = 1};
	n = seam_encode(&m, buf, sizeof buf);
	assert_int_equal(seam_decode(&d, buf, (size_t)n, false), 0);
	assert_int_equal(seam_decode(&d, buf, (size_t)n, true), -EBADMSG); /* no workers */
	m.has |= H(WORKERS) | H(SUITES);
	m.workers = 2;
	n = seam_encode(&m, buf, sizeof buf);
	assert_int_equal(seam_decode(&d, buf, (size_t)n, true), 0);
	assert_int_equal(d.workers, 2);

	m = (struct seam_msg){
		.cmd = SEAM_LINK_LOST, .has = H(LINK) | H(ERROR), .link = 3, .error = -ECONNRESET};
	n = seam_encode(&m, buf, sizeof buf);
	assert_int_equal(seam_decode(&d, buf, (size_t)n, true), 0);
	assert_int_equal(d.error, -ECONNRESET);
	assert_int_equal(seam_decode(&d, buf, (size_t)n, false), -EBADMSG);
}

static void the_longest_body_fits(void **state)
{
	static uint8_t buf[SEAM_MSG_MAX], body[65536];
	struct seam_msg d;
	struct seam_msg m = {.cmd = SEAM_FRAME,
		.has = H(LINK) | H(FRAME),
		.link = 2,
		.frame = body,
		.frame_len = 65531};
	memset(body, 0xa5, sizeof body);
	int n = seam_encode(&m, buf, sizeof buf);
	assert_true(n > 65531);
	assert_int_equal(seam_decode(&d, buf, (size_t)n, true), 0);
	assert_int_equal(d.frame_len, 65531);
	assert_memory_equal(d.frame, body, 65531);
	m.frame_len++; /* past what an attribute can say */
	assert_int_equal(seam_encode(&m, buf, sizeof buf), -EMSGSIZE);
}

static void descriptors_pass(void **state)
{
	int s[2], p[2], fd = -1;
	uint8_t buf[16];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	fcntl(s[1], F_SETFL, O_NONBLOCK);
	assert_int_equal(seam_recv(s[1], buf, sizeof buf, &fd), -EAGAIN);
	assert_int_equal(fd, -1);
	assert_int_equal(seam_send(s[0], "abc", 3, p[1]), 3);
	assert_int_equal(seam_recv(s[1], buf, sizeof buf, &fd), 3);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(p[0], buf, 1), 1);
	close(fd);
	assert_int_equal(seam_send(s[0], "abc", 3, -1), 3);
	assert_int_equal(seam_recv(s[1], buf, sizeof buf, &fd), 3);
	assert_int_equal(fd, -1);
	assert_int_equal(seam_send(s[0], "abcdefgh", 8, p[1]), 8);
	assert_int_equal(seam_recv(s[1], buf, 4, &fd), -EMSGSIZE);
	fd = 0;
	assert_int_equal(seam_send(s[0], "", 0, p[1]), 0);
	assert_int_equal(seam_recv(s[1], buf, sizeof buf, &fd), 0);
	assert_int_equal(fd, -1);
	close(s[0]);
	assert_int_equal(seam_recv(s[1], buf, sizeof buf, &fd), 0);
	assert_int_equal(seam_send(s[1], "a", 1, -1), -EPIPE);
	close(s[1]);
	close(p[1]);
	assert_int_equal(read(p[0], buf, 1), 0); /* nobody holds the other end any more */
	close(p[0]);
}

static uint64_t origin_of(const char *address)
{
	struct sockaddr_storage sa = {0};
	struct sockaddr_in *a4 = (struct sockaddr_in *)&sa;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&sa;
	if (inet_pton(AF_INET, address, &a4->sin_addr) == 1)
		sa.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, address, &a6->sin6_addr) == 1)
		sa.ss_family = AF_INET6;
	return seam_origin(&sa);
}

static void origins_of_addresses(void **state)
{
	assert_int_equal(origin_of("192.0.2.1"), 0xc0000201);
	assert_int_equal(origin_of("::ffff:192.0.2.1"), 0xc0000201);
	assert_int_equal(origin_of("2001:db8:1:2::1"), 0x20010db800010002);
	assert_int_equal(origin_of("2001:db8:1:2:ffff::"), 0x20010db800010002);
	assert_int_not_equal(origin_of("2001:db8:1:3::1"), 0x20010db800010002);
	assert_int_not_equal(origin_of("::1"), 0);
	assert_int_equal(origin_of("unix"), 0);
	struct sockaddr_storage path;
	memset(&path, 0x20, sizeof path);
	path.ss_family = AF_UNIX;
	assert_int_equal(seam_origin(&path), 0);
}

/* The message is not lost with it, or whoever waits for the answer would wait for ever. */
static void a_descriptor_too_many(void **state)
{
	int s[2], fd = 99;
	char b[8];
	struct rlimit before, none;
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	assert_int_equal(seam_send(s[0], "hello", 5, s[0]), 5);
	int next = dup(s[0]);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int n = seam_recv(s[1], b, sizeof b, &fd);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(n, 5);
	assert_int_equal(fd, -1);
	close(s[0]);
	close(s[1]);
}

static void names(void **state)
{
	for (uint16_t c = SEAM_CMD_BASE; c < SEAM_CMD_END; c++)
		assert_string_not_equal(seam_cmd_name(c), "?");
	assert_string_equal(seam_cmd_name(SEAM_ACK), "ACK");
	assert_string_equal(seam_cmd_name(SEAM_CMD_END), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives),
		cmocka_unit_test(unaligned_buffers_work),
		cmocka_unit_test(every_shorter_message_is_refused),
		cmocka_unit_test(a_missing_attribute_is_refused),
		cmocka_unit_test(policy_checks_lengths),
		cmocka_unit_test(attributes_end_where_the_message_does),
		cmocka_unit_test(a_note_is_short),
		cmocka_unit_test(answers_and_acks),
		cmocka_unit_test(the_longest_body_fits),
		cmocka_unit_test(descriptors_pass),
		cmocka_unit_test(origins_of_addresses),
		cmocka_unit_test(a_descriptor_too_many),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
