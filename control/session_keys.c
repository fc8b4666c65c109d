// SPDX-License-Identifier: Apache-2.0
#include "session_keys.h"

#include <sodium.h>

/* One HMAC is the whole of HKDF-Expand when 32 bytes are wanted. */
static void expand(struct secret32 *dst, const struct secret32 *prk, const char *info)
{
	crypto_auth_hmacsha256_state st;
	crypto_auth_hmacsha256_init(&st, prk->b, sizeof prk->b);
	crypto_auth_hmacsha256_update(&st, (const uint8_t *)info, strlen(info));
	crypto_auth_hmacsha256_update(&st, (const uint8_t[]){1}, 1);
	crypto_auth_hmacsha256_final(&st, dst->b);
	secret_wipe(&st, sizeof st);
}

void session_keys_derive(struct session_keys *out, const uint8_t hash[static 32],
	const struct secret32 *k1, const struct secret32 *k2)
{
	struct secret32 prk;
	crypto_auth_hmacsha256_state st;
	crypto_auth_hmacsha256_init(&st, hash, 32);
	crypto_auth_hmacsha256_update(&st, k1->b, sizeof k1->b);
	crypto_auth_hmacsha256_update(&st, k2->b, sizeof k2->b);
	crypto_auth_hmacsha256_final(&st, prk.b);
	secret_wipe(&st, sizeof st);
	expand(&out->i2r, &prk, "ockam/1 i2r");
	expand(&out->r2i, &prk, "ockam/1 r2i");
	expand(&out->exporter, &prk, "ockam/1 exporter");
	secret_wipe(&prk, sizeof prk);
}
