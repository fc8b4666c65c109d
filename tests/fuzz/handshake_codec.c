// SPDX-License-Identifier: Apache-2.0
/* INIT's end part and the payloads of messages 2 and 3. The first byte picks which. */
#include "fuzz.h"
#include "handshake_codec.h"

static bool inside(struct slice s, const uint8_t *p, size_t len)
{
	return !s.len || (s.p >= p && s.p + s.len <= p + len);
}

static void init(const uint8_t *p, size_t len)
{
	struct init_end e;
	if (init_end_decode(p, len, &e) < 0)
		return;
	CHECK(e.label && e.noise_len && e.frame_max >= WIRE_PATH_MIN);
	CHECK(e.prologue == p && e.prologue_len + e.noise_len == len);
	CHECK(e.noise == p + e.prologue_len && e.prologue_len + 8 <= INIT_PROLOGUE_MAX);
	size_t n = strnlen(e.listener, sizeof e.listener);
	CHECK(n && n <= WIRE_NAME_MAX);
}

static void payload(const uint8_t *p, size_t len, bool with_label)
{
	struct handshake_payload h;
	if (handshake_payload_decode(p, len, with_label, &h) < 0)
		return;
	CHECK(inside(h.history, p, len) && inside(h.attestation, p, len));
	CHECK(h.suites_n && h.suites_n <= PAYLOAD_SUITES_MAX && !h.label == !with_label);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	uint8_t what = rd_u8(&in);
	size_t n = rd_left(&in);
	uint8_t *p = fuzz_block(&in, &n);
	if (what % 3 == 0)
		init(p, n);
	else
		payload(p, n, what % 3 == 1);
	free(p);
	return 0;
}
