/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the home, and its failures as exit codes. */
#ifndef OCKAM_HOME_CALL_H
#define OCKAM_HOME_CALL_H

#include "cli.h"
#include "home.h"

/* CLI_OK, or an exit code with the error sentence written and *out closed. */
int home_call_open(const struct cli *c, enum home_mode mode, struct home **out);
/* Writes the sentence of a failed call. `name` NULL: the default one. */
int home_call_failed(
	const struct cli *c, const struct home *h, int err, const char *noun, const char *name);
/* CLI_OK, or CLI_CONFIG and the sentence when a socket of this node would have too long a path. */
int home_call_check_depth(const struct cli *c, const char *node);

#endif
