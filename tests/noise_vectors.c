// SPDX-License-Identifier: Apache-2.0
/*
 * Runs published Noise test vectors against the engine, as both ends: `noise_vectors FILE`, where
 * FILE is JSON as cacophony publishes it (tests/vectors/README.md). What the engine does not have
 * is skipped, with the reason. The last line is "N passed, N failed, N skipped". Exit: 0, 1 when a
 * vector failed, 64 usage, 65 not such a file, 66 cannot be read.
 */
#include "hex.h"
#include "noise.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_USAGE = 64, EXIT_MALFORMED = 65, EXIT_NO_INPUT = 66 };
enum verdict { PASSED, FAILED, SKIPPED, MALFORMED, VERDICTS };

/* One end of one vector. */
struct end {
	bool initiator;
	struct noise_state noise;
	struct secret32 tx, rx;
	uint64_t tx_n, rx_n;
};

struct blob {
	uint8_t *p; /* heap; NULL: the field is absent */
	size_t len;
};

struct key {
	bool present;
	struct secret32 k;
};

static const char *current; /* name of the vector that is run */

__attribute__((format(printf, 2, 3))) static enum verdict say(enum verdict v, const char *fmt, ...)
{
	static const char *const words[] = {"passed", "failed", "skipped", "malformed"};
	fprintf(v == MALFORMED ? stderr : stdout, "%s %s: ", words[v], current);
	va_list ap;
	va_start(ap, fmt);
	vfprintf(v == MALFORMED ? stderr : stdout, fmt, ap);
	va_end(ap);
	fputc('\n', v == MALFORMED ? stderr : stdout);
	return v;
}

/* False when it is no string of whole bytes in hex. */
static bool hex_read(const json_t *j, struct blob *out)
{
	if (!json_is_string(j))
		return false;
	size_t len = json_string_length(j);
	uint8_t *p = malloc(len / 2 + 1);
	if (!p)
		abort();
	int got = hex_decode(p, len / 2, json_string_value(j), len);
	if (got < 0) {
		free(p);
		return false;
	}
	*out = (struct blob){p, (size_t)got};
	return true;
}

/* Absent is fine; present must be hex. */
static bool field_read(const json_t *obj, const char *name, struct blob *out)
{
	const json_t *j = json_object_get(obj, name);
	*out = (struct blob){NULL, 0};
	if (!j || hex_read(j, out))
		return true;
	say(MALFORMED, "%s is not a string of hex bytes", name);
	return false;
}

static bool key_copy(const struct blob *b, const char *name, struct key *out)
{
	out->present = b->p != NULL;
	if (b->p && b->len != sizeof out->k.b) {
		say(MALFORMED, "%s has %zu bytes instead of 32", name, b->len);
		return false;
	}
	if (b->p)
		memcpy(out->k.b, b->p, sizeof out->k.b);
	return true;
}

static bool key_read(const json_t *v, const char *side, const char *what, struct key *out)
{
	char name[32];
	snprintf(name, sizeof name, "%s_%s", side, what);
	struct blob b;
	if (!field_read(v, name, &b))
		return false;
	bool ok = key_copy(&b, name, out);
	free(b.p);
	return ok;
}

static bool psks_read(
	const json_t *v, const char *side, struct secret32 psks[static NOISE_PSKS_MAX], unsigned *n)
{
	char name[32];
	snprintf(name, sizeof name, "%s_psks", side);
	const json_t *list = json_object_get(v, name);
	if (list && (!json_is_array(list) || json_array_size(list) > NOISE_PSKS_MAX)) {
		say(MALFORMED, "%s is not an array of at most %d keys", name, NOISE_PSKS_MAX);
		return false;
	}
	*n = (unsigned)json_array_size(list);
	for (unsigned i = 0; i < *n; i++) {
		struct blob b;
		struct key k;
		if (!hex_read(json_array_get(list, i), &b)) {
			say(MALFORMED, "%s holds what is not hex", name);
			return false;
		}
		bool ok = key_copy(&b, name, &k);
		free(b.p);
		if (!ok)
			return false;
		psks[i] = k.k;
	}
	return true;
}

/* PASSED: the end is ready for its first message. */
static enum verdict end_init(struct end *e, const json_t *v, const char *side)
{
	struct key s, eph, rs;
	struct secret32 psks[NOISE_PSKS_MAX];
	unsigned psks_n;
	struct blob prologue;
	if (!key_read(v, side, "static", &s) || !key_read(v, side, "ephemeral", &eph) ||
		!key_read(v, side, "remote_static", &rs) || !psks_read(v, side, psks, &psks_n))
		return MALFORMED;
	char name[32];
	snprintf(name, sizeof name, "%s_prologue", side);
	if (!field_read(v, name, &prologue))
		return MALFORMED;
	struct noise_config cfg = {
		.protocol = current,
		.initiator = e->initiator,
		.prologue = prologue.p,
		.prologue_len = prologue.len,
		.static_key = s.present ? &s.k : NULL,
		.remote_static = rs.present ? rs.k.b : NULL,
		.psks = psks,
		.psks_n = psks_n,
		.fixed_ephemeral = eph.present ? &eph.k : NULL,
	};
	int rc = noise_init(&e->noise, &cfg);
	free(prologue.p);
	return rc ? say(FAILED, "the %s does not start: %s", side, strerror(-rc)) : PASSED;
}

static int end_send(
	struct end *e, const struct blob *text, uint8_t *dst, size_t cap, bool transport)
{
	if (!transport)
		return noise_write(&e->noise, text->p, text->len, dst, cap);
	if (text->len + NOISE_TAG_LEN > cap)
		return -EMSGSIZE;
	e->noise.protocol.cipher->seal(dst, &e->tx, e->tx_n++, NULL, 0, text->p, text->len);
	return (int)text->len + NOISE_TAG_LEN;
}

