// SPDX-License-Identifier: Apache-2.0
/*
 * What a home keeps of a node, as JSON: its configuration, and its objects. The first byte picks
 * what the rest is. Over a node without I/O (world.h) and a home that is not there. Linked with
 * stub_sodium.c.
 */
#include "fuzz.h"
#include "log.h"
#include "object.h"
#include "restore.h"
#include "stub_sodium.h"
#include "world.h"

static struct world w;

static void on_relay(struct node *n, void *ctx, struct registration *g, const struct reason *why)
{
	CHECK((g == NULL) == (why != NULL));
}

/* A list of addresses would open real sockets. */
static void config(struct program *p, json_t *o)
{
	struct reason why = {.exit = 0};
	p->config = o;
	if (!json_is_object(o))
		return;
	json_object_del(o, "tcp_listeners");
	CHECK(restore_workers(p) <= 64);
	if (restore_objects(p, &why) < 0)
		CHECK(*why.text);
}

static void object(struct program *p, uint8_t what, json_t *o)
{
	struct reason why = {.exit = 0};
	struct listener *l;
	struct registration *g;
	struct service *s;
	const char *type = json_string_value(json_object_get(o, "type"));
	int rc = 0;
	switch (what % 4) {
	case 0:
		config(p, o);
		break;
	case 1:
		rc = object_make_channel_listener(p, "fuzzed", o, &l, &why);
		break;
	case 2:
		if (json_is_string(json_object_get(o, "at"))) /* as the API and the start check */
			rc = object_make_relay(p, o, true, 1000, on_relay, NULL, &g, &why);
		break;
	default:
		if (type)
			rc = object_make_service(
				p, type, json_string_value(json_object_get(o, "addr")), &s, &why);
	}
	CHECK(rc <= 0 && (!rc || *why.text));
	CHECK(strnlen(why.text, sizeof why.text) < sizeof why.text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_init(2, LOG_ERROR, false, "fuzz");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	static struct program p;
	json_error_t e;
	uint8_t what = rd_u8(&in);
	char *text = fuzz_text(&in, 4000);
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &e);
	free(text);
	if (!o)
		return 0;
	stub_random_reset();
	world_init(&w);
	memset(&p, 0, sizeof p);
	strcpy(p.name, "a");
	p.temporary = true;
	p.node = w.node[0].n;
	CHECK(!home_open(&p.home, "/nonexistent/home", HOME_READ));
	object(&p, what, o);
	home_close(p.home);
	json_decref(o);
	world_fini(&w);
	return 0;
}
