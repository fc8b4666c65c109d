// SPDX-License-Identifier: Apache-2.0
#include "mdoc.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { LINE_WIDTH = 64 }; /* of 80, since some characters become longer */

static void escaped(FILE *f, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\')
			fputs("\\e", f);
		else if (s[i] == '"')
			fputs("\\(dq", f);
		else if (s[i] == '`')
			fputs("\\(ga", f);
		else if (s[i] == '\'')
			fputs("\\(aq", f);
		else if (s[i] == '-')
			fputs("\\-", f);
		else if (s[i] == '~')
			fputs("\\(ti", f);
		else
			fputc(s[i], f);
	}
}

static void arg(FILE *f, const char *s, size_t n)
{
	bool quoted = memchr(s, ' ', n);
	fprintf(f, " %s\\&", quoted ? "\"" : "");
	escaped(f, s, n);
	if (quoted)
		fputc('"', f);
}

void mdoc_arg(FILE *f, const char *word)
{
	arg(f, word, strlen(word));
}

/* What a word may end with, to stand apart from the macro that the word is in. */
static size_t without_delimiters(const char *s, size_t n)
{
	while (n && strchr(".,;:)?!", s[n - 1]))
		n--;
	return n;
}

static void delimiters(FILE *f, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, " %c", s[i]);
	fputc('\n', f);
}

/* A word, or all of what is in backquotes, with what follows up to the next space. */
static size_t word_len(const char *s)
{
	size_t open = s[0] == '(' && s[1] == '`' ? 1 : 0, n = 0;
	if (s[open] == '`') {
		const char *close = strchr(s + open + 1, '`');
		n = close ? (size_t)(close - s) : 0;
	}
	return n + strcspn(s + n, " \n");
}

/* True when it was written as a macro on a line of its own. */
static bool macro(FILE *f, const char *s, size_t n, bool line_start)
{
	size_t open = s[0] == '(', end = without_delimiters(s, n);
	bool option = !strncmp(s + open, "--", 2) && isalpha((unsigned char)s[open + 2]);
	bool literal = end > open + 2 && s[open] == '`' && s[end - 1] == '`';
	if (!option && !literal)
		return false;
	fprintf(f, "%s%s%s", line_start ? "" : "\n", option ? ".Fl" : ".Ql", open ? " (" : "");
	if (option) {
		fputs(" -", f);
		escaped(f, s + open + 2, end - open - 2);
	} else {
		arg(f, s + open + 1, end - open - 2);
	}
	delimiters(f, s + end, n - end);
	return true;
}

static bool ends_sentence(const char *s, size_t n)
{
	return strchr(".!?", s[n - 1]) || (n > 1 && s[n - 1] == ')' && s[n - 2] == '.');
}

void mdoc_text(FILE *f, const char *text)
{
	bool line_start = true;
	size_t width = 0;
	for (const char *s = text + strspn(text, " \n"); *s; s += strspn(s, " \n")) {
		size_t n = word_len(s);
		if (macro(f, s, n, line_start)) {
			line_start = true;
		} else {
			bool full = !line_start && width + n > LINE_WIDTH;
			width = line_start || full ? n : width + n + 1;
			fputs(full ? "\n" : line_start ? "" : " ", f);
			fputs(*s == '.' || *s == '\'' ? "\\&" : "", f);
			escaped(f, s, n);
			line_start = ends_sentence(s, n);
			if (line_start)
				fputc('\n', f);
		}
		s += n;
	}
	if (!line_start)
		fputc('\n', f);
}

void mdoc_literal(FILE *f, const char *lines)
{
	fputs(".Bd -literal -offset indent\n", f);
	for (const char *s = lines; *s;) {
		size_t n = strcspn(s, "\n");
		if (*s == '.' || *s == '\'')
			fputs("\\&", f);
		escaped(f, s, n);
		fputc('\n', f);
		s += n + (s[n] == '\n');
	}
	fputs(".Ed\n", f);
}
