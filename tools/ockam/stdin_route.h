/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A route argument that starts with `-/`, ends with `/-` or has `/-/` inside takes one line from
 * stdin in place of `-`, so that commands can be joined by pipes. Only route arguments are looked
 * at.
 */
#ifndef OCKAM_STDIN_ROUTE_H
#define OCKAM_STDIN_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

bool stdin_route_wanted(const char *text);
/* The route as it stands on the command line, with any line in place of `-`: 0, or -EINVAL and why.
 */
int stdin_route_check(const char *text, char *why, size_t cap);
/*
 * Puts `line` in place of `-`. 0; -ENODATA the line is empty or blank; -EBADMSG the line is not a
 * route (why says what is wrong); -ENAMETOOLONG.
 */
int stdin_route_join(
	const char *text, const char *line, char *dst, size_t dst_cap, char *why, size_t cap);
/* One line of at most cap - 1 bytes from fd, without its end. Length, or negative errno
 * (-EMSGSIZE). */
int stdin_route_read(int fd, char *dst, size_t cap);

#endif
