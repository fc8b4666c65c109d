/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closed doors: what connects to an inlet that leads nowhere at the moment is accepted and reset, so
 * that an application learns it at once, as from a port where nobody listens.
 */
#ifndef OCKAM_INLET_GATE_H
#define OCKAM_INLET_GATE_H

#include "program.h"

/* As node_io.inlet_gate; ctx: the struct program. */
void inlet_gate_set(void *ctx, uint32_t portal, int fd, bool refuse);

#endif
