// SPDX-License-Identifier: Apache-2.0
/* Streams between two engines: what arrives, in what order, with how much memory. */
#include "stream_pair.h"

#include "aead.h"
#include "liveness.h"

static uint64_t rng;

static uint64_t any(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return n ? rng % n : 0;
}

static void bytes_and_ends_pass_both_ways(void **state)
{
	static const uint16_t frames[] = {1024, 4096, 65535};
	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct pair *p = pair_new(frames[k]);
		struct app *a = app_open(p, 0);
		run(p);
		struct app *b = app_of(p, 1, a->id);
		assert_non_null(b);
		a->to_write = 3000000;
		a->then_end = true;
		app_write(a);
		run(p);
		assert_true(b->got == 3000000 && b->ended_out && !b->gone);
		b->to_write = 2000001; /* half closed: the other way goes on */
		b->then_end = true;
		app_write(b);
		run(p);
		assert_true(a->got == 2000001 && a->ended_out);
		assert_true(a->gone && b->gone && !a->reset && !b->reset);
		check_sums(p, 0);
		check_sums(p, 1);
		assert_int_equal(streams_of(p, 0)->own, 0);
		assert_int_equal(box_count(p->side[0], SEAM_STREAM_CLOSED), 1);
		const struct seam_msg *m = &box_find(p->side[1], SEAM_STREAM_CLOSED)->m;
		assert_true(m->error == 0 && m->bytes_rx == 3000000 && m->bytes_tx == 2000001);
		assert_int_equal(box_find(p->side[0], SEAM_STREAM_CLOSED)->m.portal, 7);
		pair_free(p);
	}
}

/* Large records lie in one place from the application to the wire, and from there to the other. */
static void payload_is_not_copied(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *a = app_open(p, 0);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	struct iovec iov[STREAM_SLOTS];
	const struct iovec *out;
	unsigned n = stream_in_slots(a->s, iov, STREAM_SLOTS);
	assert_int_equal(n, STREAM_SLOTS);
	memset(iov[0].iov_base, 5, iov[0].iov_len);
	memset(iov[1].iov_base, 6, 100);
	stream_in_done(a->s, (int64_t)iov[0].iov_len + 100);
	engine_stream_told(p->side[0]->e, a->s, p->side[0]->now);
	struct link *l = engine_next_ready(p->side[0]->e, p->side[0]->now);
	assert_non_null(l);
	assert_int_equal(engine_tx_take(p->side[0]->e, l, &out, p->side[0]->now), 2);
	for (unsigned i = 0; i < 2; i++)
		assert_ptr_equal((uint8_t *)out[i].iov_base + STREAM_HEADROOM, iov[i].iov_base);
	struct buf *wire = buf_plain(1 << 17);
	size_t len = 0;
	for (unsigned i = 0; i < 2; i++) {
		memcpy(wire->data + len, out[i].iov_base, out[i].iov_len);
		len += out[i].iov_len;
	}
	engine_tx_done(p->side[0]->e, l, (int64_t)len, p->side[0]->now);
	engine_rx(p->side[1]->e, p->side[1]->s[2].l, wire, wire->data, len, p->side[1]->now);
	bool end;
	assert_ptr_equal(engine_next_stream(p->side[1]->e, p->side[1]->now), b->s);
	assert_int_equal(stream_out_take(b->s, iov, STREAM_SLOTS, &end), 2);
	assert_ptr_equal(iov[0].iov_base, wire->data + STREAM_HEADROOM);
	assert_true(iov[1].iov_len == 100 && *(uint8_t *)iov[1].iov_base == 6);
	buf_put(wire);
	stream_out_done(b->s, (int64_t)STREAM_PAYLOAD_MAX + 100);
	pair_free(p);
}

static void small_writes_share_frames(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *a[20];
	for (unsigned i = 0; i < 20; i++)
		a[i] = app_open(p, 0);
	run(p);
	struct box_socket *s = &p->side[0]->s[2];
	unsigned sends = s->sends, pieces = s->pieces;
	a[0]->to_write = 10;
	app_write(a[0]);
	box_flush(p->side[0]);
	assert_int_equal(s->sends, sends + 1); /* a lone one waits for nothing */
	s->room = 0;
	for (unsigned k = 0; k < 5; k++)
		for (unsigned i = 0; i < 20; i++) {
			a[i]->to_write = 10;
			app_write(a[i]);
		}
	box_room(p->side[0], 2, SIZE_MAX);
	assert_true(s->pieces <= pieces + 4);
	run(p);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(app_of(p, 1, a[i]->id)->got, i ? 50 : 60);
	pair_free(p);
}

