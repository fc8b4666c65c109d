// SPDX-License-Identifier: Apache-2.0
#include "http_guard.h"

#include "hex.h"

#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_DIGITS = 64 };

bool http_host_fits(const char *host, uint16_t port)
{
	static const char *const names[] = {"127.0.0.1", "localhost"};
	char tail[8];
	snprintf(tail, sizeof tail, ":%u", port);
	for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);
		if (strncasecmp(host, names[i], n))
			continue;
		if (!strcmp(host + n, tail) || (port == 80 && !host[n]))
			return true;
	}
	return false;
}

bool http_origin_fits(const char *origin, uint16_t port)
{
	static const char scheme[] = "http://";
	return !origin || (!strncasecmp(origin, scheme, sizeof scheme - 1) &&
				  http_host_fits(origin + sizeof scheme - 1, port));
}

bool http_token_fits(const char *authorization, const struct secret32 *token)
{
	static const char scheme[] = "Bearer";
	struct secret32 shown;
	if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) ||
		authorization[sizeof scheme - 1] != ' ')
		return false;
	const char *text = authorization + sizeof scheme;
	text += strspn(text, " ");
	if (strlen(text) != TOKEN_DIGITS ||
		hex_decode(shown.b, sizeof shown.b, text, TOKEN_DIGITS) < 0)
		return false;
	bool fits = sodium_memcmp(shown.b, token->b, sizeof shown.b) == 0;
	secret_wipe(&shown, sizeof shown);
	return fits;
}

struct wanted {
	const char *name, *value;
};

static enum MHD_Result on_header(
	void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct wanted *w = cls;
	if (!strcasecmp(name, w->name))
		w->value = w->value || !value ? "" : value;
	return MHD_YES;
}

/* NULL: there is none. One that came twice is "", which fits nothing. */
static const char *header(struct MHD_Connection *c, const char *name)
{
	struct wanted w = {.name = name};
	MHD_get_connection_values(c, MHD_HEADER_KIND, on_header, &w);
	return w.value;
}

enum http_verdict http_guard_ask(
	const struct http_guard *g, struct MHD_Connection *c, const char *method, const char *path)
{
	if (!http_host_fits(header(c, MHD_HTTP_HEADER_HOST), g->port) ||
		!http_origin_fits(header(c, MHD_HTTP_HEADER_ORIGIN), g->port))
		return HTTP_BAD_HOST;
	if (!strcmp(method, MHD_HTTP_METHOD_HEAD) && !strcmp(path, "/"))
		return HTTP_ADMITTED;
	if (!http_token_fits(header(c, MHD_HTTP_HEADER_AUTHORIZATION), &g->token))
		return HTTP_NO_TOKEN;
	http_clients_trust(g->clients, c);
	return HTTP_ADMITTED;
}
