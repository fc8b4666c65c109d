// SPDX-License-Identifier: Apache-2.0
#include "object.h"

#include "inlet_socket.h"
#include "keys.h"
#include "locked.h"
#include "log.h"
#include "tcp_listener.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

enum { RELAY_LISTENERS_MAX = 16 };

static struct reason keep_reason(struct program *p, const char *kind, const char *name)
{
	log_error("%s %s is not kept: %s", kind, name, home_error(p->home));
	return reason_make(EXIT_IO, "%s %s cannot be kept: %s", kind, name, home_error(p->home));
}

int object_put(
	struct program *p, const char *kind, const char *name, json_t *doc, struct reason *why)
{
	int rc = 0;
	if (!p->temporary) {
		char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
		rc = text ? node_object_put(p->home, p->name, kind, name, text) : -ENOMEM;
		if (rc < 0)
			*why = keep_reason(p, kind, name);
		free(text);
	}
	json_decref(doc);
	return rc;
}

int object_del(struct program *p, const char *kind, const char *name, struct reason *why)
{
	int rc = p->temporary ? 0 : node_object_del(p->home, p->name, kind, name);
	if (rc == -ENOENT)
		rc = 0;
	if (rc < 0)
		*why = keep_reason(p, kind, name);
	return rc;
}

int object_trust(const json_t *list, struct trust *out, struct reason *why)
{
	size_t i;
	json_t *v;
	memset(out, 0, sizeof *out);
	json_array_foreach((json_t *)list, i, v)
	{
		const char *text = json_string_value(v);
		int rc = text ? trust_add(out, text) : -EINVAL;
		if (rc == 0)
			continue;
		if (rc == -E2BIG)
			*why = reason_make(EXIT_USAGE,
				"at most %d identifiers can be authorized at one place", TRUST_MAX);
		else
			*why = reason_make(EXIT_USAGE,
				"\"%.80s\" is not an identifier (I and 64 hex digits) and not any",
				text ? text : "");
		return rc;
	}
	return 0;
}

int object_route(const char *text, struct route *out, struct reason *why)
{
	char err[160];
	if (route_parse(out, text, err, sizeof err) < 0) {
		*why = reason_make(EXIT_USAGE, "\"%.128s\" is not a route: %s", text, err);
		return -EINVAL;
	}
	for (unsigned i = 0; i < out->n; i++) {
		if (out->e[i].code != ROUTE_NODE)
			continue;
		*why = reason_make(EXIT_USAGE,
			"the route names node %s, where the control API takes that node's listener "
			"address (the ockam command puts it in)",
			out->e[i].text);
		return -EINVAL;
	}
	return 0;
}

int object_make_channel_listener(struct program *p, const char *name, const json_t *o,
	struct listener **out, struct reason *why)
{
	struct trust trust;
	struct handshake_keys *keys;
	const char *identity = json_string_value(json_object_get(o, "identity"));
	int rc = object_trust(json_object_get(o, "authorized"), &trust, why);
	if (rc == 0)
		rc = keys_load_other(p, identity, &keys, why);
	if (rc < 0)
		return rc;
	rc = listener_add(p->node, name, &trust, keys ? identity : NULL, keys, out);
	if (rc == 0)
		return 0;
	locked_free(keys);
	if (rc == -EEXIST)
		*why = reason_make(
			EXIT_EXISTS, "the address %s is taken on node %s", name, p->name);
	else if (rc == -EINVAL)
		*why = reason_make(EXIT_USAGE, "\"%.80s\" is not a name for a listener", name);
	else
		*why = reason_make(EXIT_INTERNAL, "no listener %s: %s", name, strerror(-rc));
	return rc;
}

