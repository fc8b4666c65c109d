// SPDX-License-Identifier: Apache-2.0
/* Seam messages of both directions: what is accepted is written and read again as the same. */
#include "fuzz.h"
#include "seam.h"

static void same(const struct seam_msg *a, const struct seam_msg *b)
{
	CHECK(a->cmd == b->cmd && a->seq == b->seq && a->has == b->has &&
		a->want_ack == b->want_ack);
	CHECK(a->link == b->link && a->label == b->label && a->session == b->session);
	CHECK(a->error == b->error && a->code == b->code && a->close == b->close);
	CHECK(a->serial == b->serial && a->frame_max == b->frame_max && a->message == b->message);
	CHECK(!memcmp(&a->chain_rx, &b->chain_rx, sizeof a->chain_rx));
	CHECK(a->frame_len == b->frame_len &&
		!memcmp(a->frame ? a->frame : (void *)"", b->frame ? b->frame : (void *)"",
			a->frame_len));
	CHECK(!a->peer == !b->peer && (!a->peer || !strcmp(a->peer, b->peer)));
}

static void decode(const void *buf, size_t len, bool answer)
{
	static uint8_t out[SEAM_MSG_MAX];
	struct seam_msg m, again;
	if (seam_decode(&m, buf, len, answer) < 0)
		return;
	CHECK(m.fd == -1 && seam_cmd_name(m.cmd));
	if (m.frame)
		CHECK(m.frame >= (const uint8_t *)buf &&
			m.frame + m.frame_len <= (const uint8_t *)buf + len);
	int n = seam_encode(&m, out, sizeof out);
	CHECK(n > 0);
	CHECK(!seam_decode(&again, out, (size_t)n, answer));
	same(&m, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct rd in = rd_init(data + 1, size - 1);
	size_t n = SEAM_MSG_MAX;
	void *buf = fuzz_block(&in, &n); /* malloc aligns it as the receive buffer is */
	decode(buf, n, data[0] & 1);
	free(buf);
	return 0;
}
