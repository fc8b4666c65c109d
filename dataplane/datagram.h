/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the pieces of a send to datagrams: each frame is one. Frames of one label and one length lie
 * together in a run that leaves as one send with UDP_SEGMENT; the last of a run may be shorter. Pure;
 * what is given out borrows from the pieces.
 */
#ifndef OCKAM_DATAGRAM_H
#define OCKAM_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum {
	DATAGRAM_RUN_MAX = 64,	      /* what kernels since 4.18 take */
	DATAGRAM_RUN_BYTES = 65000,
};

struct datagrams {
	const struct iovec *iov;
	unsigned n;
	size_t off; /* in the first of them */
};

struct datagram_run {
	struct iovec iov[DATAGRAM_RUN_MAX];
	unsigned pieces, frames;
	size_t bytes;
	uint32_t segment; /* bytes of each but the last */
};

/* The next run of at most `most` frames; 0: nothing is left. Else its bytes. */
size_t datagrams_next(struct datagrams *d, unsigned most, struct datagram_run *out);

#endif
