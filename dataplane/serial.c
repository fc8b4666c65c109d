// SPDX-License-Identifier: Apache-2.0
#include "serial.h"

#include <errno.h>
#include <string.h>

void serials_init(struct serials *s)
{
	memset(s, 0, sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
}

void serials_fini(struct serials *s)
{
	pthread_mutex_destroy(&s->lock);
}

/* Moves the window up to and including `serial`; bits that come in are clear. */
static void advance(struct serials *s, uint64_t serial)
{
	if (serial - s->top >= SERIAL_WINDOW) {
		memset(s->seen, 0, sizeof s->seen);
	} else {
		for (uint64_t i = s->top; i <= serial; i++)
			s->seen[i % SERIAL_WINDOW / 64] &= ~(1ull << i % 64);
	}
	s->top = serial + 1;
}

int serials_take(struct serials *s, uint64_t serial)
{
	int rc = -ESTALE;
	pthread_mutex_lock(&s->lock);
	if (serial != UINT64_MAX && (serial >= s->top || s->top - serial <= SERIAL_WINDOW)) {
		if (serial >= s->top)
			advance(s, serial);
		uint64_t *word = &s->seen[serial % SERIAL_WINDOW / 64], bit = 1ull << serial % 64;
		if (!(*word & bit)) {
			*word |= bit;
			rc = 0;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

uint64_t serials_highest(struct serials *s)
{
	pthread_mutex_lock(&s->lock);
	uint64_t top = s->top;
	pthread_mutex_unlock(&s->lock);
	return top ? top - 1 : 0;
}
