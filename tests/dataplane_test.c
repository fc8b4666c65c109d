// SPDX-License-Identifier: Apache-2.0
/*
 * The real ockam-dataplane, with this program as its controller and as its neighbours. Each case
 * runs a fresh one. Arguments: the program, --workers N, --mask FEATURES (io_uring features to do
 * without).
 */
#include "dataplane_ctl.h"

#include <time.h>

enum { FEW_FILES = 64 };

/* A neighbour connects; its link is up. */
static int neighbour(struct dp *d, uint32_t *link)
{
	struct timeval tv = {.tv_sec = TIMEOUT_MS / 1000};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	assert_int_equal(connect(s, (struct sockaddr *)&d->addr, sizeof d->addr), 0);
	hello(s);
	struct seam_msg m = wait_event(d, SEAM_LINK_NEW);
	assert_int_equal(m.listener, 9);
	assert_true(m.link & 1);
	assert_memory_equal(m.peer, "127.0.0.1:", 10);
	*link = m.link;
	assert_int_equal(wait_event(d, SEAM_FRAME).link, *link);
	assert_int_equal(link_up(d, *link), 0);
	return s;
}

static int row(struct dp *d, uint32_t link, uint32_t label, uint32_t out)
{
	return command(d,
		(struct seam_msg){.cmd = SEAM_LABEL_ADD,
			.fd = -1,
			.link = link,
			.label = label,
			.out_link = out,
			.has = H(LINK) | H(LABEL) | (out ? H(OUT_LINK) : 0)},
		-1, NULL);
}

static void frames_are_relayed(void **state)
{
	struct dp *d = *state;
	uint32_t la, lb;
	uint8_t f[100], g[100];
	int a = neighbour(d, &la), b = neighbour(d, &lb);
	assert_int_equal(row(d, la, 7, lb), 0);
	assert_int_equal(row(d, lb, 8, la), 0);
	assert_int_equal(row(d, la, 9, 4444), -ENOENT);
	for (unsigned i = 0; i < 1000; i++) {
		memset(f, (int)i, sizeof f);
		frame_header_encode(f, WIRE_DATA, 0, sizeof f, 7 + i % 2, i);
		write_all(i % 2 ? b : a, f, sizeof f);
		read_all(i % 2 ? a : b, g, sizeof g);
		assert_memory_equal(f, g, sizeof f);
	}
	struct seam_msg m = {.cmd = SEAM_LINK_GET, .fd = -1, .has = H(LINK), .link = la}, answer;
	assert_int_equal(command(d, m, -1, &answer), 0);
	assert_int_equal(answer.frames_rx, 501); /* HELLO */
	assert_int_equal(answer.frames_tx, 500);
	assert_int_equal(answer.bytes_tx, 50000);
	close(a);
	assert_int_equal(wait_event(d, SEAM_LINK_LOST).link, la);
	assert_int_equal(command(d, m, -1, NULL), -ENOENT);
	close(b);
}

struct source {
	int fd;
	uint32_t label;
	size_t bytes;
	unsigned seed;
};

static size_t random_frame(unsigned *seed, uint8_t *f, uint32_t label, uint64_t seq)
{
	size_t len = rand_r(seed) % 3 ? 32 + (size_t)rand_r(seed) % 1500
				      : 32 + (size_t)rand_r(seed) % 65000;
	frame_header_encode(f, WIRE_DATA, 0, (uint16_t)len, label, seq);
	memset(f + WIRE_HEADER, (int)(seq * 13 + label), len - WIRE_HEADER);
	return len;
}

/* Reads what the data plane says to the sender, and waits while that is PAUSE. */
static void heed(int fd)
{
	uint8_t f[WIRE_HEADER + 8];
	bool paused = false;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (poll(&p, 1, paused ? TIMEOUT_MS : 0) == 1) {
		if (recv(fd, f, WIRE_HEADER, MSG_WAITALL) != WIRE_HEADER)
			return;
		size_t body = get_be16(f + 2) - (size_t)WIRE_HEADER;
		if (body > 8 || recv(fd, f + WIRE_HEADER, body, MSG_WAITALL) != (ssize_t)body)
			return;
		if (f[1] == LINK_PAUSE || f[1] == LINK_RESUME)
			paused = f[1] == LINK_PAUSE;
	}
}

