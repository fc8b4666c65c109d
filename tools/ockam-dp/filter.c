// SPDX-License-Identifier: Apache-2.0
#include "filter.h"

#include "dp.h"
#include "layout.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct filter *f;
	enum admin_object o;
	char **words;
	int n, at, depth, code;
	char *err;
	size_t cap;
};

static int fail(struct parser *p, const char *fmt, const char *a, const char *b)
{
	if (!p->code)
		snprintf(p->err, p->cap, fmt, a, b);
	p->code = DP_USAGE;
	return -1;
}

static const char *peek(const struct parser *p)
{
	return p->at < p->n ? p->words[p->at] : NULL;
}

static bool next_is(struct parser *p, const char *word)
{
	if (!peek(p) || strcmp(peek(p), word) != 0)
		return false;
	p->at++;
	return true;
}

static int node_new(struct parser *p, struct filter_node n)
{
	if (p->f->nodes == FILTER_NODES)
		return fail(p, "the filter has too many parts%s%s", "", "");
	p->f->node[p->f->nodes] = n;
	return p->f->nodes++;
}

bool filter_number(const char *text, enum admin_attr a, uint64_t *n)
{
	static const struct {
		const char *suffix;
		uint64_t by, us;
	} units[] = {{"", 1, 0}, {"k", 1000, 0}, {"K", 1000, 0}, {"M", 1000000, 0},
		{"G", 1000000000, 0}, {"Ki", 1024, 0}, {"Mi", 1 << 20, 0}, {"Gi", 1 << 30, 0},
		{"us", 0, 1}, {"ms", 0, 1000}, {"s", 0, 1000000}, {"m", 0, 60000000},
		{"h", 0, 3600000000}};
	const char *unit = admin_attrs[a].unit;
	const uint64_t own_us = !strcmp(unit, "us") ? 1 : !strcmp(unit, "ms") ? 1000 : 0;
	char *end;
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	double v = strtod(text, &end);
	if (!strncmp(text, "0x", 2) || !*end) {
		*n = strtoull(text, &end, 0);
		return !errno && !*end;
	}
	for (unsigned i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(end, units[i].suffix) != 0 || (units[i].us && !own_us))
			continue;
		v *= units[i].us ? (double)units[i].us / (double)own_us : (double)units[i].by;
		*n = (uint64_t)v;
		return v < 1.8e19;
	}
	return false;
}

static bool op_of(const char *word, enum filter_op *op)
{
	static const char *const names[][2] = {[FILTER_EQ] = {"eq", "="},
		[FILTER_NE] = {"ne", "!="},
		[FILTER_GT] = {"gt", ">"},
		[FILTER_GE] = {"ge", ">="},
		[FILTER_LT] = {"lt", "<"},
		[FILTER_LE] = {"le", "<="}};
	for (unsigned i = 0; word && i < sizeof names / sizeof *names; i++)
		if (!strcmp(word, names[i][0]) || !strcmp(word, names[i][1])) {
			*op = (enum filter_op)i;
			return true;
		}
	return false;
}

/* What a word names among the columns of the object; `bytes` and `frames` are both ways together.
 */
static bool attr_of(const struct parser *p, const char *word, struct filter_node *n)
{
	const uint64_t all = layout_all(p->o);
	n->plus = ADMIN_A_NONE;
	if (all & ADMIN_H(BYTES_RX) && !strcmp(word, "bytes")) {
		n->attr = ADMIN_A_BYTES_RX;
		n->plus = ADMIN_A_BYTES_TX;
		return true;
	}
	if (all & ADMIN_H(FRAMES_RX) && !strcmp(word, "frames")) {
		n->attr = ADMIN_A_FRAMES_RX;
		n->plus = ADMIN_A_FRAMES_TX;
		return true;
	}
	for (int whole = 1; whole >= 0; whole--)
		for (unsigned a = 1; a < ADMIN_A_END; a++) {
			const char *name = admin_attrs[a].name;
			if (all & ADMIN_HAS(a) && (whole ? !strcmp(word, name)
							 : !strncmp(word, name, strlen(word)))) {
				n->attr = (enum admin_attr)a;
				return true;
			}
		}
	return false;
}

static bool flag_of(const char *text, uint64_t *n)
{
	*n = !strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "1");
	return *n || !strcmp(text, "false") || !strcmp(text, "no") || !strcmp(text, "0");
}

static int compare(struct parser *p)
{
	const char *word = peek(p), *value = word;
	struct filter_node n = {.kind = FILTER_COMPARE};
	if (!word)
		return fail(p, "the filter ends where something was expected%s%s", "", "");
	p->at++;
	if (*word >= '0' && *word <= '9') { /* the first key */
		const uint64_t keys = admin_objects[p->o].keys;
		if (!keys)
			return fail(p, "\"%s\" is no part of a filter%s", word, "");
		n.attr = (enum admin_attr)__builtin_ctzll(keys);
	} else {
		if (!attr_of(p, word, &n))
			return fail(
				p, "the %s has no value \"%s\"", admin_objects[p->o].name, word);
		if (admin_attrs[n.attr].kind == ADMIN_FLAG &&
			(!peek(p) || !flag_of(peek(p), &n.n))) {
			n.n = 1; /* `paused` */
			if (!op_of(peek(p), &n.op))
				return node_new(p, n);
		}
		if (op_of(peek(p), &n.op))
			p->at++;
		value = peek(p);
		if (!value)
			return fail(p, "%s is compared with nothing%s", word, "");
		p->at++;
	}
	n.text = value;
	switch (admin_attrs[n.attr].kind) {
	case ADMIN_TEXT:
		if (n.op > FILTER_NE)
			return fail(p, "%s is a text: it is equal (eq) or not (ne)%s", word, "");
		break;
	case ADMIN_FLAG:
		if (!flag_of(value, &n.n))
			return fail(p, "%s is true or false, not \"%s\"", word, value);
		break;
	default:
		if (!filter_number(value, n.attr, &n.n))
			return fail(p, "%s needs a number, got \"%s\"", word, value);
	}
	return node_new(p, n);
}

