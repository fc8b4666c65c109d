/* SPDX-License-Identifier: Apache-2.0 */
/* A home as text: all that users see, but for what is random, and in capitals what must not be. */
#ifndef OCKAM_STORAGE_VIEW_H
#define OCKAM_STORAGE_VIEW_H

#include "home.h"

enum { VIEW = 8192 };

struct view {
	char text[VIEW];
	size_t n;
	struct home *h;
	unsigned secrets; /* that identities have */
};

void view_look(struct view *v);

#endif
