// SPDX-License-Identifier: Apache-2.0
/*
 * Three nodes' control planes (world.h): a program of the user's commands, of frames and news that
 * come, are lost, repeated or changed, of commands that fail, and of time. Linked with
 * stub_sodium.c: changed handshake messages reach what is behind the crypto. In the end every wire
 * is cut, and after a while no path and no label may be left.
 */
#include "fuzz.h"
#include "log.h"
#include "listener.h"
#include "path.h"
#include "path_key.h"
#include "relay.h"
#include "service.h"
#include "stub_sodium.h"
#include "world.h"
#include "world_udp.h"

#include <errno.h>

enum { STEPS_MAX = 200, REQUESTS = 16, RUN = 400 };

static struct world w;
static struct message_request *requests[REQUESTS];
static struct world_node *requests_of[REQUESTS];

static const char *const routes[] = {
	"/service/api",
	"/ip4/127.0.0.1/tcp/2/service/api",
	"/ip4/127.0.0.1/tcp/3/service/api",
	"/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/api",
	"/dnsaddr/localhost/tcp/2/service/hop/ip4/127.0.0.1/tcp/3/service/api",
	"/ip4/127.0.0.1/tcp/2/service/forward_to_b/service/api",
	"/ip4/127.0.0.1/tcp/2/secure/api/service/uppercase",
	"/ip4/127.0.0.1/tcp/2/secure/api/ip4/127.0.0.1/tcp/3/secure/api/service/echo",
	"/ip4/127.0.0.1/tcp/2/service/uppercase",
	"/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/echo",
	"/ip4/127.0.0.1/tcp/1/service/api",
	"/ip4/127.0.0.1/tcp/9/service/api",
	"/dnsaddr/nowhere/tcp/8/service/api",
	"/ip4/127.0.0.1/tcp/2",
	"/ip4/127.0.0.1/tcp/2/service/forward_to_b/secure/api/service/uppercase",
	"/service/echo",
	"/ip4/127.0.0.1/udp/2/service/uppercase",
	"/ip4/127.0.0.1/udp/2/service/api",
	"/ip4/127.0.0.1/udp/2/ip4/127.0.0.1/udp/3/service/api",
	"/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/udp/3/service/api",
	"/ip4/127.0.0.1/udp/2/secure/api/service/uppercase",
	"/ip4/127.0.0.1/udp/2/service/forward_to_b/secure/api/service/uppercase",
};

static struct world_node *pick(struct rd *r)
{
	struct world_node *wn = &w.node[rd_u8(r) % WORLD_NODES];
	world_enter(&w, wn);
	return wn;
}

/* One of the routes; or through a channel or link of the node. */
static struct route pick_route(struct rd *r, struct node *n)
{
	struct route out;
	char err[160], text[128];
	uint8_t which = rd_u8(r);
	if (which & 0x80) {
		struct channel *ch = channels_first(n);
		struct link *l = links_first(n);
		for (unsigned i = which & 3; i && ch && ch->next; i--)
			ch = ch->next;
		for (unsigned i = which & 3; i && l && l->next; i--)
			l = l->next;
		const char *address = which & 0x40 ? (l ? l->address : NULL)
				      : ch	   ? ch->address
						   : NULL;
		if (address) {
			snprintf(text, sizeof text, "/service/%s/service/%s", address,
				which & 0x20 ? "api" : "uppercase");
			CHECK(!route_parse(&out, text, err, sizeof err));
			return out;
		}
	}
	CHECK(!route_parse(
		&out, routes[which % (sizeof routes / sizeof *routes)], err, sizeof err));
	return out;
}

static void on_open(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	CHECK((ch == NULL) == (why != NULL));
}

static void open_channel(struct rd *r)
{
	struct world_node *wn = pick(r);
	struct route to = pick_route(r, wn->n);
	uint8_t how = rd_u8(r);
	struct trust any = {.any = how & 4};
	channel_open(wn->n,
		&(struct channel_options){.to = &to,
			.trust = &any,
			.timeout_ms = how & 1 ? 5000 : 30000,
			.persistent = how & 2},
		on_open, NULL);
}

