// SPDX-License-Identifier: Apache-2.0
/*
 * The data plane's side of the seam: seam_srv.c with its outbox, registry and mailboxes, over real
 * sockets. A program of controllers that come and go, of messages (of the protocol, damaged, raw;
 * with sockets, other descriptors and none), of connections to the listeners that were handed over,
 * of workers that execute, fail and tell. The turns of the server are ours: epoll_wait is (by the
 * linker's --wrap), but for what waits to say HELLO. Whatever is said to a controller can be decoded, a command is acknowledged at
 * most once, and exactly once by a server that lives; no descriptor is left; and it does not spin.
 */
#include "fuzz.h"
#include "allowance.h"
#include "dials.h"
#include "ledger.h"
#include "log.h"
#include "seam_srv.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	WORKERS = 2,
	STEPS_MAX = 200,
	CONTROLLERS = 3,
	LISTENERS = 2,
	CLIENTS = 8,
	IDS = 8,
	SPINS_MAX = 2000,
	LAST_TURNS = 12,
	TRACKED = 512,
	SEQ_FIRST = 0x5eed0000,
	FDS_CHECKED = 64 /* the lowest are taken first */,
};

struct worker {
	struct mailbox mailbox;
};

static struct worker worker_of[WORKERS];
static struct worker *const workers[WORKERS] = {&worker_of[0], &worker_of[1]};

static struct {
	struct rd in;
	struct seam_srv *srv;
	int door; /* the seam's listening socket, as the controllers know it */
	struct sockaddr_un address;
	socklen_t address_len;
	int controller[CONTROLLERS];
	unsigned controllers_ever;
	bool one_left; /* a controller has gone, or may have been turned away */
	int listener[LISTENERS], client[CLIENTS];
	struct {
		bool wanted, acked, dump;
	} command[TRACKED];
	unsigned commands, steps, spins, last_turns;
} t;

int __real_epoll_wait(int ep, struct epoll_event *ev, int n, int ms);
int __wrap_epoll_wait(int ep, struct epoll_event *ev, int n, int ms);

struct mailbox *worker_mailbox(struct worker *w)
{
	return &w->mailbox;
}

static void close_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Bound to a name that the kernel picks. */
static int listening(int type, struct sockaddr_un *sa, socklen_t *len)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	CHECK(fd >= 0 && !bind(fd, (struct sockaddr *)sa, sizeof sa->sun_family));
	*len = sizeof *sa;
	CHECK(!getsockname(fd, (struct sockaddr *)sa, len) && !listen(fd, 16));
	return fd;
}

/* Controllers. */

static void controller_connect(struct rd *r)
{
	int *c = &t.controller[rd_u8(r) % CONTROLLERS];
	if (*c >= 0)
		return;
	*c = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(*c >= 0);
	if (connect(*c, (struct sockaddr *)&t.address, t.address_len) < 0)
		close_at(c);
	else if (t.controllers_ever++)
		t.one_left = true;
}

static void controller_close(struct rd *r)
{
	int *c = &t.controller[rd_u8(r) % CONTROLLERS];
	t.one_left |= *c >= 0;
	close_at(c);
}

static void on_ack(const struct seam_msg *m)
{
	uint32_t i = m->seq - SEQ_FIRST;
	CHECK(m->error <= 0);
	if (i >= t.commands || !t.command[i].wanted)
		return; /* one of raw bytes */
	CHECK(!t.command[i].acked);
	t.command[i].acked = true;
}

static void controller_read(int *c, unsigned most)
{
	static uint8_t buf[SEAM_MSG_MAX];
	struct seam_msg m;
	while (*c >= 0 && most--) {
		int fd = -1, n = seam_recv(*c, buf, sizeof buf, &fd);
		if (fd >= 0)
			close(fd);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			t.one_left = true;
			close_at(c);
			return;
		}
		CHECK(!seam_decode(&m, buf, (size_t)n, true));
		CHECK(fd < 0 || m.cmd == SEAM_DUMP_LISTENER);
		if (m.cmd == SEAM_ACK)
			on_ack(&m);
	}
}

/* A descriptor to send along: a listener's, a datagram socket, one that is no socket, or none. */
static int companion(struct rd *r)
{
	struct sockaddr_un sa;
	socklen_t len;
	uint8_t how = rd_u8(r);
	int *l = &t.listener[how % LISTENERS];
	switch (how >> 4 & 3) {
	case 0:
	case 1:
		if (*l < 0)
			*l = listening(SOCK_STREAM, &sa, &len);
		return dup(*l);
	case 2:
		return how & 0x40 ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
				  : open("/dev/null", O_RDONLY | O_CLOEXEC);
	default:
		return -1;
	}
}

