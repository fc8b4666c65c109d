// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include "attach.h"
#include "fd_pass.h"
#include "log.h"
#include "steer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <udp_relay.skel.h> /* generated */

enum { DEVICES_MAX = 256 };

struct client {
	struct client_config cfg;
	int fd;
	struct udp_relay_bpf *programs;
	unsigned n; /* devices with a filter; those with a link are the data plane's */
	uint32_t devices[DEVICES_MAX];
};

static struct steer_answer answer_of(int error, const char *what)
{
	struct steer_answer a = {.error = error};
	if (error)
		snprintf(a.why, sizeof a.why, "%s: %s", what, strerror(-error));
	return a;
}

static int load(struct client *c)
{
	c->programs = udp_relay_bpf__open();
	if (!c->programs)
		return -errno;
	bpf_map__set_max_entries(c->programs->maps.rows, c->cfg.rows);
	bpf_map__set_max_entries(c->programs->maps.counts, c->cfg.rows);
	int rc = udp_relay_bpf__load(c->programs);
	if (rc < 0) {
		udp_relay_bpf__destroy(c->programs);
		c->programs = NULL;
	}
	return rc;
}

/* The first answer. */
static int greet(struct client *c)
{
	int rc = load(c);
	struct steer_answer a = answer_of(rc, "the kernel refuses the relay program");
	if (rc < 0) {
		log_warn("%s", a.why);
		return fd_pass_send(c->fd, &a, sizeof a, NULL, 0);
	}
	a.cpus = (uint32_t)libbpf_num_possible_cpus();
	int fds[STEER_MAPS] = {
		[STEER_ROWS] = bpf_map__fd(c->programs->maps.rows),
		[STEER_COUNTS] = bpf_map__fd(c->programs->maps.counts),
		[STEER_REASONS] = bpf_map__fd(c->programs->maps.reasons),
	};
	return fd_pass_send(c->fd, &a, sizeof a, fds, STEER_MAPS);
}

struct client *client_new(const struct client_config *cfg, int fd)
{
	struct client *c = calloc(1, sizeof *c);
	if (!c) {
		close(fd);
		return NULL;
	}
	c->cfg = *cfg;
	c->fd = fd;
	detach_clsact_all(
		cfg->handle); /* of one before it, that ended together with its ockam-steer */
	if (greet(c) == 0)
		return c;
	client_free(c);
	return NULL;
}

void client_free(struct client *c)
{
	for (unsigned i = 0; i < c->n; i++)
		detach_clsact(c->devices[i], c->cfg.handle);
	udp_relay_bpf__destroy(c->programs);
	close(c->fd);
	free(c);
}

int client_fd(const struct client *c)
{
	return c->fd;
}

static unsigned find(const struct client *c, uint32_t ifindex)
{
	unsigned i = 0;
	while (i < c->n && c->devices[i] != ifindex)
		i++;
	return i;
}

static int attach_filter(struct client *c, uint32_t ifindex)
{
	unsigned i = find(c, ifindex);
	if (i < c->n)
		return 0;
	if (c->n == DEVICES_MAX)
		return -ENOSPC;
	int rc = attach_clsact(
		bpf_program__fd(c->programs->progs.udp_relay), ifindex, c->cfg.handle);
	if (rc == 0)
		c->devices[c->n++] = ifindex;
	return rc;
}

/* *link: of tcx, the caller's to close; else -1. */
static struct steer_answer attach(struct client *c, uint32_t ifindex, int *link)
{
	int rc = c->programs ? attach_device_fits(c->cfg.sock, ifindex) : -ENOENT;
	if (rc == -EOPNOTSUPP)
		return answer_of(rc, "the device has no Ethernet header");
	if (rc < 0)
		return answer_of(rc, "no such device");
	rc = c->cfg.no_tcx ? -EINVAL
			   : attach_tcx(bpf_program__fd(c->programs->progs.udp_relay), ifindex);
	if (rc >= 0) {
		*link = rc;
		return (struct steer_answer){.how = STEER_TCX};
	}
	if (rc == -EINVAL)
		rc = attach_filter(c, ifindex);
	struct steer_answer a = answer_of(rc, "the kernel refuses to attach");
	a.how = STEER_CLSACT;
	return a;
}

static struct steer_answer detach(struct client *c, uint32_t ifindex)
{
	unsigned i = find(c, ifindex);
	if (i == c->n)
		return answer_of(0, "");
	int rc = detach_clsact(ifindex, c->cfg.handle);
	c->devices[i] = c->devices[--c->n];
	return answer_of(rc, "the kernel refuses to detach");
}

bool client_serve(struct client *c)
{
	struct steer_request r;
	int fds[FD_PASS_MAX], link = -1, rc = fd_pass_recv(c->fd, &r, sizeof r, fds, false);
	if (rc == -EAGAIN)
		return true;
	if (rc < 0)
		return false;
	for (unsigned i = 0; i < FD_PASS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	struct steer_answer a = r.op == STEER_ATTACH   ? attach(c, r.ifindex, &link)
				: r.op == STEER_DETACH ? detach(c, r.ifindex)
						       : answer_of(-EOPNOTSUPP, "unknown request");
	rc = fd_pass_send(c->fd, &a, sizeof a, &link, link >= 0);
	if (link >= 0)
		close(link);
	return rc == 0;
}
