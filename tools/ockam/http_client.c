// SPDX-License-Identifier: Apache-2.0
#include "http_client.h"

#include "progress.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int http_encode(char *dst, size_t cap, const char *src)
{
	size_t n = 0;
	for (; *src; src++) {
		unsigned char b = (unsigned char)*src;
		if (n + 4 > cap)
			return -ENAMETOOLONG;
		if (isalnum(b) || strchr("-._~", b))
			dst[n++] = (char)b;
		else
			n += (size_t)snprintf(dst + n, cap - n, "%%%02X", b);
	}
	dst[n] = 0;
	return 0;
}

static int open_socket(const char *path, int64_t deadline_ms)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int rc;
	/* a full backlog answers EAGAIN at once: there is nothing to poll for */
	while ((rc = connect(fd, (struct sockaddr *)&a, sizeof a)) < 0 && errno == EAGAIN) {
		rc = progress_wait(-1, 0, progress_now() + 10);
		if (rc == -EINTR || progress_now() >= deadline_ms)
			break;
	}
	if (rc < 0) {
		int err = errno == EAGAIN ? -ETIMEDOUT : -errno;
		close(fd);
		return progress_signal() ? -EINTR : err;
	}
	return fd;
}

/* -EPIPE is no failure yet: the server may have answered before it read all. */
static int send_all(int fd, const char *p, size_t len, int64_t deadline_ms)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			int rc = progress_wait(fd, POLLOUT, deadline_ms);
			if (rc)
				return rc;
			continue;
		}
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Up to cap bytes; 0 at the end of the stream. */
static ssize_t receive(int fd, char *dst, size_t cap, int64_t deadline_ms)
{
	for (;;) {
		int rc = progress_wait(fd, POLLIN, deadline_ms);
		if (rc)
			return rc;
		ssize_t n = recv(fd, dst, cap, 0);
		if (n >= 0)
			return n;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

static int send_request(int fd, const struct http_request *q, int64_t deadline_ms)
{
	char *head;
	int n = asprintf(&head,
		"%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s%s%sContent-Length: "
		"%zu\r\n\r\n",
		q->method, q->target, q->type ? "Content-Type: " : "", q->type ? q->type : "",
		q->type ? "\r\n" : "", q->len);
	if (n < 0)
		return -ENOMEM;
	int rc = send_all(fd, head, (size_t)n, deadline_ms);
	free(head);
	if (!rc)
		rc = send_all(fd, q->body, q->len, deadline_ms);
	return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
}

/* The status line and Content-Length; the head is NUL-terminated and ends behind its empty line. */
static int parse_head(char *head, int *status, size_t *len)
{
	bool have_len = false;
	if (sscanf(head, "HTTP/1.%*1[01] %3d", status) != 1 || *status < 100)
		return -EPROTO;
	for (char *line = strstr(head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
		char *end, *v = line + 2 + 15;
		if (strncasecmp(line + 2, "Content-Length:", 15))
			continue;
		while (*v == ' ')
			v++;
		if (!isdigit((unsigned char)*v))
			return -EPROTO;
		unsigned long n = strtoul(v, &end, 10);
		if (n > HTTP_BODY_MAX)
			return -EPROTO;
		*len = n;
		have_len = true;
	}
	return have_len ? 0 : -EPROTO;
}

static int read_answer(int fd, struct http_answer *out, int64_t deadline_ms)
{
	char head[HTTP_HEAD_MAX + 1];
	size_t have = 0, len = 0;
	char *end = NULL;
	while (!end) {
		ssize_t n = have < HTTP_HEAD_MAX
				    ? receive(fd, head + have, HTTP_HEAD_MAX - have, deadline_ms)
				    : -EPROTO;
		if (n <= 0)
			return n ? (int)n : -ECONNRESET;
		have += (size_t)n;
		head[have] = 0;
		end = strstr(head, "\r\n\r\n");
	}
	char *rest = end + 4;
	size_t rest_len = have - (size_t)(rest - head);
	*end = 0;
	int rc = parse_head(head, &out->status, &len);
	if (rc)
		return rc;
	char *body = malloc(len + 1);
	if (!body)
		return -ENOMEM;
	size_t got = rest_len < len ? rest_len : len;
	memcpy(body, rest, got);
	while (got < len) {
		ssize_t n = receive(fd, body + got, len - got, deadline_ms);
		if (n <= 0) {
			free(body);
			return n ? (int)n : -ECONNRESET;
		}
		got += (size_t)n;
	}
	body[len] = 0;
	out->body = body;
	out->len = len;
	return 0;
}

int http_call(const struct http_request *q, struct http_answer *out)
{
	int64_t deadline_ms = progress_now() + q->timeout_ms;
	int fd = open_socket(q->socket_path, deadline_ms);
	if (fd < 0)
		return fd;
	int rc = send_request(fd, q, deadline_ms);
	if (!rc)
		rc = read_answer(fd, out, deadline_ms);
	close(fd);
	return rc;
}
