/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows on stdout: an aligned table where it fits the terminal, else names and values over several
 * lines, or one line each (-o), or JSON. Up to PRINT_HELD rows are held back, sorted and aligned;
 * more go out as they come, so that memory is bounded.
 */
#ifndef OCKAM_DP_PRINT_H
#define OCKAM_DP_PRINT_H

#include "admin.h"
#include "dp.h"

enum { PRINT_HELD = 4096 };

struct print;

/* NULL: no memory. */
struct print *print_new(const struct dp *d, enum admin_object o);
/* A row of a node; its texts are copied. A row_fn; ctx: this. */
int print_row(void *ctx, const char *node, const struct admin_msg *row);
/* Writes what is held, sorted by keys, and the end; or in the order it came. */
int print_end(struct print *p);
int print_end_unsorted(struct print *p);
void print_free(struct print *p);
/* Whether stdout has taken everything. */
int print_flush(const struct dp *d);

#endif
