// SPDX-License-Identifier: Apache-2.0
/* Stands between sessions and their AEAD (--wrap): each seal is counted, then done by the real one.
 */
#include "sim.h"

#include "aead.h"

#include <stdlib.h>
#include <string.h>

const struct aead *__real_aead_best(enum wire_suite suite);
const struct aead *__wrap_aead_best(enum wire_suite suite);

/* The key itself goes behind the expanded one, where no back end comes. */
enum { KEY_AT = AEAD_KEY_SPACE - 32 };

static const struct aead *real_of(const struct aead_key *k);

static void seal(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sim_watch_sealed(k->space + KEY_AT, get_be64(ops[i].frame + 8));
	real_of(k)->seal(k, ops, n);
}

static void open(struct aead_key *k, struct aead_op *ops, unsigned n)
{
	real_of(k)->open(k, ops, n);
}

static void fini(struct aead_key *k)
{
	real_of(k)->key_fini(k);
}

static struct aead watched[8]; /* by suite */

static const struct aead *real_of(const struct aead_key *k)
{
	return __real_aead_best(k->backend->suite);
}

#define INIT_OF(suite)                                                                             \
	static int init_##suite(struct aead_key *k, const struct secret32 *key)                    \
	{                                                                                          \
		int rc = __real_aead_best(suite)->key_init(k, key);                                \
		if (rc < 0)                                                                        \
			return rc;                                                                 \
		memcpy(k->space + KEY_AT, key->b, 32);                                             \
		k->backend = &watched[suite];                                                      \
		return 0;                                                                          \
	}
INIT_OF(SUITE_AESGCM)
INIT_OF(SUITE_CHACHAPOLY)

const struct aead *__wrap_aead_best(enum wire_suite suite)
{
	const struct aead *real = __real_aead_best(suite);
	if (!real)
		return NULL;
	watched[suite] = (struct aead){
		.name = real->name,
		.suite = suite,
		.key_init = suite == SUITE_AESGCM ? init_SUITE_AESGCM : init_SUITE_CHACHAPOLY,
		.seal = seal,
		.open = open,
		.key_fini = fini,
	};
	return &watched[suite];
}
