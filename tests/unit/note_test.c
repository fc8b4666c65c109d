// SPDX-License-Identifier: Apache-2.0
#include "note.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct link example_link(void)
{
	struct link l = {.kind = LINK_TCP, .dialled = true, .peer = "127.0.0.1:4000"};
	memset(l.address, 'a', 32);
	assert_int_equal(link_target_parse(&l.target, "127.0.0.1:4000"), 0);
	l.target.lane = 5;
	memcpy(l.target.host, "localhost", sizeof "localhost");
	return l;
}

static void fill_channel(struct channel *ch)
{
	char err[128];
	*ch = (struct channel){.role = SEAM_INITIATOR,
		.hidden = true,
		.persistent = true,
		.listener = "api",
		.identity = "other",
		.suite = 2,
		.path_flags = 1,
		.path_max = 4000,
		.init_hops_left = 15,
		.opened_ms = 12345,
		.timeout_ms = 678,
		.lane = 3,
		.trust = {.any = true, .n = 2}};
	memset(ch->address, 'b', 32);
	memset(&ch->peer, 7, sizeof ch->peer.id + 64);
	ch->peer.valid_from = 1;
	ch->peer.valid_until = 1ull << 40;
	ch->peer.changes = 3;
	ch->peer.revoke_purpose_keys = true;
	memset(ch->peer_static, 8, sizeof ch->peer_static);
	memset(ch->hash, 9, sizeof ch->hash);
	for (unsigned i = 0; i < 2; i++)
		memset(&ch->trust.ids[i], 10 + (int)i, sizeof ch->trust.ids[i]);
	assert_int_equal(route_parse(&ch->route,
				 "/ip4/127.0.0.1/tcp/4000/service/forward_to_x/service/api", err,
				 sizeof err),
		0);
}

static void a_link_comes_back(void **state)
{
	uint8_t buf[SEAM_NOTE_MAX];
	struct link l = example_link(), out = {.id = 77};
	int len = note_link_encode(&l, buf, sizeof buf);
	assert_true(len > 0);
	assert_int_equal(note_link_decode(buf, (size_t)len, &out), 0);
	assert_int_equal(out.id, 77);
	assert_true(out.dialled && out.kind == LINK_TCP);
	assert_string_equal(out.peer, l.peer);
	assert_string_equal(out.address, l.address);
	assert_string_equal(out.target.host, "localhost");
	assert_true(out.target.resolved && out.target.port == 4000 && out.target.lane == 5);
	assert_memory_equal(&out.target.addr, &l.target.addr, l.target.addr_len);
}

static void a_channel_comes_back(void **state)
{
	uint8_t buf[SEAM_NOTE_MAX], again[SEAM_NOTE_MAX];
	struct note_names names = {.n = 1, .name = {{"forward_to_x", 99}}}, out_names;
	struct channel ch, out = {.address = ""};
	bool up = false;
	fill_channel(&ch);
	int len = note_channel_encode(&ch, true, &names, buf, sizeof buf);
	assert_true(len > 0);
	assert_int_equal(note_channel_decode(buf, (size_t)len, &out, &up, &out_names), 0);
	assert_true(up);
	assert_string_equal(out.address, ch.address);
	assert_string_equal(out_names.name[0].name, "forward_to_x");
	/* all of it: encoded again it is the same */
	assert_int_equal(note_channel_encode(&out, true, &out_names, again, sizeof again), len);
	assert_memory_equal(buf, again, (size_t)len);
	assert_true(identifier_equal(&out.peer.id, &ch.peer.id) && out.path_max == 4000);
}

static void the_largest_fits(void **state)
{
	uint8_t buf[SEAM_NOTE_MAX];
	static struct note_names names, out_names;
	struct channel ch, out = {.address = ""};
	bool up;
	fill_channel(&ch);
	ch.trust.n = TRUST_MAX;
	names.n = NOTE_NAMES_MAX;
	for (unsigned i = 0; i < NOTE_NAMES_MAX; i++)
		memset(names.name[i].name, 'n', WIRE_NAME_MAX);
	int len = note_channel_encode(&ch, false, &names, buf, sizeof buf);
	assert_true(len > 0);
	assert_int_equal(note_channel_decode(buf, (size_t)len, &out, &up, &out_names), 0);
	assert_int_equal(out_names.n, NOTE_NAMES_MAX);
	assert_int_equal(note_channel_encode(&ch, false, &names, buf, 1000), -EMSGSIZE);
}

/* Cut anywhere, longer, of another version or kind. */
static void damage_is_refused(void **state)
{
	uint8_t buf[SEAM_NOTE_MAX];
	struct note_names names = {.n = 1, .name = {{"forward_to_x", 99}}}, out_names;
	struct channel ch, out = {.address = ""};
	struct link l = example_link(), out_link = {.id = 1};
	bool up;
	fill_channel(&ch);
	int len = note_channel_encode(&ch, true, &names, buf, sizeof buf);
	for (int i = 0; i < len; i++)
		assert_int_equal(
			note_channel_decode(buf, (size_t)i, &out, &up, &out_names), -EBADMSG);
	buf[len] = 0;
	assert_int_equal(note_channel_decode(buf, (size_t)len + 1, &out, &up, &out_names), -EBADMSG);
	assert_int_equal(note_link_decode(buf, (size_t)len, &out_link), -EBADMSG);
	buf[1]++;
	assert_int_equal(note_channel_decode(buf, (size_t)len, &out, &up, &out_names), -EBADMSG);

	len = note_link_encode(&l, buf, sizeof buf);
	for (int i = 0; i < len; i++)
		assert_int_equal(note_link_decode(buf, (size_t)i, &out_link), -EBADMSG);
	assert_string_equal(out_link.peer, ""); /* and nothing was written */
}

/* Any byte may be anything: never past the end (the sanitizers look), never a text without an end. */
static void noise_is_harmless(void **state)
{
	uint8_t buf[SEAM_NOTE_MAX], copy[SEAM_NOTE_MAX];
	struct note_names names = {.n = 1, .name = {{"forward_to_x", 99}}}, out_names;
	struct channel ch, out;
	bool up;
	fill_channel(&ch);
	int len = note_channel_encode(&ch, true, &names, buf, sizeof buf);
	for (int i = 0; i < len; i++)
		for (unsigned v = 0; v < 256; v += 5) {
			memcpy(copy, buf, (size_t)len);
			copy[i] = (uint8_t)v;
			out = (struct channel){.address = ""};
			if (note_channel_decode(copy, (size_t)len, &out, &up, &out_names) == 0) {
				assert_true(strlen(out.address) <= 32);
				assert_true(out.trust.n <= TRUST_MAX);
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_comes_back),
		cmocka_unit_test(a_channel_comes_back),
		cmocka_unit_test(the_largest_fits),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(noise_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
