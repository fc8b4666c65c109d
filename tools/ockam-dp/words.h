/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of the line: which object, which verb, and what follows. Any prefix of a word will do;
 * of several that it fits, the first in the order of `help` is meant, as in ip(8).
 */
#ifndef OCKAM_DP_WORDS_H
#define OCKAM_DP_WORDS_H

#include "admin.h"
#include "filter.h"

enum dp_verb {
	VERB_SHOW,
	VERB_GET,
	VERB_SET,
	VERB_DEL,
	VERB_MONITOR,
	VERB_STATS,
	VERB_HELP,
	VERBS
};

struct dp_command {
	enum dp_verb verb;
	enum admin_object object; /* ADMIN_OBJECTS_END: monitor or help of all */
	struct filter filter;	  /* SHOW, STATS, MONITOR */
	struct admin_msg keys;	  /* GET, SET, DEL: with what is set */
};

/* Reads words[0..n): 0, or an exit code and the sentence in err. */
int words_parse(struct dp_command *c, char **words, int n, char *err, size_t cap);
/* The options in argv, which may stand anywhere; the other words are left in argv from 1 on, *argc
 * of them with the first. */
struct dp_options;
int options_parse(struct dp_options *o, int *argc, char **argv, char *err, size_t cap);
/* Calls fn with each option's names, argument (or NULL) and help. */
void options_each(
	void (*fn)(void *ctx, const char *const *names, const char *arg, const char *help),
	void *ctx);
const char *verb_name(enum dp_verb v);
/* Whether `help` lists it for this object. */
bool verb_applies(enum dp_verb v, enum admin_object o);

#endif
