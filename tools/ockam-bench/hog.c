// SPDX-License-Identifier: Apache-2.0
#include "hog.h"

#include "proc.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static void hog(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (volatile unsigned long i = 0;; i++)
		;
}

int hogs_start(struct hogs *h, unsigned n)
{
	h->n = 0;
	while (h->n < n) {
		pid_t pid = fork();
		if (pid == 0)
			hog();
		if (pid < 0) {
			int rc = -errno;
			hogs_stop(h);
			return rc;
		}
		h->pids[h->n++] = pid;
	}
	return 0;
}

void hogs_stop(struct hogs *h)
{
	for (unsigned i = 0; i < h->n; i++)
		proc_stop(h->pids[i]);
	h->n = 0;
}
