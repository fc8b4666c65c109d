/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that the benchmark starts, and what the kernel knows about a process. Errors are
 * negative errno. Only what was started here is ever ended.
 */
#ifndef OCKAM_BENCH_PROC_H
#define OCKAM_BENCH_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One command that has ended. */
struct proc_result {
	int status;	  /* its exit status; 128 + signal */
	uint64_t wall_ns; /* fork to reaped */
	uint64_t cpu_ns;  /* its own, and of those of its children that it waited for */
};

/* Runs a command to its end, its standard output (at most cap - 1 bytes, NUL-terminated, the last
 * newline cut) in `out`. 0 when it could be started, whatever its status. */
int proc_run(char *const argv[], char *out, size_t cap, struct proc_result *r);
/* Starts one in the background, its output thrown away, in a session of its own, as nodes are: the
 * scheduler shares the CPU between sessions first. Its pid. */
pid_t proc_start(char *const argv[]);
/* Ends (SIGTERM, then SIGKILL) and reaps a child; 0 and less are ignored. */
void proc_stop(pid_t pid);
/* The full path of a program of $PATH, also in the sbin directories; -ENOENT. */
int proc_find(const char *name, char *dst, size_t cap);

/* CPU time of all threads that live, in ns; 0: unknown. */
uint64_t proc_cpu_ns(pid_t pid);
/* Voluntary context switches of all threads: how often each fell asleep, and so woke up. */
uint64_t proc_sleeps(pid_t pid);
/* Resident memory and proportional share of it, in KiB; 0: unknown. */
uint64_t proc_rss_kib(pid_t pid);
uint64_t proc_pss_kib(pid_t pid);

#endif
