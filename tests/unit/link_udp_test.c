// SPDX-License-Identifier: Apache-2.0
/* Datagram links in control: HELLO with a cookie, from both sides, and how a link moves. */
#include "fake_node.h"
#include "link_result.h"

#include "hello.h"
#include "seam_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { LISTENER = 3 };

static struct udp_address from(uint8_t last, uint16_t port)
{
	return (struct udp_address){
		.family = 4, .port = port, .remote = {192, 0, 2, last}, .local = {192, 0, 2, 200}};
}

/* A datagram of no link comes up. */
static void arrives(struct fake *f, const struct udp_address *a, const uint8_t *frame, size_t len)
{
	struct seam_msg m = {.cmd = SEAM_DGRAM,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LISTENER) | SEAM_HAS(SEAM_A_ADDRESS) |
		       SEAM_HAS(SEAM_A_FRAME),
		.listener = LISTENER,
		.address = *a,
		.frame = frame,
		.frame_len = (uint32_t)len};
	uint8_t buf[4096];
	int n = seam_encode(&m, buf, sizeof buf);
	assert_true(n > 0);
	seam_input(f->n, buf, (size_t)n);
}

static void says_hello(struct fake *f, const struct udp_address *a, const struct hello *h)
{
	uint8_t frame[HELLO_SIZE_MAX];
	arrives(f, a, frame, hello_encode(frame, h, WIRE_UDP_HELLO_MIN));
}

/* The cookie that the last COOKIE sent to `a` has. */
static void take_cookie(struct fake *f, const struct udp_address *a, uint64_t tag, struct hello *h)
{
	struct fake_sent *s = fake_next(f, SEAM_DGRAM);
	assert_non_null(s);
	assert_int_equal(s->listener, LISTENER);
	assert_memory_equal(&s->address, a, sizeof *a);
	struct frame_header head = frame_header_decode(s->frame);
	assert_int_equal(head.type, WIRE_COOKIE);
	assert_int_equal(head.seq, tag);
	assert_int_equal(s->frame_len, WIRE_HEADER + WIRE_COOKIE_LEN);
	assert_int_equal(head.len, s->frame_len);
	memcpy(h->cookie, s->frame + WIRE_HEADER, WIRE_COOKIE_LEN);
	h->has_cookie = true;
}

/* The answer on the link: HELLO. */
static struct hello answer_on(struct fake *f, uint32_t link)
{
	struct hello h;
	struct fake_sent *s = fake_frame(f, WIRE_LINK, link);
	assert_non_null(s);
	assert_int_equal(s->frame[1], LINK_HELLO);
	assert_true(s->frame_len < WIRE_UDP_HELLO_MIN);
	assert_true(hello_decode(s->frame + WIRE_HEADER, s->frame_len - WIRE_HEADER, true, &h));
	return h;
}

static struct link *accept_from(
	struct fake *f, const struct udp_address *a, uint64_t tag, struct hello *answer)
{
	struct hello h = {.max_frame = WIRE_UDP_MAX, .has_tag = true, .tag = tag};
	says_hello(f, a, &h);
	take_cookie(f, a, tag, &h);
	says_hello(f, a, &h);
	struct fake_sent *add = fake_next(f, SEAM_LINK_ADD);
	assert_non_null(add);
	fake_run(f);
	*answer = answer_on(f, add->link);
	return links_by_id(f->n, add->link);
}

static void nothing_is_kept_before_the_cookie_comes_back(void **state)
{
	struct fake *f = *state;
	for (unsigned i = 0; i < 200; i++) {
		struct udp_address a = from((uint8_t)i, (uint16_t)(1000 + i));
		struct hello h = {
			.max_frame = 9000, .has_tag = true, .tag = i + 1, .has_cookie = i & 1};
		says_hello(f, &a, &h); /* with no cookie, or a wrong one */
		take_cookie(f, &a, i + 1, &h);
	}
	assert_null(links_first(f->n));
	assert_int_equal(fake_count(f, SEAM_LINK_ADD), 0);
}

static void what_is_no_hello_is_not_answered(void **state)
{
	struct fake *f = *state;
	struct udp_address a = from(1, 1);
	struct hello h = {.max_frame = 9000, .has_tag = true, .tag = 5};
	uint8_t frame[HELLO_SIZE_MAX];
	size_t len = hello_encode(frame, &h, WIRE_UDP_HELLO_MIN);
	arrives(f, &a, frame, len - 1);
	frame[4] = 1; /* a label */
	arrives(f, &a, frame, len);
	frame[4] = 0;
	frame[0] = WIRE_VERSION << 4 | WIRE_INIT;
	arrives(f, &a, frame, len);
	frame[0] = (WIRE_VERSION + 1) << 4 | WIRE_LINK;
	arrives(f, &a, frame, len);
	h.has_tag = false;
	len = hello_encode(frame, &h, 0);
	arrives(f, &a, frame, len); /* as on a stream: too short */
	memset(frame, 0xff, sizeof frame);
	frame_header_encode(frame, WIRE_LINK, LINK_HELLO, WIRE_UDP_HELLO_MIN, 0, 0);
	arrives(f, &a, frame, WIRE_UDP_HELLO_MIN); /* no map */
	assert_int_equal(f->sent_n, 0);
}

