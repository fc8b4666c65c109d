// SPDX-License-Identifier: Apache-2.0
/* node: create, list, show, start, stop, delete, logs, default. */
#include "address.h"
#include "config_run.h"
#include "delete.h"
#include "forward_path.h"
#include "guard.h"
#include "home_call.h"
#include "log_follow.h"
#include "node_call.h"
#include "node_config.h"
#include "node_end.h"
#include "node_start.h"
#include "object.h"
#include "output.h"
#include "progress.h"
#include "table.h"
#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { BUSY_POLL_MAX = 1000, WORKERS_MAX = 64, PORT_MAX = 65535 };

struct stored_node {
	char name[WIRE_NAME_MAX + 1];
	char identifier[IDENTIFIER_TEXT]; /* empty: its identity is gone */
	bool is_default;
};

/* name NULL: the default node. */
static int get_node(const struct cli *c, const char *name, struct stored_node *out)
{
	struct home *h;
	struct node_info info = {0};
	struct identity_info identity;
	int rc = home_call_open(c, HOME_READ, &h);
	if (rc)
		return rc;
	int err = node_get(h, name, &info);
	if (err) {
		rc = home_call_failed(c, h, err, "node", name);
	} else {
		memcpy(out->name, info.name, sizeof out->name);
		out->is_default = info.is_default;
		out->identifier[0] = 0;
		if (identity_get(h, info.identity, &identity) == 0)
			identifier_format(&identity.identity.id, out->identifier);
		node_info_fini(&info);
	}
	home_close(h);
	return rc;
}

/* `default` in a home without nodes, else a random name. */
static int choose_name(const struct cli *c, char dst[static WIRE_NAME_MAX + 1])
{
	uint32_t r;
	struct home *h;
	struct node_info info = {0};
	int rc = home_call_open(c, HOME_READ, &h);
	if (rc)
		return rc;
	int err = node_get(h, NULL, &info);
	node_info_fini(&info);
	if (err && err != -ENOENT)
		rc = home_call_failed(c, h, err, "node", NULL);
	else if (err)
		strcpy(dst, "default");
	else if (getrandom(&r, sizeof r, 0) == (ssize_t)sizeof r)
		snprintf(dst, WIRE_NAME_MAX + 1, "%08x", r);
	else
		rc = cli_fail(c, CLI_INTERNAL, "no random bytes: %s", strerror(errno));
	home_close(h);
	return rc;
}

/* The addresses of an option, if there are any, as a list of the configuration. */
static int add_listeners(const struct cli *c, const struct args *a, const char *option,
	json_t *config, const char *key)
{
	char address[PATH_MAX];
	const char *v;
	json_t *list = json_array();
	int rc = list ? CLI_OK : cli_fail(c, CLI_INTERNAL, "out of memory");
	for (unsigned i = 0; !rc && (v = args_nth(a, option, i)); i++) {
		rc = address_absolute(c, v, address, sizeof address);
		json_array_append_new(list, json_string(address));
	}
	if (!rc && json_array_size(list))
		json_object_set(config, key, list);
	json_decref(list);
	return rc;
}

static bool has_http_server(const struct args *a)
{
	return args_flag(a, "http-server") || args_text(a, "http-server-port");
}

/* Those that are given, as the node takes them. */
static json_t *settings_of(const struct args *a)
{
	static const struct {
		const char *option, *key;
		bool size;
	} all[] = {{"busy-poll", "busy_poll_us"}, {"max-paths", "max_paths"},
		{"max-queue", "max_queue", true}, {"max-rate", "max_rate", true},
		{"max-burst", "max_burst", true}};
	json_t *o = json_object();
	for (size_t i = 0; o && i < sizeof all / sizeof *all; i++)
		if (args_text(a, all[i].option))
			json_object_set_new(o, all[i].key,
				json_integer((json_int_t)(all[i].size ? args_size(a, all[i].option)
								      : args_count(a, all[i].option,
										0))));
	return o;
}

