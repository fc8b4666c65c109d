/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inner records, the content of an opened DATA frame: kind u8, flags u8, len u16 (body), stream
 * u32, body. No state. Bodies borrow from the frame. Source: docs/protocol.md "Inner records".
 */
#ifndef OCKAM_RECORD_H
#define OCKAM_RECORD_H

#include "wire.h"

enum {
	RECORD_PING_BODY = 12,
	RECORD_CLOSE_BODY = 1,
	RECORD_STREAM_OFFSET = 8, /* in front of the bytes of STREAM */
	RECORD_WINDOW_BODY = 16,
	RECORD_OPEN_MAX = 8 + 1 + WIRE_NAME_MAX,
};

struct record {
	uint8_t kind; /* enum record_kind, or one that is not known */
	uint8_t flags;
	uint32_t stream;
	const uint8_t *body;
	uint16_t len;
};

/* PING and PONG: the asker's clock, echoed, and the highest epoch the speaker has opened. */
struct record_ping {
	uint64_t timestamp;
	uint32_t epoch;
};

struct record_open {
	uint64_t limit; /* how many bytes the opener takes */
	const uint8_t *name;
	uint8_t name_len; /* 1..WIRE_NAME_MAX, no control characters */
};

struct record_stream {
	uint64_t offset;
	const uint8_t *data;
	uint32_t len;
	bool fin, rst, at_limit;
};

struct record_window {
	uint64_t consumed, limit;
};

/* 1: a record; 0: none left; -EPROTO: what is left is not a whole record. */
int record_next(struct rd *r, struct record *out);
/* 0 or -EPROTO. */
int record_ping_decode(const struct record *rec, struct record_ping *out);
int record_close_decode(const struct record *rec, uint8_t *code);
int record_open_decode(const struct record *rec, struct record_open *out);
int record_accept_decode(const struct record *rec, uint64_t *limit);
int record_refuse_decode(const struct record *rec, uint8_t *code);
int record_stream_decode(const struct record *rec, struct record_stream *out);
int record_window_decode(const struct record *rec, struct record_window *out);

/* Writes a whole record, or sets w->bad. */
void record_encode(struct wr *w, const struct record *rec);
/* `kind` is REC_PING or REC_PONG. */
void record_ping_encode(struct wr *w, enum record_kind kind, const struct record_ping *ping);
void record_close_encode(struct wr *w, uint8_t code);
void record_open_encode(struct wr *w, uint32_t stream, const struct record_open *open);
void record_accept_encode(struct wr *w, uint32_t stream, uint64_t limit);
void record_refuse_encode(struct wr *w, uint32_t stream, uint8_t code);
void record_stream_encode(struct wr *w, uint32_t stream, const struct record_stream *s);
/* Everything of a STREAM record that is in front of its `len` bytes, to where they lie already. */
enum { RECORD_STREAM_HEAD = WIRE_RECORD_HEADER + RECORD_STREAM_OFFSET };
void record_stream_head(uint8_t *dst, uint32_t stream, const struct record_stream *s);
void record_window_encode(struct wr *w, uint32_t stream, const struct record_window *win);

#endif
