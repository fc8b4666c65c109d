// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include "layout.h"

#include <stdio.h>
#include <string.h>

static const char top[] = "Usage: ockam-dp [OPTIONS] OBJECT [COMMAND]\n"
			  "       ockam-dp [OPTIONS] monitor [OBJECT] [FILTER]\n"
			  "       ockam-dp [OPTIONS] stats [FILTER]\n"
			  "       ockam-dp [OPTIONS] -batch FILE\n"
			  "       ockam-dp OBJECT help\n"
			  "\n"
			  "Looks at the data plane of a node of OCKAM_HOME that runs, and acts on "
			  "it. Words and options may\n"
			  "be shortened; of several that fit, the first in these lists is meant. "
			  "Options stand anywhere.\n"
			  "\nOBJECT :=\n";

static void option_help(void *ctx, const char *const *names, const char *arg, const char *help)
{
	char left[64];
	size_t n = 0;
	(void)ctx;
	for (unsigned k = 0; names[k] && n < sizeof left; k++)
		n += (size_t)snprintf(left + n, sizeof left - n, "%s-%s", k ? ", " : "", names[k]);
	if (arg && n < sizeof left)
		snprintf(left + n, sizeof left - n, "%s%s", arg[0] == '=' ? "" : " ", arg);
	printf("  %-30s %s\n", left, help);
}

static const char filter_help[] =
	"\nFILTER := NAME [eq|ne|gt|ge|lt|le] VALUE, joined by and (may be left out), or, not, ( "
	")\n"
	"  Numbers may end in k M G Ki Mi Gi, times in us ms s m h; texts may hold * and ?, the\n"
	"  identifier of a peer may be shortened; `bytes` and `frames` are both ways together.\n";

static void help_all(void)
{
	printf("%s", top);
	for (unsigned o = 0; o < ADMIN_EVENT; o++)
		printf("  %-10s %s\n", admin_objects[o].name, layouts[o].about);
	printf("\nCOMMAND := show [FILTER] (what is done without one) | get KEY... | set KEY... "
	       "WHAT |\n"
	       "           del KEY... | monitor [FILTER] | stats [FILTER] | help\n"
	       "\nOPTIONS :=\n");
	options_each(option_help, NULL);
	printf("%s\nExit status: 0; 2 usage, 66 not found, 69 no answer, 74 I/O, 75 busy, 77 not "
	       "yours, "
	       "78 configuration.\n",
		filter_help);
}

static void names(const char *what, uint64_t which)
{
	unsigned at = (unsigned)printf("  %-9s", what);
	for (unsigned a = 1; a < ADMIN_A_END; a++) {
		if (!(which & ADMIN_HAS(a)))
			continue;
		if (at + strlen(admin_attrs[a].name) + 1 > 90)
			at = (unsigned)printf("\n           ") - 1;
		at += (unsigned)printf(" %s", admin_attrs[a].name);
	}
	printf("\n");
}

void help_print(enum admin_object o)
{
	if (o == ADMIN_OBJECTS_END) {
		help_all();
		return;
	}
	const struct admin_object_info *info = &admin_objects[o];
	printf("%s: %s.\n\n", info->name, layouts[o].about);
	for (unsigned v = 0; v < VERBS; v++) {
		const bool keys = v == VERB_GET || v == VERB_SET || v == VERB_DEL;
		if (!verb_applies((enum dp_verb)v, o))
			continue;
		printf("%s ockam-dp %s %s", v ? "      " : "Usage:", info->name,
			verb_name((enum dp_verb)v));
		for (unsigned a = 1; keys && a < ADMIN_A_END; a++)
			if (info->keys & ADMIN_HAS(a))
				printf(" [%s] %s", admin_attrs[a].name,
					admin_attrs[a].kind == ADMIN_TEXT ? "TEXT" : "NUMBER");
		for (unsigned a = 1; v == VERB_SET && a < ADMIN_A_END; a++)
			if (info->set & ADMIN_HAS(a))
				printf(" %s", admin_attrs[a].name);
		printf("%s\n", keys || v == VERB_HELP ? "" : " [FILTER]");
	}
	printf("\n");
	names("key", info->keys);
	names("values", layout_all(o) & ~info->keys);
	printf("%s", filter_help);
}
