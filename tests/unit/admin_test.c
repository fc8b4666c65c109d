// SPDX-License-Identifier: Apache-2.0
#include "admin.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

static _Alignas(8) uint8_t buf[ADMIN_PACKET];

static void every_value_of_every_row_comes_back(void **state)
{
	for (unsigned o = 0; o < ADMIN_OBJECTS_END; o++) {
		struct admin_msg m = {.type = admin_type(o, ADMIN_ROW),
					 .seq = 7 + o,
					 .multi = true},
				 back;
		for (unsigned a = 1; a < ADMIN_A_END; a++) {
			if (admin_attrs[a].kind == ADMIN_TEXT)
				admin_set_text(&m, a, admin_attrs[a].name);
			else
				admin_set(&m, a,
					admin_attrs[a].kind == ADMIN_U64   ? UINT64_MAX - a
					: admin_attrs[a].kind == ADMIN_U32 ? UINT32_MAX - a
									   : 1);
		}
		m.interrupted = o % 2;
		int n = admin_encode(&m, buf, 0, sizeof buf);
		assert_true(n > 0 && n <= ADMIN_PACKET && n % 4 == 0);
		assert_int_equal(admin_decode_answer(&back, buf, (size_t)n), n);
		assert_int_equal(back.type, m.type);
		assert_int_equal(back.seq, m.seq);
		assert_true(back.has == m.has && back.multi && back.interrupted == m.interrupted);
		for (unsigned a = 1; a < ADMIN_A_END; a++) {
			assert_true(back.v[a].n == m.v[a].n);
			if (admin_attrs[a].kind == ADMIN_TEXT)
				assert_string_equal(back.v[a].text, m.v[a].text);
		}
		/* cut anywhere it is refused, and nothing behind the end is read */
		for (int cut = 0; cut < n; cut++) {
			uint8_t *copy = malloc((size_t)cut + 1);
			memcpy(copy, buf, (size_t)cut);
			assert_int_equal(admin_decode_answer(&back, copy, (size_t)cut), -EBADMSG);
			free(copy);
		}
	}
}

static void a_message_that_does_not_fit_is_not_begun(void **state)
{
	struct admin_msg m = {.type = admin_type(ADMIN_LINK, ADMIN_ROW)};
	admin_set(&m, ADMIN_A_LINK, 3);
	admin_set_text(&m, ADMIN_A_PEER, "127.0.0.1:4000");
	int n = admin_encode(&m, buf, 0, sizeof buf);
	for (int cap = 0; cap < n; cap++)
		assert_int_equal(admin_encode(&m, buf, 0, (size_t)cap), -EMSGSIZE);
	assert_int_equal(admin_encode(&m, buf, 0, (size_t)n), n);
	assert_int_equal(admin_encode(&m, buf, sizeof buf, sizeof buf), -EMSGSIZE);
}

static void long_texts_are_cut(void **state)
{
	struct admin_msg m = {.type = admin_type(ADMIN_LINK, ADMIN_ROW)}, back;
	char text[400];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	admin_set(&m, ADMIN_A_LINK, 3);
	admin_set_text(&m, ADMIN_A_PEER, text);
	int n = admin_encode(&m, buf, 0, sizeof buf);
	assert_int_equal(admin_decode_answer(&back, buf, (size_t)n), n);
	assert_int_equal(strlen(back.v[ADMIN_A_PEER].text), ADMIN_TEXT_MAX - 1);
}

/* A request by hand: what the codec would not write. */
static struct nlmsghdr *request(enum admin_object o, enum admin_verb v, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = admin_type(o, v);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = 99;
	return h;
}

static struct admin_fault decode(const struct nlmsghdr *h, int want)
{
	struct admin_fault f;
	struct admin_msg m;
	assert_int_equal(admin_decode_request(&m, buf, h->nlmsg_len, &f), want);
	assert_int_equal(f.error, want);
	assert_int_equal(m.seq, 99);
	return f;
}

