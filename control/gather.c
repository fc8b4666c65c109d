// SPDX-License-Identifier: Apache-2.0
#include "gather.h"

#include "seam_client.h"

#include <stdlib.h>

struct ask {
	struct gather *g;
	gather_fn *fill;
	json_t *o; /* in g->list */
};

struct gather {
	struct api_request *rq;
	json_t *list;
	bool single, replying;
	gather_finish_fn *finish;
	unsigned asked, outstanding;
	struct ask asks[];
};

struct gather *gather_new(struct api_request *rq, unsigned most, bool single)
{
	struct gather *g = calloc(1, sizeof *g + most * sizeof *g->asks);
	if (!g || !(g->list = json_array())) {
		free(g);
		api_failf(rq, EXIT_INTERNAL, "out of memory");
		return NULL;
	}
	g->rq = rq;
	g->single = single;
	return g;
}

static void gather_free(struct gather *g)
{
	for (unsigned i = 0; i < g->asked; i++)
		seam_forget(g->rq->p->node, &g->asks[i]);
	json_decref(g->list);
	free(g);
}

static void cancel(void *ctx)
{
	gather_free(ctx);
}

static void done(struct gather *g)
{
	struct api_request *rq = g->rq;
	gather_finish_fn *finish = g->finish;
	json_t *doc = json_incref(g->single ? json_array_get(g->list, 0) : g->list);
	gather_free(g);
	if (!finish) {
		api_reply(rq, doc);
		return;
	}
	finish(rq, doc);
	json_decref(doc);
}

static void on_answer(struct node *n, void *ctx, int error, const struct seam_msg *m)
{
	struct ask *a = ctx;
	if (!error && m)
		a->fill(a->o, m);
	if (--a->g->outstanding == 0 && a->g->replying)
		done(a->g);
}

void gather_add(struct gather *g, json_t *o, const struct seam_msg *cmd, gather_fn *fill)
{
	json_array_append_new(g->list, o);
	if (!cmd)
		return;
	struct seam_msg m = *cmd;
	struct ask *a = &g->asks[g->asked++];
	*a = (struct ask){.g = g, .fill = fill, .o = o};
	g->outstanding++;
	if (seam_request(g->rq->p->node, &m, on_answer, a) < 0)
		g->outstanding--;
}

void gather_finish_by(struct gather *g, gather_finish_fn *fn)
{
	g->finish = fn;
}

void gather_reply(struct gather *g)
{
	g->replying = true;
	if (g->outstanding)
		api_wait(g->rq, API_SEAM_MS, cancel, g);
	else
		done(g);
}
