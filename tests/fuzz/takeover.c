// SPDX-License-Identifier: Apache-2.0
/*
 * Taking over a data plane: a program of datagrams (its greeting, its dump, news between them, with
 * descriptors and without, whole notes and damaged ones, raw bytes) goes through spawn.c, takeover.c
 * and adopt.c into a fresh node of world.h, which then lives on until all that it has is cut and
 * ended. The seam, poll and descriptors are this file's (by the linker's --wrap): no descriptor may
 * be left open, or closed twice. Linked with stub_sodium.c.
 */
#include "fuzz.h"
#include "loop.h"
#include "log.h"
#include "note.h"
#include "path.h"
#include "path_key.h"
#include "inlet_socket.h"
#include "relay.h"
#include "stub_sodium.h"
#include "takeover.h"
#include "tcp_listener.h"
#include "world.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

enum {
	DATAGRAMS_MAX = 120,
	FDS = 128,
	FD_FIRST = 1 << 24, /* not world.c's, not the system's */
	DUMP_SEQ = -2,	    /* as takeover.c numbers it */
	HELLO_SEQ = -1,
};

int __real_close(int fd);
int __real_getsockname(int fd, struct sockaddr *sa, socklen_t *len);
int __wrap_close(int fd);
int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_seam_send(int sock, const void *buf, size_t len, int fd);
int __wrap_seam_recv(int sock, void *buf, size_t cap, int *fd);
int __wrap_dataplane_adopt(struct program *p, struct reason *why);
void __wrap_dataplane_let_go(struct program *p);

static struct world w;
static struct program p;
static bool fd_open[FDS];
static unsigned fds;
static struct rd in;
static unsigned datagrams;

static int fd_new(void)
{
	if (fds == FDS)
		return -1;
	fd_open[fds] = true;
	return FD_FIRST + (int)fds++;
}

int __wrap_close(int fd)
{
	if (fd < FD_FIRST)
		return __real_close(fd);
	CHECK(fd - FD_FIRST < (int)fds && fd_open[fd - FD_FIRST]);
	fd_open[fd - FD_FIRST] = false;
	return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)sa;
	if (fd < FD_FIRST)
		return __real_getsockname(fd, sa, len);
	CHECK(fd_open[fd - FD_FIRST] && *len >= sizeof *in4);
	*in4 = (struct sockaddr_in){.sin_family = AF_INET};
	in4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in4->sin_port = htons((uint16_t)(4000 + fd % 4));
	*len = sizeof *in4;
	return 0;
}

int __wrap_poll(struct pollfd *pfd, nfds_t n, int ms)
{
	return rd_left(&in) && datagrams < DATAGRAMS_MAX ? 1 : 0;
}

int __wrap_seam_send(int sock, const void *buf, size_t len, int fd)
{
	struct seam_msg m;
	CHECK(fd_open[sock - FD_FIRST] && !seam_decode(&m, buf, len, false));
	return (int)len;
}

int __wrap_dataplane_adopt(struct program *prog, struct reason *why)
{
	return fd_new();
}

void __wrap_dataplane_let_go(struct program *prog)
{
}

/* A note as an earlier control process of this version writes it, for number i. */

static size_t link_note(unsigned i, uint8_t *dst)
{
	static const char hex[] = "0123456789abcdef";
	struct link l = {.kind = i & 8 ? LINK_UNIX : LINK_TCP, .dialled = i & 4};
	memset(l.address, 'a', sizeof l.address - 1);
	l.address[0] = hex[i & 15];
	snprintf(l.peer, sizeof l.peer, "127.0.0.1:%u", i & 3);
	CHECK(!link_target_parse(&l.target, i & 4 ? "127.0.0.1:2" : "localhost:3"));
	int n = note_link_encode(&l, dst, SEAM_NOTE_MAX);
	CHECK(n > 0);
	return (size_t)n;
}

static size_t channel_note(unsigned i, unsigned how, uint8_t *dst)
{
	static const char hex[] = "0123456789abcdef";
	static struct note_names names;
	struct channel ch = {.role = how & 1 ? SEAM_INITIATOR : SEAM_RESPONDER,
		.hidden = how & 2,
		.persistent = how & 4,
		.suite = SUITE_CHACHAPOLY,
		.path_max = WIRE_PATH_MIN,
		.timeout_ms = 30000,
		.lane = how & 8 ? i : 0,
		.peer = w.node[2].n->keys.identity,
		.trust = {.any = how & 16}};
	char err[160];
	memset(ch.address, 'c', sizeof ch.address - 1);
	ch.address[0] = hex[i & 15];
	snprintf(ch.listener, sizeof ch.listener, how & 1 ? "api" : i & 1 ? "api" : "gone");
	if (how & 32)
		snprintf(ch.identity, sizeof ch.identity, "other");
	CHECK(!route_parse(
		&ch.route, "/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/api", err, sizeof err));
	names.n = how & 64 ? 2 : 0;
	snprintf(names.name[0].name, sizeof names.name[0].name, "forward_to_x");
	snprintf(names.name[1].name, sizeof names.name[1].name, "forward_to_%u", i & 3);
	int n = note_channel_encode(&ch, how & 128, &names, dst, SEAM_NOTE_MAX);
	CHECK(n > 0);
	return (size_t)n;
}

