// SPDX-License-Identifier: Apache-2.0
#include "fake_node.h"

#include "cbor.h"
#include "seam_client.h"

#include <errno.h>
#include <stdlib.h>

static int io_seam_send(void *ctx, const struct seam_msg *m)
{
	struct fake *f = ctx;
	uint8_t buf[SEAM_MSG_MAX];
	if (f->takes && !(*f->takes)--)
		return -EPIPE;
	if (seam_encode(m, buf, sizeof buf) < 0 || f->sent_n == FAKE_SENT_MAX)
		abort();
	struct fake_sent *s = &f->sent[f->sent_n++];
	*s = (struct fake_sent){.cmd = m->cmd,
		.seq = m->seq,
		.link = m->link,
		.session = m->session,
		.frame_max = m->frame_max,
		.listener = m->listener,
		.has = m->has,
		.tag_rx = m->tag_rx,
		.tag_tx = m->tag_tx,
		.address = m->address,
		.fd = m->fd,
		.acked = !m->want_ack,
		.frame_len = m->frame_len};
	if (m->frame_len) {
		s->frame = malloc(m->frame_len);
		memcpy(s->frame, m->frame, m->frame_len);
	}
	return 0;
}

static void io_resolve(void *ctx, uint32_t id, const char *host, uint16_t port)
{
	((struct fake *)ctx)->resolve_id = id;
}

static void io_connect(void *ctx, uint32_t id, const struct link_target *t)
{
	struct fake *f = ctx;
	f->connect_id = id;
	f->connect_to = *t;
	f->connects++;
}

static void io_cancel(void *ctx, uint32_t id)
{
	((struct fake *)ctx)->cancel_id = id;
}

static bool io_is_own(void *ctx, const struct identifier *id)
{
	return false;
}

static bool io_is_own_listener(void *ctx, const struct link_target *t)
{
	return ((struct fake *)ctx)->own_listeners;
}

static const struct node_io io = {
	.seam_send = io_seam_send,
	.resolve = io_resolve,
	.connect = io_connect,
	.cancel = io_cancel,
	.is_own = io_is_own,
	.is_own_listener = io_is_own_listener,
};

void fake_init(struct fake *f)
{
	static struct handshake_keys keys;
	*f = (struct fake){0};
	f->n = node_new("n1", &keys, &io, f);
	if (!f->n)
		abort();
	node_enter(f->n, 1000, 1800000000);
}

void fake_forget(struct fake *f)
{
	for (unsigned i = 0; i < f->sent_n; i++)
		free(f->sent[i].frame);
	f->sent_n = f->looked_at = 0;
}

void fake_fini(struct fake *f)
{
	node_free(f->n);
	fake_forget(f);
}

int fake_setup(void **state)
{
	static struct fake f;
	fake_init(&f);
	*state = &f;
	return 0;
}

int fake_teardown(void **state)
{
	fake_fini(*state);
	return 0;
}

void fake_run(struct fake *f)
{
	for (unsigned i = 0; i < f->sent_n; i++) {
		struct fake_sent *s = &f->sent[i];
		if (s->acked)
			continue;
		s->acked = true;
		struct seam_msg m = {
			.cmd = SEAM_ACK, .fd = -1, .seq = s->seq, .error = f->ack_error};
		uint8_t buf[256];
		int len = seam_encode(&m, buf, sizeof buf);
		if (len < 0)
			abort();
		seam_input(f->n, buf, (size_t)len);
	}
}

void fake_pass(struct fake *f, uint64_t ms)
{
	node_enter(f->n, f->n->now_ms + ms, f->n->unix_s + ms / 1000);
	node_tick(f->n);
	fake_run(f);
}

struct fake_sent *fake_next(struct fake *f, uint16_t cmd)
{
	while (f->looked_at < f->sent_n) {
		struct fake_sent *s = &f->sent[f->looked_at++];
		if (s->cmd == cmd)
			return s;
	}
	return NULL;
}

struct fake_sent *fake_frame(struct fake *f, uint8_t type, uint32_t link)
{
	struct fake_sent *s;
	while ((s = fake_next(f, SEAM_FRAME)))
		if (frame_header_decode(s->frame).type == type && (!link || s->link == link))
			return s;
	return NULL;
}

unsigned fake_count(const struct fake *f, uint16_t cmd)
{
	unsigned count = 0;
	for (unsigned i = 0; i < f->sent_n; i++)
		count += f->sent[i].cmd == cmd;
	return count;
}

void fake_input(struct fake *f, uint32_t link, const uint8_t *frame, size_t len)
{
	static uint8_t buf[SEAM_MSG_MAX];
	struct seam_msg m = {.cmd = SEAM_FRAME,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_FRAME),
		.link = link,
		.frame = frame,
		.frame_len = (uint32_t)len};
	int n = seam_encode(&m, buf, sizeof buf);
	if (n < 0)
		abort();
	seam_input(f->n, buf, (size_t)n);
}

void fake_hello(struct fake *f, uint32_t link, unsigned version, unsigned frame_max)
{
	uint8_t frame[128];
	struct wr w = wr_init(frame, sizeof frame);
	wr_room(&w, WIRE_HEADER);
	cbor_put_map(&w, 3);
	cbor_put_uint(&w, LINK_P_VERSIONS);
	cbor_put_array(&w, 2);
	cbor_put_uint(&w, version);
	cbor_put_uint(&w, 7);
	cbor_put_uint(&w, LINK_P_MAX_FRAME);
	cbor_put_uint(&w, frame_max);
	cbor_put_uint(&w, 5000); /* grease, with something inside */
	cbor_put_array(&w, 1);
	cbor_put_text(&w, "x", 1);
	frame_header_encode(frame, WIRE_LINK, LINK_HELLO, (uint16_t)wr_len(&w), 0, 0);
	fake_input(f, link, frame, wr_len(&w));
}

struct link *fake_accept(struct fake *f, uint32_t id, const char *peer)
{
	links_on_new(f->n, id, 1, peer);
	fake_hello(f, id, WIRE_VERSION, WIRE_FRAME_MAX);
	fake_run(f);
	return links_by_id(f->n, id);
}

static void let_go(
	struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *why)
{
	*(struct link **)ctx = l;
	if (l)
		link_release(n, l);
}

struct link *fake_dial(struct fake *f, const char *to)
{
	struct link_target t;
	struct link *l = NULL;
	if (link_target_parse(&t, to) < 0)
		abort();
	links_acquire(f->n, &t, false, f->n->now_ms + 5000, let_go, &l);
	links_on_connected(f->n, f->connect_id, 1000, 0);
	fake_hello(f, f->connect_id, WIRE_VERSION, WIRE_FRAME_MAX);
	fake_run(f);
	return l;
}

struct route fake_route(const char *text)
{
	struct route r;
	char err[128];
	if (route_parse(&r, text, err, sizeof err) < 0)
		abort();
	return r;
}
