// SPDX-License-Identifier: Apache-2.0
/* How a node shares out its answers to INIT: who waits, for whom, and for how long at a time. */
#include "end.h"
#include "fake_node.h"
#include "listener.h"
#include "locked.h"
#include "outlet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { LINKS = 10, EACH = 50 };

static struct handshake_keys *keys_new(uint64_t now)
{
	struct handshake_keys *k = locked_new(sizeof *k);
	struct secret32 primary;
	assert_non_null(k);
	noise_keypair(&k->static_key, k->static_public);
	int len = identity_create(&primary, k->history, sizeof k->history, now - 100);
	assert_true(len > 0);
	k->history_len = (size_t)len;
	assert_int_equal(identity_verify(k->history, k->history_len, now, &k->identity), 0);
	len = attestation_create(&k->identity, &primary, k->static_public, now - 100, now + 1000,
		k->attestation, sizeof k->attestation);
	assert_true(len > 0);
	k->attestation_len = (size_t)len;
	k->suites[0] = SUITE_CHACHAPOLY;
	k->suites_n = 1;
	secret_wipe(&primary, sizeof primary);
	return k;
}

static void init_from(struct fake *f, uint32_t link, uint32_t label)
{
	uint8_t frame[256], prologue[12] = {SUITE_CHACHAPOLY, PATTERN_XX, 0xff, 0xff, 0, 0, 0, 0, 3,
				    'a', 'p', 'i'};
	struct hop_part h = {.hops_left = WIRE_HOPS_MAX, .path_max = WIRE_FRAME_MAX};
	h.onward = fake_route("/service/api");
	struct wr w = wr_init(frame, sizeof frame);
	wr_room(&w, WIRE_HEADER);
	hop_part_encode(&w, &h, 0);
	put_be32(prologue + 4, label);
	wr_bytes(&w, prologue, sizeof prologue);
	wr_u8(&w, 0);
	for (unsigned i = 0; i < 8; i++)
		wr_u32(&w, label + i);
	assert_false(w.bad);
	frame_header_encode(frame, WIRE_INIT, 0, (uint16_t)wr_len(&w), label, 0);
	fake_input(f, link, frame, wr_len(&w));
}

/* Answers that were begun since the last time: each claims its label. */
static unsigned answered(struct fake *f)
{
	unsigned n = fake_count(f, SEAM_LABEL_ADD);
	fake_run(f);
	fake_forget(f);
	return n;
}

static int setup(void **state)
{
	static struct fake f;
	static const struct trust nobody;
	fake_init(&f);
	struct listener *api;
	assert_int_equal(
		listener_add(f.n, "api", &nobody, "other", keys_new(f.n->unix_s), &api), 0);
	for (uint32_t i = 0; i < LINKS; i++)
		fake_accept(&f, 1 + 2 * i, i ? "192.0.2.2:5" : "192.0.2.1:5");
	fake_forget(&f);
	*state = &f;
	return 0;
}

/* INITs of all links but the first, which are of one address. */
static unsigned flood(struct fake *f)
{
	unsigned n = 0;
	for (uint32_t k = 0; k < EACH; k++)
		for (uint32_t i = 1; i < LINKS; i++) {
			init_from(f, 1 + 2 * i, 0x1000 * (i + 1) + k);
			n += answered(f);
		}
	return n;
}

static void answers_have_a_rate_and_come_a_few_at_a_time(void **state)
{
	struct fake *f = *state;
	unsigned before = flood(f), after = 0, turns = 0;
	assert_true(before <= RESPOND_BURST);
	assert_true(before >= RESPOND_BURST / 2);
	fake_pass(f, 500);
	for (unsigned now = answered(f); now; now = answered(f)) {
		assert_true(now <= RESPOND_AT_ONCE);
		after += now;
		turns++;
		if (now == RESPOND_AT_ONCE) /* there is more to do, at once */
			assert_true(node_deadline(f->n) <= f->n->now_ms);
		fake_pass(f, 0);
	}
	assert_true(after >= RESPOND_BURST / 2 && after <= RESPOND_BURST);
	assert_true(turns >= after / RESPOND_AT_ONCE);
	assert_true(node_deadline(f->n) > f->n->now_ms);
}

static void there_are_so_many_channels_of_others(void **state)
{
	struct fake *f = *state;
	f->n->channels->peers = PEERS_MAX;
	init_from(f, 1, 0x1000);
	const struct fake_sent *s = fake_frame(f, WIRE_RESET, 1);
	assert_non_null(s);
	assert_int_equal(s->frame[1], RESET_OVERRUN);
	f->n->channels->peers = PEERS_MAX - 1;
	init_from(f, 1, 0x1001);
	assert_int_equal(answered(f), 1);
	f->n->channels->peers = 0;
}

static void listeners_have_names_of_their_own(void **state)
{
	struct fake *f = *state;
	static const struct trust nobody;
	struct link_target to = {.kind = LINK_TCP, .port = 1};
	struct listener *l;
	struct outlet *o;
	assert_int_equal(outlet_add(f->n, "web", &to, &o), 0);
	assert_int_equal(listener_add(f->n, "web", &nobody, NULL, NULL, &l), -EEXIST);
	assert_int_equal(listener_add(f->n, "api", &nobody, NULL, NULL, &l), -EEXIST);
	assert_int_equal(listener_add(f->n, "other", &nobody, NULL, NULL, &l), 0);
	assert_int_equal(listener_del(f->n, "api"), 0); /* not the one that was added last */
	assert_null(listener_get(f->n, "api"));
	assert_ptr_equal(listener_get(f->n, "other"), l);
	assert_int_equal(listener_del(f->n, "api"), -ENOENT);
}

static void another_address_does_not_wait(void **state)
{
	struct fake *f = *state;
	flood(f);
	for (uint32_t k = 0; k < 20; k++) {
		init_from(f, 1, 0x1000 + k);
		assert_int_equal(answered(f), 1);
		/* it is through with it, and comes again later */
		struct link *l = links_by_id(f->n, 1);
		end_free(f->n, CROWD_ENTRY(l->half_ends.oldest, struct channel_end, place));
		for (unsigned ms = 0; ms < 200; ms += 10) {
			fake_pass(f, 10);
			answered(f);
		}
	}
}

/* A link that goes takes along what waits for a turn on it. */
static void a_lost_link_leaves_nothing(void **state)
{
	struct fake *f = *state;
	flood(f);
	for (uint32_t i = 0; i < LINKS; i++)
		link_close(f->n, links_by_id(f->n, 1 + 2 * i));
	fake_forget(f);
	assert_int_equal(f->n->channels->half_open.total, 0);
	assert_null(f->n->channels->turns.first);
	fake_pass(f, 1000);
	assert_int_equal(answered(f), 0);
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		with_node(answers_have_a_rate_and_come_a_few_at_a_time),
		with_node(there_are_so_many_channels_of_others),
		with_node(listeners_have_names_of_their_own),
		with_node(another_address_does_not_wait),
		with_node(a_lost_link_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
