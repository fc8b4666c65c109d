// SPDX-License-Identifier: Apache-2.0
/* Sealing frames in batches as the data plane does, per back end and size, beside memcpy. */
#include "aead.h"
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t sizes[] = {64, 256, 1400, 16384, 60000};
enum { SIZES = sizeof sizes / sizeof *sizes, CHECK_EVERY = 16 };

struct work {
	struct aead_key key;
	uint8_t *frames, *copy;
	struct aead_op ops[AEAD_BATCH];
	uint32_t size;
	uint64_t seq;
};

static void batch_make(struct work *w)
{
	for (unsigned i = 0; i < AEAD_BATCH; i++) {
		uint8_t *f = w->frames + (size_t)i * w->size;
		frame_header_encode(f, WIRE_DATA, 0, (uint16_t)w->size, 1, w->seq++);
		w->ops[i] = (struct aead_op){.frame = f, .len = w->size};
	}
}

static void seal_batch(struct work *w)
{
	batch_make(w);
	w->key.backend->seal(&w->key, w->ops, AEAD_BATCH);
}

static void copy_batch(struct work *w)
{
	batch_make(w);
	memcpy(w->copy, w->frames, (size_t)w->size * AEAD_BATCH);
	__asm__ volatile("" : : "r"(w->copy) : "memory");
}

/* Gigabytes of frames per second of CPU time. */
static double rate(struct work *w, void (*fn)(struct work *), double seconds)
{
	uint64_t batches = 0, start = clock_ns(CLOCK_THREAD_CPUTIME_ID), spent;
	do {
		for (unsigned i = 0; i < CHECK_EVERY; i++)
			fn(w);
		batches += CHECK_EVERY;
		spent = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	} while ((double)spent < seconds * 1e9);
	return (double)(batches * AEAD_BATCH * w->size) / (double)spent;
}

static int measure(struct bench *b, struct work *w)
{
	const struct secret32 key = {{7}};
	char metric[32], name[64];
	snprintf(metric, sizeof metric, "%u B frames", w->size);
	results_add(b->results, "seal", "memcpy", metric, "GB/s", rate(w, copy_batch, b->seconds));
	const struct aead *a;
	for (unsigned i = 0; (a = aead_nth(i)); i++) {
		w->key.backend = a;
		int rc = a->key_init(&w->key, &key);
		if (rc < 0)
			return rc;
		snprintf(name, sizeof name, "%s %s", a->name,
			a->suite == SUITE_AESGCM ? "AES-256-GCM" : "ChaCha20-Poly1305");
		results_add(b->results, "seal", name, metric, "GB/s",
			rate(w, seal_batch, b->seconds));
		a->key_fini(&w->key);
	}
	return 0;
}

static int run(struct bench *b)
{
	struct work *w = NULL;
	int rc = posix_memalign((void **)&w, 64, sizeof *w) ? -ENOMEM : 0;
	if (rc < 0)
		return rc;
	memset(w, 0, sizeof *w);
	w->frames = calloc(AEAD_BATCH, WIRE_FRAME_MAX);
	w->copy = calloc(AEAD_BATCH, WIRE_FRAME_MAX);
	aead_init();
	for (unsigned r = 0; r < b->runs && rc == 0; r++)
		for (unsigned i = 0; i < SIZES && rc == 0; i++) {
			w->size = sizes[i];
			rc = w->frames && w->copy ? measure(b, w) : -ENOMEM;
		}
	free(w->frames);
	free(w->copy);
	free(w);
	return rc;
}

const struct scenario scenario_seal = {
	"seal", "sealing frames in batches of 16, per library and size, beside memcpy", run};
