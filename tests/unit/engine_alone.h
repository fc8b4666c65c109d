/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture of most tests of an engine: one in a box (engine_box.h), the only worker of its node.
 */
#ifndef OCKAM_ENGINE_ALONE_H
#define OCKAM_ENGINE_ALONE_H

#include "engine_box.h"

static struct serials serials;

static int set_up(void **state)
{
	serials_init(&serials);
	*state = box_new(&serials, 0, 1, 0);
	return 0;
}

static int tear_down(void **state)
{
	box_free(*state);
	serials_fini(&serials);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
