// SPDX-License-Identifier: Apache-2.0
#include "seam_client.h"

#include "channel.h"
#include "inlet.h"
#include "log.h"
#include "message.h"
#include "outlet.h"
#include "path.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

struct pending {
	uint32_t seq;
	uint16_t cmd;
	bool answered;
	struct seam_msg answer; /* of a GET, until its ACK */
	char *counters;		/* its text */
	seam_ack_fn *fn;
	void *ctx;
	struct pending *next;
	struct pending *next_asker, **back; /* of those with fn; back NULL: not among them */
};

struct seam_client {
	uint32_t seq;
	struct pending *head, **tail; /* in order of sending; answers come nearly in that order */
	struct pending *askers;	      /* few of them: for most, nobody waits */
};

struct seam_client *seam_client_new(void)
{
	struct seam_client *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->tail = &s->head;
	/* what the data plane still owes an earlier control process does not answer this one */
	s->seq = randombytes_random();
	return s;
}

static void asker_add(struct seam_client *s, struct pending *p)
{
	p->next_asker = s->askers;
	p->back = &s->askers;
	if (p->next_asker)
		p->next_asker->back = &p->next_asker;
	s->askers = p;
}

static void asker_drop(struct pending *p)
{
	p->fn = NULL;
	if (!p->back)
		return;
	*p->back = p->next_asker;
	if (p->next_asker)
		p->next_asker->back = p->back;
	p->back = NULL;
}

static struct pending *unlink_at(struct seam_client *s, struct pending **pp)
{
	struct pending *p = *pp;
	*pp = p->next;
	if (s->tail == &p->next)
		s->tail = pp;
	return p;
}

static void pending_free(struct pending *p)
{
	free(p->counters);
	free(p);
}

void seam_client_free(struct node *n)
{
	if (!n->seam)
		return;
	while (n->seam->head)
		pending_free(unlink_at(n->seam, &n->seam->head));
	free(n->seam);
	n->seam = NULL;
}

int seam_request(struct node *n, struct seam_msg *m, seam_ack_fn *fn, void *ctx)
{
	struct seam_client *s = n->seam;
	struct pending *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	if (++s->seq == 0)
		++s->seq;
	m->seq = s->seq;
	m->want_ack = true;
	*p = (struct pending){.seq = s->seq, .cmd = m->cmd, .fn = fn, .ctx = ctx};
	int rc = n->io->seam_send(n->io_ctx, m);
	if (rc < 0) {
		if (!n->detached)
			log_warn("seam: %s not sent: %s", seam_cmd_name(m->cmd), strerror(-rc));
		free(p);
		return rc;
	}
	*s->tail = p;
	s->tail = &p->next;
	if (fn)
		asker_add(s, p);
	return 0;
}

void seam_forget(struct node *n, const void *ctx)
{
	for (struct pending *p = n->seam->askers, *next; p; p = next) {
		next = p->next_asker;
		if (p->ctx == ctx)
			asker_drop(p);
	}
}

int seam_frame(struct node *n, uint32_t link, const void *frame, size_t len)
{
	struct seam_msg m = {
		.cmd = SEAM_FRAME,
		.fd = -1,
		.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_FRAME),
		.link = link,
		.frame = frame,
		.frame_len = (uint32_t)len,
	};
	return n->io->seam_send(n->io_ctx, &m);
}

/* What it borrows from the datagram does not last until the ACK: its text is copied. */
static void keep_answer(struct pending *p, const struct seam_msg *m)
{
	free(p->counters);
	p->counters = m->has & SEAM_HAS(SEAM_A_COUNTERS) ? strdup(m->counters) : NULL;
	p->answer = *m;
	p->answer.counters = p->counters;
	p->answered = true;
}

static void on_answer(struct node *n, const struct seam_msg *m)
{
	struct seam_client *s = n->seam;
	struct pending **pp = &s->head;
	while (*pp && (*pp)->seq != m->seq)
		pp = &(*pp)->next;
	if (!*pp) {
		log_debug("seam: answer to nothing, seq %u", m->seq);
		return;
	}
	if (m->cmd != SEAM_ACK) {
		keep_answer(*pp, m);
		return;
	}
	struct pending *p = unlink_at(s, pp);
	seam_ack_fn *fn = p->fn;
	asker_drop(p);
	if (fn)
		fn(n, p->ctx, m->error, p->answered && !m->error ? &p->answer : NULL);
	pending_free(p);
}

