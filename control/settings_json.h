/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's settings as they are given, shown, kept in its configuration, and told to the data
 * plane; they may change while it runs.
 */
#ifndef OCKAM_SETTINGS_JSON_H
#define OCKAM_SETTINGS_JSON_H

#include "node.h"
#include "reason.h"

#include <jansson.h>

/* Takes over what is there. 0; -EINVAL and why, with nothing taken. */
int settings_take(struct settings *s, const json_t *o, struct reason *why);
json_t *settings_json(const struct settings *s);
/* Tells the data plane. */
void settings_apply(struct node *n);

#endif
