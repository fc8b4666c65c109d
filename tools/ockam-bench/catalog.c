// SPDX-License-Identifier: Apache-2.0
/*
 * All scenarios in one table: what stands where, what it is loaded with, what is checked before a
 * figure counts, who takes part, what is taken, and which ratios decide whether there were rounds
 * enough. What is measured and not declared here ends the program.
 */
#include "bench.h"
#include "catalog.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define METRICS(...) ((const struct metric[]){__VA_ARGS__, {0}})
#define RATIOS(...) ((const struct ratio[]){__VA_ARGS__, {.decides = false}})
#define MORE BETTER_HIGHER
#define LESS BETTER_LOWER
#define AT_LEAST(x) GOAL_AT_LEAST, x
#define AT_MOST(x) GOAL_AT_MOST, x
#define NO_GOAL GOAL_NONE, 0
#define DECIDES true

static const struct scenario seal = {
	.name = "seal",
	.help = "sealing frames in batches of 16, per library and size, beside memcpy",
	.topology = "one thread",
	.load = "the same 16 frames of 64 to 60000 bytes, by CPU time of the thread",
	.checked = "what one library seals another opens, and a byte changed is noticed",
	.contestants = LIST("memcpy", "ipsec-mb AES-256-GCM", "ipsec-mb ChaCha20-Poly1305",
		"libsodium AES-256-GCM", "libsodium ChaCha20-Poly1305"),
	.metrics = METRICS({"sealed", "GB/s", MORE}),
	.ratios = RATIOS({{"ipsec-mb AES-256-GCM", "sealed, 1400 B"},
				 {"libsodium AES-256-GCM", "sealed, 1400 B"}, NO_GOAL, DECIDES},
		{{"ipsec-mb AES-256-GCM", "sealed, 60000 B"}, {"memcpy", "sealed, 60000 B"},
			NO_GOAL}),
	.seconds = .1,
	.ops = &seal_ops,
};

static const struct scenario handshake = {
	.name = "handshake",
	.help = "XX handshakes with all proofs, both ends in one thread, beside the bare "
		"operations",
	.topology = "one thread; then two nodes, with and without a relay node between; loopback",
	.load = "one handshake after the other, by CPU time; channels that a node opens and "
		"closes, one after the other",
	.checked = "both ends have the same keys and know each other; every channel has an address",
	.contestants = LIST("bare curve and signature operations", "XX with AES-256-GCM",
		"XX with ChaCha20-Poly1305", "channel over TCP", "channel over UDP"),
	.ours = LIST("XX with", "channel"),
	.metrics =
		METRICS({"both ends", "handshakes/s and core", MORE}, {"time to open", "us", LESS}),
	.ratios = RATIOS({{"XX with AES-256-GCM", "both ends"},
				 {"bare curve and signature operations", "both ends"}, AT_LEAST(.8),
				 DECIDES},
		{{"channel over UDP", "time to open, p50"},
			{"channel over TCP", "time to open, p50"}, NO_GOAL}),
	.seconds = .5,
	.ops = &handshake_ops,
};

static const struct scenario message = {
	.name = "message",
	.help = "a message and its reply through a channel, without and with a relay, beside bare "
		"TCP",
	.topology = "two nodes, with and without a relay node between; loopback, cubic",
	.load = "64 bytes there and back, one after the other, over a kept API connection",
	.checked = "every reply is the message",
	.contestants = LIST("bare TCP", "message", "message over UDP"),
	.ours = LIST("message"),
	.metrics = METRICS({"round trip of 64 B", "us", LESS},
		{"CPU of what is between, per round trip", "us", LESS}),
	.ratios =
		RATIOS({{"message, one relay node", "round trip of 64 B, p50"},
			       {"message, no relay", "round trip of 64 B, p50"}, NO_GOAL, DECIDES},
			{{"message over UDP, no relay", "round trip of 64 B, p50"},
				{"message, no relay", "round trip of 64 B, p50"}, NO_GOAL}),
	.seconds = .5,
	.ops = &message_ops,
};

#define RELAY_RATIO(size)                                                                          \
	{{"relay node, 1 path", "throughput, " size}, {"HAProxy, TCP mode", "throughput, " size},  \
		AT_LEAST(1.2), DECIDES},                                                           \
	{                                                                                          \
		{"relay node, 64 paths", "throughput, " size},                                     \
			{"HAProxy, TCP mode", "throughput, " size}, AT_LEAST(1.2)                  \
	}

