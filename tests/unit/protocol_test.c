// SPDX-License-Identifier: Apache-2.0
/*
 * The document leads: each `name = hex` of docs/protocol.md's section "Test vectors" is what the code
 * writes for that object, and what it reads back. `protocol_test --print` writes the section anew.
 */
#include "hello.h"
#include "hex.h"
#include "message_codec.h"
#include "relay_private.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { ROOM = 512 };

struct vector {
	const char *name;
	size_t (*write)(uint8_t *dst);
	bool (*reads)(const uint8_t *p, size_t len);
};

static struct route route_of(const char *text)
{
	struct route r;
	char err[128];
	assert_int_equal(route_parse(&r, text, err, sizeof err), 0);
	return r;
}

static size_t frame(uint8_t *dst, enum wire_type type, uint8_t sub, uint32_t label,
	const void *body, size_t len)
{
	frame_header_encode(dst, type, sub, (uint16_t)(WIRE_HEADER + len), label, 0);
	memcpy(dst + WIRE_HEADER, body, len);
	return WIRE_HEADER + len;
}

static bool header_is(const uint8_t *p, size_t len, enum wire_type type, uint8_t sub, uint32_t label)
{
	struct frame_header h = frame_header_decode(p);
	return h.version == 1 && h.type == type && h.sub == sub && h.len == len && h.label == label &&
		!h.seq;
}

static size_t link_ping(uint8_t *dst)
{
	return frame(dst, WIRE_LINK, LINK_PING, 0, "\1\2\3\4\5\6\7\10", 8);
}

static bool link_ping_reads(const uint8_t *p, size_t len)
{
	return header_is(p, len, WIRE_LINK, LINK_PING, 0) && len == WIRE_HEADER + 8;
}

static size_t link_pause(uint8_t *dst)
{
	return frame(dst, WIRE_LINK, LINK_PAUSE, 0, "\xde\xad\xbe\xef", 4);
}

static bool link_pause_reads(const uint8_t *p, size_t len)
{
	return header_is(p, len, WIRE_LINK, LINK_PAUSE, 0) && get_be32(p + WIRE_HEADER) == 0xdeadbeef;
}

static size_t cookie(uint8_t *dst)
{
	uint8_t body[WIRE_COOKIE_LEN] = {7};
	memset(body + 1, 0xcc, sizeof body - 1);
	size_t len = frame(dst, WIRE_COOKIE, 0, 0, body, sizeof body);
	put_be64(dst + 8, 0x0102030405060708);
	return len;
}

static bool cookie_reads(const uint8_t *p, size_t len)
{
	struct frame_header h = frame_header_decode(p);
	return h.type == WIRE_COOKIE && !h.label && !h.sub && h.len == len && h.seq == 0x0102030405060708 &&
	       len == WIRE_HEADER + WIRE_COOKIE_LEN && p[WIRE_HEADER] == 7;
}

/* With its cookie and token; the random key is 1000. */
static size_t hello_udp(uint8_t *dst)
{
	static const uint8_t zeros[WIRE_UDP_HELLO_MIN];
	uint8_t bytes[WIRE_COOKIE_LEN];
	struct wr w = wr_init(dst, WIRE_UDP_HELLO_MIN);
	memset(bytes, 0xcc, sizeof bytes);
	wr_room(&w, WIRE_HEADER);
	wr_bytes(&w, "\xa8\x01\x81\x01\x02\x19\xff\xe3\x03\x00\x04\x1b\1\2\3\4\5\6\7\10", 20);
	wr_bytes(&w, "\x05\x51\x07", 3);
	wr_bytes(&w, bytes, WIRE_COOKIE_LEN - 1);
	memset(bytes, 0xdd, sizeof bytes);
	wr_bytes(&w, "\x06\x50", 2);
	wr_bytes(&w, bytes, WIRE_TOKEN_LEN);
	size_t pad = WIRE_UDP_HELLO_MIN - wr_len(&w) - 3 - 4;
	wr_bytes(&w, "\x08\x58", 2);
	wr_u8(&w, (uint8_t)pad);
	wr_bytes(&w, zeros, pad);
	wr_bytes(&w, "\x19\x03\xe8\x00", 4);
	frame_header_encode(dst, WIRE_LINK, LINK_HELLO, WIRE_UDP_HELLO_MIN, 0, 0);
	return wr_len(&w);
}

static bool hello_udp_reads(const uint8_t *p, size_t len)
{
	struct hello h;
	return len > WIRE_HEADER && hello_decode(p + WIRE_HEADER, len - WIRE_HEADER, true, &h) && h.common &&
	       h.has_tag && h.tag == 0x0102030405060708 && h.has_cookie && h.cookie[0] == 7 && h.has_token &&
	       h.token[15] == 0xdd && h.max_frame == WIRE_UDP_MAX;
}

