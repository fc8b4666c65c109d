/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to a request that the data plane has a part in: objects as control knows them, each
 * completed by what one command is answered. Waits for all of them, then replies.
 */
#ifndef OCKAM_GATHER_H
#define OCKAM_GATHER_H

#include "api.h"

#include "seam.h"

struct gather;
typedef void gather_fn(json_t *o, const struct seam_msg *answer);
/* Answers the request by what was gathered, an array, which is borrowed. */
typedef void gather_finish_fn(struct api_request *rq, const json_t *list);

/* For at most so many objects; `single`: the reply is the one object and no list. NULL: out of
 * memory, and the request has been answered. */
struct gather *gather_new(struct api_request *rq, unsigned most, bool single);
/* Takes o. A command that fails, its object having just ended, leaves it as it is; NULL: none is
 * asked. */
void gather_add(struct gather *g, json_t *o, const struct seam_msg *cmd, gather_fn *fill);
/* Instead of the list as it is. */
void gather_finish_by(struct gather *g, gather_finish_fn *fn);
/* Replies, now or when all are answered. */
void gather_reply(struct gather *g);

/* What `show` of a portal says, with the bytes of its open connections (api_portal.c). */
struct inlet;
struct outlet;
void api_gather_inlet(struct gather *g, const struct inlet *in);
void api_gather_outlet(struct gather *g, const struct outlet *o);

#endif
