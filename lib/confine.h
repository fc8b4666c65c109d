/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process of ours gives up, in the order in which it is called: core dumps and debuggers,
 * capabilities, files (Landlock), system calls (seccomp). Each plane puts its own sandbox together
 * from these in its sandbox.c. All but the filter bind the calling thread and what it starts, so
 * they come before the first thread. A part that the kernel lacks returns a negative errno and
 * leaves the others standing: the caller goes on, and says so once in the log. A build with
 * sanitizers adds the calls and files that these need, and nothing else differs.
 *
 * Source: capabilities(7), landlock(7), seccomp(2).
 */
#ifndef OCKAM_CONFINE_H
#define OCKAM_CONFINE_H

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif

/* No core dump, no debugger of the same user (but under a sanitizer, which is one), and no
 * privileges by execve. */
void confine_hide(void);

bool confine_has(unsigned capability); /* in effect, for this thread */

/* All capability sets are emptied; those of `keep` (1 << CAP_*) that are effective now stay so, for
 * this program and none that it starts. */
int confine_drop_capabilities(uint64_t keep);

/* Below a directory, or of one file. */
enum confine_right {
	CONFINE_READ = 1,
	CONFINE_EXECUTE = 2,
	CONFINE_WRITE = 4,    /* of what is there */
	CONFINE_CREATE = 8,   /* files and directories; and remove them */
	CONFINE_SOCKETS = 16, /* create Unix sockets, remove files */
};
enum confine_reach {
	CONFINE_NO_TCP = 1,	 /* neither bind nor connect */
	CONFINE_NO_ABSTRACT = 2, /* no abstract Unix sockets of others */
};
/* A rule set that allows no file at all: a descriptor, or a negative errno. `reach` as far as the
 * kernel knows it; signals to processes outside are always refused. */
int confine_files_new(unsigned reach);
/* Allows something; a path that is not there is passed over. */
void confine_files_allow(int rules, const char *path, unsigned rights);
/* The libraries that this program has loaded, from wherever they came, may be read, and the loader
 * executed: that is what it takes to start a program like this one. */
void confine_files_allow_libraries(int rules);
/* What of that the kernel does not know. */
enum confine_lack { CONFINE_LACKS_FILES = 1, CONFINE_LACKS_TCP = 2, CONFINE_LACKS_SIGNALS = 4 };
unsigned confine_files_lacks(void);
/* Takes effect; closes `rules`. */
int confine_files_enter(int rules);

/*
 * A filter that answers every call with `otherwise` but for those that are named to it.
 * SCMP_ACT_TRAP logs the number of the call, then ends the process with SIGSYS.
 */
scmp_filter_ctx confine_filter_new(uint32_t otherwise);
/* Calls by SCMP_SYS(); those that this architecture lacks are passed over. */
void confine_filter_add(scmp_filter_ctx f, uint32_t action, const int *calls, size_t n);
/* A call whose arguments decide. */
void confine_filter_if(
	scmp_filter_ctx f, uint32_t action, int call, unsigned n, const struct scmp_arg_cmp *args);
/* Takes effect for all threads of the process; frees f. */
int confine_filter_enter(scmp_filter_ctx f);

#endif