static int end_receive(
	struct end *e, const struct blob *sealed, uint8_t *dst, size_t cap, bool transport)
{
	if (!transport)
		return noise_read(&e->noise, sealed->p, sealed->len, dst, cap);
	if (sealed->len < NOISE_TAG_LEN || sealed->len > cap)
		return -EBADMSG;
	int rc = e->noise.protocol.cipher->open(
		dst, &e->rx, e->rx_n++, NULL, 0, sealed->p, sealed->len);
	return rc ? rc : (int)sealed->len - NOISE_TAG_LEN;
}

static bool same(const uint8_t *got, int len, const struct blob *want)
{
	return len >= 0 && (size_t)len == want->len && !memcmp(got, want->p, want->len);
}

static enum verdict message_check(struct end *from, struct end *to, size_t index, bool transport,
	const struct blob *text, const struct blob *sealed)
{
	static uint8_t buf[NOISE_MESSAGE_MAX];
	int len = end_send(from, text, buf, sizeof buf, transport);
	if (len < 0)
		return say(FAILED, "message %zu is not written: %s", index, strerror(-len));
	if (!same(buf, len, sealed))
		return say(FAILED, "message %zu is written otherwise than published", index);
	len = end_receive(to, sealed, buf, sizeof buf, transport);
	if (len < 0)
		return say(FAILED, "message %zu is not read: %s", index, strerror(-len));
	if (!same(buf, len, text))
		return say(FAILED, "message %zu gives another payload", index);
	return PASSED;
}

/* The handshake is over: compares the hash, and turns to the keys. */
static enum verdict ends_split(struct end *i, struct end *r, const json_t *v)
{
	struct blob want;
	if (!field_read(v, "handshake_hash", &want))
		return MALFORMED;
	size_t len = i->noise.protocol.hash->len;
	bool ok = !want.p || (same(noise_handshake_hash(&i->noise), (int)len, &want) &&
				     same(noise_handshake_hash(&r->noise), (int)len, &want));
	free(want.p);
	if (!ok)
		return say(FAILED, "the handshake hash is another");
	struct noise_protocol p = i->noise.protocol;
	if (noise_split(&i->noise, &i->tx, &i->rx) || noise_split(&r->noise, &r->rx, &r->tx))
		return say(FAILED, "the keys are not split");
	i->noise.protocol = r->noise.protocol = p; /* split has wiped it */
	return PASSED;
}

static enum verdict messages_run(struct end *i, struct end *r, const json_t *v)
{
	const json_t *list = json_object_get(v, "messages"), *m;
	if (!json_is_array(list))
		return say(MALFORMED, "messages is not an array");
	unsigned handshake_n = i->noise.protocol.pattern->messages_n;
	if (json_array_size(list) < handshake_n)
		return say(FAILED, "it has %zu messages, the pattern %u", json_array_size(list),
			handshake_n);
	size_t n;
	json_array_foreach(list, n, m)
	{
		struct blob text = {NULL, 0}, sealed = {NULL, 0};
		enum verdict verdict = MALFORMED;
		bool forth = handshake_n == 1 || n % 2 == 0;
		if (!field_read(m, "payload", &text) || !field_read(m, "ciphertext", &sealed))
			;
		else if (!text.p || !sealed.p)
			say(MALFORMED, "message %zu lacks payload or ciphertext", n);
		else
			verdict = message_check(
				forth ? i : r, forth ? r : i, n, n >= handshake_n, &text, &sealed);
		free(text.p);
		free(sealed.p);
		if (verdict == PASSED && n + 1 == handshake_n)
			verdict = ends_split(i, r, v);
		if (verdict != PASSED)
			return verdict;
	}
	return PASSED;
}

static enum verdict vector_run(const json_t *v, size_t index)
{
	static char place[32];
	snprintf(place, sizeof place, "vector %zu", index);
	current = place;
	const char *name = json_string_value(json_object_get(v, "protocol_name"));
	if (!name)
		return say(MALFORMED, "it has no protocol_name");
	current = name;
	struct noise_protocol p;
	const char *why;
	int rc = noise_protocol_parse(name, &p, &why);
	if (rc)
		return say(rc == -EINVAL ? MALFORMED : SKIPPED, "%s", why);
	struct end i = {.initiator = true}, r = {.initiator = false};
	enum verdict verdict = end_init(&i, v, "init");
	if (verdict == PASSED)
		verdict = end_init(&r, v, "resp");
	return verdict == PASSED ? messages_run(&i, &r, v) : verdict;
}

static int file_run(const json_t *vectors)
{
	unsigned count[VERDICTS] = {0};
	size_t index;
	const json_t *v;
	json_array_foreach(vectors, index, v)
	{
		enum verdict verdict = vector_run(v, index);
		if (verdict == MALFORMED)
			return EXIT_MALFORMED;
		count[verdict]++;
	}
	printf("%u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
	return count[FAILED] ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: noise_vectors FILE\n");
		return EXIT_USAGE;
	}
	json_error_t err;
	json_t *root = json_load_file(argv[1], 0, &err);
	if (!root && json_error_code(&err) == json_error_cannot_open_file) {
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
		return EXIT_NO_INPUT;
	}
	const json_t *vectors = json_object_get(root, "vectors");
	int rc = EXIT_MALFORMED;
	if (!root)
		fprintf(stderr, "%s:%d: not JSON: %s\n", argv[1], err.line, err.text);
	else if (!json_is_array(vectors) || !json_array_size(vectors))
		fprintf(stderr, "%s: holds no array \"vectors\" with vectors in it\n", argv[1]);
	else
		rc = file_run(vectors);
	json_decref(root);
	return rc;
}
