// SPDX-License-Identifier: Apache-2.0
#include "variables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXPANDED_MAX = 64 * 1024, NAME_MAX_LEN = 128 };

static size_t name_length(const char *s)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char rest[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
	return *s && strchr(first, *s) ? strspn(s, rest) : 0;
}

bool variable_parse(const char *text, struct variable *out)
{
	size_t n = name_length(text);
	if (!n || n > NAME_MAX_LEN || text[n] != '=')
		return false;
	*out = (struct variable){text, text + n + 1};
	return true;
}

static const char *lookup(const struct variables *v, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = v->given_n; i--;) /* the last one counts */
		if (!strncmp(v->given[i].name, name, len) && v->given[i].name[len] == '=')
			return v->given[i].value;
	const struct yaml_value *d = v->defaults ? yaml_tree_get(v->defaults, name) : NULL;
	if (d)
		return d->kind == YAML_TEXT ? d->text : "";
	return getenv(name);
}

/* The name behind a `$`; *used: how much of `s` it takes with its braces. 0: it is no variable. */
static size_t reference(const char *s, const char **name, size_t *used)
{
	bool braces = *s == '{';
	*name = s + braces;
	size_t n = name_length(*name);
	if (braces && (*name)[n] != '}')
		return 0;
	*used = n + 2 * braces;
	return n;
}

static int value_of(const struct variables *v, const char *name, size_t len, const char **value,
	char *why, size_t why_len)
{
	char key[NAME_MAX_LEN + 1];
	if (len > NAME_MAX_LEN) {
		snprintf(why, why_len, "a variable's name has at most %d letters", NAME_MAX_LEN);
		return -EINVAL;
	}
	snprintf(key, sizeof key, "%.*s", (int)len, name);
	*value = lookup(v, key);
	if (!*value)
		snprintf(why, why_len, "variable '%s' has no value; give --variable %s=VALUE", key,
			key);
	else if (!**value)
		snprintf(why, why_len, "Empty value for variable '%s'", key);
	else
		return 0;
	return -EINVAL;
}

int variables_expand(
	const struct variables *v, const char *text, char **out, char *why, size_t why_len)
{
	char *buf = NULL;
	size_t size = 0;
	int rc = 0;
	FILE *f = open_memstream(&buf, &size);
	if (!f)
		return -ENOMEM;
	for (const char *s = text; *s && !rc;) {
		const char *name, *value;
		size_t used, n;
		if (s[0] == '$' && s[1] == '$') {
			fputc('$', f);
			s += 2;
		} else if (s[0] == '$' && (n = reference(s + 1, &name, &used))) {
			rc = value_of(v, name, n, &value, why, why_len);
			if (!rc)
				fputs(value, f);
			s += 1 + used;
		} else {
			fputc(*s++, f);
		}
	}
	long len = ftell(f);
	if (fclose(f) && !rc)
		rc = -ENOMEM;
	if (!rc && len > EXPANDED_MAX) {
		snprintf(why, why_len, "the text is too long");
		rc = -EINVAL;
	}
	if (rc)
		free(buf);
	else
		*out = buf;
	return rc;
}
