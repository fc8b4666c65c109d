// SPDX-License-Identifier: Apache-2.0
/* Proxies in TCP mode, as Debian ships them: HAProxy, nginx with its stream module, socat. */
#include "tunnel.h"
#include "via.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int open_haproxy(struct bench *b, const struct via_set *s, struct via *v)
{
	char config[PATH_MAX + 32];
	const char *argv[] = {"haproxy", "-db", "-f", config, NULL};
	snprintf(config, sizeof config, "%s/relay-haproxy.cfg", b->dir);
	v->port = tunnel_free_port();
	int rc = tunnel_write(b->dir, "relay-haproxy.cfg",
		"global\n    maxconn 1000\n"
		"defaults\n    mode tcp\n    option splice-auto\n    timeout connect 5s\n"
		"    timeout client 1h\n    timeout server 1h\n"
		"listen relay\n    bind 127.0.0.1:%u\n    server sink 127.0.0.1:%u\n",
		v->port, s->sink_port);
	return rc < 0 ? rc : via_start(v, argv);
}

/* Debian has the module apart. */
static const char *nginx_module(void)
{
	static const char path[] = "/usr/lib/nginx/modules/ngx_stream_module.so";
	return access(path, R_OK) == 0 ? path : NULL;
}

static int open_nginx(struct bench *b, const struct via_set *s, struct via *v)
{
	char config[PATH_MAX + 32];
	const char *argv[] = {"nginx", "-p", b->dir, "-e", "/dev/null", "-c", config, NULL};
	const char *module = nginx_module();
	if (!module) {
		bench_say("%s is left out: nginx has no stream module here", v->kind->name);
		return -ENOENT;
	}
	snprintf(config, sizeof config, "%s/relay-nginx.conf", b->dir);
	v->port = tunnel_free_port();
	int rc = tunnel_write(b->dir, "relay-nginx.conf",
		"load_module %s;\n%sdaemon off;\nworker_processes auto;\npid %s/nginx.pid;\n"
		"events { worker_connections 1024; }\n"
		"stream { server { listen 127.0.0.1:%u; proxy_pass 127.0.0.1:%u; proxy_timeout 1h; "
		"} }\n",
		module, geteuid() == 0 ? "user root;\n" : "", b->dir, v->port, s->sink_port);
	return rc < 0 ? rc : via_start(v, argv);
}

static int open_socat(struct bench *b, const struct via_set *s, struct via *v)
{
	char in[96], out[64];
	const char *argv[] = {"socat", "-b", "65536", in, out, NULL};
	v->port = tunnel_free_port();
	snprintf(in, sizeof in, "TCP-LISTEN:%u,bind=127.0.0.1,reuseaddr,fork,backlog=512,nodelay",
		v->port);
	snprintf(out, sizeof out, "TCP:127.0.0.1:%u,nodelay", s->sink_port);
	return via_start(v, argv);
}

const struct via_kind via_haproxy = {
	"HAProxy, TCP mode", VIA_TCP, VIA_PLAIN, "haproxy", open_haproxy};
const struct via_kind via_nginx = {
	"nginx stream", VIA_TCP, VIA_PLAIN, "nginx", open_nginx, .forks = true};
const struct via_kind via_socat = {"socat", VIA_TCP, VIA_PLAIN, "socat", open_socat, .forks = true};
