// SPDX-License-Identifier: Apache-2.0
#include "print.h"

#include "cell.h"
#include "layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct held {
	char *node;
	struct admin_msg row;
};

struct print {
	const struct dp *d;
	enum admin_object o;
	uint8_t column[LAYOUT_MAX];
	unsigned columns;
	unsigned width[LAYOUT_MAX], node_width;
	bool decided, table; /* how it looks */
	unsigned long written;
	unsigned n;
	struct held *held[PRINT_HELD];
};

struct print *print_new(const struct dp *d, enum admin_object o)
{
	struct print *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->d = d;
	p->o = o;
	p->columns = layout_columns(o, d->o.stats, d->o.details, p->column);
	return p;
}

void print_free(struct print *p)
{
	for (unsigned i = 0; p && i < p->n; i++)
		free(p->held[i]);
	free(p);
}

int print_flush(const struct dp *d)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return DP_OK;
	return dp_fail(d, DP_IO, "could not write the result to stdout: %s", strerror(errno));
}

/* One block: the row, then its texts. */
static struct held *hold(const char *node, const struct admin_msg *row)
{
	size_t len = sizeof(struct held) + strlen(node) + 1;
	for (unsigned a = 1; a < ADMIN_A_END; a++)
		if (row->has & ADMIN_HAS(a) && admin_attrs[a].kind == ADMIN_TEXT)
			len += row->v[a].n + 1;
	struct held *h = malloc(len);
	if (!h)
		return NULL;
	char *at = (char *)(h + 1);
	h->row = *row;
	h->node = strcpy(at, node);
	at += strlen(node) + 1;
	for (unsigned a = 1; a < ADMIN_A_END; a++) {
		if (!(row->has & ADMIN_HAS(a)) || admin_attrs[a].kind != ADMIN_TEXT)
			continue;
		memcpy(at, row->v[a].text, row->v[a].n);
		at[row->v[a].n] = 0;
		h->row.v[a].text = at;
		at += row->v[a].n + 1;
	}
	return h;
}

/* By node, then by the keys. Counters keep the order they come in. */
static int before(const void *a, const void *b)
{
	const struct held *x = *(struct held *const *)a, *y = *(struct held *const *)b;
	const uint64_t keys = admin_objects[admin_object_of(x->row.type)].keys;
	int rc = strcmp(x->node, y->node);
	for (unsigned k = 1; !rc && k < ADMIN_A_END; k++)
		if (keys & ADMIN_HAS(k) && admin_attrs[k].kind != ADMIN_TEXT)
			rc = x->row.v[k].n < y->row.v[k].n ? -1 : x->row.v[k].n > y->row.v[k].n;
	return rc;
}

static void widths(struct print *p)
{
	char text[CELL_MAX];
	for (unsigned c = 0; c < p->columns; c++) {
		unsigned w = (unsigned)strlen(admin_attrs[p->column[c]].name);
		for (unsigned i = 0; i < p->n; i++) {
			unsigned n = cell_text(&p->held[i]->row, p->column[c], text);
			w = n > w ? n : w;
		}
		p->width[c] = w > p->width[c] ? w : p->width[c];
	}
	p->node_width = 4;
	for (unsigned i = 0; i < p->n; i++)
		if (strlen(p->held[i]->node) > p->node_width)
			p->node_width = (unsigned)strlen(p->held[i]->node);
}

/* A column that no row has a value for is left out of a table. */
static void drop_empty(struct print *p)
{
	unsigned kept = 0;
	for (unsigned c = 0; c < p->columns; c++) {
		bool any = p->n == PRINT_HELD;
		for (unsigned i = 0; !any && i < p->n; i++)
			any = p->held[i]->row.has & ADMIN_HAS(p->column[c]);
		if (any)
			p->column[kept++] = p->column[c];
	}
	p->columns = kept;
}

static bool fits(const struct print *p)
{
	unsigned all = p->d->o.all ? p->node_width + 2 : 0;
	for (unsigned c = 0; c < p->columns; c++)
		all += p->width[c] + 2;
	return !p->d->columns || all <= p->d->columns + 2;
}

