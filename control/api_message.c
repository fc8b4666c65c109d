// SPDX-License-Identifier: Apache-2.0
/* Messages of the node's own: one request, one reply. */
#include "api.h"

#include "message.h"

#include <stdlib.h>

struct sending {
	struct api_request *rq;
	struct message_request *m;
};

static void on_reply(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct sending *s = ctx;
	struct api_request *rq = s->rq;
	free(s);
	if (why)
		api_fail(rq, why);
	else
		api_reply_bytes(rq, payload, len);
}

static void sending_cancel(void *ctx)
{
	struct sending *s = ctx;
	message_cancel(s->rq->p->node, s->m);
	free(s);
}

void api_message_send(struct api_request *rq)
{
	struct route to;
	struct trust trust;
	uint64_t timeout_ms = api_ms(rq, API_MESSAGE_MS);
	if (api_get_route(rq, "to", &to) < 0 || api_get_trust(rq, &trust) < 0)
		return;
	struct sending *s = calloc(1, sizeof *s);
	if (!s) {
		api_failf(rq, EXIT_INTERNAL, "out of memory");
		return;
	}
	s->rq = rq;
	struct message_request *m = message_send(
		rq->p->node, &to, &trust, rq->bytes, rq->bytes_len, timeout_ms, on_reply, s);
	if (!m)
		return; /* answered already, and s is gone */
	s->m = m;
	api_wait(rq, timeout_ms + API_SEAM_MS, sending_cancel, s);
}