/* The note of the message, or one with a byte changed, cut, or of raw bytes. */
static void attach_note(struct rd *r, struct seam_msg *m, uint8_t *note, size_t n)
{
	uint8_t how = rd_u8(r);
	if (how & 1) {
		size_t at = rd_u16(r) % n;
		note[at] = rd_u8(r);
	}
	if (how & 2)
		n = rd_u16(r) % (n + 1);
	if (how & 4) {
		n = rd_u8(r);
		const uint8_t *raw = rd_bytes(r, n);
		if (raw)
			memcpy(note, raw, n);
		else
			n = 0;
	}
	m->note = note;
	m->note_len = (uint32_t)n;
	m->has |= SEAM_HAS(SEAM_A_NOTE);
}

static void dump_link(struct rd *r, struct seam_msg *m, uint8_t *note)
{
	uint8_t how = rd_u8(r);
	m->cmd = SEAM_DUMP_LINK;
	m->link = rd_u8(r) % 16;
	m->up = how & 1;
	m->frame_max = how & 2 ? 65535 : WIRE_PATH_MIN;
	m->has |= SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_FRAME_MAX);
	if (how & 4) {
		m->session = rd_u8(r) % 16;
		m->has |= SEAM_HAS(SEAM_A_SESSION);
	} else {
		attach_note(r, m, note, link_note(m->link + (how & 16), note));
	}
}

static void dump_label(struct rd *r, struct seam_msg *m)
{
	uint8_t how = rd_u8(r);
	m->cmd = SEAM_DUMP_LABEL;
	m->link = rd_u8(r) % 16;
	m->label = 0x1000u + rd_u8(r) % 16;
	m->out_link = rd_u8(r) % 16;
	m->label_tx = 0x1000u + rd_u8(r) % 16;
	m->has |= SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL);
	if (how & 1)
		m->has |= SEAM_HAS(SEAM_A_OUT_LINK);
	if (how & 2)
		m->has |= SEAM_HAS(SEAM_A_LABEL_TX);
	else
		m->label_tx = 0;
}

static void dump_session(struct rd *r, struct seam_msg *m, uint8_t *note)
{
	uint8_t how = rd_u8(r), what = rd_u8(r);
	m->cmd = SEAM_DUMP_SESSION;
	m->session = rd_u8(r) % 16;
	m->up = how & 1;
	m->role = what & 1 ? SEAM_INITIATOR : SEAM_RESPONDER;
	m->label = 0x2000u + rd_u8(r) % 16;
	m->label_tx = 0x2000u + rd_u8(r) % 16;
	m->link = rd_u8(r) % 16;
	m->has |= SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_ROLE) |
		  SEAM_HAS(SEAM_A_LABEL) | SEAM_HAS(SEAM_A_LABEL_TX);
	if (!(how & 2))
		m->has |= SEAM_HAS(SEAM_A_LINK);
	if (how & 4) {
		m->error = -ECONNRESET;
		m->has |= SEAM_HAS(SEAM_A_ERROR);
	}
	if (how & 8) {
		m->close = how >> 5;
		m->has |= SEAM_HAS(SEAM_A_CLOSE);
	}
	attach_note(r, m, note, channel_note(m->session + (how & 16), what, note));
}

static void news(struct rd *r, struct seam_msg *m)
{
	static const uint16_t cmds[] = {
		SEAM_LINK_LOST, SEAM_SESSION_CLOSED, SEAM_SESSION_UP, SEAM_SESSION_BROKEN};
	m->cmd = cmds[rd_u8(r) % 4];
	m->seq = 0;
	m->link = m->session = rd_u8(r) % 16;
	m->error = -EPIPE;
	m->has |= m->cmd == SEAM_LINK_LOST ? SEAM_HAS(SEAM_A_LINK) : SEAM_HAS(SEAM_A_SESSION);
	if (m->cmd == SEAM_SESSION_CLOSED)
		m->has |= SEAM_HAS(SEAM_A_CLOSE);
	else if (m->cmd != SEAM_SESSION_UP)
		m->has |= SEAM_HAS(SEAM_A_ERROR);
}

static void greeting(struct seam_msg *m)
{
	m->cmd = SEAM_HELLO;
	m->seq = (uint32_t)HELLO_SEQ;
	m->version = SEAM_VERSION;
	m->workers = 2;
	m->suites = 3;
	m->serial = 100;
	m->link = m->session = m->listener = 15;
	m->has = SEAM_HAS(SEAM_A_VERSION) | SEAM_HAS(SEAM_A_WORKERS) | SEAM_HAS(SEAM_A_SUITES) |
		 SEAM_HAS(SEAM_A_SERIAL) | SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_SESSION) |
		 SEAM_HAS(SEAM_A_LISTENER);
}

