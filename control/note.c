// SPDX-License-Identifier: Apache-2.0
#include "note.h"

#include <errno.h>

enum { NOTE_LINK = 1, NOTE_CHANNEL = 2, NOTE_VERSION = 3 };

static void put_text(struct wr *w, const char *s)
{
	size_t n = strlen(s);
	wr_u8(w, (uint8_t)n);
	wr_bytes(w, s, n);
}

static void get_bytes(struct rd *r, void *dst, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);
	if (p)
		memcpy(dst, p, n);
}

static void get_text(struct rd *r, char *dst, size_t cap)
{
	size_t n = rd_u8(r);
	const uint8_t *p = rd_bytes(r, n);
	if (!p || n >= cap || memchr(p, 0, n)) {
		r->bad = true;
		return;
	}
	memcpy(dst, p, n);
	dst[n] = 0;
}

static bool get_bool(struct rd *r)
{
	uint8_t v = rd_u8(r);
	if (v > 1)
		r->bad = true;
	return v;
}

static void put_head(struct wr *w, uint8_t kind)
{
	wr_u8(w, kind);
	wr_u8(w, NOTE_VERSION);
}

static void get_head(struct rd *r, uint8_t kind)
{
	if (rd_u8(r) != kind || rd_u8(r) != NOTE_VERSION)
		r->bad = true;
}

static void put_udp(struct wr *w, const struct link_udp *u)
{
	wr_u64(w, u->tag_rx);
	wr_u64(w, u->tag_tx);
	wr_u8(w, u->has_token);
	wr_bytes(w, u->token, sizeof u->token);
	wr_bytes(w, u->old_token, sizeof u->old_token);
	wr_u32(w, u->listener);
	wr_bytes(w, &u->at, sizeof u->at);
}

static void get_udp(struct rd *r, struct link_udp *u)
{
	*u = (struct link_udp){.tag_rx = rd_u64(r)};
	u->tag_tx = rd_u64(r);
	u->has_token = get_bool(r);
	get_bytes(r, u->token, sizeof u->token);
	get_bytes(r, u->old_token, sizeof u->old_token);
	u->listener = rd_u32(r);
	get_bytes(r, &u->at, sizeof u->at);
}

int note_link_encode(const struct link *l, uint8_t *dst, size_t cap)
{
	struct wr w = wr_init(dst, cap);
	put_head(&w, NOTE_LINK);
	wr_u8(&w, (uint8_t)l->kind);
	wr_u8(&w, l->dialled);
	put_text(&w, l->address);
	put_text(&w, l->peer);
	put_text(&w, l->target.host);
	wr_u16(&w, l->target.port);
	wr_u32(&w, l->target.lane);
	wr_u8(&w, l->target.resolved);
	wr_u8(&w, (uint8_t)l->target.addr_len);
	wr_bytes(&w, &l->target.addr, l->target.addr_len);
	if (l->kind == LINK_UDP)
		put_udp(&w, &l->udp);
	return w.bad ? -EMSGSIZE : (int)wr_len(&w);
}

int note_link_decode(const uint8_t *p, size_t len, struct link *l)
{
	struct rd r = rd_init(p, len);
	struct link out = *l;
	memset(&out.target, 0, sizeof out.target);
	get_head(&r, NOTE_LINK);
	unsigned kind = rd_u8(&r);
	out.kind = kind;
	out.dialled = get_bool(&r);
	get_text(&r, out.address, sizeof out.address);
	get_text(&r, out.peer, sizeof out.peer);
	get_text(&r, out.target.host, sizeof out.target.host);
	out.target.kind = kind;
	out.target.port = rd_u16(&r);
	out.target.lane = rd_u32(&r);
	out.target.resolved = get_bool(&r);
	size_t addr_len = rd_u8(&r);
	if ((kind != LINK_TCP && kind != LINK_UNIX && kind != LINK_UDP) || addr_len > sizeof out.target.addr)
		r.bad = true;
	else
		get_bytes(&r, &out.target.addr, addr_len);
	out.target.addr_len = (socklen_t)addr_len;
	memset(&out.udp, 0, sizeof out.udp);
	if (kind == LINK_UDP)
		get_udp(&r, &out.udp);
	if (!rd_done(&r))
		return -EBADMSG;
	*l = out;
	return 0;
}

static void put_peer(struct wr *w, const struct identity *i)
{
	wr_bytes(w, i->id.b, sizeof i->id.b);
	wr_bytes(w, i->latest_hash, sizeof i->latest_hash);
	wr_bytes(w, i->public_key, sizeof i->public_key);
	wr_u64(w, i->valid_from);
	wr_u64(w, i->valid_until);
	wr_u8(w, (uint8_t)i->changes);
	wr_u8(w, i->revoke_purpose_keys);
}

