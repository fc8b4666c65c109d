/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One data plane as ockam-steer sees it: its socket, the programs and maps that were loaded for it,
 * and the devices that these are attached to. Everything is gone when it is freed.
 */
#ifndef OCKAM_STEER_CLIENT_H
#define OCKAM_STEER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

struct client_config {
	uint32_t handle; /* of the node's filters; attach.h */
	uint32_t rows;	 /* how many the maps take */
	bool no_tcx;
	int sock; /* for questions about devices */
};

struct client;

/* Loads, and says so or why not; takes fd. NULL: the other end is closed, or no memory. */
struct client *client_new(const struct client_config *cfg, int fd);
void client_free(struct client *c);
int client_fd(const struct client *c);
/* Answers what has come; false: the other end is closed, or speaks something else. */
bool client_serve(struct client *c);

#endif
