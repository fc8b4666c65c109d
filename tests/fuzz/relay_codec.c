// SPDX-License-Identifier: Apache-2.0
/* What registrant and relay say to each other. */
#include "fuzz.h"
#include "relay_private.h"

enum { LEASE_MAX_S = 86400 }; /* what is longer reads as this */

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && !memcmp(a, b, a_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct relay_request q;
	uint8_t buf[RELAY_REQUEST_MAX + 64], status, answer[RELAY_ANSWER_MAX];
	uint32_t lease;
	struct rd in = rd_init(data, size);
	uint8_t *p = fuzz_block(&in, &size);
	if (!relay_request_decode(p, size, &q)) {
		CHECK(route_name_valid(q.name) && q.listeners_n <= RELAY_LISTENERS_MAX);
		int n = relay_request_encode(&q, buf, sizeof buf);
		CHECK(n > 0 && (q.lease_s == LEASE_MAX_S || same(buf, (size_t)n, p, size)));
	}
	if (!relay_answer_decode(p, size, &status, &lease)) {
		size_t n = relay_answer_encode(answer, status, lease);
		CHECK(lease == LEASE_MAX_S || same(answer, n, p, size));
	}
	free(p);
	return 0;
}
