// SPDX-License-Identifier: Apache-2.0
/*
 * The real ockam-dataplane and those who look at it, over its operators' socket, while frames flow.
 * Each case runs a fresh one. Arguments: the program, --workers N, --mask FEATURES.
 */
#include "admin_ctl.h"

#include <stdatomic.h>

enum { ROWS = 100000, COUNTERS = 64 };

static void count_row(void *ctx, const struct admin_msg *m)
{
	(void)m;
	++*(unsigned *)ctx;
}

static void what_is_there_is_shown(void **state)
{
	struct dp *d = *state;
	uint32_t la, lb;
	int a = neighbour(d, &la), b = neighbour(d, &lb), fd = client();
	rows_add(d, la, lb, 7, 1);
	struct admin_msg m = get(ADMIN_LINK, false), row;
	admin_set(&m, ADMIN_A_LINK, la);
	assert_int_equal(answer(fd, &m, &row), 0);
	assert_string_equal(row.v[ADMIN_A_STATE].text, "up");
	assert_string_equal(row.v[ADMIN_A_TRANSPORT].text, "tcp");
	assert_memory_equal(row.v[ADMIN_A_PEER].text, "127.0.0.1:", 10);
	assert_int_equal(row.v[ADMIN_A_LABELS].n, 1);
	admin_set(&m, ADMIN_A_LINK, 4444);
	assert_int_equal(answer(fd, &m, NULL), -ENOENT);
	m = get(ADMIN_LABEL, false);
	admin_set(&m, ADMIN_A_LINK, la);
	admin_set(&m, ADMIN_A_LABEL, 7);
	assert_int_equal(answer(fd, &m, &row), 0);
	assert_int_equal(row.v[ADMIN_A_EGRESS].n, lb);
	assert_string_equal(row.v[ADMIN_A_STATE].text, "installed");
	unsigned n = 0;
	m = get(ADMIN_WORKER, true);
	assert_false(dump(fd, &m, count_row, &n));
	assert_int_equal(n, atoi(workers));
	m = get(ADMIN_LINK, true);
	n = 0;
	assert_false(dump(fd, &m, count_row, &n));
	assert_int_equal(n, 2);
	admin_set(&m, ADMIN_A_LINK, lb);
	n = 0;
	dump(fd, &m, count_row, &n);
	assert_int_equal(n, 1);
	close(fd);
	close(a);
	close(b);
}

static void what_is_deleted_is_gone(void **state)
{
	struct dp *d = *state;
	uint32_t la, lb;
	int a = neighbour(d, &la), b = neighbour(d, &lb), fd = client();
	rows_add(d, la, lb, 7, 1);
	struct admin_msg m = {
		.type = admin_type(ADMIN_LABEL, ADMIN_DEL), .seq = 1, .want_ack = true};
	admin_set(&m, ADMIN_A_LINK, la);
	admin_set(&m, ADMIN_A_LABEL, 7);
	assert_int_equal(answer(fd, &m, NULL), 0);
	struct seam_msg lost = wait_event(d, SEAM_LABEL_LOST);
	assert_int_equal(lost.link, la);
	assert_int_equal(lost.label, 7);
	assert_int_equal(answer(fd, &m, NULL), -ENOENT);
	m = (struct admin_msg){
		.type = admin_type(ADMIN_LINK, ADMIN_DEL), .seq = 1, .want_ack = true};
	admin_set(&m, ADMIN_A_LINK, la);
	assert_int_equal(answer(fd, &m, NULL), 0);
	lost = wait_event(d, SEAM_LINK_LOST);
	assert_int_equal(lost.link, la);
	assert_int_equal(lost.error, -ECONNABORTED);
	m = (struct admin_msg){
		.type = admin_type(ADMIN_SESSION, ADMIN_SET), .seq = 1, .want_ack = true};
	admin_set(&m, ADMIN_A_SESSION, 5);
	admin_set(&m, ADMIN_A_PING, 1);
	assert_int_equal(answer(fd, &m, NULL), -ENOENT);
	close(fd);
	close(a);
	close(b);
}

/* --- the books --- */

struct books {
	int64_t in[64], out[64];
	uint64_t received, forwarded, unknown, waiting;
};

