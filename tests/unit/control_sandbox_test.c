// SPDX-License-Identifier: Apache-2.0
/* The control plane's sandbox around a home of the test's own, by trying what it must not let
 * through, and what must go on to work. */
#include "attempt.h"
#include "home_place.h"

#include "confine.h"
#include "log.h"
#include "sandbox.h"
#include "seam.h"
#include "tcp_listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#ifdef UNDER_SANITIZER
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* What a child tries, in the sandbox of a node whose home is `p->dir`. */
struct trial {
	struct place *place;
	struct program program;
	char path[2 * PATH];
};

static bool has_landlock(void)
{
	int rules = confine_files_new(0);
	if (rules >= 0)
		close(rules);
	return rules >= 0;
}

static void need_landlock(void)
{
	if (has_landlock())
		return;
	print_message("skipped: this kernel has no Landlock\n");
	skip();
}

static void enter(void *ctx)
{
	struct trial *t = ctx;
	struct reason why;
	log_init(STDERR_FILENO, LOG_WARN, false, "test");
	confine_hide();
	if (home_open(&t->program.home, t->place->dir, HOME_WRITE) < 0 ||
		sandbox_enter(&t->program, &why) < 0)
		_exit(253);
}

/* A home, a vault in a file beside it, and a file of somebody else's beside that. */
static int make_trial(void **state)
{
	void *place;
	struct trial *t = calloc(1, sizeof *t);
	if (!t || make_place(&place) < 0)
		return -1;
	t->place = place;
	struct place *p = t->place;
	struct home *h = open_home(p, HOME_WRITE);
	if (home_ensure_default(h) < 0 || vault_create(h, "v", in(p, "vault"), &p->vault) < 0 ||
		identity_store(h, "i", "v", NULL, 0, NULL, &p->info) < 0)
		return -1;
	home_close(p->h);
	p->h = NULL;
	snprintf(t->program.home_dir, sizeof t->program.home_dir, "%s", p->dir);
	snprintf(t->program.dir, sizeof t->program.dir, "%.100s", p->dir);
	t->program.config = json_pack("{s:[s]}", "tcp_listeners", "unix:/proc/x");
	FILE *f = fopen(in(p, "other"), "w");
	*state = t;
	return !f || fputs("secret\n", f) < 0 || fclose(f);
}

static int remove_trial(void **state)
{
	struct trial *t = *state;
	void *place = t->place;
	json_decref(t->program.config);
	free(t);
	return remove_place(&place);
}

static int read_it(void *ctx)
{
	return errno_of(open(((struct trial *)ctx)->path, O_RDONLY));
}

static int write_it(void *ctx)
{
	return errno_of(open(((struct trial *)ctx)->path, O_WRONLY));
}

