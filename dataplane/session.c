/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's life and its clock; records come in by session_rx.c and leave by session_tx.c.
 */
#include "session_state.h"
#include "locked.h"

#include <errno.h>

enum { CLOSE_REPEAT_MS = 1000 }; /* on a path that may lose it */

static int keys_init(struct session *s, const struct aead *aead, const struct session_config *cfg,
	uint64_t now_ms)
{
	int err = epoch_tx_init(&s->tx, aead, &cfg->chain_tx, now_ms);
	if (!err)
		err = epoch_rx_init(&s->rx, aead, &cfg->chain_rx);
	return err;
}

struct session *session_new(const struct session_config *cfg, uint64_t now_ms)
{
	const struct aead *aead = aead_best(cfg->suite);
	if (!aead || cfg->frame_max < WIRE_PATH_MIN)
		return NULL;
	struct session *s =
		locked_new(sizeof *s); /* aligned: the size is a multiple of the alignment */
	if (!s)
		return NULL;
	s->id = cfg->id;
	s->role = cfg->role;
	s->label_rx = cfg->label_rx;
	s->label_tx = cfg->label_tx;
	s->frame_max = cfg->frame_max;
	s->lossy = cfg->path_flags & PATH_LOSSY;
	mtu_init(&s->mtu, cfg->frame_max, !s->lossy);
	s->exporter = cfg->exporter;
	s->streams.over = true;
	int err = cfg->hub ? streams_init(&s->streams, cfg->hub, cfg->id,
				     cfg->role == SEAM_INITIATOR, s->lossy, cfg->frame_max, cfg->seed)
			   : 0;
	if (err || keys_init(s, aead, cfg, now_ms) != 0) {
		session_free(s);
		return NULL;
	}
	liveness_init(&s->live, now_ms);
	if (cfg->refusing) {
		session_shut(s, cfg->close, now_ms);
		s->refusing = true;
		s->closing_until_ms = now_ms + WIRE_TOMBSTONE_MS;
	} else {
		s->live.ping_wanted = cfg->role == SEAM_RESPONDER;
	}
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	outq_clear(&s->queue);
	streams_fini(&s->streams);
	locked_free(s);
}

unsigned session_break(struct session *s, int err)
{
	streams_end(&s->streams);
	outq_clear(&s->queue);
	if (s->state == SESSION_OPEN) {
		s->state = SESSION_BROKEN;
		s->broken_errno = err;
		return SESSION_EV_BROKEN;
	}
	s->state = SESSION_ENDED;
	return SESSION_EV_CLOSED;
}

void session_shut(struct session *s, uint8_t code, uint64_t now_ms)
{
	if (s->state != SESSION_OPEN)
		return;
	streams_end(&s->streams);
	s->state = SESSION_CLOSING;
	s->close_tx = code;
	s->close_due = true;
	s->closing_until_ms = now_ms + WIRE_CLOSE_WAIT_MS;
	if (code != CLOSE_DONE || s->live.paused)
		outq_clear(&s->queue);
}

void session_close(struct session *s, enum close_code code, uint64_t now_ms)
{
	session_shut(s, (uint8_t)code, now_ms);
	if (s->state == SESSION_BROKEN) { /* nobody is there to answer */
		s->state = SESSION_CLOSING;
		s->close_tx = (uint8_t)code;
		s->closing_until_ms = now_ms;
	}
}

void session_ping(struct session *s, uint64_t now_ms)
{
	(void)now_ms;
	if (s->state == SESSION_OPEN)
		s->live.ping_wanted = true;
	else if (s->state == SESSION_CLOSING && s->refusing)
		s->close_due = true;
}

void session_pause(struct session *s, bool paused, uint64_t now_ms)
{
	liveness_pause(&s->live, paused, now_ms);
	if (paused && s->state == SESSION_CLOSING) /* CLOSE does not wait */
		outq_clear(&s->queue);
}

void session_progress(struct session *s, uint64_t now_ms)
{
	liveness_progress(&s->live, now_ms);
}

bool session_unheard(const struct session *s)
{
	return s->live.unheard;
}

