// SPDX-License-Identifier: Apache-2.0
#include "node.h"

#include "socket.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ARGS_MAX = 24, SHOW_MAX = 64 << 10, HEAD_MAX = 1024, ANSWER_SECONDS = 30 };

int node_home(const struct bench *b, const char *name)
{
	char home[PATH_MAX + 32];
	snprintf(home, sizeof home, "%s/%s", b->dir, name);
	if (mkdir(home, 0700) < 0 && errno != EEXIST)
		return -errno;
	return setenv("OCKAM_HOME", home, 1) < 0 ? -errno : 0;
}

int node_command(const struct bench *b, const char *const args[], char *out, size_t cap,
	struct proc_result *r)
{
	const char *argv[ARGS_MAX] = {b->ockam};
	struct proc_result mine;
	unsigned n = 1;
	while (*args && n < ARGS_MAX - 2)
		argv[n++] = *args++;
	argv[n++] = "--quiet";
	int rc = proc_run((char *const *)argv, out, cap, r ? r : &mine);
	int status = r ? r->status : mine.status;
	if (rc < 0 || !status)
		return rc;
	bench_say("ockam %s %s ended with status %d", argv[1], argv[2] ? argv[2] : "", status);
	return -EIO;
}

/* The port of its first listener of this type; 0: it has none. */
static uint16_t port_of(const json_t *transports, const char *type)
{
	size_t i;
	const json_t *t;
	json_array_foreach(transports, i, t)
	{
		const char *have = json_string_value(json_object_get(t, "type"));
		const char *address = json_string_value(json_object_get(t, "socket_address"));
		const char *colon = address ? strrchr(address, ':') : NULL;
		if (have && colon && !strcasecmp(have, type))
			return (uint16_t)strtoul(colon + 1, NULL, 10);
	}
	return 0;
}

static int node_read(json_t *j, struct node_info *info)
{
	int control = 0, dataplane = 0;
	json_t *transports = NULL;
	if (json_unpack(j, "{s:i, s:{s:i}, s:o}", "pid", &control, "dataplane", "pid", &dataplane,
		    "transports", &transports) < 0)
		return -EPROTO;
	*info = (struct node_info){
		control, dataplane, port_of(transports, "tcp"), port_of(transports, "udp")};
	return info->port && info->udp_port ? 0 : -EPROTO;
}

/* What `node show` says; a new reference. */
static int node_show(const struct bench *b, const char *name, json_t **out)
{
	char *text = malloc(SHOW_MAX);
	const char *args[] = {"node", "show", name, "--output", "json", NULL};
	int rc = text ? node_command(b, args, text, SHOW_MAX, NULL) : -ENOMEM;
	if (rc == 0)
		*out = json_loads(text, 0, NULL);
	free(text);
	return rc < 0 ? rc : *out ? 0 : -EPROTO;
}

int node_look(const struct bench *b, const char *name, struct node_info *info)
{
	json_t *j;
	int rc = node_show(b, name, &j);
	if (rc < 0)
		return rc;
	rc = node_read(j, info);
	json_decref(j);
	return rc;
}

int node_kernel_frames(
	const struct bench *b, const char *name, uint64_t *frames, char *why, size_t cap)
{
	json_t *j;
	json_int_t n = 0;
	const char *reason = NULL;
	int rc = node_show(b, name, &j);
	if (rc < 0)
		return rc;
	const json_t *kernel = json_object_get(j, "kernel_relay");
	n = json_integer_value(json_object_get(kernel, "frames"));
	reason = json_string_value(json_object_get(kernel, "why"));
	snprintf(why, cap, "%s", reason ? reason : "no reason is given");
	*frames = (uint64_t)n;
	json_decref(j);
	return 0;
}

int node_create_with(const struct bench *b, const char *name, const char *const options[],
	struct node_info *info)
{
	const char *args[ARGS_MAX] = {"node", "create", name, "--transit", "127.0.0.0/8",
		"--udp-listener-address", "127.0.0.1:0"};
	unsigned n = 7;
	for (; options && *options && n < ARGS_MAX - 1; options++)
		args[n++] = *options;
	int rc = node_command(b, args, NULL, 0, NULL);
	return rc < 0 ? rc : node_look(b, name, info);
}

int node_create(const struct bench *b, const char *name, struct node_info *info)
{
	return node_create_with(b, name, NULL, info);
}

void node_delete_all(const struct bench *b)
{
	const char *args[] = {"node", "delete", "--all", "--yes", NULL};
	node_command(b, args, NULL, 0, NULL);
}

uint64_t node_cpu_ns(const struct node_info *info)
{
	return proc_cpu_ns(info->control) + proc_cpu_ns(info->dataplane);
}

int node_api_open(const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	if ((size_t)snprintf(sa.sun_path, sizeof sa.sun_path, "%s/run/%s/control.sock",
		    getenv("OCKAM_HOME"), name) >= sizeof sa.sun_path)
		return -ENAMETOOLONG;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	socket_timeout(fd, ANSWER_SECONDS);
	return fd;
}

/* Reads the head of an answer: how many bytes of it and of the body came, and the body's length. */
static int read_head(int fd, char *head, size_t *have, size_t *head_len, size_t *body_len)
{
	char *end = NULL, *field;
	int status = 0;
	*have = 0;
	while (!end) {
		ssize_t n = *have < HEAD_MAX ? recv(fd, head + *have, HEAD_MAX - *have, 0) : -1;
		if (n <= 0)
			return n < 0 && *have < HEAD_MAX ? -errno : -EPROTO;
		*have += (size_t)n;
		head[*have] = 0;
		end = strstr(head, "\r\n\r\n");
	}
	*head_len = (size_t)(end + 4 - head);
	field = strcasestr(head, "\r\ncontent-length:");
	if (sscanf(head, "HTTP/1.1 %3d", &status) != 1 || status != 200 || !field || field > end)
		return -EPROTO;
	*body_len = strtoul(field + 17, NULL, 10);
	return 0;
}

int node_api_call(int fd, const char *method, const char *path, const char *type, const void *p,
	size_t len, void *reply, size_t cap)
{
	char head[HEAD_MAX + 1];
	size_t have = 0, head_len = 0, body_len = 0;
	int n = snprintf(head, sizeof head,
		"%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: "
		"%zu\r\n\r\n",
		method, path, type, len);
	if (n < 0 || (size_t)n + len > HEAD_MAX)
		return -EMSGSIZE;
	memcpy(head + n, p, len);
	int rc = socket_send(fd, head, (size_t)n + len);
	if (rc == 0)
		rc = read_head(fd, head, &have, &head_len, &body_len);
	if (rc < 0)
		return rc;
	if (body_len > cap || have - head_len > body_len)
		return -EMSGSIZE;
	memcpy(reply, head + head_len, have - head_len);
	rc = socket_receive(fd, (char *)reply + (have - head_len), body_len - (have - head_len));
	return rc < 0 ? rc : (int)body_len;
}

int node_api_message(int fd, const char *to, const void *p, size_t len, void *reply, size_t cap)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "/v1/messages?to=%s", to);
	return node_api_call(fd, "POST", path, "application/octet-stream", p, len, reply, cap);
}
