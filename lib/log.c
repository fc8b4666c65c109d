// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static struct {
	int fd;
	enum log_level level;
	bool json;
	const char *name;
} state = {.fd = 2, .level = LOG_WARN, .name = "ockam"};

static const char *const level_name[] = {"error", "warn", "info", "debug", "trace"};

void log_init(int fd, enum log_level level, bool json, const char *name)
{
	state.fd = fd;
	state.level = level;
	state.json = json;
	state.name = name;
}

void log_init_env(int fd, enum log_level dflt, const char *name)
{
	const char *lvl = getenv("OCKAM_LOG");
	const char *fmt = getenv("OCKAM_LOG_FORMAT");
	for (unsigned i = 0; lvl && i < sizeof level_name / sizeof *level_name; i++)
		if (!strcasecmp(lvl, level_name[i]))
			dflt = (enum log_level)i;
	log_init(fd, dflt, fmt && !strcmp(fmt, "json"), name);
}

void log_prime(void)
{
	tzset();
}

bool log_enabled(enum log_level level)
{
	return level <= state.level;
}

/* Copies text without control characters; in JSON quotes and backslashes are escaped. */
static size_t clean(char *dst, size_t cap, const char *src, bool json)
{
	size_t n = 0;
	for (; *src && n + 2 < cap; src++) {
		unsigned char c = (unsigned char)*src;
		if (json && (c == '"' || c == '\\'))
			dst[n++] = '\\';
		dst[n++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
	}
	dst[n] = 0;
	return n;
}

/* Whether this place in the program may write a line now, and how many it had to leave out before. */
static bool site_allows(struct log_site *site, unsigned *left_out)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	uint64_t now = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	const uint64_t step = 1000 / LOG_SITE_RATE;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	uint64_t paid = site->paid_ms > now ? site->paid_ms : now;
	bool allowed = paid - now <= (LOG_SITE_BURST - 1) * step;
	if (allowed) {
		site->paid_ms = paid + step;
		*left_out = site->left_out;
		site->left_out = 0;
	} else {
		site->left_out++;
	}
	pthread_mutex_unlock(&lock);
	return allowed;
}

void log_write(struct log_site *site, enum log_level level, const char *fmt, ...)
{
	unsigned left_out = 0;
	if (!log_enabled(level) || (site && !site_allows(site, &left_out)))
		return;
	char text[1024], safe[2048], line[2400], when[40];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	size_t used = strlen(text);
	if (left_out)
		snprintf(text + used, sizeof text - used, " (%u more like this were left out)",
			left_out);
	clean(safe, sizeof safe, text, state.json);

	struct timespec ts;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	size_t w = strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + w, sizeof when - w, ".%03ldZ", ts.tv_nsec / 1000000);

	const char *shape = state.json
		? "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"message\":\"%s\"}\n"
		: "%s %s %s: %s\n";
	int n = snprintf(line, sizeof line, shape, when, level_name[level], state.name, safe);
	if (n > (int)sizeof line - 1)
		n = (int)sizeof line - 1;
	if (n > 0 && write(state.fd, line, (size_t)n) < 0)
		return;
}
