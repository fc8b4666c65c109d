// SPDX-License-Identifier: Apache-2.0
/*
 * The streams of one session: a program of records that the peer sends, of applications that open,
 * read, write and stop, and of frames that leave. What leaves is in order, whole and within the
 * limits that the peer has set; when all is over, no memory and no credit is left out.
 */
#include "stream.h"
#include "fuzz.h"

#include <errno.h>

enum { APPS = 16, STEPS_MAX = 400, HELD_MAX = 256 << 10, GROWN_MAX = 1 << 20, SEEN = 64, IOV = 32 };

struct app {
	struct stream *s; /* NULL: free */
	size_t offered, room;
	bool writing, filling, ended;
};

struct box {
	struct bufpool pool;
	struct stream_hub hub;
	struct streams st;
	struct app app[APPS];
	struct {
		uint32_t id;
		uint64_t next;
		bool fin;
	} seen[SEEN]; /* what left of each stream */
	bool broken;
};

static struct box b;

static struct app *app_of(const struct stream *s)
{
	for (unsigned i = 0; i < APPS; i++)
		if (b.app[i].s == s)
			return &b.app[i];
	return NULL;
}

static struct app *app_new(struct stream *s)
{
	struct app *a = app_of(NULL);
	if (a) {
		*a = (struct app){.s = s};
		s->app = a;
	}
	return a;
}

static struct app *pick(struct rd *r)
{
	struct app *a = &b.app[rd_u8(r) % APPS];
	return a->s ? a : NULL;
}

/* Frees what has ended and has no I/O under way. */
static void let_go(struct app *a)
{
	if (!a->s || !a->ended || a->writing || a->filling)
		return;
	stream_free(a->s);
	a->s = NULL;
}

static void news(void)
{
	for (struct stream *s; (s = stream_next_news(&b.hub));) {
		struct app *a = app_of(s);
		if (s->state == STREAM_ENDED && !a)
			stream_free(s);
		else if (s->state == STREAM_ENDED)
			a->ended = true, let_go(a);
		else if (s->state == STREAM_ASKED && !a && !(a = app_new(s)))
			stream_refuse(s, REFUSE_BUSY);
	}
}

/* Follows one record that left. */
static void follow(const struct record *rec)
{
	struct record_stream x;
	if (rec->kind != REC_STREAM)
		return;
	CHECK(!record_stream_decode(rec, &x));
	for (unsigned i = 0; !x.rst && i < SEEN; i++) {
		if (b.seen[i].id && b.seen[i].id != rec->stream)
			continue;
		b.seen[i].id = rec->stream;
		CHECK(!b.seen[i].fin && x.offset == b.seen[i].next);
		b.seen[i].next += x.len + x.fin;
		b.seen[i].fin = x.fin;
		return;
	}
}

static void follow_all(const uint8_t *p, size_t len)
{
	struct rd r = rd_init(p, len);
	struct record rec;
	int rc;
	while ((rc = record_next(&r, &rec)) == 1)
		follow(&rec);
	CHECK(rc == 0);
}

static void leave(struct rd *r)
{
	static uint8_t frame[WIRE_FRAME_MAX];
	uint8_t how = rd_u8(r);
	uint32_t len;
	struct buf *buf;
	if (streams_frame_ready(&b.st, how & 1)) {
		struct wr w =
			wr_init(frame, how & 2 ? sizeof frame : WIRE_PATH_MIN - WIRE_DATA_MIN);
		streams_put(&b.st, &w, how & 1);
		CHECK(!w.bad);
		follow_all(frame, wr_len(&w));
	}
	for (unsigned i = how >> 4; i && !(how & 1) && (buf = streams_next(&b.st, &len)); i--) {
		CHECK(len >= WIRE_DATA_MIN && len <= buf->cap);
		follow_all(buf->data + WIRE_HEADER, len - WIRE_DATA_MIN);
		buf_put(buf);
	}
}

