// SPDX-License-Identifier: Apache-2.0
/* A hop between two links: what INIT, RESP and RESET may do there, and what is dropped. */
#include "fake_node.h"

#include "hop_part.h"
#include "listener.h"
#include "path.h"
#include "path_key.h"
#include "seam_client.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { P = 1, LI = 0x11223344, LR = 0x55667788, HEAD = WIRE_HEADER };

struct place {
	struct fake f;
	uint32_t n; /* the next link */
};

/* What a frame is made of, so that each part can be wrong. */
struct parts {
	uint8_t type, sub, hops_left;
	uint16_t path_max;
	uint32_t label, inside; /* in the header, in the end part */
	const char *onward;	/* NULL: none */
	size_t end_len;
	uint8_t tail; /* last byte of the end part: another handshake */
};

static const struct parts good_init = {.type = WIRE_INIT,
	.hops_left = 16,
	.path_max = 65535,
	.label = LI,
	.inside = LI,
	.onward = "/ip4/127.0.0.1/tcp/6002/service/api",
	.end_len = 12 + 1 + 32};
static const struct parts good_resp = {.type = WIRE_RESP,
	.hops_left = 16,
	.path_max = 65535,
	.label = LI,
	.inside = LR,
	.end_len = 4 + 96};

static size_t put_end(uint8_t *end, const struct parts *p)
{
	memset(end, 0xee, p->end_len);
	if (p->type == WIRE_INIT) {
		memcpy(end,
			"\x02\x01\xff\xff....\x03"
			"api\x00",
			13);
		put_be32(end + 4, p->inside);
	} else if (p->end_len >= 4) {
		put_be32(end, p->inside);
	}
	end[p->end_len - 1] = p->tail;
	return p->end_len;
}

static void arrive(struct place *pl, uint32_t link, struct parts p)
{
	uint8_t frame[4096], end[2048];
	struct hop_part h = {.hops_left = p.hops_left, .path_max = p.path_max};
	if (p.onward)
		h.onward = fake_route(p.onward);
	struct wr w = wr_init(frame, sizeof frame);
	wr_room(&w, HEAD);
	hop_part_encode(&w, &h, 0);
	wr_bytes(&w, end, put_end(end, &p));
	assert_false(w.bad);
	frame_header_encode(frame, p.type, p.sub, (uint16_t)wr_len(&w), p.label, 0);
	fake_input(&pl->f, link, frame, wr_len(&w));
	fake_run(&pl->f);
}

static int setup(void **state)
{
	static struct place pl;
	fake_init(&pl.f);
	pl.f.own_listeners = true;
	fake_accept(&pl.f, P, "127.0.0.1:50000");
	pl.n = fake_dial(&pl.f, "127.0.0.1:6002")->id;
	*state = &pl;
	return 0;
}

static int teardown(void **state)
{
	struct place *pl = *state;
	fake_fini(&pl->f);
	return 0;
}

static bool left(struct place *pl, uint8_t type, uint32_t link)
{
	return fake_frame(&pl->f, type, link) != NULL;
}

/* RESET left by this link: its sub, or -1. */
static int reset(struct place *pl, uint32_t link)
{
	struct fake_sent *s = fake_frame(&pl->f, WIRE_RESET, link);
	return s ? s->frame[1] : -1;
}

static void init_goes_on(void **state)
{
	struct place *pl = *state;
	arrive(pl, P, good_init);
	struct fake_sent *s = fake_frame(&pl->f, WIRE_INIT, pl->n);
	assert_non_null(s);
	struct hop_part h;
	struct rd end;
	assert_int_equal(hop_part_decode(s->frame + HEAD, s->frame_len - HEAD, false, &h, &end), 0);
	assert_int_equal(h.hops_left, 15);
	assert_int_equal(h.onward.n, 1);
	assert_int_equal(rd_left(&end), good_init.end_len);
	arrive(pl, P, good_init); /* again: passed on again */
	assert_true(left(pl, WIRE_INIT, pl->n));
	assert_int_equal(paths_count(pl->f.n), 1);
}

/* The way on is the link that it came by. */
static void an_init_does_not_turn_back(void **state)
{
	struct place *pl = *state;
	char onward[200];
	struct parts p = good_init;
	snprintf(onward, sizeof onward, "/service/%s/service/api", links_by_id(pl->f.n, P)->address);
	p.onward = onward;
	arrive(pl, P, p);
	assert_int_equal(reset(pl, P), RESET_LOOP);
	assert_int_equal(paths_count(pl->f.n), 0);
}