static bool is_number(enum admin_attr a)
{
	return admin_attrs[a].kind == ADMIN_U32 || admin_attrs[a].kind == ADMIN_U64;
}

static void table_cell(const struct print *p, unsigned c, const char *text, const char *colour)
{
	const bool last = c + 1 == p->columns;
	const int w = (int)p->width[c];
	printf("%s%s%*s%s%s", p->d->colour ? colour : "", "",
		is_number((enum admin_attr)p->column[c]) ? w
		: last					 ? 0
							 : -w,
		text, p->d->colour && *colour ? CELL_PLAIN : "", last ? "\n" : "  ");
}

static void table_head(const struct print *p)
{
	if (p->d->o.all)
		printf("%s%-*s%s  ", p->d->colour ? CELL_BOLD : "", (int)p->node_width, "node",
			p->d->colour ? CELL_PLAIN : "");
	for (unsigned c = 0; c < p->columns; c++)
		table_cell(p, c, admin_attrs[p->column[c]].name, CELL_BOLD);
}

static void table_row(const struct print *p, const struct held *h)
{
	char text[CELL_MAX];
	if (p->d->o.all)
		printf("%-*s  ", (int)p->node_width, h->node);
	for (unsigned c = 0; c < p->columns; c++) {
		const enum admin_attr a = (enum admin_attr)p->column[c];
		cell_text(&h->row, a, text);
		table_cell(p, c, text, cell_colour(&h->row, a));
	}
}

/* NAME VALUE..., over several lines that fit, or on one. */
static void record(const struct print *p, const struct held *h)
{
	const unsigned max = p->d->o.oneline ? 0 : p->d->columns ? p->d->columns : 80;
	unsigned at = 0;
	char text[CELL_MAX];
	if (p->d->o.all)
		at = (unsigned)printf("node %s", h->node);
	for (unsigned c = 0; c < p->columns; c++) {
		const enum admin_attr a = (enum admin_attr)p->column[c];
		if (!(h->row.has & ADMIN_HAS(a)))
			continue;
		unsigned need =
			(unsigned)strlen(admin_attrs[a].name) + 1 + cell_text(&h->row, a, text);
		if (max && at && at + 1 + need > max) {
			printf("\n   ");
			at = 3;
		}
		const char *colour = p->d->colour ? cell_colour(&h->row, a) : "";
		printf("%s%s %s%s%s", at ? " " : "", admin_attrs[a].name, colour, text,
			*colour ? CELL_PLAIN : "");
		at += need + 1;
	}
	printf("\n");
}

static int write_held(struct print *p)
{
	const bool json = p->d->o.json;
	if (!p->decided) {
		if (!json && !p->d->o.oneline)
			drop_empty(p);
		widths(p);
		p->table = !p->d->o.oneline && fits(p);
		p->decided = true;
		if (!json && p->table && p->n)
			table_head(p);
		if (json)
			printf("[");
	}
	for (unsigned i = 0; i < p->n; i++) {
		const struct held *h = p->held[i];
		if (json)
			cell_json(p->d, p->d->o.all ? h->node : NULL, &h->row, p->written != 0);
		else if (p->table)
			table_row(p, h);
		else
			record(p, h);
		p->written++;
		free(p->held[i]);
	}
	p->n = 0;
	return ferror(stdout) ? print_flush(p->d) : DP_OK;
}

int print_row(void *ctx, const char *node, const struct admin_msg *row)
{
	struct print *p = ctx;
	if (p->n == PRINT_HELD) {
		int rc = write_held(p);
		if (rc)
			return rc;
	}
	struct held *h = hold(node, row);
	if (!h)
		return dp_fail(p->d, DP_INTERNAL, "out of memory");
	p->held[p->n++] = h;
	return DP_OK;
}

int print_end(struct print *p)
{
	if (!p->decided && p->n > 1 && p->o != ADMIN_COUNTER && p->o != ADMIN_LIMIT)
		qsort(p->held, p->n, sizeof *p->held, before);
	return print_end_unsorted(p);
}

int print_end_unsorted(struct print *p)
{
	int rc = write_held(p);
	if (p->d->o.json)
		printf(p->written && p->d->o.pretty ? "\n]\n" : "]\n");
	return rc ? rc : print_flush(p->d);
}