static void get_peer(struct rd *r, struct identity *i)
{
	get_bytes(r, i->id.b, sizeof i->id.b);
	get_bytes(r, i->latest_hash, sizeof i->latest_hash);
	get_bytes(r, i->public_key, sizeof i->public_key);
	i->valid_from = rd_u64(r);
	i->valid_until = rd_u64(r);
	i->changes = rd_u8(r);
	i->revoke_purpose_keys = get_bool(r);
}

static void put_trust(struct wr *w, const struct trust *t)
{
	wr_u8(w, t->any);
	wr_u8(w, (uint8_t)t->n);
	for (unsigned i = 0; i < t->n; i++)
		wr_bytes(w, t->ids[i].b, sizeof t->ids[i].b);
}

static void get_trust(struct rd *r, struct trust *t)
{
	t->any = get_bool(r);
	t->n = rd_u8(r);
	if (t->n > TRUST_MAX) {
		t->n = 0;
		r->bad = true;
	}
	for (unsigned i = 0; i < t->n; i++)
		get_bytes(r, t->ids[i].b, sizeof t->ids[i].b);
}

static void put_names(struct wr *w, const struct note_names *names)
{
	wr_u8(w, (uint8_t)names->n);
	for (unsigned i = 0; i < names->n; i++) {
		put_text(w, names->name[i].name);
		wr_u64(w, names->name[i].lease_end_ms);
	}
}

static void get_names(struct rd *r, struct note_names *names)
{
	names->n = rd_u8(r);
	if (names->n > NOTE_NAMES_MAX) {
		names->n = 0;
		r->bad = true;
	}
	for (unsigned i = 0; i < names->n; i++) {
		get_text(r, names->name[i].name, sizeof names->name[i].name);
		names->name[i].lease_end_ms = rd_u64(r);
	}
}

int note_channel_encode(const struct channel *ch, bool up_before, const struct note_names *names,
	uint8_t *dst, size_t cap)
{
	struct wr w = wr_init(dst, cap);
	put_head(&w, NOTE_CHANNEL);
	wr_u8(&w, ch->role);
	put_text(&w, ch->address);
	wr_u8(&w, ch->hidden);
	wr_u8(&w, ch->persistent);
	wr_u8(&w, up_before);
	put_text(&w, ch->listener);
	put_text(&w, ch->identity);
	wr_u8(&w, ch->suite);
	wr_u8(&w, ch->path_flags);
	wr_u16(&w, ch->path_max);
	wr_u8(&w, ch->init_hops_left);
	wr_bytes(&w, ch->peer_static, sizeof ch->peer_static);
	wr_bytes(&w, ch->hash, sizeof ch->hash);
	wr_u64(&w, ch->opened_ms);
	wr_u64(&w, ch->timeout_ms);
	wr_u32(&w, ch->lane);
	put_peer(&w, &ch->peer);
	put_trust(&w, &ch->trust);
	route_encode(&w, &ch->route, 0);
	put_names(&w, names);
	return w.bad ? -EMSGSIZE : (int)wr_len(&w);
}

int note_channel_decode(const uint8_t *p, size_t len, struct channel *ch, bool *up_before,
	struct note_names *names)
{
	struct rd r = rd_init(p, len);
	get_head(&r, NOTE_CHANNEL);
	ch->role = rd_u8(&r);
	get_text(&r, ch->address, sizeof ch->address);
	ch->hidden = get_bool(&r);
	ch->persistent = get_bool(&r);
	*up_before = get_bool(&r);
	get_text(&r, ch->listener, sizeof ch->listener);
	get_text(&r, ch->identity, sizeof ch->identity);
	ch->suite = rd_u8(&r);
	ch->path_flags = rd_u8(&r);
	ch->path_max = rd_u16(&r);
	ch->init_hops_left = rd_u8(&r);
	get_bytes(&r, ch->peer_static, sizeof ch->peer_static);
	get_bytes(&r, ch->hash, sizeof ch->hash);
	ch->opened_ms = rd_u64(&r);
	ch->timeout_ms = rd_u64(&r);
	ch->lane = rd_u32(&r);
	get_peer(&r, &ch->peer);
	get_trust(&r, &ch->trust);
	route_decode(&r, &ch->route);
	get_names(&r, names);
	bool sane = (ch->role == SEAM_INITIATOR || ch->role == SEAM_RESPONDER) && ch->address[0];
	return rd_done(&r) && sane ? 0 : -EBADMSG;
}
