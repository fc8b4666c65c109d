/* SPDX-License-Identifier: Apache-2.0 */
#include "aead_backend.h"

/* Two back ends with two suites each, the faster back end first; written once by aead_init. */
static const struct aead *backends[4];
static unsigned backends_n;

void aead_init(void)
{
	if (backends_n > 0)
		return;
	backends_n = aead_ipsec_probe(backends);
	backends_n += aead_sodium_probe(backends + backends_n);
}

const struct aead *aead_best(enum wire_suite suite)
{
	for (unsigned i = 0; i < backends_n; i++) {
		if (backends[i]->suite == suite)
			return backends[i];
	}
	return NULL;
}

const struct aead *aead_nth(unsigned i)
{
	return i < backends_n ? backends[i] : NULL;
}

uint32_t aead_suites(void)
{
	uint32_t mask = 0;
	for (unsigned i = 0; i < backends_n; i++)
		mask |= UINT32_C(1) << backends[i]->suite;
	return mask;
}
