// SPDX-License-Identifier: Apache-2.0
#include "peer.h"
#include "known_history.h"
#include "place.h"

struct peer_history peer[PEER_HISTORIES];

void peer_init(void)
{
	for (unsigned i = 0; i < PEER_HISTORIES; i++) {
		int n = i ? identity_rotate(peer[i - 1].history, peer[i - 1].len,
				    &peer[i - 1].secret, false, PEER_SINCE + i, &peer[i].secret,
				    peer[i].history, sizeof peer[i].history)
			  : identity_create(&peer[i].secret, peer[i].history,
				    sizeof peer[i].history, PEER_SINCE);
		peer[i].len = n > 0 ? (size_t)n : 0;
		if (n <= 0 || identity_verify(peer[i].history, peer[i].len, 0, &peer[i].id))
			fail("the peer's history");
	}
}

int peer_check(struct home *h, unsigned i)
{
	return known_history_check(h, &peer[i].id, peer[i].history, peer[i].len);
}
