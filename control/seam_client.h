/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control's end of the seam: requests with their acknowledgements, and events handed to the module
 * that owns the object.
 */
#ifndef OCKAM_SEAM_CLIENT_H
#define OCKAM_SEAM_CLIENT_H

#include "node.h"

/* `answer` only for GET and HELLO, borrowed. error: 0 or negative errno; -ECANCELED when the seam ends. */
typedef void seam_ack_fn(struct node *n, void *ctx, int error, const struct seam_msg *answer);

struct seam_client *seam_client_new(void);
void seam_client_free(struct node *n);
/* Sends a command; fn (may be NULL) is called once, never before this returns. Takes m->fd. 0, or
 * negative errno and fn is not called. */
int seam_request(struct node *n, struct seam_msg *m, seam_ack_fn *fn, void *ctx);
/* No callback of this ctx any more. */
void seam_forget(struct node *n, const void *ctx);
/* Sends a whole frame on a link, without ACK. */
int seam_frame(struct node *n, uint32_t link, const void *frame, size_t len);
/* One datagram from the data plane. */
void seam_input(struct node *n, const void *buf, size_t len);
/* The data plane is gone: all requests fail with -ECANCELED. */
void seam_lost(struct node *n);

#endif
