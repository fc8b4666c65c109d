/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line asks for. */
#ifndef OCKAM_BENCH_OPTIONS_H
#define OCKAM_BENCH_OPTIONS_H

#include "bench.h"

enum verb { VERB_RUN, VERB_LIST, VERB_COMPARE, VERB_REPORT };

struct options {
	enum verb verb;
	bool json;
	const char *out;  /* a file for the JSON document, too */
	const char *plot; /* a file for the report in HTML */
	bool relative;
	double least; /* how much a figure must change, as a share */
	char **names; /* scenarios or files */
	int names_n;
};

/* Fills both. An exit status, or -1 to go on. */
int options_parse(struct bench *b, struct options *o, int argc, char **argv);

#endif