static void *source_main(void *arg)
{
	struct source *s = arg;
	static _Thread_local uint8_t f[65536];
	uint64_t seq = 0;
	int unsent = 256 << 10;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
	for (size_t sent = 0; sent < s->bytes;) {
		size_t n = random_frame(&s->seed, f, s->label, seq++);
		heed(s->fd);
		for (size_t off = 0; off < n;) { /* no assertions on this thread */
			ssize_t k = send(s->fd, f + off, n - off, MSG_NOSIGNAL);
			if (k <= 0)
				return NULL;
			off += (size_t)k;
		}
		sent += n;
	}
	return NULL;
}

/* Checks frames of several sources, each in order and whole, until each has sent `bytes`. */
static void drain(int fd, struct source *src, unsigned n, unsigned delay_us)
{
	static uint8_t f[65536], want[65536];
	unsigned seeds[8];
	uint64_t seq[8] = {0};
	size_t got[8] = {0};
	unsigned left = n;
	for (unsigned i = 0; i < n; i++)
		seeds[i] = src[i].seed;
	while (left) {
		read_all(fd, f, WIRE_HEADER);
		struct frame_header h = frame_header_decode(f);
		if (h.type == WIRE_LINK) { /* a PING, or a PAUSE for us */
			read_all(fd, f, h.len - (size_t)WIRE_HEADER);
			continue;
		}
		unsigned i = h.label - 100;
		assert_true(i < n);
		read_all(fd, f + WIRE_HEADER, h.len - (size_t)WIRE_HEADER);
		assert_int_equal(random_frame(&seeds[i], want, h.label, seq[i]++), h.len);
		assert_memory_equal(f, want, h.len);
		got[i] += h.len;
		left -= got[i] >= src[i].bytes;
		if (delay_us && seq[i] % 16 == 0)
			usleep(delay_us);
	}
}

static void bulk(struct dp *d, unsigned sources, size_t bytes, unsigned delay_us)
{
	uint32_t out, in[8];
	struct source src[8];
	pthread_t t[8];
	int sink = neighbour(d, &out);
	for (unsigned i = 0; i < sources; i++) {
		src[i] = (struct source){.fd = neighbour(d, &in[i]),
			.label = 100 + i,
			.bytes = bytes,
			.seed = i + 1};
		assert_int_equal(row(d, in[i], 100 + i, out), 0);
	}
	struct source start_of[8];
	memcpy(start_of, src, sizeof src);
	for (unsigned i = 0; i < sources; i++)
		assert_int_equal(pthread_create(&t[i], NULL, source_main, &src[i]), 0);
	drain(sink, start_of, sources, delay_us);
	for (unsigned i = 0; i < sources; i++) {
		pthread_join(t[i], NULL);
		close(src[i].fd);
	}
	close(sink);
}

static void bulk_arrives_whole(void **state)
{
	bulk(*state, 1, 64 << 20, 0);
}

static void many_share_an_egress(void **state)
{
	bulk(*state, 4, 8 << 20, 0);
}

/* Less than what may wait: nothing is reset, however slow the reader. */
static void a_slow_reader_loses_nothing(void **state)
{
	bulk(*state, 2, 3 << 20, 2000);
}

