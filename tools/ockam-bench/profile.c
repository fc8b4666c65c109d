// SPDX-License-Identifier: Apache-2.0
#include "profile.h"

#include "proc.h"
#include "tree.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NAME = 96,
	PIDS_MAX = 4096,
	ROWS_MAX = 4096,
	SHOWN = 25,
	START_STEP_MS = 50,
	START_TRIES = 100,
	STOP_TRIES = 400,
	STOP_STEP_MS = 10,
};

/* The first that a symbol begins with, or is in, says the stage. */
static const struct stage {
	const char *name;
	const char *begins[16]; /* symbols */
	const char *dso;	/* or all of a library */
} stages[] = {
	{"copying between kernel and program",
		{"copy_", "_copy_", "__copy_", "rep_movs", "skb_copy", "simple_copy", "skb_splice",
			"iov_iter", "copyin", "copyout", "memcpy_orig"},
		NULL},
	{"copying in programs", {"memcpy", "memmove", "__memcpy", "__memmove"}, NULL},
	{"sealing and opening",
		{"aes_", "gcm_", "ghash", "chacha", "poly1305", "stream_ref", "submit_job", "aesni",
			"rijndael", "EVP_", "CRYPTO_", "aead_", "sha256"},
		"libIPSec_MB"},
	{"sealing and opening", {NULL}, "libsodium"},
	{"sealing and opening", {NULL}, "libcrypto"},
	{"scheduling and waking",
		{"schedule", "__schedule", "try_to_wake", "ttwu", "pick_", "enqueue_", "dequeue_",
			"update_", "finish_task", "__switch", "select_task", "set_next",
			"prepare_task", "sched_", "reweight", "native_"},
		NULL},
	{"waiting for work, idle",
		{"cpuidle", "default_idle", "pv_native_safe_halt", "do_idle", "poll_idle"}, NULL},
	{"TCP, UDP, IP, loopback",
		{"tcp_", "__tcp", "udp_", "__udp", "ip_", "__ip", "skb_", "__skb", "sk_", "__netif",
			"net_", "dev_", "inet_", "sock_"},
		NULL},
	{"TCP, UDP, IP, loopback",
		{"__dev", "loopback_", "process_backlog", "napi_", "__napi", "kfree_skb",
			"validate_xmit", "lock_sock", "release_sock", "nf_", "bictcp", "cubictcp",
			"csum_", "__sk_", "__alloc_skb", "ipv4_"},
		NULL},
	{"io_uring", {"io_", "__io"}, NULL},
	{"splice and pipes",
		{"splice", "__splice", "pipe_", "do_splice", "anon_pipe", "generic_pipe"}, NULL},
	{"epoll and poll", {"ep_", "do_epoll", "epoll", "do_poll", "do_sys_poll", "__pollwait"},
		NULL},
	{"system calls, entry and exit",
		{"entry_SYSCALL", "syscall_", "do_syscall", "__x64_sys", "__do_sys", "exit_to_user",
			"entry_", "sysret", "srso", "clear_bhb", "x64_sys"},
		NULL},
	{"memory of the kernel",
		{"kmem_", "kfree", "__slab", "__alloc_pages", "free_unref", "page_", "__free",
			"get_page", "rmqueue", "kmalloc", "__kmalloc", "alloc_", "clear_page",
			"put_page", "folio_"},
		NULL},
	{"the data plane itself", {NULL}, "ockam-dataplane"},
	{"the control plane itself", {NULL}, "ockam-control"},
	{"the benchmark itself", {NULL}, "ockam-bench"},
	{"the rest of the kernel", {NULL}, "kernel"},
	{"other programs and libraries", {""}, NULL},
};
enum { STAGES = sizeof stages / sizeof *stages };

struct count {
	char name[NAME];
	unsigned n;
};

struct tally {
	pid_t pids[PIDS_MAX];
	size_t pids_n;
	struct count rows[ROWS_MAX]; /* symbols */
	size_t rows_n;
	struct count programs[ROWS_MAX];
	size_t programs_n;
	struct count by_stage[STAGES];
	unsigned total;
};

static const char *stage_of(const char *symbol, const char *dso)
{
	for (unsigned i = 0; i < STAGES; i++) {
		if (stages[i].dso && strstr(dso, stages[i].dso))
			return stages[i].name;
		for (const char *const *p = stages[i].begins; *p; p++)
			if (!strncmp(symbol, *p, strlen(*p)))
				return stages[i].name;
	}
	return stages[STAGES - 1].name;
}

static void count(struct count *all, size_t *n, size_t cap, const char *name)
{
	size_t i = 0;
	while (i < *n && strncmp(all[i].name, name, NAME - 1))
		i++;
	if (i == cap)
		return;
	if (i == *n) {
		snprintf(all[i].name, NAME, "%s", name);
		all[(*n)++].n = 0;
	}
	all[i].n++;
}

static int most_first(const void *a, const void *b)
{
	const struct count *x = a, *y = b;
	return (y->n > x->n) - (y->n < x->n);
}

