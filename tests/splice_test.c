// SPDX-License-Identifier: Apache-2.0
/*
 * Large frames that pass the real ockam-dataplane without being copied, beside all that may get in
 * their way: every byte, in order, by whatever way it went. Arguments as of dataplane_test; without
 * the feature `splice` the same must hold.
 */
#include "dataplane_ctl.h"

#include <stdatomic.h>
#include <string.h>

enum { LARGE = 60000, PASSED_MIN = 1 << 20 };

static bool splices(void)
{
	return !strstr(mask, "splice");
}

static int neighbour(struct dp *d, uint32_t *link)
{
	struct timeval tv = {.tv_sec = TIMEOUT_MS / 1000};
	int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	assert_int_equal(connect(s, (struct sockaddr *)&d->addr, sizeof d->addr), 0);
	hello(s);
	*link = wait_event(d, SEAM_LINK_NEW).link;
	assert_int_equal(wait_event(d, SEAM_FRAME).link, *link);
	assert_int_equal(link_up(d, *link), 0);
	return s;
}

static void row(struct dp *d, uint32_t link, uint32_t label, uint32_t out)
{
	struct seam_msg m = {.cmd = SEAM_LABEL_ADD,
		.fd = -1,
		.link = link,
		.label = label,
		.out_link = out,
		.has = H(LINK) | H(LABEL) | H(OUT_LINK)};
	assert_int_equal(command(d, m, -1, NULL), 0);
}

static uint64_t passed(struct dp *d, uint32_t link)
{
	struct seam_msg m = {.cmd = SEAM_LINK_GET, .fd = -1, .has = H(LINK), .link = link}, a;
	assert_int_equal(command(d, m, -1, &a), 0);
	return a.bytes_through;
}

/* Frames of one or two labels in turn, `run` of each; every `small`th is small. In pieces of
 * `piece` bytes from frame `from` on. */
struct source {
	int fd;
	uint32_t label, labels;
	unsigned frames, run, small, from;
	size_t piece;
	bool urgent;
	atomic_uint gone; /* a label that is used no more */
};

static uint32_t frame_make(const struct source *s, unsigned i, uint8_t *f)
{
	size_t len =
		s->small && i % s->small == s->small - 1 ? 32 + i % 2000 : (size_t)LARGE - i % 64;
	uint32_t label = s->label + (s->run ? i / s->run % s->labels : 0);
	frame_header_encode(f, WIRE_DATA, 0, (uint16_t)len, label, i);
	for (size_t k = WIRE_HEADER; k < len; k++)
		f[k] = (uint8_t)(i * 31 + k + (k >> 8));
	return (uint32_t)len;
}

/* What the data plane says, and waits while that is PAUSE of this label, and it is used. */
static void heed(struct source *s, uint32_t label)
{
	const int fd = s->fd;
	uint8_t f[WIRE_HEADER + 64];
	static _Thread_local bool paused[2];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	for (unsigned turns = 0; turns < TIMEOUT_MS / 10;) {
		bool wait = paused[label & 1] && label != s->gone;
		if (poll(&p, 1, wait ? 10 : 0) != 1) {
			if (!wait)
				return;
			turns++;
			continue;
		}
		if (recv(fd, f, WIRE_HEADER, MSG_WAITALL) != WIRE_HEADER)
			return;
		size_t body = get_be16(f + 2) - (size_t)WIRE_HEADER;
		if (body > 64 ||
			(body && recv(fd, f + WIRE_HEADER, body, MSG_WAITALL) != (ssize_t)body))
			return;
		if ((f[0] & 15) == WIRE_LINK && body == 4)
			paused[get_be32(f + WIRE_HEADER) & 1] = f[1] == LINK_PAUSE;
	}
}

static void *source_main(void *arg)
{
	struct source *s = arg;
	static _Thread_local uint8_t f[65536];
	int unsent = 256 << 10;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
	for (unsigned i = 0; i < s->frames; i++) {
		size_t n = frame_make(s, i, f);
		heed(s, get_be32(f + 4));
		if (get_be32(f + 4) == s->gone)
			continue;
		if (s->urgent && i == s->frames / 2)
			send(s->fd, "!", 1, MSG_OOB | MSG_NOSIGNAL);
		for (size_t off = 0, want; off < n;) { /* no assertions on this thread */
			want = s->piece && i >= s->from && s->piece < n - off ? s->piece : n - off;
			ssize_t k = send(s->fd, f + off, want, MSG_NOSIGNAL);
			if (k <= 0)
				return NULL;
			off += (size_t)k;
		}
	}
	return NULL;
}

