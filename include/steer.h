/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to ockam-steer, the one process of a node that may load programs into the kernel and
 * attach them to devices. Control starts it before it gives up its own rights, and hands it the
 * other end of a socket pair (SOCK_SEQPACKET) for each data plane that it starts: one byte with the
 * descriptor. On that socket comes first struct steer_answer, with the maps of programs that were
 * loaded for this data plane alone, or with an error and why. Then each struct steer_request is
 * answered once, in order. When the socket closes, what was attached for it is taken away.
 */
#ifndef OCKAM_STEER_H
#define OCKAM_STEER_H

#include <stdint.h>

enum steer_op {
	STEER_ATTACH =
		1, /* the relay program to the ingress of a device; what is attached stays so */
	STEER_DETACH = 2, /* after closing its link, when there is one */
};

struct steer_request {
	uint32_t op, ifindex;
};

enum steer_map {
	STEER_ROWS,
	STEER_COUNTS,
	STEER_REASONS,
	STEER_MAPS
}; /* order of the descriptors */

enum steer_how {
	STEER_TCX = 1,	  /* the descriptor beside it is the link: it is attached as long as that is
			     open */
	STEER_CLSACT = 2, /* until DETACH, or until the socket closes */
};

struct steer_answer {
	int32_t error; /* 0 or negative errno */
	uint32_t how;
	uint32_t cpus; /* of the greeting: so many values has a count */
	char why[120]; /* a sentence's end, when there is an error */
};

#endif
