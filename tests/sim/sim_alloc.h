/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator's own memory, which the count of the program's blocks leaves out. sim_alloc.c
 * stands between all objects of a test program and the allocator (the linker's --wrap).
 */
#ifndef OCKAM_SIM_ALLOC_H
#define OCKAM_SIM_ALLOC_H

#include <stddef.h>

void *sim_alloc(size_t size); /* zeroed; never NULL */
void *sim_grow(void *p, size_t size);
void sim_drop(void *p);

#endif
