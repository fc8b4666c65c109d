/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event, to a descriptor, plain or JSON. Never a secret, never a payload. Thread-safe
 * (one write(2) per line). The data plane's fast path does not log. Each place that logs may write
 * LOG_SITE_BURST lines at once and LOG_SITE_RATE a second, so that strangers cannot fill a disk; the
 * next line says how many were left out. Lines for debugging are not limited.
 */
#ifndef OCKAM_LOG_H
#define OCKAM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* `fd` is borrowed. `name` is shown on each line (a string that lives on). */
void log_init(int fd, enum log_level level, bool json, const char *name);
/* Level from OCKAM_LOG (error|warn|info|debug|trace), format from OCKAM_LOG_FORMAT. */
void log_init_env(int fd, enum log_level dflt, const char *name);
/* Reads the time zone now: afterwards log_write opens no file. */
void log_prime(void);
bool log_enabled(enum log_level level);

enum { LOG_SITE_RATE = 5, LOG_SITE_BURST = 50 };
/* One place that logs; zeroed. */
struct log_site {
	uint64_t paid_ms; /* when all that was written will be paid for */
	unsigned left_out;
};
/* site NULL: not limited. */
void log_write(struct log_site *site, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_limited(level, ...) \
	do { \
		static struct log_site log_site_here; \
		log_write(&log_site_here, level, __VA_ARGS__); \
	} while (0)
#define log_error(...) log_limited(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_limited(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_limited(LOG_INFO, __VA_ARGS__)
#define log_debug(...) (log_enabled(LOG_DEBUG) ? log_write(NULL, LOG_DEBUG, __VA_ARGS__) : (void)0)

#endif
