// SPDX-License-Identifier: Apache-2.0
/*
 * Change histories and attestations. The first byte picks what; histories of two that are compared
 * are split at the second. Linked with stub_sodium.c: every signature verifies that does not begin
 * with 0xff, so that mutations get past it.
 */
#include "fuzz.h"
#include "identity.h"

enum { NOW = 1700000100 };

static void check_identity(const struct identity *id)
{
	CHECK(id->changes >= 1 && id->changes <= IDENTITY_CHANGES_MAX);
	CHECK(id->valid_from <= id->valid_until);
}

static void rotate(const uint8_t *p, size_t len, const struct identity *id)
{
	struct secret32 old, fresh;
	struct identity next;
	uint8_t out[IDENTITY_HISTORY_MAX];
	memcpy(old.b, id->public_key, sizeof old.b); /* the stub's public key is its secret */
	int n = identity_rotate(p, len, &old, false, NOW, &fresh, out, sizeof out);
	if (n < 0)
		return;
	CHECK(!identity_verify(out, (size_t)n, 0, &next));
	CHECK(identifier_equal(&next.id, &id->id) && next.changes == id->changes + 1);
	CHECK(identity_compare(p, len, out, (size_t)n) == 1);
	CHECK(identity_compare(out, (size_t)n, p, len) < 0);
}

static void history(const uint8_t *p, size_t len)
{
	struct identity id, same;
	int timed = identity_verify(p, len, NOW, &same), rc = identity_verify(p, len, 0, &id);
	CHECK(rc == 0 || timed < 0);
	if (rc < 0)
		return;
	CHECK(len <= IDENTITY_HISTORY_MAX);
	check_identity(&id);
	CHECK(identity_compare(p, len, p, len) == 0);
	rotate(p, len, &id);
}

static void compare(const uint8_t *p, size_t len, size_t at)
{
	struct identity a, b;
	if (at > len || identity_verify(p, at, 0, &a) < 0 ||
		identity_verify(p + at, len - at, 0, &b) < 0)
		return;
	int ab = identity_compare(p, at, p + at, len - at);
	int ba = identity_compare(p + at, len - at, p, at);
	CHECK(ab != 1 || ba < 0);
	CHECK(ab != 0 || ba == 0);
}

static void attestation(const uint8_t *p, size_t len)
{
	struct identity subject = {
		.changes = 1, .valid_from = 1700000000, .valid_until = 2000000000};
	uint8_t key[32];
	if (len < 64)
		return;
	memcpy(subject.id.b, p, 32);
	memcpy(subject.latest_hash, p + 32, 32);
	int rc = attestation_verify(p + 64, len - 64, &subject, NOW, key);
	CHECK(rc <= 0);
	CHECK(rc < 0 || len - 64 <= ATTESTATION_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	uint8_t what = rd_u8(&in);
	uint16_t at = what % 3 == 2 ? rd_u16(&in) : 0;
	size_t n = rd_left(&in);
	uint8_t *p = fuzz_block(&in, &n);
	if (what % 3 == 0)
		history(p, n);
	else if (what % 3 == 1)
		attestation(p, n);
	else
		compare(p, n, at);
	free(p);
	return 0;
}