static void book(void *ctx, const struct admin_msg *m)
{
	struct books *b = ctx;
	const char *stage = m->v[ADMIN_A_STAGE].text, *name = m->v[ADMIN_A_NAME].text;
	const unsigned w = (unsigned)m->v[ADMIN_A_WORKER].n;
	const uint64_t n = m->v[ADMIN_A_VALUE].n;
	assert_true(w < 64);
	if (!strcmp(stage, "in"))
		b->in[w] += (int64_t)n;
	else if (!strcmp(stage, "used") || !strcmp(stage, "on") || !strcmp(stage, "dropped"))
		b->out[w] += (int64_t)n;
	if (!strcmp(name, "received"))
		b->received += n;
	if (!strcmp(name, "forwarded"))
		b->forwarded += n;
	if (!strcmp(stage, "dropped") && !strcmp(name, "unknown label"))
		b->unknown += n;
	if (!strcmp(stage, "on") && (!strcmp(name, "waiting") || !strcmp(name, "to other workers")))
		b->waiting += n;
	if (!strcmp(name, "from other workers"))
		b->waiting -= n;
}

/* On each worker, to the frame, whatever is under way. */
static struct books books(int fd)
{
	struct books b = {0};
	struct admin_msg m = get(ADMIN_COUNTER, true);
	dump(fd, &m, book, &b);
	for (unsigned w = 0; w < 64; w++)
		assert_true(b.in[w] == b.out[w]);
	return b;
}

struct load {
	int fd;
	uint32_t label, bad_label; /* every third frame has a label that nobody knows */
	unsigned frames;
	_Atomic bool through;
	_Atomic bool *paused; /* the data plane has asked this link to hold back */
};

static void *load_main(void *arg)
{
	struct load *l = arg;
	uint8_t f[400];
	int unsent = 64 << 10;
	setsockopt(l->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
	for (unsigned i = 0; i < l->frames; i++) {
		uint16_t len = (uint16_t)(64 + i % 300);
		while (atomic_load(l->paused))
			usleep(200);
		memset(f, 0, sizeof f);
		frame_header_encode(f, WIRE_DATA, 0, len, i % 3 ? l->label : l->bad_label, i);
		for (size_t off = 0; off < len;) {
			ssize_t k = send(l->fd, f + off, len - off, MSG_NOSIGNAL);
			if (k <= 0)
				return NULL;
			off += (size_t)k;
		}
	}
	atomic_store(&l->through, true);
	return NULL;
}

/* Reads DATA frames until there were n. */
static void *drain_main(void *arg)
{
	struct load *l = arg;
	uint8_t f[1024];
	for (unsigned n = 0; n < l->frames;) {
		if (recv(l->fd, f, WIRE_HEADER, MSG_WAITALL) != WIRE_HEADER)
			return NULL;
		struct frame_header h = frame_header_decode(f);
		if (recv(l->fd, f, h.len - (size_t)WIRE_HEADER, MSG_WAITALL) !=
			(ssize_t)(h.len - (size_t)WIRE_HEADER))
			return NULL;
		n += h.type == WIRE_DATA;
		if (h.type == WIRE_LINK && (h.sub == LINK_PAUSE || h.sub == LINK_RESUME))
			atomic_store(l->paused, h.sub == LINK_PAUSE);
	}
	atomic_store(&l->through, true);
	return NULL;
}

/* A flood each way, a third of it for nobody; its neighbours read what comes. */
struct flood {
	int s[2];
	uint32_t link[2];
	struct load out[2], in[2];
	_Atomic bool paused[2];
	pthread_t t[4];
};

static void flood_begin(struct dp *d, struct flood *f, unsigned frames)
{
	for (unsigned i = 0; i < 2; i++)
		f->s[i] = neighbour(d, &f->link[i]);
	for (unsigned i = 0; i < 2; i++) {
		rows_add(d, f->link[i], f->link[1 - i], 0x70000000 + i, 1);
		f->out[i] = (struct load){.fd = f->s[i],
			.label = 0x70000000 + i,
			.bad_label = 0x7f000000,
			.frames = frames,
			.paused = &f->paused[i]};
		f->in[i] = (struct load){.fd = f->s[i],
			.frames = frames - (frames + 2) / 3,
			.paused = &f->paused[i]};
		atomic_init(&f->paused[i], false);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&f->t[2 * i], NULL, drain_main, &f->in[i]), 0);
		assert_int_equal(pthread_create(&f->t[2 * i + 1], NULL, load_main, &f->out[i]), 0);
	}
}

