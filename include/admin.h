/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * The operator's interface to the data plane of one node, which `ockam-dp` speaks.
 *
 * Messages are netlink-format (nlmsghdr + attributes, libmnl) over the SOCK_SEQPACKET Unix socket
 * run/NAME/admin.sock (0600, same user). A packet is at most ADMIN_PACKET bytes and holds one request,
 * or any number of answers. Integers are host order. Several clients may be connected at once, up to
 * ADMIN_CLIENTS; each has one request served at a time. The data plane never waits for one: it walks its
 * tables part by part, the next part when the client has taken the one before.
 *
 * Every object has four message types, as in rtnetlink: the row (the answer), GET, SET and DEL.
 *
 * request                flags                 answer
 * OBJECT_GET  keys       REQUEST               its row, then NLMSG_ERROR 0; -ENOENT
 * OBJECT_GET  [filter]   REQUEST|DUMP          rows (NLM_F_MULTI), then NLMSG_DONE. Rows and DONE carry
 *                                              NLM_F_DUMP_INTR from where the table was seen to have
 *                                              changed since the dump began; without it the rows are
 *                                              what was there at one moment. Filter: values that keys
 *                                              must have.
 * OBJECT_SET  keys ...   REQUEST|ACK           NLMSG_ERROR
 * OBJECT_DEL  keys       REQUEST|ACK           NLMSG_ERROR
 * EVENT_GET   [name]     REQUEST|ACK           NLMSG_ERROR, then EVENT rows with seq 0 until the client
 *                                              closes; name: only of this object. A client that does
 *                                              not read in time gets NLMSG_OVERRUN instead of what it
 *                                              missed, with `lost` (how many).
 *
 * A request that is refused is answered by NLMSG_ERROR with NLM_F_CAPPED|NLM_F_ACK_TLVS: NLMSGERR_ATTR_MSG
 * (a sentence), NLMSGERR_ATTR_OFFS (where the attribute that is wrong begins in the request) or
 * NLMSGERR_ATTR_MISS_TYPE (the attribute that is missing). Unknown attributes are refused in a request and
 * skipped in an answer. No message holds keys, or plain text of what is carried.
 *
 * rows (key attributes *)
 * WORKER   worker* links sessions labels streams frames_rx frames_tx bytes queued dropped ring version
 * LINK     link* worker transport peer state session (a channel link) nesting frame_max labels frames_rx
 *          frames_tx bytes_rx bytes_tx dropped useless queued blocked idle_ms
 * SESSION  session* worker link role suite state peer label label_tx frame_max streams rtt_us epoch_tx
 *          epoch_rx frames_rx frames_tx bytes_rx bytes_tx replays forged malformed queued paused
 *          undelivered age_ms portals
 * LABEL    link* label* worker state egress label_tx session path why frames_rx bytes_rx (that the kernel
 *          has forwarded) queued paused idle_ms
 * STREAM   session* stream* worker portal service state bytes_rx bytes_tx queued window paused
 * PORTAL   session* portal* worker service streams bytes_rx bytes_tx
 * COUNTER  worker* stage* name* value: what became of frames (dataplane/stats.h)
 * LIMIT    worker* name* value max hits: how much of what is bounded is used
 * EVENT    event link session label stream portal worker state peer service reason value
 *
 * SET      session: ping (a PING now, whatever its peer's hop asked for)
 * DEL      link: the socket is closed, control learns that it is lost. session: CLOSE is said.
 *          label: the path is reset on both sides. stream: it is reset.
 */
/* clang-format on */
#ifndef OCKAM_ADMIN_H
#define OCKAM_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ADMIN_PACKET = 32768,
	ADMIN_REQUEST_MAX = 1024,
	ADMIN_ROW_MAX = 1024, /* no row is longer */
	ADMIN_TEXT_MAX = 128, /* bytes of a text, with its NUL */
	ADMIN_CLIENTS = 16,
	ADMIN_TYPE_BASE = 0x10, /* NLMSG_MIN_TYPE */
};

