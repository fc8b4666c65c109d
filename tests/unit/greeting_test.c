// SPDX-License-Identifier: Apache-2.0
/* The greeting of a data plane that has been there for a while. */
#include "spawn.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned descriptors(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void say(int sock, const struct seam_msg *m, int fd)
{
	static uint8_t buf[SEAM_MSG_MAX];
	int n = seam_encode(m, buf, sizeof buf);
	assert_true(n > 0);
	assert_int_equal(seam_send(sock, buf, (size_t)n, fd), n);
}

static void say_hello(int sock, uint32_t seq)
{
	say(sock,
		&(struct seam_msg){.cmd = SEAM_HELLO,
			.seq = seq,
			.fd = -1,
			.version = SEAM_VERSION,
			.workers = 3,
			.suites = 1,
			.serial = 77,
			.link = 5,
			.session = 6,
			.listener = 7,
			.has = SEAM_HAS(SEAM_A_VERSION) | SEAM_HAS(SEAM_A_WORKERS) |
			       SEAM_HAS(SEAM_A_SUITES) | SEAM_HAS(SEAM_A_SERIAL) |
			       SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_SESSION) |
			       SEAM_HAS(SEAM_A_LISTENER)},
		-1);
	say(sock, &(struct seam_msg){.cmd = SEAM_ACK, .seq = seq, .fd = -1}, -1);
}

/* Frames of any length and descriptors come before the answer: neither ends it, nothing is left. */
static void others_speak_first(void **state)
{
	static uint8_t frame[20000];
	static struct program p;
	struct dataplane_info info;
	struct reason why;
	int s[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	unsigned before = descriptors();
	say(s[1],
		&(struct seam_msg){.cmd = SEAM_FRAME,
			.fd = -1,
			.link = 1,
			.frame = frame,
			.frame_len = sizeof frame,
			.has = SEAM_HAS(SEAM_A_LINK) | SEAM_HAS(SEAM_A_FRAME)},
		-1);
	say(s[1],
		&(struct seam_msg){.cmd = SEAM_DUMP_LISTENER,
			.seq = 9,
			.fd = -1,
			.listener = 1,
			.has = SEAM_HAS(SEAM_A_LISTENER)},
		s[1]);
	say_hello(s[1], UINT32_MAX);
	assert_int_equal(dataplane_greet(&p, s[0], &info, &why), 0);
	assert_int_equal(info.workers, 3);
	assert_int_equal(info.highest.serial, 77);
	assert_int_equal(info.highest.listener, 7);
	assert_int_equal(descriptors(), before);
	close(s[0]);
	close(s[1]);
}

static void another_version_is_refused(void **state)
{
	static struct program p;
	struct dataplane_info info;
	struct reason why;
	int s[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	say(s[1], &(struct seam_msg){.cmd = SEAM_ACK, .seq = UINT32_MAX, .error = -EPROTO, .fd = -1},
		-1);
	assert_int_equal(dataplane_greet(&p, s[0], &info, &why), -EPROTO);
	assert_true(*why.text);
	close(s[1]);
	assert_true(dataplane_greet(&p, s[0], &info, &why) < 0); /* it has gone */
	close(s[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_speak_first),
		cmocka_unit_test(another_version_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