static void an_overrun_is_reset(void **state)
{
	struct dp *d = *state;
	uint32_t la, lb;
	static uint8_t f[65536];
	int a = neighbour(d, &la), b = neighbour(d, &lb);
	assert_int_equal(row(d, la, 7, lb), 0);
	/* b does not read; a does not heed PAUSE */
	frame_header_encode(f, WIRE_DATA, 0, 65000, 7, 0);
	struct pollfd p = {.fd = d->seam, .events = POLLIN};
	struct seam_msg m = {0};
	for (unsigned i = 0; i < 4000 && m.cmd != SEAM_LABEL_LOST; i++) {
		write_all(a, f, 65000);
		if (poll(&p, 1, 0) == 1)
			m = next_message(d);
	}
	if (m.cmd != SEAM_LABEL_LOST)
		m = wait_event(d, SEAM_LABEL_LOST);
	assert_int_equal(m.label, 7);
	assert_int_equal(m.code, RESET_OVERRUN);
	uint8_t h[WIRE_HEADER + 8];
	unsigned pauses = 0;
	do {
		read_all(a, h, WIRE_HEADER);
		read_all(a, h + WIRE_HEADER, get_be16(h + 2) - (size_t)WIRE_HEADER);
		if (h[1] == LINK_PAUSE && !pauses++)
			assert_int_equal(get_be32(h + WIRE_HEADER), 7);
	} while ((h[0] & 15) == WIRE_LINK);
	assert_true(pauses > 0);
	assert_int_equal(h[0] & 15, WIRE_RESET);
	assert_int_equal(h[1], RESET_OVERRUN | WIRE_RESET_SENT);
	assert_int_equal(get_be32(h + 4), 7);
	close(a);
	close(b);
}

static void control_speaks_before_it_hangs_up(void **state)
{
	struct dp *d = *state;
	uint32_t la;
	uint8_t f[40], g[40];
	int s[2], a = neighbour(d, &la);
	/* a link that control made, of a Unix socket */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	struct seam_msg add = {.cmd = SEAM_LINK_ADD, .fd = -1, .has = H(LINK), .link = 2};
	assert_int_equal(command(d, add, s[1], NULL), 0);
	assert_int_equal(command(d, add, s[1], NULL), -EEXIST);
	close(s[1]);
	frame_header_encode(f, WIRE_LINK, LINK_BYE, 40, 0, 0);
	memset(f + WIRE_HEADER, 5, 24);
	struct seam_msg m = {.cmd = SEAM_FRAME,
		.fd = -1,
		.has = H(LINK) | H(FRAME),
		.frame = f,
		.frame_len = 40};
	struct seam_msg del = {.cmd = SEAM_LINK_DEL, .fd = -1, .has = H(LINK)};
	m.link = del.link = 2;
	post(d, m, -1);
	assert_int_equal(command(d, del, -1, NULL), 0);
	read_all(s[0], g, sizeof g);
	assert_memory_equal(f, g, sizeof f);
	assert_int_equal(recv(s[0], g, 1, 0), 0);
	m.link = del.link = la;
	post(d, m, -1);
	assert_int_equal(command(d, del, -1, NULL), 0);
	read_all(a, g, sizeof g);
	assert_int_equal(recv(a, g, 1, 0), 0);
	/* frames come up */
	uint32_t lb;
	int b = neighbour(d, &lb);
	frame_header_encode(f, WIRE_INIT, 0, 40, 77, 0);
	write_all(b, f, 40);
	struct seam_msg up = wait_event(d, SEAM_FRAME);
	assert_int_equal(up.link, lb);
	assert_memory_equal(up.frame, f, 40);
	close(s[0]);
	close(a);
	close(b);
}

/* Held for a while, and then as good as any other. */
static void a_link_that_sent_waste_is_read_again(void **state)
{
	struct dp *d = *state;
	enum { WASTE = 200, FRAMES = 500 };
	uint32_t la, lb;
	uint8_t junk[FRAMES * 40], f[100], g[100];
	int a = neighbour(d, &la), b = neighbour(d, &lb);
	assert_int_equal(row(d, la, 7, lb), 0);
	for (unsigned i = 0; i < FRAMES; i++)
		frame_header_encode(junk + 40 * i, WIRE_DATA, 0, 40, 1000 + i, 0);
	for (unsigned i = 0; i < WASTE; i++)
		write_all(a, junk, sizeof junk);
	frame_header_encode(f, WIRE_DATA, 0, sizeof f, 7, 1);
	write_all(a, f, sizeof f);
	read_all(b, g, sizeof f);
	assert_memory_equal(f, g, sizeof f);
	struct seam_msg m = {.cmd = SEAM_LINK_GET, .fd = -1, .has = H(LINK), .link = la}, answer;
	assert_int_equal(command(d, m, -1, &answer), 0);
	assert_int_equal(answer.frames_rx, WASTE * FRAMES + 2); /* HELLO too */
	assert_int_equal(answer.dropped, WASTE * FRAMES);
	/* one that is held can be closed */
	for (unsigned i = 0; i < WASTE; i++)
		write_all(a, junk, sizeof junk);
	struct seam_msg del = {.cmd = SEAM_LINK_DEL, .fd = -1, .has = H(LINK), .link = la};
	assert_int_equal(command(d, del, -1, NULL), 0);
	close(a);
	close(b);
}

