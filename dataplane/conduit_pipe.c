// SPDX-License-Identifier: Apache-2.0
#include "conduit_pipe.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct pipe_conduit {
	struct conduit c;
	int out, in; /* ends to read from and to write to */
	atomic_uint refs;
	atomic_bool spoilt;
	atomic_size_t inside; /* bytes: filled by one thread, taken by one */
};

static struct pipe_conduit *pipe_of(const struct conduit *c)
{
	return (struct pipe_conduit *)(uintptr_t)c;
}

static bool pipe_read(struct conduit *c, uint8_t *dst, size_t n)
{
	struct pipe_conduit *p = pipe_of(c);
	while (n) {
		if (atomic_load(&p->spoilt))
			return false;
		ssize_t k = read(p->out, dst, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		atomic_fetch_sub(&p->inside, (size_t)k);
		dst += k;
		n -= (size_t)k;
	}
	return true;
}

static void throw_away(struct conduit *c, size_t n)
{
	uint8_t scratch[16 << 10];
	while (n) {
		size_t k = n < sizeof scratch ? n : sizeof scratch;
		if (!pipe_read(c, scratch, k))
			return;
		n -= k;
	}
}

static void pipe_put(struct conduit *c, size_t left)
{
	struct pipe_conduit *p = pipe_of(c);
	if (left == CONDUIT_SPOIL)
		atomic_store(&p->spoilt, true);
	else
		throw_away(c, left);
	if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) > 1)
		return;
	close(p->out);
	close(p->in);
	free(p);
}

struct conduit *conduit_pipe_new(void)
{
	int fd[2];
	struct pipe_conduit *p = malloc(sizeof *p);
	if (!p || pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(p);
		return NULL;
	}
	if (fcntl(fd[1], F_SETPIPE_SZ, CONDUIT_SLOTS * (int)sysconf(_SC_PAGESIZE)) < 0)
		log_debug("a pipe stays small: this user has many");
	*p = (struct pipe_conduit){.c = {pipe_read, pipe_put}, .out = fd[0], .in = fd[1]};
	atomic_init(&p->refs, 1);
	atomic_init(&p->inside, 0);
	atomic_init(&p->spoilt, false);
	return &p->c;
}

struct conduit *conduit_pipe_get(struct conduit *c)
{
	atomic_fetch_add_explicit(&pipe_of(c)->refs, 1, memory_order_relaxed);
	return c;
}

ssize_t conduit_pipe_fill(struct conduit *c, int from, size_t n)
{
	struct pipe_conduit *p = pipe_of(c);
	ssize_t k = splice(from, NULL, p->in, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (k > 0)
		atomic_fetch_add(&p->inside, (size_t)k);
	return k < 0 ? -errno : k;
}

ssize_t conduit_pipe_drain(struct conduit *c, int to, size_t n)
{
	struct pipe_conduit *p = pipe_of(c);
	if (atomic_load(&p->spoilt))
		return -EIO;
	ssize_t k = splice(p->out, NULL, to, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (k > 0)
		atomic_fetch_sub(&p->inside, (size_t)k);
	return k < 0 ? -errno : k;
}

size_t conduit_pipe_inside(const struct conduit *c)
{
	return atomic_load(&pipe_of(c)->inside);
}

int conduit_pipe_room_fd(const struct conduit *c)
{
	return pipe_of(c)->in;
}
