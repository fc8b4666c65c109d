// SPDX-License-Identifier: Apache-2.0
/*
 * What must never happen, watched from outside the program: a nonce used twice under a key, plain
 * text or an identity on a wire, a message that comes out of a session other than it went in.
 */
#include "sim_world.h"

#include "handshake.h"
#include "seam.h"
#include "wire.h"

#include <string.h>

/* Pairs of key and nonce, each as one number that is theirs but for 2^-64. Open addressing. */
static struct {
	uint64_t *slot;
	size_t used, mask;
} sealed;

/* What was given to one session, one way, and did not come out yet. */
struct part {
	struct part *next;
	uint32_t message;
	bool more;
	size_t len, at;
	uint8_t body[];
};

struct flow {
	struct flow *next;
	uint64_t print;
	struct part *first[2], **tail[2]; /* by the sender's role: initiator, responder */
};

enum { FLOW_SLOTS = 1024 };
static struct flow *flows[FLOW_SLOTS];
static struct sim *watched;

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void forget_flows(void)
{
	for (unsigned i = 0; i < FLOW_SLOTS; i++)
		while (flows[i]) {
			struct flow *f = flows[i];
			flows[i] = f->next;
			for (unsigned k = 0; k < 2; k++)
				while (f->first[k]) {
					struct part *p = f->first[k];
					f->first[k] = p->next;
					sim_drop(p);
				}
			sim_drop(f);
		}
}

void sim_watch_reset(struct sim *s)
{
	sim_drop(sealed.slot);
	memset(&sealed, 0, sizeof sealed);
	forget_flows();
	watched = s;
}

static bool put(uint64_t *slot, size_t mask, uint64_t v)
{
	size_t i = v & mask;
	while (slot[i] && slot[i] != v)
		i = (i + 1) & mask;
	bool fresh = !slot[i];
	slot[i] = v;
	return fresh;
}

static void grow(void)
{
	size_t size = sealed.mask ? 2 * (sealed.mask + 1) : 4096;
	uint64_t *slot = sim_alloc(size * sizeof *slot);
	for (size_t i = 0; sealed.slot && i <= sealed.mask; i++)
		if (sealed.slot[i])
			put(slot, size - 1, sealed.slot[i]);
	sim_drop(sealed.slot);
	sealed.slot = slot;
	sealed.mask = size - 1;
}

/* Invariant: no nonce is used twice under a key. */
void sim_watch_sealed(const uint8_t *key, uint64_t n)
{
	uint64_t h = mix(n + 1);
	for (unsigned i = 0; i < 32; i += 8) {
		uint64_t part;
		memcpy(&part, key + i, sizeof part);
		h = mix(h ^ part);
	}
	if (2 * sealed.used >= sealed.mask)
		grow();
	if (put(sealed.slot, sealed.mask, h ? h : 1)) {
		sealed.used++;
		return;
	}
	watched->nonce_reuses++;
	sim_fault(watched, "nonce %llu was used twice under a key", (unsigned long long)n);
}

unsigned sim_nonce_reuses(const struct sim *s)
{
	return s->nonce_reuses;
}

unsigned sim_plaintexts(const struct sim *s)
{
	return s->plaintexts;
}

void sim_set_marker(struct sim *s, const char *marker)
{
	strncpy(s->marker, marker, sizeof s->marker - 1);
	for (size_t i = 0; i < sizeof s->marker; i++) {
		char c = s->marker[i];
		s->marker_capital[i] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
	}
}

/* Invariant: no identity, nor the static key that proves it, is in clear in a handshake. */
static void find_identities(struct sim *s, const uint8_t *f, size_t len)
{
	for (unsigned i = 0; i < s->nodes_n && i < 16; i++) {
		const struct handshake_keys *k = sim_node_keys(s->node[i]);
		if (memmem(f, len, k->static_public, 32) ||
			memmem(f, len, k->identity.public_key, 32))
			sim_fault(s, "the identity of %s is in clear on a wire",
				sim_node_name(s->node[i]));
	}
}

