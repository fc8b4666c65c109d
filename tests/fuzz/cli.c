// SPDX-License-Identifier: Apache-2.0
/* Command lines: words are separated by NUL. */
#include "cli.h"
#include "fuzz.h"
#include "parse.h"

enum { WORDS_MAX = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cli c;
	struct args a;
	struct rd in = rd_init(data, size);
	char *words[WORDS_MAX + 1] = {NULL}, err[512] = "";
	int n = 0;
	char *text = fuzz_text(&in, 4000);
	size_t len = size < 4000 ? size : 4000;
	for (char *w = text; w <= text + len && n < WORDS_MAX; w += strlen(w) + 1)
		words[n++] = strdup(w);
	free(text);
	memset(&c, 0, sizeof c);
	int rc = parse_line(&c, n, words, &a, err, sizeof err);
	CHECK(rc == CLI_OK || rc == CLI_USAGE);
	CHECK(rc == CLI_OK || *err);
	CHECK(strnlen(err, sizeof err) < sizeof err);
	if (rc == CLI_OK) {
		for (unsigned i = 0; i < a.given_n; i++) {
			CHECK(a.given[i].option);
			CHECK(a.given[i].value || a.given[i].option->kind == VALUE_NONE);
		}
		if (a.command && table_option(a.command, "timeout", strlen("timeout")))
			CHECK(args_ms(&a, "timeout", 5) >= 0);
	}
	parse_fini(&a);
	for (int i = 0; i < n; i++)
		free(words[i]);
	return 0;
}
