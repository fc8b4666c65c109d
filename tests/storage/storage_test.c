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
#include "known_history.h"
#include "node_config.h"
#include "vault.h"
#include "vault_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FILES = 16,
	VIEW = 8192,
	CALLS_MAX = 600,
	TEARS = 1,
	AGAIN_EACH = 4,
#ifdef __SANITIZE_ADDRESS__
	STRIDE = 5, /* each process is costly: its shadow memory is copied */
#else
	STRIDE = 1,
#endif
};

static char base[PATH_MAX / 4], dir[PATH_MAX / 3], v1[PATH_MAX / 3], v2[PATH_MAX / 3];
static unsigned runs;

static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("FAIL: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* Everything below `base`, to be put back. */

struct saved {
	char path[PATH_MAX];
	uint8_t *content; /* NULL: a directory */
	size_t len;
};
static struct saved saved[FILES];
static unsigned saved_n;

static void clear(void)
{
	char command[PATH_MAX + 32];
	snprintf(command, sizeof command, "rm -rf '%s'/*", base);
	if (system(command))
		fail("%s", command);
}

static void save_below(const char *at)
{
	DIR *d = opendir(at);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;
		if (e->d_name[0] == '.')
			continue;
		if (saved_n == FILES)
			fail("too many files to save");
		struct saved *s = &saved[saved_n++];
		if (snprintf(s->path, sizeof s->path, "%s/%s", at, e->d_name) >=
				(int)sizeof s->path ||
			stat(s->path, &st) < 0)
			fail("%s", s->path);
		s->content = NULL;
		if (S_ISDIR(st.st_mode)) {
			save_below(s->path);
			continue;
		}
		FILE *f = fopen(s->path, "rb");
		s->len = (size_t)st.st_size;
		s->content = malloc(s->len + 1);
		if (!f || !s->content || fread(s->content, 1, s->len, f) != s->len)
			fail("%s", s->path);
		fclose(f);
	}
	closedir(d);
}

static void save(void)
{
	for (unsigned i = 0; i < saved_n; i++)
		free(saved[i].content);
	saved_n = 0;
	save_below(base);
}

static void empty(const char *at)
{
	char path[PATH_MAX];
	DIR *d = opendir(at);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
			snprintf(path, sizeof path, "%s/%s", at, e->d_name) >= (int)sizeof path)
			continue;
		if (unlink(path) < 0) {
			empty(path);
			rmdir(path);
		}
	}
	if (d)
		closedir(d);
}

static void restore(void)
{
	empty(base);
	for (unsigned i = 0; i < saved_n; i++) {
		const struct saved *s = &saved[i];
		if (!s->content) {
			mkdir(s->path, 0700);
			continue;
		}
		int fd = open(s->path, O_CREAT | O_WRONLY, 0600);
		if (fd < 0 || write(fd, s->content, s->len) != (ssize_t)s->len)
			fail("%s", s->path);
		close(fd);
	}
}

/* A home as text: all that users see, but for what is random. */

struct view {
	char text[VIEW];
	size_t n;
	struct home *h;
	unsigned secrets; /* that identities have */
};

static void say(struct view *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct view *v, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(v->text + v->n, sizeof v->text - v->n, fmt, ap);
	va_end(ap);
	if (n < 0 || v->n + (size_t)n >= sizeof v->text)
		fail("the view is too small");
	v->n += (size_t)n;
}

static int64_t count(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st = NULL;
	int64_t n = -1;
	if (access(path, F_OK) == 0 &&
		sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == 0) {
		if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
			sqlite3_step(st) == SQLITE_ROW)
			n = sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
	return n;
}

static int see_vault(void *ctx, const struct vault_info *v)
{
	struct view *view = ctx;
	struct secret32 none;
	const uint8_t key[32] = {0};
	const char *usable =
		vault_secret_get(view->h, v, key, &none) == -ENOENT ? "" : " WITHOUT ITS FILE";
	say(view, "vault %s%s%s%s\n", v->name,
		vault_is_inside(view->h, v) ? "" : strrchr(v->path, '/'),
		v->is_default ? " default" : "", usable);
	return 0;
}

static int see_identity(void *ctx, const struct identity_info *i)
{
	struct view *view = ctx;
	struct secret32 secret;
	bool has = identity_secret(view->h, i->name, &secret) == 0 &&
		   identity_key_matches(&i->identity, &secret);
	view->secrets += has;
	say(view, "identity %s in %s, %u changes%s%s\n", i->name, i->vault, i->identity.changes,
		i->is_default ? " default" : "", has ? "" : " WITHOUT ITS SECRET");
	return 0;
}

