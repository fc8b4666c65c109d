/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCKAM_HEX_H
#define OCKAM_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Lower-case; dst takes 2 n + 1 bytes. Returns dst. */
char *hex_encode(char *dst, const void *src, size_t n);
/* Exactly `len` characters into cap bytes; number of bytes, or -EINVAL (odd, not hex, too long). */
int hex_decode(void *dst, size_t cap, const char *src, size_t len);

#endif