int object_make_relay(struct program *p, const json_t *o, bool wait, uint64_t timeout_ms,
	relay_fn *fn, void *ctx, struct registration **out, struct reason *why)
{
	struct trust trust;
	struct route at;
	const char *name = json_string_value(json_object_get(o, "name"));
	const char *listeners[RELAY_LISTENERS_MAX];
	const json_t *list = json_object_get(o, "listeners");
	size_t n = json_array_size(list);
	int rc = object_trust(json_object_get(o, "authorized"), &trust, why);
	if (rc == 0)
		rc = object_route(json_string_value(json_object_get(o, "at")), &at, why);
	if (rc < 0)
		return rc;
	if (!name)
		name = "default";
	if (n > RELAY_LISTENERS_MAX || !route_name_valid(name)) {
		*why = n > RELAY_LISTENERS_MAX
			       ? reason_make(EXIT_USAGE, "a relay has at most %d listeners",
					 RELAY_LISTENERS_MAX)
			       : reason_make(
					 EXIT_USAGE, "\"%.80s\" is not a name for a relay", name);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		listeners[i] = json_string_value(json_array_get(list, i));
		if (!listeners[i]) { /* the API has checked; a damaged database has not */
			*why = reason_make(EXIT_USAGE, "relay %s: a listener's name is no text", name);
			return -EINVAL;
		}
	}
	struct relay_options ro = {
		.name = name,
		.at = &at,
		.node_name_first = json_is_true(json_object_get(o, "node_name_first")),
		.trust = &trust,
		.listeners_n = (unsigned)n,
		.listeners = listeners,
		.wait = wait,
		.timeout_ms = timeout_ms,
	};
	rc = relay_create(p->node, &ro, fn, ctx, out);
	if (rc == -EEXIST)
		*why = reason_make(EXIT_EXISTS, "node %s already has a relay %s", p->name, name);
	else if (rc == -EINVAL)
		*why = reason_make(
			EXIT_USAGE, "relay %s: its name or a listener's is not valid", name);
	else if (rc < 0)
		*why = reason_make(EXIT_INTERNAL, "no relay %s: %s", name, strerror(-rc));
	return rc;
}

int object_make_service(struct program *p, const char *type, const char *addr, struct service **out,
	struct reason *why)
{
	int rc = service_start(p->node, type, addr, out);
	if (rc == -ENOENT)
		*why = reason_make(EXIT_NOT_FOUND,
			"NotFound: there is no service %.64s; there are uppercase, echo, hop and "
			"forwarding_service",
			type);
	else if (rc == -EEXIST)
		*why = reason_make(EXIT_EXISTS, "the address %.64s is taken on node %s",
			addr ? addr : type, p->name);
	else if (rc == -EINVAL)
		*why = reason_make(
			EXIT_USAGE, "\"%.80s\" is not a name for a service", addr ? addr : type);
	else if (rc < 0)
		*why = reason_make(EXIT_INTERNAL, "no service %.64s: %s", type, strerror(-rc));
	return rc;
}

static void random_name(char dst[static WIRE_NAME_MAX + 1])
{
	snprintf(dst, WIRE_NAME_MAX + 1, "%08x", randombytes_random());
}

static struct reason named_reason(
	struct program *p, const char *noun, const char *name, unsigned max, int rc)
{
	switch (rc) {
	case -EEXIST:
		return reason_make(EXIT_EXISTS, "the name %.64s is taken on node %s", name, p->name);
	case -EINVAL:
		return reason_make(EXIT_USAGE, "\"%.80s\" is not a name for an %s", name, noun);
	case -EMFILE:
		return reason_make(EXIT_USAGE, "a node has at most %u %ss", max, noun);
	default:
		return reason_make(EXIT_INTERNAL, "no %s %.64s: %s", noun, name, strerror(-rc));
	}
}

int object_make_outlet(struct program *p, const json_t *o, struct outlet **out, struct reason *why)
{
	struct link_target to;
	char made[WIRE_NAME_MAX + 1];
	const char *name = json_string_value(json_object_get(o, "from"));
	const char *text = json_string_value(json_object_get(o, "to"));
	if (!text || link_target_parse(&to, text) < 0) {
		*why = reason_make(EXIT_USAGE,
			"\"%.128s\" is nothing to connect to: expected HOST:PORT or unix:PATH",
			text ? text : "");
		return -EINVAL;
	}
	int rc = outlet_add(p->node, name ? name : "outlet", &to, out);
	if (!name && rc == -EEXIST) {
		random_name(made);
		rc = outlet_add(p->node, made, &to, out);
	}
	if (rc < 0)
		*why = named_reason(p, "outlet", name ? name : "outlet", OUTLETS_MAX, rc);
	return rc;
}

