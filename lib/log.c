// SPDX-License-Identifier: Apache-2.0
#include "log.h"

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

void log_write(enum log_level level, const char *fmt, ...)
{
	if (!log_enabled(level))
		return;
	char text[1024], safe[2048], line[2400], when[40];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
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
