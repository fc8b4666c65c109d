/* SPDX-License-Identifier: Apache-2.0 */
/* Writing mdoc(7), the language of manual pages, from the plain words of the table. */
#ifndef OCKAM_MDOC_H
#define OCKAM_MDOC_H

#include <stdio.h>

/* One argument of a macro, with a space before it: never taken for a macro or a delimiter. */
void mdoc_arg(FILE *f, const char *word);
/* Running text from the start of a line, ending with a newline: one sentence a line, `words` in
 * backquotes as literals, --words as options. */
void mdoc_text(FILE *f, const char *text);
/* Lines as they are, indented. */
void mdoc_literal(FILE *f, const char *lines);

#endif
