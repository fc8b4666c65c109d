// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

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
	return json_pack("{s:s, s:i, s:s, s:s, s:f, s:s, s:s, s:s}", "cpu", cpu, "cpus",
		(int)sysconf(_SC_NPROCESSORS_ONLN), "kernel", u.release, "congestion_control",
		congestion, "load", load, "build", BENCH_BUILD, "date", date, "version",
		OCKAM_VERSION);
}
