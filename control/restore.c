// SPDX-License-Identifier: Apache-2.0
#include "restore.h"
#include "settings_json.h"

#include "link.h"
#include "log.h"
#include "loop.h"
#include "object.h"
#include "tcp_listener.h"
#include "transit.h"

#include <errno.h>
#include <stdlib.h>

enum { CONNECT_MS = 10000, WORKERS_MAX = 64 };

int restore_config(struct program *p, struct reason *why)
{
	struct node_info info = {.config = NULL};
	json_error_t e;
	int rc = node_get(p->home, p->name, &info);
	if (rc < 0) {
		*why = reason_make(
			rc == -ENOENT ? EXIT_NOT_FOUND : EXIT_IO, "%s", home_error(p->home));
		return rc;
	}
	memcpy(p->identity, info.identity, sizeof p->identity);
	p->static_key = info.static_key;
	p->config = json_loads(info.config ? info.config : "{}", JSON_REJECT_DUPLICATES, &e);
	node_info_fini(&info);
	if (json_is_object(p->config))
		return 0;
	*why = reason_make(
		EXIT_CONFIG, "the configuration of node %s is damaged: create it again", p->name);
	return -EUCLEAN;
}

enum forward_path restore_path(const struct program *p)
{
	int path = forward_path_of(json_string_value(json_object_get(p->config, "path")));
	return path < 0 ? FORWARD_AUTO : (enum forward_path)path;
}

unsigned restore_workers(const struct program *p)
{
	json_int_t n = json_integer_value(json_object_get(p->config, "workers"));
	return n < 0 || n > WORKERS_MAX ? 0 : (unsigned)n;
}

static int store_config(struct program *p, struct reason *why)
{
	char *text = json_dumps(p->config, JSON_COMPACT);
	int rc = text ? node_set_config(p->home, p->name, text) : -ENOMEM;
	free(text);
	if (rc < 0)
		*why = reason_make(EXIT_IO, "the configuration of node %s cannot be kept: %s",
			p->name, home_error(p->home));
	return rc;
}

int restore_keep(struct program *p, const char *key, json_t *value, struct reason *why)
{
	json_object_set_new(p->config, key, value);
	return store_config(p, why);
}

int restore_keep_settings(struct program *p, struct reason *why)
{
	return p->temporary ? 0 : restore_keep(p, "settings", settings_json(&p->node->settings), why);
}

int restore_forget_listener(struct program *p, bool udp, const char *address, struct reason *why)
{
	size_t i;
	json_t *v, *list = json_object_get(p->config, udp ? "udp_listeners" : "tcp_listeners");
	json_array_foreach(list, i, v)
	{
		if (strcmp(json_string_value(v) ? json_string_value(v) : "", address))
			continue;
		json_array_remove(list, i);
		return store_config(p, why);
	}
	return 0;
}

static void on_listening(
	struct program *p, void *ctx, struct tcp_listener *l, const struct reason *why)
{
	if (l)
		program_done(p);
	else
		program_fail(p, why);
}

static struct tcp_listener *start_listener(
	struct program *p, bool udp, const char *text, struct reason *why)
{
	program_begin(p);
	return tcp_listener_add(p, udp, text, on_listening, NULL, why);
}

/* A port that the kernel picks is written down, so that a restart has the same. */
static int config_listeners(struct program *p, bool udp, struct reason *why)
{
	size_t i;
	json_t *v, *list = json_object_get(p->config, udp ? "udp_listeners" : "tcp_listeners");
	bool changed = false;
	json_array_foreach(list, i, v)
	{
		const char *text = json_string_value(v);
		struct tcp_listener *l = start_listener(p, udp, text ? text : "", why);
		if (!l)
			return -EADDRINUSE;
		if (!strcmp(l->text, text))
			continue;
		json_array_set_new(list, i, json_string(l->text));
		changed = true;
	}
	return changed ? store_config(p, why) : 0;
}

static int config_transit(struct program *p, struct reason *why)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(p->config, "transit"), i, v)
	{
		const char *text = json_string_value(v);
		if (text && transit_allow(p->node->transit, text) == 0)
			continue;
		*why = reason_make(EXIT_CONFIG, "\"%.80s\" is not CIDR[:PORT|:LO-HI] for transit",
			text ? text : "");
		return -EINVAL;
	}
	return 0;
}

struct restorer {
	struct program *p;
	struct reason *why;
};

/* Something that is not made again must not keep the node from starting. */
static void skipped(const char *kind, const char *name, const struct reason *why)
{
	log_error("%s %s was not restored: %s", kind, name, why->text);
}

static int restore_listener(void *ctx, const char *name, const char *json)
{
	struct restorer *r = ctx;
	return start_listener(r->p, false, name, r->why) ? 0 : -EADDRINUSE;
}

static int restore_udp_listener(void *ctx, const char *name, const char *json)
{
	struct restorer *r = ctx;
	return start_listener(r->p, true, name, r->why) ? 0 : -EADDRINUSE;
}

static int restore_channel_listener(void *ctx, const char *name, const char *json)
{
	struct restorer *r = ctx;
	struct listener *l;
	json_t *o = json_loads(json, 0, NULL);
	if (object_make_channel_listener(r->p, name, o, &l, r->why) < 0)
		skipped(OBJECT_CHANNEL_LISTENER, name, r->why);
	json_decref(o);
	return 0;
}

