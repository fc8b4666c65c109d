// SPDX-License-Identifier: Apache-2.0
#include "json_filter.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What of jq.h and jv.h crosses the interface of libjq.so.1. The headers themselves cannot be
 * included by a program that does not link the library: a static function in them calls into it.
 */
typedef struct jq_state jq_state;
typedef struct {
	unsigned char kind_flags, pad;
	unsigned short offset;
	int size;
	union {
		void *ptr;
		double number;
	} u;
} jv;
enum { JV_KIND_INVALID = 0, JV_KIND_STRING = 5 };

struct library {
	void *handle;
	jq_state *(*init)(void);
	void (*teardown)(jq_state **);
	int (*compile)(jq_state *, const char *);
	void (*start)(jq_state *, jv, int);
	jv (*next)(jq_state *);
	void (*set_error_cb)(jq_state *, void (*)(void *, jv), void *);
	jv (*parse)(const char *);
	jv (*dump_string)(jv, int);
	const char *(*string_value)(jv);
	int (*get_kind)(jv);
	void (*free)(jv);
	jv (*copy)(jv);
	int (*has_msg)(jv);
	jv (*get_msg)(jv);
};

static int load(struct library *l)
{
	const struct {
		void **slot;
		const char *name;
	} wanted[] = {
		{(void **)&l->init, "jq_init"},
		{(void **)&l->teardown, "jq_teardown"},
		{(void **)&l->compile, "jq_compile"},
		{(void **)&l->start, "jq_start"},
		{(void **)&l->next, "jq_next"},
		{(void **)&l->set_error_cb, "jq_set_error_cb"},
		{(void **)&l->parse, "jv_parse"},
		{(void **)&l->dump_string, "jv_dump_string"},
		{(void **)&l->string_value, "jv_string_value"},
		{(void **)&l->get_kind, "jv_get_kind"},
		{(void **)&l->free, "jv_free"},
		{(void **)&l->copy, "jv_copy"},
		{(void **)&l->has_msg, "jv_invalid_has_msg"},
		{(void **)&l->get_msg, "jv_invalid_get_msg"},
	};
	l->handle = dlopen("libjq.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!l->handle)
		return -1;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		*wanted[i].slot = dlsym(l->handle, wanted[i].name);
		if (!*wanted[i].slot)
			return -1;
	}
	return 0;
}

struct fault {
	struct library *l;
	char text[200];
};

/* jq reports compile errors here, the most telling one first. */
static void on_error(void *ctx, jv msg)
{
	struct fault *f = ctx;
	jv text = f->l->get_kind(msg) == JV_KIND_STRING ? msg : f->l->dump_string(msg, 0);
	if (!f->text[0])
		snprintf(f->text, sizeof f->text, "%s", f->l->string_value(text));
	f->text[strcspn(f->text, "\n")] = 0;
	f->l->free(text);
}

static int append(struct library *l, json_t *list, jv v)
{
	jv text = l->dump_string(v, 0);
	json_t *item = json_loads(l->string_value(text), JSON_DECODE_ANY, NULL);
	l->free(text);
	return json_array_append_new(list, item);
}

static int collect(struct library *l, jq_state *jq, json_t *list, struct fault *fault)
{
	for (;;) {
		jv v = l->next(jq);
		if (l->get_kind(v) != JV_KIND_INVALID) {
			if (append(l, list, v))
				return -1;
			continue;
		}
		bool failed = l->has_msg(l->copy(v));
		if (failed)
			on_error(fault, l->get_msg(v));
		else
			l->free(v);
		return failed ? -1 : 0;
	}
}

static int run(
	struct library *l, const char *filter, const char *text, json_t *list, struct fault *fault)
{
	jq_state *jq = l->init();
	if (!jq)
		return -1;
	l->set_error_cb(jq, on_error, fault);
	int rc = l->compile(jq, filter) ? 0 : -1;
	if (!rc) {
		l->start(jq, l->parse(text), 0);
		rc = collect(l, jq, list, fault);
	}
	l->teardown(&jq);
	return rc;
}

int json_filter(const struct cli *c, const char *filter, const json_t *in, json_t **out)
{
	struct library l = {0};
	struct fault fault = {.l = &l};
	if (load(&l))
		return cli_fail(c, CLI_CONFIG,
			"--jq needs the library libjq.so.1; install the package libjq1");
	char *text = json_dumps(in, JSON_ENCODE_ANY | JSON_COMPACT);
	json_t *list = json_array();
	int rc = text && list ? run(&l, filter, text, list, &fault) : -1;
	free(text);
	if (rc) {
		json_decref(list);
		return cli_fail(c, CLI_USAGE, "the filter '%s' failed: %s", filter,
			fault.text[0] ? fault.text : "no result");
	}
	if (json_array_size(list) == 1) {
		*out = json_incref(json_array_get(list, 0));
		json_decref(list);
	} else {
		*out = list;
	}
	return CLI_OK;
}
