// SPDX-License-Identifier: Apache-2.0
#include "admin_watch.h"

#include "wire.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N(name, value) admin_set(&m, ADMIN_A_##name, (uint64_t)(value))
#define S(name, value) admin_set_text(&m, ADMIN_A_##name, (value))

void admin_watch_init(struct admin_watch *w, int bell)
{
	atomic_init(&w->on, false);
	w->bell = bell;
	pthread_mutex_init(&w->lock, NULL);
	w->first = w->count = 0;
	w->lost = 0;
}

void admin_watch_fini(struct admin_watch *w)
{
	pthread_mutex_destroy(&w->lock);
}

void admin_watch_set(struct admin_watch *w, bool on)
{
	pthread_mutex_lock(&w->lock);
	w->count = 0;
	w->lost = 0;
	pthread_mutex_unlock(&w->lock);
	atomic_store(&w->on, on);
}

void admin_watch_news(void *ctx, enum admin_object object, struct admin_msg *row)
{
	struct admin_watch *w = ctx;
	if (!atomic_load_explicit(&w->on, memory_order_relaxed))
		return;
	row->type = admin_type(ADMIN_EVENT, ADMIN_ROW);
	admin_set_text(row, ADMIN_A_NAME, admin_objects[object].name);
	pthread_mutex_lock(&w->lock);
	struct watch_slot *s = &w->slot[(w->first + w->count) % WATCH_SLOTS];
	int n = w->count < WATCH_SLOTS ? admin_encode(row, s->row, 0, sizeof s->row) : -1;
	bool first = !w->count;
	if (n > 0) {
		s->object = object;
		s->len = (uint16_t)n;
		w->count++;
	} else {
		w->lost++;
	}
	pthread_mutex_unlock(&w->lock);
	const uint64_t one = 1;
	if (first && write(w->bell, &one, sizeof one) < 0)
		abort(); /* an eventfd of our own takes 2^64 - 2 of these */
}

