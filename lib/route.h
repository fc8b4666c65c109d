/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: multi-addresses as users write them ("/node/n2/service/api") and as CBOR on the wire
 * ([[code, value], ...]). A parsed route is a flat array of elements; it owns its text.
 */
#ifndef OCKAM_ROUTE_H
#define OCKAM_ROUTE_H

#include "bytes.h"
#include "wire.h"

enum {
	ROUTE_ELEMENTS_MAX = 3 * WIRE_HOPS_MAX, /* host + port + service for each hop */
	ROUTE_TEXT_MAX = 107,			/* a Unix socket path; names are shorter */
	ROUTE_STRING_MAX = 4096,
};

struct route_element {
	enum route_code code;
	uint16_t port;		  /* TCP, UDP */
	uint8_t len;		  /* IP4: 4, IP6: 16, handle: 16 (is_handle), else strlen(text) */
	bool is_handle;		  /* SERVICE whose value is a 16-byte reply handle in `addr` */
	uint8_t addr[16];	  /* network order */
	char text[ROUTE_TEXT_MAX + 1]; /* NODE, SERVICE, WORKER, SECURE, DNSADDR, UNIX (decoded) */
};

struct route {
	unsigned n;
	struct route_element e[ROUTE_ELEMENTS_MAX];
};

/*
 * Parses text (CLI.md §2). 0, or -EINVAL with one clause in err, e.g. `unknown protocol "foo"`,
 * `"tcp" needs a port, got "x"`, `route ends after "/node"`, more than 16 hops naming both limits.
 * Every transport element (tcp, udp) must follow a host; every host must be followed by one.
 */
int route_parse(struct route *out, const char *text, char *err, size_t err_len);
/* Writes the canonical text; the length, or -ENAMETOOLONG. */
int route_format(const struct route *r, char *dst, size_t cap);
/* CBOR array from element `from` on; w->bad when it does not fit. NODE and SECURE set w->bad. */
void route_encode(struct wr *w, const struct route *r, unsigned from);
/* Decodes and validates one CBOR route of at most WIRE_ROUTE_MAX bytes; sets r->bad on any fault. */
void route_decode(struct rd *r, struct route *out);
/* Appends; -E2BIG when full. */
int route_append(struct route *r, const struct route_element *e);
int route_append_text(struct route *r, enum route_code code, const char *text);
/* Hops as the limit of 16 counts them: hosts, nodes, services, channels; a tcp/udp port adds none. */
unsigned route_hops(const struct route *r);
/* [A-Za-z0-9_][A-Za-z0-9_-]*, at most 64 bytes. */
bool route_name_valid(const char *name);

#endif
