// SPDX-License-Identifier: Apache-2.0
#include "settings_json.h"

#include "seam_client.h"

#include <errno.h>
#include <string.h>

enum { MAX_PATHS = 1000000 };

static const struct {
	const char *key;
	size_t at;
	uint64_t max;
} fields[] = {
	{"busy_poll_us", offsetof(struct settings, busy_poll_us), SETTINGS_BUSY_POLL_MAX_US},
	{"max_paths", offsetof(struct settings, max_paths), MAX_PATHS},
	{"max_queue", offsetof(struct settings, max_queue), 1ull << 40},
	{"max_rate", offsetof(struct settings, max_rate), 1ull << 40},
	{"max_burst", offsetof(struct settings, max_burst), 1ull << 40},
};

static uint64_t *field(struct settings *s, unsigned i)
{
	return (uint64_t *)(void *)((char *)s + fields[i].at);
}

int settings_take(struct settings *s, const json_t *o, struct reason *why)
{
	struct settings taken = *s;
	for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
		const json_t *v = json_object_get(o, fields[i].key);
		if (!v)
			continue;
		json_int_t n = json_integer_value(v);
		if (!json_is_integer(v) || n < 0 || (uint64_t)n > fields[i].max) {
			*why = reason_make(EXIT_USAGE, "%s is a number from 0 to %llu",
				fields[i].key, (unsigned long long)fields[i].max);
			return -EINVAL;
		}
		*field(&taken, i) = (uint64_t)n;
	}
	*s = taken;
	return 0;
}

json_t *settings_json(const struct settings *s)
{
	json_t *o = json_object();
	struct settings copy = *s;
	for (unsigned i = 0; o && i < sizeof fields / sizeof *fields; i++)
		json_object_set_new(o, fields[i].key, json_integer((json_int_t)*field(&copy, i)));
	return o;
}

void settings_apply(struct node *n)
{
	const struct settings *s = &n->settings;
	struct seam_msg m = {
		.cmd = SEAM_SET,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_BUSY_POLL_US) | SEAM_HAS(SEAM_A_MAX_QUEUE) |
		       SEAM_HAS(SEAM_A_MAX_RATE) | SEAM_HAS(SEAM_A_MAX_BURST),
		.busy_poll_us = (uint32_t)s->busy_poll_us,
		.max_queue = s->max_queue,
		.max_rate = s->max_rate,
		.max_burst = s->max_burst,
	};
	seam_request(n, &m, NULL, NULL);
}
