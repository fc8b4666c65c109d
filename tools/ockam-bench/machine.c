// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include "bench.h"
#include "place.h"
#include "proc.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define BUSY_SECONDS .5
#define BUSY_WARN .1

/* What others are asked for their version with; the first line of what they say that begins with
 * `line`. */
static const struct peer {
	const char *program, *ask, *line;
} peers[] = {
	{"haproxy", "haproxy -v", "HAProxy"},
	{"nginx", "nginx -v", "nginx"},
	{"socat", "socat -V", "socat version"},
	{"turnserver", "turnserver --version", ""},
	{"ssh", "ssh -V", "OpenSSH"},
	{"stunnel", "stunnel -version", "stunnel"},
	{"spiped", "spiped -v", "spiped"},
	{"openssl", "openssl version", "OpenSSL"},
};

static void cpu_model(char *dst, size_t cap)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "re");
	snprintf(dst, cap, "unknown");
	while (f && fgets(line, sizeof line, f)) {
		char *v = strchr(line, ':');
		if (strncmp(line, "model name", 10) || !v)
			continue;
		v[strcspn(v, "\n")] = 0;
		snprintf(dst, cap, "%s", v + 2);
		break;
	}
	if (f)
		fclose(f);
}

/* Some say it on standard output, some on standard error, some behind other things. */
static bool version_of(const struct peer *p, char *dst, size_t cap)
{
	char program[PATH_MAX], script[256], said[4096], *save = NULL;
	char *argv[] = {"/bin/sh", "-c", script, NULL};
	struct proc_result r;
	if (proc_find(p->program, program, sizeof program) < 0)
		return false;
	snprintf(script, sizeof script, "PATH=$PATH:/usr/sbin:/sbin; %s 2>&1", p->ask);
	if (proc_run(argv, said, sizeof said, &r) < 0)
		return false;
	for (char *line = strtok_r(said, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *at = strstr(line, p->line);
		if (!at)
			continue;
		snprintf(dst, cap, "%s", at);
		return true;
	}
	return false;
}

static json_t *peers_json(void)
{
	char version[160];
	json_t *all = json_object();
	for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
		if (version_of(&peers[i], version, sizeof version))
			json_object_set_new(all, peers[i].program, json_string(version));
	return all;
}

/* What others use of the CPUs while we do nothing. */
static double busy_share(void)
{
	uint64_t start = now_ns(), busy = machine_busy_ns();
	sleep_seconds(BUSY_SECONDS);
	busy = machine_busy_ns() - busy;
	double share =
		(double)busy / (double)(now_ns() - start) / (double)sysconf(_SC_NPROCESSORS_ONLN);
	share = share < 0 ? 0 : share > 1 ? 1 : share;
	if (share > BUSY_WARN)
		bench_say("others use %.0f %% of this machine's CPUs: only ratios within a round "
			  "mean anything, and "
			  "they less",
			100 * share);
	return share;
}

json_t *machine_json(void)
{
	char cpu[128], congestion[32], date[32];
	double load = 0;
	struct utsname u = {0};
	time_t now = time(NULL);
	cpu_model(cpu, sizeof cpu);
	place_congestion(congestion, sizeof congestion);
	strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
	uname(&u);
	if (getloadavg(&load, 1) != 1)
		load = -1;
	return json_pack("{s:s, s:i, s:s, s:s, s:f, s:f, s:s, s:s, s:s, s:s, s:o}", "cpu", cpu,
		"cpus", (int)sysconf(_SC_NPROCESSORS_ONLN), "kernel", u.release,
		"congestion_control", congestion, "load", load, "busy", busy_share(), "build",
		BENCH_BUILD, "date", date, "version", OCKAM_VERSION, "revision", bench_revision,
		"peers", peers_json());
}

uint64_t machine_busy_ns(void)
{
	unsigned long long idle = 0, wait = 0;
	FILE *f = fopen("/proc/stat", "re");
	if (!f)
		return 0;
	if (fscanf(f, "cpu %*u %*u %*u %llu %llu", &idle, &wait) != 2)
		idle = wait = 0;
	fclose(f);
	uint64_t tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	return now_ns() * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) - (idle + wait) * tick;
}