static void say(int sock, const void *buf, size_t len, int fd)
{
	if (sock >= 0)
		seam_send(sock, buf, len, fd);
	if (fd >= 0)
		close(fd);
}

static void say_raw(struct rd *r)
{
	uint8_t how = rd_u8(r);
	size_t n = rd_u8(r);
	const uint8_t *p = rd_bytes(r, n);
	int fd = how & 0x80 ? companion(r) : -1;
	say(t.controller[how % CONTROLLERS], p ? p : (const void *)"", p ? n : 0, fd);
}

static void fill(struct rd *r, struct seam_msg *m)
{
	static const uint8_t bytes[300];
	uint8_t has = rd_u8(r);
	m->link = rd_u8(r) % IDS;
	m->out_link = rd_u8(r) % IDS;
	m->session = m->serial = rd_u8(r) % IDS;
	m->listener = m->portal = m->stream = rd_u8(r) % IDS;
	m->label = m->label_tx = m->session + 1;
	m->version = has & 0x40 ? 99 : SEAM_VERSION;
	m->role = SEAM_INITIATOR;
	m->suite = 1;
	m->frame_max = 65535;
	m->frame = m->note = bytes;
	m->frame_len = m->note_len = sizeof bytes;
	m->service = "outlet";
	m->has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL) | SEAM_HAS(SEAM_A_LISTENER) |
		 SEAM_HAS(SEAM_A_UP) | SEAM_HAS(SEAM_A_FRAME_MAX) | SEAM_HAS(SEAM_A_VERSION) |
		 SEAM_HAS(SEAM_A_SERIAL) | SEAM_HAS(SEAM_A_ROLE) | SEAM_HAS(SEAM_A_SUITE) |
		 SEAM_HAS(SEAM_A_LABEL_TX) | SEAM_HAS(SEAM_A_CHAIN_RX) | SEAM_HAS(SEAM_A_CHAIN_TX) |
		 SEAM_HAS(SEAM_A_EXPORTER) | SEAM_HAS(SEAM_A_MESSAGE) | SEAM_HAS(SEAM_A_FRAME) |
		 SEAM_HAS(SEAM_A_PORTAL) | SEAM_HAS(SEAM_A_SERVICE) | SEAM_HAS(SEAM_A_STREAM) |
		 SEAM_HAS(SEAM_A_CODE) | SEAM_HAS(SEAM_A_NOTE);
	if (m->cmd != SEAM_LINK_ADD || has & 1)
		m->has |= SEAM_HAS(SEAM_A_SESSION);
	if (has & 2)
		m->has |= SEAM_HAS(SEAM_A_OUT_LINK);
	if (has & 4)
		m->has |= SEAM_HAS(SEAM_A_CLOSE);
	if (has & 8)
		m->has |= SEAM_HAS(SEAM_A_TAG_RX) | SEAM_HAS(SEAM_A_TAG_TX);
	if (has & 16 || m->cmd == SEAM_DGRAM)
		m->has |= SEAM_HAS(SEAM_A_ADDRESS);
}

/* A command of the protocol; perhaps cut, or with a byte changed. */
static void say_command(struct rd *r, uint16_t cmd)
{
	static uint8_t buf[2048];
	uint8_t how = rd_u8(r);
	struct seam_msg m = {.cmd = cmd, .fd = -1, .seq = SEQ_FIRST + t.commands};
	if (!cmd)
		m.cmd = SEAM_CMD_BASE + rd_u8(r) % (SEAM_CMD_END - SEAM_CMD_BASE);
	m.want_ack = !(how & 8);
	fill(r, &m);
	int n = seam_encode(&m, buf, sizeof buf), fd = how & 4 ? companion(r) : -1;
	int sock = n > 0 ? t.controller[(how & 3) % CONTROLLERS] : -1; /* or it is no command */
	if (n <= 0)
		how = 0;
	if (how & 0x10)
		n = 16 + rd_u8(r) % (n - 15);
	if (how & 0x20)
		buf[12 + rd_u8(r) % (n - 12)] ^= rd_u8(r); /* not the length, not the number */
	if (sock >= 0 && t.commands < TRACKED && seam_send(sock, buf, (size_t)n, fd) == n) {
		t.command[t.commands].wanted = m.want_ack && !(how & 0x30);
		t.command[t.commands].dump = m.cmd == SEAM_DUMP;
		t.commands++;
	}
	if (fd >= 0)
		close(fd);
}

