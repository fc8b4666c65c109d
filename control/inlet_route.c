// SPDX-License-Identifier: Apache-2.0
#include "inlet.h"

#include <errno.h>

static bool is_service(const struct route_element *e)
{
	return (e->code == ROUTE_SERVICE || e->code == ROUTE_WORKER) && !e->is_handle;
}

static int refused(struct reason *why, const char *text)
{
	*why = reason_make(EXIT_USAGE, "%s", text);
	return -EINVAL;
}

static int copy_part(struct route *out, const struct route *r, unsigned to)
{
	int rc = 0;
	out->n = 0;
	for (unsigned i = 0; rc == 0 && i < to; i++)
		rc = route_append(out, &r->e[i]);
	return rc;
}

int inlet_route_parse(
	struct node *n, const struct route *r, struct inlet_route *out, struct reason *why)
{
	unsigned secure = r->n, found = 0;
	int rc;
	for (unsigned i = 0; i < r->n; i++)
		if (r->e[i].code == ROUTE_SECURE) {
			secure = i;
			found++;
		}
	if (!r->n || !is_service(&r->e[r->n - 1]))
		return refused(why, "the route of an inlet ends in the name of an outlet, as /service/outlet");
	if (found > 1)
		return refused(why, "the route of an inlet has one secure element; make a channel first and begin "
				    "the route with its address");
	if (found && secure + 2 != r->n)
		return refused(why, "behind /secure/LISTENER stands the outlet, as /service/outlet, and nothing else");
	memset(out, 0, sizeof *out);
	memcpy(out->service, r->e[r->n - 1].text, strnlen(r->e[r->n - 1].text, WIRE_NAME_MAX));
	out->existing = !found && r->n == 2 && is_service(&r->e[0]) &&
			channel_by_address(n, r->e[0].text) != NULL;
	rc = copy_part(&out->channel, r, found ? secure : r->n - 1);
	if (rc == 0 && !out->existing)
		rc = route_append_text(
			&out->channel, ROUTE_SERVICE, found ? r->e[secure].text : "api");
	if (rc < 0)
		return refused(why, "the route of the inlet is too long");
	if (!out->existing && out->channel.n < 2)
		return refused(why, "the route of an inlet leads to another node: before the outlet stands where "
				    "it is, as /node/NAME, /ip4/…, or --via");
	return 0;
}
