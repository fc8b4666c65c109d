/* SPDX-License-Identifier: Apache-2.0 */
/* --retry-count, --retry-delay and --no-retry of commands that connect: only "unreachable" is tried
 * again. */
#ifndef OCKAM_RETRY_H
#define OCKAM_RETRY_H

#include "parse.h"

enum { RETRY_DELAY_MS = 5000 };

struct retry {
	unsigned long count;
	int64_t delay_ms;
};

struct retry_state {
	struct cli cli; /* to be used for the attempt: it is mute while another one may follow */
	const struct cli *outer;
	unsigned long left;
	int64_t delay_ms;
};

struct retry retry_options(const struct args *a);
/* retry NULL: one attempt. */
struct retry_state retry_begin(const struct cli *c, const struct retry *retry);
/* After an attempt that returned `code`: true, after the delay, when there is to be another one. */
bool retry_again(struct retry_state *r, int code);

#endif