static int create_it(void *ctx)
{
	return errno_of(open(((struct trial *)ctx)->path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
}

static int remove_it(void *ctx)
{
	return errno_of(unlink(((struct trial *)ctx)->path));
}

static int list_it(void *ctx)
{
	return errno_of(open(((struct trial *)ctx)->path, O_RDONLY | O_DIRECTORY));
}

static void at(struct trial *t, const char *path)
{
	snprintf(t->path, sizeof t->path, "%s", path);
}

static int missing_without_landlock(void *ctx)
{
	struct trial *t = ctx;
	hide_landlock();
	enter(t);
	return (int)t->program.sandbox_missing;
}

static int missing_here(void *ctx)
{
	struct trial *t = ctx;
	enter(t);
	return (int)t->program.sandbox_missing;
}

static void what_the_kernel_lacks_is_told(void **state)
{
	unsigned lacks = confine_files_lacks();
	int missing = (lacks & CONFINE_LACKS_FILES ? SEAM_NO_FILES : 0) |
		      (lacks & CONFINE_LACKS_SIGNALS ? SEAM_NO_SIGNALS : 0);
	assert_int_equal(attempt_as(geteuid(), NULL, missing_here, *state), missing);
	assert_int_equal(attempt_as(geteuid(), NULL, missing_without_landlock, *state),
		SEAM_NO_FILES | SEAM_NO_SIGNALS);
}

static void only_the_home_can_be_written(void **state)
{
	struct trial *t = *state;
	need_landlock();
	at(t, in(t->place, "a/home/fresh"));
	assert_int_equal(attempt_as(geteuid(), enter, create_it, t), TAKEN);
	assert_int_equal(attempt_as(geteuid(), enter, remove_it, t), TAKEN);
	at(t, in(t->place, "fresh"));
	assert_int_equal(attempt_as(geteuid(), enter, create_it, t), EACCES);
	at(t, in(t->place, "other"));
	assert_int_equal(attempt_as(geteuid(), NULL, write_it, t), TAKEN);
	assert_int_equal(attempt_as(geteuid(), enter, write_it, t), EACCES);
	at(t, "/etc/ockam_sandbox_test");
	assert_int_equal(attempt_as(geteuid(), enter, create_it, t), EACCES);
	at(t, "/usr/lib/ockam_sandbox_test");
	assert_int_equal(attempt_as(geteuid(), enter, create_it, t), EACCES);
}

static void only_what_it_needs_can_be_read(void **state)
{
	struct trial *t = *state;
	need_landlock();
	at(t, in(t->place, "other"));
	assert_int_equal(attempt_as(geteuid(), NULL, read_it, t), TAKEN);
	assert_int_equal(attempt_as(geteuid(), enter, read_it, t), EACCES);
	at(t, "/");
	assert_int_equal(attempt_as(geteuid(), enter, list_it, t), EACCES);
	at(t, "/tmp");
	assert_int_equal(attempt_as(geteuid(), enter, list_it, t), EACCES);
	at(t, "/etc/nsswitch.conf");
	assert_int_equal(attempt_as(geteuid(), enter, read_it, t),
		access(t->path, R_OK) == 0 ? TAKEN : ENOENT);
}

static int read_secret(void *ctx)
{
	struct trial *t = ctx;
	struct secret32 secret;
	int rc = identity_secret(t->program.home, t->path, &secret);
	secret_wipe(&secret, sizeof secret);
	return -rc;
}

static int use_database(void *ctx)
{
	struct trial *t = ctx;
	struct node_info n;
	if (node_store(t->program.home, "n", "i", "{}") < 0)
		return EIO;
	int rc = node_get(t->program.home, "n", &n);
	if (rc == 0)
		node_info_fini(&n);
	return -rc;
}

static void the_database_and_the_vaults_are_there(void **state)
{
	struct trial *t = *state;
	at(t, "i");
	assert_int_equal(attempt_as(geteuid(), enter, read_secret, t), TAKEN);
	at(t, "default");
	assert_int_equal(attempt_as(geteuid(), enter, read_secret, t), TAKEN);
	assert_int_equal(attempt_as(geteuid(), enter, use_database, t), TAKEN);
	need_landlock();
	at(t, in(t->place, "vault"));
	assert_int_equal(attempt_as(geteuid(), enter, read_it, t), TAKEN);
	assert_int_equal(attempt_as(geteuid(), enter, write_it, t), EACCES);
}

static int execute(void *ctx)
{
	char *const args[] = {"true", NULL};
	return errno_of(execv("/bin/true", args));
}

static void other_programs_cannot_be_started(void **state)
{
	need_landlock();
	assert_int_equal(attempt_as(geteuid(), NULL, execute, *state), 0);
	assert_int_equal(attempt_as(geteuid(), enter, execute, *state), EACCES);
}

static int trace(void *ctx)
{
	return errno_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int peek(void *ctx)
{
	return errno_of(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}

static int new_namespace(void *ctx)
{
	return errno_of(unshare(CLONE_NEWUSER));
}

static int clone_namespace(void *ctx)
{
	return errno_of(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

static int load_bpf(void *ctx)
{
	return errno_of(syscall(SYS_bpf, 0, NULL, 0));
}

static int load_program(void *ctx)
{
	return errno_of(syscall(SYS_bpf, 5 /* BPF_PROG_LOAD */, NULL, 0));
}

static int change_user(void *ctx)
{
	return errno_of(syscall(SYS_setuid, geteuid()));
}

static int packet_socket(void *ctx)
{
	return errno_of(socket(AF_PACKET, SOCK_RAW, 0));
}

static int unlisted(void *ctx)
{
	return errno_of(syscall(SYS_acct, NULL));
}

static int type_on_terminal(void *ctx)
{
	return errno_of(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

static void attacks_end_the_process(void **state)
{
	assert_int_equal(attempt_as(geteuid(), enter, peek, *state), -SIGSYS);
	assert_int_equal(attempt_as(geteuid(), enter, new_namespace, *state), -SIGSYS);
	assert_int_equal(attempt_as(geteuid(), enter, load_bpf, *state), -SIGSYS);
	assert_int_equal(attempt_as(geteuid(), enter, load_program, *state), -SIGSYS);
	assert_int_equal(attempt_as(geteuid(), enter, change_user, *state), -SIGSYS);
	if (!SANITIZED)
		assert_int_equal(attempt_as(geteuid(), enter, trace, *state), -SIGSYS);
}

static void other_calls_do_not_exist(void **state)
{
	assert_int_equal(attempt_as(geteuid(), enter, packet_socket, *state), ENOSYS);
	assert_int_equal(attempt_as(geteuid(), enter, unlisted, *state), ENOSYS);
	assert_int_equal(attempt_as(geteuid(), enter, type_on_terminal, *state), ENOSYS);
	if (!SANITIZED)
		assert_int_equal(attempt_as(geteuid(), enter, clone_namespace, *state), ENOSYS);
}

static int signal_parent(void *ctx)
{
	return errno_of(kill(getppid(), 0));
}

static void signals_reach_nobody_else(void **state)
{
	need_landlock();
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 6) {
		print_message("skipped: this kernel's Landlock knows no signals\n");
		skip();
	}
	assert_int_equal(attempt_as(geteuid(), NULL, signal_parent, *state), TAKEN);
	assert_int_equal(attempt_as(geteuid(), enter, signal_parent, *state), EPERM);
}

static void *resolve_names(void *ctx)
{
	static const char *const names[] = {"localhost", "name.invalid", "127.0.0.1"};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *res;
	for (int i = 0; i < 3; i++) {
		int rc = getaddrinfo(names[i], "80", &hints, &res);
		if (rc == 0)
			freeaddrinfo(res);
		if (i != 1 && rc != 0)
			return "a name was not found";
		if (i == 1 && (rc == 0 || rc == EAI_SYSTEM))
			return "a name that does not exist";
	}
	return NULL;
}

static int resolve(void *ctx)
{
	pthread_t thread;
	setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
	void *complaint = NULL;
	if (pthread_create(&thread, NULL, resolve_names, NULL) != 0 ||
		pthread_join(thread, &complaint) != 0)
		return EAGAIN;
	return complaint ? EIO : TAKEN;
}

static void names_are_found(void **state)
{
	assert_int_equal(attempt_as(geteuid(), enter, resolve, *state), TAKEN);
}

static int listen_there(void *ctx)
{
	struct trial *t = ctx;
	struct tcp_address a;
	struct reason why = {.exit = 0};
	if (tcp_address_parse(&a, t->path, &why) < 0)
		return EINVAL;
	int fd = tcp_address_listen(&a, &why);
	if (fd >= 0 && a.sa.sa_family == AF_UNIX && unlink(a.un.sun_path) < 0)
		return errno;
	if (fd < 0)
		fputs(why.text, stderr);
	return fd < 0 ? why.exit : TAKEN;
}

static void sockets_are_made_where_it_is_customary(void **state)
{
	struct trial *t = *state;
	char said[512];
	need_landlock();
	snprintf(t->path, sizeof t->path, "unix:%s/s", t->place->dir);
	assert_int_equal(attempt_as(geteuid(), enter, listen_there, t), TAKEN);
	snprintf(t->path, sizeof t->path, "unix:%s/s", t->place->base);
	assert_int_equal(attempt_as(geteuid(), enter, listen_there, t), TAKEN);
	at(t, "unix:/var/ockam_sandbox_test");
	int status = attempt_status(geteuid(), enter, listen_there, t, said, sizeof said);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_REFUSED);
	assert_non_null(strstr(said, "makes sockets below its home"));
	json_decref(t->program.config);
	t->program.config = json_pack("{s:[s]}", "tcp_listeners", "unix:/var/ockam_sandbox_test");
	if (access("/var", W_OK) == 0)
		assert_int_equal(attempt_as(geteuid(), enter, listen_there, t), TAKEN);
}

/* A port below 1024 that nobody has; 0 when there is none, or when anybody may. */
static int low_port(void)
{
	int first = 0;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
	if (!f || fscanf(f, "%d", &first) != 1)
		first = 1024;
	if (f)
		fclose(f);
	for (int port = 1000; port < first && port < 1024; port++) {
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		bool free_one = bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
		close(fd);
		if (free_one)
			return port;
	}
	return 0;
}

static void drop_all(void *ctx)
{
	confine_drop_capabilities(0);
}

static void root_may_still_listen_below_1024(void **state)
{
	struct trial *t = *state;
	int port = geteuid() == 0 ? low_port() : 0;
	if (!port) {
		print_message(
			"skipped: binding a port below 1024 needs root, or needs no right here\n");
		skip();
	}
	snprintf(t->path, sizeof t->path, "127.0.0.1:%d", port);
	assert_int_equal(attempt_as(0, enter, listen_there, t), TAKEN);
	assert_int_equal(attempt_as(0, drop_all, listen_there, t), EXIT_REFUSED);
}

static int chown_it(void *ctx)
{
	return errno_of(chown(((struct trial *)ctx)->path, 1, 1));
}

static void root_has_no_other_privilege(void **state)
{
	struct trial *t = *state;
	if (geteuid() != 0) {
		print_message("skipped: this is not root\n");
		skip();
	}
	at(t, in(t->place, "other"));
	assert_int_equal(attempt_as(0, NULL, chown_it, t), TAKEN);
	assert_int_equal(attempt_as(0, drop_all, chown_it, t), EPERM);
}

static int enter_foreign(void *ctx)
{
	struct trial *t = ctx;
	struct reason why = {.exit = 0};
	int rc = home_open(&t->program.home, t->place->dir, HOME_WRITE);
	if (rc == 0)
		rc = sandbox_enter(&t->program, &why);
	fputs(why.text, stderr);
	return -rc;
}

static void root_does_not_run_in_the_home_of_another(void **state)
{
	struct trial *t = *state;
	char said[1024];
	if (geteuid() != 0) {
		print_message("skipped: this is not root\n");
		skip();
	}
	assert_int_equal(chown(t->place->dir, NOBODY, NOBODY), 0);
	int status = attempt_status(0, NULL, enter_foreign, t, said, sizeof said);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EACCES);
	assert_non_null(strstr(said, "run as its owner"));
}

#define trial_test(f) cmocka_unit_test_setup_teardown(f, make_trial, remove_trial)

int main(void)
{
	const struct CMUnitTest tests[] = {
		trial_test(what_the_kernel_lacks_is_told),
		trial_test(only_the_home_can_be_written),
		trial_test(only_what_it_needs_can_be_read),
		trial_test(the_database_and_the_vaults_are_there),
		trial_test(other_programs_cannot_be_started),
		trial_test(attacks_end_the_process),
		trial_test(other_calls_do_not_exist),
		trial_test(signals_reach_nobody_else),
		trial_test(names_are_found),
		trial_test(sockets_are_made_where_it_is_customary),
		trial_test(root_may_still_listen_below_1024),
		trial_test(root_has_no_other_privilege),
		trial_test(root_does_not_run_in_the_home_of_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