static struct channel *pick_channel(struct rd *r, struct node *n)
{
	struct channel *ch = channels_first(n);
	for (unsigned i = rd_u8(r) & 3; i && ch && ch->next; i--)
		ch = ch->next;
	return ch;
}

static void close_channel(struct rd *r)
{
	struct world_node *wn = pick(r);
	struct channel *ch = pick_channel(r, wn->n);
	if (ch && !ch->hidden)
		channel_close(wn->n, ch);
}

static void on_message(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	requests[(uintptr_t)ctx] = NULL;
	CHECK(why || payload || !len);
}

static void send_message(struct rd *r)
{
	static uint8_t body[60000];
	struct world_node *wn = pick(r);
	struct route to = pick_route(r, wn->n);
	uint8_t how = rd_u8(r);
	struct trust trust = {0};
	unsigned slot = how % REQUESTS;
	if (requests[slot])
		return;
	/* fn may be called before this returns */
	struct message_request *m = message_send(wn->n, &to, &trust, body,
		how & 0x80   ? sizeof body
		: how & 0x40 ? 900
			     : 5,
		10000, on_message, (void *)(uintptr_t)slot);
	requests[slot] = m;
	requests_of[slot] = wn;
}

static void cancel_message(struct rd *r)
{
	unsigned slot = rd_u8(r) % REQUESTS;
	if (!requests[slot])
		return;
	world_enter(&w, requests_of[slot]);
	message_cancel(requests_of[slot]->n, requests[slot]);
	requests[slot] = NULL;
}

static void on_relay(struct node *n, void *ctx, struct registration *g, const struct reason *why)
{
	CHECK((g == NULL) == (why != NULL));
}

static void relay(struct rd *r)
{
	static const char *const names[] = {"b", "x", "default"};
	struct world_node *wn = pick(r);
	uint8_t how = rd_u8(r);
	const char *name = names[how % 3], *listeners[] = {"api", "other"};
	struct trust trust = {0};
	struct registration *g;
	struct route at = pick_route(r, wn->n);
	if (how & 0x80) {
		relay_delete(wn->n, name);
		return;
	}
	relay_create(wn->n,
		&(struct relay_options){.name = name,
			.at = &at,
			.node_name_first = how & 4,
			.trust = &trust,
			.listeners_n = how & 8 ? 2 : 0,
			.listeners = listeners,
			.wait = how & 16,
			.timeout_ms = 10000},
		on_relay, NULL, &g);
}

static void objects(struct rd *r)
{
	struct world_node *wn = pick(r);
	struct trust trust = {0};
	struct listener *l;
	struct service *s;
	switch (rd_u8(r) % 4) {
	case 0:
		listener_add(wn->n, "other", &trust, NULL, NULL, &l);
		break;
	case 1:
		listener_del(wn->n, rd_u8(r) & 1 ? "other" : "api");
		break;
	case 2:
		service_start(wn->n, "echo", "forward_to_b", &s);
		break;
	default:
		service_stop(wn->n, rd_u8(r) & 1 ? "uppercase" : "hop");
	}
}

static void on_link(
	struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *why)
{
	CHECK((l == NULL) == (why != NULL));
	if (l)
		link_release(n, l);
}

static void connect_to(struct rd *r)
{
	struct world_node *wn = pick(r);
	struct link_target t;
	char text[32];
	uint8_t to = rd_u8(r);
	snprintf(text, sizeof text, "127.0.0.1:%u", 1 + to % 4u);
	CHECK(!(to & 0x80 ? link_target_parse_udp : link_target_parse)(&t, text));
	links_connect(wn->n, &t, w.now + 5000, on_link, NULL);
}

static struct link *pick_link(struct rd *r, struct node *n)
{
	struct link *l = links_first(n);
	for (unsigned i = rd_u8(r) & 7; i && l && l->next; i--)
		l = l->next;
	return l;
}