static const struct scenario forward = {
	.name = "forward",
	.help = "a relay node fed with frames, beside no relay, a splice relay and HAProxy",
	.topology = "source, relay, sink; a connection from each to the next; loopback, cubic",
	.load = "a source that never rests and heeds PAUSE, a sink that throws away; then one "
		"frame to and fro",
	.checked = "numbered frames before each load arrive whole and in order, path by path",
	.contestants = LIST("no relay", "splice relay", "HAProxy, TCP mode", "relay node"),
	.ours = LIST("relay node"),
	.metrics = METRICS({"throughput", "Gbit/s", MORE}, {"frames", "M/s", MORE},
		{"relay's CPU", "s/GiB", LESS}, {"CPU with source and sink", "s/GiB", LESS},
		{"CPU of the machine", "s/GiB", LESS}, {"round trip of a 64 B frame", "us", LESS},
		{"relay's CPU per round trip", "us", LESS}),
	.ratios = RATIOS(RELAY_RATIO("64 B"), RELAY_RATIO("256 B"), RELAY_RATIO("1400 B"),
		RELAY_RATIO("16384 B"), RELAY_RATIO("60000 B"),
		{{"relay node", "round trip of a 64 B frame, p50"},
			{"HAProxy, TCP mode", "round trip of a 64 B frame, p50"}, AT_MOST(1.2),
			DECIDES}),
	.seconds = .3,
	.ops = &forward_ops,
};

#define TO_HAPROXY(who, size, goal)                                                                \
	{                                                                                          \
		{who, "throughput, " size}, {"HAProxy, TCP mode", "throughput, " size}, goal       \
	}
#define TO_COTURN(size)                                                                            \
	{                                                                                          \
		{"relay node over UDP, 1 path", "throughput, " size},                              \
			{"coturn", "throughput, " size}, AT_LEAST(5), DECIDES                      \
	}
#define CPU_TO_HAPROXY(who, size)                                                                  \
	{                                                                                          \
		{who, "CPU of the machine, " size},                                                \
			{"HAProxy, TCP mode", "CPU of the machine, " size}, AT_MOST(1)             \
	}

static const struct scenario relay = {
	.name = "relay",
	.help = "relay nodes over TCP and UDP with 1, 16 and 256 paths, beside proxies, a TURN "
		"server and none",
	.topology = "source, relay, sink; a link from each to the next; loopback, cubic",
	.load = "a source that never rests, a sink that throws away; one frame to and fro, alone "
		"and on 100 paths "
		"beside bulk on another link",
	.checked = "numbered frames before each load arrive whole and in order, path by path; over "
		   "TCP all of a load",
	.contestants = LIST("no relay", "splice relay", "HAProxy, TCP mode", "nginx stream",
		"socat", "relay node", "no relay over UDP", "coturn", "relay node over UDP",
		"relay node over UDP, kernel"),
	.ours = LIST("relay node"),
	.metrics = METRICS({"throughput", "Gbit/s", MORE}, {"frames", "M/s", MORE},
		{"lost", "%", LESS}, {"relay's CPU", "s/GiB", LESS},
		{"CPU with source and sink", "s/GiB", LESS}, {"CPU of the machine", "s/GiB", LESS},
		{"memory under load", "MiB", LESS}, {"round trip of a 64 B frame", "us", LESS},
		{"relay's CPU per round trip", "us", LESS}, {"round trip beside bulk", "us", LESS}),
	.ratios = RATIOS(TO_HAPROXY("relay node, 1 path", "64 B", AT_LEAST(1.4)),
		TO_HAPROXY("relay node, 1 path", "256 B", AT_LEAST(1.4)),
		{{"relay node, 1 path", "throughput, 1400 B"},
			{"HAProxy, TCP mode", "throughput, 1400 B"}, AT_LEAST(1.4), DECIDES},
		TO_HAPROXY("relay node, 1 path", "16384 B", AT_LEAST(1.4)),
		TO_HAPROXY("relay node, 1 path", "60000 B", AT_LEAST(1.4)),
		TO_HAPROXY("relay node, 256 paths", "64 B", AT_LEAST(1.4)),
		TO_HAPROXY("relay node, 256 paths", "60000 B", AT_LEAST(1.4)),
		CPU_TO_HAPROXY("relay node, 1 path", "64 B"),
		CPU_TO_HAPROXY("relay node, 1 path", "60000 B"), TO_COTURN("1400 B"),
		{{"relay node over UDP, 1 path", "throughput, 1400 B"},
			{"no relay over UDP", "throughput, 1400 B"}, NO_GOAL},
		{{"relay node over UDP, kernel, 1 path", "throughput, 1400 B"},
			{"no relay over UDP", "throughput, 1400 B"}, AT_LEAST(.85)},
		{{"relay node over UDP, kernel, 1 path", "throughput, 1400 B"},
			{"coturn", "throughput, 1400 B"}, AT_LEAST(20)},
		{{"relay node over UDP, kernel, 1 path", "CPU of the machine, 1400 B"},
			{"no relay over UDP", "CPU of the machine, 1400 B"}, AT_MOST(1.15)},
		{{"relay node", "round trip beside bulk, p99"},
			{"relay node", "round trip of a 64 B frame, p99"}, AT_MOST(3)}),
	.seconds = .15,
	.ops = &relay_ops,
};

