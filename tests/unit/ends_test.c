// SPDX-License-Identifier: Apache-2.0
/*
 * Both ends of a channel's handshake as the node runs them, against an honest peer whose messages are
 * forged, doubled and sent from elsewhere on the way: none of that ends what the right message
 * completes.
 */
#include "fake_node.h"

#include "channel.h"
#include "hop_part.h"
#include "listener.h"
#include "locked.h"
#include "seam_client.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <cmocka.h>

enum { P = 1, Q = 3, LI = 0x11223344, LR = 0x55667788, NOW = 1800000000, BODY_MAX = 4096 };

struct place {
	struct fake f;
	struct handshake_keys keys; /* the peer's */
	struct handshake hs;
	struct handshake_result result;
	uint8_t body[BODY_MAX]; /* the message that the peer sends next */
	int len;
	uint32_t lr, link; /* the node's label; the link it dialled */
	struct channel *ch;
	unsigned opened, failed;
	struct reason why;
};

static void keys_make(struct handshake_keys *k)
{
	struct secret32 primary;
	memset(k, 0, sizeof *k);
	noise_keypair(&k->static_key, k->static_public);
	int len = identity_create(&primary, k->history, sizeof k->history, NOW - 100);
	assert_true(len > 0);
	k->history_len = (size_t)len;
	assert_int_equal(identity_verify(k->history, k->history_len, NOW, &k->identity), 0);
	len = attestation_create(&k->identity, &primary, k->static_public, NOW - 100, NOW + 100000,
		k->attestation, sizeof k->attestation);
	assert_true(len > 0);
	k->attestation_len = (size_t)len;
	k->suites[0] = SUITE_CHACHAPOLY;
	k->suites_n = 1;
}

static struct handshake_keys *keys_new(void)
{
	struct handshake_keys *k = locked_new(sizeof *k);
	assert_non_null(k);
	keys_make(k);
	return k;
}

static int setup(void **state)
{
	static struct place pl;
	struct trust any = {.any = true};
	struct listener *l;
	memset(&pl, 0, sizeof pl);
	assert_true(sodium_init() >= 0);
	fake_init(&pl.f);
	keys_make(&pl.keys);
	fake_accept(&pl.f, P, "127.0.0.1:50000");
	fake_accept(&pl.f, Q, "127.0.0.1:50001");
	assert_int_equal(listener_add(pl.f.n, "api", &any, "own", keys_new(), &l), 0);
	*state = &pl;
	return 0;
}

static int teardown(void **state)
{
	fake_fini(&((struct place *)*state)->f);
	return 0;
}

static void arrive(struct place *pl, uint32_t link, uint8_t type, uint8_t sub, uint32_t label,
	const char *onward, const uint8_t *body, size_t len)
{
	uint8_t frame[WIRE_HEADER + BODY_MAX + 256];
	struct hop_part h = {.hops_left = 16, .path_max = 65535};
	if (onward)
		h.onward = fake_route(onward);
	struct wr w = wr_init(frame, sizeof frame);
	wr_room(&w, WIRE_HEADER);
	if (type != WIRE_FINISH)
		hop_part_encode(&w, &h, 0);
	wr_bytes(&w, body, len);
	assert_false(w.bad);
	frame_header_encode(frame, type, sub, (uint16_t)wr_len(&w), label, 0);
	fake_input(&pl->f, link, frame, wr_len(&w));
	fake_run(&pl->f);
}

/* The end part of a frame that the node has sent. */
static struct rd end_of(const struct fake_sent *s)
{
	struct hop_part h;
	struct rd end;
	assert_non_null(s);
	assert_int_equal(hop_part_decode(s->frame + WIRE_HEADER, s->frame_len - WIRE_HEADER, false, &h,
				 &end),
		0);
	return end;
}

static unsigned sessions(struct place *pl)
{
	return fake_count(&pl->f, SEAM_SESSION_ADD);
}