static int make_config(const struct cli *c, const struct args *a, json_t **out)
{
	unsigned long workers = args_count(a, "workers", 0);
	if (args_text(a, "workers") && (workers < 1 || workers > WORKERS_MAX))
		return cli_fail(c, CLI_USAGE, "--workers is a number from 1 to %d", WORKERS_MAX);
	unsigned long port = args_count(a, "http-server-port", 0);
	if (port > PORT_MAX)
		return cli_fail(c, CLI_USAGE, "--http-server-port is a port from 0 to %d", PORT_MAX);
	if (args_text(a, "path") && forward_path_of(args_text(a, "path")) < 0)
		return cli_fail(c, CLI_USAGE, "--path is auto, uring or tc");
	json_t *config = node_default_config();
	int rc = config ? add_listeners(c, a, "tcp-listener-address", config, "tcp_listeners")
			: cli_fail(c, CLI_INTERNAL, "out of memory");
	if (!rc)
		rc = add_listeners(c, a, "udp-listener-address", config, "udp_listeners");
	if (rc) {
		json_decref(config);
		return rc;
	}
	json_object_set_new(config, "authorized", object_strings(a, "authorized"));
	json_object_set_new(config, "transit", object_strings(a, "transit"));
	if (args_text(a, "path"))
		json_object_set_new(config, "path", json_string(args_text(a, "path")));
	if (workers)
		json_object_set_new(config, "workers", json_integer((json_int_t)workers));
	if (has_http_server(a))
		json_object_set_new(config, "http_server_port", json_integer((json_int_t)port));
	if (args_count(a, "busy-poll", 0) > BUSY_POLL_MAX)
		rc = cli_fail(c, CLI_USAGE, "--busy-poll is a number from 0 to %d", BUSY_POLL_MAX);
	json_object_set_new(config, "settings", settings_of(a));
	if (rc)
		json_decref(config);
	else
		*out = config;
	return rc;
}

/* Where it is, and what its clients need. */
static void tell_http_server(const struct cli *c, const char *name)
{
	struct node_ref ref;
	char path[PATH_MAX];
	json_t *doc;
	if (node_find(c, name, MISSING_IS_ERROR, &ref) || node_ask(&ref, "/v1/node", NODE_CALL_MS, &doc))
		return;
	const char *address = json_string_value(json_object_get(doc, "http_server_address"));
	home_node_path(path, sizeof path, c->home, "nodes", name, "http_token");
	if (address)
		cli_note(c, "node %s has its HTTP server at http://%s; the token is in %s", name, address, path);
	json_decref(doc);
}

int node_create_line(struct cli *c, const struct args *a, int (*on_ready)(void *ctx), void *ctx)
{
	char name[WIRE_NAME_MAX + 1], text[128];
	struct node_plan plan = {
		.identity = args_text(a, "identity"),
		.vault = args_text(a, "vault"),
		.foreground = args_flag(a, "foreground") || args_flag(a, "exit-on-eof"),
		.exit_on_eof = args_flag(a, "exit-on-eof"),
		.on_ready = on_ready,
		.ctx = ctx,
	};
	if (args_timeout(a, NODE_READY_MS, &plan.timeout_ms))
		return cli_fail(c, CLI_CONFIG, "OCKAM_DEFAULT_TIMEOUT is not a duration like 10s");
	int rc = CLI_OK;
	if (a->pos_n)
		strcpy(name, a->pos[0]);
	else
		rc = choose_name(c, name);
	if (!rc)
		rc = make_config(c, a, &plan.config);
	if (rc)
		return rc;
	plan.name = name;
	rc = node_create(c, &plan);
	json_decref(plan.config);
	if (rc || plan.foreground)
		return rc;
	if (has_http_server(a))
		tell_http_server(c, name);
	snprintf(text, sizeof text, "node %s was created", name);
	return output_value(c, json_pack("{s:s}", "name", name), name, text);
}

int cmd_node_create(struct cli *c, const struct args *a)
{
	return config_wanted(a) ? config_create_node(c, a) : node_create_line(c, a, NULL, NULL);
}

struct node_listing {
	const struct cli *cli;
	json_t *list;
};

static int add_node(void *ctx, const struct node_info *n)
{
	struct node_listing *l = ctx;
	int pid = 0;
	enum node_status status = node_status(l->cli->home, n->name, &pid);
	json_t *o = json_pack("{s:s, s:s, s:o, s:b}", "node_name", n->name, "status",
		node_status_word(status), "pid", pid ? json_integer(pid) : json_null(),
		"is_default", n->is_default);
	node_call_add_reason(l->cli, n->name, status, o);
	return json_array_append_new(l->list, o);
}

