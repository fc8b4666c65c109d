// SPDX-License-Identifier: Apache-2.0
#include "known_history.h"

#include "db.h"

#include <errno.h>

/* identity_compare with what is known; 1 when that is nothing. */
static int compare(struct home *h, const struct identity *id, const uint8_t *history, size_t len)
{
	sqlite3_stmt *st;
	int rc = db_prepare(&h->db, &st, "SELECT history FROM known_history WHERE identifier = ?1",
		"b", id->id.b, sizeof id->id.b);
	if (rc == -ENOENT)
		return 1;
	if (rc == 0)
		rc = db_step(&h->db, st);
	if (rc == 1)
		rc = identity_compare(sqlite3_column_blob(st, 0),
			(size_t)sqlite3_column_bytes(st, 0), history, len);
	else if (rc == 0)
		rc = 1;
	sqlite3_finalize(st);
	return rc;
}

static int keep(struct home *h, const struct identity *id, const uint8_t *history, size_t len)
{
	int64_t count;
	int rc = compare(h, id, history, len); /* again: another node may have been first */
	if (rc <= 0)
		return rc;
	rc = db_int(&h->db, &count, 0, "SELECT count(*) FROM known_history WHERE identifier != ?1",
		"b", id->id.b, sizeof id->id.b);
	if (rc < 0 || count >= KNOWN_HISTORIES_MAX)
		return rc;
	rc = db_run(&h->db,
		"INSERT INTO known_history VALUES(?1, ?2)"
		" ON CONFLICT(identifier) DO UPDATE SET history = ?2",
		"bb", id->id.b, sizeof id->id.b, history, len);
	return rc < 0 ? rc : 0;
}

int known_history_check(
	struct home *h, const struct identity *id, const uint8_t *history, size_t len)
{
	int rc = compare(h, id, history, len);
	if (rc <= 0 || id->changes < 2)
		return rc < 0 ? rc : 0;
	rc = db_begin(&h->db);
	return rc < 0 ? rc : db_end(&h->db, keep(h, id, history, len));
}