/* A record of the program's; STREAM and WINDOW are made to fit unless it says otherwise. */
static void receive(struct rd *r)
{
	static uint8_t body[70000];
	uint8_t kind = rd_u8(r), flags = rd_u8(r);
	struct record rec = {.kind = (uint8_t)(REC_OPEN + (kind & 7) % 5),
		.flags = flags & 7,
		.stream = rd_u8(r)};
	struct stream *s = stream_find(&b.st, rec.stream);
	size_t len = rd_u8(r) * (flags & 0x80 ? 250u : 1u);
	struct wr w = wr_init(body, sizeof body);
	if (kind & 0x80) { /* any bytes */
		const uint8_t *p = rd_bytes(r, len = len & 63);
		wr_bytes(&w, p ? p : body, p ? len : 0);
	} else if (rec.kind == REC_OPEN) {
		wr_u64(&w, 1000u * rd_u16(r));
		wr_u8(&w, 1);
		wr_u8(&w, 'x');
	} else if (rec.kind == REC_STREAM) {
		wr_u64(&w, (s ? s->rx.received : 0) + (kind & 0x40 ? rd_u8(r) : 0));
		wr_room(&w, rec.flags & REC_F_RST ? 0 : len);
	} else if (rec.kind == REC_WINDOW) {
		uint64_t gain = 1000u * rd_u16(r), taken = kind & 0x40 ? rd_u16(r) : UINT64_MAX;
		uint64_t sent = rec.stream == 0 ? b.st.tx_sent : s ? s->tx_next : 0;
		wr_u64(&w, taken < sent ? taken : sent);
		wr_u64(&w, (rec.stream == 0 ? b.st.tx_limit : s ? s->tx_limit : 0) + gain);
	} else if (rec.kind == REC_ACCEPT) {
		wr_u64(&w, (s ? s->tx_limit : 0) + rd_u16(r));
	} else {
		wr_u8(&w, rd_u8(r));
	}
	rec.len = (uint16_t)wr_len(&w);
	struct buf *buf = buf_plain((uint32_t)rec.len + 1);
	CHECK(buf);
	memcpy(buf->data, body, rec.len);
	rec.body = buf->data;
	int rc = streams_take(&b.st, &rec, flags & 0x40 ? NULL : buf);
	buf_put(buf);
	CHECK(rc == 0 || rc == -EPROTO || rc == -EDQUOT);
	b.broken |= rc < 0;
}

static void opens(struct rd *r)
{
	struct stream *s;
	if (!app_of(NULL))
		return;
	int rc = stream_open(&b.st, "service", &s);
	CHECK(rc == 0 || rc == -EPIPE || rc == -EOPNOTSUPP || rc == -EMFILE);
	if (rc == 0)
		app_new(s);
}

static void app_reads(struct rd *r)
{
	struct app *a = pick(r);
	uint8_t how = rd_u8(r);
	struct iovec iov[IOV];
	bool end = false;
	if (!a)
		return;
	if (a->writing) { /* that is done now */
		a->writing = false;
		size_t n = how & 1 ? a->offered : how & 2 ? a->offered / 2 : 0;
		stream_out_done(a->s, how & 4 ? -EPIPE : how & 8 ? -EAGAIN : (int64_t)n);
		let_go(a);
		return;
	}
	if (a->ended)
		return;
	unsigned n = stream_out_take(a->s, iov, 1 + how % IOV, &end);
	a->offered = 0;
	for (unsigned i = 0; i < n; i++) {
		volatile uint8_t last = ((uint8_t *)iov[i].iov_base)[iov[i].iov_len - 1];
		(void)last;
		a->offered += iov[i].iov_len;
	}
	a->writing = n > 0;
	CHECK(!end || !n);
	if (end)
		stream_out_end(a->s);
}

