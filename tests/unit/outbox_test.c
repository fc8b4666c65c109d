// SPDX-License-Identifier: Apache-2.0
#include "outbox.h"

#include "log.h"
#include "wire.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h, stdarg.h and stdlib.h */
#include <cmocka.h>

static struct outbox o;
static int control, epoll;

static int setup(void **state)
{
	int s[2], size = 4096;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, s) < 0)
		return -1;
	setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	control = s[1];
	epoll = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = s[0]};
	epoll_ctl(epoll, EPOLL_CTL_ADD, s[0], &ev);
	outbox_init(&o, epoll);
	outbox_open(&o, s[0]);
	return 0;
}

static int teardown(void **state)
{
	close(o.sock);
	outbox_fini(&o);
	close(control);
	close(epoll);
	return 0;
}

static bool send_frame(uint32_t link, enum wire_type type, size_t len)
{
	static uint8_t frame[WIRE_FRAME_MAX];
	frame_header_encode(frame, type, 0, (uint16_t)len, 0, 0);
	struct seam_msg m;
	memset(&m, 0, sizeof m);
	m.cmd = SEAM_FRAME;
	m.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_FRAME);
	m.link = link;
	m.frame = frame;
	m.frame_len = (uint32_t)len;
	return outbox_send(&o, 0, &m);
}

static void send_event(uint16_t cmd, uint32_t link)
{
	struct seam_msg m;
	memset(&m, 0, sizeof m);
	m.cmd = cmd;
	m.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_ERROR) | SEAM_HAS(SEAM_A_LABEL);
	m.link = link;
	outbox_send(&o, 0, &m);
}

static void fill_socket(void)
{
	while (!send_frame(1, WIRE_INIT, 100))
		;
}

/* What control reads next; the outbox is flushed first. False: nothing. */
static bool next(struct seam_msg *m)
{
	static uint8_t buf[SEAM_MSG_MAX];
	int fd, n = seam_recv(control, buf, sizeof buf, &fd);
	assert_int_equal(outbox_flush(&o), 0);
	if (n <= 0)
		return false;
	assert_int_equal(seam_decode(m, buf, (size_t)n, true), 0);
	return true;
}

static void a_link_fills_only_its_own_lane(void **state)
{
	struct seam_msg m;
	unsigned before = 0;
	fill_socket();
	for (unsigned i = 0; i < 10000; i++)
		send_frame(1, WIRE_INIT, 100);
	assert_true(o.frames < OUTBOX_STRANGERS + 1000);
	assert_true(o.dropped > 1000);
	assert_true(send_frame(3, WIRE_INIT, 100));
	while (next(&m) && m.link != 3)
		before++;
	assert_int_equal(m.link, 3);
	/* those in the socket, and one turn of the other lane */
	assert_true(before < 100);
	while (next(&m))
		assert_int_equal(m.link, 1);
	assert_int_equal(o.frames, 0);
	assert_null(o.first);
}

static void send_new(uint32_t link)
{
	struct seam_msg m;
	memset(&m, 0, sizeof m);
	m.cmd = SEAM_LINK_NEW;
	m.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_LISTENER) | SEAM_HAS(SEAM_A_PEER);
	m.link = link;
	m.listener = 1;
	m.peer = "192.0.2.1:5";
	outbox_send(&o, 0, &m);
}

static void a_link_is_announced_before_its_frames_and_behind_no_ack(void **state)
{
	enum { FIRST = 11, LINKS = 1000, END = FIRST + 2 * LINKS };
	static uint8_t said[END]; /* what was heard of a link: 1 new, 2 HELLO, 3 lost */
	struct seam_msg m;
	memset(said, 0, sizeof said);
	fill_socket();
	for (uint32_t link = FIRST; link < END; link += 2) {
		assert_int_equal(outbox_busy(&o), link >= FIRST + 2 * OUTBOX_NEW_LINKS);
		send_new(link);
		send_frame(link, WIRE_LINK, 40);
		send_event(SEAM_LINK_LOST, link);
	}
	for (unsigned i = 0; i < 50; i++)
		send_event(SEAM_LABEL_USED, 3);
	unsigned before = 0, used = 0;
	while (next(&m)) {
		if (m.cmd == SEAM_LABEL_USED)
			used++;
		if (m.link < FIRST)
			continue;
		before += used < 50;
		uint8_t now = m.cmd == SEAM_LINK_NEW ? 1 : m.cmd == SEAM_FRAME ? 2 : 3;
		assert_int_equal(now, said[m.link] + 1);
		said[m.link] = now;
	}
	assert_int_equal(used, 50);
	assert_true(before < 50); /* the events do not stand behind all of them */
	for (uint32_t link = FIRST; link < END; link += 2)
		assert_int_equal(said[link], 3);
	assert_false(outbox_busy(&o));
}

