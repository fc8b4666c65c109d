// SPDX-License-Identifier: Apache-2.0
/* What operators see of two engines with a session and its streams, and what they change. */
#include "stream_pair.h"

#include "admin_work.h"
#include "aead.h"
#include "ledger.h"

enum { STREAMS = 1500 };

static struct admin_work w;
static struct ledger *ledger;

static void work(struct pair *p, unsigned side, enum admin_work_kind kind)
{
	const struct admin_place place = {.engine = p->side[side]->e, .ledger = ledger, .ring_entries = 8};
	w.kind = kind;
	admin_work_do(&w, &place, p->side[side]->now);
	box_books(p->side[side]);
}

static struct admin_msg request(enum admin_object o, enum admin_verb v, bool dump)
{
	w = (struct admin_work){0};
	return (struct admin_msg){.type = admin_type(o, v), .dump = dump, .seq = 9};
}

/* Rows of what was made: their sum, and how often each stream's came in seen. */
static unsigned rows(unsigned *seen)
{
	unsigned n = 0;
	struct admin_msg m;
	for (size_t off = 0; off < w.len; n++) {
		int used = admin_decode_answer(&m, w.out + off, w.len - off);
		assert_true(used > 0);
		off += (size_t)used;
		assert_int_equal(m.type, w.request.type - ADMIN_GET + ADMIN_ROW);
		assert_int_equal(m.seq, 9);
		if (seen)
			seen[m.v[ADMIN_A_STREAM].n]++;
	}
	return n;
}

static struct admin_msg row(void)
{
	struct admin_msg m;
	assert_true(admin_decode_answer(&m, w.out, w.len) > 0);
	return m;
}

/* A dump, with something done between its parts; how many rows. */
static unsigned dump(struct pair *p, struct admin_msg r, unsigned *seen, void (*between)(struct pair *p))
{
	unsigned n = 0;
	w.request = r;
	work(p, 0, ADMIN_WORK_BEGIN);
	do {
		work(p, 0, ADMIN_WORK_PART);
		n += rows(seen);
		if (between && !w.through)
			between(p);
	} while (!w.through);
	return n;
}

static void open_and_close_some(struct pair *p)
{
	for (unsigned i = 0; i < 20; i++)
		app_open(p, 0);
	run(p);
	struct label_iter it = {0};
	struct label_node *n = label_each(&streams_of(p, 0)->table, &it);
	struct stream *s = LABEL_ENTRY(n, struct stream, node);
	stream_reset(s);
	engine_stream_told(p->side[0]->e, s, p->side[0]->now);
	run(p);
}

static void many_streams_are_walked_in_parts(void **state)
{
	(void)state;
	static unsigned seen[4 * STREAMS];
	struct pair *p = pair_new(65535);
	uint32_t first = 0, last = 0;
	for (unsigned i = 0; i < STREAMS; i++) {
		last = app_open(p, 0)->id;
		first = i ? first : last;
		if (i % 100 == 99)
			run(p);
	}
	run(p);
	memset(seen, 0, sizeof seen);
	assert_int_equal(dump(p, request(ADMIN_STREAM, ADMIN_GET, true), seen, NULL), STREAMS);
	assert_false(w.interrupted);
	for (uint32_t id = first; id <= last; id += 2)
		assert_int_equal(seen[id], 1);
	/* nothing comes twice when they come and go meanwhile, and it is said */
	memset(seen, 0, sizeof seen);
	unsigned n = dump(p, request(ADMIN_STREAM, ADMIN_GET, true), seen, open_and_close_some);
	assert_true(w.interrupted && n > STREAMS / 2);
	unsigned missing = 0;
	for (uint32_t id = first; id <= last; id += 2) {
		assert_true(seen[id] <= 1);
		missing += !seen[id];
	}
	assert_true(missing < 100); /* those that were closed before they were reached */
	struct admin_msg r = request(ADMIN_STREAM, ADMIN_GET, true);
	admin_set(&r, ADMIN_A_SESSION, 2);
	assert_int_equal(dump(p, r, NULL, NULL), 0);
	pair_free(p);
}

static void a_session_is_shown_and_closed(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct app *a = app_open(p, 0);
	a->to_write = 100000;
	app_write(a);
	run(p);
	struct admin_msg r = request(ADMIN_SESSION, ADMIN_GET, false), got;
	admin_set(&r, ADMIN_A_SESSION, 1);
	w.request = r;
	work(p, 0, ADMIN_WORK_ONE);
	got = row();
	assert_string_equal(got.v[ADMIN_A_STATE].text, "established");
	assert_int_equal(got.v[ADMIN_A_STREAMS].n, 1);
	assert_true(got.v[ADMIN_A_BYTES_TX].n > 100000);
	r = request(ADMIN_STREAM, ADMIN_GET, false);
	admin_set(&r, ADMIN_A_SESSION, 1);
	admin_set(&r, ADMIN_A_STREAM, a->id);
	w.request = r;
	work(p, 0, ADMIN_WORK_ONE);
	got = row();
	assert_string_equal(got.v[ADMIN_A_STATE].text, "established");
	assert_int_equal(got.v[ADMIN_A_BYTES_TX].n, 100000);
	assert_int_equal(got.v[ADMIN_A_PORTAL].n, 7);
	/* the stream is reset on both sides */
	w.request.type = admin_type(ADMIN_STREAM, ADMIN_DEL);
	work(p, 0, ADMIN_WORK_CHANGE);
	assert_int_equal(w.error, 0);
	run(p);
	assert_true(a->gone && a->reset);
	work(p, 0, ADMIN_WORK_CHANGE);
	assert_int_equal(w.error, -ENOENT);
	/* the session is closed: both controls hear of it */
	r = request(ADMIN_SESSION, ADMIN_SET, false);
	admin_set(&r, ADMIN_A_SESSION, 1);
	admin_set(&r, ADMIN_A_PING, 1);
	w.request = r;
	work(p, 0, ADMIN_WORK_CHANGE);
	assert_int_equal(w.error, 0);
	run(p);
	w.request.type = admin_type(ADMIN_SESSION, ADMIN_DEL);
	work(p, 0, ADMIN_WORK_CHANGE);
	assert_int_equal(w.error, 0);
	work(p, 0, ADMIN_WORK_CHANGE);
	assert_int_equal(w.error, -EALREADY);
	assert_string_equal(w.why, "the session ends already");
	run(p);
	assert_int_equal(box_count(p->side[0], SEAM_SESSION_CLOSED), 1);
	assert_int_equal(box_count(p->side[1], SEAM_SESSION_CLOSED), 1);
	work(p, 0, ADMIN_WORK_CHANGE);
	assert_int_equal(w.error, -ENOENT);
	pair_free(p);
}