static void a_wrong_init_is_dropped(void **state)
{
	struct place *pl = *state;
	struct parts bad[] = {good_init, good_init, good_init, good_init};
	bad[0].sub = 1;
	bad[1].inside = LI + 1;
	bad[2].label = bad[2].inside = 0;
	bad[3].end_len = 1024; /* the frame is longer than any INIT */
	for (unsigned i = 0; i < 4; i++)
		arrive(pl, P, bad[i]);
	assert_false(left(pl, WIRE_INIT, pl->n));
	assert_int_equal(reset(pl, P), -1);
	assert_int_equal(paths_count(pl->f.n), 0);
}

/* A listener here that cannot answer: no suite, no pattern, nothing of Noise. */
static void an_init_that_cannot_be_answered(void **state)
{
	struct place *pl = *state;
	static const struct trust nobody;
	struct listener *l;
	assert_int_equal(listener_add(pl->f.n, "api", &nobody, NULL, NULL, &l), 0);
	struct parts p = good_init;
	p.onward = "/service/api";
	arrive(pl, P, p); /* the fake node offers no suite */
	assert_int_equal(reset(pl, P), RESET_REFUSED);
	assert_false(left(pl, WIRE_RESP, P));
	assert_int_equal(path_keys_count(pl->f.n->keys_in_use), 0);
}

static void hops_end(void **state)
{
	struct place *pl = *state;
	struct parts p = good_init;
	p.hops_left = 2;
	arrive(pl, P, p);
	assert_true(left(pl, WIRE_INIT, pl->n));
	p.label = ++p.inside;
	p.hops_left = 1;
	arrive(pl, P, p);
	assert_int_equal(reset(pl, P), RESET_LOOP);
	p.hops_left = 2; /* `hop` costs one more */
	p.onward = "/service/hop/ip4/127.0.0.1/tcp/6002/service/api";
	arrive(pl, P, p);
	assert_int_equal(reset(pl, P), RESET_LOOP);
	assert_int_equal(paths_count(pl->f.n), 1);
}

static void another_init_with_the_label_ends_the_path(void **state)
{
	struct place *pl = *state;
	struct parts p = good_init;
	arrive(pl, P, p);
	p.tail = 1;
	arrive(pl, P, p);
	assert_int_equal(reset(pl, P), RESET_COLLISION);
	assert_int_equal(paths_count(pl->f.n), 0);
	assert_int_equal(path_keys_count(pl->f.n->keys_in_use), 0);
}

static void resp_goes_back(void **state)
{
	struct place *pl = *state;
	arrive(pl, P, good_init);
	arrive(pl, pl->n, good_resp);
	struct fake_sent *s = fake_frame(&pl->f, WIRE_RESP, P);
	assert_non_null(s);
	assert_int_equal(get_be32(s->frame + 4), LI);
	arrive(pl, pl->n, good_resp);
	assert_true(left(pl, WIRE_RESP, P)); /* again */
	struct parts other = good_resp;
	other.inside++;
	arrive(pl, pl->n, other);
	assert_false(left(pl, WIRE_RESP, P)); /* another Lr */
}

static void a_wrong_resp_is_dropped(void **state)
{
	struct place *pl = *state;
	arrive(pl, P, good_init);
	struct parts bad[] = {good_resp, good_resp, good_resp, good_resp, good_resp};
	bad[0].sub = 0x10;
	bad[1].inside = 0;
	bad[2].onward = "/service/api";
	bad[3].end_len = 3;
	bad[4].path_max = 1; /* no hop part has that */
	for (unsigned i = 0; i < 5; i++)
		arrive(pl, pl->n, bad[i]);
	uint8_t cut[HEAD + 3] = {0};
	frame_header_encode(cut, WIRE_RESP, 0, sizeof cut, LI, 0);
	fake_input(&pl->f, pl->n, cut, sizeof cut);
	assert_false(left(pl, WIRE_RESP, P));
	arrive(pl, pl->n, good_resp);
	assert_true(left(pl, WIRE_RESP, P));
	struct parts unknown = good_resp;
	unknown.label++;
	arrive(pl, pl->n, unknown);
	assert_int_equal(reset(pl, pl->n), RESET_UNKNOWN | WIRE_RESET_SENT);
}