static size_t reset(uint8_t *dst)
{
	return frame(dst, WIRE_RESET, RESET_UNKNOWN | WIRE_RESET_SENT, 0xdeadbeef, "\x81\x10", 2);
}

static bool reset_reads(const uint8_t *p, size_t len)
{
	return header_is(p, len, WIRE_RESET, RESET_UNKNOWN | WIRE_RESET_SENT, 0xdeadbeef);
}

static size_t route(uint8_t *dst)
{
	struct route r = route_of("/dnsaddr/example.org/tcp/4000/ip4/192.0.2.1/tcp/4001/service/api");
	struct wr w = wr_init(dst, ROOM);
	route_encode(&w, &r, 0);
	assert_false(w.bad);
	return wr_len(&w);
}

static bool route_reads(const uint8_t *p, size_t len)
{
	struct rd r = rd_init(p, len);
	struct route out;
	char text[256];
	route_decode(&r, &out);
	return rd_done(&r) && route_format(&out, text, sizeof text) > 0 &&
		!strcmp(text, "/dnsaddr/example.org/tcp/4000/ip4/192.0.2.1/tcp/4001/service/api");
}

static size_t hop_part(uint8_t *dst)
{
	struct hop_part h = {.hops_left = 16, .path_max = 65535};
	h.onward = route_of("/service/api");
	struct wr w = wr_init(dst, ROOM);
	hop_part_encode(&w, &h, 0);
	assert_false(w.bad);
	return wr_len(&w);
}

static bool hop_part_reads(const uint8_t *p, size_t len)
{
	struct hop_part h;
	struct rd end;
	return !hop_part_decode(p, len, false, &h, &end) && h.hops_left == 16 &&
		h.path_max == 65535 && h.flags == 0 && h.onward.n == 1 &&
		!strcmp(h.onward.e[0].text, "api") && !rd_left(&end);
}

/* Message 1 is any 32 bytes here: its own vectors are the published ones of Noise. */
static size_t init_end(uint8_t *dst)
{
	static const uint8_t head[] = {
		SUITE_AESGCM, PATTERN_XX, 0xff, 0xff, 1, 2, 3, 4, 3, 'a', 'p', 'i', 0};
	memcpy(dst, head, sizeof head);
	memset(dst + sizeof head, 0xee, 32);
	return sizeof head + 32;
}

static bool init_end_reads(const uint8_t *p, size_t len)
{
	struct init_end e;
	return !init_end_decode(p, len, &e) && e.suite == SUITE_AESGCM && e.pattern == PATTERN_XX &&
		e.frame_max == 65535 && e.label == 0x01020304 && !strcmp(e.listener, "api") &&
		e.prologue_len == 13 && e.noise_len == 32;
}

static struct message request(void)
{
	struct message m = {.kind = MSG_REQUEST, .payload = (const uint8_t *)"hello", .len = 5};
	m.hop.hops_left = 16;
	m.hop.path_max = 65535;
	m.hop.onward = route_of("/service/uppercase");
	m.hop.has_return_field = true;
	m.hop.has_handle = true;
	memset(m.hop.handle, 0xaa, sizeof m.hop.handle);
	return m;
}

static bool is_request(const struct message *m)
{
	return m->kind == MSG_REQUEST && m->len == 5 && !memcmp(m->payload, "hello", 5) &&
		m->hop.has_handle && m->hop.handle[0] == 0xaa && m->hop.onward.n == 1;
}

static size_t heap_to(uint8_t *dst, uint8_t *p, size_t len)
{
	assert_true(len <= ROOM);
	memcpy(dst, p, len);
	free(p);
	return len;
}

static size_t control(uint8_t *dst)
{
	struct message m = request();
	uint8_t *p;
	size_t len;
	assert_int_equal(control_encode(&m, 0, ROOM, &p, &len), 0);
	return heap_to(dst, p, len);
}

static bool control_reads(const uint8_t *p, size_t len)
{
	struct message m;
	return !control_decode(p, len, &m) && is_request(&m);
}

static size_t msg(uint8_t *dst)
{
	struct message m = request();
	uint8_t *p;
	size_t len;
	assert_int_equal(msg_encode(&m, 0, &p, &len), 0);
	return heap_to(dst, p, len);
}

static bool msg_reads(const uint8_t *p, size_t len)
{
	struct message m;
	return !msg_decode(p, len, &m) && is_request(&m);
}

