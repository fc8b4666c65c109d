/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows between datagram links the kernel serves (bpf/udp_relay.bpf.c), and what it has done
 * for them. One per data plane; any thread, under one lock, never for each packet. A row that is
 * wanted goes into the kernel's table when both its links have a device that the program is
 * attached to, and out again when that is so no more; meanwhile the engine serves it. Links that
 * move and routes that change are followed: the new entry is there before the old one goes. Without
 * ockam-steer, or without rights, all of it does nothing and says why.
 */
#ifndef OCKAM_KERNEL_PATH_H
#define OCKAM_KERNEL_PATH_H

#include "stats.h"
#include "udp_address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_path;

struct kernel_status {
	uint32_t wanted, served; /* rows */
	struct passed count;
	char why[160]; /* that none, or not all, are served; empty: they are */
};

/* `fd` of ockam-steer, taken; -1: there is none. Before the sandbox. NULL: no memory. */
struct kernel_path *kernel_path_new(int fd);
void kernel_path_free(struct kernel_path *k);

/* A datagram link is up: its far end, with `local` in it, the local port, and what it takes. */
void kernel_path_link(struct kernel_path *k, uint32_t link, const struct udp_address *at,
	uint16_t local_port, uint16_t frame_max);
void kernel_path_link_gone(struct kernel_path *k, uint32_t link);
/* Frames of this row have been seen to pass: it may be served. Rows of other links are left alone.
 */
void kernel_path_row(struct kernel_path *k, uint32_t link, uint32_t label, uint32_t out_link);
void kernel_path_row_gone(struct kernel_path *k, uint32_t link, uint32_t label);

/* Frames are counted against a rate, which the kernel does not know: it serves none meanwhile. */
void kernel_path_hold(struct kernel_path *k, bool hold);

/* False: it is none of these. */
bool kernel_path_row_count(
	struct kernel_path *k, uint32_t link, uint32_t label, struct passed *out);
/* The kernel serves this row now; false: not, and why (a sentence, cut at cap). */
bool kernel_path_row_served(
	struct kernel_path *k, uint32_t link, uint32_t label, char *why, size_t cap);
/* What came in by a link, and what left by it. */
void kernel_path_link_count(
	struct kernel_path *k, uint32_t link, struct passed *in, struct passed *out);
void kernel_path_status(struct kernel_path *k, struct kernel_status *out);

#endif