/* The next datagram, in buf. */
static size_t datagram(struct rd *r, uint8_t *buf, size_t cap)
{
	static uint8_t note[SEAM_NOTE_MAX];
	struct seam_msg m = {.seq = (uint32_t)DUMP_SEQ, .fd = -1};
	uint8_t what = rd_u8(r) % 10;
	size_t n = rd_left(r);
	switch (what) {
	case 0:
		n = n < 200 ? n : 200;
		if (n)
			memcpy(buf, rd_bytes(r, n), n);
		return n;
	case 1:
	case 2:
		dump_link(r, &m, note);
		break;
	case 3:
		dump_label(r, &m);
		break;
	case 4:
	case 5:
		dump_session(r, &m, note);
		break;
	case 6:
		m.cmd = SEAM_DUMP_LISTENER;
		m.listener = rd_u8(r) % 8;
		m.has = SEAM_HAS(SEAM_A_LISTENER);
		break;
	case 7:
		m.cmd = SEAM_DUMP_PORTAL;
		m.portal = rd_u8(r) % 8;
		m.session = rd_u8(r) % 16;
		m.has = SEAM_HAS(SEAM_A_PORTAL) | SEAM_HAS(SEAM_A_SESSION);
		break;
	case 8:
		news(r, &m);
		break;
	default:
		m.cmd = SEAM_ACK;
		m.error = rd_u8(r) & 1 ? -ENOMEM : 0;
	}
	int len = seam_encode(&m, buf, cap);
	CHECK(len > 0);
	return (size_t)len;
}

int __wrap_seam_recv(int sock, void *buf, size_t cap, int *fd)
{
	static uint8_t whole[SEAM_MSG_MAX];
	struct seam_msg m = {.fd = -1};
	uint8_t how = rd_u8(&in);
	size_t n;
	CHECK(fd_open[sock - FD_FIRST]);
	datagrams++;
	if (datagrams <= 2 && !(how & 0x40)) { /* mostly as it should begin */
		if (datagrams == 1)
			greeting(&m);
		else
			m = (struct seam_msg){
				.cmd = SEAM_ACK, .seq = (uint32_t)HELLO_SEQ, .fd = -1};
		int len = seam_encode(&m, whole, sizeof whole);
		CHECK(len > 0);
		n = (size_t)len;
	} else {
		n = datagram(&in, whole, sizeof whole);
	}
	if ((how & 0x3f) == 0x3f)
		return -EAGAIN;
	if (n > cap)
		return -EMSGSIZE;
	memcpy(buf, whole, n);
	*fd = n && how & 0x80 ? fd_new() : -1;
	return (int)n;
}

static void cut_all(struct node *n)
{
	for (struct link *l = links_first(n); l; l = l->next)
		world_tell(&w.node[0], &(struct seam_msg){.cmd = SEAM_LINK_LOST,
					       .fd = -1,
					       .link = l->id,
					       .has = SEAM_HAS(SEAM_A_LINK) |
						      SEAM_HAS(SEAM_A_ERROR)});
	for (struct channel *ch = channels_first(n); ch; ch = ch->next)
		if (ch->session)
			world_tell(&w.node[0], &(struct seam_msg){.cmd = SEAM_SESSION_CLOSED,
						       .fd = -1,
						       .session = ch->session,
						       .has = SEAM_HAS(SEAM_A_SESSION) |
							      SEAM_HAS(SEAM_A_CLOSE)});
}

static struct channel *own_channel(struct node *n)
{
	struct channel *ch = channels_first(n);
	while (ch && ch->role != SEAM_INITIATOR)
		ch = ch->next;
	return ch;
}

/* It lives on for a while, then everything is cut and closed: nothing may be left. */
static void live_on(struct node *n)
{
	world_run(&w, 200);
	world_pass(&w, 1000);
	world_run(&w, 200);
	w.no_connect = true;
	world_enter(&w, &w.node[0]);
	cut_all(n);
	world_run(&w, 400);
	world_enter(&w, &w.node[0]);
	for (struct channel *ch; (ch = own_channel(n));)
		channel_close(n, ch);
	world_rest(&w, 400000);
	CHECK(!paths_count(n));
	CHECK(!path_keys_count(n->keys_in_use));
	CHECK(!channels_first(n));
	CHECK(!links_first(n));
}

static void take_over(void)
{
	struct takeover *t = NULL;
	struct dataplane_info info;
	int seam = takeover_start(&p, &t, &info);
	if (seam < 0) {
		CHECK(!t);
		return;
	}
	world_enter(&w, &w.node[0]);
	takeover_apply(&p, t, &info);
	takeover_finish(&p, t);
	takeover_free(t);
	live_on(p.node);
	tcp_listeners_free(&p, true);
	__wrap_close(seam);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_init(2, LOG_ERROR, false, "fuzz");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = rd_init(data, size);
	datagrams = fds = 0;
	stub_random_reset();
	world_init(&w);
	memset(&p, 0, sizeof p);
	strcpy(p.name, "a");
	p.temporary = true;
	p.node = w.node[0].n;
	CHECK(!home_open(&p.home, "/nonexistent/home", HOME_READ));
	take_over();
	home_close(p.home);
	world_fini(&w);
	for (unsigned i = 0; i < fds; i++)
		CHECK(!fd_open[i]);
	return 0;
}
