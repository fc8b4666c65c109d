// SPDX-License-Identifier: Apache-2.0
/*
 * From a request to its answer. libmicrohttpd does not look at a suspended connection, so a watch
 * of ours sees its client leave.
 */
#include "api_server.h"

#include "log.h"
#include "loop.h"
#include "object.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BODY_JSON_MAX = 64 << 10, BODY_BYTES_MAX = WIRE_MSG_MAX };

static int status_of_exit(int exit)
{
	switch (exit) {
	case EXIT_USAGE:
		return MHD_HTTP_BAD_REQUEST;
	case EXIT_DATA:
		return MHD_HTTP_UNPROCESSABLE_CONTENT;
	case EXIT_NOT_FOUND:
		return MHD_HTTP_NOT_FOUND;
	case EXIT_UNREACHABLE:
		return MHD_HTTP_BAD_GATEWAY;
	case EXIT_EXISTS:
	case EXIT_IN_USE:
		return MHD_HTTP_CONFLICT;
	case EXIT_REFUSED:
		return MHD_HTTP_FORBIDDEN;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

/* Takes rq off the list of those that wait. */
static void wait_end(struct api_request *rq)
{
	struct api_request **pp = &rq->p->api->waiting;
	while (*pp && *pp != rq)
		pp = &(*pp)->next;
	if (*pp)
		*pp = rq->next;
	rq->cancel = NULL;
	if (rq->watch) {
		uv_poll_stop(rq->watch);
		uv_close((uv_handle_t *)rq->watch, (uv_close_cb)free);
		rq->watch = NULL;
	}
}

/* Nothing that is answered is for a cache, or to be taken for something else than it says. */
static void add_headers(struct MHD_Response *r, const char *type)
{
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
}

/* buf is from malloc, taken. */
static void respond(
	struct api_request *rq, unsigned status, const char *type, void *buf, size_t len)
{
	if (rq->response) {
		free(buf);
		return;
	}
	rq->response = MHD_create_response_from_buffer(len, buf, MHD_RESPMEM_MUST_FREE);
	if (!rq->response)
		free(buf);
	else
		add_headers(rq->response, type);
	rq->status = status;
	if (rq->suspended) {
		wait_end(rq);
		rq->suspended = false;
		rq->door->kick = true;
		MHD_resume_connection(rq->connection);
	}
}

static void respond_json(struct api_request *rq, unsigned status, json_t *doc)
{
	char *text = doc ? json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(doc);
	if (!text) {
		text = strdup("{\"error\":\"out of memory\",\"exit\":70}");
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	respond(rq, status, "application/json", text, text ? strlen(text) : 0);
}

void api_reply(struct api_request *rq, json_t *doc)
{
	respond_json(rq, MHD_HTTP_OK, doc);
}

void api_reply_text(struct api_request *rq, const char *type, char *text)
{
	if (text)
		respond(rq, MHD_HTTP_OK, type, text, strlen(text));
	else
		respond_json(rq, 0, NULL);
}

void api_reply_bytes(struct api_request *rq, const void *bytes, size_t len)
{
	void *copy = malloc(len ? len : 1);
	if (!copy) {
		respond_json(rq, 0, NULL);
		return;
	}
	if (len)
		memcpy(copy, bytes, len);
	respond(rq, MHD_HTTP_OK, "application/octet-stream", copy, len);
}

/* A sentence may quote what came, which is any bytes, and cut it anywhere. */
static json_t *sentence(const char *text)
{
	json_t *s = json_string(text);
	if (s)
		return s;
	char plain[sizeof((struct reason *)0)->text];
	size_t n = 0;
	for (; text[n] && n < sizeof plain - 1; n++)
		plain[n] = (signed char)text[n] < 0 ? '?' : text[n];
	plain[n] = 0;
	return json_string(plain);
}

static void respond_failure(struct api_request *rq, unsigned status, const struct reason *why)
{
	respond_json(rq, status,
		json_pack("{s:o, s:i}", "error", sentence(why->text), "exit", why->exit));
}

static void fail_status(struct api_request *rq, unsigned status, const struct reason *why)
{
	log_info("api: %s %s: %s", rq->entry ? rq->entry->method : "-",
		rq->entry ? rq->entry->pattern : "unknown path", why->text);
	respond_failure(rq, status, why);
}

void api_fail(struct api_request *rq, const struct reason *why)
{
	fail_status(rq, (unsigned)status_of_exit(why->exit), why);
}

void api_failf(struct api_request *rq, int exit, const char *fmt, ...)
{
	struct reason why = {.exit = exit};
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why.text, sizeof why.text, fmt, ap);
	va_end(ap);
	api_fail(rq, &why);
}

void api_wait(struct api_request *rq, uint64_t timeout_ms, void (*cancel)(void *ctx), void *ctx)
{
	rq->cancel = cancel;
	rq->ctx = ctx;
	rq->deadline_ms = loop_now_ms() + timeout_ms;
}

const char *api_string(const struct api_request *rq, const char *name)
{
	return json_string_value(json_object_get(rq->in, name));
}

bool api_bool(const struct api_request *rq, const char *name, bool dflt)
{
	json_t *v = json_object_get(rq->in, name);
	return v ? json_is_true(v) : dflt;
}

uint64_t api_ms(const struct api_request *rq, uint64_t dflt)
{
	json_t *v = json_object_get(rq->in, "timeout_ms");
	return v ? (uint64_t)json_integer_value(v) : dflt;
}

int api_get_route(struct api_request *rq, const char *name, struct route *out)
{
	struct reason why;
	if (object_route(api_string(rq, name), out, &why) == 0)
		return 0;
	api_fail(rq, &why);
	return -1;
}

int api_get_trust(struct api_request *rq, struct trust *out)
{
	struct reason why;
	if (object_trust(json_object_get(rq->in, "authorized"), out, &why) == 0)
		return 0;
	api_fail(rq, &why);
	return -1;
}

const char *api_address(const struct api_request *rq)
{
	static const char prefix[] = "/service/";
	if (!strncmp(rq->segment, prefix, sizeof prefix - 1))
		return rq->segment + sizeof prefix - 1;
	return rq->segment;
}

json_t *api_trust_json(const struct trust *t)
{
	json_t *list = json_array();
	if (t->any)
		json_array_append_new(list, json_string("any"));
	for (unsigned i = 0; i < t->n; i++) {
		char text[IDENTIFIER_TEXT];
		json_array_append_new(list, json_string(identifier_format(&t->ids[i], text)));
	}
	return list;
}

json_t *api_route_json(const struct route *r)
{
	char text[ROUTE_STRING_MAX];
	if (!r->n || route_format(r, text, sizeof text) < 0)
		return json_null();
	return json_string(text);
}

void api_give_up_request(struct api_request *rq, const char *text)
{
	void (*cancel)(void *) = rq->cancel;
	rq->cancel = NULL;
	if (cancel)
		cancel(rq->ctx);
	api_failf(rq, EXIT_UNREACHABLE, "%s", text);
}

static void on_client_left(uv_poll_t *w, int status, int events)
{
	struct api_request *rq = w->data;
	loop_enter(rq->p);
	api_give_up_request(rq, "the client has left");
}

/* The handler has not answered: sets the connection aside and watches it. */
static void suspend(struct api_request *rq)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(rq->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	rq->suspended = true;
	rq->next = rq->p->api->waiting;
	rq->p->api->waiting = rq;
	MHD_suspend_connection(rq->connection);
	rq->watch = malloc(sizeof *rq->watch);
	if (!rq->watch)
		return;
	if (!info || uv_poll_init_socket(&rq->p->uv, rq->watch, info->connect_fd) < 0) {
		free(rq->watch);
		rq->watch = NULL;
		return;
	}
	rq->watch->data = rq;
	uv_poll_start(rq->watch, UV_DISCONNECT, on_client_left);
}

static int collect(struct api_request *rq, const char *data, size_t len)
{
	size_t max = rq->entry && rq->entry->input == API_BYTES ? BODY_BYTES_MAX : BODY_JSON_MAX;
	if (rq->bytes_len + len > max) {
		rq->too_large = true;
		return 0;
	}
	if (rq->bytes_len + len > rq->bytes_cap) {
		size_t cap = rq->bytes_cap ? rq->bytes_cap * 2 : 4096;
		while (cap < rq->bytes_len + len)
			cap *= 2;
		uint8_t *grown = realloc(rq->bytes, cap);
		if (!grown)
			return -ENOMEM;
		rq->bytes = grown;
		rq->bytes_cap = cap;
	}
	memcpy(rq->bytes + rq->bytes_len, data, len);
	rq->bytes_len += len;
	return 0;
}

struct query {
	struct api_request *rq;
	bool bad;
	char err[160];
};

static enum MHD_Result on_query(
	void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct query *q = cls;
	char text[ROUTE_STRING_MAX];
	if (api_percent_decode(text, sizeof text, value ? value : "") < 0)
		snprintf(q->err, sizeof q->err, "\"%.64s\" is not percent-encoded text", key);
	else if (api_query_add(q->rq->entry->fields, q->rq->in, key, text, q->err, sizeof q->err) ==
		 0)
		return MHD_YES;
	q->bad = true;
	return MHD_NO;
}

/* Fills rq->in; 0, or -1 and the request has been answered. */
static int read_input(struct api_request *rq)
{
	struct query q = {.rq = rq};
	if (rq->entry->input == API_BYTES || !rq->bytes_len) {
		rq->in = json_object();
		if (rq->entry->input == API_BYTES)
			MHD_get_connection_values(
				rq->connection, MHD_GET_ARGUMENT_KIND, on_query, &q);
	} else if (rq->entry->input == API_JSON) {
		json_error_t e;
		rq->in = json_loadb((char *)rq->bytes, rq->bytes_len, JSON_REJECT_DUPLICATES, &e);
		if (!rq->in) {
			api_failf(rq, EXIT_USAGE, "the body is not JSON: %s", e.text);
			return -1;
		}
	}
	if (rq->entry->input == API_NO_INPUT)
		return 0;
	if (q.bad || api_check(rq->entry->fields, rq->in, q.err, sizeof q.err) < 0) {
		api_failf(rq, EXIT_USAGE, "%s", q.err);
		return -1;
	}
	return 0;
}

static void refuse_path(struct api_request *rq, const char *path, const char *method, bool known)
{
	struct reason why;
	char allow[64];
	if (!known) {
		why = reason_make(
			EXIT_NOT_FOUND, "NotFound: the control API has no path %.128s", path);
		fail_status(rq, MHD_HTTP_NOT_FOUND, &why);
		return;
	}
	why = reason_make(
		EXIT_USAGE, "the control API does not take %.16s for %.128s", method, path);
	fail_status(rq, MHD_HTTP_METHOD_NOT_ALLOWED, &why);
	api_methods(api_entries, api_entries_n, path, allow, sizeof allow);
	if (rq->response)
		MHD_add_response_header(rq->response, MHD_HTTP_HEADER_ALLOW, allow);
}

/*
 * By TCP: nobody but who shows the token, and no page that a browser was led to. Strangers write
 * nothing into the log.
 */
static bool admitted(struct api_request *rq, const char *path, const char *method)
{
	struct reason why;
	enum http_verdict v =
		rq->door->guard ? http_guard_ask(rq->door->guard, rq->connection, method, path)
				: HTTP_ADMITTED;
	if (v == HTTP_ADMITTED)
		return true;
	if (v == HTTP_BAD_HOST) {
		why = reason_make(EXIT_REFUSED, "the node answers to 127.0.0.1 and localhost only, "
						"and to no page of another origin");
		respond_failure(rq, MHD_HTTP_FORBIDDEN, &why);
		return false;
	}
	why = reason_make(EXIT_REFUSED,
		"not authorized: the header \"Authorization: Bearer TOKEN\" must have the token in "
		"http_token of the node's directory");
	respond_failure(rq, MHD_HTTP_UNAUTHORIZED, &why);
	if (rq->response)
		MHD_add_response_header(rq->response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	return false;
}

static struct api_request *request_new(
	struct api_door *door, struct MHD_Connection *c, const char *path, const char *method)
{
	struct api_request *rq = calloc(1, sizeof *rq);
	if (!rq)
		return NULL;
	rq->p = door->p;
	rq->door = door;
	rq->connection = c;
	if (!admitted(rq, path, method)) {
		rq->started = true;
		return rq;
	}
	enum api_match m =
		api_match(api_entries, api_entries_n, method, path, &rq->entry, rq->segment);
	if (m != API_FOUND)
		refuse_path(rq, path, method, m == API_NO_METHOD);
	return rq;
}

static void dispatch(struct api_request *rq)
{
	if (rq->response)
		return;
	if (rq->too_large)
		api_failf(rq, EXIT_USAGE, "the body is larger than %d bytes",
			rq->entry->input == API_BYTES ? BODY_BYTES_MAX : BODY_JSON_MAX);
	else if (rq->p->ending)
		api_failf(rq, EXIT_UNREACHABLE, "the node is stopping");
	else if (read_input(rq) == 0)
		rq->entry->fn(rq);
	if (!rq->response && !rq->cancel)
		api_failf(rq, EXIT_INTERNAL, "out of memory");
}

static enum MHD_Result answer(struct api_request *rq)
{
	if (rq->response && rq->status < API_STATUS_END)
		rq->p->api->answers[rq->status]++;
	return rq->response ? MHD_queue_response(rq->connection, rq->status, rq->response) : MHD_NO;
}

enum MHD_Result api_on_request(void *cls, struct MHD_Connection *c, const char *path,
	const char *method, const char *version, const char *data, size_t *len, void **ctx)
{
	struct api_door *door = cls;
	struct api_request *rq = *ctx;
	if (!rq) {
		*ctx = rq = request_new(door, c, path, method);
		/* who is not admitted is answered before anything of a body is read */
		return rq ? rq->started ? answer(rq) : MHD_YES : MHD_NO;
	}
	if (*len) {
		int rc = collect(rq, data, *len);
		*len = 0;
		return rc < 0 ? MHD_NO : MHD_YES;
	}
	if (!rq->started) {
		rq->started = true;
		loop_enter(door->p);
		dispatch(rq);
		if (!rq->response) {
			suspend(rq);
			return MHD_YES;
		}
	}
	return answer(rq);
}

void api_on_completed(
	void *cls, struct MHD_Connection *c, void **ctx, enum MHD_RequestTerminationCode toe)
{
	struct api_request *rq = *ctx;
	if (!rq)
		return;
	*ctx = NULL;
	if (rq->cancel)
		rq->cancel(rq->ctx);
	wait_end(rq);
	if (rq->response)
		MHD_destroy_response(rq->response);
	json_decref(rq->in);
	free(rq->bytes);
	free(rq);
}
