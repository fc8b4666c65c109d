/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inner records, the content of an opened DATA frame: kind u8, flags u8, len u16 (body), stream
 * u32, body. No state. Bodies borrow from the frame. Source: docs/protocol.md "Inner records".
 */
#ifndef OCKAM_RECORD_H
#define OCKAM_RECORD_H

#include "wire.h"

enum { RECORD_PING_BODY = 12, RECORD_CLOSE_BODY = 1 };

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

/* 1: a record; 0: none left; -EPROTO: what is left is not a whole record. */
int record_next(struct rd *r, struct record *out);
/* 0 or -EPROTO. */
int record_ping_decode(const struct record *rec, struct record_ping *out);
int record_close_decode(const struct record *rec, uint8_t *code);

/* Writes a whole record, or sets w->bad. */
void record_encode(struct wr *w, const struct record *rec);
/* `kind` is REC_PING or REC_PONG. */
void record_ping_encode(struct wr *w, enum record_kind kind, const struct record_ping *ping);
void record_close_encode(struct wr *w, uint8_t code);

#endif
