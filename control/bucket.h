/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCKAM_BUCKET_H
#define OCKAM_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Token bucket: `rate` per second, at most `burst` saved up. */
struct bucket {
	uint32_t rate, burst;
	uint64_t milli; /* thousandths of a token */
	uint64_t last_ms;
};

void bucket_init(struct bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms);
/* Whole tokens that are there now. */
uint32_t bucket_level(const struct bucket *b, uint64_t now_ms);
bool bucket_take(struct bucket *b, uint64_t now_ms);

#endif