/* Binds; an address that another inlet has is one that exists. */
static int bind_inlet(struct program *p, const char *from, char bind[static TCP_ADDRESS_TEXT],
	uint32_t *portal, struct reason *why)
{
	struct tcp_address a;
	int rc = tcp_address_parse(&a, from, why);
	if (rc < 0)
		return rc;
	tcp_address_format(&a, bind);
	if (inlet_get(p->node, bind)) {
		*why = reason_make(
			EXIT_EXISTS, "an inlet of node %s listens on %s already", p->name, bind);
		return -EEXIST;
	}
	rc = inlet_socket_take(p, bind, portal);
	if (rc >= 0)
		return rc; /* since before this process */
	rc = tcp_address_listen(&a, why);
	if (rc >= 0)
		tcp_address_format(&a, bind);
	return rc;
}

int object_make_inlet(struct program *p, const json_t *o, inlet_fn *fn, void *ctx, uint64_t wait_ms,
	struct inlet **out, struct reason *why)
{
	struct route route;
	struct inlet_route to;
	struct trust trust;
	struct handshake_keys *keys = NULL;
	char made[WIRE_NAME_MAX + 1], bind[TCP_ADDRESS_TEXT];
	const char *alias = json_string_value(json_object_get(o, "alias"));
	const char *from = json_string_value(json_object_get(o, "from"));
	const char *text = json_string_value(json_object_get(o, "to"));
	json_int_t parallel = json_integer_value(json_object_get(o, "parallel"));
	json_int_t retry_wait_ms = json_integer_value(json_object_get(o, "retry_wait_ms"));
	if (!alias) {
		random_name(made);
		alias = made;
	}
	int rc = object_trust(json_object_get(o, "authorized"), &trust, why);
	if (rc == 0)
		rc = object_route(text ? text : "", &route, why);
	if (rc == 0)
		rc = inlet_route_parse(p->node, &route, &to, why);
	if (rc < 0)
		return rc;
	if (parallel < 0 || parallel > INLET_PARALLEL_MAX) {
		*why = reason_make(EXIT_USAGE, "an inlet has 1 to %d channels", INLET_PARALLEL_MAX);
		return -EINVAL;
	}
	if (inlet_get(p->node, alias)) {
		*why = named_reason(p, "inlet", alias, INLETS_MAX, -EEXIST);
		return -EEXIST;
	}
	rc = keys_load_other(p, json_string_value(json_object_get(o, "identity")), &keys, why);
	if (rc < 0)
		return rc;
	uint32_t portal = 0;
	int fd = bind_inlet(p, from ? from : "127.0.0.1:0", bind, &portal, why);
	if (fd < 0) {
		locked_free(keys);
		return fd;
	}
	struct inlet_options io = {.alias = alias, .bind = bind, .fd = fd, .portal = portal, .route = &route,
		.to = &to,
		.trust = &trust, .keys = keys, .parallel = (unsigned)parallel,
		.retry_wait_ms = retry_wait_ms > 0 ? (uint64_t)retry_wait_ms : 0, .fn = fn, .ctx = ctx,
		.wait_ms = wait_ms};
	rc = inlet_add(p->node, &io, out);
	if (rc < 0)
		*why = named_reason(p, "inlet", alias, INLETS_MAX, rc);
	else
		log_info("inlet %s: listening on %s", alias, bind);
	return rc;
}

void object_end_inlet(struct program *p, struct inlet *in)
{
	if (!strncmp(in->bind, "unix:", 5))
		unlink(in->bind + 5);
	log_info("inlet %s: no longer listening on %s", in->alias, in->bind);
	inlet_del(p->node, in);
}