static int list_nodes(const struct cli *c, json_t **out)
{
	struct home *h;
	int rc = home_call_open(c, HOME_READ, &h);
	if (rc)
		return rc;
	struct node_listing l = {c, json_array()};
	int err = node_each(h, add_node, &l);
	if (err) {
		rc = home_call_failed(c, h, err, "node", NULL);
		json_decref(l.list);
	} else {
		*out = l.list;
	}
	home_close(h);
	return rc;
}

int cmd_node_list(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {
		{"node_name", "NAME"},
		{"status", "STATUS"},
		{"pid", "PROCESS"},
		{"is_default", "DEFAULT"},
		{NULL, NULL},
	};
	json_t *list = NULL;
	int rc = list_nodes(c, &list);
	return rc ? rc : output_list(c, list, columns, "nodes");
}

/* What can be told of a node that does not answer. */
static json_t *stopped_json(const struct stored_node *n, enum node_status status)
{
	char route[WIRE_NAME_MAX + 8];
	snprintf(route, sizeof route, "/node/%s", n->name);
	return json_pack("{s:s, s:b, s:s, s:n, s:s?, s:{s:s, s:n}, s:n, s:[], s:[], s:[], s:[], "
			 "s:[], s:[], s:[]}",
		"name", n->name, "is_default", n->is_default, "status", node_status_word(status),
		"pid", "identity", n->identifier[0] ? n->identifier : NULL, "route", "short", route,
		"verbose", "http_server_address", "transports", "secure_channel_listeners",
		"secure_channels", "relays", "inlets", "outlets", "services");
}

static int show_node(const struct cli *c, const struct stored_node *n)
{
	struct node_ref ref;
	json_t *doc;
	int pid;
	enum node_status status = node_status(c->home, n->name, &pid);
	if (status != NODE_RUNNING) {
		doc = stopped_json(n, status);
		node_call_add_reason(c, n->name, status, doc);
		return output_record(c, doc);
	}
	int rc = node_find(c, n->name, MISSING_IS_ERROR, &ref);
	if (!rc)
		rc = node_call(c, &ref, "GET", "/v1/node", NULL, NODE_CALL_MS, &doc);
	return rc ? rc : output_record(c, doc);
}

int cmd_node_show(struct cli *c, const struct args *a)
{
	struct stored_node n;
	int rc = get_node(c, args_node(a->pos[0]), &n);
	return rc ? rc : show_node(c, &n);
}

static int take_guard(const struct cli *c, const char *name, int *fd)
{
	*fd = guard_take(c, name, true);
	return *fd < 0 ? cli_fail(c, CLI_IO, "could not lock node %s: %s", name, strerror(-*fd))
		       : CLI_OK;
}

/* Runs and will go on: one that is just ending, or was killed this moment, does not answer. */
static bool answers(const struct cli *c, const struct stored_node *n)
{
	struct node_ref ref;
	json_t *doc;
	int pid;
	if (node_status(c->home, n->name, &pid) != NODE_RUNNING ||
		node_find(c, n->name, MISSING_IS_ERROR, &ref))
		return false;
	int rc = node_ask(&ref, "/v1/node", NODE_CALL_MS, &doc);
	if (rc == 0)
		json_decref(doc);
	return rc != -ENOENT && rc != -ECONNREFUSED && rc != -ECONNRESET && rc != -EPIPE &&
	       node_status(c->home, n->name, &pid) == NODE_RUNNING;
}

int cmd_node_start(struct cli *c, const struct args *a)
{
	struct stored_node n;
	int64_t timeout_ms;
	int guard, rc = get_node(c, args_node(a->pos[0]), &n);
	if (args_timeout(a, NODE_READY_MS, &timeout_ms))
		return cli_fail(c, CLI_CONFIG, "OCKAM_DEFAULT_TIMEOUT is not a duration like 10s");
	if (!rc)
		rc = take_guard(c, n.name, &guard);
	if (rc)
		return rc;
	bool stay = args_flag(a, "foreground"), running = answers(c, &n);
	if (running && stay) {
		rc = cli_fail(c, CLI_EXISTS, "node %s is running already; stop it first", n.name);
	} else if (running) {
		cli_note(c, "node %s is running already", n.name);
	} else {
		enum node_status status =
			node_await_end(c, n.name, progress_now() + NODE_END_GRACE_MS);
		if (status != NODE_CONTROL_DOWN) /* that is taken over */
			node_end(c, n.name, NODE_END_GRACE_MS);
		rc = stay ? node_become(c, n.name) : node_boot(c, n.name, timeout_ms);
	}
	guard_drop(guard);
	return rc ? rc : show_node(c, &n);
}

