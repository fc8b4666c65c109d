// SPDX-License-Identifier: Apache-2.0
#include "words.h"

#include "dp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verb_names[VERBS] = {
	[VERB_SHOW] = "show",
	[VERB_GET] = "get",
	[VERB_SET] = "set",
	[VERB_DEL] = "del",
	[VERB_MONITOR] = "monitor",
	[VERB_STATS] = "stats",
	[VERB_HELP] = "help",
};

const char *verb_name(enum dp_verb v)
{
	return verb_names[v];
}

bool verb_applies(enum dp_verb v, enum admin_object o)
{
	static const unsigned need[VERBS] = {
		[VERB_SET] = ADMIN_CAN_SET,
		[VERB_DEL] = ADMIN_CAN_DEL,
	};
	const bool has_events = o == ADMIN_LINK || o == ADMIN_SESSION || o == ADMIN_LABEL ||
				o == ADMIN_STREAM || o == ADMIN_PORTAL || o == ADMIN_LIMIT;
	if (v == VERB_MONITOR)
		return has_events;
	return (admin_objects[o].verbs & need[v]) == need[v];
}

static bool is_prefix(const char *word, const char *of)
{
	return *word && !strncmp(word, of, strlen(word));
}

static enum admin_object object_of(const char *word)
{
	enum admin_object o = 0;
	while (o < ADMIN_EVENT && !is_prefix(word, admin_objects[o].name))
		o++;
	return o < ADMIN_EVENT ? o : ADMIN_OBJECTS_END;
}

static enum dp_verb verb_of(const char *word)
{
	enum dp_verb v = 0;
	while (v < VERBS && !is_prefix(word, verb_names[v]))
		v++;
	return v;
}

static int say(char *err, size_t cap, int code, const char *fmt, const char *a, const char *b)
{
	snprintf(err, cap, fmt, a, b);
	return code;
}

static bool number(const char *text, enum admin_kind kind, uint64_t *n)
{
	char *end;
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	*n = strtoull(text, &end, 0);
	return !errno && !*end && (kind == ADMIN_U64 || *n <= UINT32_MAX);
}

/* The attribute among `which` that a word names. */
static enum admin_attr attr_among(const char *word, uint64_t which)
{
	for (unsigned a = 1; a < ADMIN_A_END; a++)
		if (which & ADMIN_HAS(a) && is_prefix(word, admin_attrs[a].name))
			return (enum admin_attr)a;
	return ADMIN_A_NONE;
}

static enum admin_attr next_key(const struct dp_command *c)
{
	const uint64_t left = admin_objects[c->object].keys & ~c->keys.has;
	for (unsigned a = 1; a < ADMIN_A_END; a++)
		if (left & ADMIN_HAS(a))
			return (enum admin_attr)a;
	return ADMIN_A_NONE;
}

static int value_take(
	struct dp_command *c, enum admin_attr a, const char *text, char *err, size_t cap)
{
	uint64_t n;
	if (c->keys.has & ADMIN_HAS(a))
		return say(err, cap, DP_USAGE, "%s is given twice%s", admin_attrs[a].name, "");
	if (admin_attrs[a].kind == ADMIN_TEXT) {
		if (strlen(text) >= ADMIN_TEXT_MAX)
			return say(err, cap, DP_USAGE, "%s is longer than 127 bytes%s",
				admin_attrs[a].name, "");
		admin_set_text(&c->keys, a, text);
		return 0;
	}
	if (!number(text, admin_attrs[a].kind, &n))
		return say(err, cap, DP_USAGE, "%s needs a number, got \"%s\"", admin_attrs[a].name,
			text);
	admin_set(&c->keys, a, n);
	return 0;
}

