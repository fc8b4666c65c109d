// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include "home.h"
#include "node_config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int node_default(const struct dp *d, char dst[static 65])
{
	struct home *h;
	struct node_info info;
	int rc = home_open(&h, d->home, HOME_READ);
	if (rc == 0)
		rc = node_get(h, NULL, &info);
	if (rc == 0) {
		snprintf(dst, 65, "%s", info.name);
		node_info_fini(&info);
	} else if (rc == -ENOENT) {
		rc = dp_fail(d, DP_NOT_FOUND,
			"NotFound: there is no node in %s; `ockam node create` makes one", d->home);
	} else {
		rc = dp_fail(d, dp_code(rc), "%s", home_error(h));
	}
	home_close(h);
	return rc;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int nodes_each(const struct dp *d, int (*fn)(void *ctx, const char *node), void *ctx)
{
	struct dirent **list;
	char path[PATH_MAX];
	int rc = DP_OK, n;
	if (snprintf(path, sizeof path, "%s/run", d->home) >= (int)sizeof path)
		return dp_fail(d, DP_CONFIG, "the path of %.200s is too long", d->home);
	n = scandir(path, &list, NULL, by_name);
	if (n < 0)
		return errno == ENOENT ? DP_OK
				       : dp_fail(d, dp_code(-errno), "cannot read %s: %s", path,
						 strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		if (rc == DP_OK && name[0] != '.' && node_dataplane_pid(d->home, name) != 0)
			rc = fn(ctx, name);
		free(list[i]);
	}
	free(list);
	return rc;
}