/* Reads the frames of one label of a source, from `first` on; LINK frames are skipped. */
static void sink_read(int fd, const struct source *s, uint32_t label, unsigned first, unsigned end)
{
	static _Thread_local uint8_t f[65536], want[65536];
	for (unsigned i = first; i < end;) {
		size_t n = frame_make(s, i, want);
		if (get_be32(want + 4) != label) {
			i++;
			continue;
		}
		read_all(fd, f, WIRE_HEADER);
		size_t len = get_be16(f + 2);
		read_all(fd, f + WIRE_HEADER, len - WIRE_HEADER);
		if ((f[0] & 15) == WIRE_LINK)
			continue;
		assert_int_equal(len, n);
		assert_memory_equal(f, want, n);
		i++;
	}
}

struct pair {
	uint32_t in, out;
	struct source s;
	int sink;
	pthread_t t;
};

static void pair_open(struct dp *d, struct pair *p, struct source s)
{
	p->s = s;
	p->s.fd = neighbour(d, &p->in);
	p->sink = neighbour(d, &p->out);
	row(d, p->in, s.label, p->out);
}

static void pair_start(struct pair *p)
{
	assert_int_equal(pthread_create(&p->t, NULL, source_main, &p->s), 0);
}

static void pair_end(struct pair *p)
{
	pthread_join(p->t, NULL);
	close(p->s.fd);
	close(p->sink);
}

static void check_passed(struct dp *d, uint32_t link)
{
	uint64_t n = passed(d, link);
	if (splices())
		assert_true(n >= PASSED_MIN);
	else
		assert_int_equal(n, 0);
}

static void large_frames_pass(void **state)
{
	struct dp *d = *state;
	struct pair p;
	pair_open(d, &p, (struct source){.label = 7, .frames = 2000});
	pair_start(&p);
	sink_read(p.sink, &p.s, 7, 0, p.s.frames);
	check_passed(d, p.in);
	pair_end(&p);
}

static void small_ones_between_keep_their_place(void **state)
{
	struct dp *d = *state;
	struct pair p;
	pair_open(d, &p, (struct source){.label = 7, .frames = 2000, .small = 20});
	pair_start(&p);
	sink_read(p.sink, &p.s, 7, 0, p.s.frames);
	check_passed(d, p.in);
	pair_end(&p);
}

/* What an operator limits is counted where it is copied: from then on nothing passes. */
static void a_limit_ends_it(void **state)
{
	struct dp *d = *state;
	struct pair p;
	pair_open(d, &p, (struct source){.label = 7, .frames = 4000});
	pair_start(&p);
	unsigned first = 0;
	for (; first < 2000 && splices() && passed(d, p.in) < PASSED_MIN; first += 10)
		sink_read(p.sink, &p.s, 7, first, first + 10);
	struct seam_msg m = {
		.cmd = SEAM_SET, .fd = -1, .has = H(MAX_QUEUE), .max_queue = 1ull << 40};
	assert_int_equal(command(d, m, -1, NULL), 0);
	sink_read(p.sink, &p.s, 7, first, first + 800); /* what was under way */
	uint64_t then = passed(d, p.in);
	sink_read(p.sink, &p.s, 7, first + 800, p.s.frames);
	assert_int_equal(passed(d, p.in), then);
	pair_end(&p);
}

struct reader {
	const struct source *s;
	int fd;
	uint32_t label;
};

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	sink_read(r->fd, r->s, r->label, 0, r->s->frames);
	return NULL;
}

/* Two paths of one link, to two others: what is in a pipe goes one way. */
static void two_ways_from_one_link(void **state)
{
	struct dp *d = *state;
	struct pair p;
	uint32_t other;
	pair_open(d, &p, (struct source){.label = 7, .labels = 2, .run = 50, .frames = 1500});
	struct reader r = {&p.s, neighbour(d, &other), 8};
	pthread_t t;
	row(d, p.in, 8, other);
	assert_int_equal(pthread_create(&t, NULL, reader_main, &r), 0);
	pair_start(&p);
	sink_read(p.sink, &p.s, 7, 0, p.s.frames);
	pthread_join(t, NULL);
	pair_end(&p);
	close(r.fd);
}

static size_t resident(pid_t pid)
{
	char path[64];
	unsigned long size, pages = 0;
	snprintf(path, sizeof path, "/proc/%d/statm", pid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &pages), 2);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Reads until frames pass, then not any more for a while: the sender has to wait, and another path
 * of its link does not. */
static void a_reader_that_stops(void **state)
{
	struct dp *d = *state;
	struct pair p;
	pair_open(d, &p, (struct source){.label = 7, .frames = 3000});
	pair_start(&p);
	unsigned first = 0;
	for (; first < 1500 && splices() && passed(d, p.in) < PASSED_MIN; first += 10)
		sink_read(p.sink, &p.s, 7, first, first + 10);
	size_t before = resident(d->pid);
	usleep(1500000); /* not waited for: how long it rests */
	size_t after = resident(d->pid);
	assert_true(after < before + (48u << 20));
	sink_read(p.sink, &p.s, 7, first, p.s.frames);
	pair_end(&p);
}

