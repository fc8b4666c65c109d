// SPDX-License-Identifier: Apache-2.0
#include "node_start.h"

#include "foreground.h"
#include "guard.h"
#include "home_call.h"
#include "node_config.h"
#include "node_end.h"
#include "progress.h"
#include "spawn.h"
#include "tree.h"
#include "vault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *node_default_config(void)
{
	return json_pack(
		"{s:[s], s:[], s:[]}", "tcp_listeners", "127.0.0.1:0", "authorized", "transit");
}

/* Makes nodes/NAME and run/NAME; writes the path of the log. */
static int make_dirs(const struct cli *c, const char *name, char *log, size_t cap)
{
	char run[PATH_MAX];
	int rc = home_call_check_depth(c, name);
	if (rc || home_node_path(run, sizeof run, c->home, "run", name, NULL) < 0 ||
		home_node_path(log, cap, c->home, "nodes", name, NULL) < 0)
		return rc ? rc : CLI_CONFIG;
	rc = tree_make(run);
	if (!rc)
		rc = tree_make(log);
	if (rc)
		return cli_fail(c, CLI_IO, "could not make the directories of node %s in %s: %s",
			name, c->home, strerror(-rc));
	home_node_path(log, cap, c->home, "nodes", name, "stdout.log");
	return CLI_OK;
}

int node_boot(const struct cli *c, const char *name, int64_t timeout_ms)
{
	const char *const args[] = {"--home", c->home, "--node", name, NULL};
	char log[PATH_MAX], text[128];
	struct spawn s;
	int rc = make_dirs(c, name, log, sizeof log);
	if (rc)
		return rc;
	snprintf(text, sizeof text, "starting node %s", name);
	rc = spawn_control(c, SPAWN_BACKGROUND, args, log, &s);
	if (rc)
		return rc;
	progress_start(c, text);
	rc = spawn_wait_ready(c, &s, timeout_ms);
	progress_stop();
	spawn_fini(&s);
	return rc;
}

int node_become(const struct cli *c, const char *name)
{
	const char *const args[] = {"--home", c->home, "--node", name, "--notify", NULL};
	char log[PATH_MAX];
	int rc = make_dirs(c, name, log, sizeof log);
	return rc ? rc : spawn_become_control(c, args);
}

struct vault_search {
	const char *vault;
	char *out;
};

static int in_vault(void *ctx, const struct identity_info *i)
{
	struct vault_search *s = ctx;
	if (strcmp(i->vault, s->vault) || (s->out[0] && !i->is_default))
		return 0;
	snprintf(s->out, WIRE_NAME_MAX + 1, "%s", i->name);
	return 0;
}

int identity_choose(const struct cli *c, struct home *h, const char *identity, const char *vault,
	char out[static WIRE_NAME_MAX + 1], bool *made)
{
	struct identity_info info;
	struct vault_info v;
	*made = false;
	out[0] = 0;
	if (vault) {
		int rc = vault_get(h, vault, &v);
		if (rc)
			return home_call_failed(c, h, rc, "vault", vault);
	}
	if (vault && !identity) {
		struct vault_search s = {vault, out};
		int rc = identity_each(h, in_vault, &s);
		if (!rc && !out[0]) {
			rc = identity_store(h, NULL, vault, NULL, 0, NULL, &info);
			*made = rc == 0;
			if (!rc)
				snprintf(out, WIRE_NAME_MAX + 1, "%s", info.name);
		}
		return rc ? home_call_failed(c, h, rc, "identity", vault) : CLI_OK;
	}
	int rc = identity_get(h, identity, &info);
	if (rc)
		return home_call_failed(c, h, rc, "identity", identity);
	if (vault && strcmp(info.vault, vault))
		return cli_fail(c, CLI_USAGE, "identity %s is in vault %s, not in %s", info.name,
			info.vault, vault);
	snprintf(out, WIRE_NAME_MAX + 1, "%s", info.name);
	return CLI_OK;
}

/* What was there before, so that a failed create can put it back. */
struct earlier {
	bool stored;
	char identity[WIRE_NAME_MAX + 1];
	char *config;
};

static void earlier_take(struct home *h, const char *name, struct earlier *e)
{
	struct node_info info = {0};
	*e = (struct earlier){0};
	if (node_get(h, name, &info) == 0) {
		e->stored = true;
		snprintf(e->identity, sizeof e->identity, "%s", info.identity);
		e->config = info.config ? strdup(info.config) : NULL;
	}
	node_info_fini(&info);
}

