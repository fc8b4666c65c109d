/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes over a link: the frame header, the types, codes and limits of docs/protocol.md.
 * Everything that two nodes must agree on is here and nowhere else.
 */
#ifndef OCKAM_WIRE_H
#define OCKAM_WIRE_H

#include "bytes.h"

#include <assert.h>

/*
 *  0        1        2                 4                          8                          16
 *  +--------+--------+-----------------+--------------------------+--------------------------+--
 *  |ver|type|  sub   |  len (u16)      |  label (u32)             |  seq (u64)               | body
 *  +--------+--------+-----------------+--------------------------+--------------------------+--
 */
enum {
	WIRE_VERSION = 1,
	WIRE_HEADER = 16,
	WIRE_TAG = 16,
	WIRE_FRAME_MIN = WIRE_HEADER,
	WIRE_DATA_MIN = WIRE_HEADER + WIRE_TAG,
	WIRE_FRAME_MAX = 65535,
	WIRE_PATH_MIN = 1024, /* no path may be narrower */
	WIRE_INIT_MAX = 1024, /* a whole INIT frame */
	WIRE_RECORD_HEADER = 8,
	WIRE_CHANNEL_LINK_OVERHEAD = 40, /* header + tag + record header of the outer frame */
	WIRE_NESTING_MAX = 4,
	WIRE_HOPS_MAX = 16,
	WIRE_ROUTE_MAX = 512, /* bytes of an encoded route */
	WIRE_HANDLE = 16,     /* bytes of a reply handle */
	WIRE_NAME_MAX = 64,
	WIRE_ERROR_TEXT_MAX = 128,
	WIRE_MSG_MAX = 1 << 20,	      /* payload of one MSG */
	WIRE_MSG_OPEN_MAX = 8,	      /* messages in reassembly per session */
	WIRE_MSG_NODE_MAX = 64 << 20, /* bytes in reassembly per node */
	WIRE_HANDSHAKE_PAYLOAD_MAX = 8192,
	WIRE_GREASE_KEY = 1000, /* CBOR map keys from here on mean nothing */
	WIRE_UDP_HELLO_MIN =
		256, /* HELLO of the dialler of a datagram link: no answer to it is larger */
	WIRE_COOKIE_LEN = 17, /* minute u8, MAC */
	WIRE_TOKEN_LEN = 16,
	WIRE_UDP_MAX = 65507, /* bytes of one datagram over IPv4 */
};

static_assert(WIRE_CHANNEL_LINK_OVERHEAD == WIRE_HEADER + WIRE_TAG + WIRE_RECORD_HEADER,
	"frame in frame");
static_assert(WIRE_INIT_MAX <= WIRE_PATH_MIN, "an INIT passes every path");
static_assert(WIRE_PATH_MIN + WIRE_NESTING_MAX * WIRE_CHANNEL_LINK_OVERHEAD <= 1184,
	"four nested channels fit where the base allows 1184");

enum wire_type {
	WIRE_CONTROL = 1, /* routed message, label 0 */
	WIRE_INIT = 2,	  /* label = Li */
	WIRE_RESP = 3,	  /* label = Li */
	WIRE_FINISH = 4,  /* label = Lr */
	WIRE_DATA = 5,	  /* sub = low byte of the key epoch */
	WIRE_RESET = 6,	  /* sub = enum reset_code | WIRE_RESET_SENT */
	WIRE_COOKIE = 7,  /* UDP only */
	WIRE_LINK = 8,	  /* sub = enum link_sub, label 0 */
};

enum link_sub {
	LINK_HELLO = 0, /* CBOR map: link_param */
	LINK_BYE = 1,	/* CBOR array of versions */
	LINK_PING = 2,	/* 8 bytes, echoed */
	LINK_PONG = 3,
	LINK_PAUSE = 4,	 /* u32 label: stop sending on it */
	LINK_RESUME = 5, /* u32 label */
	LINK_TOOBIG = 6, /* u32 label, u32 largest frame */
};