static int restore_service(void *ctx, const char *name, const char *json)
{
	struct restorer *r = ctx;
	struct service *s;
	json_t *o = json_loads(json, 0, NULL);
	const char *type = json_string_value(json_object_get(o, "type"));
	if (!type)
		service_stop(r->p->node, name);
	else if (!service_get(r->p->node, name) &&
		 object_make_service(r->p, type, name, &s, r->why) < 0)
		skipped(OBJECT_SERVICE, name, r->why);
	json_decref(o);
	return 0;
}

static void on_connected(
	struct node *n, void *ctx, struct link *l, uint8_t code, const struct reason *why)
{
	if (l)
		link_release(n, l);
	else
		log_warn("a connection was not restored: %s", why->text);
}

static void connect_again(struct restorer *r, bool udp, const char *name, const char *json)
{
	struct link_target t;
	json_t *o = json_loads(json, 0, NULL);
	const char *to = json_string_value(json_object_get(o, "to"));
	to = to ? to : name;
	if ((udp ? link_target_parse_udp(&t, to) : link_target_parse(&t, to)) == 0)
		links_connect(r->p->node, &t, loop_now_ms() + CONNECT_MS, on_connected, NULL);
	json_decref(o);
}

static int restore_connection(void *ctx, const char *name, const char *json)
{
	connect_again(ctx, false, name, json);
	return 0;
}

static int restore_udp_connection(void *ctx, const char *name, const char *json)
{
	connect_again(ctx, true, name, json);
	return 0;
}

void restore_connections(struct program *p)
{
	struct restorer r = {p, NULL};
	if (!p->temporary && (node_object_each(p->home, p->name, OBJECT_TCP_CONNECTION,
				      restore_connection, &r) < 0 ||
				     node_object_each(p->home, p->name, OBJECT_UDP_CONNECTION,
					     restore_udp_connection, &r) < 0))
		log_error("connections were not restored: %s", home_error(p->home));
}

static void on_relay(struct node *n, void *ctx, struct registration *reg, const struct reason *why)
{
	if (!reg)
		log_warn("a relay was not restored: %s", why->text);
}

static int restore_relay(void *ctx, const char *name, const char *json)
{
	struct restorer *r = ctx;
	struct registration *reg;
	json_t *o = json_loads(json, 0, NULL);
	if (!json_is_string(json_object_get(o, "at")))
		log_error("relay %s was not restored: its record is damaged", name);
	else if (object_make_relay(r->p, o, false, CONNECT_MS, on_relay, NULL, &reg, r->why) < 0)
		skipped(OBJECT_RELAY, name, r->why);
	json_decref(o);
	return 0;
}

static int restore_outlet(void *ctx, const char *name, const char *json)
{
	struct restorer *r = ctx;
	struct outlet *made;
	json_t *o = json_loads(json, 0, NULL);
	if (o)
		json_object_set_new(o, "from", json_string(name));
	if (!o || object_make_outlet(r->p, o, &made, r->why) < 0)
		skipped(OBJECT_OUTLET, name, r->why);
	json_decref(o);
	return 0;
}

static int restore_inlet(void *ctx, const char *name, const char *json)
{
	struct restorer *r = ctx;
	struct inlet *made;
	json_t *o = json_loads(json, 0, NULL);
	if (!o || object_make_inlet(r->p, o, NULL, NULL, 0, &made, r->why) < 0)
		skipped(OBJECT_INLET, name, r->why);
	json_decref(o);
	return 0;
}

/* The listener `api`, which every node has until somebody deletes it. */
static int default_listener(struct program *p, struct reason *why)
{
	struct listener *l;
	return listener_get(p->node, "api")
		       ? 0
		       : object_make_channel_listener(p, "api", p->config, &l, why);
}

int restore_objects(struct program *p, struct reason *why)
{
	static const struct {
		const char *kind;
		int (*fn)(void *ctx, const char *name, const char *json);
	} kinds[] = {
		{OBJECT_SERVICE, restore_service},
		{OBJECT_CHANNEL_LISTENER, restore_channel_listener},
		{OBJECT_TCP_LISTENER, restore_listener},
		{OBJECT_UDP_LISTENER, restore_udp_listener},
		{OBJECT_TCP_CONNECTION, restore_connection},
		{OBJECT_UDP_CONNECTION, restore_udp_connection},
		{OBJECT_RELAY, restore_relay},
		{OBJECT_OUTLET, restore_outlet},
		{OBJECT_INLET, restore_inlet},
	};
	struct restorer r = {p, why};
	int rc = config_transit(p, why);
	if (rc == 0)
		rc = settings_take(&p->node->settings, json_object_get(p->config, "settings"), why);
	if (rc == 0)
		settings_apply(p->node);
	if (rc == 0)
		rc = config_listeners(p, false, why);
	if (rc == 0)
		rc = config_listeners(p, true, why);
	for (size_t i = 0; rc == 0 && !p->temporary && i < sizeof kinds / sizeof *kinds; i++) {
		why->text[0] = 0;
		rc = node_object_each(p->home, p->name, kinds[i].kind, kinds[i].fn, &r);
		if (rc < 0 && !why->text[0])
			*why = reason_make(EXIT_IO, "%s", home_error(p->home));
	}
	return rc == 0 ? default_listener(p, why) : rc;
}
