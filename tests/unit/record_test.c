// SPDX-License-Identifier: Apache-2.0
/*
 * Records of streams are what docs/protocol.md writes down: each `name = hex` there is what is
 * written here, and what is read back. `record_test --print` writes those lines anew.
 */
#include "hex.h"
#include "record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

enum { ROOM = 128 };

static void open_write(struct wr *w)
{
	record_open_encode(w, 1, &(struct record_open){1 << 20, (const uint8_t *)"outlet", 6});
}

static bool open_reads(const struct record *rec)
{
	struct record_open o;
	return rec->kind == REC_OPEN && rec->stream == 1 && !record_open_decode(rec, &o) &&
	       o.limit == 1 << 20 && o.name_len == 6 && !memcmp(o.name, "outlet", 6);
}

static void accept_write(struct wr *w)
{
	record_accept_encode(w, 1, 1 << 20);
}

static bool accept_reads(const struct record *rec)
{
	uint64_t limit;
	return rec->kind == REC_ACCEPT && rec->stream == 1 && !record_accept_decode(rec, &limit) &&
	       limit == 1 << 20;
}

static void refuse_write(struct wr *w)
{
	record_refuse_encode(w, 3, REFUSE_CONNECTION);
}

static bool refuse_reads(const struct record *rec)
{
	uint8_t code;
	return rec->kind == REC_REFUSE && rec->stream == 3 && !record_refuse_decode(rec, &code) &&
	       code == REFUSE_CONNECTION;
}

static void data_write(struct wr *w)
{
	record_stream_encode(w, 1,
		&(struct record_stream){
			.offset = 4096, .data = (const uint8_t *)"hello", .len = 5, .fin = true});
}

static bool data_reads(const struct record *rec)
{
	struct record_stream s;
	return rec->kind == REC_STREAM && rec->stream == 1 && !record_stream_decode(rec, &s) &&
	       s.offset == 4096 && s.len == 5 && !memcmp(s.data, "hello", 5) && s.fin && !s.rst;
}

static void limit_write(struct wr *w)
{
	record_stream_encode(w, 1,
		&(struct record_stream){
			.offset = 65535, .data = (const uint8_t *)"x", .len = 1, .at_limit = true});
}

static bool limit_reads(const struct record *rec)
{
	struct record_stream s;
	return !record_stream_decode(rec, &s) && s.offset == 65535 && s.len == 1 && s.at_limit &&
	       !s.fin && !s.rst;
}

static void reset_write(struct wr *w)
{
	record_stream_encode(w, 2, &(struct record_stream){.offset = 4096, .rst = true});
}

static bool reset_reads(const struct record *rec)
{
	struct record_stream s;
	return rec->stream == 2 && !record_stream_decode(rec, &s) && s.rst && !s.fin && !s.len;
}

static void window_write(struct wr *w)
{
	record_window_encode(w, 1, &(struct record_window){262144, 1310720});
}

static bool window_reads(const struct record *rec)
{
	struct record_window win;
	return rec->kind == REC_WINDOW && rec->stream == 1 && !record_window_decode(rec, &win) &&
	       win.consumed == 262144 && win.limit == 1310720;
}

static void session_write(struct wr *w)
{
	record_window_encode(w, 0, &(struct record_window){1 << 20, 5 << 20});
}

static bool session_reads(const struct record *rec)
{
	struct record_window win;
	return rec->stream == 0 && !record_window_decode(rec, &win) && win.limit == 5 << 20;
}

static const struct vector {
	const char *name;
	void (*write)(struct wr *w);
	bool (*reads)(const struct record *rec);
} vectors[] = {
	{"OPEN", open_write, open_reads},
	{"ACCEPT", accept_write, accept_reads},
	{"REFUSE", refuse_write, refuse_reads},
	{"STREAM with FIN", data_write, data_reads},
	{"STREAM at its limit", limit_write, limit_reads},
	{"STREAM with RST", reset_write, reset_reads},
	{"WINDOW", window_write, window_reads},
	{"WINDOW of the session", session_write, session_reads},
};

