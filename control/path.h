/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths through this node: INIT, RESP and RESET of other people's channels, hop by hop. What belongs
 * to an end of this node (path_key.h tells) goes on to channel.c.
 */
#ifndef OCKAM_PATH_H
#define OCKAM_PATH_H

#include "hop_part.h"
#include "link.h"

/* A frame with a RESET: `sent` when the label names frames that the receiver sends. */
void path_send_reset(struct node *n, struct link *l, uint32_t label, bool sent, uint8_t code, uint8_t hops_left);

struct paths *paths_new(void);
void paths_free(struct node *n);

void paths_on_init(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void paths_on_resp(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void paths_on_reset(struct node *n, struct link *l, const uint8_t *frame, size_t len);
void paths_on_label_used(struct node *n, uint32_t link, uint32_t label);
void paths_on_label_lost(struct node *n, uint32_t link, uint32_t label, uint8_t code);
void paths_on_link_gone(struct node *n, struct link *l); /* RESET(link lost) to the other sides; ends are told */
/* A path that is there already, both rows (adopt.h). 0, or negative errno and it is ended. */
int paths_adopt(struct node *n, struct link *prev, struct link *next, uint32_t li, uint32_t lr);
unsigned paths_count(const struct node *n);
void paths_tick(struct node *n);
uint64_t paths_deadline(const struct node *n);

#endif
