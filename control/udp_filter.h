/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel drops at a UDP listener's socket before it wakes anybody: datagrams that are no frame, of no known
 * type, or of a type that carries a tag without one and no HELLO. A classic socket filter, which needs no
 * rights; what it lets through is checked again, tags exactly.
 */
#ifndef OCKAM_UDP_FILTER_H
#define OCKAM_UDP_FILTER_H

/* 0 or a negative errno. */
int udp_filter_attach(int fd);

#endif
