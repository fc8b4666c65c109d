// SPDX-License-Identifier: Apache-2.0
/* Routes on the wire: what is accepted is within the limits and is written again as it came. */
#include "fuzz.h"
#include "route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	struct route r, again;
	uint8_t buf[WIRE_ROUTE_MAX];
	char text[ROUTE_STRING_MAX], err[160];
	uint8_t *p = fuzz_block(&in, &size);
	struct rd rd = rd_init(p, size);
	route_decode(&rd, &r);
	if (!rd.bad) {
		CHECK(r.n <= ROUTE_ELEMENTS_MAX && route_hops(&r) <= WIRE_HOPS_MAX);
		struct wr w = wr_init(buf, sizeof buf);
		route_encode(&w, &r, 0);
		CHECK(!w.bad && wr_len(&w) == (size_t)(rd.p - p) && !memcmp(buf, p, wr_len(&w)));
		for (unsigned i = 0; i < r.n; i++)
			CHECK(r.e[i].code != ROUTE_NODE && r.e[i].code != ROUTE_SECURE);
		if (route_format(&r, text, sizeof text) >= 0 && r.n)
			CHECK(!route_parse(&again, text, err, sizeof err) && again.n == r.n);
	}
	free(p);
	return 0;
}