/* The node as the responder. */

static void send_init(struct place *pl)
{
	pl->len = handshake_start(&pl->hs, &pl->keys, SUITE_CHACHAPOLY, LI, 65535, "api", pl->body,
		sizeof pl->body);
	assert_true(pl->len > 0);
	arrive(pl, P, WIRE_INIT, 0, LI, "/service/api", pl->body, (size_t)pl->len);
}

/* RESP is read: what is to be sent next is FINISH. */
static void take_resp(struct place *pl)
{
	struct rd end = end_of(fake_frame(&pl->f, WIRE_RESP, P));
	pl->lr = get_be32(end.p);
	pl->len = handshake_resp(&pl->hs, &pl->keys, end.p, rd_left(&end), NOW, pl->body,
		sizeof pl->body, &pl->result);
	assert_true(pl->len > 0);
}

static void send_finish(struct place *pl, uint32_t link, uint8_t sub)
{
	arrive(pl, link, WIRE_FINISH, sub, pl->lr, NULL, pl->body, (size_t)pl->len);
}

static void a_responder_takes_the_right_finish(void **state)
{
	struct place *pl = *state;
	send_init(pl);
	take_resp(pl);
	send_finish(pl, Q, 0); /* the label is none of that link */
	send_finish(pl, P, 1); /* reserved */
	assert_int_equal(sessions(pl), 0);
	for (int i = 0; i < 7; i++) {
		pl->body[i * pl->len / 7] ^= 1;
		send_finish(pl, P, 0);
		pl->body[i * pl->len / 7] ^= 1;
	}
	assert_int_equal(sessions(pl), 0);
	assert_null(channels_first(pl->f.n));
	send_finish(pl, P, 0);
	assert_int_equal(sessions(pl), 1);
	assert_non_null(channels_first(pl->f.n));
	send_finish(pl, P, 0); /* again: no second session */
	assert_int_equal(sessions(pl), 1);
}

static void too_many_forged_finishes_end_the_attempt(void **state)
{
	struct place *pl = *state;
	send_init(pl);
	take_resp(pl);
	pl->body[5] ^= 1;
	for (int i = 0; i < 8; i++)
		send_finish(pl, P, 0);
	struct fake_sent *s = fake_frame(&pl->f, WIRE_RESET, P);
	assert_non_null(s);
	assert_int_equal(s->frame[1], RESET_REFUSED);
	pl->body[5] ^= 1;
	send_finish(pl, P, 0);
	assert_int_equal(sessions(pl), 0);
}

static void an_init_is_answered_again_until_finish(void **state)
{
	struct place *pl = *state;
	uint8_t init[BODY_MAX];
	send_init(pl);
	int len = pl->len;
	memcpy(init, pl->body, (size_t)len);
	take_resp(pl);
	arrive(pl, P, WIRE_INIT, 0, LI, "/service/api", init, (size_t)len);
	struct rd again = end_of(fake_frame(&pl->f, WIRE_RESP, P));
	assert_int_equal(get_be32(again.p), pl->lr);
	send_finish(pl, P, 0);
	assert_int_equal(sessions(pl), 1);
	arrive(pl, P, WIRE_INIT, 0, LI, "/service/api", init, (size_t)len);
	assert_null(fake_frame(&pl->f, WIRE_RESP, P));
	assert_non_null(channels_first(pl->f.n));
	/* another INIT with the label is another path's: it does not end this one */
	init[len - 1] ^= 1;
	arrive(pl, P, WIRE_INIT, 0, LI, "/service/api", init, (size_t)len);
	assert_non_null(channels_first(pl->f.n));
	struct fake_sent *s = fake_frame(&pl->f, WIRE_RESET, P);
	assert_non_null(s);
	assert_int_equal(s->frame[1], RESET_COLLISION);
}

