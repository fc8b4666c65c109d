/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCKAM_LOG_FOLLOW_H
#define OCKAM_LOG_FOLLOW_H

#include "cli.h"

/* Copies a file to stdout and goes on as it grows, also when it is rotated, until a signal ends the
 * process. */
int log_follow(const struct cli *c, const char *path);

#endif
