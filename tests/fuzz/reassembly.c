// SPDX-License-Identifier: Apache-2.0
/* Bodies of MSG in parts: a program of parts, of sessions that go, and of time. */
#include "reassembly.h"
#include "fuzz.h"
#include "wire.h"

#include <errno.h>

enum { SESSIONS = 4, PART = 32768, STEPS_MAX = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t part[PART];
	static const char session[SESSIONS];
	struct reassembly ra = {0};
	struct rd r = rd_init(data, size);
	uint64_t now = 1000;
	size_t given[SESSIONS] = {0};
	for (unsigned i = 0; i < STEPS_MAX && rd_left(&r) >= 2; i++) {
		uint8_t op = rd_u8(&r), arg = rd_u8(&r);
		unsigned s = op & 3;
		if (op >> 5 == 7) {
			reassembly_drop_session(&ra, &session[s]);
			given[s] = 0;
		} else if (op >> 5 == 6) {
			now += 1000u * arg;
			if (reassembly_deadline(&ra) <= now)
				reassembly_tick(&ra, now);
		} else {
			uint8_t *whole = NULL;
			/* one of 16 messages, up to a whole part */
			size_t len = op & 0x20 ? PART : arg >> 4, whole_len = 0;
			int rc = reassembly_take(&ra, now, &session[s], arg & 15, op & 4, part, len,
				&whole, &whole_len);
			CHECK(rc == 0 || rc == 1 || rc == -EPROTO);
			CHECK((rc == 1) == (whole != NULL));
			given[s] += len;
			if (rc == 1) {
				CHECK(whole_len <= given[s]);
				uint8_t *end = whole + whole_len;
				CHECK(!whole_len || end[-1] == 0);
			}
			free(whole);
		}
		CHECK(ra.bytes <= WIRE_MSG_NODE_MAX);
	}
	for (unsigned s = 0; s < SESSIONS; s++)
		reassembly_drop_session(&ra, &session[s]);
	CHECK(!ra.bytes && !ra.first);
	reassembly_fini(&ra);
	return 0;
}
