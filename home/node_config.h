/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node is configured to be, so that `node start` can restore it: one row per node, one row
 * per object (listener, relay, ...) that it re-creates, and the names that a relay keeps reserved.
 * `config` is a JSON text that control and the command agree on; home only stores it.
 */
#ifndef OCKAM_NODE_CONFIG_H
#define OCKAM_NODE_CONFIG_H

#include "home.h"
#include "identity.h"

struct node_info {
	char name[65];
	char identity[65]; /* name of the identity it uses */
	bool is_default;
	char *config; /* JSON, freed by node_info_fini */
	struct secret32
		static_key; /* its X25519 secret, made with the node; wiped by node_info_fini */
};

/* Inserts or replaces; a replaced node keeps its static key and default mark and loses its objects.
 * The first node of a home becomes the default. */
int node_store(struct home *h, const char *name, const char *identity, const char *config);
int node_get(struct home *h, const char *name /* NULL: default */, struct node_info *out);
void node_info_fini(struct node_info *n);
int node_each(struct home *h, int (*fn)(void *ctx, const struct node_info *), void *ctx);
int node_set_default(struct home *h, const char *name);
int node_remove(struct home *h,
	const char *name); /* with its objects and reserved names; another becomes default */
/* Changes the JSON alone (e.g. the port that the kernel picked). */
int node_set_config(struct home *h, const char *name, const char *config);

/* Objects: kind is "tcp-listener", "secure-channel-listener", "relay", "tcp-connection", "service".
 */
int node_object_put(
	struct home *h, const char *node, const char *kind, const char *name, const char *json);
int node_object_del(struct home *h, const char *node, const char *kind, const char *name);
int node_object_each(struct home *h, const char *node, const char *kind,
	int (*fn)(void *ctx, const char *name, const char *json), void *ctx);

/* Relay names reserved on `node`: 0 and the owner; -ENOENT. `now` in Unix seconds. */
int relay_name_get(struct home *h, const char *node, const char *name, struct identifier *owner,
	uint64_t *last_used);
int relay_name_put(struct home *h, const char *node, const char *name,
	const struct identifier *owner, uint64_t now);
int relay_name_del(struct home *h, const char *node, const char *name);

/*
 * run/NAME/ of live nodes, without the database: `pid` holds the control process's id and is locked
 * (run_lock.h) while it lives, `dataplane.pid` the same of its data plane; `listeners` holds one
 * canonical route per line, loopback addresses first; `failed` says why the node gave up.
 */
enum node_status {
	NODE_STOPPED,
	NODE_RUNNING,
	NODE_ENDING,	   /* control lives, and was told to end */
	NODE_CONTROL_DOWN, /* only the data plane lives */
	NODE_FAILED,	   /* its data plane ended again and again */
};
/* *pid is that of control; 0 for one that does not run, or that has not got to writing it. */
enum node_status node_status(const char *home_dir, const char *name, int *pid);
/* The word that lists show. */
const char *node_status_word(enum node_status status);
/* The data plane's process: 0 when none lives, -1 when its number is not known. */
int node_dataplane_pid(const char *home_dir, const char *name);
/* Why the node failed, one line; or negative errno. */
int node_failed_reason(const char *home_dir, const char *name, char *dst, size_t cap);
int node_set_failed(const char *home_dir, const char *name, const char *why);
void node_clear_failed(const char *home_dir, const char *name);
/* First line of `listeners` of a running node as a route text; -ENOENT no such node, -ESRCH not
 * running, -ENODATA it has no listener (yet). */
int node_listener(const char *home_dir, const char *name, char *dst, size_t cap);
/* Calls fn with each listener line of each running node. */
int node_listeners_each(
	const char *home_dir, int (*fn)(void *ctx, const char *node, const char *route), void *ctx);
/* Writes run/NAME/listeners (atomically). */
int node_publish_listeners(
	const char *home_dir, const char *name, const char *const *routes, unsigned n);
/* Writes run/NAME/pid, making the directory, and locks it: the fd that holds the lock, or -EEXIST
 * when another process does. A node that had failed has not any more. */
int node_lock(const char *home_dir, const char *name);
/* Its holder is about to end. */
void node_lock_ending(int fd);
/* The lock of the data plane, which inherits it: fd, -EEXIST while another one lives. */
int node_dataplane_lock(const char *home_dir, const char *name);
int node_dataplane_publish(int fd, int pid);

#endif