/* The text of one worker, copied before the ACK takes its place; the ACK's error. */
static int counters_of(struct dp *d, uint32_t worker, char *dst, size_t cap)
{
	struct seam_msg m = {.cmd = SEAM_STATS_GET,
		.fd = -1,
		.want_ack = true,
		.has = H(WORKER),
		.seq = ++d->seq,
		.worker = worker};
	post(d, m, -1);
	for (;;) {
		struct seam_msg a = next_message(d);
		if (a.seq != m.seq)
			continue;
		if (a.cmd == SEAM_ACK)
			return a.error;
		assert_int_equal(a.worker, worker);
		assert_in_range(snprintf(dst, cap, "%s", a.counters), 1, cap - 1);
	}
}

/* What the lines "KIND VALUE NAME" of all workers, and the main thread, say in sum. */
static uint64_t counted(struct dp *d, const char *kind, const char *name)
{
	char text[8192], k[32], n[64];
	unsigned long long v;
	uint64_t sum = 0;
	uint32_t w = 0;
	for (; counters_of(d, w, text, sizeof text) == 0; w++)
		for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
			assert_int_equal(sscanf(line, "%31[a-z] %llu %63[^\n]", k, &v, n), 3);
			if (!strcmp(k, kind) && !strcmp(n, name))
				sum += v;
		}
	assert_int_equal(w, atoi(workers) + 1); /* and the main thread */
	return sum;
}

static void workers_tell_what_became_of_frames(void **state)
{
	struct dp *d = *state;
	uint32_t la, lb;
	uint8_t f[40], g[40];
	int a = neighbour(d, &la), b = neighbour(d, &lb);
	uint64_t received = counted(d, "stage", "received"),
		 lost = counted(d, "drop", "unknown label");
	assert_int_equal(row(d, la, 7, lb), 0);
	for (unsigned i = 0; i < 100; i++) {
		frame_header_encode(f, WIRE_DATA, 0, sizeof f, i % 2 ? 7 : 8, i);
		write_all(a, f, sizeof f);
	}
	for (unsigned i = 0; i < 50; i++)
		read_all(b, g, sizeof g);
	frame_header_encode(f, WIRE_DATA, 0, sizeof f, 7, 100);
	write_all(a, f, sizeof f);
	read_all(b, g, sizeof g);
	assert_int_equal(counted(d, "drop", "unknown label") - lost, 50);
	assert_int_equal(counted(d, "stage", "received") - received, 101);
	assert_int_equal(counted(d, "waiting", "waiting"), 0);
	close(a);
	close(b);
}

/* Of connections that say nothing those of the address with most make room for the others. */
static void silence_keeps_nobody_out(void **state)
{
	struct dp *d = *state;
	enum { SILENT = 300 };
	struct sockaddr_in elsewhere = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 65)};
	int fd[SILENT], first = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	unsigned closed = 0;
	uint8_t byte;
	assert_int_equal(connect(first, (struct sockaddr *)&d->addr, sizeof d->addr), 0);
	for (unsigned i = 0; i < SILENT; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fd[i], IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
		assert_int_equal(bind(fd[i], (struct sockaddr *)&elsewhere, sizeof elsewhere), 0);
		assert_int_equal(connect(fd[i], (struct sockaddr *)&d->addr, sizeof d->addr), 0);
	}
	/* each of these waits until it is closed */
	for (unsigned i = 0; i < SILENT - FEW_FILES / 4; i++)
		closed += recv(fd[i], &byte, 1, 0) <= 0;
	assert_int_equal(closed, SILENT - FEW_FILES / 4);
	uint32_t l;
	close(neighbour(d, &l));
	assert_int_equal(wait_event(d, SEAM_LINK_LOST).link, l);
	hello(first);
	assert_true(wait_event(d, SEAM_LINK_NEW).link > l);
	close(first);
	for (unsigned i = 0; i < SILENT; i++)
		close(fd[i]);
}