unsigned session_unanswered(const struct session *s)
{
	return s->live.unanswered;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A silent initiator has no clock but that of whoever waits for it. */
static bool clock_runs(const struct session *s)
{
	return s->state == SESSION_OPEN && (s->up || s->role == SEAM_RESPONDER);
}

static bool close_repeats(const struct session *s)
{
	return s->state == SESSION_CLOSING && s->lossy && !s->refusing && !s->close_due;
}

uint64_t session_deadline(const struct session *s)
{
	uint64_t at = s->rx.old_until_ms;
	if (s->state == SESSION_CLOSING)
		at = min_u64(at, s->closing_until_ms);
	if (close_repeats(s))
		at = min_u64(at, s->close_sent_ms + CLOSE_REPEAT_MS);
	if (!clock_runs(s))
		return at;
	at = min_u64(at, liveness_deadline(&s->live));
	at = min_u64(at, mtu_deadline(&s->mtu));
	at = min_u64(at, epoch_tx_hard_deadline(&s->tx));
	if (!s->live.ping_wanted)
		at = min_u64(at, epoch_tx_ping_deadline(&s->tx, liveness_rtt_ms(&s->live)));
	return at;
}

static unsigned clock_tick(struct session *s, uint64_t now_ms)
{
	unsigned events = mtu_tick(&s->mtu, now_ms) ? SESSION_EV_MTU : 0;
	if (liveness_tick(&s->live, now_ms) == LIVENESS_BROKEN)
		return session_break(s, -ETIMEDOUT);
	if (now_ms >= epoch_tx_hard_deadline(&s->tx))
		return session_break(s, -EKEYEXPIRED);
	if (now_ms >= epoch_tx_ping_deadline(&s->tx, liveness_rtt_ms(&s->live)))
		s->live.ping_wanted = true; /* session_output tells the epoch */
	return events;
}

unsigned session_tick(struct session *s, uint64_t now_ms)
{
	unsigned events = 0;
	epoch_rx_tick(&s->rx, now_ms);
	if (clock_runs(s))
		events |= clock_tick(s, now_ms);
	if (close_repeats(s) && now_ms >= s->close_sent_ms + CLOSE_REPEAT_MS)
		s->close_due = true;
	if (s->state == SESSION_CLOSING && now_ms >= s->closing_until_ms)
		events |= session_break(s, -ETIMEDOUT);
	if (session_wants_output(s))
		events |= SESSION_EV_OUTPUT;
	return events;
}

int session_broken_errno(const struct session *s)
{
	return s->broken_errno;
}

uint8_t session_close_code(const struct session *s)
{
	return s->close_came ? s->close_rx : s->close_tx;
}

bool session_is_open(const struct session *s)
{
	return s->state == SESSION_OPEN;
}

uint32_t session_id(const struct session *s)
{
	return s->id;
}

uint32_t session_label_rx(const struct session *s)
{
	return s->label_rx;
}

uint32_t session_label_tx(const struct session *s)
{
	return s->label_tx;
}

struct streams *session_streams(struct session *s)
{
	return &s->streams;
}

bool session_is_shared(const struct session *s)
{
	return streams_shared(&s->streams);
}

void session_path_gone(struct session *s)
{
	streams_end(&s->streams);
}

uint16_t session_mtu(const struct session *s)
{
	return s->mtu.now;
}

uint16_t session_path_max(const struct session *s)
{
	return s->frame_max;
}

uint16_t session_frame_max(const struct session *s)
{
	return s->mtu.wanted && s->mtu.trying > s->mtu.now ? s->mtu.trying : s->mtu.now;
}

struct session_counts session_counts(const struct session *s)
{
	return (struct session_counts){s->frames_rx, s->replays, s->auth_failures, s->dropped};
}

void session_epochs(const struct session *s, uint32_t *tx, uint32_t *rx)
{
	*tx = s->tx.epoch;
	*rx = s->rx.epoch;
}

void session_stats(const struct session *s, struct seam_msg *m)
{
	m->has |= SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_EPOCH_TX) | SEAM_HAS(SEAM_A_EPOCH_RX) |
		  SEAM_HAS(SEAM_A_FRAMES_RX) | SEAM_HAS(SEAM_A_FRAMES_TX) |
		  SEAM_HAS(SEAM_A_BYTES_RX) | SEAM_HAS(SEAM_A_BYTES_TX) | SEAM_HAS(SEAM_A_REPLAYS) |
		  SEAM_HAS(SEAM_A_AUTH_FAILURES) | SEAM_HAS(SEAM_A_RTT_US) | SEAM_HAS(SEAM_A_UP);
	m->session = s->id;
	m->epoch_tx = s->tx.epoch;
	m->epoch_rx = s->rx.epoch;
	m->frames_rx = s->frames_rx;
	m->frames_tx = s->frames_tx;
	m->bytes_rx = s->bytes_rx;
	m->bytes_tx = s->bytes_tx;
	m->replays = s->replays;
	m->auth_failures = s->auth_failures;
	m->rtt_us = s->live.rtt_us > UINT32_MAX ? UINT32_MAX : (uint32_t)s->live.rtt_us;
	m->up = s->up;
}
