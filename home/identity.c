// SPDX-License-Identifier: Apache-2.0
/*
 * A change history is an array of changes, each signed by the key it introduces and, from the
 * second on, by the key before it too; each names the hash of the one before. Decoding borrows from
 * the bytes received, so a signature is always checked over exactly what was signed.
 */
#include "identity.h"

#include "cbor.h"
#include "hex.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

enum {
	DATA_VERSION = 1,
	DATA_CHANGE = 1,
	DATA_ATTESTATION = 2,
	KEY_ED25519 = 0,
	PURPOSE_CHANNEL = 0,
	HASH = 32,
	KEY = 32,
	SIGNATURE = 64,
	DATA_MAX = 256, /* encoded data of a change or attestation that we write */
	DRIFT_S = 60,
};
#define VALID_S (10ull * 365 * 24 * 3600)

static_assert(crypto_hash_sha256_BYTES == HASH && crypto_sign_BYTES == SIGNATURE &&
		      crypto_sign_PUBLICKEYBYTES == KEY && crypto_sign_SEEDBYTES == KEY,
	"sizes of libsodium");

/* One change as received; pointers into the history. */
struct change {
	struct slice data;
	const uint8_t *signature;
	const uint8_t *previous_signature; /* NULL: absent */
	const uint8_t *previous_hash;	   /* NULL: absent */
	const uint8_t *public_key;
	bool revoke;
	uint64_t valid_from, valid_until;
};

static const uint8_t *get_fixed(struct rd *r, size_t len)
{
	struct slice s = cbor_get_bytes(r);
	if (s.len != len)
		r->bad = true;
	return r->bad ? NULL : s.p;
}

/* [kind, [bytes]]: how a key or signature is written. */
static const uint8_t *get_tagged(struct rd *r, uint64_t kind, size_t len)
{
	if (cbor_get_array(r, 2) != 2 || cbor_get_uint(r) != kind || cbor_get_array(r, 1) != 1)
		r->bad = true;
	return get_fixed(r, len);
}

static void put_tagged(struct wr *w, uint64_t kind, const uint8_t *bytes, size_t len)
{
	cbor_put_array(w, 2);
	cbor_put_uint(w, kind);
	cbor_put_array(w, 1);
	cbor_put_bytes(w, bytes, len);
}

/* The bytes inside [version, data_type, bytes]. */
static struct rd open_data(struct slice data, uint64_t data_type)
{
	struct rd r = rd_init(data.p, data.len);
	if (cbor_get_array(&r, 3) != 3 || cbor_get_uint(&r) != DATA_VERSION ||
		cbor_get_uint(&r) != data_type)
		r.bad = true;
	struct slice inner = cbor_get_bytes(&r);
	if (!rd_done(&r))
		return (struct rd){.bad = true};
	return rd_init(inner.p, inner.len);
}

static bool change_data_decode(struct change *c)
{
	struct rd r = open_data(c->data, DATA_CHANGE);
	if (cbor_get_array(&r, 5) != 5)
		return false;
	if (!cbor_take_null(&r))
		c->previous_hash = get_fixed(&r, HASH);
	c->public_key = get_tagged(&r, KEY_ED25519, KEY);
	c->revoke = cbor_get_bool(&r);
	c->valid_from = cbor_get_uint(&r);
	c->valid_until = cbor_get_uint(&r);
	return rd_done(&r) && c->valid_from <= c->valid_until;
}

static bool change_decode(struct rd *r, struct change *out)
{
	struct change c = {0};
	size_t n = cbor_get_array(r, 3);
	if (n < 2)
		return false;
	c.data = cbor_get_bytes(r);
	c.signature = get_tagged(r, KEY_ED25519, SIGNATURE);
	if (n == 3)
		c.previous_signature = get_tagged(r, KEY_ED25519, SIGNATURE);
	if (r->bad || !change_data_decode(&c))
		return false;
	*out = c;
	return true;
}