static void a_label_of_a_session_is_not_deleted_alone(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	struct admin_msg r = request(ADMIN_LABEL, ADMIN_GET, true);
	assert_int_equal(dump(p, r, NULL, NULL), 1);
	struct admin_msg got = row();
	assert_string_equal(got.v[ADMIN_A_PATH].text, "session");
	r = request(ADMIN_LABEL, ADMIN_DEL, false);
	admin_set(&r, ADMIN_A_LINK, got.v[ADMIN_A_LINK].n);
	admin_set(&r, ADMIN_A_LABEL, got.v[ADMIN_A_LABEL].n);
	w.request = r;
	work(p, 0, ADMIN_WORK_CHANGE);
	assert_int_equal(w.error, -EBUSY);
	assert_non_null(w.why);
	/* its link takes the session with it */
	r = request(ADMIN_LINK, ADMIN_DEL, false);
	admin_set(&r, ADMIN_A_LINK, got.v[ADMIN_A_LINK].n);
	w.request = r;
	work(p, 0, ADMIN_WORK_CHANGE);
	assert_int_equal(w.error, 0);
	assert_int_equal(box_count(p->side[0], SEAM_LINK_LOST), 1);
	assert_int_equal(box_count(p->side[0], SEAM_SESSION_BROKEN), 1);
	r = request(ADMIN_SESSION, ADMIN_GET, true);
	assert_int_equal(dump(p, r, NULL, NULL), 1);
	got = row();
	assert_string_equal(got.v[ADMIN_A_STATE].text, "broken");
	assert_false(got.has & ADMIN_H(LINK));
	pair_free(p);
}

static void on_news(void *ctx, enum admin_object object, struct admin_msg *m)
{
	uint64_t *epochs = ctx;
	assert_int_equal(object, ADMIN_SESSION);
	assert_string_equal(m->v[ADMIN_A_EVENT].text, "rekeyed");
	assert_int_equal(m->v[ADMIN_A_SESSION].n, 1);
	epochs[0] = m->v[ADMIN_A_EPOCH_TX].n;
	epochs[1] = m->v[ADMIN_A_EPOCH_RX].n;
}

static void new_keys_are_news(void **state)
{
	(void)state;
	struct pair *p = pair_new(65535);
	uint64_t epochs[2][2] = {{0}};
	for (unsigned i = 0; i < 2; i++)
		p->side[i]->e->cfg.news = (struct engine_news){on_news, epochs[i]};
	struct app *a = app_open(p, 0);
	run(p);
	assert_true(!epochs[0][0] && !epochs[1][1]);
	for (unsigned k = 0; k < 3; k++) {
		for (unsigned i = 0; i < 2; i++)
			p->side[i]->now += WIRE_EPOCH_MS + 1;
		a->to_write = 1000; /* asks for the change, then makes it */
		app_write(a);
		run(p);
		a->to_write = 1000;
		app_write(a);
		run(p);
	}
	assert_int_equal(epochs[0][0], 3);
	assert_int_equal(epochs[1][1], 3);
	pair_free(p);
}

static void every_object_has_its_rows(void **state)
{
	(void)state;
	static const unsigned want[ADMIN_EVENT] = {[ADMIN_WORKER] = 1,
		[ADMIN_LINK] = 1,
		[ADMIN_SESSION] = 1,
		[ADMIN_LABEL] = 1,
		[ADMIN_STREAM] = 1,
		[ADMIN_PORTAL] = 1,
		[ADMIN_COUNTER] = STAGES + 2 * DROP_REASONS,
		[ADMIN_LIMIT] = 7};
	struct pair *p = pair_new(65535);
	app_open(p, 0);
	run(p);
	for (unsigned o = 0; o < ADMIN_EVENT; o++)
		assert_int_equal(dump(p, request(o, ADMIN_GET, true), NULL, NULL), want[o]);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_streams_are_walked_in_parts),
		cmocka_unit_test(a_session_is_shown_and_closed),
		cmocka_unit_test(a_label_of_a_session_is_not_deleted_alone),
		cmocka_unit_test(new_keys_are_news),
		cmocka_unit_test(every_object_has_its_rows),
	};
	aead_init();
	ledger = ledger_new();
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	ledger_free(ledger);
	return rc;
}
