/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secret bytes have a type of their own, so that they are seen where they are copied, and are wiped
 * by whoever owns them, on every exit.
 */
#ifndef OCKAM_SECRET_H
#define OCKAM_SECRET_H

#include <stdint.h>
#include <string.h>

struct secret32 {
	uint8_t b[32];
};

static inline void secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

#endif
