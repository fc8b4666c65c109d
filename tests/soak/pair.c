// SPDX-License-Identifier: Apache-2.0
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 256 << 10 };

static const char magic[8] = "soak 1\r\n";

static void over(struct pair *p, unsigned side, enum fate fate, uint64_t now_ms)
{
	struct side *s = &p->side[side];
	if (fate == FATE_RESET) {
		const struct linger now = {.l_onoff = 1};
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->fate = fate;
	p->moved_ms = now_ms;
	if (fate != FATE_CLEAN && !p->broken_ms)
		p->broken_ms = now_ms;
}

static void begin(struct side *s, int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	*s = (struct side){.fd = fd, .fate = FATE_GOING};
}

void pair_start(
	struct pair *p, uint64_t seed, uint64_t id, const struct sockaddr_in *to, uint64_t now_ms)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*p = (struct pair){.used = true, .moved_ms = now_ms};
	plan_make(&p->plan, seed, id);
	begin(&p->side[0], fd);
	p->side[0].connecting = true;
	p->side[1].fd = -1;
	if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS)
		over(p, 0, FATE_ERROR, now_ms);
}

void pair_accepted(struct pair *p, int fd, uint64_t now_ms)
{
	begin(&p->side[1], fd);
	p->moved_ms = now_ms;
}

uint64_t pair_id(const uint8_t head[PAIR_HEAD])
{
	uint64_t id;
	memcpy(&id, head + sizeof magic, sizeof id);
	return memcmp(head, magic, sizeof magic) == 0 ? id : 0;
}

static bool may_write(const struct pair *p, unsigned side)
{
	const struct side *s = &p->side[side];
	return s->connecting || (!s->end_sent && (!p->plan.waits[side] || s->end_came));
}

struct pollfd pair_poll(const struct pair *p, unsigned side, uint64_t now_ms, uint64_t *wake_ms)
{
	const struct side *s = &p->side[side];
	struct pollfd f = {.fd = -1};
	if (s->fate != FATE_GOING)
		return f;
	uint64_t read_at = s->connecting || s->end_came ? UINT64_MAX : s->read_at_ms;
	uint64_t write_at = may_write(p, side) ? s->write_at_ms : UINT64_MAX;
	if (read_at <= now_ms)
		f.events |= POLLIN;
	else if (read_at < *wake_ms)
		*wake_ms = read_at;
	if (write_at <= now_ms)
		f.events |= POLLOUT;
	else if (write_at < *wake_ms)
		*wake_ms = write_at;
	if (f.events)
		f.fd = s->fd;
	return f;
}

static const char *connected(struct pair *p, uint64_t now_ms)
{
	struct side *s = &p->side[0];
	uint8_t head[PAIR_HEAD];
	int error = 0;
	socklen_t len = sizeof error;
	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	memcpy(head, magic, sizeof magic);
	memcpy(head + sizeof magic, &p->plan.id, 8);
	if (error || send(s->fd, head, sizeof head, MSG_NOSIGNAL) != sizeof head)
		over(p, 0, FATE_ERROR, now_ms);
	s->connecting = false;
	p->moved_ms = now_ms;
	return NULL;
}

static bool failed(ssize_t n)
{
	return n < 0 && errno != EAGAIN && errno != EINTR;
}

static const char *read_some(struct pair *p, unsigned side, uint64_t now_ms)
{
	static uint8_t got[BUFFER], want[BUFFER];
	struct side *s = &p->side[side];
	const struct plan *plan = &p->plan;
	ssize_t n = recv(s->fd, got, plan->takes[side], 0);
	if (failed(n)) {
		over(p, side, FATE_ERROR, now_ms);
		return NULL;
	}
	if (n < 0)
		return NULL;
	p->moved_ms = now_ms;
	if (n == 0) {
		s->end_came = true;
		return s->got == plan->total[!side] ? NULL : "a clean end before the last byte";
	}
	if (s->got + (uint64_t)n > plan->total[!side])
		return "more bytes than were sent";
	plan_bytes(plan->key[!side], s->got, want, (size_t)n);
	if (memcmp(got, want, (size_t)n) != 0)
		return "other bytes than were sent";
	s->got += (uint64_t)n;
	s->read_at_ms = now_ms + plan_pause_ms(&p->plan, side);
	return NULL;
}

