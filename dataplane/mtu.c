// SPDX-License-Identifier: Apache-2.0
#include "mtu.h"

#define PROBE_MARK (1ull << 63)

/* Over IPv4 and IPv6, over tunnels and Ethernet, with jumbo frames, on one machine. */
static const uint16_t sizes[] = {1184, 1232, 1392, 1432, 1452, 1472, 4048, 8932, 8952, 8972, 16384, 32768, 65487, WIRE_UDP_MAX};

void mtu_init(struct mtu *m, uint16_t max, bool known)
{
	*m = (struct mtu){
		.now = known || max < WIRE_PATH_MIN ? max : WIRE_PATH_MIN, .max = max, .due_ms = UINT64_MAX};
}

static void want(struct mtu *m, uint16_t size)
{
	m->trying = size;
	m->wanted = true;
	m->due_ms = UINT64_MAX;
}

/* The next size that may be had; 0: there is none. */
static uint16_t next_size(const struct mtu *m)
{
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
		if (sizes[i] > m->now)
			return sizes[i] < m->max ? sizes[i] : m->max > m->now ? m->max : 0;
	return m->max > m->now ? m->max : 0;
}

static void rest(struct mtu *m, uint64_t now_ms)
{
	m->trying = 0;
	m->losses = 0;
	m->due_ms = now_ms + (m->now > WIRE_PATH_MIN ? MTU_CONFIRM_MS : MTU_AGAIN_MS);
}

/* Upwards, from where it stands. */
static void search(struct mtu *m, uint64_t now_ms)
{
	uint16_t next = next_size(m);
	m->losses = 0;
	if (next)
		want(m, next);
	else
		rest(m, now_ms);
}

void mtu_begin(struct mtu *m, uint64_t now_ms)
{
	if (m->now < m->max)
		search(m, now_ms);
}

uint64_t mtu_probe_sent(struct mtu *m, uint64_t rtt_ms, uint64_t now_ms)
{
	uint64_t wait = 4 * rtt_ms > MTU_WAIT_MS ? 4 * rtt_ms : MTU_WAIT_MS;
	m->wanted = false;
	m->due_ms = now_ms + wait;
	return PROBE_MARK | (uint64_t)++m->number << 16 | m->trying;
}

bool mtu_pong(struct mtu *m, uint64_t timestamp, uint64_t now_ms)
{
	uint16_t size = (uint16_t)timestamp, before = m->now;
	if (!(timestamp & PROBE_MARK) || !m->trying || size != m->trying || (uint32_t)(timestamp >> 16) > m->number)
		return false;
	m->wanted = false;
	m->sent = false;
	if (size > m->now)
		m->now = size;
	if (size > before)
		search(m, now_ms);
	else
		rest(m, now_ms); /* what was found holds */
	return m->now != before;
}

/* So many of one size are lost: it does not pass, or no more. */
static bool lost(struct mtu *m, uint64_t now_ms)
{
	if (m->trying > m->now) {
		rest(m, now_ms);
		return false;
	}
	m->now = WIRE_PATH_MIN;
	m->trying = 0;
	m->losses = 0;
	m->sent = false;
	m->due_ms = now_ms + MTU_RECOVER_MS;
	return true;
}

bool mtu_tick(struct mtu *m, uint64_t now_ms)
{
	if (m->wanted || now_ms < m->due_ms)
		return false;
	if (m->trying && ++m->losses >= MTU_LOSSES)
		return lost(m, now_ms);
	if (m->trying)
		want(m, m->trying);
	else if (m->now <= WIRE_PATH_MIN)
		search(m, now_ms);
	else if (m->sent)
		want(m, m->now);
	else
		m->due_ms = now_ms + MTU_CONFIRM_MS;
	return false;
}

void mtu_sent(struct mtu *m, uint32_t len)
{
	m->sent |= len > WIRE_PATH_MIN;
}

uint64_t mtu_deadline(const struct mtu *m)
{
	return m->wanted ? UINT64_MAX : m->due_ms;
}
