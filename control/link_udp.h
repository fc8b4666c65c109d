/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagram links: HELLO with a cookie, tags, and how a link moves when its dialler has another address.
 * The dialler repeats HELLO until it is answered. The other side keeps nothing of a HELLO without a
 * valid cookie, and answers it with less than it got. Private to link*.c. Source: docs/protocol.md
 * "Links".
 */
#ifndef OCKAM_LINK_UDP_H
#define OCKAM_LINK_UDP_H

#include "link_private.h"

/* The socket is connected; takes fd. */
int link_udp_dialled(struct node *n, struct link *l, int fd, seam_ack_fn *added);
/* LINK HELLO, or COOKIE, on a link that this node dialled. */
void link_udp_on_hello(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void link_udp_on_cookie(struct node *n, struct link *l, const uint8_t *frame, size_t len);
/* HELLO is due again. */
void link_udp_resend(struct node *n, struct link *l);
/* What SEAM_LINK_SET needs besides what every link has. */
void link_udp_describe(const struct link *l, struct seam_msg *m);

#endif