static int set_up_with_few_files(void **state)
{
	files_max = FEW_FILES;
	int rc = set_up(state);
	files_max = 0;
	return rc;
}

/* Frames of one size, as fast as the socket takes them. */
static void *rest_main(void *arg)
{
	struct source *s = arg;
	uint8_t f[1024];
	for (size_t sum = 0; sum < s->bytes; sum += sizeof f) {
		frame_header_encode(f, WIRE_DATA, 0, sizeof f, s->label, sum);
		write_all(s->fd, f, sizeof f);
	}
	return NULL;
}

static uint64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Whatever the time, no more than the rate and what was saved up has come through; others wait for
 * nothing, and all of it comes in the end. */
static void a_rate_holds_on_a_link(void **state)
{
	struct dp *d = *state;
	enum { RATE = 32 << 10, BURST = 64 << 10, BYTES = BURST + RATE, FRAME = 1024 };
	struct seam_msg set = {.cmd = SEAM_SET, .fd = -1, .has = H(MAX_RATE) | H(MAX_BURST)};
	struct source src;
	uint32_t la, lb, lc;
	uint8_t f[FRAME], g[FRAME];
	int a = neighbour(d, &la), b = neighbour(d, &lb), c = neighbour(d, &lc);
	assert_int_equal(row(d, la, 1, lb), 0);
	assert_int_equal(row(d, lc, 2, la), 0);
	frame_header_encode(f, WIRE_DATA, 0, FRAME, 1, 0);
	write_all(a, f, FRAME); /* a receive is waiting already, without a limit */
	read_all(b, g, FRAME);
	set.max_rate = RATE;
	set.max_burst = BURST;
	assert_int_equal(command(d, set, -1, NULL), 0);
	write_all(a, f, FRAME);
	read_all(b, g, FRAME);
	src = (struct source){.fd = a, .label = 1, .bytes = BYTES, .seed = 1};
	pthread_t t;
	uint64_t begin = now_us(), us = 0;
	assert_int_equal(pthread_create(&t, NULL, rest_main, &src), 0);
	for (size_t sum = 0; sum < BYTES; sum += FRAME) {
		read_all(b, g, FRAME);
		us = now_us() - begin;
		assert_true(sum + FRAME <= BURST + us * RATE / 1000000 + FRAME);
		if (sum % (16 * FRAME) == 0) { /* the other way, from a link that is not at its limit */
			frame_header_encode(f, WIRE_DATA, 0, FRAME, 2, sum);
			write_all(c, f, FRAME);
			read_all(a, g, FRAME);
			assert_memory_equal(f, g, FRAME);
		}
	}
	pthread_join(t, NULL);
	struct seam_msg m = {.cmd = SEAM_LINK_GET, .fd = -1, .has = H(LINK), .link = la}, answer;
	assert_int_equal(command(d, m, -1, &answer), 0);
	assert_true(answer.limited > 0 || us > 1000000); /* or it was slower than that by itself */
	m.link = lc;
	assert_int_equal(command(d, m, -1, &answer), 0);
	assert_int_equal(answer.limited, 0);
	set.max_rate = 0; /* and as before */
	assert_int_equal(command(d, set, -1, NULL), 0);
	write_all(a, f, FRAME);
	close(a);
	close(b);
	close(c);
}

static void a_listener_can_be_closed(void **state)
{
	struct dp *d = *state;
	struct seam_msg m = {.cmd = SEAM_LISTENER_DEL, .fd = -1, .has = H(LISTENER), .listener = 9};
	assert_int_equal(command(d, m, -1, NULL), 0);
	assert_int_equal(command(d, m, -1, NULL), -ENOENT);
	/* ours is still open: control hands it over again and keeps the port */
	m.cmd = SEAM_LISTENER_ADD;
	assert_int_equal(command(d, m, d->tcp, NULL), 0);
	uint32_t l;
	close(neighbour(d, &l));
	assert_int_equal(wait_event(d, SEAM_LINK_LOST).link, l);
}