/* Keys of HELLO's map. From TAG on: of datagram links. */
enum link_param {
	LINK_P_VERSIONS = 1,
	LINK_P_MAX_FRAME = 2,
	LINK_P_FEATURES = 3,
	LINK_P_TAG = 4,	   /* uint: what the peer puts into seq */
	LINK_P_COOKIE = 5, /* bytes, of the dialler: from COOKIE */
	LINK_P_TOKEN = 6,  /* bytes: names the link when its dialler has another address */
	LINK_P_MOVED = 7,  /* uint, of the dialled side: 1 the link was moved, 0 it is new */
	LINK_P_PAD = 8,	   /* bytes, of the dialler */
};

enum reset_code {
	RESET_COLLISION = 1,
	RESET_UNKNOWN = 2,
	RESET_IDLE = 3,
	RESET_LINK_LOST = 4,
	RESET_NO_ROUTE = 5,  /* could not dial or resolve */
	RESET_NOT_FOUND = 6, /* listener, service or relay name */
	RESET_TRANSIT = 7,   /* transit refused */
	RESET_LOOP = 8,
	RESET_OVERRUN = 9, /* also: too big for the path */
	RESET_DONE = 10,
	RESET_REFUSED = 11,
	RESET_LIMIT = 12, /* the link, or its identity, has as many paths as it may */
};
/* sub of RESP and FINISH: which piece, and whether others follow. RESP: the suite is refused. */
enum {
	WIRE_PIECE_INDEX = 0x0f,
	WIRE_PIECE_MORE = 0x40,
	WIRE_RESP_REFUSED = 0x80,
	WIRE_PIECES_MAX = 12,
	WIRE_PIECES_PASSED = 36, /* of RESP, by a hop and path, behind the first */
};

/* Set in sub when the label names frames that the receiver of the RESET sends. */
enum { WIRE_RESET_SENT = 0x80 };

enum wire_suite { SUITE_AESGCM = 1, SUITE_CHACHAPOLY = 2 };
enum wire_pattern { PATTERN_XX = 1 };
enum path_flag { PATH_LOSSY = 1 };

/* Kinds of CONTROL and MSG. */
enum msg_kind { MSG_REQUEST = 0, MSG_REPLY = 1, MSG_ERROR = 2 };

/* Multi-address codes of routes. */
enum route_code {
	ROUTE_IP4 = 4,
	ROUTE_TCP = 6,
	ROUTE_IP6 = 41,
	ROUTE_DNSADDR = 56,
	ROUTE_UDP = 273,
	ROUTE_UNIX = 400,
	ROUTE_SERVICE = 62526,
	ROUTE_NODE = 72526,   /* never on the wire */
	ROUTE_SECURE = 99526, /* never on the wire */
	ROUTE_WORKER = 102526,
};

/* Inner records: kind u8, flags u8, len u16 (body), stream u32. */
enum record_kind {
	REC_PAD = 0,
	REC_PING = 1,	 /* u64 timestamp, u32 highest epoch opened */
	REC_PONG = 2,	 /* the same, timestamp echoed */
	REC_CLOSE = 3,	 /* u8 enum close_code */
	REC_MSG = 4,	 /* stream = message id; CBOR [kind, hops_left, onward, return, payload] */
	REC_FRAME = 5,	 /* one whole frame of a link over this channel */
	REC_OPEN = 16,	 /* u64 limit, u8 length, service name */
	REC_ACCEPT = 17, /* u64 limit */
	REC_REFUSE = 18, /* u8 enum refuse_code */
	REC_STREAM = 19, /* u64 offset, bytes */
	REC_WINDOW = 20, /* u64 consumed, u64 limit */
	REC_DGRAM = 21,
	REC_SUCCEED = 22,
	REC_SUCCEEDED = 23,
	REC_CRED = 24,
	REC_SKIP_FROM = 128, /* unknown kinds from here on are skipped */
};
enum { REC_F_MORE = 1 }; /* MSG */
/* STREAM: its end; an abort; the sender stands at its limit. */
enum { REC_F_FIN = 1, REC_F_RST = 2, REC_F_LIMIT = 4 };

enum refuse_code {
	REFUSE_NOT_FOUND = 1, /* no such service */
	REFUSE_POLICY = 2,
	REFUSE_CONNECTION = 3, /* the target refused it */
	REFUSE_TIMEOUT = 4,
	REFUSE_UNREACHABLE = 5,
	REFUSE_NAME = 6, /* the target's name is not resolved */
	REFUSE_BUSY = 7, /* too many streams, or no memory */
	REFUSE_OTHER = 8,
};

