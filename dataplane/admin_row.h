/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the operator's interface, made of what an engine has. Texts borrow from the objects,
 * until these change. The worker of the engine only. See include/admin.h.
 */
#ifndef OCKAM_ADMIN_ROW_H
#define OCKAM_ADMIN_ROW_H

#include "admin.h"
#include "engine_private.h"

struct ledger;

void admin_row_worker(struct admin_msg *m, const struct engine *e, unsigned ring_entries);
void admin_row_link(struct admin_msg *m, const struct engine *e, const struct link *l);
void admin_row_session(struct admin_msg *m, const struct engine *e, const struct endpoint *ep);
void admin_row_label(struct admin_msg *m, const struct engine *e, const struct row *r);
void admin_row_stream(struct admin_msg *m, const struct engine *e, const struct stream *s);
void admin_row_portal(struct admin_msg *m, const struct engine *e, const struct endpoint *ep,
	const struct portal *p, struct ledger *ledger);
/* The i-th counter, limit; false: there is none. */
bool admin_row_counter(struct admin_msg *m, const struct engine *e, unsigned i);
bool admin_row_limit(struct admin_msg *m, const struct engine *e, unsigned i);

#endif
