// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include "cell.h"
#include "print.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 64 };

struct monitor {
	const struct dp *d;
	const struct dp_command *c;
	unsigned n;
	struct client *client[NODES_MAX];
	char name[NODES_MAX][65];
};

static int event(void *ctx, const char *node, const struct admin_msg *row)
{
	const struct monitor *m = ctx;
	if (row->type != ADMIN_OVERRUN &&
		(admin_object_of(row->type) != ADMIN_EVENT || !(row->has & ADMIN_H(NAME)) ||
			!(row->has & ADMIN_H(EVENT))))
		return DP_OK;
	if (row->type == ADMIN_OVERRUN || filter_takes(&m->c->filter, row))
		cell_event(m->d, node, row);
	return DP_OK;
}

static int add(void *ctx, const char *node)
{
	struct monitor *m = ctx;
	struct admin_msg r = {.type = admin_type(ADMIN_EVENT, ADMIN_GET), .want_ack = true};
	if (m->n == NODES_MAX)
		return dp_fail(
			m->d, DP_USAGE, "more than %d nodes cannot be watched at once", NODES_MAX);
	struct client *c = malloc(sizeof *c);
	if (!c)
		return dp_fail(m->d, DP_INTERNAL, "out of memory");
	strncpy(m->name[m->n], node, sizeof m->name[0] - 1);
	int rc = client_open(c, m->d, m->name[m->n]);
	if (rc) {
		free(c);
		return rc;
	}
	m->client[m->n++] = c;
	if (m->c->object != ADMIN_OBJECTS_END)
		admin_set_text(&r, ADMIN_A_NAME, admin_objects[m->c->object].name);
	return client_ask(c, &r, NULL, NULL, NULL);
}

static int serve(struct monitor *m)
{
	struct pollfd p[NODES_MAX];
	for (unsigned i = 0; i < m->n; i++)
		p[i] = (struct pollfd){.fd = m->client[i]->fd, .events = POLLIN};
	if (poll(p, m->n, -1) < 0 && errno != EINTR)
		return dp_fail(m->d, DP_IO, "cannot wait: %s", strerror(errno));
	for (unsigned i = 0; i < m->n; i++) {
		int rc = p[i].revents ? client_events(m->client[i], event, m) : DP_OK;
		if (rc)
			return rc;
	}
	return print_flush(m->d);
}

int run_monitor(const struct dp *d, const struct dp_command *c)
{
	struct monitor *m = calloc(1, sizeof *m);
	if (!m)
		return dp_fail(d, DP_INTERNAL, "out of memory");
	m->d = d;
	m->c = c;
	int rc = run_nodes(d, add, m);
	if (rc == DP_OK && !m->n)
		rc = dp_fail(d, DP_NOT_FOUND, "NotFound: no node of %s runs", d->home);
	while (rc == DP_OK)
		rc = serve(m);
	for (unsigned i = 0; i < m->n; i++) {
		client_close(m->client[i]);
		free(m->client[i]);
	}
	free(m);
	return rc;
}