static bool flood_through(struct flood *f)
{
	return atomic_load(&f->in[0].through) && atomic_load(&f->in[1].through) &&
	       atomic_load(&f->out[0].through) && atomic_load(&f->out[1].through);
}

static void flood_end(struct flood *f)
{
	for (unsigned i = 0; i < 4; i++)
		pthread_join(f->t[i], NULL);
	assert_true(flood_through(f));
	close(f->s[0]);
	close(f->s[1]);
}

static void the_books_balance_under_load(void **state)
{
	enum { FRAMES = 60000 };
	struct dp *d = *state;
	struct flood f;
	int fd = client();
	unsigned looks = 0;
	flood_begin(d, &f, FRAMES);
	struct books b = books(fd);
	while (!flood_through(&f)) {
		b = books(fd);
		looks++;
	}
	/* the last unknown ones may still be on their way */
	const unsigned hellos = 2;
	do
		b = books(fd);
	while (b.received < 2 * FRAMES + hellos || b.waiting);
	assert_true(looks > 0);
	assert_true(b.received == 2 * FRAMES + hellos);
	assert_true(b.unknown == 2 * ((FRAMES + 2) / 3));
	assert_true(b.forwarded == b.received - b.unknown - hellos);
	flood_end(&f);
	close(fd);
}

/* --- walks --- */

struct walk {
	uint8_t seen[ROWS];
	unsigned rows;
};

static void walk_row(void *ctx, const struct admin_msg *m)
{
	struct walk *w = ctx;
	uint64_t label = m->v[ADMIN_A_LABEL].n;
	if (label >= 1 && label <= ROWS) {
		w->seen[label - 1]++;
		w->rows++;
	}
}

static size_t memory_kb(pid_t pid)
{
	char path[64], line[128];
	size_t kb = 0;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "VmRSS: %zu", &kb);
	if (f)
		fclose(f);
	return kb;
}

/* Rows come and go while they are walked: what stays comes once, and the dump says that it was not
 * of one moment. */
static void many_rows_are_walked_while_frames_flow(void **state)
{
	struct dp *d = *state;
	struct walk *w = calloc(1, sizeof *w);
	struct flood f;
	uint32_t la, lb;
	int a = neighbour(d, &la), b = neighbour(d, &lb), fd = client();
	rows_add(d, la, lb, 1, ROWS);
	flood_begin(d, &f, 60000);
	struct admin_msg m = get(ADMIN_LABEL, true);
	dump(fd, &m, walk_row, w); /* what it needs it has now */
	size_t before = memory_kb(d->pid);
	unsigned walks = 0;
	do {
		memset(w, 0, sizeof *w);
		bool interrupted = dump(fd, &m, walk_row, w);
		assert_false(interrupted);
		assert_int_equal(w->rows, ROWS);
		for (unsigned i = 0; i < ROWS; i++)
			assert_int_equal(w->seen[i], 1);
		walks++;
	} while (!flood_through(&f) && walks < 20);
	flood_end(&f);
	size_t after = memory_kb(d->pid);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which keep memory */
	assert_true(after < before + 4096 + 8192); /* the flood's own queues are in it */
#else
	(void)before;
	(void)after;
#endif
	close(fd);
	close(a);
	close(b);
	free(w);
}

static void a_table_that_changes_is_said_to(void **state)
{
	struct dp *d = *state;
	static _Alignas(8) uint8_t buf[ADMIN_PACKET];
	struct walk *w = calloc(1, sizeof *w);
	uint32_t la, lb;
	int a = neighbour(d, &la), b = neighbour(d, &lb), fd = client();
	rows_add(d, la, lb, 1, ROWS / 10);
	struct admin_msg r = get(ADMIN_LABEL, true), m = {0};
	ask(fd, &r);
	/* the client's socket is full by now, or soon: the walk waits for it */
	bool first = true, interrupted = false;
	while (m.type != ADMIN_DONE) {
		size_t len = packet(fd, buf);
		for (size_t off = 0; off < len && m.type != ADMIN_DONE;) {
			int n = admin_decode_answer(&m, buf + off, len - off);
			assert_true(n > 0);
			off += (size_t)n;
			interrupted |= m.interrupted;
			if (m.type != ADMIN_DONE)
				walk_row(w, &m);
		}
		if (first) /* grows the table, several times */
			rows_add(d, la, lb, ROWS + 1, ROWS / 10 * 3);
		first = false;
	}
	assert_true(interrupted);
	for (unsigned i = 0; i < ROWS / 10; i++)
		assert_int_equal(w->seen[i], 1);
	close(fd);
	close(a);
	close(b);
	free(w);
}