/* Checks a change against what came before it and moves `id` on to it. */
static bool change_apply(struct identity *id, const struct change *c)
{
	uint8_t hash[HASH];
	crypto_hash_sha256(hash, c->data.p, c->data.len);
	if (!id->changes) {
		if (c->previous_hash || c->previous_signature)
			return false;
		memcpy(id->id.b, hash, HASH);
	} else {
		if (!c->previous_hash || !c->previous_signature ||
			memcmp(c->previous_hash, id->latest_hash, HASH) ||
			c->valid_from < id->valid_from ||
			crypto_sign_verify_detached(
				c->previous_signature, hash, HASH, id->public_key))
			return false;
	}
	if (crypto_sign_verify_detached(c->signature, hash, HASH, c->public_key))
		return false;
	memcpy(id->latest_hash, hash, HASH);
	memcpy(id->public_key, c->public_key, KEY);
	id->valid_from = c->valid_from;
	id->valid_until = c->valid_until;
	id->revoke_purpose_keys = c->revoke;
	id->changes++;
	return true;
}

static bool within(uint64_t now, uint64_t from, uint64_t until)
{
	return now <= until && (now >= from || from - now <= DRIFT_S);
}

int identity_verify(const uint8_t *history, size_t len, uint64_t now, struct identity *out)
{
	struct identity id = {0};
	if (!history || len > IDENTITY_HISTORY_MAX || sodium_init() < 0)
		return -EBADMSG;
	struct rd r = rd_init(history, len);
	size_t n = cbor_get_array(&r, IDENTITY_CHANGES_MAX);
	for (size_t i = 0; i < n; i++) {
		struct change c;
		if (!change_decode(&r, &c) || !change_apply(&id, &c))
			return -EBADMSG;
	}
	if (!n || !rd_done(&r))
		return -EBADMSG;
	if (now && !within(now, id.valid_from, id.valid_until))
		return -EKEYEXPIRED;
	*out = id;
	return 0;
}

int identity_compare(const uint8_t *known, size_t known_len, const uint8_t *seen, size_t seen_len)
{
	struct rd k = rd_init(known, known_len), s = rd_init(seen, seen_len);
	size_t nk = cbor_get_array(&k, IDENTITY_CHANGES_MAX);
	size_t ns = cbor_get_array(&s, IDENTITY_CHANGES_MAX);
	/* Two signatures over the same data are no conflict: what counts is the data. */
	for (size_t i = 0; i < nk && i < ns; i++) {
		struct change a = {0}, b = {0};
		if (!change_decode(&k, &a) || !change_decode(&s, &b) || a.data.len != b.data.len ||
			memcmp(a.data.p, b.data.p, a.data.len))
			return -EKEYREJECTED;
	}
	if (!nk || !ns)
		return -EKEYREJECTED;
	return ns > nk ? 1 : ns == nk ? 0 : -ESTALE;
}

/* Signs the hash of `data` with the seed. */
static void sign(uint8_t signature[static SIGNATURE], const struct secret32 *seed,
	const uint8_t *data, size_t len)
{
	uint8_t hash[HASH], public_key[KEY], secret[crypto_sign_SECRETKEYBYTES];
	crypto_hash_sha256(hash, data, len);
	crypto_sign_seed_keypair(public_key, secret, seed->b);
	crypto_sign_detached(signature, NULL, hash, HASH, secret);
	secret_wipe(secret, sizeof secret);
}

static void public_key_of(uint8_t public_key[static KEY], const struct secret32 *seed)
{
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	crypto_sign_seed_keypair(public_key, secret, seed->b);
	secret_wipe(secret, sizeof secret);
}

bool identity_key_matches(const struct identity *id, const struct secret32 *secret)
{
	uint8_t public_key[KEY];
	public_key_of(public_key, secret);
	return !memcmp(public_key, id->public_key, KEY);
}

