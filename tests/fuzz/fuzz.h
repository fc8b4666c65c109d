/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target is one file with LLVMFuzzerTestOneInput: linked with libFuzzer it searches (./dev
 * fuzz), linked with replay.c it takes the files of its corpus once (./dev check). CHECK states
 * what must hold for every input; a broken one ends the program, in every build.
 */
#ifndef OCKAM_FUZZ_H
#define OCKAM_FUZZ_H

#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Once, before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define CHECK(what)                                                                                \
	((what) ? (void)0                                                                          \
		: (fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, __func__, #what),        \
			  abort()))

/* The rest of the input as text, cut at cap: heap, so that a read behind its end is seen. */
static inline char *fuzz_text(struct rd *r, size_t cap)
{
	size_t n = rd_left(r) < cap ? rd_left(r) : cap;
	char *s = malloc(n + 1);
	if (!s)
		abort();
	const uint8_t *p = rd_bytes(r, n);
	if (n)
		memcpy(s, p, n);
	s[n] = 0;
	return s;
}

/* The next n bytes, or as many as there are, in a heap block of exactly that size. */
static inline uint8_t *fuzz_block(struct rd *r, size_t *n)
{
	*n = rd_left(r) < *n ? rd_left(r) : *n;
	uint8_t *p = malloc(*n ? *n : 1);
	if (!p)
		abort();
	const uint8_t *from = rd_bytes(r, *n);
	if (*n)
		memcpy(p, from, *n);
	return p;
}

#endif
