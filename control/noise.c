// SPDX-License-Identifier: Apache-2.0
#include "noise.h"

#include "bytes.h"

#include <assert.h>
#include <errno.h>

/* SymmetricState, section 5.2 */

static void mix_hash(struct noise_state *st, const void *data, size_t len)
{
	const struct noise_hash *h = st->protocol.hash;
	h->digest(st->h, st->h, h->len, data, len);
}

static void key_set(struct noise_state *st, const uint8_t *key)
{
	memcpy(st->k.b, key, sizeof st->k.b); /* a hash of 64 bytes is cut to 32 */
	st->have_key = true;
	st->n = 0;
}

static void mix_key(struct noise_state *st, const void *ikm, size_t len)
{
	uint8_t key[NOISE_HASH_LEN_MAX];
	noise_hkdf(st->protocol.hash, st->ck, ikm, len, 2, (uint8_t *const[]){st->ck, key});
	key_set(st, key);
	secret_wipe(key, sizeof key);
}

static void mix_psk(struct noise_state *st)
{
	assert(st->psk_next < NOISE_PSKS_MAX);
	const struct secret32 *psk = &st->psk[st->psk_next++];
	const struct noise_hash *h = st->protocol.hash;
	uint8_t hashed[NOISE_HASH_LEN_MAX], key[NOISE_HASH_LEN_MAX];
	noise_hkdf(h, st->ck, psk->b, sizeof psk->b, 3, (uint8_t *const[]){st->ck, hashed, key});
	mix_hash(st, hashed, h->len);
	key_set(st, key);
	secret_wipe(hashed, sizeof hashed);
	secret_wipe(key, sizeof key);
}

static int seal_and_hash(struct noise_state *st, struct wr *w, const void *text, size_t len)
{
	size_t sealed_len = len + (st->have_key ? NOISE_TAG_LEN : 0);
	uint8_t *dst = wr_room(w, sealed_len);
	if (!dst)
		return -EMSGSIZE;
	if (st->have_key)
		st->protocol.cipher->seal(
			dst, &st->k, st->n++, st->h, st->protocol.hash->len, text, len);
	else if (len)
		memcpy(dst, text, len);
	mix_hash(st, dst, sealed_len);
	return 0;
}

/* dst holds the len bytes less the tag, if there is a key. */
static int open_and_hash(struct noise_state *st, const uint8_t *sealed, size_t len, uint8_t *dst)
{
	const struct noise_protocol *p = &st->protocol;
	int rc = 0;
	if (st->have_key)
		rc = p->cipher->open(dst, &st->k, st->n++, st->h, p->hash->len, sealed, len);
	else if (len)
		memcpy(dst, sealed, len);
	mix_hash(st, sealed, len);
	return rc;
}

/* HandshakeState, section 5.3 */

static bool keys_fit(const struct noise_config *cfg, const struct noise_protocol *p)
{
	bool peer_known =
		cfg->initiator ? p->pattern->responder_known : p->pattern->initiator_known;
	return (!noise_pattern_static(p->pattern, cfg->initiator) || cfg->static_key) &&
	       (!peer_known || cfg->remote_static) && cfg->psks_n == noise_protocol_psks(p);
}

static void keys_load(struct noise_state *st, const struct noise_config *cfg)
{
	if (cfg->static_key) {
		st->s = *cfg->static_key;
		st->have_s = true;
		if (cfg->static_public)
			memcpy(st->s_public, cfg->static_public, sizeof st->s_public);
		else
			noise_public_key(&st->s, st->s_public);
	}
	bool peer_known = cfg->initiator ? st->protocol.pattern->responder_known
					 : st->protocol.pattern->initiator_known;
	if (peer_known) {
		memcpy(st->rs, cfg->remote_static, sizeof st->rs);
		st->have_rs = true;
	}
	if (cfg->fixed_ephemeral) {
		st->e = *cfg->fixed_ephemeral;
		st->have_e = true;
	}
	for (unsigned i = 0; i < cfg->psks_n; i++)
		st->psk[i] = cfg->psks[i];
}

