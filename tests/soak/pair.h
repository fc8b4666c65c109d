/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of one connection through the portal, as its plan says. What is checked: every byte is
 * that of its offset; the end of a way comes behind its last byte and never earlier, whatever was
 * cut; a connection that nobody reset or cut ends well at both sides; one that was reset or cut
 * ends at both, within the time that was given. One thread.
 */
#ifndef OCKAM_SOAK_PAIR_H
#define OCKAM_SOAK_PAIR_H

#include "plan.h"

#include <netinet/in.h>
#include <poll.h>

enum { PAIR_HEAD = 16 }; /* the first bytes of side 0: which connection it is */

enum fate {
	FATE_ABSENT, /* side 1 was never reached */
	FATE_GOING,
	FATE_CLEAN, /* both ways ended, nothing is missing */
	FATE_RESET, /* it reset, as planned */
	FATE_ERROR, /* the connection ended with an error */
};

struct side {
	int fd;
	enum fate fate;
	bool connecting, end_sent, end_came;
	uint64_t sent, got;
	uint64_t write_at_ms, read_at_ms; /* pauses until then */
};

struct pair {
	struct plan plan;
	struct side side[2];
	bool used;
	uint64_t moved_ms, broken_ms; /* something happened last; it was reset or cut (0: not) */
};

struct pair_rules {
	bool cuts;	   /* errors that nobody planned are allowed */
	unsigned bound_ms; /* to notice an error, and for anything to happen */
};

/* Side 0 connects. */
void pair_start(
	struct pair *p, uint64_t seed, uint64_t id, const struct sockaddr_in *to, uint64_t now_ms);
/* Side 1 was accepted; takes fd. */
void pair_accepted(struct pair *p, int fd, uint64_t now_ms);
/* The number in the first bytes; 0: it is none. */
uint64_t pair_id(const uint8_t head[PAIR_HEAD]);
/* What to poll for; fd -1: nothing now. *wake_ms becomes less when a pause ends before. */
struct pollfd pair_poll(const struct pair *p, unsigned side, uint64_t now_ms, uint64_t *wake_ms);
/* NULL, or what is wrong. */
const char *pair_event(struct pair *p, unsigned side, short events, uint64_t now_ms);
const char *pair_tick(struct pair *p, const struct pair_rules *rules, uint64_t now_ms);
/* Both sides are over. *fault: NULL, or what is wrong with how. */
bool pair_over(const struct pair *p, const struct pair_rules *rules, const char **fault);
void pair_describe(const struct pair *p, char *dst, size_t cap);
void pair_close(struct pair *p);

#endif