static void nonsense_is_refused(void **state)
{
	struct dp *d = *state;
	uint8_t junk[64] = {64, 0, 0, 0, 0x11, 0, 5, 0, 99};
	assert_int_equal(seam_send(d->seam, junk, sizeof junk, -1), (int)sizeof junk);
	struct seam_msg m = wait_event(d, SEAM_ACK);
	assert_int_equal(m.seq, 99);
	assert_int_equal(m.error, -EBADMSG);
	assert_int_equal(link_up(d, 12345), -ENOENT);
	/* one controller at a time */
	int second = seam_connect(&d->seam_addr);
	struct pollfd p = {.fd = second, .events = POLLIN};
	assert_int_equal(poll(&p, 1, TIMEOUT_MS), 1);
	assert_int_equal(recv(second, junk, 1, 0), 0);
	close(second);
	assert_int_equal(link_up(d, 12345), -ENOENT);
}

/* Two sessions of one data plane, each with the other end of a connection. */
static void a_session_carries_messages(void **state)
{
	struct dp *d = *state;
	int s[2];
	static uint8_t body[20000];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct seam_msg m = {
			.cmd = SEAM_LINK_ADD, .fd = -1, .has = H(LINK), .link = 2 + 2 * i};
		assert_int_equal(command(d, m, s[i], NULL), 0);
		assert_int_equal(link_up(d, 2 + 2 * i), 0);
		close(s[i]);
	}
	for (uint32_t i = 0; i < 2; i++) {
		struct seam_msg m = {.cmd = SEAM_SESSION_ADD,
			.fd = -1,
			.has = H(SESSION) | H(SERIAL) | H(ROLE) | H(SUITE) | H(LINK) | H(LABEL) |
			       H(LABEL_TX) | H(FRAME_MAX) | H(CHAIN_RX) | H(CHAIN_TX) | H(EXPORTER),
			.session = i + 1,
			.serial = i + 1,
			.role = i ? SEAM_RESPONDER : SEAM_INITIATOR,
			.suite = SUITE_CHACHAPOLY,
			.link = 2 + 2 * i,
			.frame_max = 16384,
			.label = 50 + i,
			.label_tx = 51 - i};
		memset(i ? &m.chain_rx : &m.chain_tx, 1, 32);
		memset(i ? &m.chain_tx : &m.chain_rx, 2, 32);
		assert_int_equal(command(d, m, -1, NULL), 0);
		m.session += 10;
		m.label += 10;
		assert_int_equal(command(d, m, -1, NULL), -ESTALE);
	}
	struct seam_msg g = {.cmd = SEAM_SESSION_GET, .fd = -1, .has = H(SESSION), .session = 1},
			answer;
	for (unsigned i = 0; i < 500; i++, usleep(10000)) {
		assert_int_equal(command(d, g, -1, &answer), 0);
		if (answer.up)
			break;
	}
	assert_true(answer.up);
	memset(body, 0x5a, sizeof body);
	struct seam_msg m = {.cmd = SEAM_MSG,
		.fd = -1,
		.has = H(SESSION) | H(MESSAGE) | H(FRAME),
		.session = 1,
		.message = 1,
		.frame = body,
		.frame_len = sizeof body};
	size_t got = 0;
	post(d, m, -1);
	while (got < sizeof body) {
		m = wait_event(d, SEAM_MSG);
		assert_int_equal(m.session, 2);
		assert_memory_equal(m.frame, body, m.frame_len);
		got += m.frame_len;
	}
	assert_int_equal(got, sizeof body);
}

int main(int argc, char **argv)
{
	arguments(argc, argv);
	const struct CMUnitTest tests[] = {
		T(frames_are_relayed),
		T(bulk_arrives_whole),
		T(many_share_an_egress),
		T(a_slow_reader_loses_nothing),
		T(an_overrun_is_reset),
		T(control_speaks_before_it_hangs_up),
		T(a_link_that_sent_waste_is_read_again),
		T(workers_tell_what_became_of_frames),
		T(a_rate_holds_on_a_link),
		T(a_listener_can_be_closed),
		cmocka_unit_test_setup_teardown(
			silence_keeps_nobody_out, set_up_with_few_files, tear_down),
		T(nonsense_is_refused),
		T(a_session_carries_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
