// SPDX-License-Identifier: Apache-2.0
/*
 * The real ockam-dataplane and datagram links, over real sockets: this program is its controller and its
 * neighbours. Arguments as of dataplane_test.
 */
#include "dataplane_ctl.h"

#include "udp_sockaddr.h"

enum { LISTENER = 20, TAG = 1000 };

/* A neighbour's socket, connected to the data plane's. */
struct neighbour {
	int fd;
	uint32_t link;
	struct udp_address at; /* as the data plane sees it */
};

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int udp_socket(struct sockaddr_in *sa)
{
	socklen_t len = sizeof *sa;
	struct timeval tv = {.tv_sec = TIMEOUT_MS / 1000};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	*sa = loopback();
	assert_int_equal(bind(fd, (struct sockaddr *)sa, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)sa, &len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	return fd;
}

/* Where the data plane listens. */
static struct sockaddr_in listen_udp(struct dp *d, uint32_t id)
{
	struct sockaddr_in sa;
	int fd = udp_socket(&sa);
	struct seam_msg m = {.cmd = SEAM_LISTENER_ADD, .fd = -1, .has = H(LISTENER), .listener = id};
	assert_int_equal(command(d, m, fd, NULL), 0);
	assert_int_equal(command(d, m, fd, NULL), -EEXIST);
	close(fd);
	return sa;
}

static struct udp_address address_of(const struct sockaddr_in *sa)
{
	struct sockaddr_storage ss = {0};
	struct udp_address a;
	memcpy(&ss, sa, sizeof *sa);
	assert_int_equal(udp_address_from(&a, &ss), 0);
	return a;
}

static int set_up_link(struct dp *d, uint32_t link, uint64_t tag_tx, const struct udp_address *move)
{
	struct seam_msg m = {.cmd = SEAM_LINK_SET,
		.fd = -1,
		.has = H(LINK) | H(UP) | H(FRAME_MAX) | H(TAG_TX),
		.link = link,
		.up = 1,
		.tag_tx = tag_tx,
		.frame_max = 9000};
	if (move) {
		m.has |= H(ADDRESS);
		m.address = *move;
	}
	return command(d, m, -1, NULL);
}

static int add_at(struct dp *d, uint32_t link, const struct udp_address *at)
{
	return command(d,
		(struct seam_msg){.cmd = SEAM_LINK_ADD,
			.fd = -1,
			.has = H(LINK) | H(LISTENER) | H(ADDRESS) | H(TAG_RX),
			.link = link,
			.listener = LISTENER,
			.address = *at,
			.tag_rx = TAG + link},
		-1, NULL);
}

static struct neighbour neighbour(struct dp *d, const struct sockaddr_in *to, uint32_t link)
{
	struct neighbour n = {.link = link};
	struct sockaddr_in own;
	n.fd = udp_socket(&own);
	n.at = address_of(&own);
	assert_int_equal(connect(n.fd, (const struct sockaddr *)to, sizeof *to), 0);
	assert_int_equal(add_at(d, link, &n.at), 0);
	assert_int_equal(set_up_link(d, link, 2 * TAG + link, NULL), 0);
	return n;
}

static void row(struct dp *d, uint32_t link, uint32_t label, uint32_t out)
{
	assert_int_equal(command(d,
				 (struct seam_msg){.cmd = SEAM_LABEL_ADD,
					 .fd = -1,
					 .link = link,
					 .label = label,
					 .out_link = out,
					 .has = H(LINK) | H(LABEL) | H(OUT_LINK)},
				 -1, NULL),
		0);
}

static size_t make(uint8_t *f, enum wire_type type, uint8_t sub, uint32_t label, uint64_t seq, size_t len)
{
	memset(f, (int)seq + 1, len);
	frame_header_encode(f, type, sub, (uint16_t)len, label, seq);
	return len;
}

static void strangers_reach_control_with_hello_alone(void **state)
{
	struct dp *d = *state;
	struct sockaddr_in to = listen_udp(d, LISTENER), own;
	int fd = udp_socket(&own);
	uint8_t f[2500];
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	send(fd, f, make(f, WIRE_LINK, LINK_HELLO, 0, 1, WIRE_UDP_HELLO_MIN - 1), 0);
	send(fd, f, make(f, WIRE_INIT, 0, 5, 2, 300), 0);
	send(fd, f, make(f, WIRE_DATA, 0, 5, 3, 300), 0);
	send(fd, f, make(f, WIRE_LINK, LINK_HELLO, 1, 4, 300), 0);
	send(fd, f, make(f, WIRE_LINK, LINK_PING, 0, 5, 300), 0);
	send(fd, f, make(f, WIRE_LINK, LINK_HELLO, 0, 6, 300) - 1, 0);
	send(fd, f, make(f, WIRE_LINK, LINK_HELLO, 0, 7, 2500), 0);
	send(fd, f, 0, 0);
	send(fd, f, make(f, WIRE_LINK, LINK_HELLO, 0, 8, WIRE_UDP_HELLO_MIN), 0);
	struct seam_msg m = wait_event(d, SEAM_DGRAM); /* the first that comes is the last that was sent */
	struct udp_address at = address_of(&own);
	assert_int_equal(m.listener, LISTENER);
	assert_int_equal(m.frame_len, WIRE_UDP_HELLO_MIN);
	assert_int_equal(frame_header_decode(m.frame).seq, 8);
	assert_int_equal(m.address.port, at.port);
	assert_memory_equal(m.address.remote, at.remote, 16);
	/* and control answers it */
	uint8_t answer[40];
	make(answer, WIRE_COOKIE, 0, 0, 9, sizeof answer);
	post(d, (struct seam_msg){.cmd = SEAM_DGRAM, .fd = -1, .has = H(LISTENER) | H(ADDRESS) | H(FRAME),
			.listener = LISTENER, .address = m.address, .frame = answer, .frame_len = sizeof answer}, -1);
	assert_int_equal(recv(fd, f, sizeof f, 0), sizeof answer);
	assert_memory_equal(f, answer, sizeof answer);
	close(fd);
}

static void frames_cross_between_datagrams_and_streams(void **state)
{
	struct dp *d = *state;
	struct sockaddr_in to = listen_udp(d, LISTENER);
	struct neighbour a = neighbour(d, &to, 2), b = neighbour(d, &to, 4);
	uint8_t f[1200], g[1200];
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(s, (struct sockaddr *)&d->addr, sizeof d->addr), 0);
	hello(s);
	uint32_t tcp = wait_event(d, SEAM_LINK_NEW).link;
	assert_int_equal(wait_event(d, SEAM_FRAME).link, tcp);
	assert_int_equal(link_up(d, tcp), 0);
	row(d, a.link, 7, b.link);
	row(d, b.link, 8, a.link);
	row(d, a.link, 9, tcp);
	row(d, tcp, 10, a.link);
	for (unsigned i = 0; i < 200; i++) {
		size_t len = 32 + i * 5;
		make(f, WIRE_DATA, 0, 7, i, len);
		assert_int_equal(send(a.fd, f, len, 0), (ssize_t)len);
		assert_int_equal(recv(b.fd, g, sizeof g, 0), (ssize_t)len);
		assert_memory_equal(f, g, len);
		put_be32(f + 4, 8);
		assert_int_equal(send(b.fd, f, len, 0), (ssize_t)len);
		assert_int_equal(recv(a.fd, g, sizeof g, 0), (ssize_t)len);
		put_be32(f + 4, 9);
		assert_int_equal(send(a.fd, f, len, 0), (ssize_t)len);
		read_all(s, g, len);
		assert_memory_equal(f, g, len);
		put_be32(f + 4, 10);
		write_all(s, f, len);
		assert_int_equal(recv(a.fd, g, sizeof g, 0), (ssize_t)len);
		assert_memory_equal(f, g, len);
	}
	close(a.fd);
	close(b.fd);
	close(s);
}