/* Wraps inner bytes as [version, data_type, bytes]. */
static struct slice wrap_data(uint8_t *dst, uint64_t data_type, const struct wr *inner)
{
	struct wr w = wr_init(dst, DATA_MAX);
	cbor_put_array(&w, 3);
	cbor_put_uint(&w, DATA_VERSION);
	cbor_put_uint(&w, data_type);
	cbor_put_bytes(&w, inner->start, wr_len(inner));
	assert(!w.bad);
	return (struct slice){dst, wr_len(&w)};
}

/* Writes a signed change: `previous` and `previous_hash` NULL in the first one. */
static void put_change(struct wr *w, const struct secret32 *secret, const struct secret32 *previous,
	const uint8_t *previous_hash, bool revoke, uint64_t now)
{
	uint8_t public_key[KEY], signature[SIGNATURE], inner_buf[DATA_MAX], data_buf[DATA_MAX];
	public_key_of(public_key, secret);
	struct wr inner = wr_init(inner_buf, sizeof inner_buf);
	cbor_put_array(&inner, 5);
	if (previous_hash)
		cbor_put_bytes(&inner, previous_hash, HASH);
	else
		cbor_put_null(&inner);
	put_tagged(&inner, KEY_ED25519, public_key, KEY);
	cbor_put_bool(&inner, revoke);
	cbor_put_uint(&inner, now);
	cbor_put_uint(&inner, now + VALID_S);

	struct slice data = wrap_data(data_buf, DATA_CHANGE, &inner);
	cbor_put_array(w, previous ? 3 : 2);
	cbor_put_bytes(w, data.p, data.len);
	sign(signature, secret, data.p, data.len);
	put_tagged(w, KEY_ED25519, signature, SIGNATURE);
	if (previous) {
		sign(signature, previous, data.p, data.len);
		put_tagged(w, KEY_ED25519, signature, SIGNATURE);
	}
}

int identity_create(struct secret32 *secret, uint8_t *history, size_t cap, uint64_t now)
{
	struct secret32 fresh;
	if (sodium_init() < 0)
		return -EIO;
	randombytes_buf(fresh.b, sizeof fresh.b);
	struct wr w = wr_init(history, cap);
	cbor_put_array(&w, 1);
	put_change(&w, &fresh, NULL, NULL, false, now);
	if (!w.bad)
		*secret = fresh;
	secret_wipe(&fresh, sizeof fresh);
	return w.bad ? -EMSGSIZE : (int)wr_len(&w);
}

int identity_rotate(const uint8_t *history, size_t len, const struct secret32 *old, bool revoke,
	uint64_t now, struct secret32 *secret, uint8_t *dst, size_t cap)
{
	struct identity id;
	struct secret32 fresh;
	int rc = identity_verify(history, len, 0, &id);
	if (rc < 0)
		return rc;
	if (!identity_key_matches(&id, old))
		return -EKEYREJECTED;
	if (id.changes == IDENTITY_CHANGES_MAX)
		return -EMSGSIZE;
	if (now < id.valid_from) /* a clock that went back: times of a history never do */
		now = id.valid_from;

	struct rd changes = rd_init(history, len);
	cbor_get_array(&changes, IDENTITY_CHANGES_MAX);
	randombytes_buf(fresh.b, sizeof fresh.b);
	struct wr w = wr_init(dst, cap);
	cbor_put_array(&w, id.changes + 1);
	wr_bytes(&w, changes.p, rd_left(&changes));
	put_change(&w, &fresh, old, id.latest_hash, revoke, now);
	if (!w.bad)
		*secret = fresh;
	secret_wipe(&fresh, sizeof fresh);
	return w.bad ? -EMSGSIZE : (int)wr_len(&w);
}