static void another_version_hears_bye_and_no_more(void **state)
{
	struct fake *f = *state;
	struct udp_address a = from(1, 1);
	uint8_t frame[WIRE_UDP_HELLO_MIN] = {0};
	struct wr w = wr_init(frame, sizeof frame);
	wr_room(&w, WIRE_HEADER);
	wr_bytes(&w, "\xa4\x01\x81\x07\x02\x19\x23\x28\x04\x05\x08\x58\xe2",
		13); /* version 7, tag 5, padding */
	frame_header_encode(frame, WIRE_LINK, LINK_HELLO, sizeof frame, 0, 0);
	frame[WIRE_HEADER + 12] = (uint8_t)(sizeof frame - wr_len(&w));
	arrives(f, &a, frame, sizeof frame);
	struct fake_sent *s = fake_next(f, SEAM_DGRAM);
	assert_non_null(s);
	assert_int_equal(s->frame[1], LINK_BYE);
	assert_int_equal(frame_header_decode(s->frame).seq, 5);
	assert_true(s->frame_len < sizeof frame);
	assert_null(links_first(f->n));
}

static void a_link_is_accepted(void **state)
{
	struct fake *f = *state;
	struct udp_address a = from(9, 4000);
	struct hello h = {.max_frame = 600, .has_tag = true, .tag = 77}, answer;
	says_hello(f, &a, &h);
	take_cookie(f, &a, 77, &h);
	says_hello(f, &a, &h);
	struct fake_sent *add = fake_next(f, SEAM_LINK_ADD), *set = fake_next(f, SEAM_LINK_SET);
	assert_non_null(add);
	assert_int_equal(add->link % 2, 0);
	assert_int_equal(add->listener, LISTENER);
	assert_memory_equal(&add->address, &a, sizeof a);
	assert_true(add->tag_rx);
	assert_non_null(set);
	assert_int_equal(set->tag_tx, 77);
	assert_int_equal(set->frame_max, 600);
	assert_null(fake_frame(f, WIRE_LINK, add->link)); /* not before the data plane has it */
	f->looked_at = 0;
	fake_run(f);
	answer = answer_on(f, add->link);
	assert_int_equal(answer.tag, add->tag_rx);
	assert_true(answer.has_token && !answer.moved);
	struct link *l = links_by_id(f->n, add->link);
	assert_int_equal(l->state, LINK_UP);
	assert_true(l->lossy && !l->dialled);
	assert_string_equal(l->peer, "192.0.2.9:4000");
	/* our answer was lost: the same once more */
	says_hello(f, &a, &h);
	struct hello again = answer_on(f, l->id);
	assert_int_equal(again.tag, answer.tag);
	assert_memory_equal(again.token, answer.token, WIRE_TOKEN_LEN);
	assert_int_equal(fake_count(f, SEAM_LINK_ADD), 1);
}

static void a_dialler_that_begins_anew_has_a_new_link(void **state)
{
	struct fake *f = *state;
	struct udp_address a = from(9, 4000);
	struct hello first, second;
	struct link *l = accept_from(f, &a, 77, &first);
	uint32_t id = l->id;
	struct link *m = accept_from(f, &a, 78, &second);
	assert_true(m->id != id);
	assert_null(links_by_id(f->n, id));
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 1);
	assert_memory_not_equal(first.token, second.token, WIRE_TOKEN_LEN);
}