/* Many frames at once leave as one send: each is its own datagram at the other end. */
static void a_run_arrives_as_datagrams(void **state)
{
	enum { FRAMES = 60 }; /* what a socket's buffer holds by default */
	struct dp *d = *state;
	struct sockaddr_in to = listen_udp(d, LISTENER);
	struct neighbour a = neighbour(d, &to, 2);
	static uint8_t all[FRAMES * 1000];
	uint8_t g[2000];
	size_t n = 0;
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(s, (struct sockaddr *)&d->addr, sizeof d->addr), 0);
	hello(s);
	uint32_t tcp = wait_event(d, SEAM_LINK_NEW).link;
	assert_int_equal(wait_event(d, SEAM_FRAME).link, tcp);
	assert_int_equal(link_up(d, tcp), 0);
	row(d, tcp, 10, a.link);
	row(d, tcp, 11, a.link);
	size_t at[FRAMES];
	for (unsigned i = 0; i < FRAMES; i++) {
		at[i] = n;
		n += make(all + n, WIRE_DATA, 0, 10 + i / 20 % 2, i, i % 7 == 6 ? 500 : 1000);
	}
	write_all(s, all, n);
	uint64_t last[2] = {0};
	for (unsigned i = 0; i < FRAMES; i++) { /* in order for each path */
		ssize_t k = recv(a.fd, g, sizeof g, 0);
		assert_true(k > WIRE_HEADER);
		struct frame_header h = frame_header_decode(g);
		assert_int_equal(h.type, WIRE_DATA);
		assert_true(h.seq < FRAMES && h.seq >= last[h.label - 10]);
		last[h.label - 10] = h.seq + 1;
		assert_int_equal(k, h.len);
		assert_memory_equal(g, all + at[h.seq], (size_t)k);
	}
	close(a.fd);
	close(s);
}

