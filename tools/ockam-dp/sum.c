// SPDX-License-Identifier: Apache-2.0
/* Counters and limits of a node: what its workers have, together. */
#include "run.h"

#include <stdlib.h>
#include <string.h>

enum { SUM_MAX = 256 };

struct sum_entry {
	char stage[ADMIN_TEXT_MAX], name[ADMIN_TEXT_MAX];
	struct admin_msg row;
};

struct sum {
	unsigned n;
	struct sum_entry entry[SUM_MAX];
};

struct sum *sum_new(void)
{
	return calloc(1, sizeof(struct sum));
}

void sum_free(struct sum *s)
{
	free(s);
}

static const char *text_of(const struct admin_msg *row, enum admin_attr a)
{
	return row->has & ADMIN_HAS(a) ? row->v[a].text : "";
}

static void own_text(struct sum_entry *e, enum admin_attr a, char *copy)
{
	if (!(e->row.has & ADMIN_HAS(a)))
		return;
	memcpy(copy, e->row.v[a].text, e->row.v[a].n + 1);
	e->row.v[a].text = copy;
}

int sum_row(void *ctx, const char *node, const struct admin_msg *row)
{
	static const enum admin_attr added[] = {ADMIN_A_VALUE, ADMIN_A_MAX, ADMIN_A_HITS};
	struct sum *s = ctx;
	struct sum_entry *e = s->entry;
	(void)node;
	while (e < s->entry + s->n && (strcmp(e->stage, text_of(row, ADMIN_A_STAGE)) != 0 ||
					      strcmp(e->name, text_of(row, ADMIN_A_NAME)) != 0))
		e++;
	if (e < s->entry + s->n) {
		for (unsigned i = 0; i < sizeof added / sizeof *added; i++)
			e->row.v[added[i]].n += row->v[added[i]].n;
		return DP_OK;
	}
	if (s->n == SUM_MAX)
		return DP_OK;
	s->n++;
	e->row = *row;
	e->row.has &= ~ADMIN_H(WORKER);
	own_text(e, ADMIN_A_STAGE, e->stage);
	own_text(e, ADMIN_A_NAME, e->name);
	return DP_OK;
}

int sum_each(struct sum *s, const char *node, row_fn *fn, void *ctx)
{
	int rc = DP_OK;
	for (unsigned i = 0; rc == DP_OK && i < s->n; i++)
		rc = fn(ctx, node, &s->entry[i].row);
	return rc;
}
