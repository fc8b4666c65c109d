// SPDX-License-Identifier: Apache-2.0
/* Hop parts, CONTROL frames, bodies of MSG and errors. The first byte picks which. */
#include "fuzz.h"
#include "message_codec.h"

static void hop(const uint8_t *p, size_t len, bool control)
{
	struct hop_part h;
	struct rd end;
	uint8_t buf[1024];
	if (hop_part_decode(p, len, control, &h, &end) < 0)
		return;
	CHECK(h.hops_left <= WIRE_HOPS_MAX && h.path_max >= WIRE_PATH_MIN);
	CHECK(h.has_return_field == control);
	struct wr w = wr_init(buf, sizeof buf);
	hop_part_encode(&w, &h, 0);
	CHECK(!w.bad && wr_len(&w) == len - rd_left(&end) && !memcmp(buf, p, wr_len(&w)));
}

static void error(const uint8_t *p, size_t len)
{
	struct message_error e, again;
	uint8_t buf[ERROR_PAYLOAD_MAX];
	if (message_error_decode(p, len, &e) < 0)
		return;
	for (const char *c = e.text; *c; c++)
		CHECK(*c >= 0x20 && *c < 0x7f);
	CHECK(!message_error_decode(buf, message_error_encode(buf, &e), &again));
	CHECK(again.code == e.code && again.hops_left == e.hops_left &&
		!strcmp(again.text, e.text));
}

static void control(uint8_t *p, size_t len)
{
	struct message m;
	uint8_t *frame;
	size_t n;
	if (control_decode(p, len, &m) < 0)
		return;
	CHECK(m.kind <= MSG_ERROR && m.payload >= p && m.payload + m.len <= p + len);
	int rc = control_encode(&m, 0, 65535, &frame, &n);
	CHECK(!rc || len > CONTROL_FRAME_MAX);
	if (rc < 0)
		return;
	CHECK(n == len && !memcmp(frame + WIRE_HEADER, p + WIRE_HEADER, n - WIRE_HEADER));
	free(frame);
	if (m.kind != MSG_ERROR && control_room(&m, 0, 2000) < m.len)
		CHECK(len > 2000 - 3);
}

static void msg(const uint8_t *p, size_t len)
{
	struct message m;
	uint8_t *body;
	size_t n;
	if (msg_decode(p, len, &m) < 0)
		return;
	CHECK(!msg_encode(&m, 0, &body, &n));
	CHECK(n == len && !memcmp(body, p, n));
	free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	uint8_t what = rd_u8(&in);
	size_t n = rd_left(&in);
	uint8_t *p = fuzz_block(&in, &n);
	switch (what % 5) {
	case 0:
		hop(p, n, false);
		break;
	case 1:
		hop(p, n, true);
		break;
	case 2:
		control(p, n);
		break;
	case 3:
		msg(p, n);
		break;
	default:
		error(p, n);
	}
	free(p);
	return 0;
}
