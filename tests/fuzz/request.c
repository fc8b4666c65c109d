// SPDX-License-Identifier: Apache-2.0
/*
 * The control API from the bytes that libmicrohttpd hands over: requests with any method, path,
 * query and body, in pieces, several at a time, whose answers come at once or later, whose clients
 * leave; over the nodes of world.h, which go on meanwhile. libmicrohttpd is modelled here, and
 * opens no socket. Each request is answered once, with JSON where it says so, never for want
 * of memory; nothing is left of it. Some come by the HTTP server: without its token, or for another
 * host, nothing but HEAD / gets through. Linked with stub_sodium.c.
 */
#include "api_server.h"
#include "fuzz.h"
#include "log.h"
#include "loop.h"
#include "stub_sodium.h"
#include "world.h"

#include <errno.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLOTS = 8, STEPS_MAX = 60, PATH_CAP = 255, BODY_CAP = 70000 };

struct MHD_Response {
	void *buf;
	size_t len;
	unsigned refs;
	bool json;
};

struct MHD_Connection {
	bool open, begun, suspended, resumed;
	char *path, *args; /* args: "k=v&k", or NULL */
	const char *method;
	uint8_t *body;
	size_t body_len, sent;
	void *ctx;
	struct MHD_Response *response;
	unsigned status;
	bool http; /* by the HTTP server, with these: */
	const char *host, *authorization, *accept;
};

struct MHD_Daemon {
	MHD_AccessHandlerCallback request;
	MHD_RequestCompletedCallback completed;
	void *request_cls, *completed_cls;
};

static struct MHD_Daemon daemon_one;
static struct MHD_Connection slot[SLOTS];
static struct http_clients clients;
static struct http_guard guard = {.token = {{0xab}}, .port = 4000, .clients = &clients};
static struct api_door http_door = {.guard = &guard};
static const char right_token[] =
	"Bearer ab00000000000000000000000000000000000000000000000000000000000000";
static const char wrong_token[] =
	"Bearer ac00000000000000000000000000000000000000000000000000000000000000";
static unsigned responses; /* that live */
static struct world w;
static struct program p;
static bool started;

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);

int __wrap_socket(int family, int type, int protocol)
{
	if (!started)
		return __real_socket(family, type, protocol);
	errno = EAFNOSUPPORT;
	return -1;
}

uint64_t uv_hrtime(void)
{
	return w.now * 1000000;
}

/* libmicrohttpd */

struct MHD_Daemon *MHD_start_daemon(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback apc,
	void *apc_cls, MHD_AccessHandlerCallback dh, void *dh_cls, ...)
{
	va_list ap;
	enum MHD_OPTION o;
	daemon_one = (struct MHD_Daemon){.request = dh, .request_cls = dh_cls};
	va_start(ap, dh_cls);
	while ((o = va_arg(ap, enum MHD_OPTION)) != MHD_OPTION_END) {
		if (o == MHD_OPTION_NOTIFY_COMPLETED) {
			daemon_one.completed = va_arg(ap, MHD_RequestCompletedCallback);
			daemon_one.completed_cls = va_arg(ap, void *);
		} else if (o == MHD_OPTION_UNESCAPE_CALLBACK) {
			va_arg(ap, void *);
			va_arg(ap, void *);
		} else {
			va_arg(ap, unsigned int);
		}
	}
	va_end(ap);
	return &daemon_one;
}

void MHD_stop_daemon(struct MHD_Daemon *d)
{
}

enum MHD_Result MHD_run(struct MHD_Daemon *d)
{
	return MHD_YES;
}

enum MHD_Result MHD_get_timeout(struct MHD_Daemon *d, MHD_UNSIGNED_LONG_LONG *ms)
{
	return MHD_NO;
}

const union MHD_DaemonInfo *MHD_get_daemon_info(
	struct MHD_Daemon *d, enum MHD_DaemonInfoType what, ...)
{
	static union MHD_DaemonInfo info;
	info.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return &info;
}

/* None: the program then does not watch the client. */
const union MHD_ConnectionInfo *MHD_get_connection_info(
	struct MHD_Connection *c, enum MHD_ConnectionInfoType what, ...)
{
	return NULL;
}

struct MHD_Response *MHD_create_response_from_buffer(
	size_t len, void *buf, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *r = calloc(1, sizeof *r);
	CHECK(r && mode == MHD_RESPMEM_MUST_FREE);
	*r = (struct MHD_Response){.buf = buf, .len = len, .refs = 1};
	responses++;
	return r;
}