static void client_connects(struct rd *r)
{
	static const uint8_t hello[WIRE_HEADER] = {
		WIRE_VERSION << 4 | WIRE_LINK, LINK_HELLO, 0, WIRE_HEADER};
	uint8_t how = rd_u8(r);
	int l = t.listener[how % LISTENERS], *c = &t.client[how >> 4 & 7];
	struct sockaddr_un sa;
	socklen_t len = sizeof sa;
	close_at(c);
	if (l < 0 || getsockname(l, (struct sockaddr *)&sa, &len) < 0)
		return;
	*c = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connect(*c, (struct sockaddr *)&sa, len) < 0)
		close_at(c);
	else if (!(how & 0x80))
		CHECK(send(*c, hello, how & 4 ? 7 : sizeof hello, MSG_NOSIGNAL) > 0);
	if (how & 8)
		close_at(c);
}

/* Workers. */

static void execute(struct rd *r, struct letter *l)
{
	static const int errors[] = {-ENOENT, -EEXIST, -ESTALE, -EMFILE};
	const struct worker_seam *seam = seam_srv_seam(t.srv);
	uint8_t how = r ? rd_u8(r) : 0;
	struct seam_msg m, answer = {.cmd = 0};
	CHECK(!seam_decode(&m, l->data, l->len, false)); /* it was before */
	CHECK(l->out_worker == ENGINE_LOCAL || l->out_worker < WORKERS);
	m.fd = l->fd;
	if (m.cmd == SEAM_LABEL_GET)
		answer = (struct seam_msg){.cmd = SEAM_LABEL_GET,
			.fd = -1,
			.seq = m.seq,
			.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LABEL) |
			       SEAM_HAS(SEAM_A_IDLE_MS)};
	bool fails = how & 0x80 && m.cmd != SEAM_DUMP;
	seam->done(
		seam->ctx, &m, answer.cmd && !fails ? &answer : NULL, fails ? errors[how % 4] : 0);
}

static void worker_runs(struct rd *r, unsigned w)
{
	for (struct letter *l = mailbox_take(&worker_of[w].mailbox), *next; l; l = next) {
		next = l->next;
		if (l->kind == LETTER_COMMAND)
			execute(r, l);
		letter_free(l);
	}
	uint64_t rung;
	if (read(worker_of[w].mailbox.event_fd, &rung, sizeof rung) < 0)
		CHECK(errno == EAGAIN);
}

static void worker_tells(struct rd *r)
{
	static const uint16_t cmds[] = {SEAM_LINK_LOST, SEAM_SESSION_CLOSED, SEAM_FRAME, SEAM_MSG,
		SEAM_LABEL_USED, SEAM_SESSION_UP, SEAM_FRAME, SEAM_MSG};
	static uint8_t body[SEAM_BODY_MAX] = {WIRE_VERSION, WIRE_INIT};
	const struct worker_seam *seam = seam_srv_seam(t.srv);
	uint8_t how = rd_u8(r);
	struct seam_msg m = {.cmd = cmds[how % 8],
		.fd = -1,
		.link = rd_u8(r) % (2 * IDS),
		.session = rd_u8(r) % IDS,
		.error = -EPIPE,
		.frame = body,
		.frame_len = 16 + rd_u8(r) * (how & 0x10 ? 128u : 1u)};
	m.has = m.cmd == SEAM_LINK_LOST || m.cmd == SEAM_FRAME || m.cmd == SEAM_LABEL_USED
			? SEAM_HAS(SEAM_A_LINK)
			: SEAM_HAS(SEAM_A_SESSION);
	if (m.cmd == SEAM_LINK_LOST)
		m.has |= SEAM_HAS(SEAM_A_ERROR);
	if (m.cmd == SEAM_LABEL_USED)
		m.has |= SEAM_HAS(SEAM_A_LABEL);
	if (m.cmd == SEAM_SESSION_CLOSED)
		m.has |= SEAM_HAS(SEAM_A_CLOSE);
	if (m.cmd == SEAM_FRAME || m.cmd == SEAM_MSG)
		m.has |= SEAM_HAS(SEAM_A_FRAME);
	if (m.cmd == SEAM_MSG)
		m.has |= SEAM_HAS(SEAM_A_MESSAGE);
	for (unsigned i = 0; i <= (how >> 5) * 4u; i++)
		seam->event(seam->ctx, how & 8 ? 1 : 0, &m);
}

/* Turns. */

