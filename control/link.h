/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links as control sees them: dialling, HELLO, sharing, and when to let go. One dialled link per
 * address, shared by all who ask; closed 30 s after its last user; explicit ones (tcp-connection)
 * stay. Accepted links without HELLO close after 10 s; dialled for a path, with that attempt. A
 * channel is a link too (no HELLO, up at once). The sockets belong to the data plane.
 */
#ifndef OCKAM_LINK_H
#define OCKAM_LINK_H

#include "crowd.h"
#include "node.h"
#include "origin.h"
#include "reason.h"
#include "route.h"
#include "turns.h"

#include <sys/socket.h>

enum link_kind { LINK_TCP, LINK_UNIX, LINK_CHANNEL, LINK_UDP };
enum link_state { LINK_DIALLING, LINK_AWAIT_HELLO, LINK_UP };

/* A place to connect to. Host is a name until it is resolved. */
struct link_target {
	enum link_kind kind;
	char host[ROUTE_TEXT_MAX + 1]; /* name, or the Unix path */
	uint16_t port;
	bool resolved;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	uint32_t lane; /* 0: the shared link; others have a link of their own */
};

/* What only a datagram link has; private to link_udp.c, but for note.c. */
struct link_udp {
	uint64_t tag_rx, tag_tx;
	uint8_t token[WIRE_TOKEN_LEN];
	/* of the side that dialled */
	bool has_token, has_cookie;
	uint8_t cookie[WIRE_COOKIE_LEN];
	unsigned tries;
	uint64_t resend_ms; /* HELLO is sent again; 0: it was answered */
	/* of the other */
	uint8_t old_token[WIRE_TOKEN_LEN];
	uint32_t listener;
	struct udp_address at;
};

struct channel;
struct path;

struct link {
	uint32_t id;
	enum link_kind kind;
	enum link_state state;
	bool dialled;	/* by this node; for a channel: this node is the initiator */
	bool explicit_; /* made by tcp-connection create */
	bool lossy;
	char peer[160];	    /* "127.0.0.1:4000", "unix:PATH", "channel HEX" */
	char address[33];   /* 32 hex, how routes name it */
	uint16_t frame_max; /* after HELLO; for a channel path_max - 40 */
	unsigned users;
	unsigned nesting;	   /* 0 for sockets, 1 for a channel over them, ... */
	struct channel *channel;   /* LINK_CHANNEL */
	struct origin *origin;	   /* whose shares it takes; NULL: shares of its own */
	struct turn_source source; /* INITs that come in by it */
	struct turns turns;	   /* INITs of others that go out by it; path.c */
	uint64_t tenant;	   /* of the identity that its neighbour has proved; 0: none */
	struct crowd_member half_open, paths; /* paths that came by it; path_table.c */
	struct path *paths_out;		      /* paths that go out by it; path_table.c */
	struct crowd_member half_ends, tombs; /* this node's ends on it; responder.c */
	struct crowd_member handles;	      /* of requests that came by it; handle.c */
	unsigned handles_out;		      /* of requests that went out by it; handle.c */
	struct link *next;		      /* owned by link.c */
	struct link **back, *next_slot;	      /* the same, while it is in the table */
	/* private to link.c */
	struct link_target target;
	uint64_t deadline_ms;
	struct link_wait *waits;
	struct link_dial *dial; /* while LINK_DIALLING */
	bool hello_seen;	/* LINK_SET is under way */
	struct crowd_item accepted, mute, silent;
	struct crowd_member alone; /* accepted, and of no origin */
	bool lost;		   /* the data plane has no socket for it any more */
	bool gone;		   /* out of the table; memory stays until the last release */
	struct link_udp udp;	   /* LINK_UDP */
	uint32_t near;		   /* the link whose frames it was dialled for; 0: none */
};

/* Exactly one of: l (held: link_release it later), or NULL and why. */
typedef void link_ready_fn(
	struct node *n, void *ctx, struct link *l, uint8_t reset_code, const struct reason *why);
struct link_wait;

struct links *links_new(void);
void links_free(struct node *n);

