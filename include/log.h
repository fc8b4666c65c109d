/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event, to a descriptor, plain or JSON. Never a secret, never a payload. Thread-safe
 * (one write(2) per line). The data plane's fast path does not log.
 */
#ifndef OCKAM_LOG_H
#define OCKAM_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* `fd` is borrowed. `name` is shown on each line (a string that lives on). */
void log_init(int fd, enum log_level level, bool json, const char *name);
/* Level from OCKAM_LOG (error|warn|info|debug|trace), format from OCKAM_LOG_FORMAT. */
void log_init_env(int fd, enum log_level dflt, const char *name);
/* Reads the time zone now: afterwards log_write opens no file. */
void log_prime(void);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) (log_enabled(LOG_DEBUG) ? log_write(LOG_DEBUG, __VA_ARGS__) : (void)0)

#endif