static void a_link_moves_with_token_and_cookie(void **state)
{
	struct fake *f = *state;
	struct udp_address a = from(9, 4000), b = from(10, 5000);
	struct hello first;
	struct link *l = accept_from(f, &a, 77, &first);
	struct hello h = {.max_frame = 9000, .has_tag = true, .tag = 77, .has_token = true};
	memcpy(h.token, first.token, sizeof h.token);
	fake_forget(f);

	says_hello(f, &b, &h); /* the token alone moves nothing */
	take_cookie(f, &b, 77, &h);
	assert_int_equal(fake_count(f, SEAM_LINK_SET), 0);
	says_hello(f, &a, &h); /* nor with the cookie of another address */
	assert_int_equal(fake_count(f, SEAM_LINK_SET), 0);
	assert_non_null(fake_next(f, SEAM_DGRAM));

	says_hello(f, &b, &h);
	struct fake_sent *set = fake_next(f, SEAM_LINK_SET);
	assert_non_null(set);
	assert_int_equal(set->link, l->id);
	assert_true(set->has & SEAM_HAS(SEAM_A_ADDRESS));
	assert_memory_equal(&set->address, &b, sizeof b);
	fake_run(f);
	struct hello answer = answer_on(f, l->id);
	assert_true(answer.moved);
	assert_memory_not_equal(answer.token, first.token, WIRE_TOKEN_LEN);
	assert_string_equal(l->peer, "192.0.2.10:5000");
	/* that answer was lost: the token before is good once more, and the new one stays */
	says_hello(f, &b, &h);
	fake_run(f);
	struct hello again = answer_on(f, l->id);
	assert_true(again.moved);
	assert_memory_equal(again.token, answer.token, WIRE_TOKEN_LEN);
	assert_int_equal(fake_count(f, SEAM_LINK_ADD), 0);
}

static void a_token_that_nobody_knows_makes_a_new_link(void **state)
{
	struct fake *f = *state;
	struct udp_address a = from(9, 4000);
	struct hello h = {.max_frame = 9000, .has_tag = true, .tag = 77, .has_token = true};
	memset(h.token, 0x55, sizeof h.token);
	says_hello(f, &a, &h);
	take_cookie(f, &a, 77, &h);
	says_hello(f, &a, &h);
	struct fake_sent *add = fake_next(f, SEAM_LINK_ADD);
	assert_non_null(add);
	fake_run(f);
	assert_false(answer_on(f, add->link).moved);
}

/* Gets as far as the socket; what the link is in the data plane. */
static struct fake_sent *dial(struct fake *f, struct result *r)
{
	struct link_target t;
	assert_int_equal(link_target_parse_udp(&t, "192.0.2.1:4000"), 0);
	links_acquire(f->n, &t, false, f->n->now_ms + 8000, ready, r);
	assert_int_equal(f->connect_to.kind, LINK_UDP);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	struct fake_sent *add = fake_next(f, SEAM_LINK_ADD);
	assert_non_null(add);
	assert_int_equal(add->fd, 1000);
	assert_true(add->tag_rx);
	return add;
}

static struct hello dialler_said(struct fake *f, uint32_t link)
{
	struct hello h;
	struct fake_sent *s = fake_frame(f, WIRE_LINK, link);
	assert_non_null(s);
	assert_int_equal(s->frame_len, WIRE_UDP_HELLO_MIN);
	assert_true(hello_decode(s->frame + WIRE_HEADER, s->frame_len - WIRE_HEADER, true, &h));
	return h;
}

static void cookie_comes(struct fake *f, uint32_t link, uint8_t fill, size_t len)
{
	uint8_t frame[WIRE_HEADER + 2 * WIRE_COOKIE_LEN];
	frame_header_encode(frame, WIRE_COOKIE, 0, (uint16_t)(WIRE_HEADER + len), 0, 0);
	memset(frame + WIRE_HEADER, fill, len);
	fake_input(f, link, frame, WIRE_HEADER + len);
}

static void answer_comes(struct fake *f, uint32_t link, uint64_t tag, uint8_t token, bool moved)
{
	struct hello h = {.max_frame = WIRE_UDP_MAX,
		.has_tag = true,
		.tag = tag,
		.has_token = true,
		.moved = moved};
	uint8_t frame[HELLO_SIZE_MAX];
	memset(h.token, token, sizeof h.token);
	fake_input(f, link, frame, hello_encode(frame, &h, 0));
	fake_run(f);
}

static void a_dialler_repeats_until_it_is_answered(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	uint32_t id = dial(f, &r)->link;
	fake_run(f);
	struct hello h = dialler_said(f, id);
	assert_false(h.has_cookie || h.has_token);
	unsigned said = 0;
	for (unsigned ms = 0; ms < 7000; ms += 50) {
		fake_pass(f, 50);
		said += fake_frame(f, WIRE_LINK, id) != NULL;
	}
	assert_in_range(said, 3, 6);
	cookie_comes(f, id, 1, WIRE_COOKIE_LEN - 1); /* none */
	assert_null(fake_frame(f, WIRE_LINK, id));
	cookie_comes(f, id, 2, WIRE_COOKIE_LEN);
	h = dialler_said(f, id);
	assert_true(h.has_cookie && h.cookie[5] == 2);
	cookie_comes(f, id, 2, WIRE_COOKIE_LEN); /* twice the same makes us say nothing twice */
	assert_null(fake_frame(f, WIRE_LINK, id));
	answer_comes(f, id, 99, 7, false);
	assert_int_equal(r.calls, 1);
	assert_non_null(r.l);
	assert_true(r.l->lossy);
	f->looked_at = 0;
	struct fake_sent *set = fake_next(f, SEAM_LINK_SET);
	assert_int_equal(set->tag_tx, 99);
	fake_forget(f);
	fake_pass(f, 20000);
	assert_null(fake_frame(f, WIRE_LINK, id));
	link_release(f->n, r.l);
}

