// SPDX-License-Identifier: Apache-2.0
#include "greeting.h"

#include "node.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAYS = 4, CHANNELS_MAX = 20000, ANSWER_MAX = 1024 };

struct greetings {
	struct node_info near, far, relay;
	int api;
	double us[CHANNELS_MAX];
};

static const struct way {
	const char *name;
	bool udp, relayed;
} ways[WAYS] = {
	{"channel over TCP", false, false},
	{"channel over UDP", true, false},
	{"channel over TCP, one relay node", false, true},
	{"channel over UDP, one relay node", true, true},
};

static int route(const struct greetings *g, const struct way *w, char *dst, size_t cap)
{
	const char *kind = w->udp ? "udp" : "tcp";
	unsigned far = w->udp ? g->far.udp_port : g->far.port;
	unsigned relay = w->udp ? g->relay.udp_port : g->relay.port;
	int n = w->relayed ? snprintf(dst, cap,
				     "{\"to\": "
				     "\"/ip4/127.0.0.1/%s/%u/ip4/127.0.0.1/%s/%u/service/api\"}",
				     kind, relay, kind, far)
			   : snprintf(dst, cap, "{\"to\": \"/ip4/127.0.0.1/%s/%u/service/api\"}",
				     kind, far);
	return (size_t)n < cap ? n : -EMSGSIZE;
}

/* Opens one and closes it again; only the first is timed. */
static int greet(struct greetings *g, const char *request, size_t len, double *us)
{
	char answer[ANSWER_MAX], path[128];
	const char *address = NULL;
	uint64_t start = now_ns();
	int n = node_api_call(g->api, "POST", "/v1/secure-channels", "application/json", request,
		len, answer, sizeof answer);
	*us = (double)(now_ns() - start) / 1e3;
	json_t *j = n < 0 ? NULL : json_loadb(answer, (size_t)n, 0, NULL);
	int rc = n < 0 ? n : json_unpack(j, "{s:s}", "address", &address) < 0 ? -EPROTO : 0;
	if (rc == 0) {
		const char *name = strrchr(address, '/');
		snprintf(path, sizeof path, "/v1/secure-channels/%s", name ? name + 1 : address);
		n = node_api_call(
			g->api, "DELETE", path, "application/json", "", 0, answer, sizeof answer);
		rc = n < 0 ? n : 0;
	}
	json_decref(j);
	return rc;
}

static int measure(struct bench *b, struct greetings *g, const struct way *w)
{
	char request[256];
	int len = route(g, w, request, sizeof request), rc = len < 0 ? len : 0;
	size_t n = 0;
	uint64_t end = now_ns() + (uint64_t)(b->seconds * 1e9);
	while (rc == 0 && n < CHANNELS_MAX && (!n || now_ns() < end))
		rc = greet(g, request, (size_t)len, &g->us[n++]);
	if (rc < 0) {
		bench_say("%s failed: %s", w->name, strerror(-rc));
		return rc;
	}
	bench_add(b, w->name, "time to open, p50", quantile_of(g->us, n, .5));
	bench_add(b, w->name, "time to open, p99", quantile_of(g->us, n, .99));
	return 0;
}

int greetings_round(struct bench *b, struct greetings *g)
{
	int rc = 0;
	for (unsigned i = 0; i < WAYS && rc == 0; i++)
		rc = measure(b, g, &ways[bench_turn(b, i, WAYS)]);
	return rc;
}

void greetings_close(struct bench *b, struct greetings *g)
{
	if (g->api >= 0)
		close(g->api);
	if (node_home(b, "greeting") == 0)
		node_delete_all(b);
	free(g);
}

int greetings_open(struct bench *b, struct greetings **out)
{
	struct greetings *g = calloc(1, sizeof *g);
	if (!g)
		return -ENOMEM;
	g->api = -1;
	int rc = node_home(b, "greeting");
	if (rc == 0)
		rc = node_create(b, "near", &g->near);
	if (rc == 0)
		rc = node_create(b, "far", &g->far);
	if (rc == 0)
		rc = node_create(b, "relay", &g->relay);
	if (rc == 0)
		rc = g->api = node_api_open("near");
	if (rc < 0) {
		greetings_close(b, g);
		return rc;
	}
	*out = g;
	return 0;
}
