/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the scenarios, each set in the file of its name. The table is catalog.c. */
#ifndef OCKAM_BENCH_CATALOG_H
#define OCKAM_BENCH_CATALOG_H

#include "bench.h"

extern const struct scenario_ops seal_ops, handshake_ops, message_ops, forward_ops, relay_ops,
	start_ops, portal_ops;

#endif