int attestation_create(const struct identity *subject, const struct secret32 *secret,
	const uint8_t x25519[static 32], uint64_t created_at, uint64_t expires_at, uint8_t *dst,
	size_t cap)
{
	uint8_t signature[SIGNATURE], inner_buf[DATA_MAX], data_buf[DATA_MAX];
	if (!within(created_at, subject->valid_from, subject->valid_until))
		return -EKEYEXPIRED;
	if (created_at < subject->valid_from)
		created_at = subject->valid_from;
	if (expires_at > subject->valid_until)
		expires_at = subject->valid_until;
	if (expires_at < created_at)
		return -EINVAL;
	struct wr inner = wr_init(inner_buf, sizeof inner_buf);
	cbor_put_array(&inner, 5);
	cbor_put_bytes(&inner, subject->id.b, HASH);
	cbor_put_bytes(&inner, subject->latest_hash, HASH);
	put_tagged(&inner, PURPOSE_CHANNEL, x25519, KEY);
	cbor_put_uint(&inner, created_at);
	cbor_put_uint(&inner, expires_at);

	struct slice data = wrap_data(data_buf, DATA_ATTESTATION, &inner);
	sign(signature, secret, data.p, data.len);
	struct wr w = wr_init(dst, cap);
	cbor_put_array(&w, 2);
	cbor_put_bytes(&w, data.p, data.len);
	put_tagged(&w, KEY_ED25519, signature, SIGNATURE);
	return w.bad ? -EMSGSIZE : (int)wr_len(&w);
}

struct attestation {
	const uint8_t *subject, *latest_hash, *key;
	uint64_t created_at, expires_at;
};

static bool attestation_data_decode(struct slice data, struct attestation *a)
{
	struct rd r = open_data(data, DATA_ATTESTATION);
	if (cbor_get_array(&r, 5) != 5)
		return false;
	a->subject = get_fixed(&r, HASH);
	a->latest_hash = get_fixed(&r, HASH);
	a->key = get_tagged(&r, PURPOSE_CHANNEL, KEY);
	a->created_at = cbor_get_uint(&r);
	a->expires_at = cbor_get_uint(&r);
	return rd_done(&r) && a->created_at <= a->expires_at;
}

int attestation_verify(const uint8_t *att, size_t len, const struct identity *subject, uint64_t now,
	uint8_t x25519[static 32])
{
	struct attestation a;
	uint8_t hash[HASH];
	if (!att || len > ATTESTATION_MAX)
		return -EBADMSG;
	struct rd r = rd_init(att, len);
	if (cbor_get_array(&r, 2) != 2)
		return -EBADMSG;
	struct slice data = cbor_get_bytes(&r);
	const uint8_t *signature = get_tagged(&r, KEY_ED25519, SIGNATURE);
	if (!rd_done(&r) || !attestation_data_decode(data, &a))
		return -EBADMSG;
	crypto_hash_sha256(hash, data.p, data.len);
	/* Only the newest change attests: a rotated key's attestations ended with it. */
	if (memcmp(a.subject, subject->id.b, HASH) ||
		memcmp(a.latest_hash, subject->latest_hash, HASH) ||
		a.created_at < subject->valid_from || a.expires_at > subject->valid_until ||
		crypto_sign_verify_detached(signature, hash, HASH, subject->public_key))
		return -EBADMSG;
	if (!within(now, a.created_at, a.expires_at))
		return -EKEYEXPIRED;
	memcpy(x25519, a.key, KEY);
	return 0;
}

char *identifier_format(const struct identifier *id, char dst[static IDENTIFIER_TEXT])
{
	dst[0] = 'I';
	hex_encode(dst + 1, id->b, sizeof id->b);
	return dst;
}

int identifier_parse(struct identifier *id, const char *text)
{
	if (text[0] != 'I' || strlen(text) != IDENTIFIER_TEXT - 1)
		return -EINVAL;
	return hex_decode(id->b, sizeof id->b, text + 1, 2 * sizeof id->b) < 0 ? -EINVAL : 0;
}

bool identifier_equal(const struct identifier *a, const struct identifier *b)
{
	return !memcmp(a->b, b->b, sizeof a->b);
}
