// SPDX-License-Identifier: Apache-2.0
/* Sealing frames in batches as the data plane does, per back end and size, beside memcpy. */
#include "aead.h"
#include "catalog.h"

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

/* What is sealed opens to what it was, by another library too, and not with a byte changed. */
static int verify(struct work *w, const struct aead *opens, const struct secret32 *key)
{
	int rc = w->key.backend->key_init(&w->key, key);
	if (rc < 0)
		return rc;
	memset(w->frames, 0x5a, (size_t)w->size * AEAD_BATCH);
	seal_batch(w);
	w->key.backend->key_fini(&w->key);
	w->frames[w->size - 1] ^= 1; /* of the first alone */
	w->key.backend = opens;
	rc = opens->key_init(&w->key, key);
	if (rc < 0)
		return rc;
	opens->open(&w->key, w->ops, AEAD_BATCH);
	opens->key_fini(&w->key);
	for (unsigned i = 0; i < AEAD_BATCH && rc == 0; i++) {
		const uint8_t *text = w->frames + (size_t)i * w->size + WIRE_HEADER;
		if (w->ops[i].ok != (i > 0) || (i > 0 && text[0] != 0x5a))
			rc = -EBADMSG;
	}
	return rc;
}

static int verify_all(struct work *w, const struct secret32 *key)
{
	const struct aead *a, *o;
	int rc = 0;
	for (unsigned i = 0; (a = aead_nth(i)) && rc == 0; i++)
		for (unsigned k = 0; (o = aead_nth(k)) && rc == 0; k++) {
			w->key.backend = a;
			if (o->suite == a->suite)
				rc = verify(w, o, key);
		}
	if (rc < 0)
		bench_say("what was sealed does not open as it should");
	return rc;
}

static int measure(struct bench *b, struct work *w, const struct aead *a, const char *metric,
	const struct secret32 *key)
{
	char name[64];
	w->key.backend = a;
	int rc = a->key_init(&w->key, key);
	if (rc < 0)
		return rc;
	snprintf(name, sizeof name, "%s %s", a->name,
		a->suite == SUITE_AESGCM ? "AES-256-GCM" : "ChaCha20-Poly1305");
	bench_add(b, name, metric, rate(w, seal_batch, b->seconds));
	a->key_fini(&w->key);
	return 0;
}

static int measure_size(struct bench *b, struct work *w, const struct secret32 *key)
{
	char metric[32];
	unsigned n = 0;
	int rc = verify_all(w, key);
	snprintf(metric, sizeof metric, "sealed, %u B", w->size);
	while (aead_nth(n))
		n++;
	for (unsigned i = 0; i <= n && rc == 0; i++) {
		unsigned turn = bench_turn(b, i, n + 1);
		if (turn == n)
			bench_add(b, "memcpy", metric, rate(w, copy_batch, b->seconds));
		else
			rc = measure(b, w, aead_nth(turn), metric, key);
	}
	return rc;
}

static void close_seal(struct bench *b, void *state)
{
	struct work *w = state;
	free(w->frames);
	free(w->copy);
	free(w);
}

static int open_seal(struct bench *b, void **state)
{
	struct work *w = NULL;
	if (posix_memalign((void **)&w, 64, sizeof *w))
		return -ENOMEM;
	memset(w, 0, sizeof *w);
	w->frames = calloc(AEAD_BATCH, WIRE_FRAME_MAX);
	w->copy = calloc(AEAD_BATCH, WIRE_FRAME_MAX);
	if (!w->frames || !w->copy) {
		close_seal(b, w);
		return -ENOMEM;
	}
	aead_init();
	*state = w;
	return 0;
}

static int round_seal(struct bench *b, void *state)
{
	static const struct secret32 key = {{7}};
	struct work *w = state;
	int rc = 0;
	for (unsigned i = 0; i < SIZES && rc == 0; i++) {
		w->size = sizes[i];
		rc = measure_size(b, w, &key);
	}
	return rc;
}

const struct scenario_ops seal_ops = {open_seal, round_seal, NULL, close_seal};
