/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as a JSON document, {"machine": ..., "results": [...]}, as results.schema.json describes
 * it.
 */
#ifndef OCKAM_BENCH_DOCUMENT_H
#define OCKAM_BENCH_DOCUMENT_H

#include "result.h"

#include <jansson.h>
#include <stdio.h>

/* Takes no reference. 0, or negative errno. */
int document_write(FILE *f, json_t *machine, const struct results *r);
/* Adds what the file says ("-": standard input); *machine is a new reference, and NULL may be
 * passed. 0, or negative errno after a sentence on standard error; -EBADMSG: it is no such
 * document. */
int document_read(const char *path, json_t **machine, struct results *r);
const char *better_name(enum better b);

#endif
