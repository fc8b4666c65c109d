/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <errno.h>

int record_next(struct rd *r, struct record *out)
{
	if (rd_done(r))
		return 0;
	struct record rec; /* by statements: initializers have no order of evaluation */
	rec.kind = rd_u8(r);
	rec.flags = rd_u8(r);
	rec.len = rd_u16(r);
	rec.stream = rd_u32(r);
	rec.body = rd_bytes(r, rec.len);
	if (r->bad)
		return -EPROTO;
	*out = rec;
	return 1;
}

int record_ping_decode(const struct record *rec, struct record_ping *out)
{
	struct rd r = rd_init(rec->body, rec->len);
	struct record_ping ping;
	ping.timestamp = rd_u64(&r);
	ping.epoch = rd_u32(&r);
	if (!rd_done(&r))
		return -EPROTO;
	*out = ping;
	return 0;
}

int record_close_decode(const struct record *rec, uint8_t *code)
{
	if (rec->len != RECORD_CLOSE_BODY)
		return -EPROTO;
	*code = rec->body[0];
	return 0;
}

void record_encode(struct wr *w, const struct record *rec)
{
	wr_u8(w, rec->kind);
	wr_u8(w, rec->flags);
	wr_u16(w, rec->len);
	wr_u32(w, rec->stream);
	wr_bytes(w, rec->body, rec->len);
}

void record_ping_encode(struct wr *w, enum record_kind kind, const struct record_ping *ping)
{
	uint8_t body[RECORD_PING_BODY];
	put_be64(body, ping->timestamp);
	put_be32(body + 8, ping->epoch);
	record_encode(w, &(struct record){.kind = (uint8_t)kind, .body = body, .len = sizeof body});
}

void record_close_encode(struct wr *w, uint8_t code)
{
	record_encode(
		w, &(struct record){.kind = REC_CLOSE, .body = &code, .len = RECORD_CLOSE_BODY});
}
