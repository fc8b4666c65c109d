// SPDX-License-Identifier: Apache-2.0
#include "verify.h"

#include "socket.h"
#include "tap.h"
#include "target.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each chunk begins with the marker, so that a packet of more than two chunks has one in it. */
enum { CHUNK = 1024, QUIET_SECONDS = 20, HASH = crypto_generichash_BYTES };

enum way { WAY_THERE = 1, WAY_BACK };

static const char marker[] = "this text is to be seen at the ends only";

/* The same for both ends. */
static void noise(uint8_t chunk[static CHUNK], enum way way, uint64_t number)
{
	static const uint8_t key[crypto_stream_chacha20_KEYBYTES];
	uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
	number = number << 2 | way;
	memcpy(nonce, &number, sizeof nonce);
	crypto_stream_chacha20(chunk, CHUNK, nonce, key);
	memcpy(chunk, marker, sizeof marker);
}

/* VERIFY_BYTES, then their hash. */
static int give(int fd, enum way way)
{
	uint8_t chunk[CHUNK], hash[HASH];
	crypto_generichash_state h;
	int rc = 0;
	crypto_generichash_init(&h, NULL, 0, HASH);
	for (uint64_t i = 0; i < VERIFY_BYTES / CHUNK && rc == 0; i++) {
		noise(chunk, way, i);
		crypto_generichash_update(&h, chunk, CHUNK);
		rc = socket_send(fd, chunk, CHUNK);
	}
	crypto_generichash_final(&h, hash, HASH);
	return rc < 0 ? rc : socket_send(fd, hash, HASH);
}

/* -EILSEQ: these are not the bytes that the hash behind them is of. */
static int take(int fd)
{
	uint8_t chunk[CHUNK], hash[HASH], want[HASH];
	crypto_generichash_state h;
	int rc = 0;
	crypto_generichash_init(&h, NULL, 0, HASH);
	for (uint64_t i = 0; i < VERIFY_BYTES / CHUNK && rc == 0; i++) {
		rc = socket_receive(fd, chunk, CHUNK);
		crypto_generichash_update(&h, chunk, CHUNK);
	}
	crypto_generichash_final(&h, hash, HASH);
	if (rc == 0)
		rc = socket_receive(fd, want, HASH);
	return rc < 0 ? rc : memcmp(hash, want, HASH) ? -EILSEQ : 0;
}

void verify_serve(int fd)
{
	char good = 'g';
	if (take(fd) == 0 && socket_send(fd, &good, 1) == 0)
		give(fd, WAY_BACK);
}

static int exchange(const struct tunnel *t)
{
	char mode = TARGET_CHECK, good;
	int fd = socket_connect(t->port);
	if (fd < 0)
		return fd;
	socket_timeout(fd, QUIET_SECONDS);
	int rc = socket_send(fd, &mode, 1);
	if (rc == 0)
		rc = give(fd, WAY_THERE);
	if (rc == 0) {
		rc = socket_receive(fd, &good, 1);
		if (rc == -EPIPE) /* the target closed instead */
			rc = -EILSEQ;
	}
	if (rc == 0)
		rc = take(fd);
	close(fd);
	return rc;
}

/* The tap must have seen the text where it is in clear, and as many bytes elsewhere. */
static int judge(
	const struct tunnel *t, const struct tap_count *app, const struct tap_count *between)
{
	if (between->marked) {
		bench_say("%s: %llu packets between its ends are in clear", t->name,
			(unsigned long long)between->marked);
		return -EBADMSG;
	}
	if (!app->marked || between->bytes < VERIFY_BYTES) {
		bench_say("%s: the bytes between its ends do not go over the loopback", t->name);
		return -EBADMSG;
	}
	bench_say("%s: %d MiB each way arrive as they were; none of %llu MiB between its ends "
		  "in clear",
		t->name, VERIFY_BYTES >> 20, (unsigned long long)(between->bytes >> 20));
	return 0;
}

int verify_tunnel(const struct tunnel *t)
{
	const uint16_t ports[2] = {t->port, t->target};
	struct tap *tap = NULL;
	struct tap_count app, between;
	bool bare = t->port == t->target;
	int rc = bare ? 0 : tap_open(&tap, marker, ports);
	if (rc < 0)
		bench_say(
			"%s: whether it is in clear was not looked at: %s", t->name, strerror(-rc));
	rc = exchange(t);
	if (tap)
		tap_close(tap, &app, &between);
	if (rc < 0)
		bench_say("%s does not carry %d MiB each way: %s", t->name, VERIFY_BYTES >> 20,
			strerror(-rc));
	else if (tap)
		rc = judge(t, &app, &between);
	return rc;
}
