// SPDX-License-Identifier: Apache-2.0
#include "dials.h"

#include "wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

/* Lives while it has some. */
struct aimed {
	LIST_ENTRY(aimed) next;
	char service[WIRE_NAME_MAX + 1];
	unsigned n;
	bool asked;
	int fd[DIALS_EACH];
};

struct dials {
	pthread_mutex_t lock;
	LIST_HEAD(, aimed) all;
	unsigned n;
};

struct dials *dials_new(void)
{
	struct dials *d = calloc(1, sizeof *d);
	if (d)
		pthread_mutex_init(&d->lock, NULL);
	return d;
}

static struct aimed *find(struct dials *d, const char *service)
{
	struct aimed *a;
	LIST_FOREACH(a, &d->all, next)
	if (!strcmp(a->service, service))
		break;
	return a;
}

static void aimed_free(struct dials *d, struct aimed *a)
{
	d->n -= a->n;
	while (a->n)
		close(a->fd[--a->n]);
	LIST_REMOVE(a, next);
	free(a);
}

void dials_free(struct dials *d)
{
	if (!d)
		return;
	dials_drop(d, NULL);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static struct aimed *get(struct dials *d, const char *service)
{
	struct aimed *a = find(d, service);
	if (a || !(a = calloc(1, sizeof *a)))
		return a;
	memcpy(a->service, service, strlen(service) + 1);
	LIST_INSERT_HEAD(&d->all, a, next);
	return a;
}

static int add_locked(struct dials *d, const char *service, int fd)
{
	size_t len = strlen(service);
	if (!len || len > WIRE_NAME_MAX || fd < 0)
		return -EINVAL;
	if (d->n == DIALS_MAX)
		return -ENOBUFS;
	struct aimed *a = get(d, service);
	if (!a)
		return -ENOMEM;
	if (a->n == DIALS_EACH)
		return -ENOBUFS;
	a->fd[a->n++] = fd;
	a->asked = false;
	d->n++;
	return 0;
}

int dials_add(struct dials *d, const char *service, int fd)
{
	pthread_mutex_lock(&d->lock);
	int rc = add_locked(d, service, fd);
	pthread_mutex_unlock(&d->lock);
	if (rc < 0 && fd >= 0)
		close(fd);
	return rc;
}

int dials_take(struct dials *d, const char *service, bool *ask)
{
	int fd = -1;
	*ask = false;
	pthread_mutex_lock(&d->lock);
	struct aimed *a = find(d, service);
	if (a) {
		fd = a->fd[--a->n];
		d->n--;
		*ask = a->n <= DIALS_LOW && !a->asked;
		a->asked |= *ask;
		if (!a->n)
			aimed_free(d, a);
	}
	pthread_mutex_unlock(&d->lock);
	return fd;
}

void dials_drop(struct dials *d, const char *service)
{
	pthread_mutex_lock(&d->lock);
	for (struct aimed *a = LIST_FIRST(&d->all), *next; a; a = next) {
		next = LIST_NEXT(a, next);
		if (!service || !strcmp(a->service, service))
			aimed_free(d, a);
	}
	pthread_mutex_unlock(&d->lock);
}