static void a_row_or_session_that_is_refused(void **state)
{
	struct place *pl = *state;
	pl->f.ack_error = -EEXIST;
	send_init(pl);
	fake_run(&pl->f);
	assert_null(fake_frame(&pl->f, WIRE_RESP, P));
	pl->f.ack_error = 0;
	fake_run(&pl->f);
	send_init(pl);
	take_resp(pl);
	pl->f.ack_error = -EEXIST;
	send_finish(pl, P, 0);
	fake_run(&pl->f);
	assert_int_equal(sessions(pl), 1);
	assert_null(channels_first(pl->f.n));
}

static void a_listener_that_has_gone_is_not_found(void **state)
{
	struct place *pl = *state;
	assert_int_equal(listener_del(pl->f.n, "api"), 0);
	send_init(pl);
	struct fake_sent *s = fake_frame(&pl->f, WIRE_RESET, P);
	assert_non_null(s);
	assert_int_equal(s->frame[1], RESET_NOT_FOUND);
}

/* While the data plane has not answered there is no session to ping. */
static void a_second_finish_is_answered_when_there_is_a_session(void **state)
{
	struct place *pl = *state;
	uint8_t frame[WIRE_HEADER + BODY_MAX];
	send_init(pl);
	take_resp(pl);
	size_t len = WIRE_HEADER + (size_t)pl->len;
	frame_header_encode(frame, WIRE_FINISH, 0, (uint16_t)len, pl->lr, 0);
	memcpy(frame + WIRE_HEADER, pl->body, (size_t)pl->len);
	fake_input(&pl->f, P, frame, len);
	fake_input(&pl->f, P, frame, len);
	assert_int_equal(fake_count(&pl->f, SEAM_SESSION_PING), 0);
	fake_run(&pl->f);
	fake_input(&pl->f, P, frame, len);
	assert_int_equal(fake_count(&pl->f, SEAM_SESSION_PING), 1);
	assert_int_equal(sessions(pl), 1);
}

/* Who is not authorized is told in a session of its own; nothing is left when that cannot be. */
static void a_refusal_that_is_not_taken_ends_it(void **state)
{
	struct place *pl = *state;
	listener_get(pl->f.n, "api")->trust = (struct trust){0};
	send_init(pl);
	take_resp(pl);
	pl->f.ack_error = -EEXIST;
	send_finish(pl, P, 0);
	assert_int_equal(sessions(pl), 1);
	pl->f.ack_error = 0;
	send_finish(pl, P, 0);
	assert_int_equal(fake_count(&pl->f, SEAM_SESSION_PING), 0);
	fake_forget(&pl->f);
	send_init(pl); /* the label is free again */
	take_resp(pl);
	send_finish(pl, P, 0);
	assert_int_equal(sessions(pl), 1);
	send_finish(pl, P, 0); /* and now there is one that tells it again */
	assert_int_equal(fake_count(&pl->f, SEAM_SESSION_PING), 1);
}

/* The node as the initiator. */

static void on_open(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct place *pl = ctx;
	pl->opened += ch != NULL;
	pl->failed += ch == NULL;
	if (why)
		pl->why = *why;
}

/* The node's INIT is answered: what is to be sent next is RESP, for the label it has. */
static uint32_t open_and_answer(struct place *pl)
{
	struct route to = fake_route("/ip4/127.0.0.1/tcp/6002/service/api");
	struct trust any = {.any = true};
	struct init_end init;
	pl->link = fake_dial(&pl->f, "127.0.0.1:6002")->id;
	pl->ch = channel_open(pl->f.n,
		&(struct channel_options){.to = &to,
			.trust = &any,
			.keys = keys_new(),
			.identity = "own",
			.timeout_ms = 30000},
		on_open, pl);
	assert_non_null(pl->ch);
	fake_pass(&pl->f, 1);
	fake_run(&pl->f);
	fake_run(&pl->f);
	struct rd end = end_of(fake_frame(&pl->f, WIRE_INIT, pl->link));
	assert_int_equal(init_end_decode(end.p, rd_left(&end), &init), 0);
	pl->len = handshake_respond(&pl->hs, &pl->keys, &init, LR, NOW, pl->body, sizeof pl->body);
	assert_true(pl->len > 0);
	return init.label;
}

