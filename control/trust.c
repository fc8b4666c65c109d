// SPDX-License-Identifier: Apache-2.0
#include "trust.h"

#include "known_history.h"
#include "log.h"

#include <errno.h>

int trust_add(struct trust *t, const char *text)
{
	if (!strcmp(text, "any")) {
		t->any = true;
		return 0;
	}
	struct identifier id;
	int rc = identifier_parse(&id, text);
	if (rc < 0)
		return rc;
	if (t->n == TRUST_MAX)
		return -E2BIG;
	t->ids[t->n++] = id;
	return 0;
}

bool trust_admits(const struct node *n, const struct trust *t, const struct identifier *id)
{
	if (t->any || identifier_equal(id, &n->keys.identity.id))
		return true;
	for (unsigned i = 0; i < t->n; i++)
		if (identifier_equal(&t->ids[i], id))
			return true;
	return n->io->is_own(n->io_ctx, id);
}

bool trust_history(struct node *n, const struct handshake_result *r)
{
	if (!n->home)
		return true;
	int rc = known_history_check(n->home, &r->peer, r->peer_history, r->peer_history_len);
	if (rc == -ESTALE || rc == -EKEYREJECTED)
		return false;
	if (rc < 0)
		log_warn("the peer's change history is not kept: %s", home_error(n->home));
	return true;
}