static void nobody_answers(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	dial(f, &r);
	fake_pass(f, 8000);
	assert_int_equal(r.calls, 1);
	assert_null(r.l);
	assert_int_equal(r.why.exit, EXIT_UNREACHABLE);
	assert_non_null(strstr(r.why.text, "over UDP"));
	assert_null(links_first(f->n));
}

static struct link *dialled(struct fake *f, struct result *r)
{
	uint32_t id = dial(f, r)->link;
	cookie_comes(f, id, 2, WIRE_COOKIE_LEN);
	answer_comes(f, id, 99, 7, false);
	assert_non_null(r->l);
	fake_forget(f);
	return r->l;
}

static void silence_makes_it_say_hello_with_its_token(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	struct link *l = dialled(f, &r);
	links_on_silent(f->n, l->id);
	struct hello h = dialler_said(f, l->id);
	assert_false(h.has_cookie ||
		     h.has_token); /* its address is unproven: nobody looks at the token yet */
	cookie_comes(f, l->id, 3, WIRE_COOKIE_LEN);
	h = dialler_said(f, l->id);
	assert_true(h.has_cookie && h.has_token && h.token[0] == 7);
	answer_comes(f, l->id, 99, 8, true);
	assert_int_equal(l->state, LINK_UP);
	fake_forget(f);
	links_on_silent(f->n, l->id);
	cookie_comes(f, l->id, 4, WIRE_COOKIE_LEN);
	dialler_said(f, l->id);
	assert_int_equal(dialler_said(f, l->id).token[0], 8);
	answer_comes(f, l->id, 55, 9, false); /* the other side has forgotten the link */
	assert_null(links_first(f->n));
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 1);
	link_release(f->n, l);
}

static void an_answer_that_nobody_waits_for_means_nothing(void **state)
{
	struct fake *f = *state;
	struct result r = {0};
	struct link *l = dialled(f, &r);
	answer_comes(f, l->id, 1, 1, false);
	cookie_comes(f, l->id, 9, WIRE_COOKIE_LEN);
	assert_int_equal(f->sent_n, 0);
	assert_int_equal(l->state, LINK_UP);
	link_release(f->n, l);
}

static void links_of_a_listener_end_with_it(void **state)
{
	struct fake *f = *state;
	struct hello h;
	struct result r = {0};
	struct link *out = dialled(f, &r);
	for (unsigned i = 0; i < 3; i++) {
		struct udp_address a = from((uint8_t)i, 4000);
		accept_from(f, &a, i + 1, &h);
	}
	links_on_listener_gone(f->n, LISTENER);
	assert_ptr_equal(links_first(f->n), out);
	assert_null(out->next);
	assert_int_equal(fake_count(f, SEAM_LINK_DEL), 3);
	link_release(f->n, out);
}

static void routes_name_udp(void **state)
{
	struct link_target t;
	struct route r = fake_route("/ip4/127.0.0.1/udp/4000/service/api");
	(void)state;
	assert_int_equal(link_target_from_route(&t, &r, 0), 2);
	assert_int_equal(t.kind, LINK_UDP);
	r = fake_route("/ip4/127.0.0.1/tcp/4000/service/api");
	struct link_target tcp;
	assert_int_equal(link_target_from_route(&tcp, &r, 0), 2);
	assert_int_equal(tcp.kind, LINK_TCP);
	assert_int_equal(link_target_parse_udp(&t, "unix:/x"), -EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_is_kept_before_the_cookie_comes_back),
		T(what_is_no_hello_is_not_answered),
		T(another_version_hears_bye_and_no_more),
		T(a_link_is_accepted),
		T(a_dialler_that_begins_anew_has_a_new_link),
		T(a_link_moves_with_token_and_cookie),
		T(a_token_that_nobody_knows_makes_a_new_link),
		T(a_dialler_repeats_until_it_is_answered),
		T(nobody_answers),
		T(silence_makes_it_say_hello_with_its_token),
		T(an_answer_that_nobody_waits_for_means_nothing),
		T(links_of_a_listener_end_with_it),
		T(routes_name_udp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
