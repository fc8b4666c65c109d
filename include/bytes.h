/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing bytes from outside. A reader or writer that would pass its end sets a sticky
 * `bad` and reads zero (or writes nothing); the caller checks once, with rd_done() or wr.bad.
 * All integers are big-endian. Borrowed pointers live as long as the buffer.
 */
#ifndef OCKAM_BYTES_H
#define OCKAM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

struct rd {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

static inline struct rd rd_init(const void *buf, size_t len)
{
	return (struct rd){buf, (const uint8_t *)buf + len, false};
}

static inline size_t rd_left(const struct rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* Takes n bytes; NULL and sticky bad when there are fewer. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t n)
{
	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *p = r->p;
	r->p += n;
	return p;
}

static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 1);
	return p ? *p : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 2);
	return p ? get_be16(p) : 0;
}

static inline uint32_t rd_u32(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 4);
	return p ? get_be32(p) : 0;
}

static inline uint64_t rd_u64(struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 8);
	return p ? get_be64(p) : 0;
}

/* Narrows to the next n bytes: the rest of `r` continues behind them. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);
	return p ? rd_init(p, n) : (struct rd){NULL, NULL, true};
}

/* True when all was read and nothing was read past the end. */
static inline bool rd_done(const struct rd *r)
{
	return !r->bad && r->p == r->end;
}

struct wr {
	uint8_t *start;
	uint8_t *p;
	uint8_t *end;
	bool bad;
};

static inline struct wr wr_init(void *buf, size_t cap)
{
	return (struct wr){buf, buf, (uint8_t *)buf + cap, false};
}

static inline size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}

/* Reserves n bytes; NULL and sticky bad when they do not fit. */
static inline uint8_t *wr_room(struct wr *w, size_t n)
{
	if (w->bad || (size_t)(w->end - w->p) < n) {
		w->bad = true;
		return NULL;
	}
	uint8_t *p = w->p;
	w->p += n;
	return p;
}

static inline void wr_bytes(struct wr *w, const void *src, size_t n)
{
	uint8_t *p = wr_room(w, n);
	if (p && n)
		memcpy(p, src, n);
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	wr_bytes(w, &v, 1);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_room(w, 2);
	if (p)
		put_be16(p, v);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_room(w, 4);
	if (p)
		put_be32(p, v);
}

static inline void wr_u64(struct wr *w, uint64_t v)
{
	uint8_t *p = wr_room(w, 8);
	if (p)
		put_be64(p, v);
}

#endif
