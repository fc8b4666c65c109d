// SPDX-License-Identifier: Apache-2.0
#include "stray.h"

#include "vault_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY = 32 };

int stray_add(struct home *h, const char *path, const uint8_t key[static 32])
{
	int rc = db_run(&h->db,
		"INSERT OR IGNORE INTO stray_secret(path, public_key) VALUES(?1, ?2)", "tb", path,
		key, (size_t)KEY);
	return rc < 0 ? rc : 0;
}

int stray_claim(struct home *h, const char *path, const uint8_t key[static 32])
{
	int rc = db_run(&h->db, "DELETE FROM stray_secret WHERE path = ?1 AND public_key = ?2",
		"tb", path, key, (size_t)KEY);
	if (rc == 0)
		return home_fail(h, -EAGAIN,
			"another command cleaned up vault file %s meanwhile; try again", path);
	return rc < 0 ? rc : 0;
}

/* The next one behind `row`: 1, 0 none, < 0. Rows that a damaged database may hold are left. */
static int next(struct home *h, int64_t *row, char path[static PATH_MAX], uint8_t key[static KEY])
{
	sqlite3_stmt *st;
	int rc = db_prepare(&h->db, &st,
		"SELECT rowid, path, public_key FROM stray_secret WHERE rowid > ?1 AND"
		" typeof(path) = 'text' AND typeof(public_key) = 'blob' AND"
		" length(public_key) = 32 ORDER BY rowid LIMIT 1",
		"i", *row);
	if (rc == 0)
		rc = db_step(&h->db, st);
	if (rc == 1) {
		*row = sqlite3_column_int64(st, 0);
		db_text(st, 1, path, PATH_MAX);
		memcpy(key, sqlite3_column_blob(st, 2), KEY);
	}
	sqlite3_finalize(st);
	return rc;
}

/* True when an identity in a vault at `path` has this key: it is kept, whatever was written down.
 */
static int is_used(struct home *h, const char *path, const uint8_t *key)
{
	struct db_names names = {0};
	struct identity_info *info = malloc(sizeof *info);
	if (!info)
		return home_fail(h, -ENOMEM, "out of memory");
	int used = 0;
	int rc = db_names(&h->db, &names,
		"SELECT identity.name FROM identity JOIN vault ON vault = vault.name WHERE path = "
		"?1",
		"t", path);
	for (size_t i = 0; rc == 0 && !used && i < names.n; i++) {
		rc = identity_get(h, names.name[i], info);
		used = rc == 0 && !memcmp(info->identity.public_key, key, KEY);
	}
	free(info);
	db_names_fini(&names);
	return rc < 0 ? rc : used;
}

/* A file that is not there, or cannot be written now, keeps its entry. */
static int sweep(struct home *h)
{
	struct vault_info v = {.path = ""};
	uint8_t key[KEY];
	int64_t row = INT64_MIN;
	int rc;
	while ((rc = next(h, &row, v.path, key)) == 1) {
		int used = is_used(h, v.path, key);
		if (used < 0)
			return used;
		if (used || vault_secret_delete(h, &v, key) == 0)
			rc = stray_claim(h, v.path, key);
		if (rc < 0 && rc != -EAGAIN) /* a path that does not fit its buffer stays */
			return rc;
	}
	return rc;
}

void stray_sweep(struct home *h)
{
	char sentence[sizeof h->error];
	int64_t n = 0;
	memcpy(sentence, h->error, sizeof sentence);
	if (db_int(&h->db, &n, 0, "SELECT count(*) FROM stray_secret", "") == 0 && n &&
		db_begin(&h->db) == 0)
		db_end(&h->db, sweep(h));
	memcpy(h->error, sentence, sizeof sentence);
}