static void send_resp(struct place *pl, uint8_t sub, uint32_t label, size_t len)
{
	arrive(pl, pl->link, WIRE_RESP, sub, label, NULL, pl->body, len);
}

static void an_initiator_takes_the_right_resp(void **state)
{
	struct place *pl = *state;
	uint32_t li = open_and_answer(pl);
	size_t len = (size_t)pl->len;
	send_resp(pl, 1, li, len); /* reserved */
	send_resp(pl, 0, li, 3);
	for (size_t at = 4; at < len; at += 40) { /* the label before is judged with the rest */
		pl->body[at] ^= 1;
		send_resp(pl, 0, li, len);
		pl->body[at] ^= 1;
	}
	uint8_t cut[WIRE_HEADER + 5] = {0}; /* no hop part */
	frame_header_encode(cut, WIRE_RESP, 0, sizeof cut, li, 0);
	fake_input(&pl->f, pl->link, cut, sizeof cut);
	assert_int_equal(sessions(pl), 0);
	assert_int_equal(pl->failed, 0);
	send_resp(pl, 0, li, len);
	assert_int_equal(sessions(pl), 1);
	fake_run(&pl->f);
	struct fake_sent *s = fake_frame(&pl->f, WIRE_FINISH, pl->link);
	assert_non_null(s);
	assert_int_equal(handshake_finish(&pl->hs, &pl->keys, s->frame + WIRE_HEADER,
				 s->frame_len - WIRE_HEADER, NOW, &pl->result),
		0);
	send_resp(pl, 0, li, len); /* again: nothing new */
	assert_int_equal(sessions(pl), 1);
}

static void a_session_that_is_not_taken_fails_the_attempt(void **state)
{
	struct place *pl = *state;
	uint32_t li = open_and_answer(pl);
	pl->f.ack_error = -EEXIST;
	send_resp(pl, 0, li, (size_t)pl->len);
	fake_run(&pl->f);
	assert_null(fake_frame(&pl->f, WIRE_FINISH, pl->link));
	assert_int_equal(pl->failed, 1);
}

static uint32_t next_init(struct place *pl)
{
	struct fake_sent *s = fake_frame(&pl->f, WIRE_INIT, pl->link);
	return s ? get_be32(s->frame + 4) : 0;
}

static void reset(struct place *pl, uint32_t label, uint8_t code)
{
	uint8_t f[WIRE_HEADER + 2];
	frame_header_encode(f, WIRE_RESET, code, sizeof f, label, 0);
	f[WIRE_HEADER] = 0x81;
	f[WIRE_HEADER + 1] = 16;
	fake_input(&pl->f, pl->link, f, sizeof f);
	fake_run(&pl->f);
}

static void a_collision_is_tried_again_a_few_times(void **state)
{
	struct place *pl = *state;
	uint32_t li = open_and_answer(pl), tries = 0;
	for (uint32_t next = li; next; tries++) {
		li = next;
		reset(pl, li, RESET_COLLISION);
		next = next_init(pl);
		assert_int_equal(pl->failed, !next);
		assert_int_not_equal(next, li);
	}
	assert_in_range(tries, 2, 10);
}

/* The same label of two responders, on one link: one of them takes another. */
static void a_label_that_is_in_use_is_a_collision(void **state)
{
	struct place *pl = *state;
	uint32_t li = open_and_answer(pl);
	send_resp(pl, 0, li, (size_t)pl->len);
	assert_int_equal(sessions(pl), 1);
	struct channel *first = pl->ch;
	li = open_and_answer(pl);
	assert_ptr_not_equal(pl->ch, first);
	send_resp(pl, 0, li, (size_t)pl->len);
	assert_int_equal(sessions(pl), 1);
	assert_int_not_equal(next_init(pl), 0);
	assert_int_equal(pl->failed, 0);
}

