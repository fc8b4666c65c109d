// SPDX-License-Identifier: Apache-2.0
#include "admin_srv.h"
#include "aead.h"
#include "allowance.h"
#include "descriptors.h"
#include "dials.h"
#include "ledger.h"
#include "log.h"
#include "ring.h"
#include "registry.h"
#include "sandbox.h"
#include "seam_srv.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 64,
	EXIT_NO_URING = 78,
	WORKERS_DEFAULT_MAX = 4,
	MEMORY_KEPT = 8 << 20,	 /* at most, of what is free, by each thread */
	LARGE_BLOCK = 256 << 10, /* and more goes back at once */
};

struct options {
	int seam_fd, admin_fd; /* admin_fd -1: nobody looks */
	int steer_fd;		/* -1: none */
	unsigned workers, ring_mask;
};

static const char usage[] =
	"usage: ockam-dataplane --seam-fd N [--admin-fd N] [--steer-fd N] [--workers N] [--uring-mask "
	"FEATURE,...]\n"
	"Started by ockam-control. Features: multishot, buf-ring, defer-taskrun, splice.\n";

static int number(const char *text, int max)
{
	char *end;
	errno = 0;
	long v = strtol(text, &end, 10);
	return errno || end == text || *end || v < 0 || v > max ? -1 : (int)v;
}

static int options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"seam-fd", required_argument, NULL, 's'},
		{"admin-fd", required_argument, NULL, 'a'},
		{"steer-fd", required_argument, NULL, 'k'},
		{"workers", required_argument, NULL, 'w'},
		{"uring-mask", required_argument, NULL, 'm'},
		{"version", no_argument, NULL, 'v'},
		{0},
	};
	const char *mask = getenv("OCKAM_URING_MASK");
	*o = (struct options){.seam_fd = -1, .admin_fd = -1, .steer_fd = -1};
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		int n;
		switch (c) {
		case 's':
			o->seam_fd = number(optarg, INT32_MAX);
			break;
		case 'a':
			o->admin_fd = number(optarg, INT32_MAX);
			if (o->admin_fd < 0)
				return -EINVAL;
			break;
		case 'k':
			o->steer_fd = number(optarg, INT32_MAX);
			break;
		case 'w':
			n = number(optarg, REGISTRY_WORKERS);
			if (n <= 0)
				return -EINVAL;
			o->workers = (unsigned)n;
			break;
		case 'm':
			mask = optarg;
			break;
		case 'v':
			puts("ockam-dataplane " OCKAM_VERSION);
			exit(0);
		default:
			return -EINVAL;
		}
	}
	return o->seam_fd < 0 || optind < argc ? -EINVAL
					       : ring_mask_parse(mask ? mask : "", &o->ring_mask);
}

static unsigned workers_default(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > WORKERS_DEFAULT_MAX ? WORKERS_DEFAULT_MAX : (unsigned)n;
}

