// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include "print.h"

#include <stdio.h>
#include <stdlib.h>

struct task {
	const struct dp *d;
	const struct dp_command *c;
	struct print *print;
};

/* Rows that the filter takes, handed on. */
struct sieve {
	const struct filter *filter;
	row_fn *fn;
	void *ctx;
};

static int sieve_row(void *ctx, const char *node, const struct admin_msg *row)
{
	const struct sieve *s = ctx;
	return filter_takes(s->filter, row) ? s->fn(s->ctx, node, row) : DP_OK;
}

int run_nodes(const struct dp *d, int (*fn)(void *ctx, const char *node), void *ctx)
{
	char name[65];
	if (d->o.all)
		return nodes_each(d, fn, ctx);
	if (d->o.node)
		return fn(ctx, d->o.node);
	int rc = node_default(d, name);
	return rc ? rc : fn(ctx, name);
}

int run_dump(
	const struct dp *d, const struct dp_command *c, const char *node, row_fn *fn, void *ctx)
{
	static struct client client;
	struct admin_msg m = {.type = admin_type(c->object, ADMIN_GET), .dump = true};
	const bool add_up =
		!d->o.details && (c->object == ADMIN_COUNTER || c->object == ADMIN_LIMIT);
	struct sum *sum = add_up ? sum_new() : NULL;
	struct sieve sieve = {.filter = &c->filter, .fn = fn, .ctx = ctx};
	bool interrupted = false;
	filter_keys(&c->filter, c->object, &m);
	if (add_up && !sum)
		return dp_fail(d, DP_INTERNAL, "out of memory");
	int rc = client_open(&client, d, node);
	if (rc == DP_OK) {
		rc = client_ask(&client, &m, add_up ? sum_row : sieve_row,
			add_up ? (void *)sum : &sieve, &interrupted);
		client_close(&client);
	}
	if (rc == DP_OK && add_up)
		rc = sum_each(sum, node, sieve_row, &sieve);
	sum_free(sum);
	if (rc == DP_OK && interrupted)
		fprintf(stderr,
			"node %s: the table changed while it was read: rows of before and after "
			"are mixed\n",
			node);
	return rc;
}

static int show_node(void *ctx, const char *node)
{
	struct task *t = ctx;
	return run_dump(t->d, t->c, node, print_row, t->print);
}

static int show(const struct dp *d, const struct dp_command *c)
{
	struct task t = {.d = d, .c = c, .print = print_new(d, c->object)};
	if (!t.print)
		return dp_fail(d, DP_INTERNAL, "out of memory");
	int rc = run_nodes(d, show_node, &t);
	if (rc == DP_OK)
		rc = print_end(t.print);
	print_free(t.print);
	return rc;
}

/* GET, SET or DEL. */
static int change_node(void *ctx, const char *node)
{
	static const enum admin_verb verbs[VERBS] = {
		[VERB_GET] = ADMIN_GET, [VERB_SET] = ADMIN_SET, [VERB_DEL] = ADMIN_DEL};
	static struct client client;
	struct task *t = ctx;
	struct admin_msg m = t->c->keys;
	m.type = admin_type(t->c->object, verbs[t->c->verb]);
	m.want_ack = true;
	int rc = client_open(&client, t->d, node);
	if (rc == DP_OK) {
		rc = client_ask(&client, &m, t->print ? print_row : NULL, t->print, NULL);
		client_close(&client);
	}
	return rc;
}

static int change(const struct dp *d, const struct dp_command *c)
{
	struct task t = {.d = d, .c = c};
	if (d->o.all)
		return dp_fail(d, DP_USAGE, "%s is of one node: -a does not go with it",
			verb_name(c->verb));
	if (c->verb == VERB_GET && !(t.print = print_new(d, c->object)))
		return dp_fail(d, DP_INTERNAL, "out of memory");
	int rc = run_nodes(d, change_node, &t);
	if (rc == DP_OK && t.print)
		rc = print_end(t.print);
	print_free(t.print);
	return rc;
}

int run_command(const struct dp *d, struct dp_command *c)
{
	struct dp with_stats = *d;
	switch (c->verb) {
	case VERB_HELP:
		help_print(c->object);
		return print_flush(d);
	case VERB_MONITOR:
		return run_monitor(d, c);
	case VERB_STATS:
		with_stats.o.stats = true;
		return d->o.watch_s > 0 ? run_watch(&with_stats, c) : show(&with_stats, c);
	case VERB_SHOW:
		return d->o.watch_s > 0 ? run_watch(d, c) : show(d, c);
	default:
		return change(d, c);
	}
}
