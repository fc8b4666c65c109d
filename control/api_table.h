/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control API as data: which method and path calls what, which fields its body or query may
 * have, and what it answers. Routes and checks come from it, and the OpenAPI document (openapi.c).
 * Pure functions; the server is api.c, the contract docs/api.md.
 */
#ifndef OCKAM_API_TABLE_H
#define OCKAM_API_TABLE_H

#include "api_shapes.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct api_request;

enum api_type {
	API_STRING,
	API_STRINGS, /* in a query: one string, which may be given several times */
	API_BOOL,
	API_MS,	   /* 0 to a day; in a query: decimal */
	API_COUNT, /* 0 to 1000; not in a query */
	API_COUNTER, /* not negative; not in a query */
};

struct api_field {
	const char *name; /* NULL ends the list */
	enum api_type type;
	bool required;
	const char *line;    /* what it is */
	const char *example; /* of a string, or NULL */
};

enum api_input {
	API_NO_INPUT, /* a body is ignored */
	API_JSON,     /* `fields` are of the JSON object in the body */
	API_BYTES,    /* `fields` are of the query, the body is opaque */
};

/* Of a success. */
enum api_output {
	API_OBJECT,   /* one `answer` */
	API_LIST,     /* an array of them */
	API_DOCUMENT, /* an object of another kind */
	API_OPAQUE,   /* bytes */
	API_LINES,    /* text of API_OPENMETRICS_TYPE, or API_PROMETHEUS_TYPE */
	API_NOTHING,  /* and it needs no token */
};

enum { API_SEGMENT_MAX = 255, API_MS_MAX = 24 * 3600 * 1000, API_COUNT_MAX = 1000 };
#define API_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define API_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct api_entry {
	const char *method;
	const char *pattern; /* a last segment `*` stands for one name, percent-decoded */
	void (*fn)(struct api_request *rq);
	enum api_input input;
	const struct api_field *fields;
	enum api_output output;
	const struct api_shape *answer; /* API_OBJECT, API_LIST */
	const char *line;		/* what it does */
};

enum api_match { API_FOUND, API_NO_PATH, API_NO_METHOD };

/* `path` is as it came, encoded. On API_FOUND *out is set, and segment (API_SEGMENT_MAX + 1 bytes).
 */
enum api_match api_match(const struct api_entry *table, size_t n, const char *method,
	const char *path, const struct api_entry **out, char *segment);
/* The methods of a known path, "GET, DELETE". */
void api_methods(const struct api_entry *table, size_t n, const char *path, char *dst, size_t cap);
/* Decodes %XX in place of src into dst; the length, or -EINVAL (bad escape, NUL, too long). */
int api_percent_decode(char *dst, size_t cap, const char *src);
/*
 * Checks an object against its fields: 0, or -EINVAL and one sentence. A null is as good as absent,
 * and is removed.
 */
int api_check(const struct api_field *fields, json_t *object, char *err, size_t err_len);
/* Adds one query value to the object that api_check is to see, converted as its field says; an
 * unknown name is added as it is. 0, or -EINVAL and one sentence. */
int api_query_add(const struct api_field *fields, json_t *object, const char *name,
	const char *value, char *err, size_t err_len);

#endif