static void what_is_wrong_with_a_request_is_said(void **state)
{
	struct nlmsghdr *h = request(ADMIN_LINK, ADMIN_GET, 0);
	struct admin_fault f = decode(h, -EINVAL);
	assert_int_equal(f.missing, ADMIN_A_LINK);
	assert_string_equal(f.why, "link is missing, which says which link");

	mnl_attr_put_u32(h, ADMIN_A_LINK, 3);
	decode(h, 0);
	size_t at = h->nlmsg_len;
	mnl_attr_put_u32(h, ADMIN_A_SESSION, 3);
	f = decode(h, -EINVAL);
	assert_int_equal(f.at, at);
	assert_string_equal(f.why, "session does not belong to a request for a link");

	h = request(ADMIN_LINK, ADMIN_GET, 0);
	mnl_attr_put_u32(h, ADMIN_A_LINK, 3);
	at = h->nlmsg_len;
	mnl_attr_put_u32(h, ADMIN_A_LINK, 3);
	f = decode(h, -EINVAL);
	assert_int_equal(f.at, at);
	assert_string_equal(f.why, "link is there twice");

	h = request(ADMIN_LINK, ADMIN_GET, 0);
	mnl_attr_put_u64(h, ADMIN_A_LINK, 3);
	f = decode(h, -EINVAL);
	assert_int_equal(f.at, sizeof *h);
	assert_string_equal(f.why, "link has a wrong length");

	h = request(ADMIN_LINK, ADMIN_GET, NLM_F_DUMP);
	decode(h, 0);
	mnl_attr_put_u32(h, 1000, 3);
	f = decode(h, -EOPNOTSUPP);
	assert_string_equal(f.why, "attribute is not known here");

	h = request(ADMIN_EVENT, ADMIN_GET, 0);
	decode(h, 0);
	mnl_attr_put(h, ADMIN_A_NAME, 4, "link");
	f = decode(h, -EINVAL);
	assert_string_equal(f.why, "name is no text of at most 127 bytes");

	decode(request(ADMIN_WORKER, ADMIN_DEL, 0), -EOPNOTSUPP);
	decode(request(ADMIN_LINK, ADMIN_ROW, 0), -EOPNOTSUPP);
	h = request(ADMIN_SESSION, ADMIN_SET, 0);
	mnl_attr_put_u32(h, ADMIN_A_SESSION, 1);
	f = decode(h, -EINVAL);
	assert_string_equal(f.why, "nothing of the session is to be set");
	mnl_attr_put_u8(h, ADMIN_A_PING, 2);
	f = decode(h, -EINVAL);
	assert_string_equal(f.why, "ping is neither 0 nor 1");
}

static void the_ack_carries_it(void **state)
{
	struct admin_fault f = {
		.error = -EINVAL, .at = 24, .missing = ADMIN_A_LABEL, .why = "because"};
	struct admin_msg ack = admin_ack(5, &f), back;
	int n = admin_encode(&ack, buf, 0, sizeof buf);
	assert_int_equal(admin_decode_answer(&back, buf, (size_t)n), n);
	assert_int_equal(back.type, ADMIN_ACK);
	assert_int_equal(back.seq, 5);
	assert_int_equal(back.error, -EINVAL);
	assert_int_equal(back.wrong, 24);
	assert_int_equal(back.missing, ADMIN_A_LABEL);
	assert_string_equal(back.why, "because");
	/* as any program that speaks netlink understands it */
	const struct nlmsghdr *h = (const void *)buf;
	assert_true(h->nlmsg_flags & NLM_F_ACK_TLVS && h->nlmsg_flags & NLM_F_CAPPED);
	ack = admin_ack(6, NULL);
	n = admin_encode(&ack, buf, 0, sizeof buf);
	assert_int_equal(admin_decode_answer(&back, buf, (size_t)n), n);
	assert_int_equal(back.error, 0);
	assert_null(back.why);
}

static void a_filter_takes_equal_keys(void **state)
{
	struct admin_msg row = {0}, filter = {0};
	admin_set(&row, ADMIN_A_LINK, 3);
	admin_set_text(&row, ADMIN_A_NAME, "opened");
	assert_true(admin_matches(&row, &filter));
	admin_set(&filter, ADMIN_A_LINK, 4);
	assert_false(admin_matches(&row, &filter));
	admin_set(&filter, ADMIN_A_LINK, 3);
	admin_set_text(&filter, ADMIN_A_NAME, "opene");
	assert_false(admin_matches(&row, &filter));
	admin_set_text(&filter, ADMIN_A_NAME, "opened");
	assert_true(admin_matches(&row, &filter));
	admin_set(&filter, ADMIN_A_LABEL, 0);
	assert_false(admin_matches(&row, &filter));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_of_every_row_comes_back),
		cmocka_unit_test(a_message_that_does_not_fit_is_not_begun),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(what_is_wrong_with_a_request_is_said),
		cmocka_unit_test(the_ack_carries_it),
		cmocka_unit_test(a_filter_takes_equal_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