static int see_object(void *ctx, const char *name, const char *json)
{
	say(ctx, "  %s %s\n", name, json);
	return 0;
}

static int see_node(void *ctx, const struct node_info *n)
{
	struct view *v = ctx;
	struct identifier owner;
	uint64_t used = 0;
	bool held = relay_name_get(v->h, n->name, "forward_to_x", &owner, &used) == 0;
	say(v, "node %s of %s %s%s\n", n->name, n->identity, n->config,
		n->is_default ? " default" : "");
	if (held)
		say(v, "  name used %llu\n", (unsigned long long)used);
	return node_object_each(v->h, n->name, "service", see_object, v);
}

/* A peer's history before and after its key was changed, twice. */
enum { PEER_HISTORIES = 3, PEER_SINCE = 1700000000 };
static struct {
	struct identity id;
	uint8_t history[IDENTITY_HISTORY_MAX];
	size_t len;
	struct secret32 secret;
} peer[PEER_HISTORIES];

static void make_peer(void)
{
	for (unsigned i = 0; i < PEER_HISTORIES; i++) {
		int n = i ? identity_rotate(peer[i - 1].history, peer[i - 1].len,
				    &peer[i - 1].secret, false, PEER_SINCE + i, &peer[i].secret,
				    peer[i].history, sizeof peer[i].history)
			  : identity_create(&peer[i].secret, peer[i].history,
				    sizeof peer[i].history, PEER_SINCE);
		peer[i].len = n > 0 ? (size_t)n : 0;
		if (n <= 0 || identity_verify(peer[i].history, peer[i].len, 0, &peer[i].id))
			fail("the peer's history");
	}
}

static int check_peer(struct home *h, unsigned i)
{
	return known_history_check(h, &peer[i].id, peer[i].history, peer[i].len);
}

/* What is kept of the peer, byte for byte, and that its first key is taken no more. */
static void see_known(struct view *v)
{
	char path[PATH_MAX], sql[64 + 2 * IDENTITY_HISTORY_MAX];
	snprintf(path, sizeof path, "%s/database.sqlite3", dir);
	int64_t all = count(path, "SELECT count(*) FROM known_history"), whole = 0;
	for (unsigned i = 0; i < PEER_HISTORIES; i++) {
		size_t n = (size_t)snprintf(
			sql, sizeof sql, "SELECT count(*) FROM known_history WHERE history = x'");
		for (size_t k = 0; k < peer[i].len; k++, n += 2)
			snprintf(sql + n, sizeof sql - n, "%02x", peer[i].history[k]);
		snprintf(sql + n, sizeof sql - n, "'");
		if (count(path, sql) != 1)
			continue;
		whole++;
		say(v, "a history of %u changes is known\n", i + 1);
	}
	if (whole != all)
		say(v, "A HISTORY OF NOBODY\n");
	if (check_peer(v->h, 0) != (whole ? -ESTALE : 0))
		say(v, "A HISTORY THAT IS NOT HEEDED\n");
}

/* Secrets in all places; more than identities have are orphans. */
static void see_secrets(struct view *v)
{
	static const char sql[] = "SELECT count(*) FROM secret";
	char path[PATH_MAX];
	int64_t n = 0;
	snprintf(path, sizeof path, "%s/database.sqlite3", dir);
	const char *const places[] = {path, v1, v2};
	for (size_t i = 0; i < 3; i++) {
		int64_t k = count(places[i], sql);
		n += k > 0 ? k : 0;
		if (count(places[i], "PRAGMA integrity_check") > 0)
			say(v, "%s IS DAMAGED\n", places[i]);
	}
	if (n != v->secrets)
		say(v, "ORPHANED SECRETS: %d\n", (int)(n - v->secrets));
}

static void look(struct view *v)
{
	*v = (struct view){.n = 0};
	/* whatever was left half done is finished by the next command that writes */
	if (home_open(&v->h, dir, HOME_WRITE) < 0)
		fail("the home cannot be opened: %s", home_error(v->h));
	if (vault_each(v->h, see_vault, v) < 0 || identity_each(v->h, see_identity, v) < 0 ||
		node_each(v->h, see_node, v) < 0)
		fail("the home cannot be read: %s", home_error(v->h));
	see_known(v);
	home_close(v->h);
	see_secrets(v);
}

