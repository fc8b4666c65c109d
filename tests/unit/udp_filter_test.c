// SPDX-License-Identifier: Apache-2.0
/* What a listener's socket takes from strangers, by the kernel itself. */
#include "udp_filter.h"

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

struct pair {
	int in, out;
};

static int setup(void **state)
{
	static struct pair p;
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof sa;
	p.in = socket(AF_INET, SOCK_DGRAM, 0);
	p.out = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(p.in, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(getsockname(p.in, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(connect(p.out, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(udp_filter_attach(p.in), 0);
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;
	close(p->in);
	close(p->out);
	return 0;
}

/* On one machine a datagram is there, or dropped, when send returns. */
static bool passes(const struct pair *p, const void *data, size_t len)
{
	uint8_t got[2048];
	assert_int_equal(send(p->out, data, len, 0), (ssize_t)len);
	ssize_t n = recv(p->in, got, sizeof got, MSG_DONTWAIT);
	assert_true(n == -1 || (size_t)n == len);
	return n >= 0;
}

static bool frame_passes(const struct pair *p, unsigned first, uint8_t sub, uint64_t seq, size_t len)
{
	uint8_t f[1200] = {0};
	frame_header_encode(f, WIRE_LINK, sub, (uint16_t)len, 0, seq);
	f[0] = (uint8_t)first;
	return passes(p, f, len);
}

static void frames_with_a_tag_pass(void **state)
{
	const struct pair *p = *state;
	for (unsigned first = 0; first < 256; first++) {
		bool known = first > 0x10 && first <= 0x18;
		assert_int_equal(frame_passes(p, first, 0, 1, 64), known);
		assert_int_equal(frame_passes(p, first, 7, 1ull << 63, 1000), known);
	}
}

static void without_one_only_those_that_have_none(void **state)
{
	const struct pair *p = *state;
	for (unsigned type = 1; type <= WIRE_LINK; type++) {
		bool path = type == WIRE_DATA || type == WIRE_FINISH;
		assert_int_equal(frame_passes(p, 0x10 | type, 0, 0, 255), path);
		assert_int_equal(frame_passes(p, 0x10 | type, 0, 0, 256), path || type == WIRE_LINK);
		assert_int_equal(frame_passes(p, 0x10 | type, 1, 0, 256), path);
	}
}

static void what_is_no_frame_is_dropped(void **state)
{
	const struct pair *p = *state;
	uint8_t f[400] = {0};
	frame_header_encode(f, WIRE_DATA, 0, 300, 5, 1);
	assert_true(passes(p, f, 300));
	assert_false(passes(p, f, 299)); /* cut off */
	assert_true(passes(p, f, 301));	 /* many may come as one; user space looks again */
	for (size_t n = 0; n < WIRE_HEADER; n++)
		assert_false(passes(p, f, n));
	put_be16(f + 2, WIRE_HEADER - 1);
	assert_false(passes(p, f, 300));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_with_a_tag_pass),
		T(without_one_only_those_that_have_none),
		T(what_is_no_frame_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
