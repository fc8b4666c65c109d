// SPDX-License-Identifier: Apache-2.0
#include "outbox.h"

#include "log.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct outbox_item {
	struct outbox_item *next;
	unsigned worker;
	uint32_t session; /* of a SEAM_MSG, else 0 */
	int fd;		  /* that goes with it, ours; or -1 */
	bool new_link;
	size_t body, len;
	uint8_t data[];
};

/* The frames of one link. It lives while it has some. */
struct outbox_lane {
	struct outbox_lane *next_slot, *next_turn;
	uint32_t link;
	struct outbox_queue q;
};

static void queue_init(struct outbox_queue *q)
{
	*q = (struct outbox_queue){.tail = &q->head};
}

void outbox_init(struct outbox *o, int epoll)
{
	memset(o, 0, sizeof *o);
	o->sock = -1;
	o->epoll = epoll;
	o->last = &o->first;
	queue_init(&o->ordered);
	pthread_mutex_init(&o->lock, NULL);
}

void outbox_open(struct outbox *o, int sock)
{
	pthread_mutex_lock(&o->lock);
	o->sock = sock;
	pthread_mutex_unlock(&o->lock);
}

static void queue_drop_head(struct outbox_queue *q)
{
	struct outbox_item *i = q->head;
	q->head = i->next;
	if (!q->head)
		q->tail = &q->head;
	q->bytes -= i->len;
	if (i->fd >= 0)
		close(i->fd);
	free(i);
}

/* Links are numbered by twos. */
static struct outbox_lane **lane_slot(struct outbox *o, uint32_t link)
{
	struct outbox_lane **pp = &o->slots[link / 2 % OUTBOX_SLOTS];
	while (*pp && (*pp)->link != link)
		pp = &(*pp)->next_slot;
	return pp;
}

static void turn_add(struct outbox *o, struct outbox_lane *lane)
{
	lane->next_turn = NULL;
	*o->last = lane;
	o->last = &lane->next_turn;
}

/* The first lane's turn is over: it goes to the end, or away when it is empty. */
static void turn_end(struct outbox *o)
{
	struct outbox_lane *lane = o->first;
	o->first = lane->next_turn;
	if (!o->first)
		o->last = &o->first;
	if (lane->q.head) {
		turn_add(o, lane);
		return;
	}
	*lane_slot(o, lane->link) = lane->next_slot;
	free(lane);
}

static struct outbox_lane *lane_get(struct outbox *o, uint32_t link)
{
	struct outbox_lane **pp = lane_slot(o, link), *lane = *pp;
	if (lane)
		return lane;
	lane = calloc(1, sizeof *lane);
	if (!lane)
		return NULL;
	lane->link = link;
	queue_init(&lane->q);
	*pp = lane;
	turn_add(o, lane);
	return lane;
}

static void drop_all(struct outbox *o)
{
	while (o->ordered.head)
		queue_drop_head(&o->ordered);
	while (o->first) {
		while (o->first->q.head)
			queue_drop_head(&o->first->q);
		turn_end(o);
	}
	o->frames = 0;
	o->new_links = 0;
	o->since_frame = 0;
}

void outbox_close(struct outbox *o)
{
	pthread_mutex_lock(&o->lock);
	o->sock = -1;
	for (const struct outbox_item *i = o->ordered.head; i; i = i->next)
		if (i->session)
			o->delivered(o->ctx, i->worker, i->session, i->body);
	drop_all(o);
	pthread_mutex_unlock(&o->lock);
}

void outbox_fini(struct outbox *o)
{
	drop_all(o);
	pthread_mutex_destroy(&o->lock);
}

static bool waiting(const struct outbox *o)
{
	return o->ordered.head || o->first;
}

static void watch(struct outbox *o, bool room)
{
	struct epoll_event ev = {.events = EPOLLIN | (room ? EPOLLOUT : 0), .data.fd = o->sock};
	epoll_ctl(o->epoll, EPOLL_CTL_MOD, o->sock, &ev);
}

/* May a frame wait, behind what waits already? */
static bool admits(struct outbox *o, const struct seam_msg *m)
{
	const struct outbox_lane *lane = *lane_slot(o, m->link);
	size_t waits = lane ? lane->q.bytes : 0;
	uint8_t type = m->frame_len ? m->frame[0] & 15 : 0;
	bool stranger = type == WIRE_INIT || type == WIRE_CONTROL || type == WIRE_LINK;
	size_t max = stranger ? OUTBOX_STRANGERS : OUTBOX_LANE;
	if (o->frames > OUTBOX_FRAMES / 2)
		max = OUTBOX_LEAST;
	return waits < max && o->frames < OUTBOX_FRAMES;
}

