// SPDX-License-Identifier: Apache-2.0
#include "keys.h"

#include "listener.h"
#include "locked.h"
#include "log.h"
#include "vault.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

enum { ATTESTATION_S = 365 * 24 * 3600 };

/* Signs the static key that is in `k`. */
static int attest(struct handshake_keys *k, const struct secret32 *secret, struct reason *why)
{
	uint64_t now = (uint64_t)time(NULL), until = now + ATTESTATION_S;
	if (k->identity.valid_until <= now) {
		*why = reason_make(EXIT_CONFIG, "the identity has expired: create another one");
		return -EKEYEXPIRED;
	}
	if (until > k->identity.valid_until)
		until = k->identity.valid_until;
	int n = attestation_create(&k->identity, secret, k->static_public, now, until,
		k->attestation, sizeof k->attestation);
	if (n < 0) {
		*why = reason_make(EXIT_INTERNAL, "cannot attest the node's key: %s", strerror(-n));
		return n;
	}
	k->attestation_len = (size_t)n;
	return 0;
}

static int set_static_key(struct handshake_keys *k, const struct secret32 *key, struct reason *why)
{
	if (key)
		k->static_key = *key;
	else
		randombytes_buf(k->static_key.b, sizeof k->static_key.b);
	if (crypto_scalarmult_base(k->static_public, k->static_key.b) == 0)
		return 0;
	*why = reason_make(EXIT_CONFIG, "the node's key is damaged: create the node again");
	return -EINVAL;
}

int keys_set_suites(struct handshake_keys *k, uint32_t suites, struct reason *why)
{
	unsigned n = 0;
	if (suites & 1u << SUITE_AESGCM && crypto_aead_aes256gcm_is_available())
		k->suites[n++] = SUITE_AESGCM;
	if (suites & 1u << SUITE_CHACHAPOLY)
		k->suites[n++] = SUITE_CHACHAPOLY;
	k->suites_n = n;
	if (n)
		return 0;
	*why = reason_make(EXIT_CONFIG, "the data plane offers no cipher suite that is known here");
	return -EOPNOTSUPP;
}

/* The sandbox knows the vault files that were there at the start. */
static struct reason home_reason(struct home *h, int rc)
{
	if (rc == -EROFS)
		return reason_make(EXIT_IO,
			"a running node reads only the vaults that it was started with; stop and "
			"start it to use this one (%s)",
			home_error(h));
	return reason_make(rc == -ENOENT ? EXIT_NOT_FOUND : EXIT_IO, "%s", home_error(h));
}

/* A stored identity into k; its name into name[65]. */
static int load_identity(struct home *h, const char *identity, struct handshake_keys *k, char *name,
	struct secret32 *secret, struct reason *why)
{
	struct identity_info *info = calloc(1, sizeof *info);
	if (!info) {
		*why = reason_make(EXIT_INTERNAL, "out of memory");
		return -ENOMEM;
	}
	int rc = identity_get(h, identity, info);
	if (rc == 0)
		rc = identity_secret(h, info->name, secret);
	if (rc < 0) {
		*why = home_reason(h, rc);
	} else {
		k->identity = info->identity;
		k->history_len = info->history_len;
		memcpy(k->history, info->history, info->history_len);
		memcpy(name, info->name, sizeof info->name);
	}
	free(info);
	return rc;
}

static int fresh_identity(struct handshake_keys *k, struct secret32 *secret, struct reason *why)
{
	uint64_t now = (uint64_t)time(NULL);
	int n = identity_create(secret, k->history, sizeof k->history, now);
	if (n > 0) {
		k->history_len = (size_t)n;
		n = identity_verify(k->history, k->history_len, now, &k->identity);
	}
	if (n < 0)
		*why = reason_make(EXIT_INTERNAL, "cannot create an identity: %s", strerror(-n));
	return n;
}

int keys_load_node(struct program *p, struct handshake_keys *out, struct reason *why)
{
	struct secret32 secret;
	char name[65] = "";
	memset(out, 0, sizeof *out);
	int rc = load_identity(
		p->home, p->identity[0] ? p->identity : NULL, out, name, &secret, why);
	if (rc == -ENOENT && p->temporary && !p->identity[0])
		rc = fresh_identity(out, &secret, why);
	if (rc == 0)
		rc = set_static_key(out, p->temporary ? NULL : &p->static_key, why);
	if (rc == 0)
		rc = attest(out, &secret, why);
	secret_wipe(&secret, sizeof secret);
	if (rc == 0)
		memcpy(p->identity, name, sizeof p->identity);
	else
		secret_wipe(out, sizeof *out);
	return rc;
}

int keys_load_other(
	struct program *p, const char *identity, struct handshake_keys **out, struct reason *why)
{
	struct secret32 secret;
	char name[65];
	*out = NULL;
	if (!identity || !strcmp(identity, p->identity))
		return 0;
	struct handshake_keys *k = locked_new(sizeof *k);
	if (!k) {
		*why = reason_make(EXIT_INTERNAL, "out of memory");
		return -ENOMEM;
	}
	int rc = load_identity(p->home, identity, k, name, &secret, why);
	if (rc == 0)
		rc = set_static_key(k, NULL, why);
	if (rc == 0)
		rc = keys_set_suites(k, p->node->suites, why);
	if (rc == 0)
		rc = attest(k, &secret, why);
	secret_wipe(&secret, sizeof secret);
	if (rc == 0) {
		*out = k;
		return 0;
	}
	locked_free(k);
	return rc;
}

/* A handshake under way has its own copy of what it needs, or takes the new attestation. */
static void renew(struct program *p, const char *identity, struct handshake_keys *k)
{
	struct secret32 secret;
	struct reason why;
	int rc = identity_secret(p->home, identity, &secret);
	if (rc < 0)
		why = home_reason(p->home, rc);
	else
		rc = attest(k, &secret, &why);
	secret_wipe(&secret, sizeof secret);
	if (rc < 0)
		log_error("the attestation of %s was not renewed: %s", identity, why.text);
}

void keys_renew(struct program *p)
{
	if (p->temporary || !p->home)
		return;
	renew(p, p->identity, &p->node->keys);
	for (struct listener *l = listeners_first(p->node); l; l = l->next)
		if (l->keys)
			renew(p, l->identity, l->keys);
}
