// SPDX-License-Identifier: Apache-2.0
/* RESP and FINISH in pieces. */
#include "pieces.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static uint8_t text[PIECES_BYTES_MAX + 1];

static void fill(void)
{
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(i * 7 + i / 251);
}

struct cut {
	uint8_t *frames;
	size_t len;
	const uint8_t *at[WIRE_PIECES_MAX];
	unsigned n;
};

static struct cut cut(size_t head, size_t len, uint16_t max)
{
	struct cut c = {.n = 0};
	bool too_many;
	c.frames = pieces_make(WIRE_RESP, 0xabcd, text, head, text + head, len, max, &c.len, &too_many);
	assert_non_null(c.frames);
	for (size_t at = 0; at < c.len; at += get_be16(c.frames + at + 2)) {
		struct frame_header h = frame_header_decode(c.frames + at);
		assert_int_equal(h.type, WIRE_RESP);
		assert_int_equal(h.label, 0xabcd);
		assert_in_range(h.len, WIRE_HEADER, max);
		assert_int_equal(pieces_index(h.sub), c.n);
		assert_int_equal(!(h.sub & WIRE_PIECE_MORE), at + h.len == c.len);
		c.at[c.n++] = c.frames + at;
	}
	return c;
}

static int take(struct pieces *p, const uint8_t *frame, uint8_t **whole, size_t *len)
{
	return pieces_take(p, frame[1], frame + WIRE_HEADER, get_be16(frame + 2) - (size_t)WIRE_HEADER, whole, len);
}

static void whole_is(uint8_t *whole, size_t len, size_t want)
{
	assert_int_equal(len, want);
	assert_memory_equal(whole, text, want);
	free(whole);
}

static void what_fits_is_one_frame_as_ever(void **state)
{
	struct pieces p = {0};
	uint8_t *whole;
	size_t len;
	(void)state;
	fill();
	struct cut c = cut(10, 100, 1024);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.frames[1], 0);
	assert_int_equal(take(&p, c.at[0], &whole, &len), 1);
	whole_is(whole, len, 110);
	free(c.frames);
	c = cut(0, 0, 1024); /* nothing is a piece too */
	assert_int_equal(c.n, 1);
	free(c.frames);
}

static void pieces_come_in_any_order_and_twice(void **state)
{
	(void)state;
	fill();
	for (unsigned seed = 0; seed < 200; seed++) {
		struct pieces p = {0};
		uint8_t *whole = NULL;
		size_t len = 0, total = 1008 + 37 * (seed % 180);
		srand(seed);
		struct cut c = cut(20, total - 20, 1024);
		bool seen[WIRE_PIECES_MAX] = {0};
		unsigned left = c.n;
		while (left) {
			unsigned i = (unsigned)rand() % c.n;
			left -= !seen[i];
			seen[i] = true;
			assert_int_equal(take(&p, c.at[i], &whole, &len), left ? 0 : 1);
		}
		whole_is(whole, len, total);
		assert_int_equal(p.bytes, 0);
		free(c.frames);
	}
}

static void there_are_at_most_twelve(void **state)
{
	size_t len;
	bool too_many;
	(void)state;
	assert_null(pieces_make(WIRE_RESP, 1, text, 0, text, 12 * (600 - WIRE_HEADER) + 1, 600, &len, &too_many));
	assert_true(too_many);
	struct cut c = cut(0, 12 * (600 - WIRE_HEADER), 600);
	assert_int_equal(c.n, 12);
	free(c.frames);
	struct pieces p = {0};
	uint8_t *whole;
	assert_int_equal(pieces_take(&p, 12, text, 5, &whole, &len), -EBADMSG);
	assert_int_equal(pieces_take(&p, 0x10, text, 5, &whole, &len), -EBADMSG);
	assert_int_equal(pieces_take(&p, WIRE_RESP_REFUSED, text, 5, &whole, &len), -EBADMSG);
	assert_int_equal(pieces_take(&p, 1, text, PIECES_BYTES_MAX + 1, &whole, &len), -EBADMSG);
}

static void memory_is_bounded(void **state)
{
	struct pieces p = {0};
	uint8_t *whole;
	size_t len;
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(pieces_take(&p, (uint8_t)(WIRE_PIECE_MORE | i % 12), text, 8000, &whole, &len), 0);
		assert_true(p.bytes <= PIECES_BYTES_MAX);
	}
	pieces_clear(&p);
}

/* What comes again of a message as long as may be does not cost what is there. */
static void the_longest_is_put_together_too(void **state)
{
	enum { EACH = PIECES_BYTES_MAX / 3 };
	struct pieces p = {0};
	uint8_t *whole = NULL;
	size_t len = 0;
	(void)state;
	fill();
	for (uint8_t i = 0; i < 2; i++)
		for (unsigned twice = 0; twice < 2; twice++)
			assert_int_equal(pieces_take(&p, WIRE_PIECE_MORE | i, text + i * EACH, EACH, &whole, &len), 0);
	assert_int_equal(pieces_take(&p, WIRE_PIECE_MORE, text, EACH, &whole, &len), 0);
	assert_int_equal(pieces_take(&p, WIRE_PIECE_MORE | 2, text + 2 * EACH, EACH, &whole, &len), 0);
	assert_int_equal(pieces_take(&p, WIRE_PIECE_MORE | 1, text + EACH, EACH, &whole, &len), 0);
	assert_int_equal(pieces_take(&p, 3, text, 0, &whole, &len), 1);
	whole_is(whole, len, 3 * (size_t)EACH);
}

/* Whatever was forged before: when the true ones come again they are put together. */
static void the_true_ones_win(void **state)
{
	(void)state;
	fill();
	struct cut c = cut(0, 2500, 1024);
	assert_int_equal(c.n, 3);
	for (unsigned i = 0; i < 12; i++)
		for (unsigned more = 0; more < 2; more++)
			for (unsigned at = 0; at < 3; at++) {
				struct pieces p = {0};
				uint8_t *whole = NULL, forged = (uint8_t)(i | (more ? WIRE_PIECE_MORE : 0));
				size_t len = 0;
				bool came = false;
				for (unsigned k = 0; k < at; k++)
					take(&p, c.at[k], &whole, &len);
				if (pieces_take(&p, forged, (const uint8_t *)"forged", 6, &whole, &len) == 1)
					free(whole);
				for (unsigned k = 0; k < 9 && !came; k++) /* sent three times, in order */
					if (take(&p, c.at[k % 3], &whole, &len) == 1) {
						came = len == 2500 && !memcmp(whole, text, len);
						free(whole); /* another does not authenticate */
					}
				assert_true(came);
				pieces_clear(&p);
			}
	free(c.frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_one_frame_as_ever),
		cmocka_unit_test(pieces_come_in_any_order_and_twice),
		cmocka_unit_test(there_are_at_most_twelve),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(the_longest_is_put_together_too),
		cmocka_unit_test(the_true_ones_win),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