static bool is_ours(const struct tally *t, pid_t pid)
{
	for (size_t i = 0; i < t->pids_n; i++)
		if (t->pids[i] == pid)
			return true;
	return false;
}

static void take_pid(void *ctx, pid_t pid)
{
	struct tally *t = ctx;
	if (t->pids_n < PIDS_MAX)
		t->pids[t->pids_n++] = pid;
}

/* "  program name  pid  address symbol (library)" */
static void sample(struct tally *t, size_t *stages_n, char *line)
{
	char comm[NAME], symbol[NAME], both[2 * NAME];
	int pid, at = 0;
	char *dso = strrchr(line, '(');
	if (!dso || dso == line)
		return;
	*dso++ = 0;
	dso[strcspn(dso, ")")] = 0;
	char *name = line + strspn(line, " "), *p = strpbrk(name, " ");
	while (p && !(sscanf(p, " %d %*x %n", &pid, &at) == 1 && at)) /* names may have spaces */
		p = strpbrk(p + 1, " ");
	if (!p || !is_ours(t, pid))
		return;
	snprintf(comm, sizeof comm, "%.*s", (int)(p - name), name);
	snprintf(symbol, sizeof symbol, "%s", p + at);
	symbol[strcspn(symbol, " ")] = 0;
	const char *file = strrchr(dso, '/');
	snprintf(both, sizeof both, "%.60s (%.30s)", symbol, file ? file + 1 : dso);
	count(t->rows, &t->rows_n, ROWS_MAX, both);
	count(t->programs, &t->programs_n, ROWS_MAX, comm);
	count(t->by_stage, stages_n, STAGES, stage_of(symbol, dso));
	t->total++;
}

static void print(const char *what, struct count *all, size_t n, unsigned total, size_t most)
{
	qsort(all, n, sizeof *all, most_first);
	fprintf(stderr, "  by %s\n", what);
	for (size_t i = 0; i < n && i < most; i++)
		fprintf(stderr, "  %6.1f %%  %s\n", 100. * all[i].n / total, all[i].name);
}

/* perf needs a line in a pipe, not its pager. */
static void read_samples(const struct bench *b, struct tally *t)
{
	static const char command[] =
		"perf script -i \"$OCKAM_BENCH_PERF\" -F comm,pid,ip,sym,dso 2>/dev/null";
	char path[PATH_MAX + 16], line[1024];
	size_t stages_n = 0;
	snprintf(path, sizeof path, "%s/perf.data", b->dir);
	setenv("OCKAM_BENCH_PERF", path, 1);
	FILE *f = popen(command, "re");
	while (f && fgets(line, sizeof line, f))
		sample(t, &stages_n, line);
	if (f)
		pclose(f);
	if (!t->total) {
		bench_say("perf took no samples of our processes");
		return;
	}
	fprintf(stderr, "profile of %s, %u samples on CPU\n", b->scenario->name, t->total);
	print("program", t->programs, t->programs_n, t->total, SHOWN);
	print("stage", t->by_stage, stages_n, t->total, STAGES);
	print("symbol", t->rows, t->rows_n, t->total, SHOWN);
}

/* It has begun when its file is there. 0: perf cannot. */
static pid_t perf_start(const struct bench *b)
{
	char program[PATH_MAX], file[PATH_MAX + 16];
	char *argv[] = {
		program, "record", "-q", "-e", "cpu-clock", "-F", "997", "-a", "-o", file, NULL};
	if (proc_find("perf", program, sizeof program) < 0) {
		bench_say("no profile: there is no program perf (package linux-perf)");
		return 0;
	}
	snprintf(file, sizeof file, "%s/perf.data", b->dir);
	pid_t pid = proc_start(argv);
	for (unsigned i = 0; pid > 0 && i < START_TRIES && access(file, F_OK) < 0; i++) {
		sleep_seconds(START_STEP_MS / 1e3);
		if (waitpid(pid, NULL, WNOHANG) == pid)
			pid = 0;
	}
	if (pid <= 0)
		bench_say("no profile: perf may not take samples of all CPUs here");
	return pid > 0 ? pid : 0;
}

/* It writes its file when it is interrupted. */
static void perf_stop(pid_t pid)
{
	kill(pid, SIGINT);
	for (unsigned i = 0; i < STOP_TRIES && waitpid(pid, NULL, WNOHANG) == 0; i++)
		sleep_seconds(STOP_STEP_MS / 1e3);
}

int profile_round(struct bench *b, void *state)
{
	pid_t perf = perf_start(b), roots[] = {getppid(), getpid()};
	struct tally *t = perf ? calloc(1, sizeof *t) : NULL;
	if (perf)
		bench_say("%s: a round with perf", b->scenario->name);
	b->warming = true;
	int rc = perf ? b->scenario->ops->round(b, state) : 0;
	b->warming = false;
	if (t) {
		take_pid(t, roots[1]);
		tree_descendants(roots, 2, take_pid, t);
	}
	if (perf)
		perf_stop(perf);
	if (t && rc == 0)
		read_samples(b, t);
	free(t);
	return rc;
}