/* A frame of the program's own on a link; its label may be one that is in use. */
static void inject_frame(struct rd *r)
{
	static uint8_t p[WIRE_HEADER + 700];
	struct world_node *wn = pick(r);
	struct link *l = pick_link(r, wn->n);
	uint8_t type = rd_u8(r), sub = rd_u8(r);
	uint32_t label = type & 0x80 ? rd_u32(r) : 0;
	size_t len = rd_u8(r) * (type & 0x40 ? 4u : 1u);
	const uint8_t *body = rd_bytes(r, len);
	if (!l || !body)
		return;
	if (type & 0x20) {
		struct channel *ch = channels_first(wn->n);
		label = ch ? wn->sessions[0].label_rx : label;
	}
	memcpy(p + WIRE_HEADER, body, len);
	frame_header_encode(p, type & 15, sub, (uint16_t)(WIRE_HEADER + len), label, 0);
	world_tell(wn, &(struct seam_msg){.cmd = SEAM_FRAME,
			       .fd = -1,
			       .link = l->id,
			       .frame = p,
			       .frame_len = (uint32_t)(WIRE_HEADER + len),
			       .has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_FRAME)});
}

/* From where somebody may be, or not. The rest of a HELLO is what it has to be filled with. */
static void inject_datagram(struct rd *r)
{
	static uint8_t p[WIRE_UDP_HELLO_MIN + 256];
	struct world_node *wn = pick(r);
	uint16_t from = (uint16_t)(20000 + rd_u8(r) % 8);
	uint8_t how = rd_u8(r);
	size_t len = rd_u8(r), all = how & 1 ? WIRE_UDP_HELLO_MIN : WIRE_HEADER + len;
	const uint8_t *body = rd_bytes(r, len);
	if (!body)
		return;
	memset(p, 0, sizeof p);
	memcpy(p + WIRE_HEADER, body, len);
	frame_header_encode(p, WIRE_LINK, how & 2 ? LINK_BYE : LINK_HELLO, (uint16_t)all, 0, 0);
	world_udp_inject(wn, from, p, all);
}

static void inject_msg(struct rd *r)
{
	struct world_node *wn = pick(r);
	struct channel *ch = pick_channel(r, wn->n);
	uint8_t message = rd_u8(r), more = rd_u8(r) & 1;
	size_t len = rd_u8(r);
	const uint8_t *body = rd_bytes(r, len);
	if (ch && ch->session && body)
		world_tell(wn, &(struct seam_msg){.cmd = SEAM_MSG,
				       .fd = -1,
				       .session = ch->session,
				       .message = message,
				       .more = more,
				       .frame = body,
				       .frame_len = (uint32_t)len,
				       .has = SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_MESSAGE) |
					      SEAM_HAS(SEAM_A_MORE) | SEAM_HAS(SEAM_A_FRAME)});
}

static void inject_news(struct rd *r)
{
	static const uint16_t cmds[] = {SEAM_LINK_LOST, SEAM_LABEL_USED, SEAM_LABEL_LOST,
		SEAM_SESSION_UP, SEAM_SESSION_BROKEN, SEAM_SESSION_CLOSED};
	struct world_node *wn = pick(r);
	struct link *l = pick_link(r, wn->n);
	uint8_t which = rd_u8(r), value = rd_u8(r);
	const struct world_session *s = &wn->sessions[value & 3];
	struct seam_msg m = {.cmd = cmds[which % 6],
		.fd = -1,
		.link = l ? l->id : 1,
		.label = which & 0x80 ? s->label_rx : s->label_tx,
		.session = s->id,
		.error = -ECONNRESET,
		.code = value & 15,
		.close = value & 7,
		.has = m.cmd <= SEAM_LABEL_USED || m.cmd == SEAM_LABEL_LOST
			       ? SEAM_HAS(SEAM_A_LINK)
			       : SEAM_HAS(SEAM_A_SESSION)};
	if (m.cmd == SEAM_LINK_LOST || m.cmd == SEAM_SESSION_BROKEN)
		m.has |= SEAM_HAS(SEAM_A_ERROR);
	if (m.cmd == SEAM_LABEL_USED || m.cmd == SEAM_LABEL_LOST)
		m.has |= SEAM_HAS(SEAM_A_LABEL);
	if (m.cmd == SEAM_LABEL_LOST)
		m.has |= SEAM_HAS(SEAM_A_CODE);
	if (m.cmd == SEAM_SESSION_CLOSED)
		m.has |= SEAM_HAS(SEAM_A_CLOSE);
	world_tell(wn, &m);
}

