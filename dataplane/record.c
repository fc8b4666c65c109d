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

static bool name_ok(const struct record_open *o)
{
	if (!o->name_len || o->name_len > WIRE_NAME_MAX)
		return false;
	for (unsigned i = 0; i < o->name_len; i++)
		if (o->name[i] < 0x20 || o->name[i] == 0x7f)
			return false;
	return true;
}

int record_open_decode(const struct record *rec, struct record_open *out)
{
	struct rd r = rd_init(rec->body, rec->len);
	struct record_open o;
	o.limit = rd_u64(&r);
	o.name_len = rd_u8(&r);
	o.name = rd_bytes(&r, o.name_len);
	if (!rd_done(&r) || rec->flags || !name_ok(&o))
		return -EPROTO;
	*out = o;
	return 0;
}

int record_accept_decode(const struct record *rec, uint64_t *limit)
{
	if (rec->len != sizeof *limit || rec->flags)
		return -EPROTO;
	*limit = get_be64(rec->body);
	return 0;
}

int record_refuse_decode(const struct record *rec, uint8_t *code)
{
	if (rec->len != 1 || rec->flags)
		return -EPROTO;
	*code = rec->body[0];
	return 0;
}

/* A record that says nothing, and a reset with anything beside it, are faults. */
int record_stream_decode(const struct record *rec, struct record_stream *out)
{
	if (rec->len < RECORD_STREAM_OFFSET || rec->flags & ~(REC_F_FIN | REC_F_RST | REC_F_LIMIT))
		return -EPROTO;
	struct record_stream s = {
		.offset = get_be64(rec->body),
		.data = rec->body + RECORD_STREAM_OFFSET,
		.len = (uint32_t)rec->len - RECORD_STREAM_OFFSET,
		.fin = rec->flags & REC_F_FIN,
		.rst = rec->flags & REC_F_RST,
		.at_limit = rec->flags & REC_F_LIMIT,
	};
	if (s.rst ? s.len || s.fin || s.at_limit : !s.len && !s.fin)
		return -EPROTO;
	*out = s;
	return 0;
}

int record_window_decode(const struct record *rec, struct record_window *out)
{
	if (rec->len != RECORD_WINDOW_BODY || rec->flags)
		return -EPROTO;
	struct record_window w = {get_be64(rec->body), get_be64(rec->body + 8)};
	if (w.limit < w.consumed)
		return -EPROTO;
	*out = w;
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

void record_open_encode(struct wr *w, uint32_t stream, const struct record_open *open)
{
	uint8_t body[RECORD_OPEN_MAX];
	put_be64(body, open->limit);
	body[8] = open->name_len;
	memcpy(body + 9, open->name, open->name_len);
	record_encode(w, &(struct record){.kind = REC_OPEN,
				 .stream = stream,
				 .body = body,
				 .len = (uint16_t)(9 + open->name_len)});
}

void record_accept_encode(struct wr *w, uint32_t stream, uint64_t limit)
{
	uint8_t body[8];
	put_be64(body, limit);
	record_encode(
		w, &(struct record){
			   .kind = REC_ACCEPT, .stream = stream, .body = body, .len = sizeof body});
}

void record_refuse_encode(struct wr *w, uint32_t stream, uint8_t code)
{
	record_encode(
		w, &(struct record){.kind = REC_REFUSE, .stream = stream, .body = &code, .len = 1});
}

void record_stream_head(uint8_t *dst, uint32_t stream, const struct record_stream *s)
{
	dst[0] = REC_STREAM;
	dst[1] = (uint8_t)((s->fin ? REC_F_FIN : 0) | (s->rst ? REC_F_RST : 0) |
			   (s->at_limit ? REC_F_LIMIT : 0));
	put_be16(dst + 2, (uint16_t)(RECORD_STREAM_OFFSET + s->len));
	put_be32(dst + 4, stream);
	put_be64(dst + WIRE_RECORD_HEADER, s->offset);
}

void record_stream_encode(struct wr *w, uint32_t stream, const struct record_stream *s)
{
	uint8_t *head = wr_room(w, RECORD_STREAM_HEAD);
	if (!head)
		return;
	record_stream_head(head, stream, s);
	wr_bytes(w, s->data, s->len);
}

void record_window_encode(struct wr *w, uint32_t stream, const struct record_window *win)
{
	uint8_t body[RECORD_WINDOW_BODY];
	put_be64(body, win->consumed);
	put_be64(body + 8, win->limit);
	record_encode(
		w, &(struct record){
			   .kind = REC_WINDOW, .stream = stream, .body = body, .len = sizeof body});
}