/* In small segments a frame fills more slots than there are. */
static void frames_in_small_pieces(void **state)
{
	struct dp *d = *state;
	struct pair p;
	pair_open(d, &p, (struct source){.label = 7, .frames = 420, .from = 400, .piece = 97});
	pair_start(&p);
	sink_read(p.sink, &p.s, 7, 0, p.s.frames);
	check_passed(d, p.in);
	pair_end(&p);
}

/* It is no part of the stream; whoever sends it has no use of it, and does no harm to others. */
static void urgent_data_stops_nothing(void **state)
{
	struct dp *d = *state;
	struct pair p, q;
	pair_open(d, &p, (struct source){.label = 7, .frames = 1000, .urgent = true});
	pair_open(d, &q, (struct source){.label = 7, .frames = 1000});
	pair_start(&p);
	struct reader r = {&p.s, p.sink, 7};
	pthread_t t;
	assert_int_equal(pthread_create(&t, NULL, reader_main, &r), 0);
	pair_start(&q);
	sink_read(q.sink, &q.s, 7, 0, q.s.frames);
	pthread_join(t, NULL);
	pair_end(&p);
	pair_end(&q);
}

/* The source hangs up in the middle of a frame: what is whole arrives, and nothing else. */
static void a_source_is_cut(void **state)
{
	struct dp *d = *state;
	struct pair p;
	uint8_t f[65536], g[WIRE_HEADER + 64];
	pair_open(d, &p, (struct source){.label = 7, .frames = 600});
	pair_start(&p);
	sink_read(p.sink, &p.s, 7, 0, p.s.frames);
	pthread_join(p.t, NULL);
	frame_make(&p.s, 600, f);
	write_all(p.s.fd, f, LARGE / 2);
	close(p.s.fd);
	struct seam_msg m = wait_event(d, SEAM_LINK_LOST);
	assert_int_equal(m.link, p.in);
	/* the sink's link stands at the begin of a frame */
	uint32_t other;
	int b = neighbour(d, &other);
	row(d, other, 9, p.out);
	frame_header_encode(f, WIRE_DATA, 0, 40, 9, 1);
	write_all(b, f, 40);
	do {
		read_all(p.sink, g, WIRE_HEADER);
		read_all(p.sink, g + WIRE_HEADER, get_be16(g + 2) - (size_t)WIRE_HEADER);
	} while ((g[0] & 15) == WIRE_LINK);
	assert_int_equal(get_be32(g + 4), 9);
	close(b);
	close(p.sink);
}

/* The sink goes away while much is under way to it: the source's link lives on. */
static void a_sink_is_cut(void **state)
{
	struct dp *d = *state;
	struct pair p;
	uint32_t other;
	pair_open(d, &p, (struct source){.label = 7, .labels = 2, .run = 500, .frames = 1000});
	int b = neighbour(d, &other);
	row(d, p.in, 8, other);
	pair_start(&p);
	sink_read(p.sink, &p.s, 7, 0, 300);
	struct linger hard = {.l_onoff = 1};
	p.s.gone = 7;
	setsockopt(p.sink, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(p.sink);
	sink_read(b, &p.s, 8, 0, 1000);
	pthread_join(p.t, NULL);
	close(p.s.fd);
	close(b);
}

/* Nonsense behind frames that passed ends its link and no other. */
static void nonsense_ends_the_link(void **state)
{
	struct dp *d = *state;
	struct pair p;
	uint8_t f[64];
	pair_open(d, &p, (struct source){.label = 7, .frames = 600});
	pair_start(&p);
	sink_read(p.sink, &p.s, 7, 0, p.s.frames);
	pthread_join(p.t, NULL);
	memset(f, 0xff, sizeof f);
	write_all(p.s.fd, f, sizeof f);
	struct seam_msg m = wait_event(d, SEAM_LINK_LOST);
	assert_int_equal(m.link, p.in);
	assert_int_equal(m.error, -EPROTO);
	close(p.s.fd);
	close(p.sink);
}

int main(int argc, char **argv)
{
	arguments(argc, argv);
	const struct CMUnitTest tests[] = {
		T(large_frames_pass),
		T(small_ones_between_keep_their_place),
		T(a_limit_ends_it),
		T(two_ways_from_one_link),
		T(a_reader_that_stops),
		T(frames_in_small_pieces),
		T(urgent_data_stops_nothing),
		T(a_source_is_cut),
		T(a_sink_is_cut),
		T(nonsense_ends_the_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
