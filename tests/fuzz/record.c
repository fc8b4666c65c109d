// SPDX-License-Identifier: Apache-2.0
/* Inner records of an opened frame. */
#include "fuzz.h"
#include "record.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[WIRE_FRAME_MAX];
	if (size > sizeof out)
		return 0;
	struct rd in = rd_init(data, size);
	uint8_t *p = fuzz_block(&in, &size);
	struct rd r = rd_init(p, size);
	struct wr w = wr_init(out, sizeof out);
	struct record rec;
	int rc;
	while ((rc = record_next(&r, &rec)) == 1) {
		struct record_ping ping;
		uint8_t code;
		struct wr one = w;
		CHECK(!rec.len || (rec.body >= p && rec.body + rec.len <= p + size));
		record_encode(&w, &rec);
		if ((rec.kind == REC_PING || rec.kind == REC_PONG) &&
			!record_ping_decode(&rec, &ping))
			record_ping_encode(&one, rec.kind, &ping);
		else if (rec.kind == REC_CLOSE && !record_close_decode(&rec, &code))
			record_close_encode(&one, code);
		CHECK(!w.bad && !one.bad);
	}
	CHECK(rc == 0 || rc == -EPROTO);
	if (rc == 0)
		CHECK(wr_len(&w) == size);
	free(p);
	return 0;
}