/* Operations, and what is there before them. */

static void must(struct home *h, int rc)
{
	if (rc < 0)
		fail("setting up: %s", home_error(h));
}

static void with_default(struct home *h)
{
	must(h, home_ensure_default(h));
}

static void with_file_vault(struct home *h)
{
	struct vault_info v;
	with_default(h);
	must(h, vault_create(h, "f", v1, &v));
}

static void with_file_identity(struct home *h)
{
	struct identity_info i;
	with_file_vault(h);
	must(h, identity_store(h, "alice", "f", NULL, 0, NULL, &i));
}

static void with_inside_identity(struct home *h)
{
	struct identity_info i;
	struct vault_info v;
	with_default(h);
	must(h, vault_create(h, "in", NULL, &v));
	must(h, identity_store(h, "alice", "in", NULL, 0, NULL, &i));
	must(h, identity_store(h, "bob", "in", NULL, 0, NULL, &i));
}

static void with_node(struct home *h)
{
	const struct identifier owner = {{1}};
	with_default(h);
	must(h, node_store(h, "n0", "default", "{\"a\":1}"));
	must(h, node_store(h, "n1", "default", "{\"a\":1}"));
	must(h, node_object_put(h, "n1", "service", "echo", "{}"));
	must(h, relay_name_put(h, "n1", "forward_to_x", &owner, 1));
}

static void with_known_history(struct home *h)
{
	with_default(h);
	must(h, check_peer(h, 1));
}

static void with_tables_of(struct home *h, const char *sql)
{
	char path[PATH_MAX];
	sqlite3 *db;
	with_default(h);
	snprintf(path, sizeof path, "%s/database.sqlite3", dir);
	if (sqlite3_open(path, &db) || sqlite3_exec(db, sql, NULL, NULL, NULL))
		fail("%s", path);
	sqlite3_close(db);
}

/* As the first version of the tables was, and the second. */
static void with_first_tables(struct home *h)
{
	with_tables_of(h, "DROP TABLE stray_secret;DROP TABLE known_history;PRAGMA user_version=1");
}

static void with_second_tables(struct home *h)
{
	with_tables_of(h, "DROP TABLE known_history;PRAGMA user_version=2");
}

static int do_nothing(struct home *h)
{
	return 0;
}

static int do_ensure_default(struct home *h)
{
	return home_ensure_default(h);
}

static int do_vault_inside(struct home *h)
{
	struct vault_info v;
	return vault_create(h, "in", NULL, &v);
}

static int do_vault_file(struct home *h)
{
	struct vault_info v;
	return vault_create(h, "f", v1, &v);
}

static int do_store_inside(struct home *h)
{
	struct identity_info i;
	return identity_store(h, "alice", NULL, NULL, 0, NULL, &i);
}

static int do_store_file(struct home *h)
{
	struct identity_info i;
	return identity_store(h, "alice", "f", NULL, 0, NULL, &i);
}

static int do_renew(struct home *h)
{
	struct identity_info i;
	return identity_renew(h, "alice", &i);
}

static int do_delete(struct home *h)
{
	return identity_delete(h, "alice");
}

static int do_set_default(struct home *h)
{
	return identity_set_default(h, "alice");
}

static int do_move_out(struct home *h)
{
	return vault_move(h, "in", v1);
}

static int do_move_in(struct home *h)
{
	return vault_move(h, "f", NULL);
}

static int do_move_on(struct home *h)
{
	return vault_move(h, "f", v2);
}

static int do_vault_delete(struct home *h)
{
	return vault_delete(h, "f");
}

static int do_node(struct home *h)
{
	return node_store(h, "n2", "default", "{\"a\":2}");
}

static int do_node_again(struct home *h)
{
	return node_store(h, "n1", "default", "{\"a\":2}");
}

static int do_config(struct home *h)
{
	return node_set_config(h, "n1", "{\"a\":3}");
}

static int do_object(struct home *h)
{
	return node_object_put(h, "n1", "service", "hop", "{}");
}

static int do_object_del(struct home *h)
{
	return node_object_del(h, "n1", "service", "echo");
}

static int do_node_remove(struct home *h)
{
	return node_remove(h, "n1");
}

static int do_relay_name(struct home *h)
{
	const struct identifier owner = {{1}};
	return relay_name_put(h, "n1", "forward_to_x", &owner, 2);
}