/* Those behind the first pass as they are, before it or behind it, and not for ever. */
static void pieces_of_resp_go_back(void **state)
{
	struct place *pl = *state;
	uint8_t piece[200];
	unsigned passed = 0;
	arrive(pl, P, good_init);
	memset(piece, 0x77, sizeof piece);
	frame_header_encode(piece, WIRE_RESP, 1, sizeof piece, LI, 0);
	fake_input(&pl->f, pl->n, piece, sizeof piece);
	struct fake_sent *s = fake_frame(&pl->f, WIRE_RESP, P);
	assert_non_null(s);
	assert_int_equal(s->frame_len, sizeof piece);
	assert_memory_equal(s->frame, piece, sizeof piece);
	struct parts first = good_resp;
	first.sub = WIRE_PIECE_MORE;
	arrive(pl, pl->n, first);
	s = fake_frame(&pl->f, WIRE_RESP, P);
	assert_non_null(s);
	assert_int_equal(s->frame[1], WIRE_PIECE_MORE);
	piece[1] = WIRE_PIECES_MAX; /* there is no such piece */
	fake_input(&pl->f, pl->n, piece, sizeof piece);
	piece[1] = WIRE_RESP_REFUSED | 1;
	fake_input(&pl->f, pl->n, piece, sizeof piece);
	assert_false(left(pl, WIRE_RESP, P));
	piece[1] = 1;
	for (unsigned i = 0; i < 100; i++) {
		fake_input(&pl->f, pl->n, piece, sizeof piece);
		passed += left(pl, WIRE_RESP, P);
	}
	assert_int_equal(passed, WIRE_PIECES_PASSED - 1);
	fake_input(&pl->f, P, piece, sizeof piece); /* from the wrong side */
	assert_false(left(pl, WIRE_RESP, P));
}

static void a_refused_suite_goes_back_and_ends_the_path(void **state)
{
	struct place *pl = *state;
	arrive(pl, P, good_init);
	struct parts refused = good_resp;
	refused.sub = WIRE_RESP_REFUSED;
	refused.end_len = 2;
	arrive(pl, pl->n, refused);
	struct fake_sent *s = fake_frame(&pl->f, WIRE_RESP, P);
	assert_non_null(s);
	assert_int_equal(s->frame[1], WIRE_RESP_REFUSED);
	assert_int_equal(paths_count(pl->f.n), 0);
	assert_int_equal(path_keys_count(pl->f.n->keys_in_use), 0);
	arrive(pl, P, good_init); /* once RESP has come no refusal counts */
	arrive(pl, pl->n, good_resp);
	assert_true(left(pl, WIRE_RESP, P));
	arrive(pl, pl->n, refused);
	assert_false(left(pl, WIRE_RESP, P));
	assert_int_equal(paths_count(pl->f.n), 1);
}

/* It has to fit into what the path said that it takes. */
static void a_resp_that_is_too_big_ends_the_path(void **state)
{
	struct place *pl = *state;
	struct parts init = good_init, resp = good_resp;
	init.path_max = 1024;
	resp.end_len = 1024;
	arrive(pl, P, init);
	arrive(pl, pl->n, resp);
	assert_int_equal(reset(pl, P), RESET_OVERRUN);
	assert_int_equal(paths_count(pl->f.n), 0);
}

/* Two paths with one Lr: the second one ends, on both sides. */
static void a_taken_lr_ends_the_path(void **state)
{
	struct place *pl = *state;
	struct parts init = good_init, resp = good_resp;
	arrive(pl, P, init);
	arrive(pl, pl->n, resp);
	init.label = ++init.inside;
	arrive(pl, P, init);
	resp.label++;
	arrive(pl, pl->n, resp);
	assert_int_equal(reset(pl, P), RESET_COLLISION);
	assert_int_equal(paths_count(pl->f.n), 1);
}

/* What goes out on the link with the label Lr is that path's: no INIT may come with it. */
static void an_init_with_an_lr_in_use_collides(void **state)
{
	struct place *pl = *state;
	struct parts again = good_init;
	arrive(pl, P, good_init);
	arrive(pl, pl->n, good_resp);
	again.label = again.inside = LR;
	arrive(pl, pl->n, again);
	assert_int_equal(reset(pl, pl->n), RESET_COLLISION);
	assert_int_equal(paths_count(pl->f.n), 1);
}

