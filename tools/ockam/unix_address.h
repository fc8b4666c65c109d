/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCKAM_UNIX_ADDRESS_H
#define OCKAM_UNIX_ADDRESS_H

#include "cli.h"

#include <stddef.h>

/*
 * Copies HOST:PORT or unix:PATH; a path becomes absolute, since a node has another working
 * directory. CLI_OK, or CLI_USAGE with the error sentence written.
 */
int unix_address(const struct cli *c, const char *text, char *dst, size_t cap);

#endif