static void on_frame(struct node *n, const struct seam_msg *m)
{
	struct link *l = links_by_id(n, m->link);
	if (!l || m->frame_len < WIRE_HEADER)
		return;
	struct frame_header h = frame_header_decode(m->frame);
	if (h.version != WIRE_VERSION || h.len != m->frame_len)
		return;
	if (h.type == WIRE_LINK || h.type == WIRE_COOKIE) {
		links_on_frame(n, l, m->frame, m->frame_len);
		return;
	}
	if (l->state != LINK_UP)
		return;
	switch (h.type) {
	case WIRE_CONTROL:
		messages_on_control(n, l, m->frame, m->frame_len);
		break;
	case WIRE_INIT:
		paths_on_init(n, l, m->frame, m->frame_len);
		break;
	case WIRE_RESP:
		paths_on_resp(n, l, m->frame, m->frame_len);
		break;
	case WIRE_FINISH:
		channels_on_finish(n, l, m->frame, m->frame_len);
		break;
	case WIRE_RESET:
		paths_on_reset(n, l, m->frame, m->frame_len);
		break;
	default:
		break;
	}
}

static void on_event(struct node *n, const struct seam_msg *m)
{
	struct channel *ch;
	switch (m->cmd) {
	case SEAM_FRAME:
		on_frame(n, m);
		break;
	case SEAM_MSG:
		ch = channel_by_session(n, m->session);
		if (ch)
			messages_on_msg(n, ch, m->message, m->more, m->frame, m->frame_len);
		break;
	case SEAM_LINK_NEW:
		links_on_new(n, m->link, m->listener, m->peer);
		break;
	case SEAM_LINK_LOST:
		links_on_lost(n, m->link, m->error);
		break;
	case SEAM_LINK_SILENT:
		links_on_silent(n, m->link);
		break;
	case SEAM_DGRAM:
		links_on_datagram(n, m->listener, &m->address, m->frame, m->frame_len);
		break;
	case SEAM_LABEL_USED:
		paths_on_label_used(n, m->link, m->label);
		break;
	case SEAM_LABEL_LOST:
		paths_on_label_lost(n, m->link, m->label, m->code);
		break;
	case SEAM_SESSION_UP:
		channels_on_session_up(n, m->session);
		break;
	case SEAM_SESSION_MTU:
		channels_on_session_mtu(n, m->session, m->frame_max);
		break;
	case SEAM_SESSION_BROKEN:
		channels_on_session_broken(n, m->session, m->error);
		break;
	case SEAM_SESSION_CLOSED:
		channels_on_session_closed(n, m->session, m->close);
		break;
	case SEAM_STREAM_ASKED:
		outlets_on_asked(n, m->session, m->stream, m->service);
		break;
	case SEAM_STREAM_CLOSED:
		if (m->portal)
			inlets_on_refused(n, m->portal, m->code);
		else
			outlets_on_closed(n, m->session, m->stream);
		break;
	case SEAM_DIAL_WANTED:
		outlets_on_wanted(n, m->service);
		break;
	default:
		break;
	}
}

void seam_input(struct node *n, const void *buf, size_t len)
{
	struct seam_msg m;
	int rc = seam_decode(&m, buf, len, true);
	if (rc < 0) {
		log_warn("seam: a message of %zu bytes from the data plane is malformed", len);
		return;
	}
	if (m.cmd == SEAM_ACK || m.seq != 0)
		on_answer(n, &m);
	else
		on_event(n, &m);
}

void seam_lost(struct node *n)
{
	struct seam_client *s = n->seam;
	while (s->head) {
		struct pending *p = unlink_at(s, &s->head);
		seam_ack_fn *fn = p->fn;
		asker_drop(p);
		if (fn)
			fn(n, p->ctx, -ECANCELED, NULL);
		pending_free(p);
	}
}
