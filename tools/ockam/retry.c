// SPDX-License-Identifier: Apache-2.0
#include "retry.h"

#include "progress.h"

#include <errno.h>

struct retry retry_options(const struct args *a)
{
	struct retry r = {
		.count = args_flag(a, "no-retry") ? 0 : args_count(a, "retry-count", 0),
		.delay_ms = args_ms(a, "retry-delay", RETRY_DELAY_MS),
	};
	return r;
}

struct retry_state retry_begin(const struct cli *c, const struct retry *retry)
{
	struct retry_state r = {.cli = *c, .outer = c};
	r.left = retry ? retry->count : 0;
	r.delay_ms = retry ? retry->delay_ms : 0;
	r.cli.mute = c->mute || r.left > 0;
	return r;
}

bool retry_again(struct retry_state *r, int code)
{
	if (code != CLI_UNREACHABLE || r->left == 0)
		return false;
	if (progress_wait(-1, 0, progress_now() + r->delay_ms) == -EINTR)
		return false;
	r->left--;
	r->cli.mute = r->outer->mute || r->left > 0;
	return true;
}
