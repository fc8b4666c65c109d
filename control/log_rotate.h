/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCKAM_LOG_ROTATE_H
#define OCKAM_LOG_ROTATE_H

#include <sys/types.h>

/*
 * When the log that fd writes to has grown beyond max bytes and is the file at `path`: its content
 * goes to path.1 and it begins again. Both planes write to one open file, so it is emptied in
 * place. 1 when it was rotated, 0 when not, negative errno.
 */
int log_rotate(int fd, const char *path, off_t max);

#endif