static void hash_start(struct noise_state *st, const char *name)
{
	const struct noise_hash *h = st->protocol.hash;
	size_t len = strlen(name);
	if (len <= h->len)
		memcpy(st->h, name, len); /* the rest is zero */
	else
		h->digest(st->h, (const uint8_t *)name, len, NULL, 0);
	memcpy(st->ck, st->h, h->len);
}

int noise_init(struct noise_state *st, const struct noise_config *cfg)
{
	struct noise_protocol p;
	int rc = noise_crypto_init();
	if (!rc)
		rc = noise_protocol_parse(cfg->protocol, &p, NULL);
	if (rc)
		return rc;
	if (!keys_fit(cfg, &p))
		return -EINVAL;
	*st = (struct noise_state){.protocol = p, .initiator = cfg->initiator};
	keys_load(st, cfg);
	hash_start(st, cfg->protocol);
	mix_hash(st, cfg->prologue, cfg->prologue_len);
	if (p.pattern->initiator_known)
		mix_hash(st, st->initiator ? st->s_public : st->rs, NOISE_DH_LEN);
	if (p.pattern->responder_known)
		mix_hash(st, st->initiator ? st->rs : st->s_public, NOISE_DH_LEN);
	return 0;
}

/* ES is the initiator's ephemeral with the responder's static key, whoever computes it. */
static int mix_dh(struct noise_state *st, enum noise_token t)
{
	bool own_e = t == NOISE_EE || t == (st->initiator ? NOISE_ES : NOISE_SE);
	bool peer_e = t == NOISE_EE || t == (st->initiator ? NOISE_SE : NOISE_ES);
	assert((own_e ? st->have_e : st->have_s) && (peer_e ? st->have_re : st->have_rs));
	struct secret32 shared;
	int rc = noise_dh(&shared, own_e ? &st->e : &st->s, peer_e ? st->re : st->rs);
	if (rc)
		return rc;
	mix_key(st, shared.b, sizeof shared.b);
	secret_wipe(&shared, sizeof shared);
	return 0;
}

/* With pre-shared keys an ephemeral is also mixed into the key (section 9.2). */
static void mix_ephemeral(struct noise_state *st, const uint8_t e_public[static NOISE_DH_LEN])
{
	mix_hash(st, e_public, NOISE_DH_LEN);
	if (st->protocol.psks)
		mix_key(st, e_public, NOISE_DH_LEN);
}

static int write_e(struct noise_state *st, struct wr *w)
{
	uint8_t *dst = wr_room(w, NOISE_DH_LEN);
	if (!dst)
		return -EMSGSIZE;
	if (st->have_e)
		noise_public_key(&st->e, dst);
	else
		noise_keypair(&st->e, dst);
	st->have_e = true;
	mix_ephemeral(st, dst);
	return 0;
}

static int write_token(struct noise_state *st, enum noise_token t, struct wr *w)
{
	switch (t) {
	case NOISE_E:
		return write_e(st, w);
	case NOISE_S:
		return seal_and_hash(st, w, st->s_public, sizeof st->s_public);
	case NOISE_PSK:
		mix_psk(st);
		return 0;
	default:
		return mix_dh(st, t);
	}
}

static int read_e(struct noise_state *st, struct rd *r)
{
	const uint8_t *p = rd_bytes(r, sizeof st->re);
	if (!p)
		return -EBADMSG;
	memcpy(st->re, p, sizeof st->re);
	st->have_re = true;
	mix_ephemeral(st, st->re);
	return 0;
}

static int read_s(struct noise_state *st, struct rd *r)
{
	size_t len = sizeof st->rs + (st->have_key ? NOISE_TAG_LEN : 0);
	const uint8_t *p = rd_bytes(r, len);
	if (!p)
		return -EBADMSG;
	st->have_rs = true;
	return open_and_hash(st, p, len, st->rs);
}