/* A terminal's signals reach the whole group; this plane ends with its controller. */
static void signals_ignore(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static void workers_end(struct worker **w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		worker_stop(w[i]);
	for (unsigned i = 0; i < n; i++)
		worker_join(w[i]);
	for (unsigned i = 0; i < n; i++)
		worker_free(w[i]);
}

/*
 * As many as have been asked for, or as there is memory for the rings of: kernels from 6.14 on
 * count those of all processes of a user against RLIMIT_MEMLOCK. How many, or a negative errno.
 */
static int workers_start(struct worker **w, const struct options *o, struct worker_config cfg)
{
	unsigned least = RING_ENTRIES;
	int rc = 0;
	for (cfg.index = 0; cfg.index < o->workers; cfg.index++) {
		rc = worker_start(&w[cfg.index], &cfg);
		if (rc < 0)
			break;
		if (worker_ring_entries(w[cfg.index]) < least)
			least = worker_ring_entries(w[cfg.index]);
	}
	unsigned n = cfg.index, running = 0;
	bool short_of = rc == -ENOMEM && n;
	if (short_of)
		rc = 0;
	while (rc == 0 && running < n && (rc = worker_run(w[running], n)) == 0)
		running++;
	if (rc < 0) {
		for (unsigned i = running; i < n; i++)
			worker_run(w[i], 0); /* one that could not run has ended already */
		workers_end(w, n);
		return rc;
	}
	if (short_of || least < RING_ENTRIES)
		log_warn("memory for rings is short (RLIMIT_MEMLOCK, ulimit -l): %u of %u workers, "
			 "with rings of %u instead of %u entries",
			n, o->workers, least, RING_ENTRIES);
	return (int)n;
}

/* Operators can look, when there is a door for them; NULL: they cannot. */
static struct admin_srv *admin_open(const struct options *o, struct seam_srv *srv)
{
	struct admin_srv *admin = o->admin_fd < 0 ? NULL : admin_srv_new(o->admin_fd);
	if (admin)
		seam_srv_tap(srv, admin_watch_seam, admin_srv_watch(admin));
	else if (o->admin_fd >= 0)
		log_warn("nobody can look at this data plane: %s", strerror(errno));
	return admin;
}

static int run(const struct options *o, unsigned missing)
{
	struct worker *workers[REGISTRY_WORKERS];
	struct serials serials;
	struct ledger *ledger = ledger_new();
	struct dials *dials = dials_new();
	struct limits limits;
	limits_init(&limits);
	struct allowances *allowances = allowances_new(&limits);
	uint64_t seed;
	int rc;
	struct kernel_path *kernel = kernel_path_new(o->steer_fd);
	if (!kernel || !ledger || !dials || !allowances || getrandom(&seed, sizeof seed, 0) != sizeof seed) {
		log_error("cannot start: %s", strerror(errno));
		ledger_free(ledger);
		dials_free(dials);
		allowances_free(allowances);
		kernel_path_free(kernel);
		return 1;
	}
	serials_init(&serials);
	struct seam_srv *srv =
		seam_srv_new(o->seam_fd, o->workers, seed, &serials, ledger, dials, &limits);
	if (!srv) {
		log_error("cannot serve the seam: %s", strerror(errno));
		ledger_free(ledger);
		dials_free(dials);
		allowances_free(allowances);
		kernel_path_free(kernel);
		return 1;
	}
	struct admin_srv *admin = admin_open(o, srv);
	const struct worker_config cfg = {.ring_mask = o->ring_mask,
		.seed = seed,
		.serials = &serials,
		.ledger = ledger,
		.dials = dials,
		.allowances = allowances,
		.kernel = kernel,
		.seam = seam_srv_seam(srv),
		.admin = admin ? admin_srv_admin(admin) : NULL,
		.all = workers};
	seam_srv_kernel(srv, kernel);
	rc = workers_start(workers, o, cfg);
	if (rc == -ENOSYS || rc == -EPERM || rc == -EACCES) {
		log_error("this system does not allow io_uring (%s), which the data plane needs",
			strerror(-rc));
		rc = EXIT_NO_URING;
	} else if (rc == -ENOMEM) {
		log_error("no memory for even one worker: is RLIMIT_MEMLOCK (ulimit -l) too low, "
			  "or used "
			  "up by other processes of this user?");
		rc = 1;
	} else if (rc < 0) {
		log_error("cannot start a worker: %s", strerror(-rc));
		rc = 1;
	} else {
		unsigned n = (unsigned)rc;
		bool served = admin && admin_srv_start(admin, workers, n) == 0;
		missing |= worker_ring_restricted(workers[0]) ? 0 : SEAM_NO_RING;
		missing |= sandbox_close();
		seam_srv_started(srv, n, missing);
		rc = seam_srv_run(srv, workers);
		if (rc < 0)
			log_error("no controller: %s", strerror(-rc));
		rc = rc < 0;
		if (served)
			admin_srv_stop(admin);
		workers_end(workers, n);
	}
	admin_srv_free(admin);
	seam_srv_free(srv);
	serials_fini(&serials);
	ledger_free(ledger);
	dials_free(dials);
	allowances_free(allowances);
	kernel_path_free(kernel);
	return rc;
}

/*
 * What waits for an egress that is behind comes and goes in milliseconds. The C library would give
 * the memory back each time and have the kernel clear it again, which costs more than all else that
 * is done for a small frame.
 */
static void memory_keep(void)
{
	mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
}

int main(int argc, char **argv)
{
	struct options o;
	log_init_env(2, LOG_WARN, "ockam-dataplane");
	if (options_parse(&o, argc, argv) < 0) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (!o.workers)
		o.workers = workers_default();
	memory_keep();
	descriptors_raise();
	signals_ignore();
	aead_init();
	return run(&o, sandbox_begin());
}