/* Streams: bytes that may be sent before a WINDOW allows more, and what windows may grow to. */
enum {
	WIRE_STREAMS_MAX = 16384,     /* open at once per opener */
	WIRE_STREAM_FIRST = 64 << 10, /* of the opener, until ACCEPT */
	WIRE_WINDOW_STEP = 256 << 10, /* WINDOW goes out when so much was consumed, if not sooner */
	WIRE_STREAM_CREDIT = 1 << 20,
	WIRE_STREAM_CREDIT_MAX = 16 << 20,
	WIRE_SESSION_CREDIT = 4 << 20, /* of all streams of a session, to begin with */
	WIRE_STREAM_OVERHEAD = 48,     /* of a frame with one STREAM record */
};

enum close_code {
	CLOSE_DONE = 0,
	CLOSE_NOT_AUTHORIZED = 1,
	CLOSE_PROTOCOL = 2,
	CLOSE_FLOW = 3,
	CLOSE_EXPIRED = 4,
};

/* Times, in milliseconds. */
enum {
	WIRE_FRAME_TIMEOUT_MS = 10000, /* an incomplete frame ends its stream link */
	WIRE_HALF_OPEN_MS = 10000,
	WIRE_HALF_OPEN_TOTAL_MS = 30000,
	WIRE_TOMBSTONE_MS = 30000,
	WIRE_PATH_IDLE_MS = 300000,
	WIRE_SESSION_IDLE_PING_MS = 100000,
	WIRE_LINK_PING_MS = 60000,
	WIRE_LINK_LOST_MS = 30000,
	/* A datagram link without anything received. The dialler's NAT may have forgotten it: it
	 * finds out before the channels at the other end take their paths for broken. */
	WIRE_UDP_PING_MS = 15000,
	WIRE_UDP_PING_DIALLED_MS = 10000,
	WIRE_UDP_SILENT_MS = 3000, /* sent and heard nothing for so long: PING, each second */
	WIRE_UDP_LOST_MS = 10000,  /* the same: lost, for who dialled */
	WIRE_UDP_LOST_ACCEPTED_MS =
		30000,		 /* for the other, who cannot look where the dialler is now */
	WIRE_COOKIE_MS = 120000, /* life of a secret; the one before is accepted too */
	WIRE_LEASE_MS = 60000,
	WIRE_HANDLE_MS = 30000,
	WIRE_CLOSE_WAIT_MS = 5000,
	WIRE_LINK_LINGER_MS = 30000, /* a dialled link after its last path */
	WIRE_EPOCH_MS = 120000,
	WIRE_EPOCH_OLD_MS = 10000,
};
#define WIRE_EPOCH_FRAMES (1ull << 22)
#define WIRE_EPOCH_HARD (1ull << 23)
#define WIRE_OPEN_FAILURES_MAX (1ull << 36)
enum {
	WIRE_REPLAY_WINDOW = 8192,
	WIRE_PAUSE_BYTES = 256 << 10,
	WIRE_RESUME_BYTES = 64 << 10,
	WIRE_QUEUE_NODE_MAX = 256 << 20,
	WIRE_INIT_RATE = 50, /* per second and ingress link */
	WIRE_INIT_BURST = 100,
	WIRE_CONTROL_RATE = 500, /* per second and ingress link */
	WIRE_CONTROL_BURST = 1000,
};

struct frame_header {
	uint8_t version;
	uint8_t type;
	uint8_t sub;
	uint16_t len;
	uint32_t label;
	uint64_t seq;
};

/* Reads WIRE_HEADER bytes; checks nothing. */
static inline struct frame_header frame_header_decode(const uint8_t *p)
{
	return (struct frame_header){
		.version = p[0] >> 4,
		.type = p[0] & 15,
		.sub = p[1],
		.len = get_be16(p + 2),
		.label = get_be32(p + 4),
		.seq = get_be64(p + 8),
	};
}

/* Writes WIRE_HEADER bytes; `len` is the whole frame. */
static inline void frame_header_encode(
	uint8_t *p, enum wire_type type, uint8_t sub, uint16_t len, uint32_t label, uint64_t seq)
{
	p[0] = (uint8_t)(WIRE_VERSION << 4 | type);
	p[1] = sub;
	put_be16(p + 2, len);
	put_be32(p + 4, label);
	put_be64(p + 8, seq);
}

#endif