unsigned admin_watch_take(
	struct admin_watch *w, struct watch_slot *dst, unsigned max, uint64_t *lost)
{
	unsigned n = 0;
	pthread_mutex_lock(&w->lock);
	for (; w->count && n < max; n++) {
		dst[n] = w->slot[w->first];
		w->first = (w->first + 1) % WATCH_SLOTS;
		w->count--;
	}
	*lost = w->lost;
	w->lost = 0;
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* --- what the seam says, in words --- */

static const char *named(const char *const *names, unsigned n, unsigned code)
{
	return code < n && names[code] ? names[code] : "unknown";
}

static const char *reset_name(uint8_t code)
{
	static const char *const names[] = {
		[RESET_COLLISION] = "label taken",
		[RESET_UNKNOWN] = "unknown label",
		[RESET_IDLE] = "idle",
		[RESET_LINK_LOST] = "link lost",
		[RESET_NO_ROUTE] = "no route",
		[RESET_NOT_FOUND] = "not found",
		[RESET_TRANSIT] = "transit refused",
		[RESET_LOOP] = "loop",
		[RESET_OVERRUN] = "overrun",
		[RESET_DONE] = "done",
		[RESET_REFUSED] = "refused",
	};
	return named(names, sizeof names / sizeof *names, code & ~(unsigned)WIRE_RESET_SENT);
}

static const char *close_name(uint8_t code)
{
	static const char *const names[] = {
		[CLOSE_DONE] = "done",
		[CLOSE_NOT_AUTHORIZED] = "not authorized",
		[CLOSE_PROTOCOL] = "protocol violation",
		[CLOSE_FLOW] = "flow control violation",
		[CLOSE_EXPIRED] = "expired",
	};
	return named(names, sizeof names / sizeof *names, code);
}

static const char *refuse_name(uint8_t code)
{
	static const char *const names[] = {
		[REFUSE_NOT_FOUND] = "not found",
		[REFUSE_POLICY] = "policy",
		[REFUSE_CONNECTION] = "connection refused",
		[REFUSE_TIMEOUT] = "timed out",
		[REFUSE_UNREACHABLE] = "unreachable",
		[REFUSE_NAME] = "name not resolved",
		[REFUSE_BUSY] = "busy",
		[REFUSE_OTHER] = "other",
	};
	return named(names, sizeof names / sizeof *names, code);
}

static const char *error_name(int error, const char *none)
{
	const char *text = error ? strerrordesc_np(-error) : none;
	return text ? text : "unknown";
}

/* The event and why; NULL: nothing that an operator watches for. */
static const char *link_event(const struct seam_msg *s, const char **reason)
{
	switch (s->cmd) {
	case SEAM_LINK_ADD:
		return "added";
	case SEAM_LINK_SET:
		return s->up ? "up" : "down";
	case SEAM_LINK_DEL:
		return "removed";
	case SEAM_LINK_LOST:
		*reason = error_name(s->error, "end of stream");
		return "lost";
	case SEAM_LINK_SILENT:
		return "silent";
	default:
		return NULL;
	}
}

static const char *label_event(const struct seam_msg *s, const char **reason)
{
	switch (s->cmd) {
	case SEAM_LABEL_ADD:
		return "installed";
	case SEAM_LABEL_DEL:
		return "removed";
	case SEAM_LABEL_USED:
		return "used";
	case SEAM_LABEL_LOST:
		*reason = reset_name(s->code);
		return "reset";
	default:
		return NULL;
	}
}

static const char *session_event(const struct seam_msg *s, const char **reason)
{
	const bool close = s->has & SEAM_HAS(SEAM_A_CLOSE);
	switch (s->cmd) {
	case SEAM_SESSION_ADD:
		if (close)
			*reason = close_name(s->close);
		return close ? "refused" : "added";
	case SEAM_SESSION_UP:
		return "established";
	case SEAM_SESSION_MTU:
		return "mtu";
	case SEAM_SESSION_BROKEN:
		*reason = error_name(s->error, "broken");
		return "broken";
	case SEAM_SESSION_CLOSED:
		*reason = close_name(s->close);
		return "closed";
	case SEAM_SESSION_DEL:
		return close ? "closing" : "removed";
	default:
		return NULL;
	}
}

static const char *stream_event(const struct seam_msg *s, const char **reason)
{
	switch (s->cmd) {
	case SEAM_STREAM_ASKED:
		return "asked";
	case SEAM_STREAM_ACCEPT:
		return "accepted";
	case SEAM_STREAM_REFUSE:
		*reason = refuse_name(s->code);
		return "refused";
	case SEAM_STREAM_CLOSED:
		*reason = s->code ? refuse_name(s->code) : error_name(s->error, "in order");
		return "closed";
	default:
		return NULL;
	}
}

static const char *portal_event(const struct seam_msg *s)
{
	return s->cmd == SEAM_PORTAL_ADD ? "added" : s->cmd == SEAM_PORTAL_DEL ? "removed" : NULL;
}

/* What the message is about, with the words for it. */
static const char *event_of_seam(
	const struct seam_msg *s, enum admin_object *object, const char **reason)
{
	const char *event;
	if ((event = link_event(s, reason)))
		*object = ADMIN_LINK;
	else if ((event = label_event(s, reason)))
		*object = ADMIN_LABEL;
	else if ((event = session_event(s, reason)))
		*object = ADMIN_SESSION;
	else if ((event = stream_event(s, reason)))
		*object = ADMIN_STREAM;
	else if ((event = portal_event(s)))
		*object = ADMIN_PORTAL;
	return event;
}

void admin_watch_seam(void *ctx, const struct seam_msg *s)
{
	static const struct {
		enum seam_attr from;
		enum admin_attr to;
		uint16_t off;
	} numbers[] = {
		{SEAM_A_LINK, ADMIN_A_LINK, offsetof(struct seam_msg, link)},
		{SEAM_A_OUT_LINK, ADMIN_A_EGRESS, offsetof(struct seam_msg, out_link)},
		{SEAM_A_LABEL, ADMIN_A_LABEL, offsetof(struct seam_msg, label)},
		{SEAM_A_SESSION, ADMIN_A_SESSION, offsetof(struct seam_msg, session)},
		{SEAM_A_STREAM, ADMIN_A_STREAM, offsetof(struct seam_msg, stream)},
		{SEAM_A_PORTAL, ADMIN_A_PORTAL, offsetof(struct seam_msg, portal)},
	};
	struct admin_watch *w = ctx;
	struct admin_msg m = {0};
	enum admin_object object;
	const char *reason = NULL, *event;
	if (!atomic_load_explicit(&w->on, memory_order_relaxed) ||
		!(event = event_of_seam(s, &object, &reason)))
		return;
	S(EVENT, event);
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		uint32_t n;
		memcpy(&n, (const char *)s + numbers[i].off, sizeof n);
		if (s->has & SEAM_HAS(numbers[i].from) && n)
			admin_set(&m, numbers[i].to, n);
	}
	if (reason)
		S(REASON, reason);
	if (s->has & SEAM_HAS(SEAM_A_PEER))
		S(PEER, s->peer);
	if (s->has & SEAM_HAS(SEAM_A_SERVICE))
		S(SERVICE, s->service);
	if (s->has & SEAM_HAS(SEAM_A_FRAME_MAX))
		N(FRAME_MAX, s->frame_max);
	if (s->has & SEAM_HAS(SEAM_A_BYTES_RX))
		N(BYTES_RX, s->bytes_rx);
	if (s->has & SEAM_HAS(SEAM_A_BYTES_TX))
		N(BYTES_TX, s->bytes_tx);
	admin_watch_news(w, object, &m);
}
