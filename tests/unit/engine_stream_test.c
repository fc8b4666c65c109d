// SPDX-License-Identifier: Apache-2.0
/* Streams between two engines: what arrives, in what order, and how they end. */
#include "stream_pair.h"

#include "aead.h"

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
		assert_true(!box_count(p->side[0], SEAM_STREAM_CLOSED)); /* nothing to tell */
		assert_true(!box_count(p->side[1], SEAM_STREAM_CLOSED));
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
	assert_int_equal(
		box_count(p->side[1], SEAM_STREAM_CLOSED), 1); /* of what was not answered */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_ends_pass_both_ways),
		cmocka_unit_test(payload_is_not_copied),
		cmocka_unit_test(small_writes_share_frames),
		cmocka_unit_test(refusals_and_resets_say_why),
		cmocka_unit_test(a_lost_session_resets_its_streams),
		cmocka_unit_test(portals_follow_the_contract),
		cmocka_unit_test(as_many_as_allowed),
		cmocka_unit_test(streams_that_control_has_not_heard_of),
	};
	aead_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
