/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control API answers, as data: the members of each object. All are always there. The
 * OpenAPI document is made from these and from the table of routes, and tests hold real answers
 * against it.
 */
#ifndef OCKAM_API_SHAPES_H
#define OCKAM_API_SHAPES_H

#include <stdbool.h>
#include <stddef.h>

enum api_kind {
	API_TEXT,
	API_TEXTS,
	API_NUMBER, /* whole, from 0 */
	API_FLAG,
	API_ONE,  /* an object */
	API_MANY, /* a list of them */
};

struct api_shape;

struct api_member {
	const char *name; /* NULL ends the list */
	enum api_kind kind;
	const struct api_shape *of; /* API_ONE, API_MANY */
	const char *words;	    /* API_TEXT: all that it can be, "up|down" */
	bool nullable;
};

struct api_shape {
	const char *name;
	const struct api_member *members;
};

extern const struct api_shape shape_node, shape_channel, shape_channel_made, shape_address,
	shape_channel_listener, shape_relay, shape_listener, shape_connection, shape_outlet,
	shape_inlet, shape_connection_counted, shape_settings, shape_service, shape_worker, shape_error;
/* All, also those that are only parts of others. */
extern const struct api_shape *const api_shapes[];
extern const size_t api_shapes_n;

#endif
