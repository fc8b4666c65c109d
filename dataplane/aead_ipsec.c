/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The AEAD by intel-ipsec-mb's direct functions. They keep no state in the manager, which is only a
 * table of functions for this CPU: one, made at start and read by every thread. The library
 * computes tags and leaves comparing them, and wiping keys and contexts, to its caller.
 */
#include "aead_backend.h"

#if defined(__has_include) && __has_include(<intel-ipsec-mb.h>)
#include <intel-ipsec-mb.h>
#endif

#if defined(IMB_VERSION_NUM) && IMB_VERSION_NUM >= 0x10200

#include <sodium.h>

static_assert(sizeof(struct gcm_key_data) <= AEAD_KEY_SPACE, "expanded key");

static IMB_MGR *mgr;
static const struct aead ipsec_aesgcm, ipsec_chachapoly;

/* Sets op->ok; a body whose tag is wrong is wiped. */
static void tag_check(struct aead_op *op, const uint8_t *tag, uint8_t *body, uint32_t len)
{
	op->ok = sodium_memcmp(tag, body + len, WIRE_TAG) == 0;
	if (!op->ok)
		secret_wipe(body, len);
}

static void key_fini(struct aead_key *k)
{
	secret_wipe(k->space, sizeof k->space);
	k->backend = NULL;
}

static int aesgcm_key_init(struct aead_key *k, const struct secret32 *key)
{
	IMB_AES256_GCM_PRE(mgr, key->b, (void *)k->space);
	k->backend = &ipsec_aesgcm;
	return 0;
}

static void aesgcm_seal(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	struct gcm_context_data ctx;
	for (unsigned i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE], *f = ops[i].frame, *body = f + WIRE_HEADER;
		uint32_t len = aead_body_len(&ops[i]);
		aead_nonce_aesgcm(nonce, f);
		IMB_AES256_GCM_ENC(mgr, (const void *)k->space, &ctx, body, body, len, nonce, f,
			WIRE_HEADER, body + len, WIRE_TAG);
	}
	secret_wipe(&ctx, sizeof ctx);
}

static void aesgcm_open(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	struct gcm_context_data ctx;
	uint8_t tag[WIRE_TAG];
	for (unsigned i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE], *f = ops[i].frame, *body = f + WIRE_HEADER;
		uint32_t len = aead_body_len(&ops[i]);
		aead_nonce_aesgcm(nonce, f);
		IMB_AES256_GCM_DEC(mgr, (const void *)k->space, &ctx, body, body, len, nonce, f,
			WIRE_HEADER, tag, WIRE_TAG);
		tag_check(&ops[i], tag, body, len);
	}
	secret_wipe(&ctx, sizeof ctx);
	secret_wipe(tag, sizeof tag);
}

static int chachapoly_key_init(struct aead_key *k, const struct secret32 *key)
{
	memcpy(k->space, key->b, sizeof key->b);
	k->backend = &ipsec_chachapoly;
	return 0;
}

static void chachapoly_seal(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	struct chacha20_poly1305_context_data ctx;
	for (unsigned i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE], *f = ops[i].frame, *body = f + WIRE_HEADER;
		uint32_t len = aead_body_len(&ops[i]);
		aead_nonce_chachapoly(nonce, f);
		IMB_CHACHA20_POLY1305_INIT(mgr, k->space, &ctx, nonce, f, WIRE_HEADER);
		IMB_CHACHA20_POLY1305_ENC_UPDATE(mgr, k->space, &ctx, body, body, len);
		IMB_CHACHA20_POLY1305_ENC_FINALIZE(mgr, &ctx, body + len, WIRE_TAG);
	}
	secret_wipe(&ctx, sizeof ctx);
}

static void chachapoly_open(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	struct chacha20_poly1305_context_data ctx;
	uint8_t tag[WIRE_TAG];
	for (unsigned i = 0; i < n; i++) {
		uint8_t nonce[AEAD_NONCE], *f = ops[i].frame, *body = f + WIRE_HEADER;
		uint32_t len = aead_body_len(&ops[i]);
		aead_nonce_chachapoly(nonce, f);
		IMB_CHACHA20_POLY1305_INIT(mgr, k->space, &ctx, nonce, f, WIRE_HEADER);
		IMB_CHACHA20_POLY1305_DEC_UPDATE(mgr, k->space, &ctx, body, body, len);
		IMB_CHACHA20_POLY1305_DEC_FINALIZE(mgr, &ctx, tag, WIRE_TAG);
		tag_check(&ops[i], tag, body, len);
	}
	secret_wipe(&ctx, sizeof ctx);
	secret_wipe(tag, sizeof tag);
}

static const struct aead ipsec_aesgcm = {
	.name = "ipsec-mb",
	.suite = SUITE_AESGCM,
	.key_init = aesgcm_key_init,
	.seal = aesgcm_seal,
	.open = aesgcm_open,
	.key_fini = key_fini,
};

static const struct aead ipsec_chachapoly = {
	.name = "ipsec-mb",
	.suite = SUITE_CHACHAPOLY,
	.key_init = chachapoly_key_init,
	.seal = chachapoly_seal,
	.open = chachapoly_open,
	.key_fini = key_fini,
};

/* Without AES-NI the library falls back to an emulation that is slower than libsodium: not used. */
unsigned aead_ipsec_probe(const struct aead *found[static 2])
{
	const uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
	mgr = alloc_mb_mgr(0);
	if (!mgr)
		return 0;
	if ((mgr->features & needed) == needed)
		init_mb_mgr_auto(mgr, NULL);
	if ((mgr->features & needed) != needed || imb_get_errno(mgr) != 0) {
		free_mb_mgr(mgr);
		mgr = NULL;
		return 0;
	}
	found[0] = &ipsec_aesgcm;
	found[1] = &ipsec_chachapoly;
	return 2;
}

#else /* no such library on this architecture */

unsigned aead_ipsec_probe(const struct aead *found[static 2])
{
	(void)found;
	return 0;
}

#endif
