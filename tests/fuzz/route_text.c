// SPDX-License-Identifier: Apache-2.0
/* Routes as users write them: what is accepted has one canonical text, which means the same. */
#include "fuzz.h"
#include "route.h"

static void wire_takes_it(const struct route *r)
{
	uint8_t buf[WIRE_ROUTE_MAX];
	struct route back;
	struct wr w = wr_init(buf, sizeof buf);
	route_encode(&w, r, 0);
	if (w.bad)
		return;
	struct rd rd = rd_init(buf, wr_len(&w));
	route_decode(&rd, &back);
	CHECK(rd_done(&rd) && back.n == r->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	struct route r, again;
	char err[160], canonical[ROUTE_STRING_MAX], twice[ROUTE_STRING_MAX];
	char *text = fuzz_text(&in, 2 * ROUTE_STRING_MAX);
	int rc = route_parse(&r, text, err, sizeof err);
	if (rc < 0) {
		CHECK(strnlen(err, sizeof err) < sizeof err && *err);
	} else {
		CHECK(r.n <= ROUTE_ELEMENTS_MAX && route_hops(&r) <= WIRE_HOPS_MAX);
		if (route_format(&r, canonical, sizeof canonical) >= 0) {
			CHECK(!route_parse(&again, canonical, err, sizeof err));
			CHECK(route_format(&again, twice, sizeof twice) >= 0);
			CHECK(!strcmp(canonical, twice) && again.n == r.n);
		}
		wire_takes_it(&r);
	}
	free(text);
	return 0;
}
