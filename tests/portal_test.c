// SPDX-License-Identifier: Apache-2.0
/*
 * Applications' connections through the real ockam-dataplane: an inlet's, over a session (or
 * several) between two links of the same program, to a target that this program listens on. A
 * thread is control: it dials the target for what is asked. Arguments as of dataplane_test.
 */
#include "dataplane_ctl.h"

#include <fcntl.h>
#include <stdatomic.h>

enum { PORTAL = 7, BLOCK = 64 << 10, PAIRS = 3 };

struct portal {
	struct dp *d;
	int inlet, target; /* listening */
	struct sockaddr_in inlet_addr, target_addr;
	atomic_bool refuse;	  /* set by the test, read by the controller's thread */
	atomic_uint asked[PAIRS]; /* streams that each pair's peer was asked for */
	pthread_t control;
	int wake[2];
};

static int loopback(struct sockaddr_in *sa)
{
	socklen_t len = sizeof *sa;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*sa = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (struct sockaddr *)sa, len), 0);
	assert_int_equal(listen(fd, 256), 0);
	getsockname(fd, (struct sockaddr *)sa, &len);
	return fd;
}

static void time_out(int fd)
{
	struct timeval tv = {.tv_sec = TIMEOUT_MS / 1000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

static int dial(const struct sockaddr_in *sa)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	time_out(fd);
	if (connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Answers one STREAM_ASKED as control does. */
static void answer(struct portal *p, const struct seam_msg *asked)
{
	int fd = p->refuse ? -1 : dial(&p->target_addr);
	struct seam_msg m = {.fd = -1,
		.has = H(SESSION) | H(STREAM),
		.session = asked->session,
		.stream = asked->stream};
	m.cmd = fd >= 0 ? SEAM_STREAM_ACCEPT : SEAM_STREAM_REFUSE;
	if (fd < 0) {
		m.has |= H(CODE);
		m.code = REFUSE_CONNECTION;
	}
	post(p->d, m, fd);
	if (fd >= 0)
		close(fd);
}

static void *control_main(void *arg)
{
	struct portal *p = arg;
	static uint8_t buf[SEAM_MSG_MAX];
	struct pollfd fds[2] = {
		{.fd = p->d->seam, .events = POLLIN}, {.fd = p->wake[0], .events = POLLIN}};
	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		struct seam_msg m;
		int fd = -1, n = seam_recv(p->d->seam, buf, sizeof buf, &fd);
		if (n <= 0)
			break;
		if (seam_decode(&m, buf, (size_t)n, true) == 0 && m.cmd == SEAM_STREAM_ASKED &&
			!strcmp(m.service, "outlet")) {
			p->asked[(m.session - 1) / 2]++;
			answer(p, &m);
		}
	}
	return NULL;
}

/* Pair k has the links and sessions behind 4k and 2k; i: 0 the inlet's end, 1 the outlet's. */
static uint32_t link_of(uint32_t k, uint32_t i)
{
	return 4 * k + 2 + 2 * i;
}

static uint32_t session_of(uint32_t k, uint32_t i)
{
	return 2 * k + 1 + i;
}

static void session_add(struct dp *d, uint32_t k, uint32_t i)
{
	struct seam_msg m = {.cmd = SEAM_SESSION_ADD,
		.fd = -1,
		.has = H(SESSION) | H(SERIAL) | H(ROLE) | H(SUITE) | H(LINK) | H(LABEL) |
		       H(LABEL_TX) | H(FRAME_MAX) | H(CHAIN_RX) | H(CHAIN_TX) | H(EXPORTER),
		.session = session_of(k, i),
		.serial = session_of(k, i),
		.role = i ? SEAM_RESPONDER : SEAM_INITIATOR,
		.suite = SUITE_CHACHAPOLY,
		.link = link_of(k, i),
		.frame_max = 65535,
		.label = 50 + i,
		.label_tx = 51 - i};
	memset(i ? &m.chain_rx : &m.chain_tx, 1, 32);
	memset(i ? &m.chain_tx : &m.chain_rx, 2, 32);
	assert_int_equal(command(d, m, -1, NULL), 0);
}

/* Two links that are one connection, with a session between them. */
static void join_ends(struct dp *d, uint32_t k)
{
	struct sockaddr_in sa;
	int l = loopback(&sa), s[2];
	s[0] = dial(&sa);
	s[1] = accept(l, NULL, NULL);
	assert_true(s[0] >= 0 && s[1] >= 0);
	close(l);
	for (uint32_t i = 0; i < 2; i++) {
		struct seam_msg m = {
			.cmd = SEAM_LINK_ADD, .fd = -1, .has = H(LINK), .link = link_of(k, i)};
		assert_int_equal(command(d, m, s[i], NULL), 0);
		assert_int_equal(link_up(d, link_of(k, i)), 0);
		close(s[i]);
	}
	for (uint32_t i = 0; i < 2; i++)
		session_add(d, k, i);
}

static struct seam_msg portal_msg_of(uint16_t cmd, uint32_t k)
{
	return (struct seam_msg){.cmd = cmd,
		.fd = -1,
		.has = H(PORTAL) | H(SESSION) | H(SERVICE),
		.portal = PORTAL,
		.session = session_of(k, 0),
		.service = "outlet"};
}

static struct seam_msg portal_msg(uint16_t cmd)
{
	return portal_msg_of(cmd, 0);
}

static int set_up_pairs(void **state, uint32_t pairs)
{
	struct portal *p = calloc(1, sizeof *p);
	void *d = NULL;
	if (set_up(&d) < 0)
		return -1;
	p->d = d;
	p->inlet = loopback(&p->inlet_addr);
	p->target = loopback(&p->target_addr);
	time_out(p->target);
	for (uint32_t k = 0; k < pairs; k++) {
		join_ends(p->d, k);
		assert_int_equal(
			command(p->d, portal_msg_of(SEAM_PORTAL_ADD, k), p->inlet, NULL), 0);
	}
	assert_int_equal(pipe(p->wake), 0);
	assert_int_equal(pthread_create(&p->control, NULL, control_main, p), 0);
	*state = p;
	return 0;
}

static int portal_set_up(void **state)
{
	return set_up_pairs(state, 1);
}

static int portals_set_up(void **state)
{
	return set_up_pairs(state, PAIRS);
}

static void control_stop(struct portal *p)
{
	if (p->wake[1] < 0)
		return;
	close(p->wake[1]);
	p->wake[1] = -1;
	pthread_join(p->control, NULL);
	close(p->wake[0]);
}

static int portal_tear_down(void **state)
{
	struct portal *p = *state;
	void *d = p->d;
	control_stop(p);
	close(p->inlet);
	close(p->target);
	free(p);
	return tear_down(&d);
}

/* A connection through the portal: the client's end, and the target's. */
static void connection(struct portal *p, int *client, int *server)
{
	*client = dial(&p->inlet_addr);
	assert_true(*client >= 0);
	*server = accept(p->target, NULL, NULL);
	assert_true(*server >= 0);
	time_out(*server);
}

static void reset_close(int fd)
{
	const struct linger now = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

static bool is_reset(int fd)
{
	uint8_t b[BLOCK];
	ssize_t n;
	while ((n = recv(fd, b, sizeof b, 0)) > 0)
		;
	return n < 0 && errno == ECONNRESET;
}

static bool is_end(int fd)
{
	uint8_t b;
	return recv(fd, &b, 1, 0) == 0;
}

static uint8_t byte_at(uint64_t seed, uint64_t i)
{
	return (uint8_t)(seed * 29 + i * 31 + (i >> 8) * 7 + (i >> 16) * 3);
}

static void small_messages_go_at_once(void **state)
{
	struct portal *p = *state;
	int c, s;
	uint8_t a[1000], b[1000];
	connection(p, &c, &s);
	for (unsigned i = 1; i < 1000; i += 7) {
		memset(a, (int)i, i);
		write_all(c, a, i);
		read_all(s, b, i);
		assert_memory_equal(a, b, i);
		write_all(s, b, i);
		read_all(c, b, i);
	}
	close(c);
	assert_true(is_end(s));
	close(s);
}

static void ends_go_one_way(void **state)
{
	struct portal *p = *state;
	for (unsigned first = 0; first < 2; first++) {
		int e[2];
		uint8_t b[8];
		connection(p, &e[0], &e[1]);
		write_all(e[first], "question", 8);
		shutdown(e[first], SHUT_WR);
		read_all(e[!first], b, 8);
		assert_true(is_end(e[!first]));
		write_all(e[!first], "answer", 6);
		shutdown(e[!first], SHUT_WR);
		read_all(e[first], b, 6);
		assert_memory_equal(b, "answer", 6);
		assert_true(is_end(e[first]));
		close(e[0]);
		close(e[1]);
	}
}

static void resets_are_resets(void **state)
{
	struct portal *p = *state;
	for (unsigned first = 0; first < 2; first++) {
		int e[2];
		uint8_t b[1];
		connection(p, &e[0], &e[1]);
		write_all(e[0], "x", 1);
		read_all(e[1], b, 1);
		reset_close(e[first]);
		assert_true(is_reset(e[!first]));
		close(e[!first]);
	}
}

/* The error comes though nobody reads or writes. */
static bool is_told(int fd)
{
	struct pollfd f = {.fd = fd};
	return poll(&f, 1, TIMEOUT_MS) == 1 && f.revents & POLLERR;
}

/* Until nothing has been taken for a second. */
static void stuff(int fd)
{
	static uint8_t b[BLOCK];
	struct pollfd f = {.fd = fd, .events = POLLOUT};
	while (poll(&f, 1, 1000) == 1)
		assert_true(send(fd, b, sizeof b, MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
}

static void a_reset_behind_a_stopped_reader_is_told(void **state)
{
	for (unsigned first = 0; first < 2; first++) {
		int e[2];
		connection(*state, &e[0], &e[1]);
		stuff(e[first]); /* its stream has no credit left */
		reset_close(e[first]);
		assert_true(is_told(e[!first]));
		close(e[!first]);
	}
}

static void a_reset_after_the_end_is_told(void **state)
{
	for (unsigned first = 0; first < 2; first++) {
		int e[2];
		connection(*state, &e[0], &e[1]);
		shutdown(e[first], SHUT_WR);
		assert_true(is_end(e[!first]));
		reset_close(e[first]);
		assert_true(is_told(e[!first]));
		close(e[!first]);
	}
}

static void a_refusal_is_a_reset(void **state)
{
	struct portal *p = *state;
	p->refuse = true;
	int c = dial(&p->inlet_addr);
	assert_true(c >= 0);
	assert_true(is_reset(c));
	close(c);
}

struct pump {
	int fd;
	uint64_t seed, bytes;
	unsigned pause; /* random pauses and sizes by this seed; 0: none */
	bool ok;
};

static void *write_main(void *arg)
{
	struct pump *p = arg;
	static _Thread_local uint8_t b[BLOCK];
	for (uint64_t at = 0; at < p->bytes;) {
		size_t n = p->pause ? 1 + (size_t)rand_r(&p->pause) % BLOCK : BLOCK;
		n = p->bytes - at < n ? p->bytes - at : n;
		for (size_t i = 0; i < n; i++)
			b[i] = byte_at(p->seed, at + i);
		for (size_t off = 0; off < n;) {
			ssize_t k = send(p->fd, b + off, n - off, MSG_NOSIGNAL);
			if (k <= 0)
				return NULL;
			off += (size_t)k;
		}
		at += n;
		if (p->pause && rand_r(&p->pause) % 8 == 0)
			usleep(rand_r(&p->pause) % 2000);
	}
	p->ok = shutdown(p->fd, SHUT_WR) == 0;
	return NULL;
}

static void *read_main(void *arg)
{
	struct pump *p = arg;
	static _Thread_local uint8_t b[BLOCK];
	uint64_t at = 0;
	for (ssize_t n; (n = recv(p->fd, b, sizeof b, 0)) > 0; at += (uint64_t)n) {
		for (ssize_t i = 0; i < n; i++)
			if (b[i] != byte_at(p->seed, at + (uint64_t)i))
				return NULL;
		if (p->pause && rand_r(&p->pause) % 8 == 0)
			usleep(rand_r(&p->pause) % 2000);
	}
	p->ok = at == p->bytes;
	return NULL;
}

enum { PUMPS = 64 };

/* Connections, both ways at once, that arrive whole. */
static void transfer(struct portal *p, unsigned connections, uint64_t bytes, bool pauses)
{
	static struct pump pump[PUMPS];
	pthread_t t[PUMPS];
	unsigned n = 0;
	for (unsigned i = 0; i < connections; i++) {
		int e[2];
		connection(p, &e[0], &e[1]);
		/* which accept is whose does not matter: each end says what it is */
		for (unsigned k = 0; k < 4; k++, n++)
			pump[n] = (struct pump){.fd = e[k & 1],
				.seed = k == 0 || k == 3 ? 1 : 2,
				.bytes = bytes,
				.pause = pauses ? n + 1 : 0};
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(
			pthread_create(&t[i], NULL, i % 4 < 2 ? write_main : read_main, &pump[i]),
			0);
	for (unsigned i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < n; i++) {
		assert_true(pump[i].ok);
		if (i % 4 < 2)
			close(pump[i].fd);
	}
}

static void bulk_arrives_whole(void **state)
{
	transfer(*state, 1, 64 << 20, false);
}

static void many_at_once(void **state)
{
	transfer(*state, 12, 3 << 20, false);
}

static void with_pauses(void **state)
{
	transfer(*state, 12, 1 << 20, true);
}

static void a_stopped_reader_stops_only_its_writer(void **state)
{
	struct portal *p = *state;
	static uint8_t b[BLOCK];
	int c, s;
	uint64_t wrote = 0;
	connection(p, &c, &s);
	fcntl(c, F_SETFL, fcntl(c, F_GETFL) | O_NONBLOCK);
	struct pollfd pf = {.fd = c, .events = POLLOUT};
	while (poll(&pf, 1, 1000) == 1) { /* one second without room: it is stopped */
		ssize_t n = send(c, b, sizeof b, MSG_NOSIGNAL);
		if (n > 0)
			wrote += (uint64_t)n;
		assert_true(wrote < 200u << 20);
	}
	transfer(p, 1, 8 << 20, false);
	for (uint64_t got = 0; got < wrote;) {
		ssize_t n = recv(s, b, sizeof b, 0);
		assert_true(n > 0);
		got += (uint64_t)n;
	}
	close(c);
	assert_true(is_end(s));
	close(s);
}

static void a_cut_link_resets_both_sides(void **state)
{
	struct portal *p = *state;
	int c, s;
	uint8_t b[1];
	connection(p, &c, &s);
	write_all(c, "x", 1);
	read_all(s, b, 1);
	control_stop(p);
	struct seam_msg del = {.cmd = SEAM_LINK_DEL, .fd = -1, .has = H(LINK), .link = 2};
	assert_int_equal(command(p->d, del, -1, NULL), 0);
	assert_true(is_reset(c));
	assert_true(is_reset(s));
	close(c);
	close(s);
	/* the portal went with the session; a new one does not come to life without it */
	assert_int_equal(command(p->d, portal_msg(SEAM_PORTAL_DEL), -1, NULL), -ENOENT);
	assert_int_equal(command(p->d, portal_msg(SEAM_PORTAL_ADD), p->inlet, NULL), -EPIPE);
}

static void a_deleted_portal_lets_its_streams_go_on(void **state)
{
	struct portal *p = *state;
	int c, s;
	uint8_t b[2];
	connection(p, &c, &s);
	control_stop(p);
	assert_int_equal(command(p->d, portal_msg(SEAM_PORTAL_DEL), -1, NULL), 0);
	write_all(c, "hi", 2);
	read_all(s, b, 2);
	close(c);
	assert_true(is_end(s));
	close(s);
}

static void open_connections_end_with_the_program(void **state)
{
	struct portal *p = *state;
	int c, s;
	uint8_t b[1];
	connection(p, &c, &s);
	write_all(c, "x", 1);
	read_all(s, b, 1);
	control_stop(p);
	shutdown(p->d->seam, SHUT_RDWR);
	assert_true(is_reset(c));
	assert_true(is_reset(s));
	close(c);
	close(s);
}

static void the_program_is_killed(void **state)
{
	struct portal *p = *state;
	int c, s;
	uint8_t b[1];
	connection(p, &c, &s);
	write_all(c, "x", 1);
	read_all(s, b, 1);
	control_stop(p);
	kill(p->d->pid, SIGKILL);
	assert_true(is_reset(c));
	assert_true(is_reset(s));
	close(c);
	close(s);
}

/* Its status is that of the signal. */
static int killed_tear_down(void **state)
{
	return portal_tear_down(state) == 0 ? -1 : 0;
}

enum { EACH = 3, MANY = PAIRS * EACH };

/* So many connections, that each carry a byte. */
static void connect_many(struct portal *p, int (*e)[2], unsigned n)
{
	uint8_t b[1];
	for (unsigned i = 0; i < n; i++) {
		connection(p, &e[i][0], &e[i][1]);
		write_all(e[i][0], "x", 1);
		read_all(e[i][1], b, 1);
	}
}

static void close_many(int (*e)[2], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		close(e[i][0]);
		assert_true(is_end(e[i][1]));
		close(e[i][1]);
	}
}

/* Whichever worker accepts. */
static void sessions_get_as_many_each(void **state)
{
	struct portal *p = *state;
	int e[MANY][2];
	connect_many(p, e, MANY);
	for (unsigned k = 0; k < PAIRS; k++)
		assert_int_equal(p->asked[k], EACH);
	close_many(e, MANY);
}

static void a_session_that_is_gone_gets_none(void **state)
{
	struct portal *p = *state;
	int e[MANY][2];
	connect_many(p, e, PAIRS);
	struct seam_msg del = {
		.cmd = SEAM_LINK_DEL, .fd = -1, .has = H(LINK), .link = link_of(0, 0)};
	post(p->d, del, -1);
	/* one of them is reset, with both its ends */
	struct pollfd pf[PAIRS];
	for (unsigned i = 0; i < PAIRS; i++)
		pf[i] = (struct pollfd){.fd = e[i][0], .events = POLLIN};
	assert_true(poll(pf, PAIRS, TIMEOUT_MS) > 0);
	unsigned dead = 0;
	while (!pf[dead].revents)
		dead++;
	assert_true(is_reset(e[dead][0]));
	assert_true(is_reset(e[dead][1]));
	connect_many(p, e + PAIRS, MANY - PAIRS);
	assert_int_equal(p->asked[0], 1);
	assert_int_equal(p->asked[1] + p->asked[2], MANY - 1);
	for (unsigned i = 0; i < PAIRS; i++)
		if (i != dead)
			close_many(e + i, 1);
	close(e[dead][0]);
	close(e[dead][1]);
	close_many(e + PAIRS, MANY - PAIRS);
}

enum { FEW_FILES = 64 };

static int few_files_set_up(void **state)
{
	files_max = FEW_FILES;
	int rc = portal_set_up(state);
	files_max = 0;
	return rc;
}

/* When the program can have no more descriptors, at either end, a connection is reset. */
static void more_connections_than_descriptors(void **state)
{
	struct portal *p = *state;
	int c[FEW_FILES], s[FEW_FILES];
	unsigned n = 0, failed = 0;
	for (unsigned i = 0; i < FEW_FILES; i++) {
		uint8_t b;
		c[n] = dial(&p->inlet_addr);
		if (c[n] < 0) { /* it was reset before connect saw it come about */
			assert_true(errno == ECONNRESET || errno == ECONNABORTED);
			failed++;
			continue;
		}
		struct pollfd f[2] = {{.fd = c[n], .events = POLLIN},
			{.fd = p->target, .events = POLLIN}};
		assert_true(poll(f, 2, TIMEOUT_MS) > 0);
		s[n] = f[1].revents ? accept(p->target, NULL, NULL) : -1;
		bool sent = send(c[n], "x", 1, MSG_NOSIGNAL) == 1;
		if (sent && s[n] >= 0 && recv(s[n], &b, 1, 0) == 1) {
			n++;
			continue;
		}
		assert_true(sent ? is_reset(c[n]) : errno == ECONNRESET || errno == EPIPE);
		close(c[n]);
		close(s[n]);
		failed++;
	}
	assert_true(n && failed);
	while (n--) { /* and then there is room again */
		close(c[n]);
		assert_true(is_end(s[n]));
		close(s[n]);
	}
	transfer(p, 2, 1000, false);
}

/* What the open connections of the inlet, or of the outlet, have moved. */
static struct seam_msg counters(struct portal *p, bool outlet)
{
	struct seam_msg m = {.cmd = SEAM_PORTAL_GET, .fd = -1}, a = {.cmd = 0};
	m.has = outlet ? H(SERVICE) : H(PORTAL);
	m.service = "outlet";
	m.portal = PORTAL;
	assert_int_equal(command(p->d, m, -1, &a), 0);
	assert_int_equal(a.cmd, SEAM_PORTAL_GET);
	return a;
}

static void open_connections_are_counted(void **state)
{
	struct portal *p = *state;
	static uint8_t b[100000];
	int e[PAIRS][2];
	connect_many(p, e, PAIRS);
	control_stop(p);
	write_all(e[0][0], b, sizeof b);
	read_all(e[0][1], b, sizeof b);
	write_all(e[0][1], b, 500);
	read_all(e[0][0], b, 500);
	/* what an application has read is counted a moment later */
	struct seam_msg in, out;
	do {
		in = counters(p, false);
		out = counters(p, true);
	} while (in.bytes_rx < 500 || out.bytes_rx < sizeof b + PAIRS);
	assert_int_equal(in.open, PAIRS);
	assert_int_equal(in.bytes_tx, sizeof b + PAIRS);
	assert_int_equal(in.bytes_rx, 500);
	assert_int_equal(out.open, PAIRS);
	assert_int_equal(out.bytes_rx, sizeof b + PAIRS);
	assert_int_equal(out.bytes_tx, 500);
	close_many(e, 1);
	do {
		in = counters(p, false);
		out = counters(p, true);
	} while (in.open == PAIRS || out.open == PAIRS);
	assert_int_equal(in.open, PAIRS - 1);
	assert_int_equal(in.bytes_tx, PAIRS - 1);
	assert_int_equal(in.bytes_rx, 0);
	assert_int_equal(out.bytes_rx, PAIRS - 1);
	close_many(e + 1, PAIRS - 1);
	struct seam_msg none = {.cmd = SEAM_PORTAL_GET, .fd = -1};
	assert_int_equal(command(p->d, none, -1, NULL), -EINVAL);
}

#define P(f) cmocka_unit_test_setup_teardown(f, portal_set_up, portal_tear_down)
#define PS(f) cmocka_unit_test_setup_teardown(f, portals_set_up, portal_tear_down)

int main(int argc, char **argv)
{
	arguments(argc, argv);
	const struct CMUnitTest tests[] = {
		P(small_messages_go_at_once),
		P(ends_go_one_way),
		P(resets_are_resets),
		P(a_reset_behind_a_stopped_reader_is_told),
		P(a_reset_after_the_end_is_told),
		P(a_refusal_is_a_reset),
		P(bulk_arrives_whole),
		P(many_at_once),
		P(with_pauses),
		P(a_stopped_reader_stops_only_its_writer),
		P(a_cut_link_resets_both_sides),
		P(a_deleted_portal_lets_its_streams_go_on),
		P(open_connections_end_with_the_program),
		cmocka_unit_test_setup_teardown(
			the_program_is_killed, portal_set_up, killed_tear_down),
		cmocka_unit_test_setup_teardown(
			more_connections_than_descriptors, few_files_set_up, portal_tear_down),
		PS(sessions_get_as_many_each),
		PS(a_session_that_is_gone_gets_none),
		PS(open_connections_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
