// SPDX-License-Identifier: Apache-2.0
#include "db_memory.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

static sqlite3_mem_methods heap;

static void wiping_free(void *p)
{
	if (p)
		explicit_bzero(p, (size_t)heap.xSize(p));
	heap.xFree(p);
}

/* What realloc moves it leaves behind unwiped. */
static void *wiping_realloc(void *p, int size)
{
	int old = heap.xSize(p);
	void *fresh = heap.xMalloc(size);
	if (!fresh)
		return NULL;
	memcpy(fresh, p, (size_t)(old < size ? old : size));
	wiping_free(p);
	return fresh;
}

/* Pages and small values come from the heap one by one, not from pools that are never given back.
 */
static void configure(void)
{
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &heap) != SQLITE_OK)
		return;
	sqlite3_mem_methods wiping = heap;
	wiping.xFree = wiping_free;
	wiping.xRealloc = wiping_realloc;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &wiping);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

void db_memory_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, configure);
}
