/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as a tree that knows its lines. What a configuration needs and no more: maps with
 * text as keys, lists, and scalars as they are written. Anchors, tags and a second document are
 * refused, so a small file stays small.
 */
#ifndef OCKAM_YAML_TREE_H
#define OCKAM_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	YAML_TREE_BYTES_MAX = 1 << 20,
	YAML_TREE_DEPTH_MAX = 8,
	YAML_TREE_VALUES_MAX = 20000,
};

enum yaml_kind { YAML_TEXT, YAML_NULL, YAML_LIST, YAML_MAP };

struct yaml_value {
	enum yaml_kind kind;
	unsigned line;		  /* from 1 */
	char *key;		  /* in a map; else NULL */
	char *text;		  /* YAML_TEXT */
	bool plain;		  /* the text stands without quotes */
	struct yaml_value *first; /* YAML_LIST, YAML_MAP */
	struct yaml_value *next;  /* after this one in its list or map */
};

struct yaml_fault {
	unsigned line;
	char why[200];
};

/* 0 and a tree for yaml_tree_free; or -EBADMSG and the fault, or -ENOMEM. */
int yaml_tree_read(const char *text, size_t len, struct yaml_value **out, struct yaml_fault *fault);
void yaml_tree_free(struct yaml_value *v);
/* The value of a key in a map, or NULL. */
struct yaml_value *yaml_tree_get(const struct yaml_value *map, const char *key);
/* "a map", "a list", "text" or "nothing", for error sentences. */
const char *yaml_kind_name(enum yaml_kind kind);

#endif