/* --- those who do not behave --- */

static void clients_do_not_wait_for_each_other(void **state)
{
	struct dp *d = *state;
	int lazy[ADMIN_CLIENTS - 1];
	uint32_t la, lb;
	int a = neighbour(d, &la), b = neighbour(d, &lb);
	rows_add(d, la, lb, 1, 20000);
	const struct admin_msg labels = get(ADMIN_LABEL, true), links = get(ADMIN_LINK, true);
	for (unsigned i = 0; i < ADMIN_CLIENTS - 1; i++) {
		lazy[i] = client();
		ask(lazy[i], &labels); /* and never reads */
	}
	unsigned n = 0;
	int fd = client();
	dump(fd, &links, count_row, &n);
	assert_int_equal(n, 2);
	/* one too many is told so */
	int more = client();
	struct admin_msg m;
	_Alignas(8) uint8_t buf[ADMIN_PACKET];
	size_t len = packet(more, buf);
	assert_true(admin_decode_answer(&m, buf, len) > 0);
	assert_int_equal(m.type, ADMIN_ACK);
	assert_int_equal(m.error, -EBUSY);
	assert_string_equal(m.why, "too many clients already look at this node");
	assert_int_equal(recv(more, buf, sizeof buf, 0), 0);
	close(more);
	/* control is served, and places are free again when they leave in the middle */
	struct seam_msg g = {.cmd = SEAM_LINK_GET, .fd = -1, .has = H(LINK), .link = la}, got;
	assert_int_equal(command(d, g, -1, &got), 0);
	for (unsigned i = 0; i < ADMIN_CLIENTS - 1; i++)
		close(lazy[i]);
	for (unsigned i = 0; i < 3 * ADMIN_CLIENTS; i++) {
		int k;
		do { /* until the ones that left are noticed */
			k = client();
			try_ask(k, &links);
			len = packet(k, buf);
			assert_true(admin_decode_answer(&m, buf, len) > 0);
			close(k);
		} while (m.type == ADMIN_ACK && m.error == -EBUSY);
		assert_int_equal(m.type, admin_type(ADMIN_LINK, ADMIN_ROW));
	}
	close(fd);
	close(a);
	close(b);
}

static void nonsense_is_answered_or_closed(void **state)
{
	struct dp *d = *state;
	(void)d;
	_Alignas(8) uint8_t buf[ADMIN_PACKET];
	struct admin_msg m;
	int fd = client();
	assert_int_equal(send(fd, "nonsense", 8, 0), 8);
	assert_int_equal(recv(fd, buf, sizeof buf, 0), 0);
	close(fd);
	fd = client();
	memset(buf, 0, 4096);
	assert_int_equal(send(fd, buf, 4096, 0), 4096);
	assert_int_equal(recv(fd, buf, sizeof buf, 0), 0);
	close(fd);
	/* what is netlink, but no request that can be served, is refused with its reason */
	fd = client();
	struct admin_msg r = get(ADMIN_LINK, false);
	r.seq = 77;
	ask(fd, &r);
	size_t len = packet(fd, buf);
	assert_true(admin_decode_answer(&m, buf, len) > 0);
	assert_int_equal(m.type, ADMIN_ACK);
	assert_int_equal(m.seq, 77);
	assert_int_equal(m.error, -EINVAL);
	assert_int_equal(m.missing, ADMIN_A_LINK);
	/* several requests at once are served in turn */
	const struct admin_msg w = get(ADMIN_WORKER, true);
	for (unsigned i = 0; i < 20; i++)
		ask(fd, &w);
	for (unsigned done = 0; done < 20;) {
		len = packet(fd, buf);
		for (size_t off = 0; off < len;) {
			int n = admin_decode_answer(&m, buf + off, len - off);
			assert_true(n > 0);
			off += (size_t)n;
			done += m.type == ADMIN_DONE;
		}
	}
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		A(what_is_there_is_shown),
		A(what_is_deleted_is_gone),
		A(the_books_balance_under_load),
		A(many_rows_are_walked_while_frames_flow),
		A(a_table_that_changes_is_said_to),
		A(clients_do_not_wait_for_each_other),
		A(nonsense_is_answered_or_closed),
	};
	arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
