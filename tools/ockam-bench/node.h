/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real nodes in a home of our own. The home in use is the environment's OCKAM_HOME, set here.
 * Errors are negative errno, after a sentence on standard error.
 */
#ifndef OCKAM_BENCH_NODE_H
#define OCKAM_BENCH_NODE_H

#include "bench.h"
#include "proc.h"

struct node_info {
	pid_t control, dataplane;
	uint16_t port, udp_port; /* of its listeners */
};

/* Makes `name` below the temporary directory the home in use. */
int node_home(const struct bench *b, const char *name);
/* Runs the command with these arguments (NULL-terminated); fails when it does. `out`: what it
 * printed, at most cap - 1 bytes; `r` may be NULL. */
int node_command(const struct bench *b, const char *const args[], char *out, size_t cap,
	struct proc_result *r);
/* With listeners for TCP and UDP, and transit on this machine. */
int node_create(const struct bench *b, const char *name, struct node_info *info);
/* With further options of the command, up to NULL; NULL: none. */
int node_create_with(const struct bench *b, const char *name, const char *const options[],
	struct node_info *info);
int node_look(const struct bench *b, const char *name, struct node_info *info);
/* How many frames the kernel has forwarded for it, and why not all, if there is a reason. */
int node_kernel_frames(
	const struct bench *b, const char *name, uint64_t *frames, char *why, size_t cap);
/* Ends all nodes of the home in use. */
void node_delete_all(const struct bench *b);
/* CPU time of both processes. */
uint64_t node_cpu_ns(const struct node_info *info);

/* A kept connection to a node's control API. */
int node_api_open(const char *name);
/* A request with a small body, whose answer is 200; the length of that, at most cap. */
int node_api_call(int fd, const char *method, const char *path, const char *type, const void *p,
	size_t len, void *reply, size_t cap);
/* Sends `len` bytes to a service and reads the reply; its length, at most cap. */
int node_api_message(int fd, const char *to, const void *p, size_t len, void *reply, size_t cap);

#endif
