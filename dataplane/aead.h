/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk AEAD back ends as const tables of functions, chosen at start. A batch belongs to one key. Any
 * thread; a key must not be used by two threads at once. Backs docs/protocol.md "Secure frames".
 */
#ifndef OCKAM_AEAD_H
#define OCKAM_AEAD_H

#include "secret.h"
#include "wire.h"

#include <stdbool.h>

enum { AEAD_KEY_SPACE = 2048, AEAD_BATCH = 16 };

/* An expanded key, in the owner's memory; wiped by aead_key_fini. */
struct aead_key {
	const struct aead *backend;
	_Alignas(64) uint8_t space[AEAD_KEY_SPACE];
};

/*
 * One frame: header (16 bytes, the AAD) ‖ body ‖ tag (16 bytes) in place. `frame` points at the header,
 * `len` is the whole frame; the nonce is made of the header's seq as the suite says.
 */
struct aead_op {
	uint8_t *frame;
	uint32_t len;
	bool ok; /* out, open only; when false the body is wiped */
};

struct aead {
	const char *name; /* "ipsec-mb", "libsodium" */
	enum wire_suite suite;
	int (*key_init)(struct aead_key *k, const struct secret32 *key); /* 0, -EOPNOTSUPP, -ENOMEM */
	void (*seal)(struct aead_key *k, struct aead_op *ops, unsigned n);
	void (*open)(struct aead_key *k, struct aead_op *ops, unsigned n);
	void (*key_fini)(struct aead_key *k);
};

/* Probes the CPU and libraries; call once, before threads. */
void aead_init(void);
/* The best back end for a suite; NULL when neither library has it on this CPU. */
const struct aead *aead_best(enum wire_suite suite);
/* Every usable back end, for tests and the benchmark; NULL past the last. */
const struct aead *aead_nth(unsigned i);
/* Bit mask of usable suites (1 << enum wire_suite). */
uint32_t aead_suites(void);

#endif