/* Bulk waits in front of the link; what is small goes first. */
static void small_goes_before_bulk(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *bulk = app_open(p, 0), *little = app_open(p, 0);
	run(p);
	p->side[0]->s[2].room = 0;
	bulk->to_write = 900000;
	app_write(bulk);
	box_flush(p->side[0]); /* taken by the link already */
	bulk->to_write = 900000;
	app_write(bulk);
	little->to_write = 5;
	app_write(little);
	assert_int_equal(little->to_write, 0);
	struct streams *st = streams_of(p, 0);
	assert_true(streams_frame_ready(st, false) && streams_bulk_ready(st));
	box_room(p->side[0], 2, 900000 + 200000);
	size_t sent = p->side[0]->s[2].out_len;
	assert_true(sent >= 900000);
	carry(p, 0);
	serve(p, 1);
	assert_int_equal(app_of(p, 1, little->id)->got, 5);
	box_room(p->side[0], 2, SIZE_MAX);
	run(p);
	assert_int_equal(app_of(p, 1, bulk->id)->got, 1800000);
	pair_free(p);
}

static uint64_t unconsumed(const struct app *a)
{
	return a->s->tx_next - a->s->tx_acked;
}

/* The application writes, and what may leave does, while the other end takes nothing. */
static void write_unheard(struct pair *p, struct app *a)
{
	size_t before;
	do {
		before = p->side[0]->s[2].out_len;
		app_write(a);
		serve(p, 0);
		box_flush(p->side[0]);
	} while (p->side[0]->s[2].out_len > before);
}

/* Much that is not consumed would be in front of what is small, where nothing overtakes it. */
static void bulk_holds_back_beside_small(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *bulk = app_open(p, 0), *other = app_open(p, 0), *little = app_open(p, 0);
	struct streams *st = streams_of(p, 0);
	run(p);
	/* by itself it goes as far as the window */
	bulk->to_write = 4 << 20;
	write_unheard(p, bulk);
	assert_int_equal(unconsumed(bulk), WIRE_STREAM_CREDIT);
	assert_false(streams_shared(st));
	run(p);
	/* how long the path is is found out first */
	p->side[0]->now = p->side[1]->now += LIVENESS_PING_MS;
	bulk->to_write = 4 << 20;
	app_write(bulk);
	for (unsigned i = 0; i < 3; i++) {
		little->to_write = 5;
		app_write(little);
		run(p);
	}
	assert_true(streams_shared(st));
	assert_int_equal(st->beside, STREAM_BESIDE);
	bulk->to_write = other->to_write = 4 << 20;
	write_unheard(p, bulk);
	assert_in_range(unconsumed(bulk), STREAM_BESIDE, STREAM_BESIDE + STREAM_PAYLOAD_MAX);
	/* each for itself, and none less than a WINDOW is given for */
	write_unheard(p, other);
	assert_in_range(unconsumed(other), STREAM_BESIDE, STREAM_BESIDE + STREAM_PAYLOAD_MAX);
	static_assert(STREAM_BESIDE >= 2 * WIRE_WINDOW_STEP, "its sender cannot wait for ever");
	run(p);
	assert_int_equal(bulk->to_write + other->to_write, 0);
	/* a stream that has large records is not held to be small for the end of one */
	p->side[0]->now = p->side[1]->now += STREAM_BESIDE_MS;
	bulk->to_write = 4 << 20;
	write_unheard(p, bulk);
	bulk->to_write = 0;
	run(p);
	bulk->to_write = 100;
	app_write(bulk);
	run(p);
	assert_false(streams_shared(st));
	pair_free(p);
}

