// SPDX-License-Identifier: Apache-2.0
/* Much through a portal, and many connections. Arguments as of dataplane_test. */
#include "portal_ctl.h"

enum { PUMPS = 64, EACH = 3, MANY = PAIRS * EACH, FEW_FILES = 64 };

static int portals_set_up(void **state)
{
	return set_up_pairs(state, PAIRS);
}

static uint8_t byte_at(uint64_t seed, uint64_t i)
{
	return (uint8_t)(seed * 29 + i * 31 + (i >> 8) * 7 + (i >> 16) * 3);
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
		struct pollfd f[2] = {
			{.fd = c[n], .events = POLLIN}, {.fd = p->target, .events = POLLIN}};
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
	assert_int_equal(in.streams, PAIRS); /* what has ended counts as well */
	assert_int_equal(out.streams, PAIRS);
	assert_int_equal(in.bytes_tx, sizeof b + PAIRS);
	assert_int_equal(in.bytes_rx, 500);
	assert_int_equal(out.bytes_rx, sizeof b + PAIRS);
	close_many(e + 1, PAIRS - 1);
	struct seam_msg none = {.cmd = SEAM_PORTAL_GET, .fd = -1};
	assert_int_equal(command(p->d, none, -1, NULL), -EINVAL);
}

enum { AIMED = 12 };

/* As control does; to be connected by its first send. */
static void aim(struct portal *p, const struct sockaddr_in *at, unsigned n)
{
	while (n--) {
		struct seam_msg m = {
			.cmd = SEAM_DIAL_ADD, .has = H(SERVICE), .service = "outlet", .fd = -1};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
		if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one) < 0)
			skip(); /* net.ipv4.tcp_fastopen says no */
		setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &one, sizeof one);
		assert_int_equal(connect(fd, (const struct sockaddr *)at, sizeof *at), 0);
		post(p->d, m, fd);
		close(fd);
	}
	struct seam_msg end = {
		.cmd = SEAM_PORTAL_GET, .fd = -1, .has = H(PORTAL), .portal = PORTAL};
	command(p->d, end, -1, &(struct seam_msg){0}); /* then all of it has been taken */
}

static void aimed_sockets_are_connected_without_control(void **state)
{
	struct portal *p = *state;
	struct pollfd before = {.fd = p->target, .events = POLLIN};
	int e[AIMED + 1][2];
	control_stop(p);
	aim(p, &p->target_addr, AIMED);
	assert_int_equal(poll(&before, 1, 0), 0); /* the target has heard nothing */
	control_start(p);
	for (unsigned i = 0; i <= AIMED; i++)
		connect_many(p, &e[i], 1);
	assert_int_equal(p->asked[0], 1); /* for the one that no socket was left for */
	assert_int_equal(p->wanted, 1);
	for (unsigned i = 0; i <= AIMED; i++) {
		uint8_t b = (uint8_t)i;
		write_all(e[i][1], &b, 1);
		b = 0;
		read_all(e[i][0], &b, 1);
		assert_int_equal(b, i);
	}
	close_many(e, AIMED + 1);
}

/* Where nobody listens any more control finds out, and what is left of such sockets goes. */
static void a_target_that_has_gone_is_left_to_control(void **state)
{
	struct portal *p = *state;
	struct sockaddr_in gone;
	int e[2][2];
	close(loopback(&gone));
	control_stop(p);
	aim(p, &gone, AIMED);
	control_start(p);
	connect_many(p, e, 2); /* control connects elsewhere */
	assert_int_equal(p->asked[0], 2);
	assert_int_equal(p->wanted, 0);
	close_many(e, 2);
}

static void aimed_sockets_are_taken_back(void **state)
{
	struct portal *p = *state;
	struct seam_msg m = {
		.cmd = SEAM_DIAL_DEL, .has = H(SERVICE), .service = "outlet", .fd = -1};
	int e[1][2];
	control_stop(p);
	aim(p, &p->target_addr, AIMED);
	assert_int_equal(command(p->d, m, -1, NULL), 0);
	m.cmd = SEAM_DIAL_ADD;
	assert_int_equal(command(p->d, m, -1, NULL), -EBADF);
	control_start(p);
	connect_many(p, e, 1);
	assert_int_equal(p->asked[0], 1);
	close_many(e, 1);
}

#define P1(f) cmocka_unit_test_setup_teardown(f, portal_set_up, portal_tear_down)
#define PS(f) cmocka_unit_test_setup_teardown(f, portals_set_up, portal_tear_down)

int main(int argc, char **argv)
{
	arguments(argc, argv);
	const struct CMUnitTest tests[] = {
		P(bulk_arrives_whole),
		P(many_at_once),
		P(with_pauses),
		P(a_stopped_reader_stops_only_its_writer),
		cmocka_unit_test_setup_teardown(
			more_connections_than_descriptors, few_files_set_up, portal_tear_down),
		PS(sessions_get_as_many_each),
		PS(a_session_that_is_gone_gets_none),
		PS(open_connections_are_counted),
		P1(aimed_sockets_are_connected_without_control),
		P1(a_target_that_has_gone_is_left_to_control),
		P1(aimed_sockets_are_taken_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
