// SPDX-License-Identifier: Apache-2.0
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PACKET_MAX = 1 << 17, BUFFER = 256 << 20, TICK_MS = 50 };

struct tap {
	int fd;
	const char *text;
	uint16_t ports[2];
	struct tap_count app, between;
	atomic_bool stop;
	pthread_t thread;
	uint8_t packet[PACKET_MAX];
};

static bool is_app(const struct tap *t, uint16_t port)
{
	return port == t->ports[0] || port == t->ports[1];
}

static void look(struct tap *t, size_t n)
{
	struct iphdr ip;
	struct tcphdr tcp;
	if (n < sizeof ip)
		return;
	memcpy(&ip, t->packet, sizeof ip);
	size_t at = (size_t)ip.ihl * 4;
	if (ip.version != 4 || ip.protocol != IPPROTO_TCP || n < at + sizeof tcp)
		return;
	memcpy(&tcp, t->packet + at, sizeof tcp);
	at += (size_t)tcp.doff * 4;
	if (n <= at)
		return;
	bool app = is_app(t, ntohs(tcp.source)) || is_app(t, ntohs(tcp.dest));
	struct tap_count *c = app ? &t->app : &t->between;
	c->bytes += n - at;
	c->marked += memmem(t->packet + at, n - at, t->text, strlen(t->text)) != NULL;
}

/* Until it is told to stop and there is nothing more. */
static void *run(void *arg)
{
	struct tap *t = arg;
	for (;;) {
		struct sockaddr_ll from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(
			t->fd, t->packet, sizeof t->packet, 0, (struct sockaddr *)&from, &len);
		/* on the loopback a packet goes by twice, out and in */
		if (n > 0 && from.sll_pkttype != PACKET_OUTGOING)
			look(t, (size_t)n);
		if (n < 0 && errno != EINTR && atomic_load(&t->stop))
			return NULL;
	}
}

static int listen_loopback(int fd)
{
	int size = BUFFER;
	struct timeval tick = {.tv_usec = TICK_MS * 1000};
	struct sockaddr_ll lo = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("lo")};
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick) < 0)
		return -errno;
	return bind(fd, (struct sockaddr *)&lo, sizeof lo) < 0 ? -errno : 0;
}

int tap_open(struct tap **out, const char *text, const uint16_t ports[static 2])
{
	struct tap *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->text = text;
	memcpy(t->ports, ports, sizeof t->ports);
	t->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = t->fd < 0 ? -errno : listen_loopback(t->fd);
	if (rc == 0)
		rc = -pthread_create(&t->thread, NULL, run, t);
	if (rc == 0) {
		*out = t;
		return 0;
	}
	if (t->fd >= 0)
		close(t->fd);
	free(t);
	return rc;
}

void tap_close(struct tap *t, struct tap_count *app, struct tap_count *between)
{
	atomic_store(&t->stop, true);
	pthread_join(t->thread, NULL);
	*app = t->app;
	*between = t->between;
	close(t->fd);
	free(t);
}
