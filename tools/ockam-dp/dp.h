/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of `ockam-dp` share: the options of the line, exit codes (those of `ockam`), and
 * the one error sentence. A function that returns `int` returns an exit code and has then said why.
 */
#ifndef OCKAM_DP_H
#define OCKAM_DP_H

#include <limits.h>
#include <stdbool.h>

enum dp_exit {
	DP_OK = 0,
	DP_USAGE = 2,
	DP_DATA = 65,
	DP_NOT_FOUND = 66,
	DP_UNREACHABLE = 69,
	DP_INTERNAL = 70,
	DP_IO = 74,
	DP_BUSY = 75,
	DP_REFUSED = 77,
	DP_CONFIG = 78,
};

enum dp_colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct dp_options {
	bool stats, details, json, pretty, oneline, all, time, help, version, force;
	enum dp_colour colour;
	const char *node;  /* NULL: the default one */
	const char *batch; /* file, or NULL */
	double watch_s;	   /* 0: once */
	unsigned count;	   /* of watch; 0: for ever */
};

struct dp {
	struct dp_options o;
	char home[PATH_MAX];
	const char *where; /* FILE:LINE of a batch, or NULL */
	bool colour;	   /* decided */
	unsigned columns;  /* of the terminal; 0: as wide as need be */
};

/* Writes the one error sentence to stderr and returns `code`. */
int dp_fail(const struct dp *d, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The exit code that belongs to a negative errno. */
int dp_code(int error);

#endif