/* The frame inside the next FRAME that waits; NULL: it is none. Offset 24: behind the attributes'
 * heads. */
static void change(struct rd *r, struct parcel *p)
{
	uint16_t at = rd_u16(r);
	uint8_t with = rd_u8(r);
	enum { FRAME_AT = 16 + 8 + 4 };
	if (p && p->len > FRAME_AT)
		p->msg[FRAME_AT + at % (p->len - FRAME_AT)] ^= with;
}

static void step(struct rd *r)
{
	static const int errors[] = {-ENOENT, -EEXIST, -ESTALE, -ENOMEM, -ENOBUFS, -EPIPE};
	struct world_node *wn;
	switch (rd_u8(r) % 26) {
	case 0:
	case 1:
		world_run(&w, RUN);
		break;
	case 2:
		world_command(&w, pick(r), 0);
		break;
	case 3:
		world_news(&w, pick(r));
		break;
	case 4:
		wn = pick(r);
		world_command(&w, wn, errors[rd_u8(r) % 6]);
		break;
	case 5:
		world_drop(&pick(r)->commands);
		break;
	case 6:
		wn = pick(r);
		change(r, world_next_news(wn));
		break;
	case 7:
		wn = pick(r);
		if (world_next_news(wn))
			world_repeat(&wn->news);
		break;
	case 8:
		if (world_next_news(wn = pick(r)))
			world_drop(&wn->news);
		break;
	case 9:
		world_pass(&w, 50u * rd_u8(r));
		break;
	case 10:
		world_pass(&w, 1000u * rd_u8(r));
		break;
	case 11:
	case 12:
		open_channel(r);
		break;
	case 13:
		close_channel(r);
		break;
	case 14:
	case 15:
		send_message(r);
		break;
	case 16:
		cancel_message(r);
		break;
	case 17:
		relay(r);
		break;
	case 18:
		objects(r);
		break;
	case 19:
		connect_to(r);
		break;
	case 20:
		inject_frame(r);
		break;
	case 21:
		inject_msg(r);
		break;
	case 22:
		inject_news(r);
		break;
	case 24:
		world_udp_rebind(&w, pick(r));
		break;
	case 25:
		inject_datagram(r);
		break;
	default:
		w.idle_ms = rd_u8(r) & 1 ? 400000 : 0;
	}
}

static struct channel *own_channel(struct node *n)
{
	struct channel *ch = channels_first(n);
	while (ch && (ch->hidden || ch->role != SEAM_INITIATOR))
		ch = ch->next;
	return ch;
}

/* Everything is closed and cut: what is left after the longest time-out is a leak. */
static void wind_up(void)
{
	w.no_connect = true;
	for (unsigned i = 0; i < WORLD_NODES; i++) {
		struct world_node *wn = &w.node[i];
		struct registration *g;
		world_enter(&w, wn);
		while ((g = relays_first(wn->n))) {
			char name[sizeof g->name];
			snprintf(name, sizeof name, "%s", g->name);
			CHECK(relay_delete(wn->n, name) == 0);
		}
		for (struct channel *ch; (ch = own_channel(wn->n));)
			channel_close(wn->n, ch);
		for (struct link *l = links_first(wn->n); l; l = l->next)
			world_tell(
				wn, &(struct seam_msg){.cmd = SEAM_LINK_LOST,
					    .fd = -1,
					    .link = l->id,
					    .has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_ERROR)});
	}
	world_rest(&w, 400000);
	for (unsigned i = 0; i < WORLD_NODES; i++) {
		struct node *n = w.node[i].n;
		CHECK(!paths_count(n));
		CHECK(!path_keys_count(n->keys_in_use));
		CHECK(!channels_first(n));
	}
	for (unsigned i = 0; i < REQUESTS; i++)
		CHECK(!requests[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	stub_random_reset();
	world_init(&w);
	for (unsigned i = 0; i < STEPS_MAX && rd_left(&r); i++)
		step(&r);
	wind_up();
	world_fini(&w);
	memset(requests, 0, sizeof requests);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_init(2, LOG_ERROR, false, "fuzz");
	return 0;
}