static void a_link_moves_to_another_address(void **state)
{
	struct dp *d = *state;
	struct sockaddr_in to = listen_udp(d, LISTENER), own;
	struct neighbour a = neighbour(d, &to, 2), b = neighbour(d, &to, 4);
	uint8_t f[100], g[200];
	row(d, a.link, 7, b.link);
	row(d, b.link, 8, a.link);
	int fd = udp_socket(&own);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	struct udp_address at = address_of(&own);
	assert_int_equal(set_up_link(d, a.link, 5, &b.at), -EADDRINUSE);
	assert_int_equal(set_up_link(d, a.link, 5, &at), 0);
	assert_int_equal(add_at(d, 6, &at), -EADDRINUSE);
	assert_int_equal(add_at(d, 6, &a.at), 0); /* its old place is free */
	make(f, WIRE_DATA, 0, 8, 1, sizeof f);
	send(b.fd, f, sizeof f, 0);
	assert_int_equal(recv(fd, g, sizeof g, 0), sizeof f);
	make(f, WIRE_DATA, 0, 7, 2, sizeof f);
	send(fd, f, sizeof f, 0);
	assert_int_equal(recv(b.fd, g, sizeof g, 0), sizeof f);
	assert_memory_equal(f, g, sizeof f);
	close(fd);
	close(a.fd);
	close(b.fd);
}

static void a_dialled_link_has_a_socket_of_its_own(void **state)
{
	struct dp *d = *state;
	struct sockaddr_in there, own;
	int peer = udp_socket(&there), fd = udp_socket(&own);
	uint8_t f[300], g[300];
	assert_int_equal(connect(fd, (struct sockaddr *)&there, sizeof there), 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&own, sizeof own), 0);
	struct seam_msg m = {.cmd = SEAM_LINK_ADD,
		.fd = -1,
		.has = H(LINK) | H(TAG_RX),
		.link = 2,
		.tag_rx = TAG};
	assert_int_equal(command(d, m, fd, NULL), 0);
	close(fd);
	make(f, WIRE_LINK, LINK_HELLO, 0, 0, 256);
	post(d, (struct seam_msg){.cmd = SEAM_FRAME, .fd = -1, .has = H(LINK) | H(FRAME), .link = 2, .frame = f,
			.frame_len = 256}, -1);
	assert_int_equal(recv(peer, g, sizeof g, 0), 256);
	send(peer, f, make(f, WIRE_COOKIE, 0, 0, TAG + 1, 33), 0); /* not its tag */
	send(peer, f, make(f, WIRE_COOKIE, 0, 0, TAG, 34), 0);
	m = wait_event(d, SEAM_FRAME);
	assert_int_equal(m.frame_len, 34);
	close(peer); /* until it is up an ICMP error is believed */
	make(f, WIRE_LINK, LINK_HELLO, 0, 0, 256);
	post(d, (struct seam_msg){.cmd = SEAM_FRAME, .fd = -1, .has = H(LINK) | H(FRAME), .link = 2, .frame = f,
			.frame_len = 256}, -1);
	m = wait_event(d, SEAM_LINK_LOST);
	assert_int_equal(m.link, 2);
	assert_int_equal(m.error, -ECONNREFUSED);
}

static void a_listener_goes_with_its_last_link(void **state)
{
	struct dp *d = *state;
	struct sockaddr_in to = listen_udp(d, LISTENER);
	struct neighbour a = neighbour(d, &to, 2), b = neighbour(d, &to, 4);
	uint8_t f[300], g[300];
	struct seam_msg del = {.cmd = SEAM_LISTENER_DEL, .fd = -1, .has = H(LISTENER), .listener = LISTENER};
	row(d, a.link, 7, b.link);
	assert_int_equal(command(d, del, -1, NULL), 0);
	assert_int_equal(command(d, del, -1, NULL), -ENOENT);
	assert_int_equal(add_at(d, 8, &a.at), -ENOENT);
	make(f, WIRE_DATA, 0, 7, 1, 100); /* links that are there go on */
	send(a.fd, f, 100, 0);
	assert_int_equal(recv(b.fd, g, sizeof g, 0), 100);
	for (uint32_t link = 2; link <= 4; link += 2)
		assert_int_equal(command(d, (struct seam_msg){.cmd = SEAM_LINK_DEL, .fd = -1,
						    .has = H(LINK), .link = link}, -1, NULL), 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = -1;
	for (unsigned i = 0; rc < 0 && i < 1000; i++, usleep(10000))
		rc = bind(fd, (struct sockaddr *)&to, sizeof to); /* the address is free again */
	assert_int_equal(rc, 0);
	close(fd);
	close(a.fd);
	close(b.fd);
}

int main(int argc, char **argv)
{
	arguments(argc, argv);
	const struct CMUnitTest tests[] = {
		T(strangers_reach_control_with_hello_alone),
		T(frames_cross_between_datagrams_and_streams),
		T(a_run_arrives_as_datagrams),
		T(a_link_moves_to_another_address),
		T(a_dialled_link_has_a_socket_of_its_own),
		T(a_listener_goes_with_its_last_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