/* clang-format off */
/* name, kind (U32, U64, FLAG, TEXT), what people and JSON call it, unit of people (or "") */
#define ADMIN_ATTRS(A) \
	A(WORKER, U32, "worker", "") \
	A(LINK, U32, "link", "") \
	A(LABEL, U32, "label", "") \
	A(SESSION, U32, "session", "") \
	A(STREAM, U32, "stream", "") \
	A(PORTAL, U32, "portal", "") \
	A(STAGE, TEXT, "stage", "") \
	A(NAME, TEXT, "name", "") \
	A(STATE, TEXT, "state", "") \
	A(TRANSPORT, TEXT, "transport", "") \
	A(PEER, TEXT, "peer", "") \
	A(ROLE, TEXT, "role", "") \
	A(SUITE, TEXT, "suite", "") \
	A(SERVICE, TEXT, "service", "") \
	A(EGRESS, U32, "egress", "") \
	A(LABEL_TX, U32, "label_tx", "") \
	A(PATH, TEXT, "path", "") \
	A(WHY, TEXT, "why", "") \
	A(LINKS, U32, "links", "") \
	A(SESSIONS, U32, "sessions", "") \
	A(LABELS, U32, "labels", "") \
	A(STREAMS, U32, "streams", "") \
	A(PORTALS, U32, "portals", "") \
	A(NESTING, U32, "nesting", "") \
	A(FRAME_MAX, U32, "frame_max", "bytes") \
	A(FRAMES_RX, U64, "frames_rx", "frames") \
	A(FRAMES_TX, U64, "frames_tx", "frames") \
	A(BYTES_RX, U64, "bytes_rx", "bytes") \
	A(BYTES_TX, U64, "bytes_tx", "bytes") \
	A(DROPPED, U64, "dropped", "frames") \
	A(USELESS, U64, "useless", "frames") \
	A(REPLAYS, U64, "replays", "frames") \
	A(FORGED, U64, "forged", "frames") \
	A(MALFORMED, U64, "malformed", "frames") \
	A(QUEUED, U64, "queued", "bytes") \
	A(UNDELIVERED, U64, "undelivered", "bytes") \
	A(WINDOW, U64, "window", "bytes") \
	A(BLOCKED, FLAG, "blocked", "") \
	A(PAUSED, FLAG, "paused", "") \
	A(EPOCH_TX, U32, "epoch_tx", "") \
	A(EPOCH_RX, U32, "epoch_rx", "") \
	A(RTT_US, U32, "rtt_us", "us") \
	A(AGE_MS, U64, "age_ms", "ms") \
	A(IDLE_MS, U64, "idle_ms", "ms") \
	A(VALUE, U64, "value", "") \
	A(MAX, U64, "max", "") \
	A(HITS, U64, "hits", "") \
	A(EVENT, TEXT, "event", "") \
	A(REASON, TEXT, "reason", "") \
	A(LOST, U64, "lost", "") \
	A(RING, U32, "ring", "") \
	A(VERSION, TEXT, "version", "") \
	A(PING, FLAG, "ping", "")

/* name, what people call it, key attributes, settable attributes, verbs */
#define ADMIN_OBJECTS(O) \
	O(WORKER, "worker", ADMIN_H(WORKER), 0, ADMIN_CAN_GET) \
	O(LINK, "link", ADMIN_H(LINK), 0, ADMIN_CAN_GET | ADMIN_CAN_DEL) \
	O(SESSION, "session", ADMIN_H(SESSION), ADMIN_H(PING), \
		ADMIN_CAN_GET | ADMIN_CAN_SET | ADMIN_CAN_DEL) \
	O(LABEL, "label", ADMIN_H(LINK) | ADMIN_H(LABEL), 0, ADMIN_CAN_GET | ADMIN_CAN_DEL) \
	O(STREAM, "stream", ADMIN_H(SESSION) | ADMIN_H(STREAM), 0, ADMIN_CAN_GET | ADMIN_CAN_DEL) \
	O(PORTAL, "portal", ADMIN_H(SESSION) | ADMIN_H(PORTAL), 0, ADMIN_CAN_GET) \
	O(COUNTER, "counter", ADMIN_H(WORKER) | ADMIN_H(STAGE) | ADMIN_H(NAME), 0, ADMIN_CAN_GET) \
	O(LIMIT, "limit", ADMIN_H(WORKER) | ADMIN_H(NAME), 0, ADMIN_CAN_GET) \
	O(EVENT, "event", 0, 0, ADMIN_CAN_GET)
