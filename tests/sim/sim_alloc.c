// SPDX-License-Identifier: Apache-2.0
/*
 * Counts the blocks that the program holds: every call of the allocator from an object of the test
 * program comes here (--wrap), those of shared libraries do not.
 */
#include "sim_alloc.h"

#include "sim.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void __real_free(void *p);
void *__real_sodium_malloc(size_t size);
void __real_sodium_free(void *p);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
void __wrap_free(void *p);
void *__wrap_sodium_malloc(size_t size);
void __wrap_sodium_free(void *p);

static long held;

long sim_blocks_held(void)
{
	return held;
}

static void *counted(void *p)
{
	held += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	return p ? __real_realloc(p, size) : counted(__real_realloc(NULL, size));
}

char *__wrap_strdup(const char *s)
{
	return counted(__real_strdup(s));
}

char *__wrap_strndup(const char *s, size_t n)
{
	return counted(__real_strndup(s, n));
}

void __wrap_free(void *p)
{
	held -= p != NULL;
	__real_free(p);
}

void *__wrap_sodium_malloc(size_t size)
{
	return counted(__real_sodium_malloc(size));
}

void __wrap_sodium_free(void *p)
{
	held -= p != NULL;
	__real_sodium_free(p);
}

void *sim_alloc(size_t size)
{
	void *p = __real_calloc(1, size);
	if (!p)
		abort();
	return p;
}

void *sim_grow(void *p, size_t size)
{
	p = __real_realloc(p, size);
	if (!p)
		abort();
	return p;
}

void sim_drop(void *p)
{
	__real_free(p);
}