int cmd_node_stop(struct cli *c, const struct args *a)
{
	char text[128];
	struct stored_node n;
	int guard, rc = get_node(c, args_node(a->pos[0]), &n);
	if (!rc)
		rc = take_guard(c, n.name, &guard);
	if (rc)
		return rc;
	int ended = node_end(c, n.name, NODE_END_GRACE_MS);
	guard_drop(guard);
	if (ended < 0)
		return cli_fail(c, CLI_INTERNAL, "node %s could not be stopped: %s", n.name,
			strerror(-ended));
	snprintf(text, sizeof text, "node %s was %sstopped", n.name, ended ? "" : "already ");
	return output_value(
		c, json_pack("{s:s, s:s}", "name", n.name, "status", "stopped"), text, NULL);
}

static int node_names(const struct cli *c, void *ctx, json_t **out)
{
	json_t *list, *item;
	size_t i;
	int rc = list_nodes(c, &list);
	if (rc)
		return rc;
	*out = json_array();
	json_array_foreach(list, i, item)
		json_array_append(*out, json_object_get(item, "node_name"));
	json_decref(list);
	return CLI_OK;
}

static int remove_node(const struct cli *c, void *ctx, const char *name, json_t **shown)
{
	struct stored_node n;
	struct home *h = NULL;
	int guard, rc = get_node(c, args_node(name), &n);
	if (!rc)
		rc = take_guard(c, n.name, &guard);
	if (rc)
		return rc;
	int ended = node_end(c, n.name, NODE_DELETE_GRACE_MS);
	if (ended < 0)
		rc = cli_fail(c, CLI_INTERNAL, "node %s could not be stopped: %s", n.name,
			strerror(-ended));
	else
		rc = home_call_open(c, HOME_WRITE, &h);
	if (!rc) {
		int err = node_remove(h, n.name);
		if (err && err != -ENOENT)
			rc = home_call_failed(c, h, err, "node", n.name);
		home_close(h);
	}
	if (!rc) {
		node_remove_dirs(c, n.name);
		*shown = json_pack("{s:s}", "name", n.name);
	}
	guard_drop(guard);
	return rc;
}

int cmd_node_delete(struct cli *c, const struct args *a)
{
	static const struct delete_ops ops = {"node", "nodes", node_names, remove_node, "name"};
	return delete_run(c, a, &ops, NULL);
}

int cmd_node_logs(struct cli *c, const struct args *a)
{
	char path[PATH_MAX];
	struct stored_node n;
	int rc = get_node(c, args_node(a->pos[0]), &n);
	if (rc)
		return rc;
	if (home_node_path(path, sizeof path, c->home, "nodes", n.name, "stdout.log") < 0)
		return cli_fail(c, CLI_CONFIG, "the home %s is too deep", c->home);
	if (args_flag(a, "follow"))
		return log_follow(c, path);
	return output_value(c, json_pack("{s:s}", "path", path), path, NULL);
}

int cmd_node_default(struct cli *c, const struct args *a)
{
	char text[128];
	struct stored_node n;
	const char *name = args_node(a->pos[0]);
	if (name) {
		struct home *h;
		int rc = home_call_open(c, HOME_WRITE, &h);
		if (rc)
			return rc;
		int err = node_set_default(h, name);
		if (err)
			rc = home_call_failed(c, h, err, "node", name);
		home_close(h);
		if (rc)
			return rc;
	}
	int rc = get_node(c, name, &n);
	if (rc)
		return rc;
	snprintf(text, sizeof text, "the default node is %s", n.name);
	return output_value(c, json_pack("{s:s}", "name", n.name), n.name, text);
}

int cmd_node_set(struct cli *c, const struct args *a)
{
	struct node_ref n;
	json_t *in = settings_of(a), *out = NULL;
	const bool any = json_object_size(in) > 0;
	int rc = node_find(c, a->pos[0], MISSING_IS_ERROR, &n);
	if (!rc && any)
		rc = node_call(c, &n, "POST", "/v1/node/settings", json_incref(in), NODE_CALL_MS, &out);
	else if (!rc)
		rc = node_call(c, &n, "GET", "/v1/node", NULL, NODE_CALL_MS, &out);
	json_decref(in);
	if (!rc && !any) {
		json_t *node = out;
		out = json_incref(json_object_get(node, "settings"));
		json_decref(node);
	}
	return rc ? rc : output_record(c, out);
}