static void app_writes(struct rd *r)
{
	struct app *a = pick(r);
	uint8_t how = rd_u8(r);
	struct iovec iov[STREAM_SLOTS];
	if (!a)
		return;
	if (a->filling) {
		a->filling = false;
		size_t n = how & 1 ? a->room : how & 2 ? 100 : a->room / 3;
		n = n < a->room ? n : a->room;
		stream_in_done(a->s, how & 4	? 0
				     : how & 8	? -ECONNRESET
				     : how & 16 ? -EAGAIN
						: (int64_t)n);
		let_go(a);
		return;
	}
	if (a->ended || a->s->fin_wanted)
		return;
	if (how & 0x80) { /* little, in a block of its own */
		uint32_t room = stream_in_room(a->s), n = how & 0x7f;
		struct buf *buf = buf_plain(1024);
		CHECK(buf);
		if (n && n <= room)
			stream_in_adopt(a->s, buf, n);
		else
			buf_put(buf);
		return;
	}
	unsigned n = stream_in_slots(a->s, iov, 1 + how % STREAM_SLOTS);
	a->room = 0;
	for (unsigned i = 0; i < n; i++)
		a->room += iov[i].iov_len;
	a->filling = n > 0;
}

static void app_decides(struct rd *r)
{
	struct app *a = pick(r);
	uint8_t how = rd_u8(r);
	if (!a || a->ended)
		return;
	switch (how % 4) {
	case 0:
		stream_accept(a->s);
		break;
	case 1:
		stream_refuse(a->s, REFUSE_OTHER);
		break;
	case 2:
		stream_reset(a->s);
		break;
	default:
		if (!a->writing)
			stream_out_room(a->s);
	}
}

static void check(void)
{
	struct label_iter it = {0};
	CHECK(b.st.tx_sent <= b.st.tx_limit && b.st.rx.received <= b.st.rx.limit);
	CHECK(b.hub.held <= HELD_MAX && b.hub.given <= GROWN_MAX / 4);
	CHECK(b.hub.tuned <= GROWN_MAX / 2 && b.st.held <= b.hub.held);
	for (struct label_node *n; (n = label_each(&b.st.table, &it));) {
		const struct stream *s = LABEL_ENTRY(n, struct stream, node);
		CHECK(s->tx_next <= s->tx_queued + 1 && s->tx_queued <= s->tx_limit);
		CHECK(s->tx_acked <= s->tx_next);
		CHECK(s->rx.consumed <= s->rx.received && s->rx.received <= s->rx.limit);
	}
}

static void step(struct rd *r)
{
	switch (rd_u8(r) % 10) {
	case 0:
	case 1:
	case 2:
		receive(r);
		break;
	case 3:
		leave(r);
		break;
	case 4:
		opens(r);
		break;
	case 5:
	case 6:
		app_reads(r);
		break;
	case 7:
	case 8:
		app_writes(r);
		break;
	default:
		app_decides(r);
	}
	if (b.broken) /* as a session does */
		streams_end(&b.st);
}

static void finish(void)
{
	streams_end(&b.st);
	news();
	for (unsigned i = 0; i < APPS; i++) {
		struct app *a = &b.app[i];
		if (a->writing)
			stream_out_done(a->s, -EPIPE);
		if (a->filling)
			stream_in_done(a->s, -ECONNRESET);
		a->writing = a->filling = false;
		let_go(a);
		CHECK(!a->s);
	}
	CHECK(!b.hub.held && !b.hub.given && !b.hub.tuned && !b.st.granted);
	CHECK(!b.st.slots && !b.st.busy && !b.st.own && !b.st.peers);
	streams_fini(&b.st);
	CHECK(!b.pool.out);
	bufpool_fini(&b.pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	uint8_t how = rd_u8(&r);
	memset(&b, 0, sizeof b);
	bufpool_init(&b.pool);
	stream_hub_init(&b.hub, &b.pool, HELD_MAX, GROWN_MAX);
	CHECK(!streams_init(
		&b.st, &b.hub, 7, how & 1, how & 2, how & 4 ? WIRE_FRAME_MAX : WIRE_PATH_MIN, 1));
	for (unsigned i = 0; i < STEPS_MAX && rd_left(&r); i++) {
		step(&r);
		if (!(i & 1)) /* news is sometimes late */
			news();
		check();
	}
	finish();
	return 0;
}