/* clang-format on */

enum admin_attr {
	ADMIN_A_NONE,
#define X(name, kind, text, unit) ADMIN_A_##name,
	ADMIN_ATTRS(X)
#undef X
		ADMIN_A_END
};
#define ADMIN_HAS(attr) (1ull << (attr))
#define ADMIN_H(name) ADMIN_HAS(ADMIN_A_##name)

enum admin_object {
#define X(name, text, keys, set, verbs) ADMIN_##name,
	ADMIN_OBJECTS(X)
#undef X
		ADMIN_OBJECTS_END
};
enum admin_verb { ADMIN_ROW, ADMIN_DEL, ADMIN_GET, ADMIN_SET };
enum {
	ADMIN_CAN_DEL = 1 << ADMIN_DEL,
	ADMIN_CAN_GET = 1 << ADMIN_GET,
	ADMIN_CAN_SET = 1 << ADMIN_SET
};

/* NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN */
enum { ADMIN_ACK = 2, ADMIN_DONE = 3, ADMIN_OVERRUN = 4 };

static inline uint16_t admin_type(enum admin_object o, enum admin_verb v)
{
	return (uint16_t)(ADMIN_TYPE_BASE + 4 * (unsigned)o + (unsigned)v);
}

enum admin_kind { ADMIN_U32 = 1, ADMIN_U64, ADMIN_FLAG, ADMIN_TEXT };

struct admin_attr_info {
	const char *name, *unit;
	enum admin_kind kind;
};
extern const struct admin_attr_info admin_attrs[ADMIN_A_END]; /* [0] is empty */

struct admin_object_info {
	const char *name;
	uint64_t keys, set;
	unsigned verbs;
};
extern const struct admin_object_info admin_objects[ADMIN_OBJECTS_END];

/*
 * One message, decoded. `has` says which values are set: ADMIN_H(LINK) | ... Texts borrow from the
 * received bytes or the caller.
 */
struct admin_msg {
	uint16_t type; /* admin_type(), ADMIN_ACK, ADMIN_DONE or ADMIN_OVERRUN */
	bool dump, want_ack, multi, interrupted;
	uint32_t seq;
	uint64_t has;
	struct {
		uint64_t n; /* of a text: its length */
		const char *text;
	} v[ADMIN_A_END];
	/* of an ACK */
	int32_t error; /* 0 or a negative errno */
	const char *why;
	uint16_t wrong;	  /* where in the request the attribute begins; 0: not said */
	uint16_t missing; /* enum admin_attr */
};

/* What is wrong with a request. */
struct admin_fault {
	int error;
	uint16_t at, missing; /* see struct admin_msg */
	char why[ADMIN_TEXT_MAX];
};

static inline enum admin_object admin_object_of(uint16_t type)
{
	return (enum admin_object)((type - ADMIN_TYPE_BASE) / 4);
}

static inline enum admin_verb admin_verb_of(uint16_t type)
{
	return (enum admin_verb)((type - ADMIN_TYPE_BASE) % 4);
}

/* Set a value and its bit. A text longer than ADMIN_TEXT_MAX - 1 is cut when it is encoded. */
void admin_set(struct admin_msg *m, enum admin_attr a, uint64_t n);
void admin_set_text(struct admin_msg *m, enum admin_attr a, const char *text);

/* Encodes one message behind `len` bytes of buf: the new length, or -EMSGSIZE (nothing is written).
 */
int admin_encode(const struct admin_msg *m, void *buf, size_t len, size_t cap);
/* What the data plane takes: 0, or -EBADMSG (no netlink message at all), or another negative errno
 * with *fault to be answered; m->seq is good then. */
int admin_decode_request(
	struct admin_msg *m, const void *buf, size_t len, struct admin_fault *fault);
/* What it sends: one message at the begin of buf; its aligned length, or -EBADMSG. */
int admin_decode_answer(struct admin_msg *m, const void *buf, size_t len);
/* An ACK for a request, with what is wrong with it (NULL: nothing). */
struct admin_msg admin_ack(uint32_t seq, const struct admin_fault *fault);
/* The row has every value that the filter gives for the keys of its object. */
bool admin_matches(const struct admin_msg *row, const struct admin_msg *filter);

#endif
