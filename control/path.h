/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths through this node: INIT, RESP and RESET of other people's channels, hop by hop, and the keys
 * (link, label) that all paths and ends of this node share. An end (channel.c) registers its labels
 * here, so that a collision is seen whoever owns the other side.
 */
#ifndef OCKAM_PATH_H
#define OCKAM_PATH_H

#include "link.h"

/* The hop part of INIT, RESP, CONTROL. `handle`: the return of CONTROL. */
struct hop_part {
	uint8_t hops_left;
	uint16_t path_max;
	uint8_t flags;
	struct route onward;
	bool has_return_field; /* CONTROL only */
	bool has_handle;
	uint8_t handle[WIRE_HANDLE];
};

/* Body = u16 length ‖ hop part ‖ end part. `end` borrows. 0 or -EBADMSG. control: expects the fifth element. */
int hop_part_decode(const uint8_t *body, size_t len, bool control, struct hop_part *out, struct rd *end);
/* Appends u16 length ‖ hop part (route from element `from` on); w->bad when it does not fit. */
void hop_part_encode(struct wr *w, const struct hop_part *h, unsigned from);

/* A frame with a RESET: `sent` when the label names frames that the receiver sends. */
void path_send_reset(struct node *n, struct link *l, uint32_t label, bool sent, uint8_t code, uint8_t hops_left);

struct paths *paths_new(void);
void paths_free(struct node *n);

/* Keys of local ends. owner: opaque. -EEXIST when the key is taken. */
enum path_key_owner { KEY_FREE, KEY_TRANSIT, KEY_END };
int path_key_claim(struct node *n, struct link *l, uint32_t label, void *end);
void path_key_drop(struct node *n, struct link *l, uint32_t label);
void *path_key_end(struct node *n, struct link *l, uint32_t label); /* NULL: not an end's */

void paths_on_init(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void paths_on_resp(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void paths_on_reset(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void paths_on_label_used(struct node *n, uint32_t link, uint32_t label);
void paths_on_label_lost(struct node *n, uint32_t link, uint32_t label, uint8_t code);
void paths_on_link_gone(struct node *n, struct link *l); /* RESET(link lost) to the other sides; ends are told */
unsigned paths_count(const struct node *n);
void paths_tick(struct node *n);
uint64_t paths_deadline(const struct node *n);

#endif
