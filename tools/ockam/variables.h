/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `$NAME` and `${NAME}` in the texts of a configuration; `$$` is a dollar. A value comes from
 * --variable, else from the file's own `variables`, else from the environment. It is put into one
 * text and can never become a key, a list or a second option.
 */
#ifndef OCKAM_VARIABLES_H
#define OCKAM_VARIABLES_H

#include "yaml_tree.h"

struct variable {
	const char *name; /* ends at `=` or at its end */
	const char *value;
};

struct variables {
	const struct variable *given; /* by --variable */
	size_t given_n;
	const struct yaml_value *defaults; /* a map of texts, or NULL */
};

/* Splits `NAME=VALUE`; false: not of that form. The strings are borrowed. */
bool variable_parse(const char *text, struct variable *out);
/* A new text in *out; or -EINVAL and a sentence in why, or -ENOMEM. */
int variables_expand(
	const struct variables *v, const char *text, char **out, char *why, size_t why_len);

#endif