static size_t error(uint8_t *dst)
{
	const struct message_error e = {RESET_NOT_FOUND, 15, "nothing"};
	return message_error_encode(dst, &e);
}

static bool error_reads(const uint8_t *p, size_t len)
{
	struct message_error e;
	return !message_error_decode(p, len, &e) && e.code == RESET_NOT_FOUND && e.hops_left == 15 &&
		!strcmp(e.text, "nothing");
}

static size_t relay_register(uint8_t *dst)
{
	struct relay_request *q = calloc(1, sizeof *q);
	q->op = RELAY_REGISTER;
	q->lease_s = 60;
	strcpy(q->name, "forward_to_n2");
	q->listeners_n = 3;
	strcpy(q->listeners[0], "api");
	strcpy(q->listeners[1], "echo");
	strcpy(q->listeners[2], "uppercase");
	int len = relay_request_encode(q, dst, ROOM);
	free(q);
	assert_true(len > 0);
	return (size_t)len;
}

static bool relay_register_reads(const uint8_t *p, size_t len)
{
	struct relay_request *q = calloc(1, sizeof *q);
	bool ok = !relay_request_decode(p, len, q) && q->op == RELAY_REGISTER && q->lease_s == 60 &&
		!strcmp(q->name, "forward_to_n2") && q->listeners_n == 3;
	free(q);
	return ok;
}

static size_t relay_join(uint8_t *dst)
{
	struct relay_request *q = calloc(1, sizeof *q);
	q->op = RELAY_JOIN;
	q->lease_s = 60;
	q->way = 2;
	strcpy(q->name, "forward_to_n2");
	int len = relay_request_encode(q, dst, ROOM);
	free(q);
	assert_true(len > 0);
	return (size_t)len;
}

static bool relay_join_reads(const uint8_t *p, size_t len)
{
	struct relay_request *q = calloc(1, sizeof *q);
	bool ok = !relay_request_decode(p, len, q) && q->op == RELAY_JOIN && q->lease_s == 60 &&
		!strcmp(q->name, "forward_to_n2") && q->way == 2;
	free(q);
	return ok;
}

static size_t relay_answer(uint8_t *dst)
{
	return relay_answer_encode(dst, RELAY_OK, 60);
}

static bool relay_answer_reads(const uint8_t *p, size_t len)
{
	uint8_t status;
	uint32_t lease;
	return !relay_answer_decode(p, len, &status, &lease) && status == RELAY_OK && lease == 60;
}

static const struct vector vectors[] = {
	{"LINK PING", link_ping, link_ping_reads},
	{"LINK PAUSE", link_pause, link_pause_reads},
	{"COOKIE", cookie, cookie_reads},
	{"HELLO of a dialler over UDP", hello_udp, hello_udp_reads},
	{"RESET unknown", reset, reset_reads},
	{"route", route, route_reads},
	{"hop part", hop_part, hop_part_reads},
	{"end part of INIT", init_end, init_end_reads},
	{"CONTROL request", control, control_reads},
	{"MSG request", msg, msg_reads},
	{"error", error, error_reads},
	{"register", relay_register, relay_register_reads},
	{"join", relay_join, relay_join_reads},
	{"answer to register", relay_answer, relay_answer_reads},
};

/* The hex behind "name = " in the document. */
static int documented(const char *name, uint8_t *dst)
{
	char line[2 * ROOM + 128];
	size_t n = strlen(name);
	FILE *f = fopen(PROTOCOL_MD, "r");
	assert_non_null(f);
	int len = -ENOENT;
	while (len == -ENOENT && fgets(line, sizeof line, f))
		if (!strncmp(line, name, n) && !strncmp(line + n, " = ", 3))
			len = hex_decode(dst, ROOM, line + n + 3, strcspn(line + n + 3, "\n"));
	fclose(f);
	return len;
}

static void the_document_and_the_code_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		const struct vector *v = &vectors[i];
		uint8_t made[ROOM], told[ROOM];
		int len = documented(v->name, told);
		size_t n = v->write(made);
		if (len < 0)
			print_error("%s is not in the document\n", v->name);
		assert_int_equal(len, n);
		assert_memory_equal(told, made, n);
		if (!v->reads(told, n))
			fail_msg("%s is not read back", v->name);
		if (n > 1 && v->reads != link_ping_reads && v->reads != link_pause_reads &&
			v->reads != reset_reads)
			assert_false(v->reads(told, n - 1));
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--print")) {
		for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
			uint8_t made[ROOM];
			char hex[2 * ROOM + 1];
			printf("%s = %s\n", vectors[i].name,
				hex_encode(hex, made, vectors[i].write(made)));
		}
		return 0;
	}
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_document_and_the_code_agree)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
