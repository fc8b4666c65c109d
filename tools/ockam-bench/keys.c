// SPDX-License-Identifier: Apache-2.0
#include "keys.h"

#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_LEN = 32 };

static int run(const char *dir, const char *script)
{
	char sh[PATH_MAX];
	char *argv[] = {sh, "-c", (char *)script, (char *)dir, NULL};
	struct proc_result r;
	int rc = proc_find("sh", sh, sizeof sh);
	if (rc == 0)
		rc = proc_run(argv, NULL, 0, &r);
	return rc < 0 ? rc : r.status ? -EIO : 0;
}

int keys_tls(const char *dir)
{
	return run(dir,
		"cd \"$0\" && umask 077 && [ -e far.pem ] || {\n"
		"new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'\n"
		"openssl req -x509 $new -subj '/CN=bench authority' -keyout ca.key -out ca.pem &&\n"
		"for who in near relay far; do\n"
		"  openssl req -x509 $new -subj \"/CN=$who\" -addext "
		"subjectAltName=IP:127.0.0.1,DNS:localhost \\\n"
		"    -addext basicConstraints=critical,CA:FALSE -CA ca.pem -CAkey ca.key \\\n"
		"    -keyout $who.key -out $who.pem && cat $who.key >>$who.pem || exit 1\n"
		"done; } 2>/dev/null");
}

int keys_shared(const char *dir)
{
	char path[PATH_MAX];
	unsigned char key[KEY_LEN];
	if ((size_t)snprintf(path, sizeof path, "%s/key", dir) >= sizeof path)
		return -ENAMETOOLONG;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	randombytes_buf(key, sizeof key);
	ssize_t n = write(fd, key, sizeof key);
	sodium_memzero(key, sizeof key);
	return close(fd) < 0 ? -errno : n == sizeof key ? 0 : -EIO;
}
