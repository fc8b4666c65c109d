// SPDX-License-Identifier: Apache-2.0
/* The node as a whole. */
#include "api.h"

#include "gather.h"
#include "respawn.h"
#include "restore.h"
#include "settings_json.h"
#include "spawn.h"
#include "tcp_listener.h"

#include <stdio.h>
#include <unistd.h>

/* The default may have changed since the start. */
static bool is_default(struct program *p)
{
	struct node_info info = {.config = NULL};
	if (p->temporary || node_get(p->home, p->name, &info) < 0)
		return false;
	bool answer = info.is_default;
	node_info_fini(&info);
	return answer;
}

static json_t *route_json(struct program *p)
{
	char text[WIRE_NAME_MAX + sizeof "/node/"];
	snprintf(text, sizeof text, "/node/%s", p->name);
	return json_pack("{s:s, s:s?}", "short", text, "verbose",
		p->tcp_listeners ? p->tcp_listeners->route : NULL);
}

static json_t *dataplane_json(struct program *p)
{
	json_t *suites = json_array();
	if (p->node->suites & 1u << SUITE_AESGCM)
		json_array_append_new(suites, json_string("AESGCM"));
	if (p->node->suites & 1u << SUITE_CHACHAPOLY)
		json_array_append_new(suites, json_string("ChaChaPoly"));
	int pid = dataplane_pid(p);
	return json_pack("{s:o, s:i, s:o, s:i}", "pid", pid ? json_integer(pid) : json_null(),
		"workers", (int)p->node->workers, "suites", suites, "restarts",
		(int)respawn_count(p));
}

static json_t *missing_json(unsigned missing)
{
	static const struct {
		unsigned bit;
		const char *name;
	} parts[] = {{SEAM_NO_CAPABILITIES, "capabilities"}, {SEAM_NO_FILES, "files"},
		{SEAM_NO_TCP, "TCP"}, {SEAM_NO_SIGNALS, "signals"}, {SEAM_NO_CALLS, "system calls"},
		{SEAM_NO_RING, "io_uring"}};
	json_t *list = json_array();
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (missing & parts[i].bit)
			json_array_append_new(list, json_string(parts[i].name));
	return list;
}

void api_alive(struct api_request *rq)
{
	api_reply_text(rq, "text/plain", strdup(""));
}

static void kernel_fill(json_t *doc, const struct seam_msg *m)
{
	json_t *k = json_object_get(doc, "kernel_relay");
	const char *why = json_string_value(json_object_get(k, "why"));
	json_object_set_new(k, "paths", json_integer(m->open));
	json_object_set_new(k, "wanted", json_integer(m->wanted));
	json_object_set_new(k, "frames", json_integer((json_int_t)m->frames_rx));
	json_object_set_new(k, "bytes", json_integer((json_int_t)m->bytes_rx));
	if (!why && m->why[0])
		json_object_set_new(k, "why", json_string(m->why));
}

/* Until the data plane has told. */
static json_t *kernel_json(const struct program *p)
{
	const char *why = p->steer_fd < 0 ? p->steer_why : NULL;
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:s?}", "path", forward_path_names[restore_path(p)],
		"paths", 0, "wanted", 0, "frames", 0, "bytes", 0, "why", why);
}

void api_node_show(struct api_request *rq)
{
	struct program *p = rq->p;
	char id[IDENTIFIER_TEXT];
	const struct seam_msg kernel_get = {.cmd = SEAM_KERNEL_GET, .fd = -1};
	json_t *doc = json_pack("{s:s, s:b, s:s, s:i, s:s, s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, "
				"s:o, s:o, s:o, s:{s:o, s:o}, s:o}",
		"name", p->name, "is_default", is_default(p), "status", "running", "pid",
		(int)getpid(), "identity", identifier_format(&p->node->keys.identity.id, id),
		"route", route_json(p), "http_server_address",
		api_http_address(p), "transports", api_transports_json(p),
		"secure_channel_listeners", api_listeners_json(p), "secure_channels",
		api_channels_json(p), "relays", api_relays_json(p), "inlets", api_inlets_json(p),
		"outlets", api_outlets_json(p), "services", api_services_json(p), "dataplane",
		dataplane_json(p), "settings", settings_json(&p->node->settings), "sandbox_missing",
		"control", missing_json(p->sandbox_missing), "dataplane",
		missing_json(p->node->missing), "kernel_relay", kernel_json(p));
	struct gather *g = gather_new(rq, 1, true);
	if (g) {
		gather_add(g, doc, &kernel_get, kernel_fill);
		gather_reply(g);
	} else {
		json_decref(doc);
	}
}

void api_node_set(struct api_request *rq)
{
	struct reason why;
	struct settings before = rq->p->node->settings;
	if (!json_object_size(rq->in)) {
		api_failf(rq, EXIT_USAGE, "nothing is given to change");
		return;
	}
	if (settings_take(&rq->p->node->settings, rq->in, &why) < 0) {
		api_fail(rq, &why);
		return;
	}
	if (restore_keep_settings(rq->p, &why) < 0) {
		rq->p->node->settings = before;
		api_fail(rq, &why);
		return;
	}
	settings_apply(rq->p->node);
	api_reply(rq, settings_json(&rq->p->node->settings));
}