static const struct scenario start = {
	.name = "start",
	.help = "commands as whole processes; memory and wake-ups of an idle node",
	.topology = "a home of its own for each round; five nodes for what an idle one takes",
	.load = "commands one after the other, from fork to reaped; then nothing for --idle "
		"seconds",
	.checked = "every command ends with status 0, the message comes back in upper case",
	.contestants = LIST("/bin/true", "node create", "node list", "secure-channel create",
		"message send", "idle node"),
	.ours = LIST("node", "secure-channel", "message", "idle node"),
	.metrics = METRICS({"whole process", "ms", LESS}, {"its own CPU", "ms", LESS},
		{"wake-ups", "1/s", LESS}, {"resident memory", "MiB", LESS},
		{"proportional share of memory", "MiB", LESS}),
	.ratios =
		RATIOS({{"node create", "whole process"}, {"/bin/true", "whole process"}, NO_GOAL},
			{{"message send, existing channel", "whole process"},
				{"/bin/true", "whole process"}, NO_GOAL}),
	.seconds = .1,
	.ops = &start_ops,
};

#define BULK_1 "bulk, 1 connection"
#define BULK_8 "bulk, 8 connections"
#define CPU_1 "CPU of all, 1 connection"
#define P50 "round trip of 64 B, p50"
#define P99 "round trip of 64 B, p99"
#define BESIDE "round trip of 64 B beside bulk, p50"
#define NEW_1 "new connections, 1 client"
#define NEW_4 "new connections, 4 clients"
#define BARE "bare TCP"
#define ASLEEP "bare TCP, ends on two CPUs"
#define OURS "ockam portal"
#define RELAYED "ockam portal, one relay"
#define SSH "ssh -L, aes128-gcm"
#define SSH_J "ssh -J, aes128-gcm"
#define STUNNEL "stunnel"
#define HAPROXY "HAProxy TLS"
#define BEST_PEER NULL

static const struct scenario portal = {
	.name = "portal",
	.help = "portals without and with a relay, beside what others use for it and bare TCP",
	.topology = "application, near end, far end, service; the same with a third station "
		    "between; loopback, cubic",
	.load = "streams that never rest, 1, 8, 64; round trips, alone and beside bulk; new "
		"connections; idle ones",
	.checked = "4 MiB each way by their hashes; a text in them is seen outside the tunnel and "
		   "not inside",
	.contestants =
		LIST(BARE, OURS, "ssh -L", "ssh -J", STUNNEL, HAPROXY, "socat TLS", "spiped"),
	.ours = LIST(OURS),
	.peers = LIST(SSH, STUNNEL, HAPROXY, "socat TLS", "spiped"),
	.metrics = METRICS({"bulk", "Gbit/s", MORE}, {"CPU of all", "s/GiB", LESS},
		{"CPU of the tunnel", "s/GiB", LESS}, {"round trip of 64 B", "us", LESS},
		{"round trip of 64 B beside bulk", "us", LESS},
		{"bulk beside round trips", "Gbit/s", MORE}, {"new connections", "1/s", MORE},
		{"idle connections", "open at once", BETTER_NEITHER},
		{"memory of an idle connection", "KiB", LESS}),
	.ratios = RATIOS({{OURS, BULK_1}, {BARE, BULK_1}, AT_LEAST(.42), DECIDES},
		{{OURS, BULK_1}, {SSH, BULK_1}, AT_LEAST(1.9), DECIDES},
		{{OURS, BULK_1}, {STUNNEL, BULK_1}, AT_LEAST(3), DECIDES},
		{{OURS, BULK_1}, {HAPROXY, BULK_1}, AT_LEAST(3), DECIDES},
		{{OURS, BULK_8}, {OURS, BULK_1}, AT_LEAST(1)},
		{{RELAYED, BULK_1}, {BARE, BULK_1}, AT_LEAST(.33), DECIDES},
		{{RELAYED, BULK_1}, {SSH_J, BULK_1}, AT_LEAST(5), DECIDES},
		{{OURS, CPU_1}, {SSH, CPU_1}, AT_MOST(.5)},
		{{OURS, CPU_1}, {STUNNEL, CPU_1}, AT_MOST(.35)},
		{{OURS, P50}, {ASLEEP, P50}, AT_MOST(1), DECIDES},
		{{OURS, P99}, {ASLEEP, P99}, AT_MOST(2.5)},
		{{OURS, P50}, {BEST_PEER, P50}, AT_MOST(.5)},
		{{OURS, BESIDE}, {OURS, P50}, AT_MOST(2)},
		{{OURS, NEW_1}, {BARE, NEW_1}, AT_LEAST(.5)},
		{{OURS, NEW_4}, {BARE, NEW_4}, AT_LEAST(.5)},
		{{OURS, NEW_1}, {SSH, NEW_1}, AT_LEAST(2)},
		{{OURS, NEW_4}, {SSH, NEW_4}, AT_LEAST(2)}),
	.seconds = .3,
	.ops = &portal_ops,
};

const struct scenario *const scenarios[] = {
	&seal, &handshake, &message, &forward, &relay, &start, &portal};
const unsigned scenarios_count = sizeof scenarios / sizeof *scenarios;
