/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * What the relay program in the kernel (bpf/udp_relay.bpf.c) and the data plane agree on: the table
 * of its rows, keyed by where a frame comes from and its label, and what it counts. Addresses and
 * ports as in the packet; an IPv4 address is its four bytes, then zeros. No holes.
 */
#ifndef OCKAM_BPF_SHARED_H
#define OCKAM_BPF_SHARED_H

#include <linux/types.h>

enum {
	RELAY_ROWS_MAX = 131072,
	RELAY_SEGMENTS_MAX = 128, /* of one packet; the kernel's own limit */
};

struct relay_key {
	__u8 remote[16], local[16];
	__be16 remote_port, local_port;
	__be32 label;
	__u32 family; /* 4, 6 */
};

struct relay_row {
	__u8 remote[16], local[16]; /* of the way out; the same family */
	__be16 remote_port, local_port;
	__u32 in_ifindex; /* where its frames come in: from elsewhere they are nobody's */
	__u32 out_ifindex;
	__u32 slot;	 /* of its counts */
	__u32 frame_max; /* of the way out */
};

struct relay_count {
	__u64 frames, bytes; /* of frames */
	__u64 last_ns;	     /* CLOCK_MONOTONIC, coarse */
};

/* Why a packet of a row went up to user space after all: the index of a count. */
enum relay_reason {
	RELAY_DEVICE,  /* came in elsewhere, or the way out is gone */
	RELAY_TTL,     /* its last hop */
	RELAY_SEGMENT, /* its frames are not all of this row, or not sound */
	RELAY_TOO_BIG, /* for the way out, or for its device */
	RELAY_MEMORY,
	RELAY_REASONS
};

#ifndef __cplusplus
_Static_assert(sizeof(struct relay_key) == 44, "no holes");
_Static_assert(sizeof(struct relay_row) == 52, "no holes");
#endif

#endif
