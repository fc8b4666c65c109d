/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applications' connections through the real ockam-dataplane: an inlet's, over a session (or
 * several) between two links of the same program, to a target that this program listens on. A
 * thread is control: it dials the target for what is asked.
 */
#ifndef OCKAM_PORTAL_CTL_H
#define OCKAM_PORTAL_CTL_H

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
	atomic_uint wanted;	  /* sockets that are aimed at the target */
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
		if (seam_decode(&m, buf, (size_t)n, true) < 0)
			continue;
		p->wanted += m.cmd == SEAM_DIAL_WANTED;
		if (m.cmd == SEAM_STREAM_ASKED && !strcmp(m.service, "outlet")) {
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

static void control_start(struct portal *p)
{
	assert_int_equal(pipe(p->wake), 0);
	assert_int_equal(pthread_create(&p->control, NULL, control_main, p), 0);
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
	control_start(p);
	*state = p;
	return 0;
}

static int portal_set_up(void **state)
{
	return set_up_pairs(state, 1);
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

#define P(f) cmocka_unit_test_setup_teardown(f, portal_set_up, portal_tear_down)

#endif