static void step(struct rd *r)
{
	static const uint16_t often[] = {SEAM_HELLO, SEAM_LISTENER_ADD, SEAM_LINK_ADD,
		SEAM_SESSION_ADD, SEAM_DUMP, SEAM_OUTLIVE, SEAM_LISTENER_DEL, SEAM_LABEL_ADD};
	uint8_t what = rd_u8(r);
	switch (what % 12) {
	case 0:
	case 1:
	case 2:
		say_command(r, often[what / 12 % 8]);
		break;
	case 3:
		say_command(r, 0);
		break;
	case 4:
		say_raw(r);
		break;
	case 5:
		controller_connect(r);
		break;
	case 6:
		controller_close(r);
		break;
	case 7:
		controller_read(&t.controller[rd_u8(r) % CONTROLLERS], 8);
		break;
	case 8:
	case 9:
		worker_runs(r, rd_u8(r) % WORKERS);
		break;
	case 10:
		worker_tells(r);
		break;
	default:
		client_connects(r);
	}
}

/* Nothing new any more: whatever waits is done, and read. */
static void wind_up(void)
{
	for (unsigned w = 0; w < WORKERS; w++)
		worker_runs(NULL, w);
	for (unsigned c = 0; c < CONTROLLERS; c++)
		controller_read(&t.controller[c], UINT32_MAX);
}

int __wrap_epoll_wait(int ep, struct epoll_event *ev, int n, int ms)
{
	for (;;) {
		int got = __real_epoll_wait(ep, ev, n, 0);
		if (!ms) /* that of pending.c */
			return got;
		if (got)
			CHECK(++t.spins < SPINS_MAX);
		if (got)
			return got;
		t.spins = 0;
		if (rd_left(&t.in) && t.steps++ < STEPS_MAX) {
			step(&t.in);
		} else if (t.last_turns++ < LAST_TURNS) {
			wind_up();
		} else {
			errno = ECANCELED;
			return -1;
		}
	}
}

/* Every command has its answer, unless there was more than the one controller. */
static void check_answers(void)
{
	if (t.controllers_ever != 1 || t.one_left)
		return;
	for (unsigned i = 0; i < t.commands; i++)
		CHECK(!t.command[i].wanted || t.command[i].acked || t.command[i].dump);
}

static void begin(const uint8_t *data, size_t size)
{
	memset(&t, 0, sizeof t);
	t.in = rd_init(data, size);
	for (unsigned i = 0; i < CONTROLLERS; i++)
		t.controller[i] = -1;
	for (unsigned i = 0; i < LISTENERS; i++)
		t.listener[i] = -1;
	for (unsigned i = 0; i < CLIENTS; i++)
		t.client[i] = -1;
	for (unsigned w = 0; w < WORKERS; w++) {
		CHECK(!mailbox_init(&worker_of[w].mailbox));
		fcntl(worker_of[w].mailbox.event_fd, F_SETFL, O_NONBLOCK);
	}
}

static void end(void)
{
	for (unsigned w = 0; w < WORKERS; w++)
		mailbox_fini(&worker_of[w].mailbox);
	for (unsigned i = 0; i < CONTROLLERS; i++)
		close_at(&t.controller[i]);
	for (unsigned i = 0; i < LISTENERS; i++)
		close_at(&t.listener[i]);
	for (unsigned i = 0; i < CLIENTS; i++)
		close_at(&t.client[i]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_init(2, LOG_ERROR, false, "fuzz");
	return 0;
}

static uint64_t descriptors(void)
{
	uint64_t open_now = 0;
	for (int fd = 0; fd < FDS_CHECKED; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			open_now |= 1ull << fd;
	return open_now;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct serials serials;
	struct ledger *ledger = ledger_new();
	struct dials *dials = dials_new();
	struct limits limits;
	limits_init(&limits);
	struct rd first = rd_init((const uint8_t[]){0}, 1);
	uint64_t before = descriptors();
	begin(data, size);
	serials_init(&serials);
	t.door = listening(SOCK_SEQPACKET, &t.address, &t.address_len);
	t.srv = seam_srv_new(
		t.door, WORKERS, 1, &serials, ledger, dials, &limits); /* takes the door */
	CHECK(ledger && dials && t.srv);
	controller_connect(&first);
	seam_srv_run(t.srv, (struct worker **)(uintptr_t)workers);
	if (t.last_turns > LAST_TURNS)
		check_answers();
	seam_srv_free(t.srv);
	serials_fini(&serials);
	ledger_free(ledger);
	dials_free(dials);
	end();
	CHECK(descriptors() == before);
	return 0;
}