enum MHD_Result MHD_add_response_header(
	struct MHD_Response *r, const char *header, const char *content)
{
	r->json |= !strcmp(content, "application/json");
	return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *r)
{
	if (--r->refs)
		return;
	free(r->buf);
	free(r);
	responses--;
}

enum MHD_Result MHD_queue_response(
	struct MHD_Connection *c, unsigned int status, struct MHD_Response *r)
{
	json_error_t e;
	CHECK(c->open && !c->response && !c->suspended);
	CHECK(status >= 200 && status < 600);
	if (r->json) {
		json_t *doc = json_loadb(r->buf, r->len, JSON_DECODE_ANY, &e);
		CHECK(doc);
		if (status >= 400) {
			const char *why = json_string_value(json_object_get(doc, "error"));
			CHECK(why && *why && strcmp(why, "out of memory")); /* there was enough */
			CHECK(json_integer_value(json_object_get(doc, "exit")) > 0);
		}
		json_decref(doc);
	}
	r->refs++;
	c->response = r;
	c->status = status;
	return MHD_YES;
}

static int each_header(struct MHD_Connection *c, MHD_KeyValueIterator fn, void *cls)
{
	const char *const headers[][2] = {
		{"host", c->host}, {"AUTHORIZATION", c->authorization}, {"Accept", c->accept}};
	int n = 0;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		if (headers[i][1] && ++n &&
			fn(cls, MHD_HEADER_KIND, headers[i][0], headers[i][1]) == MHD_NO)
			break;
	return n;
}

const char *MHD_lookup_connection_value(
	struct MHD_Connection *c, enum MHD_ValueKind kind, const char *key)
{
	CHECK(kind == MHD_HEADER_KIND && !strcmp(key, MHD_HTTP_HEADER_ACCEPT));
	return c->accept;
}

int MHD_get_connection_values(
	struct MHD_Connection *c, enum MHD_ValueKind kind, MHD_KeyValueIterator fn, void *cls)
{
	if (kind == MHD_HEADER_KIND)
		return each_header(c, fn, cls);
	char *save = NULL, *copy = c->args ? strdup(c->args) : NULL;
	int n = 0;
	for (char *kv = copy ? strtok_r(copy, "&", &save) : NULL; kv;
		kv = strtok_r(NULL, "&", &save)) {
		char *eq = strchr(kv, '=');
		if (eq)
			*eq++ = 0;
		n++;
		if (fn(cls, kind, kv, eq) == MHD_NO)
			break;
	}
	free(copy);
	return n;
}

void MHD_suspend_connection(struct MHD_Connection *c)
{
	CHECK(c->open && !c->suspended);
	c->suspended = true;
}

void MHD_resume_connection(struct MHD_Connection *c)
{
	CHECK(c->open && c->suspended);
	c->suspended = false;
	c->resumed = true;
}

/* What it does with a connection. */

static void completed(struct MHD_Connection *c)
{
	if (c->begun)
		daemon_one.completed(daemon_one.completed_cls, c, &c->ctx,
			c->response ? MHD_REQUEST_TERMINATED_COMPLETED_OK
				    : MHD_REQUEST_TERMINATED_CLIENT_ABORT);
	if (c->response)
		MHD_destroy_response(c->response);
	free(c->path);
	free(c->args);
	free(c->body);
	*c = (struct MHD_Connection){.open = false};
}

static bool call(struct MHD_Connection *c, size_t len)
{
	size_t left = len;
	void *door = c->http ? &http_door : daemon_one.request_cls;
	enum MHD_Result rc = daemon_one.request(
		door, c, c->path, c->method, "HTTP/1.1", (char *)c->body + c->sent, &left, &c->ctx);
	c->begun = true;
	CHECK(left <= len);
	c->sent += len - left;
	return rc == MHD_YES;
}

/* Who has not shown the token, to this host, is told so and nothing else. */
static void check_guarded(const struct MHD_Connection *c)
{
	bool fits = c->authorization == right_token, host = c->host && strncmp(c->host, "evil", 4);
	bool open = !strcmp(c->method, "HEAD") && !strcmp(c->path, "/");
	if (!c->http || !c->response)
		return;
	CHECK((c->status == MHD_HTTP_UNAUTHORIZED) == (host && !fits && !open));
	if (!host)
		CHECK(c->status == MHD_HTTP_FORBIDDEN);
}

/* Gives it up to `most` bytes of the body, or its end. */
static void feed(struct MHD_Connection *c, size_t most)
{
	size_t left = c->body_len - c->sent, n = left < most ? left : most;
	if (!c->open || c->suspended || c->response)
		return;
	bool ok = call(c, c->begun ? n : 0);
	CHECK(ok || c->response == NULL);
	check_guarded(c);
	if (!ok || c->response)
		completed(c);
}

