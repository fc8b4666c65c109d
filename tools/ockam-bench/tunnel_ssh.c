// SPDX-License-Identifier: Apache-2.0
/* ssh -L to an sshd of our own, and ssh -J by way of another, with aes128-gcm. */
#include "proc.h"
#include "socket.h"
#include "tunnel.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static int keygen(const char *dir, const char *name)
{
	char program[PATH_MAX], path[PATH_MAX + 16];
	char *argv[] = {program, "-q", "-t", "ed25519", "-N", "", "-f", path, NULL};
	struct proc_result r;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (access(path, F_OK) == 0)
		return 0;
	int rc = proc_find("ssh-keygen", program, sizeof program);
	if (rc == 0)
		rc = proc_run(argv, NULL, 0, &r);
	return rc < 0 ? rc : r.status ? -EIO : 0;
}

static int server_config(const char *dir, const char *name, uint16_t port, uint16_t to)
{
	return tunnel_write(dir, name,
		"ListenAddress 127.0.0.1:%u\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\n"
		"PidFile none\nStrictModes no\nUsePAM no\nUseDNS no\nLogLevel QUIET\n"
		"PermitRootLogin prohibit-password\nPasswordAuthentication no\n"
		"KbdInteractiveAuthentication no\nPermitOpen 127.0.0.1:%u\n"
		"Ciphers aes128-gcm@openssh.com\n",
		port, dir, dir, to);
}

/* As root, sshd insists on a directory /run/sshd: it gets a /run of its own. */
static int server(struct tunnel *t, const char *dir, const char *name, uint16_t port, uint16_t to)
{
	char config[PATH_MAX + 32], sshd[PATH_MAX];
	int rc = server_config(dir, name, port, to);
	if (rc == 0)
		rc = proc_find("sshd", sshd, sizeof sshd);
	if (rc < 0)
		return rc;
	snprintf(config, sizeof config, "%s/%s", dir, name);
	if (geteuid() != 0) {
		const char *argv[] = {"sshd", "-D", "-f", config, NULL};
		return tunnel_start(t, argv);
	}
	const char *argv[] = {"unshare", "-m", "sh", "-c",
		"mount -t tmpfs none /run && mkdir /run/sshd && exec \"$0\" -D -f \"$1\"", sshd,
		config, NULL};
	return tunnel_start(t, argv);
}

static int host_config(const char *dir, char *text, size_t cap, const char *host, uint16_t port)
{
	const struct passwd *me = getpwuid(geteuid());
	int n = snprintf(text, cap,
		"Host %s\n  HostName 127.0.0.1\n  Port %u\n  User %s\n  IdentityFile %s/user\n"
		"  IdentitiesOnly yes\n  IdentityAgent none\n  BatchMode yes\n"
		"  UserKnownHostsFile %s/known\n  GlobalKnownHostsFile /dev/null\n"
		"  HostKeyAlias bench\n  StrictHostKeyChecking yes\n  Compression no\n"
		"  Ciphers aes128-gcm@openssh.com\n  ControlPath none\n"
		"  ExitOnForwardFailure yes\n",
		host, port, me ? me->pw_name : "root", dir, dir);
	return n < 0 || (size_t)n >= cap ? -E2BIG : n;
}

/* The host key that the client expects, and nothing of the user's own. */
static int client_config(const char *dir, uint16_t far, uint16_t jump)
{
	char text[4096], key[512] = "", path[PATH_MAX + 16];
	snprintf(path, sizeof path, "%s/host.pub", dir);
	FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	int rc = fgets(key, sizeof key, f) ? 0 : -EIO;
	fclose(f);
	if (rc == 0)
		rc = tunnel_write(dir, "known", "bench %s", key);
	if (rc == 0)
		rc = host_config(dir, text, sizeof text, "far", far);
	int len = rc;
	if (rc >= 0 && jump)
		rc = host_config(dir, text + len, sizeof text - (size_t)len, "jump", jump);
	return rc < 0 ? rc : tunnel_write(dir, "ssh_config", "%s", text);
}

static int client(struct tunnel *t, const char *dir)
{
	char config[PATH_MAX + 16], forward[64];
	const char *argv[10] = {"ssh", "-F", config, "-N", "-L", forward};
	unsigned n = 6;
	t->port = tunnel_free_port();
	snprintf(config, sizeof config, "%s/ssh_config", dir);
	snprintf(forward, sizeof forward, "127.0.0.1:%u:127.0.0.1:%u", t->port, t->target);
	if (t->relayed) {
		argv[n++] = "-J";
		argv[n++] = "jump";
	}
	argv[n] = "far";
	return tunnel_start(t, argv);
}

/* An ssh that comes before its sshd listens gives up. */
static int wait_listening(uint16_t port)
{
	for (unsigned i = 0; i < 500; i++) {
		int fd = socket_connect(port);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
		sleep_seconds(.01);
	}
	return -ETIMEDOUT;
}

static int open_ssh(struct bench *b, struct tunnel *t)
{
	char dir[PATH_MAX];
	uint16_t far = tunnel_free_port(), jump = t->relayed ? tunnel_free_port() : 0;
	int rc = tunnel_dir(b, t, dir, sizeof dir);
	if (rc == 0)
		rc = keygen(dir, "host");
	if (rc == 0)
		rc = keygen(dir, "user");
	if (rc == 0)
		rc = server(t, dir, "sshd_config", far, t->target);
	if (rc == 0 && jump)
		rc = server(t, dir, "sshd_config.jump", jump, far);
	if (rc == 0)
		rc = wait_listening(far);
	if (rc == 0 && jump)
		rc = wait_listening(jump);
	if (rc == 0)
		rc = client_config(dir, far, jump);
	return rc < 0 ? rc : client(t, dir);
}

const struct tunnel_kind tunnel_ssh = {"ssh", {"ssh -L, aes128-gcm", "ssh -J, aes128-gcm"},
	{"ssh", "sshd", "ssh-keygen", "unshare"}, open_ssh};
