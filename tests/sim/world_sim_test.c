// SPDX-License-Identifier: Apache-2.0
/*
 * world_sim_test [--first SEED] [--seeds N] [--nodes N] [--jobs N] [--trace]: N random worlds, each
 * from its seed alone, in --jobs processes. A world that fails, or ends the process, is named with
 * its seed; --trace shows every frame and log line of it. First, without --trace: a world that is
 * run twice goes the same way.
 */
#include "world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64 };

/* One per job, in memory that parent and child share. */
struct job {
	uint64_t next;	  /* seed that is being run, or will be */
	uint64_t running; /* 0: none */
	unsigned long worlds, failed, asks, succeeded;
	pid_t pid;
};

static struct {
	uint64_t first, seeds;
	unsigned nodes, jobs;
	bool trace;
} opt = {.first = 1, .seeds = 100, .jobs = 1};

static void say_failed(uint64_t seed, const char *what)
{
	printf("FAILED: seed %llu: %s\n  again: ./dev sim --first %llu --seeds 1",
		(unsigned long long)seed, what, (unsigned long long)seed);
	if (opt.nodes)
		printf(" --nodes %u", opt.nodes);
	printf(" --trace\n");
	fflush(stdout);
}

static void run_job(struct job *j)
{
	struct world_result r;
	while (j->next < opt.first + opt.seeds) {
		j->running = j->next;
		j->next += opt.jobs;
		world_run(j->running, opt.nodes, opt.trace, &r);
		if (r.fault[0]) {
			j->failed++;
			say_failed(j->running, r.fault);
		}
		j->worlds++;
		j->asks += r.asks;
		j->succeeded += r.succeeded;
	}
	j->running = 0;
}

static void start(struct job *j)
{
	fflush(stdout);
	j->pid = fork();
	if (j->pid == 0) {
		run_job(j);
		exit(0);
	}
	if (j->pid < 0)
		abort();
}

/* Waits for the jobs; one that broke off goes on behind the world that broke it. */
static void wait_for(struct job *jobs)
{
	int status;
	for (pid_t pid; (pid = wait(&status)) > 0 || errno == EINTR;)
		for (unsigned i = 0; i < opt.jobs; i++) {
			struct job *j = &jobs[i];
			if (j->pid != pid || (!status && !j->running))
				continue;
			char what[64];
			snprintf(what, sizeof what, "the process ended with status %#x", status);
			say_failed(j->running, what);
			j->failed++;
			j->worlds++;
			start(j);
		}
}

/* A world that nobody ran is none that passed. */
static bool all_ran(const struct job *sum)
{
	if (sum->worlds == opt.seeds)
		return true;
	printf("FAILED: %lu worlds were run, %llu were asked for\n", sum->worlds,
		(unsigned long long)opt.seeds);
	return false;
}

static bool same_twice(uint64_t seed)
{
	struct world_result a, b;
	world_run(seed, opt.nodes, false, &a);
	world_run(seed, opt.nodes, false, &b);
	if (a.history == b.history)
		return true;
	say_failed(seed, "it goes another way the second time");
	return false;
}

static void parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "0";
		if (!strcmp(argv[i], "--trace")) {
			opt.trace = true;
			continue;
		}
		i++;
		if (!strcmp(argv[i - 1], "--first"))
			opt.first = strtoull(value, NULL, 10);
		else if (!strcmp(argv[i - 1], "--seeds"))
			opt.seeds = strtoull(value, NULL, 10);
		else if (!strcmp(argv[i - 1], "--nodes"))
			opt.nodes = (unsigned)strtoul(value, NULL, 10);
		else if (!strcmp(argv[i - 1], "--jobs"))
			opt.jobs = (unsigned)strtoul(value, NULL, 10);
		else
			exit(2);
	}
	if (!opt.jobs || opt.jobs > JOBS_MAX || opt.nodes > WORLD_NODES_MAX || opt.nodes == 1 ||
		opt.nodes == 2)
		exit(2);
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would hide how a job ended */
	struct job *jobs = mmap(NULL, JOBS_MAX * sizeof *jobs, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (jobs == MAP_FAILED)
		abort();
	struct job sum = {0};
	if (opt.trace) {
		jobs[0].next = opt.first;
		opt.jobs = 1;
		run_job(&jobs[0]);
	} else {
		for (unsigned i = 0; i < opt.jobs; i++) {
			jobs[i].next = opt.first + i;
			start(&jobs[i]);
		}
		wait_for(jobs);
		for (uint64_t seed = opt.first;
			seed < opt.first + 3 && seed < opt.first + opt.seeds; seed++)
			sum.failed += !same_twice(seed);
	}
	for (unsigned i = 0; i < opt.jobs; i++) {
		sum.worlds += jobs[i].worlds;
		sum.failed += jobs[i].failed;
		sum.asks += jobs[i].asks;
		sum.succeeded += jobs[i].succeeded;
	}
	sum.failed += !all_ran(&sum);
	printf("%lu worlds, %lu requests, %lu of them answered with success\n", sum.worlds,
		sum.asks, sum.succeeded);
	printf("%lu passed, %lu failed, 0 skipped\n",
		sum.worlds > sum.failed ? sum.worlds - sum.failed : 0, sum.failed);
	return sum.failed != 0;
}
