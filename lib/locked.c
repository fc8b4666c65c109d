// SPDX-License-Identifier: Apache-2.0
#include "locked.h"

#include "log.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static void say_unlocked(void)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;
	if (!atomic_flag_test_and_set(&said))
		log_warn("memory with keys cannot be locked any more (RLIMIT_MEMLOCK, ulimit -l): "
			 "it may be swapped out");
}

void *locked_new(size_t size)
{
	/* sodium_malloc locks, as far as it can, without a word */
	void *p = sodium_init() < 0 ? NULL : sodium_malloc(size);
	if (!p)
		return NULL;
	if (mlock(p, size) < 0)
		say_unlocked();
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)p & ~(page - 1);
	madvise((void *)from, (uintptr_t)p + size - from, MADV_WIPEONFORK);
	memset(p, 0, size);
	return p;
}

void locked_free(void *p)
{
	sodium_free(p);
}

void locked_in_place(void *p, size_t size)
{
	if (mlock2(p, size, MLOCK_ONFAULT) < 0)
		say_unlocked();
}
