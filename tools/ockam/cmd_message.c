// SPDX-License-Identifier: Apache-2.0
/* message send, from a node or from a temporary one. */
#include "hex.h"
#include "node_config.h"
#include "output.h"
#include "parse.h"
#include "progress.h"
#include "resolve.h"
#include "retry.h"
#include "route.h"
#include "stdin_route.h"
#include "table.h"
#include "temp_node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_MS = 10000, TEMP_READY_MS = 15000, ASK_MS = 2000 };

struct message {
	char *body;
	size_t len;
	bool from_stdin;
};

static int read_stdin(const struct cli *c, struct message *m)
{
	size_t cap = 65536;
	m->body = malloc(cap);
	while (m->body) {
		ssize_t n = read(STDIN_FILENO, m->body + m->len, cap - m->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cli_fail(c, CLI_IO, "could not read the message from stdin: %s",
				strerror(errno));
		if (n == 0)
			return CLI_OK;
		m->len += (size_t)n;
		if (m->len > WIRE_MSG_MAX)
			return CLI_OK; /* the caller refuses it */
		if (m->len < cap)
			continue;
		char *more = realloc(m->body, cap *= 2);
		if (!more)
			break;
		m->body = more;
	}
	return cli_fail(c, CLI_INTERNAL, "out of memory");
}

/* Decodes in place; white space around the digits is taken away. */
static int decode_hex(const struct cli *c, struct message *m)
{
	static const char space[] = " \t\r\n";
	char *p = m->body;
	while (m->len && strchr(space, p[m->len - 1]))
		m->len--;
	while (m->len && strchr(space, *p)) {
		p++;
		m->len--;
	}
	int n = hex_decode(m->body, m->len, p, m->len);
	if (n < 0)
		return cli_fail(
			c, CLI_DATA, "--hex wants the message as pairs of hexadecimal digits");
	m->len = (size_t)n;
	return CLI_OK;
}

static int take_body(const struct cli *c, const struct args *a, struct message *m)
{
	int rc = CLI_OK;
	if (m->from_stdin) {
		rc = read_stdin(c, m);
	} else {
		m->body = strdup(a->pos[0]);
		m->len = strlen(a->pos[0]);
		if (!m->body)
			rc = cli_fail(c, CLI_INTERNAL, "out of memory");
	}
	if (!rc && args_flag(a, "hex"))
		rc = decode_hex(c, m);
	if (!rc && m->len > WIRE_MSG_MAX)
		rc = cli_fail(c, CLI_DATA, "the message is longer than %d bytes", WIRE_MSG_MAX);
	return rc;
}

static bool is_text(const char *p, size_t len)
{
	json_t *s = memchr(p, 0, len) ? NULL : json_stringn(p, len); /* checks UTF-8 */
	json_decref(s);
	return s != NULL;
}

static int print_reply(
	const struct cli *c, const struct message *m, bool hex, const char *p, size_t len)
{
	bool text = !hex && is_text(p, len);
	char *digits = NULL;
	int rc;
	if (hex || (output_is_json(c) && !text)) {
		digits = malloc(2 * len + 1);
		if (!digits)
			return cli_fail(c, CLI_INTERNAL, "out of memory");
		hex_encode(digits, p, len);
	}
	if (output_is_json(c))
		rc = output_record(c, digits ? json_pack("{s:s}", "reply_hex", digits)
					     : json_pack("{s:s%}", "reply", p, len));
	else if (hex)
		rc = output_value(c, NULL, digits, NULL);
	else
		rc = output_bytes(c, p, len);
	if (!rc && !output_is_json(c) && !hex && text && !m->from_stdin)
		rc = output_bytes(c, "\n", 1);
	free(digits);
	return rc;
}

/* Adds the query; each value is encoded. */
static char *make_target(const struct args *a, const char *to, int64_t timeout_ms)
{
	char encoded[3 * ROUTE_STRING_MAX], *text = NULL;
	size_t len = 0;
	const char *id;
	if (http_encode(encoded, sizeof encoded, to))
		return NULL;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	fprintf(f, "/v1/messages?to=%s&timeout_ms=%lld", encoded, (long long)timeout_ms);
	for (unsigned i = 0; (id = args_nth(a, "authorized", i)); i++)
		fprintf(f, "&authorized=%s", id);
	return fclose(f) ? NULL : text;
}

struct owner_search {
	const struct cli *cli;
	const char *address;
	const char *asked; /* the node that was asked already */
	char owner[WIRE_NAME_MAX + 1];
};

static int ask_owner(void *ctx, const char *name, const char *route)
{
	struct owner_search *s = ctx;
	struct node_ref node;
	char target[64];
	json_t *doc;
	if (!strcmp(name, s->asked))
		return 0;
	snprintf(node.name, sizeof node.name, "%s", name);
	if (home_node_path(node.socket_path, sizeof node.socket_path, s->cli->home, "run", name,
		    "control.sock") < 0)
		return 0;
	snprintf(target, sizeof target, "/v1/secure-channels/%s", s->address);
	if (node_ask(&node, target, ASK_MS, &doc))
		return 0;
	json_decref(doc);
	memcpy(s->owner, node.name, sizeof s->owner);
	return 1;
}

/* The channel in front of the route was not found: the reason may be that another node owns it. */
static int not_found(
	const struct cli *c, const char *to, const struct node_ref *asked, const char *sentence)
{
	struct route r;
	char why[200];
	uint8_t id[16];
	if (route_parse(&r, to, why, sizeof why) == 0 && r.n && r.e[0].code == ROUTE_SERVICE &&
		hex_decode(id, sizeof id, r.e[0].text, strlen(r.e[0].text)) == sizeof id) {
		struct owner_search s = {.cli = c, .address = r.e[0].text, .asked = asked->name};
		if (node_listeners_each(c->home, ask_owner, &s) == 1)
			return cli_fail(c, CLI_NOT_FOUND,
				"NotFound: the channel %s belongs to node %s; send from there with "
				"--from %s",
				s.address, s.owner, s.owner);
	}
	return cli_fail(c, CLI_NOT_FOUND, "%s%s",
		strstr(sentence, "NotFound") ? "" : "NotFound: ", sentence);
}

static int send_once(const struct cli *c, const struct node_ref *node, const char *target,
	const struct message *m, const char *to, int64_t timeout_ms, struct http_answer *out)
{
	int rc = node_call_raw(c, node, target, m->body, m->len, timeout_ms, out);
	if (rc || (out->status >= 200 && out->status < 300))
		return rc;
	if (out->status == 404) {
		json_t *doc = json_loadb(out->body, out->len, 0, NULL);
		const char *text = json_string_value(json_object_get(doc, "error"));
		rc = not_found(c, to, node, text ? text : "the message's first address");
		json_decref(doc);
	} else {
		rc = node_call_failed(c, out);
	}
	free(out->body);
	out->body = NULL;
	return rc;
}

static int send_message(const struct cli *c, const struct args *a, const struct node_ref *node,
	const char *to, const struct message *m, int64_t timeout_ms)
{
	struct http_answer answer = {0};
	struct retry retry = retry_options(a);
	struct retry_state r = retry_begin(c, &retry);
	char *target = make_target(a, to, timeout_ms);
	int rc;
	if (!target)
		return cli_fail(c, CLI_INTERNAL, "out of memory");
	progress_start(c, "waiting for the reply");
	do {
		rc = send_once(&r.cli, node, target, m, to, timeout_ms, &answer);
	} while (retry_again(&r, rc));
	progress_stop();
	if (!rc)
		rc = print_reply(c, m, args_flag(a, "hex"), answer.body, answer.len);
	free(answer.body);
	free(target);
	return rc;
}

static int send_from_temporary(const struct cli *c, const struct args *a, const char *to,
	const struct message *m, int64_t timeout_ms)
{
	struct temp_node t;
	progress_start(c, "starting a temporary node");
	int rc = temp_node_start(c, args_text(a, "identity"), TEMP_READY_MS, &t);
	if (!rc)
		rc = send_message(c, a, &t.ref, to, m, timeout_ms);
	temp_node_stop(c, &t);
	return rc;
}

int cmd_message_send(struct cli *c, const struct args *a)
{
	char to[ROUTE_STRING_MAX];
	struct node_ref node;
	struct message m = {.from_stdin = !strcmp(a->pos[0], "-")};
	const char *from = args_text(a, "from");
	int64_t timeout_ms;
	if (m.from_stdin && stdin_route_wanted(args_text(a, "to")))
		return cli_fail(c, CLI_USAGE,
			"the message and the route both want stdin; give one of them on the "
			"command line");
	if (from && args_text(a, "identity"))
		return cli_fail(c, CLI_USAGE,
			"--identity is for a message without --from: node %s has its own",
			args_node(from));
	if (args_timeout(a, MESSAGE_MS, &timeout_ms))
		return cli_fail(c, CLI_CONFIG, "OCKAM_DEFAULT_TIMEOUT is not a duration like 10s");
	int rc = resolve_route(c, args_text(a, "to"), to, sizeof to);
	if (!rc)
		rc = take_body(c, a, &m);
	if (!rc && from) {
		rc = node_find(c, from, MISSING_IS_ERROR, &node);
		if (!rc)
			rc = send_message(c, a, &node, to, &m, timeout_ms);
	} else if (!rc) {
		rc = send_from_temporary(c, a, to, &m, timeout_ms);
	}
	free(m.body);
	return rc;
}