/* A path that is long holds more, and is not what small records wait for. */
static void a_long_path_holds_more_beside_small(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *bulk = app_open(p, 0), *little = app_open(p, 0);
	struct streams *st = streams_of(p, 0);
	run(p);
	p->side[0]->now = p->side[1]->now += LIVENESS_PING_MS;
	bulk->to_write = 1 << 20;
	write_unheard(p, bulk);
	for (unsigned i = 0; i < 2; i++) {
		little->to_write = 5;
		app_write(little);
		box_flush(p->side[0]);
	}
	p->side[0]->now = p->side[1]->now += 20; /* there and back */
	run(p);
	little->to_write = 5;
	app_write(little);
	run(p);
	assert_true(streams_shared(st));
	assert_int_equal(st->beside, 21 * STREAM_BESIDE);
	pair_free(p);
}

static void bulk_streams_share_alike(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *a[4];
	for (unsigned i = 0; i < 4; i++) {
		a[i] = app_open(p, 0);
		a[i]->to_write = 8 << 20;
	}
	run(p); /* all are moved once: now step by step */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(app_of(p, 1, a[i]->id)->got, 8 << 20);
	uint64_t before[4];
	for (unsigned i = 0; i < 4; i++) {
		before[i] = app_of(p, 1, a[i]->id)->got;
		a[i]->to_write = 12 << 20;
		a[i]->step = i ? SIZE_MAX : 100000; /* one has less ready at a time */
		app_write(a[i]);
	}
	for (unsigned k = 0; k < 10; k++) {
		box_flush(p->side[0]);
		carry(p, 0);
		serve(p, 1);
		box_flush(p->side[1]);
		carry(p, 1);
		serve(p, 0);
	}
	uint64_t least = UINT64_MAX, most = 0;
	for (unsigned i = 1; i < 4; i++) {
		uint64_t n = app_of(p, 1, a[i]->id)->got - before[i];
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	assert_true(least > 1000000 && most < 2 * least);
	run(p);
	pair_free(p);
}

static void a_stopped_reader_stops_only_its_stream(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *slow[100], *fast = app_open(p, 0);
	for (unsigned i = 0; i < 100; i++) {
		slow[i] = app_open(p, 0);
		run(p);
		app_of(p, 1, slow[i]->id)->stopped = true;
		slow[i]->to_write = 1 << 30;
		app_write(slow[i]);
		run(p);
		check_sums(p, 1);
	}
	size_t held = p->side[1]->e->hub.held;
	assert_true(held <= (32 << 20) + 100 * WIRE_STREAM_FIRST);
	for (unsigned i = 0; i < 100; i++)
		assert_true(slow[i]->wrote < 3 << 20);
	fast->to_write = 24 << 20;
	app_write(fast);
	run(p);
	assert_int_equal(app_of(p, 1, fast->id)->got, 24 << 20);
	assert_int_equal(p->side[1]->e->hub.held, held);
	/* they go on where they stopped */
	for (unsigned i = 0; i < 100; i++) {
		struct app *b = app_of(p, 1, slow[i]->id);
		slow[i]->to_write = 100000;
		app_go_on(b);
	}
	run(p);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(app_of(p, 1, slow[i]->id)->got, slow[i]->wrote);
	check_sums(p, 0);
	check_sums(p, 1);
	pair_free(p);
}

/* However many stop. */
static void very_many_stopped_readers(void **state)
{
	enum { STOPPED = 700 };
	(void)state;
	struct pair *p = pair_new(65535);
	for (unsigned i = 0; i < STOPPED; i++) {
		struct app *slow = app_open(p, 0);
		run(p);
		app_of(p, 1, slow->id)->stopped = true;
		slow->to_write = 1 << 30;
		app_write(slow);
		run(p);
	}
	check_sums(p, 1);
	assert_true(p->side[1]->e->hub.held >= STOPPED * WIRE_STREAM_FIRST);
	assert_true(p->side[1]->e->hub.held <= (32 << 20) + STOPPED * WIRE_STREAM_FIRST);
	for (unsigned i = 0; i < 3; i++) {
		struct app *fast = app_open(p, 0);
		run(p);
		fast->to_write = 12 << 20;
		app_write(fast);
		run(p);
		assert_int_equal(app_of(p, 1, fast->id)->got, 12 << 20);
	}
	assert_int_equal(streams_of(p, 1)->peers, STOPPED + 3); /* and none was reset */
	pair_free(p);
}

/* Readers that keep up and stop then must leave room, whatever their windows grew to. */
static void stopped_after_growth(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *a[12];
	for (unsigned i = 0; i < 12; i++) {
		a[i] = app_open(p, 0);
		run(p);
		struct app *b = app_of(p, 1, a[i]->id);
		stream_widen(b->s, WIRE_STREAM_CREDIT_MAX); /* as a long path would have it */
		a[i]->to_write = 8 << 20;
		app_write(a[i]);
		run(p);
		b->stopped = true;
		a[i]->to_write = 1 << 30;
		app_write(a[i]);
		run(p);
		check_sums(p, 1);
	}
	struct app *last = app_open(p, 0);
	run(p);
	last->to_write = 12 << 20;
	app_write(last);
	run(p);
	assert_int_equal(app_of(p, 1, last->id)->got, 12 << 20);
	pair_free(p);
}

/* A path of so many steps of delay each way, that carries so much per step. */
static uint64_t long_path(struct pair *p, unsigned steps, size_t per_step, unsigned total)
{
	enum { LINES = 64 };
	static struct {
		uint8_t *p;
		size_t n;
	} line[2][LINES];
	memset(line, 0, sizeof line);
	p->side[0]->s[2].room = 0;
	for (unsigned t = 0; t < total; t++) {
		p->side[0]->now += 1;
		p->side[1]->now += 1;
		box_room(p->side[0], 2, per_step);
		for (unsigned i = 0; i < 2; i++) {
			struct box_socket *s = &p->side[i]->s[2];
			unsigned at = t % steps;
			uint8_t *old = line[i][at].p;
			size_t n = line[i][at].n;
			line[i][at].p = malloc(s->out_len + 1);
			memcpy(line[i][at].p, s->out ? s->out : (uint8_t *)"", s->out_len);
			line[i][at].n = s->out_len;
			s->out_len = 0;
			if (n)
				box_rx_only(p->side[!i], 2, old, n);
			free(old);
			serve(p, !i);
			box_flush(p->side[!i]);
		}
		serve(p, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < steps; k++) {
			if (line[i][k].n)
				box_rx_only(p->side[!i], 2, line[i][k].p, line[i][k].n);
			free(line[i][k].p);
		}
	p->side[0]->s[2].room = SIZE_MAX;
	box_room(p->side[0], 2, SIZE_MAX);
	return streams_of(p, 1)->rx.consumed;
}

static void windows_reach_what_a_long_path_holds(void **state)
{
	(void)state;
	/* 20 steps there and back, 600 KB a step: 12 MB under way */
	struct pair *p = pair_new(65535);
	struct app *a = app_open(p, 0);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	assert_int_equal(b->s->rx.window, WIRE_STREAM_CREDIT);
	a->to_write = UINT64_MAX / 2;
	app_write(a);
	long_path(p, 10, 600000, 160);
	assert_int_equal(b->s->rx.window, WIRE_STREAM_CREDIT_MAX);
	uint64_t at = b->got;
	long_path(p, 10, 600000, 40);
	assert_true(b->got - at > 36 * 590000ull); /* it fills the path */
	check_sums(p, 1);
	pair_free(p);

	/* 2 steps, 100 KB a step: what it has is enough */
	p = pair_new(65535);
	a = app_open(p, 0);
	run(p);
	b = app_of(p, 1, a->id);
	a->to_write = UINT64_MAX / 2;
	app_write(a);
	long_path(p, 1, 100000, 200);
	uint64_t wide = b->s->rx.window; /* the sender fills its own link first */
	assert_true(wide <= 2 * WIRE_STREAM_CREDIT);

	/* and a reader that is the bottleneck gets no more either */
	b->takes = 10000;
	for (unsigned i = 0; i < 100; i++) {
		app_go_on(b);
		long_path(p, 1, 3000000, 1);
	}
	assert_int_equal(b->s->rx.window, wide);
	pair_free(p);
}

/* Streams at rest were given windows; one that works gets what its path needs all the same. */
static void windows_grow_beside_many_at_rest(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	for (unsigned i = 0; i < 1200; i++)
		app_open(p, 0);
	run(p);
	struct app *a = app_open(p, 0);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	assert_true(b->s->rx.window < 2 * WIRE_STREAM_FIRST);
	a->to_write = UINT64_MAX / 2;
	app_write(a);
	long_path(p, 10, 600000, 400);
	assert_int_equal(b->s->rx.window, WIRE_STREAM_CREDIT_MAX);
	check_sums(p, 1);
	pair_free(p);
}

static void refusals_and_resets_say_why(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	p->hold_answers = true;
	struct app *a = app_open(p, 0), *b = app_open(p, 0);
	a->to_write = 200000; /* as far as it may before ACCEPT */
	app_write(a);
	run(p);
	assert_int_equal(a->wrote, WIRE_STREAM_FIRST);
	assert_int_equal(p->n_asked, 2);
	struct seam_msg m = {.cmd = SEAM_STREAM_REFUSE,
		.fd = -1,
		.has = H(SESSION) | H(STREAM) | H(CODE),
		.session = 1,
		.stream = a->id,
		.code = REFUSE_CONNECTION};
	assert_int_equal(box_apply(p->side[1], m), 0);
	assert_int_equal(box_apply(p->side[1], m), -EALREADY);
	run(p);
	assert_true(a->gone && a->reset && a->code == REFUSE_CONNECTION);
	assert_int_equal(box_apply(p->side[1], m), -ENOENT);
	/* the opener gives up while nobody has answered */
	stream_reset(b->s);
	engine_stream_told(p->side[0]->e, b->s, p->side[0]->now);
	run(p);
	assert_true(b->gone && b->reset && b->code == 0);
	m.cmd = SEAM_STREAM_ACCEPT;
	m.stream = b->id;
	assert_int_equal(box_apply(p->side[1], m), -ENOENT);
	assert_int_equal(box_count(p->side[1], SEAM_STREAM_CLOSED), 2);
	check_sums(p, 0);
	check_sums(p, 1);
	assert_int_equal(streams_of(p, 1)->peers, 0);

	p->hold_answers = false;
	a = app_open(p, 0);
	run(p);
	struct app *peer = app_of(p, 1, a->id);
	peer->stopped = true;
	a->to_write = 500000;
	app_write(a);
	run(p);
	stream_in_done(peer->s, -ECONNRESET);
	engine_stream_told(p->side[1]->e, peer->s, p->side[1]->now);
	run(p);
	assert_true(peer->gone && peer->reset && a->gone && a->reset);
	assert_int_equal(p->side[1]->e->hub.held, 0);
	check_sums(p, 0);
	check_sums(p, 1);
	pair_free(p);
}

static void a_lost_session_resets_its_streams(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct pair *p = pair_new(65535);
		struct app *a = app_open(p, 0), *c = app_open(p, 1);
		run(p);
		a->to_write = c->to_write = 1000;
		app_write(a);
		app_write(c);
		run(p);
		struct box *b = p->side[0];
		if (how == 0)
			engine_link_gone(b->e, b->s[2].l, -ECONNRESET, b->now);
		else
			box_apply(b, (struct seam_msg){.cmd = SEAM_SESSION_DEL,
					     .fd = -1,
					     .has = H(SESSION) | (how == 1 ? H(CLOSE) : 0),
					     .session = 1});
		if (how != 1) /* or the peer hears CLOSE */
			engine_link_gone(
				p->side[1]->e, p->side[1]->s[2].l, -ECONNRESET, p->side[1]->now);
		run(p);
		assert_true(a->gone && a->reset && c->gone && c->reset);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(p->side[i]->portals_closed, 1);
			for (struct app *x = p->apps[i]; x; x = x->next)
				assert_true(x->gone && x->reset);
		}
		pair_free(p);
	}
}

