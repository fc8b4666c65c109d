// SPDX-License-Identifier: Apache-2.0
/* A relay that moves bytes with splice(2) and looks at none. */
#include "socket.h"
#include "via.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPE_SIZE = 1 << 20 };

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

static int open_splice(struct bench *b, const struct via_set *s, struct via *v)
{
	int l = socket_listen(&v->port);
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
	via_adopt(v, pid, true);
	return 0;
}

const struct via_kind via_splice = {"splice relay", VIA_TCP, VIA_PLAIN, NULL, open_splice};
