// SPDX-License-Identifier: Apache-2.0
#include "origin.h"

#include "seam.h"
#include "wire.h"

#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static_assert(ORIGIN_SECRET == crypto_shorthash_KEYBYTES, "the secret is the hash's key");

void origins_init(struct origins *os)
{
	randombytes_buf(os->secret, sizeof os->secret);
}

static struct origin **slot(struct origins *os, uint64_t key)
{
	uint8_t hash[crypto_shorthash_BYTES];
	crypto_shorthash(hash, (const uint8_t *)&key, sizeof key, os->secret);
	return &os->slots[get_be32(hash) % ORIGIN_SLOTS];
}

struct origin *origin_get(struct origins *os, const struct sockaddr_storage *from, uint64_t now_ms)
{
	uint64_t key = seam_origin(from);
	struct origin **pp = slot(os, key), *o = *pp;
	while (o && o->key != key)
		o = o->next;
	if (!o) {
		o = calloc(1, sizeof *o);
		if (!o)
			return NULL;
		o->key = key;
		bucket_init(&o->source.inits, WIRE_INIT_RATE, WIRE_INIT_BURST, now_ms);
		o->next = *pp;
		*pp = o;
	}
	o->links++;
	return o;
}

void origin_put(struct origins *os, struct origin *o)
{
	if (--o->links)
		return;
	struct origin **pp = slot(os, o->key);
	while (*pp != o)
		pp = &(*pp)->next;
	*pp = o->next;
	free(o);
}
