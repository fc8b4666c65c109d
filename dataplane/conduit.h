/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of frames that pass a relay and stay in the kernel, in a pipe: a first-in first-out that
 * one link fills and one link drains, perhaps on another thread. Who is given bytes of it holds a
 * reference for them; the references are served in the order in which they were given. The engine
 * knows only this: what a pipe is stands in conduit_pipe.h.
 */
#ifndef OCKAM_CONDUIT_H
#define OCKAM_CONDUIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONDUIT_SPOIL SIZE_MAX

struct conduit {
	/* The next n bytes, into memory. False: they cannot be had, and are lost. */
	bool (*read)(struct conduit *c, uint8_t *dst, size_t n);
	/* Lets go of a reference; the `left` bytes that are still there for it are thrown away.
	 * CONDUIT_SPOIL: they were lost out of order; what lies there is of no use any more. */
	void (*put)(struct conduit *c, size_t left);
};

#endif
