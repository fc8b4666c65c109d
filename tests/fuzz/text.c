// SPDX-License-Identifier: Apache-2.0
/*
 * The small things that users write: durations, addresses, transit rules, `-` in routes, hex,
 * identifiers, the addresses of listeners and links; and what a header of HTTP says.
 */
#include "address.h"
#include "duration.h"
#include "fuzz.h"
#include "hex.h"
#include "http_guard.h"
#include "link.h"
#include "route.h"
#include "stdin_route.h"
#include "tcp_listener.h"
#include "transit.h"

#include <netinet/in.h>

static void duration(const char *s)
{
	int64_t ms;
	if (!duration_parse(s, &ms))
		CHECK(ms >= 0 && ms <= DURATION_DAYS_MAX * 86400000ll);
}

static void stdin_route(const char *s, const char *line)
{
	char dst[ROUTE_STRING_MAX], why[160];
	stdin_route_wanted(s);
	stdin_route_check(s, why, sizeof why);
	if (stdin_route_wanted(s) && !stdin_route_join(s, line, dst, sizeof dst, why, sizeof why))
		CHECK(strnlen(dst, sizeof dst) < sizeof dst);
}

static void hex(const char *s)
{
	uint8_t bytes[64];
	char again[2 * sizeof bytes + 1];
	int n = hex_decode(bytes, sizeof bytes, s, strlen(s));
	if (n >= 0)
		CHECK(!strcasecmp(hex_encode(again, bytes, (size_t)n), s));
}

static void identifier(const char *s)
{
	struct identifier id;
	char text[IDENTIFIER_TEXT];
	if (!identifier_parse(&id, s))
		CHECK(!strcasecmp(identifier_format(&id, text), s));
}

static void link_target(const char *s)
{
	struct link_target t, again;
	char text[200];
	if (link_target_parse(&t, s) < 0)
		return;
	link_target_format(&t, text, sizeof text);
	CHECK(!link_target_parse(&again, text) && again.port == t.port);
}

static void tcp_address(const char *s)
{
	struct tcp_address a, again;
	struct reason why;
	struct route r;
	char text[TCP_ADDRESS_TEXT], route[ROUTE_STRING_MAX], err[160];
	if (tcp_address_parse(&a, s, &why) < 0) {
		CHECK(*why.text);
		return;
	}
	tcp_address_format(&a, text);
	CHECK(!tcp_address_parse(&again, text, &why));
	CHECK(again.len == a.len && !memcmp(&again.any, &a.any, a.len));
	bool picked = a.sa.sa_family == AF_UNIX || ((struct sockaddr_in *)&a.any)->sin_port;
	if (picked && tcp_address_route(&a, route, sizeof route) >= 0)
		CHECK(!route_parse(&r, route, err, sizeof err));
}

/* The command checks early what the node checks again: it refuses nothing that a node would take.
 */
static void address(const char *s)
{
	struct link_target t;
	if (!link_target_parse(&t, s))
		CHECK(address_valid(s));
}

/* Nobody gets in but by the very words. */
static void http_headers(const char *s)
{
	static const struct secret32 token = {{0xab}};
	static const char digits[] = "ab00000000000000000000000000000000000000000000000000000000000000";
	if (http_host_fits(s, 4000))
		CHECK(!strcasecmp(s, "localhost:4000") || !strcasecmp(s, "127.0.0.1:4000"));
	if (http_origin_fits(s, 4000))
		CHECK(!strncasecmp(s, "http://", 7) && http_host_fits(s + 7, 4000));
	if (http_token_fits(s, &token))
		CHECK(strlen(s) > sizeof digits && !strcasecmp(s + strlen(s) - (sizeof digits - 1), digits));
}

static void transit(const char *s)
{
	struct transit *t = transit_new();
	if (!t)
		abort();
	if (!transit_allow(t, s))
		CHECK(address_transit_valid(s));
	transit_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	uint8_t what = rd_u8(&in);
	char *s = fuzz_text(&in, 5000), *half = s + strlen(s) / 2;
	switch (what % 8) {
	case 0:
		duration(s);
		break;
	case 1:
		address(s);
		http_headers(s);
		break;
	case 2:
		transit(s);
		break;
	case 3:
		stdin_route(s, half);
		break;
	case 4:
		hex(s);
		break;
	case 5:
		identifier(s);
		break;
	case 6:
		link_target(s);
		break;
	default:
		tcp_address(s);
	}
	free(s);
	return 0;
}
