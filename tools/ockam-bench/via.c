// SPDX-License-Identifier: Apache-2.0
#include "via.h"

#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPE_SIZE = 1 << 20, READY_TRIES = 500, READY_STEP_MS = 10 };

struct splice_way {
	int from, to;
};

/* One direction of a connection, until either end closes. */
static void *splice_run(void *arg)
{
	struct splice_way w = *(struct splice_way *)arg;
	int p[2];
	free(arg);
	if (pipe2(p, O_CLOEXEC) < 0)
		return NULL;
	fcntl(p[1], F_SETPIPE_SZ, PIPE_SIZE);
	for (ssize_t n; (n = splice(w.from, NULL, p[1], NULL, PIPE_SIZE, SPLICE_F_MOVE)) > 0;)
		for (ssize_t out; n > 0; n -= out) {
			out = splice(p[0], NULL, w.to, NULL, (size_t)n, SPLICE_F_MOVE);
			if (out <= 0)
				break;
		}
	shutdown(w.from, SHUT_RDWR);
	shutdown(w.to, SHUT_RDWR);
	close(p[0]);
	close(p[1]);
	return NULL;
}

static void splice_way_start(int from, int to)
{
	pthread_t t;
	struct splice_way *w = malloc(sizeof *w);
	if (!w)
		return;
	*w = (struct splice_way){from, to};
	if (pthread_create(&t, NULL, splice_run, w) == 0)
		pthread_detach(t);
	else
		free(w);
}

/* The relay process: descriptors are left to its end, which comes soon. */
static void splice_serve(int listener, uint16_t sink_port)
{
	for (;;) {
		int in = socket_accept(listener), out = in < 0 ? in : socket_connect(sink_port);
		if (in < 0)
			_exit(0);
		if (out < 0) {
			close(in);
			continue;
		}
		splice_way_start(in, out);
		splice_way_start(out, in);
	}
}

static int splice_open(struct via_set *s)
{
	uint16_t port;
	int l = socket_listen(&port);
	if (l < 0)
		return l;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(s->listener);
		splice_serve(l, s->sink_port);
	}
	close(l);
	if (pid < 0)
		return -errno;
	s->v[s->n++] =
		(struct via){.name = "splice relay", .port = port, .pids = {pid}, .child = pid};
	return 0;
}

static int haproxy_config(const char *path, uint16_t port, uint16_t sink_port)
{
	FILE *f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f,
		"global\n    maxconn 1000\n"
		"defaults\n    mode tcp\n    option splice-auto\n    timeout connect 5s\n"
		"    timeout client 1h\n    timeout server 1h\n"
		"listen relay\n    bind 127.0.0.1:%u\n    server sink 127.0.0.1:%u\n",
		port, sink_port);
	return fclose(f) ? -errno : 0;
}

/* Connects until it answers; a free port may have been taken by another meanwhile. */
static int wait_ready(uint16_t port, int sink)
{
	for (unsigned i = 0; i < READY_TRIES; i++) {
		int fd = socket_connect(port);
		if (fd >= 0) {
			int other = socket_accept(sink);
			close(fd);
			if (other >= 0)
				close(other);
			return 0;
		}
		sleep_seconds(READY_STEP_MS / 1e3);
	}
	return -ETIMEDOUT;
}

static int haproxy_open(struct bench *b, struct via_set *s)
{
	char program[PATH_MAX], config[PATH_MAX + 16];
	uint16_t port;
	if (proc_find("haproxy", program, sizeof program) < 0) {
		bench_say("HAProxy is not installed: it is left out");
		return 0;
	}
	int l = socket_listen(&port);
	if (l < 0)
		return l;
	close(l);
	snprintf(config, sizeof config, "%s/haproxy.cfg", b->dir);
	int rc = haproxy_config(config, port, s->sink_port);
	if (rc < 0)
		return rc;
	char *argv[] = {program, "-db", "-f", config, NULL};
	pid_t pid = proc_start(argv);
	if (pid < 0)
		return pid;
	s->v[s->n++] = (struct via){
		.name = "HAProxy, TCP mode", .port = port, .pids = {pid}, .child = pid};
	rc = wait_ready(port, s->listener);
	if (rc < 0)
		bench_say("HAProxy does not answer");
	return rc;
}

static int relay_node_open(struct bench *b, struct via_set *s)
{
	struct node_info info;
	int rc = node_home(b, "relay");
	if (rc == 0)
		rc = node_create(b, "relay", &info);
	if (rc < 0)
		return rc;
	s->v[s->n++] = (struct via){.name = "relay node",
		.port = info.port,
		.is_node = true,
		.pids = {info.control, info.dataplane}};
	return 0;
}

int via_open(struct bench *b, struct via_set *s, bool plain)
{
	memset(s, 0, sizeof *s);
	s->listener = socket_listen(&s->sink_port);
	if (s->listener < 0)
		return s->listener;
	s->v[s->n++] = (struct via){.name = "no relay", .port = s->sink_port};
	int rc = splice_open(s);
	if (rc == 0)
		rc = haproxy_open(b, s);
	if (rc == 0 && !plain)
		rc = relay_node_open(b, s);
	if (rc < 0)
		via_close(b, s);
	return rc;
}

void via_close(struct bench *b, struct via_set *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		proc_stop(s->v[i].child);
		if (s->v[i].is_node)
			node_delete_all(b);
	}
	if (s->listener >= 0)
		close(s->listener);
	s->listener = -1;
	s->n = 0;
}

uint64_t via_cpu_ns(const struct via *v)
{
	return proc_cpu_ns(v->pids[0]) + proc_cpu_ns(v->pids[1]);
}