static size_t write_one(const struct vector *v, uint8_t *dst)
{
	struct wr w = wr_init(dst, ROOM);
	v->write(&w);
	assert_false(w.bad);
	return wr_len(&w);
}

/* The hex behind "name = " in the document. */
static int documented(const char *name, uint8_t *dst)
{
	char line[1024];
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
		uint8_t made[ROOM], told[ROOM];
		int len = documented(vectors[i].name, told);
		size_t n = write_one(&vectors[i], made);
		if (len < 0)
			print_error("%s is not in the document\n", vectors[i].name);
		assert_int_equal(len, n);
		assert_memory_equal(told, made, n);
		struct rd r = rd_init(told, n);
		struct record rec;
		assert_int_equal(record_next(&r, &rec), 1);
		assert_true(rd_done(&r) && vectors[i].reads(&rec));
	}
}

/* Bodies that are a byte short or long; a reset may not carry bytes, other lengths may vary. */
static void lengths_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		uint8_t made[ROOM] = {0};
		size_t n = write_one(&vectors[i], made);
		if (made[0] == REC_STREAM && !(made[1] & REC_F_RST))
			continue;
		for (int d = -1; d <= 1; d += 2) {
			uint8_t changed[ROOM];
			memcpy(changed, made, sizeof changed);
			put_be16(changed + 2, (uint16_t)(get_be16(made + 2) + d));
			struct rd r = rd_init(changed, n + (size_t)(d + 1) / 2 - (d < 0));
			struct record rec;
			assert_int_equal(record_next(&r, &rec), 1);
			assert_false(vectors[i].reads(&rec));
		}
	}
}

/* Flags that a kind does not have, limits that go back, names that a terminal would obey. */
static void what_contradicts_itself_is_refused(void **state)
{
	static const uint8_t zeros[16], one[8] = {0, 0, 0, 0, 0, 0, 0, 1};
	static const uint8_t window[16] = {[7] = 5, [15] = 5}, back[16] = {[7] = 5, [15] = 4};
	uint64_t limit;
	uint8_t code;
	struct record_window w;
	struct record_stream st;
	struct record_open o;
	for (uint8_t flags = 0; flags < 2; flags++) {
		int rc = flags ? -EPROTO : 0;
		assert_int_equal(record_accept_decode(
					 &(struct record){.flags = flags, .body = one, .len = 8}, &limit),
			rc);
		assert_int_equal(record_refuse_decode(
					 &(struct record){.flags = flags, .body = one, .len = 1}, &code),
			rc);
		assert_int_equal(
			record_window_decode(
				&(struct record){.flags = flags, .body = window, .len = 16}, &w),
			rc);
	}
	assert_int_equal(record_window_decode(&(struct record){.body = back, .len = 16}, &w), -EPROTO);
	for (uint16_t len = 0; len < 8; len++)
		assert_int_equal(record_stream_decode(&(struct record){.flags = REC_F_FIN,
							      .body = zeros,
							      .len = len},
					 &st),
			-EPROTO);
	assert_int_equal(
		record_stream_decode(
			&(struct record){.flags = REC_F_FIN, .body = zeros, .len = 8}, &st),
		0);
	assert_int_equal(record_stream_decode(&(struct record){.flags = 0x80 | REC_F_FIN,
						      .body = zeros,
						      .len = 8},
				 &st),
		-EPROTO);
	uint8_t open[] = {0, 0, 0, 0, 0, 0, 0, 1, 2, 'a', 'b'};
	const struct record rec = {.body = open, .len = sizeof open};
	assert_int_equal(record_open_decode(&rec, &o), 0);
	open[10] = 0x7f;
	assert_int_equal(record_open_decode(&rec, &o), -EPROTO);
	open[10] = 0x1f;
	assert_int_equal(record_open_decode(&rec, &o), -EPROTO);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--print")) {
		for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
			uint8_t made[ROOM];
			char hex[2 * ROOM + 1];
			printf("%s = %s\n", vectors[i].name,
				hex_encode(hex, made, write_one(&vectors[i], made)));
		}
		return 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_and_the_code_agree),
		cmocka_unit_test(lengths_are_checked),
		cmocka_unit_test(what_contradicts_itself_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
