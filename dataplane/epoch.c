/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch.h"

#include <errno.h>
#include <sodium.h>

enum { REKEY_PING_MS = 200, HARD_WAIT_MS = 10000 };

/* HKDF-Expand to one block: HMAC(prk, info ‖ 1). */
static void expand(struct secret32 *out, const struct secret32 *prk, const char *info)
{
	crypto_auth_hmacsha256_state st;
	const uint8_t one = 1;
	static_assert(crypto_auth_hmacsha256_BYTES == sizeof out->b, "one block is one key");
	crypto_auth_hmacsha256_init(&st, prk->b, sizeof prk->b);
	crypto_auth_hmacsha256_update(&st, (const uint8_t *)info, strlen(info));
	crypto_auth_hmacsha256_update(&st, &one, 1);
	crypto_auth_hmacsha256_final(&st, out->b);
	secret_wipe(&st, sizeof st);
}

/* Expands the key of `chain` and replaces the chain by the next one; neither when it fails. */
static int derive(const struct aead *aead, struct secret32 *chain, struct aead_key *key)
{
	struct secret32 data, next;
	expand(&data, chain, "data");
	expand(&next, chain, "next");
	int err = aead->key_init(key, &data);
	if (!err)
		*chain = next;
	secret_wipe(&data, sizeof data);
	secret_wipe(&next, sizeof next);
	return err;
}

static void forget(struct aead_key *k)
{
	if (k->backend)
		k->backend->key_fini(k);
}

int epoch_tx_init(
	struct epoch_tx *t, const struct aead *aead, const struct secret32 *chain, uint64_t now_ms)
{
	memset(t, 0, sizeof *t);
	t->aead = aead;
	t->chain = *chain;
	t->since_ms = now_ms;
	int err = derive(aead, &t->chain, &t->key);
	if (err)
		epoch_tx_fini(t);
	return err;
}

void epoch_tx_fini(struct epoch_tx *t)
{
	forget(&t->key);
	secret_wipe(t, sizeof *t);
}

static uint64_t ping_interval(uint64_t rtt_ms)
{
	return rtt_ms > REKEY_PING_MS ? rtt_ms : REKEY_PING_MS;
}

bool epoch_tx_ping_due(struct epoch_tx *t, uint64_t rtt_ms, uint64_t now_ms)
{
	if (!t->due && (t->frames >= WIRE_EPOCH_FRAMES || now_ms - t->since_ms >= WIRE_EPOCH_MS))
		t->due = true;
	if (!t->due || (t->pinged && now_ms - t->ping_ms < ping_interval(rtt_ms)))
		return false;
	t->pinged = true;
	t->ping_ms = now_ms;
	return true;
}

uint64_t epoch_tx_ping_deadline(const struct epoch_tx *t, uint64_t rtt_ms)
{
	return t->due && t->pinged ? t->ping_ms + ping_interval(rtt_ms) : UINT64_MAX;
}

bool epoch_tx_hard(const struct epoch_tx *t)
{
	return t->frames >= WIRE_EPOCH_HARD;
}

uint64_t epoch_tx_hard_deadline(const struct epoch_tx *t)
{
	return epoch_tx_hard(t) ? t->hard_ms + HARD_WAIT_MS : UINT64_MAX;
}

void epoch_tx_sealed(struct epoch_tx *t, unsigned n, uint64_t now_ms)
{
	bool before = epoch_tx_hard(t);
	t->frames += n;
	if (!before && epoch_tx_hard(t))
		t->hard_ms = now_ms;
}

/* The present key stays in place until the next one is there: nothing is ever sealed without. */
static int tx_move(struct epoch_tx *t)
{
	struct aead_key next;
	int err = derive(t->aead, &t->chain, &next);
	if (!err) {
		forget(&t->key);
		t->key = next;
	}
	secret_wipe(&next, sizeof next);
	return err;
}

int epoch_tx_pong(struct epoch_tx *t, uint32_t seen, uint64_t now_ms)
{
	if (seen > t->epoch)
		return -EPROTO;
	/* the last epoch of all has no successor: it runs into its hard limit */
	if (!t->due || seen < t->epoch || t->epoch == UINT32_MAX)
		return 0;
	int err = tx_move(t);
	if (err)
		return err;
	t->epoch++;
	t->frames = 0;
	t->since_ms = now_ms;
	t->due = t->pinged = false;
	return 0;
}

int epoch_rx_init(struct epoch_rx *r, const struct aead *aead, const struct secret32 *chain)
{
	memset(r, 0, sizeof *r);
	r->aead = aead;
	r->chain = *chain;
	r->old_until_ms = UINT64_MAX;
	int err = derive(aead, &r->chain, &r->keys[0]);
	if (!err)
		err = derive(aead, &r->chain, &r->keys[1]);
	if (err)
		epoch_rx_fini(r);
	return err;
}

void epoch_rx_fini(struct epoch_rx *r)
{
	for (unsigned i = 0; i < 3; i++)
		forget(&r->keys[i]);
	secret_wipe(r, sizeof *r);
}

struct aead_key *epoch_rx_key(struct epoch_rx *r, uint8_t sub, uint32_t *epoch)
{
	uint32_t e = r->epoch;
	uint8_t ahead = (uint8_t)(sub - e);
	if (ahead == 1 && e < UINT32_MAX)
		e++;
	else if (ahead == UINT8_MAX && e > 0)
		e--;
	else if (ahead != 0)
		return NULL;
	struct aead_key *k = &r->keys[e % 3];
	if (!k->backend)
		return NULL;
	*epoch = e;
	return k;
}

void epoch_rx_commit(struct epoch_rx *r, uint32_t epoch, uint64_t now_ms)
{
	if (epoch <= r->epoch)
		return;
	assert(epoch == r->epoch + 1);
	struct aead_key *oldest =
		&r->keys[(epoch % 3 + 1) % 3]; /* of epoch - 2, if it is still there */
	forget(oldest);
	r->epoch = epoch;
	r->old_until_ms = now_ms + WIRE_EPOCH_OLD_MS;
	if (epoch < UINT32_MAX)
		(void)derive(r->aead, &r->chain, oldest); /* failing leaves it not held */
}

void epoch_rx_tick(struct epoch_rx *r, uint64_t now_ms)
{
	if (now_ms < r->old_until_ms)
		return;
	forget(&r->keys[(r->epoch % 3 + 2) % 3]);
	r->old_until_ms = UINT64_MAX;
}
