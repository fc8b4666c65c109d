/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of MSG that come in parts: at most WIRE_MSG_OPEN_MAX open per session, MSG_BODY_MAX each,
 * WIRE_MSG_NODE_MAX in all. A message that would pass a limit is swallowed to its end. `session` is
 * any pointer that stands for the session.
 */
#ifndef OCKAM_REASSEMBLY_H
#define OCKAM_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assembly;
struct reassembly {
	struct assembly *first;
	size_t bytes; /* allocated */
};

/*
 * Takes a part. 1: the message is whole, *whole is the caller's to free (heap). 0: more to come, or
 * swallowed. -EPROTO: too many messages open, the session has broken the protocol. -ENOMEM.
 */
int reassembly_take(struct reassembly *ra, uint64_t now_ms, const void *session, uint32_t message,
	bool more, const uint8_t *part, size_t len, uint8_t **whole, size_t *whole_len);
void reassembly_drop_session(struct reassembly *ra, const void *session);
/* Gives up the memory of those that have stood still. */
void reassembly_tick(struct reassembly *ra, uint64_t now_ms);
uint64_t reassembly_deadline(const struct reassembly *ra);
void reassembly_fini(struct reassembly *ra);

#endif
