/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/1.1 request over a Unix socket. The only peer is our own server, which answers with
 * Content-Length; anything else is -EPROTO. What is received is bounded before it is allocated.
 */
#ifndef OCKAM_HTTP_CLIENT_H
#define OCKAM_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

enum { HTTP_BODY_MAX = 64 << 20, HTTP_HEAD_MAX = 16384 };

struct http_request {
	const char *socket_path;
	const char *method;
	const char *target; /* encoded path and query */
	const char *type;   /* of the body, or NULL for none */
	const void *body;
	size_t len;
	int64_t timeout_ms;
};

struct http_answer {
	int status;
	char *body; /* NUL-terminated; freed by the caller */
	size_t len;
};

/* 0, -ENOENT or -ECONNREFUSED (nobody listens), -ETIMEDOUT, -EINTR (progress.h), -EPROTO,
 * -ECONNRESET, ... */
int http_call(const struct http_request *q, struct http_answer *out);
/* Percent-encodes all but unreserved characters (RFC 3986); 0, or -ENAMETOOLONG. */
int http_encode(char *dst, size_t cap, const char *src);

#endif
