// SPDX-License-Identifier: Apache-2.0
/*
 * Every operation on a home, with a fault at each of its calls that change files: an I/O error, a
 * full disk, a kill, and power cuts that lose what was not synced. Afterwards the home is as it was
 * before or as it is after the operation, nothing in between; an error has a sentence; no vault is
 * without its file, no identity without its secret, no secret without its identity; and the
 * operation succeeds when it is done again. Each run is a process of its own.
 *
 *	storage_test [NAME | PART/PARTS]	that operation, or each PARTS-th from PART on; all
 */
#include "disk.h"
#include "operation.h"
#include "peer.h"
#include "place.h"
#include "view.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CALLS_MAX = 600,
	TEARS = 1,
	AGAIN_EACH = 4,
#ifdef __SANITIZE_ADDRESS__
	STRIDE = 5, /* each process is costly: its shadow memory is copied */
#else
	STRIDE = 1,
#endif
};

static unsigned runs;

struct result {
	int rc;
	unsigned calls;
	const char *failed; /* the call; a literal, so the same in the child */
	char error[1024];
};

/* One process: opens the home, runs the operation, closes it. */
static int child(const struct operation *op, struct result *r)
{
	struct home *h;
	r->rc = home_open(&h, place_home, HOME_WRITE);
	if (r->rc == 0)
		r->rc = op->run(h);
	snprintf(r->error, sizeof r->error, "%s", home_error(h));
	home_close(h);
	r->calls = disk_calls();
	r->failed = disk_failed();
	return r->rc < 0 ? 1 : 0;
}

enum fault { NONE, ERROR_IO, ERROR_FULL, KILL, LOSE, TEAR_1 };

static const char *fault_name(int fault)
{
	static const char *const names[] = {
		"no fault", "EIO", "ENOSPC", "a kill", "a power cut", "a tearing power cut"};
	return names[fault < TEAR_1 ? fault : TEAR_1];
}

static void arm(int fault, unsigned n)
{
	if (fault == ERROR_IO || fault == ERROR_FULL)
		disk_arm_error(place_base, n, fault == ERROR_IO ? EIO : ENOSPC);
	else if (fault == NONE)
		disk_arm_error(place_base, UINT_MAX, EIO);
	else
		disk_arm_cut(place_base, n,
			fault == KILL	? DISK_KEEP
			: fault == LOSE ? DISK_LOSE
					: DISK_TEAR,
			n * 31 + (unsigned)fault);
}

/* n = 0: the power goes when all is done. True: the power went. */
static bool run(const struct operation *op, int fault, unsigned n, struct result *r)
{
	int pipes[2], status;
	*r = (struct result){.rc = -EINTR};
	fflush(NULL);
	if (pipe(pipes) < 0)
		fail("pipe");
	runs++;
	pid_t pid = fork();
	if (pid == 0) {
		arm(fault, n ? n : UINT_MAX);
		child(op, r);
		if (write(pipes[1], r, sizeof *r) != sizeof *r)
			_exit(97);
		if (!n)
			disk_cut();
		_exit(0);
	}
	close(pipes[1]);
	ssize_t got = read(pipes[0], r, sizeof *r);
	close(pipes[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		(WEXITSTATUS(status) && WEXITSTATUS(status) != DISK_CUT_STATUS))
		fail("%s: the process ended with status %x", op->name, (unsigned)status);
	if (got != (ssize_t)sizeof *r)
		r->rc = -EINTR;
	return got != (ssize_t)sizeof *r;
}

static void judge(const struct operation *op, int fault, unsigned n, const struct result *r,
	bool cut, const struct view *before, const struct view *after)
{
	struct view now;
	struct result again;
	view_look(&now);
	bool is_new = !strcmp(now.text, after->text), is_old = !strcmp(now.text, before->text);
	if (!is_new && !is_old)
		fail("%s, %s at call %u (%s): neither the old nor the new state:\n%s", op->name,
			fault_name(fault), n, cut ? "cut" : r->error, now.text);
	if (!cut && r->rc == 0 && !is_new)
		fail("%s, %s at call %u: it succeeded, and is lost", op->name, fault_name(fault),
			n);
	if (!cut && r->rc < 0 && !*r->error)
		fail("%s, %s at call %u: an error without a sentence", op->name, fault_name(fault),
			n);
	/* SQLite tells only of its writes that the disk is full; of others the free space does */
	bool told = r->failed && (!strcmp(r->failed, "pwrite") || !strcmp(r->failed, "mkdir"));
	if (told && r->rc < 0 && fault == ERROR_FULL &&
		(r->rc != -ENOSPC || !strstr(r->error, "disk is full")))
		fail("%s, a full disk at call %u, %s: %d, \"%s\"", op->name, n, r->failed, r->rc,
			r->error);
	if (r->failed && r->rc < 0 && r->rc != -EIO && r->rc != -ENOSPC)
		fail("%s, %s at call %u, %s: %d, \"%s\"", op->name, fault_name(fault), n, r->failed,
			r->rc, r->error);
	if (is_new || n % AGAIN_EACH)
		return;
	run(op, NONE, UINT_MAX, &again);
	view_look(&now);
	if (again.rc < 0 || strcmp(now.text, after->text))
		fail("%s, after %s at call %u: cannot be done again: %s\n%s", op->name,
			fault_name(fault), n, again.error, now.text);
}

static void prepare(const struct operation *op)
{
	struct home *h;
	place_clear();
	if (op->before) {
		if (home_open(&h, place_home, HOME_WRITE) < 0)
			fail("%s", home_error(h));
		op->before(h);
		home_close(h);
	}
	place_save();
}

static void test(const struct operation *op)
{
	static struct view before, after;
	struct result r;
	prepare(op);
	view_look(&before);
	place_restore();
	run(op, NONE, UINT_MAX, &r);
	if (r.rc < 0)
		fail("%s: %s", op->name, r.error);
	view_look(&after);
	unsigned calls = r.calls;
	if (calls < 2 || calls > CALLS_MAX || strstr(after.text, "ORPHAN") ||
		strstr(after.text, "WITHOUT") || strstr(after.text, "A HISTORY"))
		fail("%s: %u calls, then\n%s", op->name, calls, after.text);
	for (int fault = ERROR_IO; fault < TEAR_1 + TEARS; fault++)
		for (unsigned n = fault < KILL ? 1 : 0; n <= calls; n += STRIDE) {
			place_restore();
			bool cut = run(op, fault, n, &r);
			judge(op, fault, n, &r, cut, &before, &after);
		}
	printf("%-32s %3u calls\n", op->name, calls);
}

int main(int argc, char **argv)
{
	place_init();
	peer_init();
	unsigned part = 0, parts = 1;
	bool named = argc > 1 && sscanf(argv[1], "%u/%u", &part, &parts) != 2;
	for (size_t i = 0; i < operations_n; i++)
		if (named ? !strcmp(argv[1], operations[i].name) : i % parts == part)
			test(&operations[i]);
	if (!runs)
		fail("there is no operation %s", argv[1]);
	place_fini();
	printf("%u runs\n", runs);
	return 0;
}