static void portals_follow_the_contract(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	assert_int_equal(pair_portal(p, 0, SEAM_PORTAL_ADD), -EEXIST);
	assert_int_equal(pair_portal(p, 0, SEAM_PORTAL_DEL), 0);
	assert_int_equal(p->side[0]->portals_closed, 1);
	assert_int_equal(pair_portal(p, 0, SEAM_PORTAL_DEL), -ENOENT);
	struct seam_msg m = {.cmd = SEAM_PORTAL_ADD,
		.fd = -1,
		.has = H(PORTAL) | H(SESSION) | H(SERVICE),
		.portal = 9,
		.session = 5,
		.service = "x"};
	assert_int_equal(box_apply(p->side[0], m), -ENOENT);
	m.session = 1;
	assert_int_equal(box_apply(p->side[0], m), -EBADF);
	m.fd = 1;
	m.service = "";
	assert_int_equal(box_apply(p->side[0], m), -EINVAL);
	m.service = "x";
	m.portal = 0;
	assert_int_equal(box_apply(p->side[0], m), -EINVAL);
	/* a path that may lose frames carries no streams */
	struct seam_msg lossy = pair_session(true, 4096, PATH_LOSSY);
	lossy.session = lossy.serial = 3;
	lossy.label = 300;
	assert_int_equal(box_apply(p->side[0], lossy), 0);
	m.session = 3;
	m.portal = 9;
	assert_int_equal(box_apply(p->side[0], m), -EOPNOTSUPP);
	pair_free(p);
}