/* Invariant: what was sealed is on no wire in clear, so no relay receives it. */
void sim_watch_frame(struct sim *s, const uint8_t *f, size_t len)
{
	unsigned type = f[0] & 15;
	s->history = mix(s->history ^ ((uint64_t)type << 32 | len)) ^ get_be32(f + 4);
	if (s->marker[0] && len > strlen(s->marker) &&
		(memmem(f, len, s->marker, strlen(s->marker)) ||
			memmem(f, len, s->marker_capital, strlen(s->marker)))) {
		s->plaintexts++;
		sim_fault(s, "plain text on a wire, in a frame of type %u", type);
	}
	if (type == WIRE_RESP || type == WIRE_FINISH)
		find_identities(s, f, len);
}

static struct flow *flow_of(uint64_t print, bool make)
{
	struct flow **pp = &flows[print % FLOW_SLOTS];
	while (*pp && (*pp)->print != print)
		pp = &(*pp)->next;
	if (!*pp && make) {
		*pp = sim_alloc(sizeof **pp);
		(*pp)->print = print;
		for (unsigned k = 0; k < 2; k++)
			(*pp)->tail[k] = &(*pp)->first[k];
	}
	return *pp;
}

void sim_watch_sent(struct sim *s, uint64_t print, unsigned role, uint32_t message, bool more,
	const uint8_t *body, size_t len)
{
	struct flow *f = flow_of(print, true);
	struct part *p = sim_alloc(sizeof *p + len);
	*p = (struct part){.message = message, .more = more, .len = len};
	if (len)
		memcpy(p->body, body, len);
	unsigned way = role != SEAM_INITIATOR;
	*f->tail[way] = p;
	f->tail[way] = &p->next;
}

static void pop(struct flow *f, unsigned way)
{
	struct part *p = f->first[way];
	f->first[way] = p->next;
	if (!p->next)
		f->tail[way] = &f->first[way];
	sim_drop(p);
}

/* Where datagrams may be lost a message of one frame comes out as it went in, at most once, at any time. */
static bool take_any(struct flow *f, unsigned way, uint32_t message, const uint8_t *body, size_t len)
{
	struct part **pp = &f->first[way];
	while (*pp && ((*pp)->message != message || (*pp)->len != len || (len && memcmp((*pp)->body, body, len))))
		pp = &(*pp)->next;
	struct part *p = *pp;
	if (!p)
		return false;
	*pp = p->next;
	if (!p->next)
		f->tail[way] = pp;
	sim_drop(p);
	return true;
}

/*
 * Invariant: what comes out of a session is a beginning of what went in at its other end: in order,
 * whole, once. Parts may be cut elsewhere, a message ends where it ended.
 */
void sim_watch_delivered(struct sim *s, uint64_t print, unsigned role, uint32_t message, bool more,
	const uint8_t *body, size_t len)
{
	struct flow *f = flow_of(print, false);
	unsigned way = role == SEAM_INITIATOR; /* the other end's */
	if (s->udp) {
		if (!f || more || !take_any(f, way, message, body, len))
			sim_fault(s, "message %u came out other than it went in, or twice", message);
		return;
	}
	do {
		struct part *p = f ? f->first[way] : NULL;
		size_t n = p && p->len - p->at < len ? p->len - p->at : len;
		if (!p || p->message != message || (n && memcmp(p->body + p->at, body, n))) {
			sim_fault(s, "message %u came out other than it went in", message);
			return;
		}
		p->at += n;
		body += n;
		len -= n;
		bool ends = p->at == p->len && !p->more;
		if (!len && !more != ends) {
			sim_fault(s, "message %u ends where it did not", message);
			return;
		}
		if (p->at == p->len)
			pop(f, way);
	} while (len);
}
