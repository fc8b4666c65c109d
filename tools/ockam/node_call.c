// SPDX-License-Identifier: Apache-2.0
#include "node_call.h"

#include "home_call.h"
#include "node_config.h"
#include "node_start.h"
#include "parse.h"
#include "progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_MAX = 512, GRACE_MS = 5000 }; /* the node answers a time-out itself; we only outwait it */

/* Reads the name of the default node; *name is empty when the home has no node. */
static int default_name(const struct cli *c, char name[static WIRE_NAME_MAX + 1])
{
	struct home *h;
	struct node_info info = {0};
	name[0] = 0;
	int rc = home_call_open(c, HOME_READ, &h);
	if (rc)
		return rc;
	int err = node_get(h, NULL, &info);
	if (err == 0)
		snprintf(name, WIRE_NAME_MAX + 1, "%s", info.name);
	else if (err != -ENOENT)
		rc = home_call_failed(c, h, err, "node", NULL);
	node_info_fini(&info);
	home_close(h);
	return rc;
}

int node_find(
	const struct cli *c, const char *given, enum missing_node missing, struct node_ref *out)
{
	if (given) {
		snprintf(out->name, sizeof out->name, "%s", args_node(given));
	} else {
		int rc = default_name(c, out->name);
		if (rc)
			return rc;
		if (!out->name[0] && missing == MISSING_IS_EMPTY)
			return CLI_OK;
		if (!out->name[0] && missing == MISSING_IS_ERROR)
			return cli_fail(c, CLI_NOT_FOUND,
				"NotFound: there is no node in %s; make one with `ockam node "
				"create`",
				c->home);
		if (!out->name[0] && (rc = node_start_default(c, out->name)))
			return rc;
	}
	if (home_node_path(out->socket_path, sizeof out->socket_path, c->home, "run", out->name,
		    "control.sock") < 0)
		return home_call_check_depth(c, out->name);
	return CLI_OK;
}

void node_call_add_reason(
	const struct cli *c, const char *node, enum node_status status, json_t *o)
{
	char why[REASON_MAX];
	if (status == NODE_FAILED && node_failed_reason(c->home, node, why, sizeof why) == 0)
		json_object_set_new(o, "reason", json_string(why));
}

static int not_running_because(const struct cli *c, const char *name)
{
	char why[REASON_MAX];
	int pid;
	switch (node_status(c->home, name, &pid)) {
	case NODE_CONTROL_DOWN:
		return cli_fail(c, CLI_UNREACHABLE,
			"the control plane of node %s is down; start it again with `ockam node "
			"start %s`",
			name, name);
	case NODE_FAILED:
		if (node_failed_reason(c->home, name, why, sizeof why) < 0)
			break;
		return cli_fail(c, CLI_UNREACHABLE,
			"node %s has failed (%s); try again with `ockam node start %s`", name, why,
			name);
	default:
		break;
	}
	return cli_fail(c, CLI_UNREACHABLE,
		"node %s is not running; start it with `ockam node start %s`", name, name);
}

/* Nobody listens on the socket: is there such a node at all? */
static int not_running(const struct cli *c, const struct node_ref *node)
{
	struct home *h;
	struct node_info info = {0};
	if (!node->name[0])
		return cli_fail(c, CLI_INTERNAL, "the temporary node ended early");
	int rc = home_open(&h, c->home, HOME_READ);
	if (!rc)
		rc = node_get(h, node->name, &info);
	node_info_fini(&info);
	home_close(h);
	if (rc == -ENOENT)
		return cli_fail(c, CLI_NOT_FOUND,
			"NotFound: there is no node %s in %s; `ockam node list` shows them",
			node->name, c->home);
	return not_running_because(c, node->name);
}