/* A frame never comes before the news of its link, nor after that of its loss (BYE). */
static struct outbox_queue *queue_of(struct outbox *o, const struct seam_msg *m)
{
	bool laned = m->cmd == SEAM_FRAME || m->cmd == SEAM_LINK_NEW ||
		     (m->cmd == SEAM_LINK_LOST && *lane_slot(o, m->link));
	if (!laned)
		return &o->ordered;
	struct outbox_lane *lane = lane_get(o, m->link);
	return lane ? &lane->q : NULL;
}

static int fd_of(const struct seam_msg *m)
{
	return m->cmd == SEAM_DUMP_LISTENER || m->cmd == SEAM_DUMP_PORTAL ? m->fd : -1;
}

static bool append(struct outbox *o, unsigned worker, const struct seam_msg *m, size_t len)
{
	bool first = !waiting(o);
	struct outbox_item *i = malloc(sizeof *i + len);
	struct outbox_queue *q = i ? queue_of(o, m) : NULL;
	if (!q) {
		free(i);
		log_error("out of memory: a message to control is lost");
		return false;
	}
	*i = (struct outbox_item){
		.worker = worker, .len = len, .fd = -1, .new_link = m->cmd == SEAM_LINK_NEW};
	o->new_links += i->new_link;
	if (fd_of(m) >= 0)
		i->fd = fcntl(fd_of(m), F_DUPFD_CLOEXEC, 0);
	if (m->cmd == SEAM_MSG || m->cmd == SEAM_STREAM_ASKED || m->cmd == SEAM_STREAM_CLOSED) {
		i->session = m->session;
		i->body = m->cmd == SEAM_MSG ? m->frame_len : 0;
	}
	memcpy(i->data, o->buf, len);
	if (first)
		watch(o, true);
	*q->tail = i;
	q->tail = &i->next;
	q->bytes += len;
	if (q != &o->ordered)
		o->frames += len;
	return true;
}

static bool send_locked(struct outbox *o, unsigned worker, const struct seam_msg *m)
{
	if (o->sock < 0)
		return false;
	if (m->cmd == SEAM_DGRAM && waiting(o)) {
		o->dropped++; /* who wants a link asks again */
		return false;
	}
	if (m->cmd == SEAM_FRAME && waiting(o) && !admits(o, m)) {
		o->dropped++;
		return false;
	}
	int n = seam_encode(m, o->buf, sizeof o->buf);
	if (n < 0) { /* a frame of more than 65531 bytes: none that control handles is so long */
		o->dropped++;
		return false;
	}
	int rc = waiting(o) ? -EAGAIN : seam_send(o->sock, o->buf, (size_t)n, fd_of(m));
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

/* What goes next. */
static struct outbox_queue *next_queue(struct outbox *o)
{
	if (o->first && (!o->ordered.head || o->since_frame >= OUTBOX_ORDERED_TURN))
		return &o->first->q;
	return o->ordered.head ? &o->ordered : NULL;
}

int outbox_flush(struct outbox *o)
{
	int rc = 0;
	pthread_mutex_lock(&o->lock);
	for (struct outbox_queue *q; (q = next_queue(o));) {
		struct outbox_item *i = q->head;
		rc = seam_send(o->sock, i->data, i->len, i->fd);
		if (rc < 0)
			break;
		if (i->session)
			o->delivered(o->ctx, i->worker, i->session, i->body);
		o->since_frame = q == &o->ordered ? o->since_frame + 1 : 0;
		if (q == &o->ordered) {
			queue_drop_head(q);
		} else {
			o->frames -= i->len;
			o->new_links -= i->new_link;
			queue_drop_head(q);
			turn_end(o);
		}
	}
	if (!waiting(o))
		watch(o, false);
	pthread_mutex_unlock(&o->lock);
	return rc == -EAGAIN || rc == -ENOBUFS || rc > 0 ? 0 : rc;
}

bool outbox_busy(struct outbox *o)
{
	pthread_mutex_lock(&o->lock);
	bool busy = o->new_links >= OUTBOX_NEW_LINKS;
	pthread_mutex_unlock(&o->lock);
	return busy;
}
