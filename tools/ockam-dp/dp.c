// SPDX-License-Identifier: Apache-2.0
#include "dp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int dp_fail(const struct dp *d, int code, const char *fmt, ...)
{
	va_list ap;
	fflush(stdout);
	fputs(d->where ? d->where : "ockam-dp", stderr);
	fputs(": ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

int dp_code(int error)
{
	switch (error) {
	case -ENOENT:
		return DP_NOT_FOUND;
	case -EPERM:
	case -EACCES:
		return DP_REFUSED;
	case -EBUSY:
	case -EALREADY:
		return DP_BUSY;
	case -EINVAL:
	case -EOPNOTSUPP:
		return DP_USAGE;
	case -ENOMEM:
		return DP_INTERNAL;
	case -EUCLEAN:
	case -EBADMSG:
		return DP_DATA;
	default:
		return DP_IO;
	}
}