/* The same Lr is taken only on the link that leads on. */
static void a_taken_lr_towards_the_responder_ends_the_path(void **state)
{
	struct place *pl = *state;
	struct parts init = good_init, resp = good_resp;
	fake_accept(&pl->f, P + 2, "127.0.0.1:50002");
	arrive(pl, P, init);
	arrive(pl, pl->n, resp);
	init.label = ++init.inside;
	arrive(pl, P + 2, init);
	resp.label++;
	arrive(pl, pl->n, resp);
	assert_int_equal(reset(pl, P + 2), RESET_COLLISION);
	assert_int_equal(paths_count(pl->f.n), 1);
}

/* A malformed end of an INIT is not taken for that of the one before. */
static void a_malformed_end_does_no_harm(void **state)
{
	struct place *pl = *state;
	struct parts bad = good_init;
	arrive(pl, P, good_init);
	bad.end_len = 13; /* no message */
	arrive(pl, P, bad);
	assert_int_equal(paths_count(pl->f.n), 1);
	arrive(pl, pl->n, good_resp);
	assert_true(left(pl, WIRE_RESP, P));
}

/* A label is one path's on each link: two may not want the same row of the next one. */
static void two_links_with_one_label_collide_behind(void **state)
{
	struct place *pl = *state;
	fake_accept(&pl->f, P + 2, "127.0.0.1:50002");
	arrive(pl, P, good_init);
	assert_true(left(pl, WIRE_INIT, pl->n));
	arrive(pl, P + 2, good_init);
	assert_int_equal(reset(pl, P + 2), RESET_COLLISION);
	assert_false(left(pl, WIRE_INIT, pl->n));
	assert_int_equal(paths_count(pl->f.n), 1);
}

static void the_data_plane_refuses_a_row(void **state)
{
	struct place *pl = *state;
	pl->f.ack_error = -EEXIST;
	arrive(pl, P, good_init);
	fake_run(&pl->f);
	assert_int_equal(reset(pl, P), RESET_COLLISION);
	assert_int_equal(paths_count(pl->f.n), 0);
}

static void the_data_plane_refuses_the_other_row(void **state)
{
	struct place *pl = *state;
	arrive(pl, P, good_init);
	pl->f.ack_error = -EEXIST;
	arrive(pl, pl->n, good_resp);
	fake_run(&pl->f);
	assert_int_equal(reset(pl, P), RESET_COLLISION);
	assert_int_equal(paths_count(pl->f.n), 0);
}

/* The same Lr is taken only on the link that the INIT came by. */
static void a_taken_lr_towards_the_initiator_ends_the_path(void **state)
{
	struct place *pl = *state;
	struct parts init = good_init, resp = good_resp;
	uint32_t other = fake_dial(&pl->f, "127.0.0.1:6003")->id;
	arrive(pl, P, init);
	arrive(pl, pl->n, resp);
	init.label = ++init.inside;
	init.onward = "/ip4/127.0.0.1/tcp/6003/service/api";
	arrive(pl, P, init);
	assert_true(left(pl, WIRE_INIT, other));
	resp.label++;
	arrive(pl, other, resp);
	assert_int_equal(reset(pl, P), RESET_COLLISION);
	assert_int_equal(paths_count(pl->f.n), 1);
}

/* Lr is known on the link of the initiator, too: a RESP does not come from there. */
static void a_resp_from_the_wrong_side_is_dropped(void **state)
{
	struct place *pl = *state;
	struct parts resp = good_resp;
	arrive(pl, P, good_init);
	arrive(pl, pl->n, good_resp);
	assert_true(left(pl, WIRE_RESP, P));
	resp.label = LR;
	arrive(pl, P, resp);
	assert_false(left(pl, WIRE_RESP, 0));
	assert_int_equal(reset(pl, 0), -1);
	assert_int_equal(paths_count(pl->f.n), 1);
}

static void tell_used(struct place *pl, uint32_t link, uint32_t label)
{
	uint8_t buf[64];
	struct seam_msg m = {.cmd = SEAM_LABEL_USED,
		.fd = -1,
		.link = link,
		.label = label,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL)};
	int len = seam_encode(&m, buf, sizeof buf);
	assert_true(len > 0);
	seam_input(pl->f.n, buf, (size_t)len);
}

