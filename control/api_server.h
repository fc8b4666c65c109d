/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where requests come in: control.sock, and the HTTP server on 127.0.0.1 when the node has one. A
 * door is one daemon of libmicrohttpd, driven by the program's loop; behind both is the one API
 * (api.c). On the loop's thread.
 */
#ifndef OCKAM_API_SERVER_H
#define OCKAM_API_SERVER_H

#include "api.h"
#include "http_clients.h"
#include "http_guard.h"
#include "tcp_listener.h"

#include <microhttpd.h>

enum { API_STATUS_END = 600 };

struct api_door {
	struct program *p;
	struct MHD_Daemon *mhd; /* NULL: there is none */
	uv_poll_t poll;
	bool kick;		  /* a request was resumed */
	struct http_guard *guard; /* NULL: the mode of the socket's file is the guard */
};

struct api {
	struct api_door local, http;
	uv_timer_t timer; /* what libmicrohttpd, a waiting request or a slow client asks for */
	uv_prepare_t prepare;
	struct api_request *waiting;
	uint64_t answers[API_STATUS_END]; /* by status of HTTP, both doors */
	struct http_guard guard;
	struct http_clients clients;	     /* of the HTTP server */
	char http_address[TCP_ADDRESS_TEXT]; /* "127.0.0.1:PORT", or empty */
};

/* api.c's part. cls is the door. */
enum MHD_Result api_on_request(void *cls, struct MHD_Connection *c, const char *path,
	const char *method, const char *version, const char *data, size_t *len, void **ctx);
void api_on_completed(
	void *cls, struct MHD_Connection *c, void **ctx, enum MHD_RequestTerminationCode toe);
/* Of one that waits: the client has left, the time is over, or the node ends. */
void api_give_up_request(struct api_request *rq, const char *text);

#endif
