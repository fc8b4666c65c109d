// SPDX-License-Identifier: Apache-2.0
/*
 * GET /metrics: what this plane counts, and what the data plane's workers do, in sum. The number of
 * series is bounded: labels are words of the program, but for the names of portals, of which the
 * first PORTALS_MAX of each kind have series of their own. No label names a peer.
 */
#include "api_server.h"

#include "channel.h"
#include "gather.h"
#include "inlet.h"
#include "link.h"
#include "listener.h"
#include "metrics_text.h"
#include "outlet.h"
#include "path.h"
#include "relay.h"
#include "respawn.h"
#include "spawn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { PORTALS_MAX = 64, WORKERS_MAX = 64, COUNTERS_MAX = 128, NAME_CAP = 32 };

/* --- this plane --- */

static void node_metrics(struct program *p, struct metrics_text *t)
{
	struct rusage u;
	metric_begin(
		t, "ockam_node", METRIC_INFO, "The node and the version of its control plane.");
	metric_sample(t, 1, "name", p->name, "version", OCKAM_VERSION, NULL);
	metric_begin(t, "ockam_dataplane_up", METRIC_GAUGE, "Whether a data plane runs.");
	metric_sample(t, dataplane_pid(p) ? 1 : 0, NULL);
	metric_begin(t, "ockam_dataplane_restarts", METRIC_COUNTER,
		"Data planes that were started again.");
	metric_sample(t, respawn_count(p), NULL);
	metric_begin(t, "ockam_dataplane_workers", METRIC_GAUGE, "Workers of the data plane.");
	metric_sample(t, p->node->workers, NULL);
	if (getrusage(RUSAGE_SELF, &u) < 0)
		return;
	metric_begin(t, "ockam_control_cpu_seconds", METRIC_COUNTER,
		"Processor time of the control plane.");
	metric_sample(t,
		(double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
		NULL);
	metric_begin(t, "ockam_control_memory_max_bytes", METRIC_GAUGE,
		"Most memory that the control plane has had.");
	metric_sample(t, (double)u.ru_maxrss * 1024, NULL);
}

static void link_metrics(struct node *n, struct metrics_text *t)
{
	static const char *const kinds[] = {[LINK_TCP] = "tcp",
		[LINK_UNIX] = "unix",
		[LINK_UDP] = "udp",
		[LINK_CHANNEL] = "channel"};
	static const char *const states[] = {
		[LINK_DIALLING] = "dialling", [LINK_AWAIT_HELLO] = "no hello", [LINK_UP] = "up"};
	unsigned count[4][3] = {0};
	for (struct link *l = links_first(n); l; l = l->next)
		count[l->kind][l->state]++;
	metric_begin(t, "ockam_links", METRIC_GAUGE, "Links by what carries them.");
	for (unsigned k = 0; k < 4; k++)
		for (unsigned s = 0; s < 3; s++)
			metric_sample(
				t, count[k][s], "transport", kinds[k], "state", states[s], NULL);
	metric_begin(
		t, "ockam_paths", METRIC_GAUGE, "Paths of others that lead through this node.");
	metric_sample(t, paths_count(n), NULL);
}

static void channel_metrics(struct node *n, struct metrics_text *t)
{
	static const char *const states[] = {[CHANNEL_OPENING] = "opening",
		[CHANNEL_UP] = "up",
		[CHANNEL_BROKEN] = "broken",
		[CHANNEL_CLOSING] = "closing"};
	unsigned count[2][4] = {0}, listeners = 0;
	for (struct channel *ch = channels_first(n); ch; ch = ch->next)
		count[ch->role == SEAM_INITIATOR ? 0 : 1][ch->state]++;
	metric_begin(t, "ockam_secure_channels", METRIC_GAUGE,
		"Secure channels, those of relays and portals too.");
	for (unsigned r = 0; r < 2; r++)
		for (unsigned s = 0; s < 4; s++)
			metric_sample(t, count[r][s], "role", r ? "responder" : "initiator",
				"state", states[s], NULL);
	for (struct listener *l = listeners_first(n); l; l = l->next)
		listeners++;
	metric_begin(
		t, "ockam_secure_channel_listeners", METRIC_GAUGE, "Secure channel listeners.");
	metric_sample(t, listeners, NULL);
}

static void count_name(void *ctx, const char *name)
{
	++*(unsigned *)ctx;
}

static void relay_metrics(struct node *n, struct metrics_text *t)
{
	static const char *const states[] = {"up", "connecting", "refused"};
	unsigned held = 0;
	metric_begin(t, "ockam_relays", METRIC_GAUGE, "Registrations of this node at relays.");
	for (size_t s = 0; s < sizeof states / sizeof *states; s++) {
		unsigned count = 0;
		for (struct registration *r = relays_first(n); r; r = r->next)
			count += !strcmp(r->state, states[s]);
		metric_sample(t, count, "state", states[s], NULL);
	}
	relay_names_each(n, count_name, &held);
	metric_begin(t, "ockam_relay_names", METRIC_GAUGE, "Names that others hold at this node.");
	metric_sample(t, held, NULL);
}

static void api_answers(struct program *p, struct metrics_text *t)
{
	char code[8];
	metric_begin(t, "ockam_api_answers", METRIC_COUNTER,
		"Answers of the control API by HTTP status.");
	for (unsigned i = 0; i < API_STATUS_END; i++) {
		if (!p->api->answers[i])
			continue;
		snprintf(code, sizeof code, "%u", i);
		metric_sample(t, (double)p->api->answers[i], "code", code, NULL);
	}
	metric_begin(t, "ockam_http_connections_refused", METRIC_COUNTER,
		"Connections to the HTTP server that were closed for want of the token.");
	metric_sample(t, (double)p->api->clients.refused, NULL);
}

/* --- portals, as gathered --- */

static void portal_family(const json_t *list, struct metrics_text *t, const char *key,
	const char *name, enum metric_type type, const char *help)
{
	static const struct {
		const char *member, *kind;
	} kinds[] = {{"alias", "inlet"}, {"worker_address", "outlet"}};
	size_t i;
	json_t *o;
	metric_begin(t, name, type, help);
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		json_array_foreach((json_t *)list, i, o)
		{
			const char *called = json_string_value(json_object_get(o, kinds[k].member));
			if (called)
				metric_sample(t,
					(double)json_integer_value(json_object_get(o, key)), "kind",
					kinds[k].kind, "name", called, NULL);
		}
}

static void portal_metrics(struct node *n, const json_t *list, struct metrics_text *t)
{
	unsigned inlets = 0, outlets = 0;
	for (struct inlet *in = inlets_first(n); in; in = in->next)
		inlets++;
	for (struct outlet *o = outlets_first(n); o; o = o->next)
		outlets++;
	metric_begin(t, "ockam_portals", METRIC_GAUGE,
		"Inlets and outlets; the first 64 of each have series.");
	metric_sample(t, inlets, "kind", "inlet", NULL);
	metric_sample(t, outlets, "kind", "outlet", NULL);
	portal_family(list, t, "open", "ockam_portal_connections_open", METRIC_GAUGE,
		"Connections that are open.");
	portal_family(list, t, "connections", "ockam_portal_connections", METRIC_COUNTER,
		"Connections, those that are open too.");
	portal_family(list, t, "failures", "ockam_portal_failures", METRIC_COUNTER,
		"Connections that failed.");
	portal_family(list, t, "bytes_in", "ockam_portal_in_bytes", METRIC_COUNTER,
		"Bytes from who connected, or to the target.");
	portal_family(list, t, "bytes_out", "ockam_portal_out_bytes", METRIC_COUNTER,
		"Bytes the other way.");
}

/* --- the data plane's counters, in sum over its workers --- */

struct counter {
	char kind[NAME_CAP], name[NAME_CAP];
	double value;
};

struct counters {
	unsigned n;
	struct counter c[COUNTERS_MAX];
};

static void counter_add(struct counters *all, const char *kind, double value, const char *name)
{
	unsigned i = 0;
	while (i < all->n && (strcmp(all->c[i].kind, kind) || strcmp(all->c[i].name, name)))
		i++;
	if (i == COUNTERS_MAX)
		return;
	if (i == all->n) {
		all->n++;
		memcpy(all->c[i].kind, kind, NAME_CAP);
		memcpy(all->c[i].name, name, NAME_CAP);
		all->c[i].value = 0;
	}
	all->c[i].value += value;
}

/* Lines "KIND VALUE NAME"; what is none is passed over. */
static void counters_read(struct counters *all, const char *text)
{
	for (const char *line = text; line && *line;) {
		char kind[NAME_CAP] = "", name[NAME_CAP] = "";
		unsigned long long value;
		if (sscanf(line, "%31[a-z] %llu %31[^\n]", kind, &value, name) == 3)
			counter_add(all, kind, (double)value, name);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
}

/* label NULL: there is one of the kind. */
static void counter_family(const struct counters *all, struct metrics_text *t, const char *kind,
	const char *name, const char *label, enum metric_type type, const char *help)
{
	metric_begin(t, name, type, help);
	for (unsigned i = 0; i < all->n; i++)
		if (!strcmp(all->c[i].kind, kind))
			metric_sample(t, all->c[i].value, label, all->c[i].name, NULL);
}

static void dataplane_metrics(const json_t *list, struct metrics_text *t)
{
	struct counters all = {0};
	size_t i;
	json_t *o;
	json_array_foreach((json_t *)list, i, o)
		counters_read(&all, json_string_value(json_object_get(o, "counters")));
	counter_family(&all, t, "stage", "ockam_frames", "stage", METRIC_COUNTER,
		"Frames, by where they came from and what they became.");
	counter_family(&all, t, "waiting", "ockam_frames_waiting", NULL, METRIC_GAUGE,
		"Frames that wait in queues.");
	counter_family(&all, t, "drop", "ockam_frames_dropped", "reason", METRIC_COUNTER,
		"Frames that came and were dropped.");
	counter_family(&all, t, "unsent", "ockam_frames_unsent", "reason", METRIC_COUNTER,
		"Frames that were made here and not sent.");
	counter_family(&all, t, "pending", "ockam_connections_pending", NULL, METRIC_GAUGE,
		"Connections of others that have not said HELLO.");
	counter_family(&all, t, "refused", "ockam_connections_refused", "reason", METRIC_COUNTER,
		"Connections that were closed because they did not.");
	counter_family(&all, t, "send", "ockam_sends", "what", METRIC_COUNTER,
		"Sends, and the pieces that they had.");
}

/* --- the request --- */

/* Prometheus asks for it by its name; who asks for nothing gets what everybody reads. */
static bool wants_open_metrics(const struct api_request *rq)
{
	const char *accept = MHD_lookup_connection_value(
		rq->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	return accept && strstr(accept, "application/openmetrics-text");
}

static void finish(struct api_request *rq, const json_t *list)
{
	char *text = NULL;
	size_t len = 0;
	struct metrics_text t = {
		.f = open_memstream(&text, &len), .open_metrics = wants_open_metrics(rq)};
	if (!t.f) {
		api_reply_text(rq, "", NULL);
		return;
	}
	node_metrics(rq->p, &t);
	link_metrics(rq->p->node, &t);
	channel_metrics(rq->p->node, &t);
	relay_metrics(rq->p->node, &t);
	portal_metrics(rq->p->node, list, &t);
	dataplane_metrics(list, &t);
	api_answers(rq->p, &t);
	metrics_end(&t);
	if (fclose(t.f) != 0) {
		free(text);
		text = NULL;
	}
	api_reply_text(rq, t.open_metrics ? API_OPENMETRICS_TYPE : API_PROMETHEUS_TYPE, text);
}

static void fill_counters(json_t *o, const struct seam_msg *m)
{
	if (m->counters)
		json_object_set_new(o, "counters", json_string(m->counters));
}

void api_metrics(struct api_request *rq)
{
	struct node *n = rq->p->node;
	struct gather *g = gather_new(rq, WORKERS_MAX + 1 + 2 * PORTALS_MAX, false);
	if (!g)
		return;
	gather_finish_by(g, finish);
	/* one more than there are workers: the main thread */
	for (uint32_t w = 0; w <= n->workers && w <= WORKERS_MAX; w++) {
		const struct seam_msg m = {.cmd = SEAM_STATS_GET,
			.has = SEAM_HAS(SEAM_A_WORKER),
			.worker = w,
			.fd = -1};
		gather_add(g, json_object(), &m, fill_counters);
	}
	unsigned k = 0;
	for (struct inlet *in = inlets_first(n); in && k < PORTALS_MAX; in = in->next, k++)
		api_gather_inlet(g, in);
	k = 0;
	for (struct outlet *o = outlets_first(n); o && k < PORTALS_MAX; o = o->next, k++)
		api_gather_outlet(g, o);
	gather_reply(g);
}