/* It is one when data went both ways; before, it is given up soon. */
static void a_path_is_used_both_ways(void **state)
{
	struct place *pl = *state;
	for (unsigned ways = 0; ways < 4; ways++) {
		arrive(pl, P, good_init);
		arrive(pl, pl->n, good_resp);
		assert_int_equal(paths_count(pl->f.n), 1);
		if (ways & 1)
			tell_used(pl, pl->n, LI);
		if (ways & 2)
			tell_used(pl, P, LR);
		for (unsigned i = 0; i < 7; i++) {
			fake_pass(&pl->f, 5000);
			fake_run(&pl->f);
		}
		assert_int_equal(paths_count(pl->f.n), ways == 3);
	}
}

/* What one link may begin in one moment. */
static void inits_of_one_link_are_limited(void **state)
{
	struct place *pl = *state;
	struct parts init = good_init;
	for (unsigned i = 0; i < 120; i++) {
		init.label = ++init.inside;
		arrive(pl, P, init);
	}
	assert_int_equal(paths_count(pl->f.n), 100);
	fake_pass(&pl->f, 1000);
	init.label = ++init.inside;
	arrive(pl, P, init);
	assert_int_equal(paths_count(pl->f.n), 101);
}

/* An operator may say how many paths a link, or the links of one identity, may have. */
static void paths_of_one_link_are_limited(void **state)
{
	struct place *pl = *state;
	enum { TOO = P + 2, OTHER = P + 4 };
	struct parts init = good_init;
	fake_accept(&pl->f, TOO, "127.0.0.1:50001");
	fake_accept(&pl->f, OTHER, "127.0.0.1:50002");
	pl->f.n->settings.max_paths = 3;
	for (unsigned i = 0; i < 3; i++) {
		init.label = ++init.inside;
		arrive(pl, P, init);
	}
	assert_int_equal(reset(pl, P), -1);
	arrive(pl, P, init); /* again is no other one */
	assert_int_equal(reset(pl, P), -1);
	init.label = ++init.inside;
	arrive(pl, P, init);
	assert_int_equal(reset(pl, P), RESET_LIMIT);
	assert_int_equal(paths_count(pl->f.n), 3);
	arrive(pl, OTHER, init); /* others are served */
	assert_int_equal(paths_count(pl->f.n), 4);
	const struct identifier who = {{1, 2, 3}};
	link_proved(pl->f.n, links_by_id(pl->f.n, P), &who);
	link_proved(pl->f.n, links_by_id(pl->f.n, TOO), &who);
	init.label = ++init.inside;
	arrive(pl, TOO, init);
	assert_int_equal(reset(pl, TOO), RESET_LIMIT);
	arrive(pl, OTHER, init);
	assert_int_equal(paths_count(pl->f.n), 5);
	pl->f.n->settings.max_paths = 4;
	init.label = ++init.inside;
	arrive(pl, TOO, init);
	assert_int_equal(paths_count(pl->f.n), 6);
}

#define with_node(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		with_node(init_goes_on),
		with_node(a_malformed_end_does_no_harm),
		with_node(two_links_with_one_label_collide_behind),
		with_node(the_data_plane_refuses_a_row),
		with_node(the_data_plane_refuses_the_other_row),
		with_node(a_taken_lr_towards_the_initiator_ends_the_path),
		with_node(a_resp_from_the_wrong_side_is_dropped),
		with_node(a_path_is_used_both_ways),
		with_node(inits_of_one_link_are_limited),
		with_node(an_init_does_not_turn_back),
		with_node(paths_of_one_link_are_limited),
		with_node(a_wrong_init_is_dropped),
		with_node(an_init_that_cannot_be_answered),
		with_node(hops_end),
		with_node(another_init_with_the_label_ends_the_path),
		with_node(resp_goes_back),
		with_node(a_wrong_resp_is_dropped),
		with_node(pieces_of_resp_go_back),
		with_node(a_refused_suite_goes_back_and_ends_the_path),
		with_node(a_resp_that_is_too_big_ends_the_path),
		with_node(an_init_with_an_lr_in_use_collides),
		with_node(a_taken_lr_ends_the_path),
		with_node(a_taken_lr_towards_the_responder_ends_the_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