static void as_many_as_allowed(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	p->side[0]->e->hub.streams_max = 50; /* and the peer lets only 30 in */
	p->side[1]->e->hub.streams_max = 30;
	struct app *a[50];
	for (unsigned i = 0; i < 50; i++)
		a[i] = app_open(p, 0);
	struct stream *none;
	struct box *b = p->side[0];
	assert_int_equal(engine_portal_accept(b->e, b->portal, a, &none, b->now), -EMFILE);
	run(p);
	unsigned refused = 0;
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(a[i]->gone, i >= 30);
		refused += a[i]->code == REFUSE_BUSY;
	}
	assert_int_equal(refused, 20);
	pair_free(p);
}

/* What comes and goes while control is behind is not remembered without end. */
static void streams_that_control_has_not_heard_of(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct box *b = p->side[1];
	b->hold_msgs = true;
	struct app *a;
	unsigned n = 0;
	for (;; n++) {
		a = app_open(p, 0);
		run(p);
		if (a->gone)
			break;
		assert_true(n < 2 * WIRE_STREAMS_MAX);
		stream_reset(a->s);
		engine_stream_told(p->side[0]->e, a->s, p->side[0]->now);
		run(p);
	}
	assert_int_equal(a->code, REFUSE_BUSY);
	assert_true(n >= WIRE_STREAMS_MAX);
	engine_delivered(b->e, 1, 0, b->now);
	a = app_open(p, 0);
	run(p);
	assert_false(a->gone);
	assert_int_equal(a->s->state, STREAM_OPEN);
	pair_free(p);
}

