/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation on a home that changes files, and what is there before it. */
#ifndef OCKAM_STORAGE_OPERATION_H
#define OCKAM_STORAGE_OPERATION_H

#include "home.h"

struct operation {
	const char *name;
	void (*before)(struct home *h); /* NULL: there is no home */
	int (*run)(struct home *h);
};

extern const struct operation operations[];
extern const size_t operations_n;

#endif
