// SPDX-License-Identifier: Apache-2.0
/* One connection through a portal: what arrives, and how it ends. Arguments as of dataplane_test.
 */
#include "portal_ctl.h"

static struct seam_msg portal_msg(uint16_t cmd)
{
	return portal_msg_of(cmd, 0);
}

static void reset_close(int fd)
{
	const struct linger now = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
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

/* A connection that was used, and control stopped: what ends now is the program's doing. */
static void used_connection(struct portal *p, int *c, int *s)
{
	uint8_t b[1];
	connection(p, c, s);
	write_all(*c, "x", 1);
	read_all(*s, b, 1);
	control_stop(p);
}

static void both_are_reset(int c, int s)
{
	assert_true(is_reset(c));
	assert_true(is_reset(s));
	close(c);
	close(s);
}

static void open_connections_end_with_the_program(void **state)
{
	struct portal *p = *state;
	int c, s;
	used_connection(p, &c, &s);
	shutdown(p->d->seam, SHUT_RDWR);
	both_are_reset(c, s);
}

static void the_program_is_killed(void **state)
{
	struct portal *p = *state;
	int c, s;
	used_connection(p, &c, &s);
	kill(p->d->pid, SIGKILL);
	both_are_reset(c, s);
}

/* Its status is that of the signal. */
static int killed_tear_down(void **state)
{
	return portal_tear_down(state) == 0 ? -1 : 0;
}

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
		P(a_cut_link_resets_both_sides),
		P(a_deleted_portal_lets_its_streams_go_on),
		P(open_connections_end_with_the_program),
		cmocka_unit_test_setup_teardown(
			the_program_is_killed, portal_set_up, killed_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
