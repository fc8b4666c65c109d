/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the program ockam-control share: the loop, the node in it, and where it lives on
 * disk. One instance, made by main.c, used on one thread. The modules below node.h know nothing of it.
 */
#ifndef OCKAM_PROGRAM_H
#define OCKAM_PROGRAM_H

#include "node.h"
#include "node_config.h"
#include "reason.h"

#include <jansson.h>
#include <limits.h>
#include <uv.h>

struct api;
struct dataplane;
struct inlet_gate;
struct loop;
struct tcp_listener;

struct program {
	/* from the command line */
	char home_dir[PATH_MAX];
	char name[WIRE_NAME_MAX + 1];
	char dir[108];			  /* of the sockets: run/NAME, or a temporary node's own */
	char identity[WIRE_NAME_MAX + 1]; /* empty: the default one */
	bool temporary, foreground, ends_with_stdin;
	bool notifies; /* a service manager */
	int ready_fd; /* -1 when it was written */
	unsigned sandbox_missing; /* enum seam_missing */

	/* from the home */
	struct home *home; /* read-only when temporary */
	bool is_default;
	json_t *config;
	struct secret32 static_key;
	int lock_fd;

	uv_loop_t uv;
	struct node *node;
	struct loop *loop;
	struct dataplane *dataplane;
	int steer_fd;	       /* of ockam-steer; -1: there is none, */
	const char *steer_why; /* because of this */
	struct api *api;
	struct tcp_listener *tcp_listeners;
	struct inlet_gate *inlet_gates;
	uint32_t last_listener; /* number on the seam */

	unsigned starting; /* what must be done before the node is ready */
	bool ready;	   /* it was */
	bool adopted;	   /* the data plane was there before */
	struct inlet_socket *inlet_sockets; /* adopted, for whoever restores the inlets */
	bool ending;
	int exit_status;
};

/* Starts the node and runs it to its end: the exit status. The fields of the command line are set.
 */
int program_run(struct program *p);
/* Writes path = dir/file; cut when it does not fit (the directory was checked at start). */
void program_path(const struct program *p, const char *file, char *dst, size_t cap);
/* Start-up steps: ready is reported when as many ended as began. */
void program_begin(struct program *p);
void program_done(struct program *p);
/* Ends the node with this reason: reported to whoever started it when it was not ready yet. */
void program_fail(struct program *p, const struct reason *why);
/* Starts the orderly end; the first status counts. */
void program_end(struct program *p, int status);

#endif
