// SPDX-License-Identifier: Apache-2.0
/* Inner records of an opened frame. */
#include "fuzz.h"
#include "record.h"

#include <errno.h>

/* Records of streams are written again as they came, but for flags that mean nothing. */
static void of_stream(struct wr *one, const struct record *rec)
{
	struct record_open open;
	struct record_stream stream;
	struct record_window window;
	uint64_t limit;
	uint8_t code;
	const uint8_t *from = one->p;
	if (rec->kind == REC_OPEN && !record_open_decode(rec, &open))
		record_open_encode(one, rec->stream, &open);
	else if (rec->kind == REC_ACCEPT && !record_accept_decode(rec, &limit))
		record_accept_encode(one, rec->stream, limit);
	else if (rec->kind == REC_REFUSE && !record_refuse_decode(rec, &code))
		record_refuse_encode(one, rec->stream, code);
	else if (rec->kind == REC_STREAM && !record_stream_decode(rec, &stream))
		record_stream_encode(one, rec->stream, &stream);
	else if (rec->kind == REC_WINDOW && !record_window_decode(rec, &window))
		record_window_encode(one, rec->stream, &window);
	else
		return;
	CHECK(!one->bad && one->p - from == WIRE_RECORD_HEADER + rec->len);
	CHECK(!rec->len || !memcmp(from + WIRE_RECORD_HEADER, rec->body, rec->len));
}

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
		else
			of_stream(&one, &rec);
		CHECK(!w.bad && !one.bad);
	}
	CHECK(rc == 0 || rc == -EPROTO);
	if (rc == 0)
		CHECK(wr_len(&w) == size);
	free(p);
	return 0;
}
