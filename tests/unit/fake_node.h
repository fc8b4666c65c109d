/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's control plane behind a fake door: what it sends over the seam is recorded and
 * acknowledged by fake_run, what it dials is recorded and answered by the test.
 */
#ifndef OCKAM_FAKE_NODE_H
#define OCKAM_FAKE_NODE_H

#include "link.h"
#include "message_codec.h"

enum { FAKE_SENT_MAX = 512 };

struct fake_sent {
	uint16_t cmd;
	uint32_t seq, link, session;
	uint16_t frame_max;
	uint32_t listener;
	uint64_t has, tag_rx, tag_tx;
	struct udp_address address;
	int fd;
	bool acked;
	uint8_t *frame; /* FRAME and MSG */
	size_t frame_len;
};

struct fake {
	struct node *n;
	struct fake_sent sent[FAKE_SENT_MAX];
	unsigned sent_n, looked_at;
	uint32_t resolve_id, connect_id, cancel_id;
	unsigned connects;
	struct link_target connect_to;
	bool own_listeners; /* answer of is_own_listener */
	int ack_error;	    /* of what comes next */
	unsigned *takes;    /* messages that the data plane still takes; NULL: all */
};

void fake_init(struct fake *f);
void fake_fini(struct fake *f);
/* A node for one test, as cmocka calls them: *state is a struct fake. */
int fake_setup(void **state);
int fake_teardown(void **state);
/* Acknowledges all that waits for it. */
void fake_run(struct fake *f);
/* Forgets what was sent until now. */
void fake_forget(struct fake *f);
/* Moves the clock and ticks. */
void fake_pass(struct fake *f, uint64_t ms);
/* The next message of this command since the last look, or NULL. */
struct fake_sent *fake_next(struct fake *f, uint16_t cmd);
/* The next FRAME of this type on this link (0: any); its bytes live until fake_fini. */
struct fake_sent *fake_frame(struct fake *f, uint8_t type, uint32_t link);
unsigned fake_count(const struct fake *f, uint16_t cmd);
/* A frame comes in on a link. */
void fake_input(struct fake *f, uint32_t link, const uint8_t *frame, size_t len);
/* HELLO from the other side: version, largest frame. */
void fake_hello(struct fake *f, uint32_t link, unsigned version, unsigned frame_max);
/* An accepted link that is up. Odd ids. */
struct link *fake_accept(struct fake *f, uint32_t id, const char *peer);
/* A dialled link that is up and held by nobody. */
struct link *fake_dial(struct fake *f, const char *to);
struct route fake_route(const char *text);

#endif