/* KEY VALUE..., or values alone in the order of the keys; a word to be set stands for itself. */
static int keys_parse(struct dp_command *c, char **words, int n, char *err, size_t cap)
{
	const struct admin_object_info *o = &admin_objects[c->object];
	const uint64_t set = c->verb == VERB_SET ? o->set : 0;
	for (int i = 0; i < n; i++) {
		uint64_t unused;
		enum admin_attr a = attr_among(words[i], o->keys | set), key = next_key(c);
		int rc;
		if (a && admin_attrs[a].kind == ADMIN_FLAG) {
			admin_set(&c->keys, a, 1);
			continue;
		}
		if (a && i + 1 < n)
			rc = value_take(c, a, words[++i], err, cap);
		else if (key && (admin_attrs[key].kind == ADMIN_TEXT ||
					number(words[i], ADMIN_U64, &unused)))
			rc = value_take(c, key, words[i], err, cap);
		else
			rc = say(err, cap, DP_USAGE, "\"%s\" is no part of what names a %s",
				words[i], o->name);
		if (rc)
			return rc;
	}
	enum admin_attr missing = next_key(c);
	if (missing)
		return say(err, cap, DP_USAGE, "which %s? its %s is missing", o->name,
			admin_attrs[missing].name);
	if (set && !(c->keys.has & set))
		return say(err, cap, DP_USAGE,
			"what is to be set of the %s? see `ockam-dp %s help`", o->name, o->name);
	return 0;
}

static int object_parse(struct dp_command *c, char **words, int n, char *err, size_t cap)
{
	c->verb = VERB_SHOW;
	if (n) {
		c->verb = verb_of(words[0]);
		uint64_t unused;
		if (c->verb == VERBS && number(words[0], ADMIN_U64, &unused)) /* `link 3` */
			c->verb = VERB_SHOW;
		else if (c->verb == VERBS)
			return say(err, cap, DP_USAGE,
				"\"%s\" is nothing to do with a %s; see `ockam-dp help`", words[0],
				admin_objects[c->object].name);
		else
			words++, n--;
	}
	if (!verb_applies(c->verb, c->object))
		return say(err, cap, DP_USAGE, "a %s has no `%s`; see `ockam-dp help`",
			admin_objects[c->object].name, verb_names[c->verb]);
	switch (c->verb) {
	case VERB_GET:
	case VERB_SET:
	case VERB_DEL:
		return keys_parse(c, words, n, err, cap);
	case VERB_HELP:
		return 0;
	case VERB_MONITOR:
		return filter_parse(&c->filter, ADMIN_EVENT, words, n, err, cap);
	default:
		return filter_parse(&c->filter, c->object, words, n, err, cap);
	}
}

int words_parse(struct dp_command *c, char **words, int n, char *err, size_t cap)
{
	*c = (struct dp_command){.object = ADMIN_OBJECTS_END, .verb = VERB_HELP};
	if (!n)
		return 0;
	c->object = object_of(words[0]);
	if (c->object != ADMIN_OBJECTS_END)
		return object_parse(c, words + 1, n - 1, err, cap);
	c->verb = verb_of(words[0]);
	if (c->verb == VERB_STATS) {
		c->object = ADMIN_COUNTER;
		return filter_parse(&c->filter, c->object, words + 1, n - 1, err, cap);
	}
	if (c->verb == VERB_MONITOR) {
		enum admin_object o = n > 1 ? object_of(words[1]) : ADMIN_OBJECTS_END;
		bool named = o != ADMIN_OBJECTS_END && verb_applies(VERB_MONITOR, o) && n != 3;
		c->object = named ? o : ADMIN_OBJECTS_END;
		return filter_parse(
			&c->filter, ADMIN_EVENT, words + 1 + named, n - 1 - named, err, cap);
	}
	if (c->verb == VERB_HELP) {
		c->object = n > 1 ? object_of(words[1]) : ADMIN_OBJECTS_END;
		return 0;
	}
	return say(err, cap, DP_USAGE, "there is no \"%s\"; `ockam-dp help` lists the objects%s",
		words[0], "");
}
