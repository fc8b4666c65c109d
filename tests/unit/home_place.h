/* SPDX-License-Identifier: Apache-2.0 */
/* A home of each test's own, and processes that use it at once. */
#ifndef OCKAM_TEST_HOME_PLACE_H
#define OCKAM_TEST_HOME_PLACE_H

#include "node_config.h"
#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { PATH = 128 };

/* A directory of each test's own, below which its home is. */
struct place {
	char base[40], dir[PATH], database[PATH + 32];
	struct home *h;
	struct identity_info info;
	struct vault_info vault;
};

static inline const char *in(const struct place *p, const char *name)
{
	static char path[2 * PATH];
	snprintf(path, sizeof path, "%s/%s", p->base, name);
	return path;
}

static inline int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	strcpy(p->base, "/tmp/home_test.XXXXXX");
	if (!mkdtemp(p->base))
		return -1;
	snprintf(p->dir, sizeof p->dir, "%s/a/home", p->base);
	snprintf(p->database, sizeof p->database, "%s/database.sqlite3", p->dir);
	*state = p;
	return 0;
}

static inline int remove_place(void **state)
{
	struct place *p = *state;
	char command[PATH];
	home_close(p->h);
	snprintf(command, sizeof command, "rm -rf '%s'", p->base);
	int rc = system(command);
	free(p);
	return rc;
}

static inline struct home *open_home(struct place *p, enum home_mode mode)
{
	home_close(p->h);
	if (home_open(&p->h, p->dir, mode) < 0)
		fail_msg("%s", home_error(p->h));
	return p->h;
}

static inline void assert_sentence(const struct home *h, const char *part)
{
	if (!strstr(home_error(h), part))
		fail_msg("\"%s\" does not say \"%s\"", home_error(h), part);
}

static inline unsigned mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static inline bool exists(const char *path)
{
	return !access(path, F_OK);
}

enum { CHILDREN = 8 };

/* Starts CHILDREN processes at one instant and expects all to succeed. */
static inline void in_parallel(struct place *p, int (*fn)(struct place *p, int i))
{
	int gate[2];
	pid_t pid[CHILDREN];
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			char c;
			close(gate[1]);
			_exit(read(gate[0], &c, 1) < 0 ? 70 : fn(p, i));
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

#endif