static void a_channel_comes_up_once(void **state)
{
	struct place *pl = *state;
	uint32_t li = open_and_answer(pl);
	send_resp(pl, 0, li, (size_t)pl->len);
	fake_run(&pl->f);
	uint8_t buf[64];
	struct seam_msg up = {.cmd = SEAM_SESSION_UP, .fd = -1, .has = SEAM_HAS(SEAM_A_SESSION)};
	for (unsigned i = 0; i < pl->f.sent_n; i++)
		if (pl->f.sent[i].cmd == SEAM_SESSION_ADD)
			up.session = pl->f.sent[i].session;
	int n = seam_encode(&up, buf, sizeof buf);
	assert_true(n > 0);
	seam_input(pl->f.n, buf, (size_t)n);
	assert_int_equal(pl->opened, 1);
	assert_int_equal(pl->ch->state, CHANNEL_UP);
	pl->ch->state = CHANNEL_BROKEN; /* a second one changes nothing */
	seam_input(pl->f.n, buf, (size_t)n);
	assert_int_equal(pl->ch->state, CHANNEL_BROKEN);
	pl->ch->state = CHANNEL_UP;
}

static void open_over(struct place *pl, unsigned frame_max, unsigned *takes)
{
	struct route to = fake_route("/ip4/127.0.0.1/tcp/6003/service/api");
	struct trust any = {.any = true};
	struct link_target t;
	assert_int_equal(link_target_parse(&t, "127.0.0.1:6003"), 0);
	struct channel *ch = channel_open(pl->f.n,
		&(struct channel_options){.to = &to,
			.trust = &any,
			.keys = keys_new(),
			.identity = "own",
			.timeout_ms = 30000},
		on_open, pl);
	assert_non_null(ch);
	fake_pass(&pl->f, 1);
	links_on_connected(pl->f.n, pl->f.connect_id, 1000, 0);
	fake_run(&pl->f);
	fake_hello(&pl->f, pl->f.connect_id, WIRE_VERSION, frame_max);
	pl->f.takes = takes;
	fake_run(&pl->f);
	pl->f.takes = NULL;
}

static void a_link_with_small_frames_is_no_way(void **state)
{
	struct place *pl = *state;
	open_over(pl, WIRE_PATH_MIN - 1, NULL);
	assert_int_equal(pl->failed, 1);
	assert_non_null(strstr(pl->why.text, "takes frames of 1023 bytes"));
	assert_null(fake_frame(&pl->f, WIRE_INIT, 0));
}

static void without_a_data_plane_no_attempt_begins(void **state)
{
	struct place *pl = *state;
	unsigned takes = 0;
	open_over(pl, WIRE_FRAME_MAX, &takes);
	assert_int_equal(pl->failed, 1);
	assert_null(fake_frame(&pl->f, WIRE_INIT, 0));
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		with_node(a_responder_takes_the_right_finish),
		with_node(too_many_forged_finishes_end_the_attempt),
		with_node(an_init_is_answered_again_until_finish),
		with_node(a_row_or_session_that_is_refused),
		with_node(a_listener_that_has_gone_is_not_found),
		with_node(a_second_finish_is_answered_when_there_is_a_session),
		with_node(a_refusal_that_is_not_taken_ends_it),
		with_node(a_collision_is_tried_again_a_few_times),
		with_node(a_label_that_is_in_use_is_a_collision),
		with_node(a_channel_comes_up_once),
		with_node(a_link_with_small_frames_is_no_way),
		with_node(without_a_data_plane_no_attempt_begins),
		with_node(an_initiator_takes_the_right_resp),
		with_node(a_session_that_is_not_taken_fails_the_attempt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
