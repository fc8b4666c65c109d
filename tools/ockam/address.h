/* SPDX-License-Identifier: Apache-2.0 */
/* Transport addresses as the command line has them. The nodes parse them again: these checks make
 * errors early. */
#ifndef OCKAM_ADDRESS_H
#define OCKAM_ADDRESS_H

#include "cli.h"

#include <stddef.h>

/* HOST:PORT, [IPV6]:PORT or unix:PATH. */
bool address_valid(const char *text);
/* The same, or PORT alone: one of 127.0.0.1. */
bool address_port_valid(const char *text);
/* ADDRESS[/PREFIX][:PORT|:LO-HI]; an IPv6 address with ports is in brackets: [CIDR]:PORT. */
bool address_transit_valid(const char *text);
/*
 * Copies a valid address, a port alone with its host; a path becomes absolute, since a node has another working directory.
 * CLI_OK, or an exit code with the error sentence written.
 */
int address_absolute(const struct cli *c, const char *text, char *dst, size_t cap);

#endif