/* The node's memory is bounded: the slowest reader pays. */
static void held_memory_is_bounded(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	p->side[1]->e->hub.held_max = 2 << 20;
	struct app *a[4];
	for (unsigned i = 0; i < 4; i++) {
		a[i] = app_open(p, 0);
		run(p);
		app_of(p, 1, a[i]->id)->stopped = true;
		a[i]->to_write = 700000;
		app_write(a[i]);
		run(p);
		check_sums(p, 1);
	}
	unsigned lost = 0;
	for (unsigned i = 0; i < 4; i++)
		lost += a[i]->gone;
	assert_int_equal(lost, 2);
	pair_free(p);
}

static void paused_paths_hold_bytes_back(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *a = app_open(p, 0);
	run(p);
	struct app *b = app_of(p, 1, a->id);
	uint8_t f[WIRE_HEADER + 4];
	frame_header_encode(f, WIRE_LINK, LINK_PAUSE, sizeof f, 0, 0);
	put_be32(f + WIRE_HEADER, 201);
	box_rx(p->side[0], 2, f, sizeof f);
	a->to_write = 5000;
	app_write(a);
	b->to_write = 900000;
	app_write(b);
	run(p);
	assert_int_equal(b->got, 0);
	assert_int_equal(a->got, 900000); /* WINDOW is not held back */
	f[1] = LINK_RESUME;
	box_rx(p->side[0], 2, f, sizeof f);
	run(p);
	assert_int_equal(b->got, 5000);
	pair_free(p);
}

enum { RANDOM_STREAMS = 60, RANDOM_STEPS = 2000 };

static void act(struct pair *p, struct app *a)
{
	if (!a->s)
		return;
	switch (any(12)) {
	case 0:
		a->stopped = !a->stopped; /* noticed with the next bytes */
		break;
	case 1:
		a->takes = any(2) ? SIZE_MAX : 1 + any(30000);
		break;
	case 2:
		a->step = any(2) ? SIZE_MAX : 1 + any(1u << any(18));
		break;
	case 3:
		if (!a->told_end && !a->then_end)
			a->to_write += any(1u << any(21));
		break;
	case 4:
		if (!any(6))
			a->then_end = true;
		break;
	case 5:
		if (!any(60)) {
			stream_reset(a->s);
			engine_stream_told(a->b->e, a->s, a->b->now);
			a->reset = true;
		}
		break;
	default:
		if (!a->stopped)
			app_go_on(a);
		app_write(a);
	}
	(void)p;
}