static int read_token(struct noise_state *st, enum noise_token t, struct rd *r)
{
	switch (t) {
	case NOISE_E:
		return read_e(st, r);
	case NOISE_S:
		return read_s(st, r);
	case NOISE_PSK:
		mix_psk(st);
		return 0;
	default:
		return mix_dh(st, t);
	}
}

bool noise_done(const struct noise_state *st)
{
	return st->protocol.pattern && st->message == st->protocol.pattern->messages_n;
}

/* The initiator sends the even messages. */
static bool is_turn(const struct noise_state *st, bool to_write)
{
	return st->protocol.pattern && !noise_done(st) &&
	       (st->initiator == (st->message % 2 == 0)) == to_write;
}

int noise_write(struct noise_state *st, const void *payload, size_t len, uint8_t *dst, size_t cap)
{
	if (!is_turn(st, true))
		return -EPROTO;
	if (len > NOISE_MESSAGE_MAX)
		return -EMSGSIZE;
	uint8_t tokens[NOISE_TOKENS_MAX];
	noise_protocol_tokens(&st->protocol, st->message, tokens);
	struct wr w = wr_init(dst, cap < NOISE_MESSAGE_MAX ? cap : NOISE_MESSAGE_MAX);
	struct noise_state next = *st;
	int rc = 0;
	for (const uint8_t *t = tokens; !rc && *t != NOISE_END; t++)
		rc = write_token(&next, *t, &w);
	if (!rc)
		rc = seal_and_hash(&next, &w, payload, len);
	if (!rc) {
		next.message++;
		*st = next;
		rc = (int)wr_len(&w);
	}
	secret_wipe(&next, sizeof next);
	return rc;
}

static int read_payload(struct noise_state *st, struct rd *r, uint8_t *dst, size_t cap)
{
	size_t left = rd_left(r), tag = st->have_key ? NOISE_TAG_LEN : 0;
	if (left < tag)
		return -EBADMSG;
	if (left - tag > cap)
		return -EMSGSIZE;
	int rc = open_and_hash(st, rd_bytes(r, left), left, dst);
	return rc ? rc : (int)(left - tag);
}

int noise_read(struct noise_state *st, const uint8_t *msg, size_t len, uint8_t *dst, size_t cap)
{
	if (!is_turn(st, false))
		return -EPROTO;
	if (len > NOISE_MESSAGE_MAX)
		return -EMSGSIZE;
	uint8_t tokens[NOISE_TOKENS_MAX];
	noise_protocol_tokens(&st->protocol, st->message, tokens);
	struct rd r = rd_init(msg, len);
	struct noise_state next = *st;
	int rc = 0;
	for (const uint8_t *t = tokens; !rc && *t != NOISE_END; t++)
		rc = read_token(&next, *t, &r);
	if (!rc)
		rc = read_payload(&next, &r, dst, cap);
	if (rc >= 0) {
		next.message++;
		*st = next;
	}
	secret_wipe(&next, sizeof next);
	return rc;
}

const uint8_t *noise_handshake_hash(const struct noise_state *st)
{
	return st->h;
}

const uint8_t *noise_remote_static(const struct noise_state *st)
{
	return st->have_rs ? st->rs : NULL;
}

int noise_split(struct noise_state *st, struct secret32 *k1, struct secret32 *k2)
{
	if (!noise_done(st))
		return -EPROTO;
	uint8_t a[NOISE_HASH_LEN_MAX], b[NOISE_HASH_LEN_MAX];
	noise_hkdf(st->protocol.hash, st->ck, NULL, 0, 2, (uint8_t *const[]){a, b});
	memcpy(k1->b, a, sizeof k1->b);
	memcpy(k2->b, b, sizeof k2->b);
	secret_wipe(a, sizeof a);
	secret_wipe(b, sizeof b);
	noise_wipe(st);
	return 0;
}

void noise_wipe(struct noise_state *st)
{
	secret_wipe(st, sizeof *st);
}