static void frames_of_a_link_keep_their_order_and_come_before_its_loss(void **state)
{
	struct seam_msg m;
	fill_socket();
	for (unsigned i = 0; i < 20; i++)
		assert_true(send_frame(5, WIRE_CONTROL, 100 + i));
	send_event(SEAM_LINK_LOST, 5);
	unsigned seen = 0;
	while (next(&m)) {
		if (m.link != 5)
			continue;
		if (m.cmd == SEAM_LINK_LOST)
			break;
		assert_int_equal(m.frame_len, 100 + seen);
		seen++;
	}
	assert_int_equal(seen, 20);
	assert_int_equal(m.cmd, SEAM_LINK_LOST);
}

static void events_have_room_when_frames_have_none(void **state)
{
	struct seam_msg m;
	fill_socket();
	for (uint32_t link = 1; link < 40000; link += 2)
		for (unsigned i = 0; i < 2; i++)
			send_frame(link, WIRE_RESET, 1000);
	assert_true(o.frames <= OUTBOX_FRAMES + 2000);
	for (uint32_t label = 0; label < 100; label++)
		send_event(SEAM_LABEL_USED, 7);
	unsigned events = 0, frames = 0;
	while (events < 100 && next(&m)) {
		events += m.cmd == SEAM_LABEL_USED;
		frames += m.cmd == SEAM_FRAME;
	}
	assert_int_equal(events, 100);
	assert_true(frames > 100 / OUTBOX_ORDERED_TURN); /* and do not starve them */
	assert_true(frames < 1000);
}

struct taken {
	unsigned worker, news;
	uint32_t session;
	size_t bytes;
};

static void taken(void *ctx, unsigned worker, uint32_t session, size_t bytes)
{
	struct taken *t = ctx;
	t->worker = worker;
	t->session = session;
	t->bytes += bytes;
	t->news += bytes == 0;
}

/* Whoever caused what waits hears when it has gone. */
static void news_of_streams_are_counted_as_they_go(void **state)
{
	struct taken t = {0};
	struct seam_msg m;
	o.delivered = taken;
	o.ctx = &t;
	fill_socket();
	memset(&m, 0, sizeof m);
	m.fd = -1;
	m.session = 77;
	m.service = "outlet";
	for (unsigned i = 0; i < 20; i++) {
		m.cmd = i % 2 ? SEAM_STREAM_CLOSED : SEAM_STREAM_ASKED;
		m.has = SEAM_HAS(SEAM_A_SESSION) | SEAM_HAS(SEAM_A_STREAM) |
			(i % 2 ? SEAM_HAS(SEAM_A_ERROR) | SEAM_HAS(SEAM_A_CODE) |
					  SEAM_HAS(SEAM_A_PORTAL) |
					  SEAM_HAS(SEAM_A_BYTES_RX) |
					  SEAM_HAS(SEAM_A_BYTES_TX)
			       : SEAM_HAS(SEAM_A_SERVICE));
		assert_true(outbox_send(&o, 3, &m));
	}
	assert_int_equal(t.news, 0);
	while (next(&m))
		;
	assert_int_equal(t.news, 20);
	assert_int_equal(t.bytes, 0);
	assert_int_equal(t.session, 77);
	assert_int_equal(t.worker, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_link_fills_only_its_own_lane, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_link_is_announced_before_its_frames_and_behind_no_ack, setup, teardown),
		cmocka_unit_test_setup_teardown(
			frames_of_a_link_keep_their_order_and_come_before_its_loss, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			events_have_room_when_frames_have_none, setup, teardown),
		cmocka_unit_test_setup_teardown(
			news_of_streams_are_counted_as_they_go, setup, teardown),
	};
	log_init(2, LOG_ERROR, false, "outbox_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