static void move(struct pair *p)
{
	unsigned side = (unsigned)any(2);
	p->side[side]->s[2].room = any(3) ? 1 + any(300000) : SIZE_MAX;
	box_room(p->side[side], 2, p->side[side]->s[2].room);
	carry(p, side);
	serve(p, !side);
	box_flush(p->side[!side]);
}

static void let_finish(struct pair *p)
{
	for (unsigned k = 0; k < 2; k++)
		for (struct app *a = p->apps[k]; a; a = a->next) {
			a->takes = a->step = SIZE_MAX;
			a->then_end = true;
		}
	for (unsigned i = 0; i < 2; i++)
		box_room(p->side[i], 2, SIZE_MAX);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned k = 0; k < 2; k++)
			for (struct app *a = p->apps[k]; a; a = a->next) {
				if (!a->s)
					continue;
				app_go_on(a);
				app_write(a);
			}
		run(p);
	}
}

static void random_streams(void **state)
{
	(void)state;
	unsigned ends = 0, resets = 0;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		rng = seed * 0x9e3779b97f4a7c15ull;
		static const uint16_t frames[] = {65535, 65535, 1024, 9000};
		struct pair *p = pair_new(frames[any(4)]);
		unsigned opened = 0;
		for (unsigned t = 0; t < RANDOM_STEPS; t++) {
			if (opened < RANDOM_STREAMS && !any(20)) {
				app_open(p, (unsigned)any(2));
				opened++;
			}
			for (unsigned k = 0; k < 2; k++)
				for (struct app *a = p->apps[k]; a; a = a->next)
					if (!any(4))
						act(p, a);
			move(p);
			check_sums(p, 0);
			check_sums(p, 1);
		}
		let_finish(p);
		for (unsigned k = 0; k < 2; k++)
			for (struct app *a = p->apps[k]; a; a = a->next) {
				struct app *o = app_of(p, !k, a->id);
				assert_true(a->gone && (!o || o->gone));
				if (!o) {
					assert_true(a->reset);
					continue;
				}
				if (!a->reset || !o->reset) { /* a reset may come too late */
					assert_true(a->got == o->wrote && a->ended_out);
					ends++;
				} else {
					assert_true(a->got <= o->wrote);
					resets++;
				}
			}
		for (unsigned k = 0; k < 2; k++) {
			const struct streams *st = streams_of(p, k);
			check_sums(p, k);
			assert_true(!st->over && !st->own && !st->peers && !st->granted);
			assert_int_equal(p->side[k]->e->hub.held, 0);
		}
		pair_free(p);
	}
	assert_true(ends > 100 && resets > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_ends_pass_both_ways),
		cmocka_unit_test(payload_is_not_copied),
		cmocka_unit_test(small_writes_share_frames),
		cmocka_unit_test(small_goes_before_bulk),
		cmocka_unit_test(bulk_holds_back_beside_small),
		cmocka_unit_test(a_long_path_holds_more_beside_small),
		cmocka_unit_test(bulk_streams_share_alike),
		cmocka_unit_test(a_stopped_reader_stops_only_its_stream),
		cmocka_unit_test(very_many_stopped_readers),
		cmocka_unit_test(stopped_after_growth),
		cmocka_unit_test(windows_reach_what_a_long_path_holds),
		cmocka_unit_test(windows_grow_beside_many_at_rest),
		cmocka_unit_test(refusals_and_resets_say_why),
		cmocka_unit_test(a_lost_session_resets_its_streams),
		cmocka_unit_test(portals_follow_the_contract),
		cmocka_unit_test(as_many_as_allowed),
		cmocka_unit_test(streams_that_control_has_not_heard_of),
		cmocka_unit_test(held_memory_is_bounded),
		cmocka_unit_test(paused_paths_hold_bytes_back),
		cmocka_unit_test(random_streams),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
