// SPDX-License-Identifier: Apache-2.0
#include "descriptors.h"

#include <sys/resource.h>

void descriptors_raise(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}
