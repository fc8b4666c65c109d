// SPDX-License-Identifier: Apache-2.0
/* status, reset, environment: what concerns the home as a whole. */
#include "delete.h"
#include "home_call.h"
#include "node_call.h"
#include "node_config.h"
#include "node_end.h"
#include "output.h"
#include "table.h"
#include "tree.h"
#include "vault.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct status {
	const struct cli *cli;
	json_t *identities, *nodes;
};

static int add_identity(void *ctx, const struct identity_info *i)
{
	struct status *s = ctx;
	char id[IDENTIFIER_TEXT];
	return json_array_append_new(s->identities,
		json_pack("{s:s, s:s, s:b}", "name", i->name, "identifier",
			identifier_format(&i->identity.id, id), "is_default", i->is_default));
}

static int add_node(void *ctx, const struct node_info *n)
{
	struct status *s = ctx;
	int pid;
	enum node_status status = node_status(s->cli->home, n->name, &pid);
	json_t *o = json_pack("{s:s, s:s, s:b}", "name", n->name, "status",
		node_status_word(status), "is_default", n->is_default);
	node_call_add_reason(s->cli, n->name, status, o);
	return json_array_append_new(s->nodes, o);
}

int cmd_status(struct cli *c, const struct args *a)
{
	struct status s = {c, json_array(), json_array()};
	struct home *h;
	int rc = home_call_open(c, HOME_READ, &h);
	if (!rc) {
		int err = identity_each(h, add_identity, &s);
		if (!err)
			err = node_each(h, add_node, &s);
		if (err)
			rc = home_call_failed(c, h, err, "node", NULL);
		home_close(h);
	}
	if (rc) {
		json_decref(s.identities);
		json_decref(s.nodes);
		return rc;
	}
	return output_record(c, json_pack("{s:s, s:s, s:o, s:o}", "version", OCKAM_VERSION, "home",
					c->home, "identities", s.identities, "nodes", s.nodes));
}

/* Ends every node that has a run directory, also one that the database does not know any more. */
static int end_nodes(const struct cli *c)
{
	char path[PATH_MAX];
	int rc = CLI_OK;
	snprintf(path, sizeof path, "%.*s/run", PATH_MAX - 8, c->home);
	DIR *d = opendir(path);
	if (!d)
		return CLI_OK;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		int ended = node_end(c, e->d_name, NODE_DELETE_GRACE_MS);
		if (ended < 0)
			rc = cli_fail(c, CLI_INTERNAL, "node %s could not be stopped: %s",
				e->d_name, strerror(-ended));
	}
	closedir(d);
	return rc;
}

static const char *const state_names[] = {"run", "nodes", "database.sqlite3-wal",
	"database.sqlite3-shm", "database.sqlite3-journal", "database.sqlite3"};
enum { STATE_NAMES = sizeof state_names / sizeof *state_names };

static bool has_state(const struct cli *c)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < STATE_NAMES; i++)
		if (snprintf(path, sizeof path, "%s/%s", c->home, state_names[i]) <
				(int)sizeof path &&
			access(path, F_OK) == 0)
			return true;
	return false;
}

static int remove_state(const struct cli *c)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < STATE_NAMES; i++) {
		if (snprintf(path, sizeof path, "%s/%s", c->home, state_names[i]) >=
			(int)sizeof path)
			return cli_fail(c, CLI_CONFIG, "the home %s is too deep", c->home);
		int rc = tree_remove(path);
		if (rc)
			return cli_fail(c, CLI_IO, "could not remove %s: %s", path, strerror(-rc));
	}
	return CLI_OK;
}

int cmd_reset(struct cli *c, const struct args *a)
{
	char what[PATH_MAX + 64];
	json_t *done = json_pack("{s:s}", "home", c->home);
	if (!has_state(c))
		return output_value(c, done, c->home, "there is nothing to reset");
	snprintf(what, sizeof what, "delete all nodes, identities and vaults in %s", c->home);
	int rc = delete_confirm(c, a, what);
	if (!rc)
		rc = end_nodes(c);
	if (!rc)
		rc = remove_state(c);
	if (rc) {
		json_decref(done);
		return rc;
	}
	snprintf(what, sizeof what, "%s is empty now", c->home);
	return output_value(c, done, c->home, what);
}

int cmd_environment(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {
		{"name", "VARIABLE"}, {"value", "VALUE"}, {"help", "MEANING"}, {NULL, NULL}};
	json_t *list = json_array();
	for (size_t i = 0; i < table_variables_n; i++) {
		const char *v = getenv(table_variables[i].name);
		json_array_append_new(
			list, json_pack("{s:s, s:o, s:s}", "name", table_variables[i].name, "value",
				      v ? json_string(v) : json_null(), "help", table_variables[i].help));
	}
	return output_list(c, list, columns, "variables");
}