static void write_some(struct pair *p, unsigned side, uint64_t now_ms)
{
	static uint8_t b[BUFFER];
	struct side *s = &p->side[side];
	const struct plan *plan = &p->plan;
	uint64_t left = plan->total[side] - s->sent;
	if (left) {
		size_t len = 1 + plan_roll(&p->plan, plan->step[side]);
		len = len < left ? len : (size_t)left;
		plan_bytes(plan->key[side], s->sent, b, len);
		ssize_t n = send(s->fd, b, len, MSG_NOSIGNAL);
		if (failed(n))
			over(p, side, FATE_ERROR, now_ms);
		if (n <= 0)
			return;
		s->sent += (uint64_t)n;
		s->write_at_ms = now_ms + plan_pause_ms(&p->plan, side);
	}
	if (s->sent == plan->total[side]) {
		shutdown(s->fd, SHUT_WR);
		s->end_sent = true;
	}
	p->moved_ms = now_ms;
}

const char *pair_event(struct pair *p, unsigned side, short events, uint64_t now_ms)
{
	struct side *s = &p->side[side];
	const char *fault = NULL;
	if (s->fate != FATE_GOING || !events)
		return NULL;
	if (s->connecting)
		return connected(p, now_ms);
	if (p->plan.resets == (int)side && s->sent + s->got >= p->plan.reset_at) {
		over(p, side, FATE_RESET, now_ms);
		return NULL;
	}
	if (events & (POLLIN | POLLERR | POLLHUP) && !s->end_came)
		fault = read_some(p, side, now_ms);
	if (fault)
		return fault;
	if (s->fate == FATE_GOING && events & (POLLOUT | POLLERR | POLLHUP) && may_write(p, side))
		write_some(p, side, now_ms);
	if (s->fate == FATE_GOING && s->end_sent && s->end_came)
		over(p, side, FATE_CLEAN, now_ms);
	return NULL;
}

static bool going(const struct pair *p)
{
	return p->side[0].fate == FATE_GOING || p->side[1].fate == FATE_GOING;
}

const char *pair_tick(struct pair *p, const struct pair_rules *rules, uint64_t now_ms)
{
	if (!going(p))
		return NULL;
	if (p->broken_ms && now_ms - p->broken_ms > rules->bound_ms)
		return "one side ended with an error, and the other did not notice";
	return now_ms - p->moved_ms > rules->bound_ms ? "nothing moves any more" : NULL;
}

bool pair_over(const struct pair *p, const struct pair_rules *rules, const char **fault)
{
	const struct side *s = p->side;
	*fault = NULL;
	if (going(p))
		return false;
	if (s[1].fate == FATE_ABSENT && !p->broken_ms)
		*fault = "a clean end without the other side";
	bool reset = s[0].fate == FATE_RESET || s[1].fate == FATE_RESET;
	if (!reset && !rules->cuts && (s[0].fate != FATE_CLEAN || s[1].fate != FATE_CLEAN))
		*fault = "an error that nobody made";
	return true;
}

void pair_describe(const struct pair *p, char *dst, size_t cap)
{
	static const char *const fates[] = {"absent", "going", "clean", "reset", "error"};
	const struct plan *l = &p->plan;
	int n = snprintf(dst, cap, "connection %llu (resets %d at %llu)", (unsigned long long)l->id,
		l->resets, (unsigned long long)l->reset_at);
	for (unsigned i = 0; i < 2 && n > 0 && (size_t)n < cap; i++)
		n += snprintf(dst + n, cap - (size_t)n,
			"; side %u: %s%s%s, sent %llu of %llu, got %llu of %llu%s%s", i,
			fates[p->side[i].fate], l->waits[i] ? ", waits" : "",
			p->side[i].connecting ? ", connects" : "",
			(unsigned long long)p->side[i].sent, (unsigned long long)l->total[i],
			(unsigned long long)p->side[i].got, (unsigned long long)l->total[!i],
			p->side[i].end_sent ? ", end sent" : "",
			p->side[i].end_came ? ", end came" : "");
}

void pair_close(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++)
		if (p->side[i].fd >= 0)
			close(p->side[i].fd);
	p->used = false;
}
