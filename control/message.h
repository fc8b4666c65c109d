/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routed messages: CONTROL on links (plain) and MSG in sessions, requests with their replies, and the
 * reply handles of messages that pass through. At most once; a reply or error is never answered.
 */
#ifndef OCKAM_MESSAGE_H
#define OCKAM_MESSAGE_H

#include "channel.h"

/* Reply (why NULL) or failure. payload borrows. */
typedef void message_fn(struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len);
struct message_request;

struct messages *messages_new(void);
void messages_free(struct node *n);
/*
 * Sends a request along `to` with the node's own rights: a local service; a channel's address (inside
 * it); anything else as CONTROL. `secure` elements open hidden channels on the way (trust: whom they
 * accept) and close them after. fn once, perhaps before this returns (then NULL is returned).
 */
struct message_request *message_send(struct node *n, const struct route *to, const struct trust *trust,
	const uint8_t *payload, size_t len, uint64_t timeout_ms, message_fn *fn, void *ctx);
/* The same inside one channel. */
struct message_request *message_send_in(struct node *n, struct channel *ch, const struct route *onward,
	const uint8_t *payload, size_t len, uint64_t timeout_ms, message_fn *fn, void *ctx);
void message_cancel(struct node *n, struct message_request *m);

void messages_on_control(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void messages_on_msg(struct node *n, struct channel *ch, uint32_t message, bool more, const uint8_t *body, size_t len);
void messages_on_link_gone(struct node *n, struct link *l);
void messages_on_channel_up(struct node *n, struct channel *ch);
void messages_on_channel_gone(struct node *n, struct channel *ch); /* or its session was replaced */
void messages_tick(struct node *n);
uint64_t messages_deadline(const struct node *n);

#endif
