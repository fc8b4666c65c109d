/* SPDX-License-Identifier: Apache-2.0 */
/* Which values of each object people see, in which order. JSON has them all. */
#ifndef OCKAM_DP_LAYOUT_H
#define OCKAM_DP_LAYOUT_H

#include "admin.h"

enum { LAYOUT_MAX = 48 };

struct layout {
	const char *about;			   /* what the object is */
	uint8_t brief[14], stats[12], details[16]; /* enum admin_attr, ended by 0 */
};

extern const struct layout layouts[ADMIN_OBJECTS_END];

/* Every value that a row of the object may have. */
uint64_t layout_all(enum admin_object o);
/* The columns wanted; how many. */
unsigned layout_columns(enum admin_object o, bool stats, bool details, uint8_t dst[LAYOUT_MAX]);

#endif
