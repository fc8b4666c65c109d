// SPDX-License-Identifier: Apache-2.0
#include "queue.h"
#include "timer.h"
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

static void push(struct queue *q, struct bufpool *pool, uint64_t seq, uint32_t len)
{
	static uint8_t f[WIRE_FRAME_MAX];
	frame_header_encode(f, WIRE_DATA, 0, (uint16_t)len, 1, seq);
	assert_int_equal(queue_push(q, pool, f, len), 0);
}

static void frames_come_out_as_they_went_in(void **state)
{
	struct bufpool pool;
	struct queue q = {0};
	bufpool_init(&pool);
	uint64_t in = 0, out = 0;
	size_t bytes = 0;
	srand(1);
	for (unsigned round = 0; round < 2000; round++) {
		for (int i = rand() % 20; i > 0; i--) {
			uint32_t len = rand() % 10 ? 16 + (uint32_t)rand() % 1000 : 65535;
			push(&q, &pool, in++, len);
			bytes += len;
		}
		assert_int_equal(q.bytes, bytes);
		size_t max = 16 + (size_t)rand() % 70000;
		struct buf *b;
		uint8_t *p;
		uint32_t frames, len, next = queue_next_len(&q);
		while ((len = queue_pop(&q, max, &b, &p, &frames))) {
			assert_true(len <= max);
			uint32_t off = 0;
			for (uint32_t k = 0; k < frames; k++) {
				struct frame_header h = frame_header_decode(p + off);
				assert_int_equal(h.seq, out++);
				off += h.len;
			}
			assert_int_equal(off, len);
			bytes -= len;
			buf_put(b);
			next = queue_next_len(&q);
		}
		assert_true(!next || next > max);
	}
	queue_clear(&q);
	assert_true(queue_empty(&q));
	bufpool_fini(&pool);
}

static void a_taken_run_outlives_its_queue(void **state)
{
	struct bufpool pool;
	struct queue q = {0};
	struct buf *b;
	uint8_t *p;
	uint32_t frames;
	bufpool_init(&pool);
	push(&q, &pool, 7, 100);
	push(&q, &pool, 8, 100);
	assert_int_equal(queue_pop(&q, 99, &b, &p, &frames), 0);
	assert_int_equal(queue_pop(&q, 150, &b, &p, &frames), 100);
	queue_clear(&q);
	assert_true(pool.out > 0);
	assert_int_equal(get_be64(p + 8), 7);
	buf_put(b);
	assert_int_equal(pool.out, 0);
	bufpool_fini(&pool);
}

static void timers_fire_in_order(void **state)
{
	enum { N = 500 };
	struct timers ts = {0};
	static struct timer t[N];
	srand(2);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(timer_add(&ts, &t[i], TIMER_LINK), 0);
	assert_true(timers_deadline(&ts) == UINT64_MAX);
	for (unsigned i = 0; i < 4 * N; i++)
		timer_set(&ts, &t[rand() % N], (uint64_t)rand() % 1000);
	timer_nearer(&ts, &t[3], 5000); /* later: no effect unless it was never due */
	for (unsigned i = 0; i < N; i += 3)
		timer_remove(&ts, &t[i]);
	uint64_t last = 0;
	for (struct timer *f; (f = timer_first(&ts, 999));) {
		assert_true(f->due_ms >= last);
		assert_int_equal(timers_deadline(&ts), f->due_ms);
		last = f->due_ms;
		timer_set(&ts, f, UINT64_MAX);
	}
	assert_null(timer_first(&ts, last));
	timers_fini(&ts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_out_as_they_went_in),
		cmocka_unit_test(a_taken_run_outlives_its_queue),
		cmocka_unit_test(timers_fire_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