static int transport_failed(const struct cli *c, const struct node_ref *node, int err)
{
	const char *name = node->name[0] ? node->name : "(temporary)";
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		return not_running(c, node);
	case -EINTR:
		return CLI_UNREACHABLE; /* the signal ends the process when all is cleaned up */
	case -ETIMEDOUT:
		return cli_fail(c, CLI_UNREACHABLE,
			"node %s did not answer in time; see its log with `ockam node logs`", name);
	case -ECONNRESET:
	case -EPIPE:
		return cli_fail(c, CLI_UNREACHABLE, "node %s ended while it was asked", name);
	case -EPROTO:
		return cli_fail(
			c, CLI_INTERNAL, "node %s did not answer in the control API's way", name);
	default:
		return cli_fail(c, CLI_IO, "could not talk to node %s: %s", name, strerror(-err));
	}
}

/* An error answer: its sentence, and its exit code if it has a sensible one. */
int node_call_failed(const struct cli *c, const struct http_answer *a)
{
	json_t *doc = json_loadb(a->body, a->len, 0, NULL);
	const char *text = json_string_value(json_object_get(doc, "error"));
	json_int_t code = json_integer_value(json_object_get(doc, "exit"));
	if (!text)
		text = "the node answered with an error and no reason";
	if (code <= 0 || code > 125)
		code = a->status == 404	 ? CLI_NOT_FOUND
		       : a->status < 500 ? CLI_USAGE
					 : CLI_INTERNAL;
	bool mark = code == CLI_NOT_FOUND && !strstr(text, "NotFound");
	int rc = cli_fail(c, (int)code, "%s%s", mark ? "NotFound: " : "", text);
	json_decref(doc);
	return rc;
}

static int call(const struct cli *c, const struct node_ref *node, struct http_request *q,
	struct http_answer *out)
{
	q->socket_path = node->socket_path;
	q->timeout_ms += GRACE_MS;
	int rc = http_call(q, out);
	return rc ? transport_failed(c, node, rc) : CLI_OK;
}

int node_call(const struct cli *c, const struct node_ref *node, const char *method,
	const char *target, json_t *body, int64_t timeout_ms, json_t **out)
{
	struct http_request q = {.method = method, .target = target, .timeout_ms = timeout_ms};
	struct http_answer answer = {0};
	char *text = NULL;
	if (body) {
		text = json_dumps(body, JSON_COMPACT);
		json_decref(body);
		if (!text)
			return cli_fail(
				c, CLI_INTERNAL, "out of memory, or an argument is not UTF-8 text");
		q.type = "application/json";
		q.body = text;
		q.len = strlen(text);
	}
	int rc = call(c, node, &q, &answer);
	free(text);
	if (rc)
		return rc;
	if (answer.status < 200 || answer.status > 299) {
		rc = node_call_failed(c, &answer);
		free(answer.body);
		return rc;
	}
	json_t *doc = json_loadb(answer.body, answer.len, JSON_DECODE_ANY, NULL);
	free(answer.body);
	if (!doc)
		return cli_fail(c, CLI_INTERNAL, "the node's answer is not JSON");
	if (out)
		*out = doc;
	else
		json_decref(doc);
	return CLI_OK;
}

int node_call_raw(const struct cli *c, const struct node_ref *node, const char *target,
	const void *body, size_t len, int64_t timeout_ms, struct http_answer *out)
{
	struct http_request q = {.method = "POST",
		.target = target,
		.type = "application/octet-stream",
		.body = body,
		.len = len,
		.timeout_ms = timeout_ms};
	return call(c, node, &q, out);
}

int node_ask(const struct node_ref *node, const char *target, int64_t timeout_ms, json_t **out)
{
	struct http_request q = {.socket_path = node->socket_path,
		.method = "GET",
		.target = target,
		.timeout_ms = timeout_ms};
	struct http_answer answer = {0};
	int rc = http_call(&q, &answer);
	if (rc)
		return rc;
	json_t *doc = answer.status == 200 ? json_loadb(answer.body, answer.len, 0, NULL) : NULL;
	free(answer.body);
	*out = doc;
	return doc ? 0 : -EPROTO;
}