static void go_on(void)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (slot[i].resumed) {
			slot[i].resumed = false;
			CHECK(call(&slot[i], 0) && slot[i].response);
			completed(&slot[i]);
		}
}

/* Steps. */

static char *text(struct rd *r, size_t n)
{
	n = rd_left(r) < n ? rd_left(r) : n;
	char *s = malloc(n + 1);
	CHECK(s);
	if (n)
		memcpy(s, rd_bytes(r, n), n);
	s[n] = 0;
	return s;
}

/* 0: as it should be; else one thing is wrong, or missing. */
static void by_http(struct MHD_Connection *c, unsigned how)
{
	static const char *const hosts[] = {
		"localhost:4000", "127.0.0.1:4000", "localhost:4000", "evil.example:4000"};
	static const char *const tokens[] = {right_token, wrong_token, NULL, right_token};
	c->http = true;
	c->host = hosts[how];
	c->authorization = tokens[how];
	c->accept = "application/openmetrics-text; version=1.0.0";
}

static void begin_request(struct rd *r)
{
	static const char *const methods[] = {"GET", "POST", "DELETE", "HEAD"};
	struct MHD_Connection *c = &slot[rd_u8(r) % SLOTS];
	uint8_t how = rd_u8(r);
	size_t path_len = rd_u8(r), body_len = rd_u16(r), repeat = how & 0x80 ? 40 : 1;
	if (c->open)
		return;
	c->open = true;
	if (how & 0x10)
		by_http(c, how >> 2 & 3);
	c->method = methods[how % 4];
	c->path = text(r, path_len);
	char *mark = strchr(c->path, '?');
	if (mark) {
		*mark = 0;
		c->args = strdup(mark + 1);
	}
	body_len = rd_left(r) < body_len ? rd_left(r) : body_len;
	if (body_len * repeat > BODY_CAP)
		repeat = 1;
	c->body = malloc(body_len * repeat + 1);
	CHECK(c->body);
	const uint8_t *body = rd_bytes(r, body_len);
	for (size_t i = 0; body_len && i < repeat; i++)
		memcpy(c->body + i * body_len, body, body_len);
	c->body_len = body_len * repeat;
	if (!(how & 0x40)) /* at once: the head, the body, its end */
		for (unsigned i = 0; i < 3; i++)
			feed(c, how & 0x20 ? c->body_len / 2 + 1 : c->body_len);
}

static void step(struct rd *r)
{
	struct MHD_Connection *c;
	switch (rd_u8(r) % 8) {
	case 0:
	case 1:
	case 2:
		begin_request(r);
		break;
	case 3:
		feed(&slot[rd_u8(r) % SLOTS], rd_u8(r));
		break;
	case 4:
		world_run(&w, 4u * rd_u8(r));
		break;
	case 5:
		world_pass(&w, 100u * rd_u8(r));
		break;
	case 6:
		c = &slot[rd_u8(r) % SLOTS];
		if (c->open && !c->suspended)
			completed(c); /* its client has left */
		break;
	default:
		world_enter(&w, &w.node[0]);
		api_give_up(&p);
	}
	go_on();
}

static void wind_up(void)
{
	world_enter(&w, &w.node[0]);
	api_give_up(&p);
	go_on();
	for (unsigned i = 0; i < SLOTS; i++) {
		CHECK(!slot[i].suspended);
		if (slot[i].open)
			completed(&slot[i]);
	}
	CHECK(!responses);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct reason why;
	log_init(2, LOG_ERROR, false, "fuzz");
	snprintf(p.dir, sizeof p.dir, "/tmp/ockam-fuzz.XXXXXX");
	CHECK(mkdtemp(p.dir) && !uv_loop_init(&p.uv) && !api_open(&p, &why));
	char path[PATH_MAX];
	program_path(&p, "control.sock", path, sizeof path);
	unlink(path);
	rmdir(p.dir);
	strcpy(p.name, "a");
	p.temporary = true;
	p.lock_fd = p.ready_fd = -1;
	http_door.p = &p;
	started = true;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	stub_random_reset();
	world_init(&w);
	p.node = w.node[0].n;
	CHECK(!home_open(&p.home, "/nonexistent/home", HOME_READ));
	for (unsigned i = 0; i < STEPS_MAX && rd_left(&r); i++)
		step(&r);
	wind_up();
	home_close(p.home);
	world_fini(&w);
	return 0;
}
