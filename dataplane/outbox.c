// SPDX-License-Identifier: Apache-2.0
#include "outbox.h"

#include "log.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

struct outbox_item {
	struct outbox_item *next;
	unsigned worker;
	uint32_t session; /* of a SEAM_MSG, else 0 */
	size_t body, len;
	uint8_t data[];
};

void outbox_init(struct outbox *o, int epoll)
{
	*o = (struct outbox){.sock = -1, .epoll = epoll};
	o->tail = &o->head;
	pthread_mutex_init(&o->lock, NULL);
}

void outbox_open(struct outbox *o, int sock)
{
	pthread_mutex_lock(&o->lock);
	o->sock = sock;
	pthread_mutex_unlock(&o->lock);
}

static void drop_head(struct outbox *o)
{
	struct outbox_item *i = o->head;
	o->head = i->next;
	if (!o->head)
		o->tail = &o->head;
	o->waiting -= i->len;
	free(i);
}

void outbox_fini(struct outbox *o)
{
	while (o->head)
		drop_head(o);
	pthread_mutex_destroy(&o->lock);
}

static void watch(struct outbox *o, bool room)
{
	struct epoll_event ev = {.events = EPOLLIN | (room ? EPOLLOUT : 0), .data.fd = o->sock};
	epoll_ctl(o->epoll, EPOLL_CTL_MOD, o->sock, &ev);
}

/* May a frame wait, behind what waits already? */
static bool admits(const struct outbox *o, const struct seam_msg *m)
{
	if (m->cmd != SEAM_FRAME)
		return true;
	uint8_t type = m->frame_len ? m->frame[0] & 15 : 0;
	bool stranger = type == WIRE_INIT || type == WIRE_CONTROL || type == WIRE_LINK;
	return o->waiting < (stranger ? OUTBOX_STRANGERS : OUTBOX_FRAMES);
}

static bool append(struct outbox *o, unsigned worker, const struct seam_msg *m, size_t len)
{
	struct outbox_item *i = malloc(sizeof *i + len);
	if (!i) {
		log_error("out of memory: a message to control is lost");
		return false;
	}
	*i = (struct outbox_item){.worker = worker, .len = len};
	if (m->cmd == SEAM_MSG) {
		i->session = m->session;
		i->body = m->frame_len;
	}
	memcpy(i->data, o->buf, len);
	if (!o->head)
		watch(o, true);
	*o->tail = i;
	o->tail = &i->next;
	o->waiting += len;
	return true;
}

static bool send_locked(struct outbox *o, unsigned worker, const struct seam_msg *m)
{
	if (o->sock < 0)
		return false;
	if (o->head && !admits(o, m)) {
		o->dropped++;
		return false;
	}
	int n = seam_encode(m, o->buf, sizeof o->buf);
	if (n < 0) { /* a frame of more than 65531 bytes: none that control handles is so long */
		o->dropped++;
		return false;
	}
	int rc = o->head ? -EAGAIN : seam_send(o->sock, o->buf, (size_t)n, -1);
	/* any other error is seen where the socket is read */
	return (rc == -EAGAIN || rc == -ENOBUFS) && append(o, worker, m, (size_t)n);
}

bool outbox_send(struct outbox *o, unsigned worker, const struct seam_msg *m)
{
	pthread_mutex_lock(&o->lock);
	bool waits = send_locked(o, worker, m);
	pthread_mutex_unlock(&o->lock);
	return waits;
}

void outbox_ack(struct outbox *o, const struct seam_msg *answer, uint32_t seq, int error)
{
	struct seam_msg ack;
	memset(&ack, 0, sizeof ack);
	ack.cmd = SEAM_ACK;
	ack.seq = seq;
	ack.error = error;
	ack.fd = -1;
	pthread_mutex_lock(&o->lock);
	if (answer) {
		struct seam_msg a = *answer;
		a.seq = seq;
		send_locked(o, 0, &a);
	}
	send_locked(o, 0, &ack);
	pthread_mutex_unlock(&o->lock);
}

int outbox_flush(struct outbox *o)
{
	int rc = 0;
	pthread_mutex_lock(&o->lock);
	while (o->head) {
		struct outbox_item *i = o->head;
		rc = seam_send(o->sock, i->data, i->len, -1);
		if (rc < 0)
			break;
		if (i->session)
			o->delivered(o->ctx, i->worker, i->session, i->body);
		drop_head(o);
	}
	if (!o->head)
		watch(o, false);
	pthread_mutex_unlock(&o->lock);
	return rc == -EAGAIN || rc == -ENOBUFS || rc > 0 ? 0 : rc;
}
