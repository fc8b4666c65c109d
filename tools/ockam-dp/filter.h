/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows are wanted, as in ss(8): comparisons joined by `and` (which may be left out), `or`,
 * `not` and parentheses. NAME [eq|ne|gt|ge|lt|le] VALUE; a value alone is the object's first key.
 * Numbers may end in k, M, G (1000) or Ki, Mi, Gi (1024), times in us, ms, s, m, h; a text may hold
 * * and ?, an identifier may be shortened.
 */
#ifndef OCKAM_DP_FILTER_H
#define OCKAM_DP_FILTER_H

#include "admin.h"

enum { FILTER_NODES = 64, FILTER_DEPTH = 16 };

enum filter_op { FILTER_EQ, FILTER_NE, FILTER_GT, FILTER_GE, FILTER_LT, FILTER_LE };
enum filter_kind { FILTER_COMPARE, FILTER_AND, FILTER_OR, FILTER_NOT };

struct filter_node {
	enum filter_kind kind;
	int a, b; /* AND, OR, NOT */
	enum filter_op op;
	enum admin_attr attr, plus; /* the sum of two; plus NONE: of one */
	uint64_t n;
	const char *text;
};

struct filter {
	struct filter_node node[FILTER_NODES];
	int nodes, root; /* root -1: every row */
};

/* Reads words[0..n) for rows of an object. 0, or an exit code and the sentence in err. */
int filter_parse(struct filter *f, enum admin_object o, char **words, int n, char *err, size_t cap);
bool filter_takes(const struct filter *f, const struct admin_msg *row);
/* What of it the data plane can do by itself: equal keys that every row must have. */
void filter_keys(const struct filter *f, enum admin_object o, struct admin_msg *request);
/* A number with its suffix, as this attribute counts. */
bool filter_number(const char *text, enum admin_attr a, uint64_t *n);

#endif
