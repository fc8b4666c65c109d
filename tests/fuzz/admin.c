// SPDX-License-Identifier: Apache-2.0
/*
 * What operators and data planes say to each other: a request that is taken is written and read
 * again as the same, one that is refused has a sentence and a place within it; an answer ends
 * within what was received. Texts lie in it.
 */
#include "admin.h"
#include "fuzz.h"

#include <errno.h>

static void same(const struct admin_msg *a, const struct admin_msg *b)
{
	CHECK(a->type == b->type && a->seq == b->seq && a->has == b->has && a->dump == b->dump);
	for (unsigned i = 1; i < ADMIN_A_END; i++) {
		if (!(a->has & ADMIN_HAS(i)))
			continue;
		CHECK(a->v[i].n == b->v[i].n);
		if (admin_attrs[i].kind == ADMIN_TEXT)
			CHECK(!strcmp(a->v[i].text, b->v[i].text));
	}
}

static void texts_lie_in(const struct admin_msg *m, const uint8_t *p, size_t n)
{
	for (unsigned i = 1; i < ADMIN_A_END; i++)
		if (m->has & ADMIN_HAS(i) && admin_attrs[i].kind == ADMIN_TEXT) {
			const uint8_t *t = (const uint8_t *)m->v[i].text;
			CHECK(t >= p && t + m->v[i].n < p + n && !t[m->v[i].n]);
			CHECK(strlen(m->v[i].text) == m->v[i].n && m->v[i].n < ADMIN_TEXT_MAX);
		}
}

static void request(const uint8_t *p, size_t n)
{
	static _Alignas(8) uint8_t out[ADMIN_PACKET];
	struct admin_msg m, again;
	struct admin_fault f;
	int rc = admin_decode_request(&m, p, n, &f), len;
	if (rc < 0) {
		CHECK(!f.error ||
			(f.error == rc && f.why[0] && f.at <= n && f.missing < ADMIN_A_END));
		const struct admin_msg ack = admin_ack(m.seq, &f);
		len = admin_encode(&ack, out, 0, ADMIN_ROW_MAX);
		CHECK(len > 0 && admin_decode_answer(&again, out, (size_t)len) == len);
		CHECK(again.error == f.error && again.wrong == f.at && again.missing == f.missing);
		return;
	}
	CHECK(!f.error && admin_verb_of(m.type) != ADMIN_ROW);
	texts_lie_in(&m, p, n);
	len = admin_encode(&m, out, 0, sizeof out);
	CHECK(len > 0);
	CHECK(admin_decode_request(&again, out, (size_t)len, &f) == 0);
	same(&m, &again);
}

static void answers(const uint8_t *p, size_t n)
{
	static _Alignas(8) uint8_t out[ADMIN_PACKET];
	struct admin_msg m, again;
	for (size_t off = 0; off < n;) {
		int used = admin_decode_answer(&m, p + off, n - off);
		if (used < 0)
			return;
		CHECK(used > 0 && (size_t)used <= n - off);
		texts_lie_in(&m, p + off, (size_t)used);
		int len = admin_encode(&m, out, 0, sizeof out);
		CHECK(len > 0 && admin_decode_answer(&again, out, (size_t)len) == len);
		same(&m, &again);
		CHECK(again.multi == m.multi && again.error == m.error);
		off += (size_t)used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct rd in = rd_init(data + 1, size - 1);
	size_t n = ADMIN_PACKET;
	uint8_t *buf = fuzz_block(&in, &n); /* malloc aligns it as the receive buffer is */
	if (data[0] & 1)
		answers(buf, n);
	else
		request(buf, n);
	free(buf);
	return 0;
}
