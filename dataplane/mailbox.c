// SPDX-License-Identifier: Apache-2.0
#include "mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *m)
{
	m->event_fd = eventfd(0, EFD_CLOEXEC);
	if (m->event_fd < 0)
		return -errno;
	m->head = NULL;
	m->tail = &m->head;
	pthread_mutex_init(&m->lock, NULL);
	return 0;
}

void mailbox_fini(struct mailbox *m)
{
	for (struct letter *l = mailbox_take(m), *next; l; l = next) {
		next = l->next;
		letter_free(l);
	}
	pthread_mutex_destroy(&m->lock);
	close(m->event_fd);
}

struct letter *letter_new(enum letter_kind kind, size_t len)
{
	struct letter *l = calloc(1, sizeof *l + len);
	if (l) {
		l->kind = kind;
		l->len = len;
		l->fd = -1;
		l->out_worker = ENGINE_LOCAL;
	}
	return l;
}

void letter_free(struct letter *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->kind == LETTER_ENGINE)
		engine_mail_drop(&l->mail);
	secret_wipe(l->data, l->len);
	free(l);
}

void mailbox_post(struct mailbox *m, struct letter *l)
{
	l->next = NULL;
	pthread_mutex_lock(&m->lock);
	bool first = !m->head;
	*m->tail = l;
	m->tail = &l->next;
	pthread_mutex_unlock(&m->lock);
	uint64_t one = 1;
	if (first && write(m->event_fd, &one, sizeof one) < 0)
		abort(); /* an eventfd of our own takes 2^64 - 2 of these */
}

struct letter *mailbox_take(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	struct letter *l = m->head;
	m->head = NULL;
	m->tail = &m->head;
	pthread_mutex_unlock(&m->lock);
	return l;
}