static void undo(
	const struct cli *c, const char *name, const struct earlier *e, const char *identity)
{
	struct home *h;
	if (home_open(&h, c->home, HOME_WRITE) == 0) {
		if (e->stored)
			node_store(h, name, e->identity, e->config ? e->config : "{}");
		else
			node_remove(h, name);
		if (identity)
			identity_delete(h, identity);
	}
	home_close(h);
	if (!e->stored)
		node_remove_dirs(c, name);
}

/* Stores the row. `identity` out: the one it uses. */
static int store(const struct cli *c, const struct node_plan *plan, struct earlier *e,
	char *identity, bool *made)
{
	struct home *h;
	*made = false;
	int rc = home_call_open(c, HOME_WRITE, &h);
	if (rc)
		return rc;
	rc = home_ensure_default(h);
	if (rc) {
		rc = home_call_failed(c, h, rc, "identity", NULL);
		home_close(h);
		return rc;
	}
	earlier_take(h, plan->name, e);
	rc = identity_choose(c, h, plan->identity, plan->vault, identity, made);
	if (!rc) {
		char *config = json_dumps(plan->config, JSON_COMPACT);
		int err = config ? node_store(h, plan->name, identity, config) : -ENOMEM;
		free(config);
		if (err)
			rc = cli_fail(c, cli_code(err), "%s",
				err == -ENOMEM ? "out of memory" : home_error(h));
	}
	home_close(h);
	return rc;
}

static int create_guarded(const struct cli *c, const struct node_plan *plan, int *guard)
{
	char identity[WIRE_NAME_MAX + 1];
	struct earlier e = {0};
	bool made;
	int pid;
	enum node_status status = node_status(c->home, plan->name, &pid);
	if (status == NODE_ENDING)
		status = node_await_end(c, plan->name, progress_now() + NODE_END_GRACE_MS);
	if (status == NODE_RUNNING)
		return cli_fail(c, CLI_EXISTS,
			"node %s is running already (process %d); choose another name or stop it "
			"first",
			plan->name, pid);
	node_end(c, plan->name, 0);
	int rc = store(c, plan, &e, identity, &made);
	if (!rc && plan->foreground) {
		rc = foreground_run(c, plan, guard);
		/* another command may have taken the name over since the node was ready */
		if (*guard < 0)
			*guard = guard_take(c, plan->name, true);
		if (*guard >= 0 && node_status(c->home, plan->name, &pid) != NODE_RUNNING)
			undo(c, plan->name, &e, made ? identity : NULL);
	} else if (!rc) {
		rc = node_boot(c, plan->name, plan->timeout_ms);
		if (rc)
			undo(c, plan->name, &e, made ? identity : NULL);
	} else if (!e.stored) {
		node_remove_dirs(c, plan->name);
	}
	free(e.config);
	return rc;
}

int node_create(const struct cli *c, const struct node_plan *plan)
{
	int rc = home_call_check_depth(c, plan->name);
	if (rc)
		return rc;
	int guard = guard_take(c, plan->name, false);
	if (guard == -EWOULDBLOCK)
		return cli_fail(c, CLI_EXISTS,
			"node %s is just being made or changed by another command; choose another "
			"name",
			plan->name);
	if (guard < 0)
		return cli_fail(
			c, CLI_IO, "could not write to the home %s: %s", c->home, strerror(-guard));
	rc = create_guarded(c, plan, &guard);
	guard_drop(guard);
	return rc;
}

int node_start_default(const struct cli *c, char name[static WIRE_NAME_MAX + 1])
{
	int pid;
	struct node_plan plan = {.name = "default", .timeout_ms = NODE_READY_MS};
	cli_note(c, "there is no node in %s yet: making node default", c->home);
	strcpy(name, plan.name);
	int guard = guard_take(c, plan.name, true);
	if (guard < 0)
		return cli_fail(
			c, CLI_IO, "could not write to the home %s: %s", c->home, strerror(-guard));
	int rc = CLI_OK;
	if (node_status(c->home, plan.name, &pid) != NODE_RUNNING) {
		plan.config = node_default_config();
		rc = plan.config ? create_guarded(c, &plan, &guard)
				 : cli_fail(c, CLI_INTERNAL, "out of memory");
		json_decref(plan.config);
	}
	guard_drop(guard);
	return rc;
}