static int either(struct parser *p);

static int one(struct parser *p)
{
	int rc;
	if (++p->depth > FILTER_DEPTH)
		return fail(p, "the filter is nested too deeply%s%s", "", "");
	if (next_is(p, "not") || next_is(p, "!")) {
		int a = one(p);
		rc = a < 0 ? a : node_new(p, (struct filter_node){.kind = FILTER_NOT, .a = a});
	} else if (next_is(p, "(")) {
		rc = either(p);
		if (rc >= 0 && !next_is(p, ")"))
			rc = fail(p, "a parenthesis is not closed%s%s", "", "");
	} else {
		rc = compare(p);
	}
	p->depth--;
	return rc;
}

static int both(struct parser *p)
{
	int a = one(p);
	while (a >= 0 && peek(p) && strcmp(peek(p), "or") != 0 && strcmp(peek(p), ")") != 0) {
		if (!next_is(p, "and"))
			next_is(p, "&&");
		int b = one(p);
		a = b < 0 ? b
			  : node_new(p, (struct filter_node){.kind = FILTER_AND, .a = a, .b = b});
	}
	return a;
}

static int either(struct parser *p)
{
	int a = both(p);
	while (a >= 0 && next_is(p, "or")) {
		int b = both(p);
		a = b < 0 ? b
			  : node_new(p, (struct filter_node){.kind = FILTER_OR, .a = a, .b = b});
	}
	return a;
}

int filter_parse(struct filter *f, enum admin_object o, char **words, int n, char *err, size_t cap)
{
	struct parser p = {.f = f, .o = o, .words = words, .n = n, .err = err, .cap = cap};
	f->nodes = 0;
	f->root = -1;
	if (!n)
		return 0;
	f->root = either(&p);
	if (f->root >= 0 && p.at < n)
		f->root = fail(&p, "\"%s\" is one parenthesis too many%s", words[p.at], "");
	return p.code;
}

static bool text_is(enum admin_attr a, const char *have, const char *want)
{
	enum { SHORT = 5 }; /* of an identifier: I and four digits */
	if (strpbrk(want, "*?["))
		return fnmatch(want, have, 0) == 0;
	if (a == ADMIN_A_PEER && want[0] == 'I' && strlen(want) >= SHORT)
		return !strncmp(have, want, strlen(want));
	return !strcmp(have, want);
}

static bool compares(const struct filter_node *n, const struct admin_msg *row)
{
	if (!(row->has & ADMIN_HAS(n->attr)))
		return n->op == FILTER_NE;
	if (admin_attrs[n->attr].kind == ADMIN_TEXT)
		return text_is(n->attr, row->v[n->attr].text, n->text) == (n->op == FILTER_EQ);
	const uint64_t v = row->v[n->attr].n + (n->plus ? row->v[n->plus].n : 0);
	switch (n->op) {
	case FILTER_EQ:
		return v == n->n;
	case FILTER_NE:
		return v != n->n;
	case FILTER_GT:
		return v > n->n;
	case FILTER_GE:
		return v >= n->n;
	case FILTER_LT:
		return v < n->n;
	default:
		return v <= n->n;
	}
}

/* As deep as the parser let it be. */
static bool node_takes(const struct filter *f, int i, const struct admin_msg *row)
{
	const struct filter_node *n = &f->node[i];
	switch (n->kind) {
	case FILTER_AND:
		return node_takes(f, n->a, row) && node_takes(f, n->b, row);
	case FILTER_OR:
		return node_takes(f, n->a, row) || node_takes(f, n->b, row);
	case FILTER_NOT:
		return !node_takes(f, n->a, row);
	default:
		return compares(n, row);
	}
}

bool filter_takes(const struct filter *f, const struct admin_msg *row)
{
	return f->root < 0 || node_takes(f, f->root, row);
}

static void keys_of(const struct filter *f, int i, uint64_t keys, struct admin_msg *m)
{
	const struct filter_node *n = &f->node[i];
	if (n->kind == FILTER_AND) {
		keys_of(f, n->a, keys, m);
		keys_of(f, n->b, keys, m);
	} else if (n->kind == FILTER_COMPARE && n->op == FILTER_EQ && !n->plus &&
		   keys & ADMIN_HAS(n->attr) && admin_attrs[n->attr].kind != ADMIN_TEXT &&
		   n->n <= UINT32_MAX) {
		admin_set(m, n->attr, n->n);
	}
}

void filter_keys(const struct filter *f, enum admin_object o, struct admin_msg *request)
{
	if (f->root >= 0)
		keys_of(f, f->root, admin_objects[o].keys, request);
}
