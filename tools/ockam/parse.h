/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line against the table. Values are checked here by their kind. Pure: nothing is read,
 * printed or opened. The strings of argv are borrowed.
 */
#ifndef OCKAM_PARSE_H
#define OCKAM_PARSE_H

#include "table.h"

#include <stdint.h>

enum help_wish { HELP_NONE, HELP_SHORT, HELP_LONG };

struct given {
	const struct option *option;
	const char *value; /* NULL for an option without a value */
};

struct args {
	const struct group *group;     /* NULL: none was named */
	const struct command *command; /* NULL: none was named */
	const char *group_name;	       /* as it was typed: an alias may act differently */
	const char *pos[COMMAND_POSITIONALS_MAX];
	unsigned pos_n;
	struct given *given;
	unsigned given_n;
	enum help_wish help;
	bool version;
};

/* 0, or CLI_USAGE and one sentence in err. `out` must be released by parse_fini in both cases. */
int parse_line(struct cli *c, int argc, char **argv, struct args *out, char *err, size_t err_len);
void parse_fini(struct args *a);

/* NULL, or what is wrong with a value; `why` is a buffer that it may be said in. */
const char *parse_value_fault(enum value_kind kind, const char *v, char *why, size_t cap);

/* By an option's name in the table. NULL, false or 0 when it was not given. */
const char *args_text(const struct args *a, const char *name);
bool args_flag(const struct args *a, const char *name);
/* The i-th value of an option that may be given several times, or NULL. */
const char *args_nth(const struct args *a, const char *name, unsigned i);
uint64_t args_size(const struct args *a, const char *name); /* bytes; 0: not given */
unsigned long args_count(const struct args *a, const char *name, unsigned long dflt);
int64_t args_ms(const struct args *a, const char *name, int64_t dflt);
/* A node's name out of NAME or /node/NAME (checked when it was parsed); NULL for NULL. */
const char *args_node(const char *value);
/* The --timeout, else OCKAM_DEFAULT_TIMEOUT, else dflt, at most a day. 0, or -EINVAL: the variable
 * is bad. */
int args_timeout(const struct args *a, int64_t dflt, int64_t *ms);

#endif