static int do_know(struct home *h)
{
	return check_peer(h, 1);
}

static int do_know_longer(struct home *h)
{
	return check_peer(h, 2);
}

struct operation {
	const char *name;
	void (*before)(struct home *h); /* NULL: there is no home */
	int (*run)(struct home *h);
};

static const struct operation operations[] = {
	{"the first command of a home", NULL, do_nothing},
	{"the tables of an older home", with_first_tables, do_nothing},
	{"the tables without histories", with_second_tables, do_nothing},
	{"a history into older tables", with_second_tables, do_know},
	{"the default vault and identity", NULL, do_ensure_default},
	{"vault create", with_default, do_vault_inside},
	{"vault create in a file", with_default, do_vault_file},
	{"vault delete of a file", with_file_vault, do_vault_delete},
	{"vault move into a file", with_inside_identity, do_move_out},
	{"vault move into the database", with_file_identity, do_move_in},
	{"vault move to another file", with_file_identity, do_move_on},
	{"identity create", with_default, do_store_inside},
	{"identity create in a file", with_file_vault, do_store_file},
	{"identity renew", with_inside_identity, do_renew},
	{"identity renew in a file", with_file_identity, do_renew},
	{"identity delete", with_inside_identity, do_delete},
	{"identity delete in a file", with_file_identity, do_delete},
	{"identity default", with_inside_identity, do_set_default},
	{"node create", with_node, do_node},
	{"node create again", with_node, do_node_again},
	{"node configuration", with_node, do_config},
	{"node object", with_node, do_object},
	{"node object delete", with_node, do_object_del},
	{"node delete", with_node, do_node_remove},
	{"relay name", with_node, do_relay_name},
	{"the first history of a peer", with_default, do_know},
	{"a longer history of a peer", with_known_history, do_know_longer},
};

/* Runs. */

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
	r->rc = home_open(&h, dir, HOME_WRITE);
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
		disk_arm_error(base, n, fault == ERROR_IO ? EIO : ENOSPC);
	else if (fault == NONE)
		disk_arm_error(base, UINT_MAX, EIO);
	else
		disk_arm_cut(base, n,
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
	look(&now);
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
	look(&now);
	if (again.rc < 0 || strcmp(now.text, after->text))
		fail("%s, after %s at call %u: cannot be done again: %s\n%s", op->name,
			fault_name(fault), n, again.error, now.text);
}

static void prepare(const struct operation *op)
{
	struct home *h;
	clear();
	if (op->before) {
		if (home_open(&h, dir, HOME_WRITE) < 0)
			fail("%s", home_error(h));
		op->before(h);
		home_close(h);
	}
	save();
}

static void test(const struct operation *op)
{
	static struct view before, after;
	struct result r;
	prepare(op);
	look(&before);
	restore();
	run(op, NONE, UINT_MAX, &r);
	if (r.rc < 0)
		fail("%s: %s", op->name, r.error);
	look(&after);
	unsigned calls = r.calls;
	if (calls < 2 || calls > CALLS_MAX || strstr(after.text, "ORPHAN") ||
		strstr(after.text, "WITHOUT") || strstr(after.text, "A HISTORY"))
		fail("%s: %u calls, then\n%s", op->name, calls, after.text);
	for (int fault = ERROR_IO; fault < TEAR_1 + TEARS; fault++)
		for (unsigned n = fault < KILL ? 1 : 0; n <= calls; n += STRIDE) {
			restore();
			bool cut = run(op, fault, n, &r);
			judge(op, fault, n, &r, cut, &before, &after);
		}
	printf("%-32s %3u calls\n", op->name, calls);
}

int main(int argc, char **argv)
{
	const char *where = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(base, sizeof base, "%s/storage_test.XXXXXX", where);
	if (!mkdtemp(base))
		fail("mkdtemp");
	snprintf(dir, sizeof dir, "%s/a/home", base);
	snprintf(v1, sizeof v1, "%s/v1", base);
	snprintf(v2, sizeof v2, "%s/v2", base);
	make_peer();
	unsigned part = 0, parts = 1;
	bool named = argc > 1 && sscanf(argv[1], "%u/%u", &part, &parts) != 2;
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		if (named ? !strcmp(argv[1], operations[i].name) : i % parts == part)
			test(&operations[i]);
	if (!runs)
		fail("there is no operation %s", argv[1]);
	empty(base);
	rmdir(base);
	printf("%u runs\n", runs);
	return 0;
}