/*
 * Gets the shared link to t: existing, or dialled now. `for_other`: the transit policy is asked
 * after name resolution (RESET_TRANSIT). fn is called once, perhaps before this returns (then NULL
 * is returned).
 */
struct link_wait *links_acquire(struct node *n, const struct link_target *t, bool for_other,
	uint64_t deadline_ms, link_ready_fn *fn, void *ctx);
/* What is dialled here is for frames of `ingress`: the data plane gives both to one worker. */
void link_wait_near(struct link_wait *w, const struct link *ingress);
void link_wait_cancel(struct node *n, struct link_wait *w);
/* Its neighbour has proved who it is: its links share what one may have. The first counts. */
void link_proved(struct node *n, struct link *l, const struct identifier *id);
void link_hold(struct link *l);
void link_release(struct node *n, struct link *l);

/* An explicit connection: fn when connected and HELLO came, or did not within timeout (then it
 * stays, as LINK_AWAIT_HELLO). */
struct link_wait *links_connect(struct node *n, const struct link_target *t, uint64_t deadline_ms,
	link_ready_fn *fn, void *ctx);
/* Registers a channel as a link (SEAM_LINK_ADD with session); up at once; NULL when nested too
 * deep. */
struct link *links_add_channel(struct node *n, struct channel *ch, uint32_t session,
	uint16_t path_max, bool lossy, unsigned nesting, bool initiator);
/* Links that are there already (adopt.h): kind, dialled, address, peer and target are those of
 * `like`. */
struct link *links_adopt(struct node *n, uint32_t id, uint16_t frame_max, const struct link *like);
struct link *links_adopt_channel(
	struct node *n, uint32_t id, struct channel *ch, uint16_t frame_max, unsigned nesting);
void links_number_above(struct node *n, uint32_t highest);
/* A peer that was authenticated came by it: it takes no share of its origin's any more. */
void link_known(struct node *n, struct link *l);
/* Closes now: SEAM_LINK_DEL, then everyone who holds it is told (paths_on_link_gone,
 * messages_on_link_gone). */
void link_close(struct node *n, struct link *l);

/* The largest frame outside of a channel: where nobody knows what passes, the least of all paths.
 */
uint16_t link_plain_max(const struct link *l);
struct link *links_by_id(struct node *n, uint32_t id);
struct link *links_by_address(struct node *n, const char *address); /* 32 hex */
struct link *links_first(struct node *n);			    /* then ->next */
/* "HOST:PORT", "[V6]:PORT" or "unix:PATH"; 0 or -EINVAL. */
int link_target_parse(struct link_target *t, const char *text);
/* The same without "unix:", of a datagram link. */
int link_target_parse_udp(struct link_target *t, const char *text);
/* Host elements at r->e[from]: number of elements used (2 for host + tcp or udp, 1 for unix), or
 * -EINVAL. */
int link_target_from_route(struct link_target *t, const struct route *r, unsigned from);
/* The address that a name was resolved to; keeps the port. 0 or -EINVAL. */
int link_target_set_addr(struct link_target *t, const struct sockaddr_storage *addr);
void link_target_format(const struct link_target *t, char *dst, size_t cap);

/* Events. */
void links_on_new(struct node *n, uint32_t link, uint32_t listener, const char *peer);
void links_on_lost(struct node *n, uint32_t link, int error);
void links_on_silent(struct node *n, uint32_t link);
/* A datagram of no link, at a listener's socket. */
void links_on_datagram(struct node *n, uint32_t listener, const struct udp_address *from,
	const uint8_t *frame, size_t len);
/* Datagram links end with their listener's socket. */
void links_on_listener_gone(struct node *n, uint32_t listener);
void links_on_dataplane_lost(struct node *n); /* all that have a socket there */
void links_on_frame(
	struct node *n, struct link *l, const uint8_t *frame, size_t len); /* type LINK or COOKIE */
void links_on_resolved(struct node *n, uint32_t id, const struct sockaddr_storage *addrs,
	unsigned count, int error);
void links_on_connected(struct node *n, uint32_t id, int fd, int error); /* takes fd */
void links_tick(struct node *n);
uint64_t links_deadline(const struct node *n);

#endif
