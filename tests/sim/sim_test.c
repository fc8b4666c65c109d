// SPDX-License-Identifier: Apache-2.0
/*
 * sim_test [--seeds N] [--from SEED]: first the named scenarios, then N random worlds (default 60).
 * A failure prints the seed; `--from SEED --seeds 1` runs it again.
 */
#include "sim.h"

#include "channel.h"
#include "message.h"
#include "path.h"
#include "relay.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned passed, failed;

static void check(bool ok, const char *what, uint64_t seed)
{
	if (ok) {
		passed++;
		return;
	}
	failed++;
	printf("FAILED: %s (seed %llu)\n", what, (unsigned long long)seed);
}

/* What became of one request. */
struct outcome {
	bool done;
	struct channel *ch;
	struct registration *reg;
	struct reason why;
	uint8_t reply[1 << 21];
	size_t reply_len;
};

static void opened(struct node *n, void *ctx, struct channel *ch, const struct reason *why)
{
	struct outcome *o = ctx;
	o->done = true;
	o->ch = ch;
	if (why)
		o->why = *why;
}

static void replied(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
	struct outcome *o = ctx;
	o->done = true;
	if (why) {
		o->why = *why;
		return;
	}
	memcpy(o->reply, payload, len);
	o->reply_len = len;
}

static void registered(
	struct node *n, void *ctx, struct registration *r, const struct reason *why)
{
	struct outcome *o = ctx;
	o->done = true;
	o->reg = r;
	if (why)
		o->why = *why;
}

static bool is_done(void *ctx)
{
	return ((struct outcome *)ctx)->done;
}

static struct route route_of(const char *text)
{
	struct route r;
	char err[200];
	if (route_parse(&r, text, err, sizeof err) < 0) {
		printf("route %s: %s\n", text, err);
		abort();
	}
	return r;
}

static struct outcome *outcome_new(void)
{
	return calloc(1, sizeof(struct outcome));
}

/* Opens a channel; NULL and *why when that fails. */
static struct channel *open_channel(
	struct sim *s, struct sim_node *from, const char *to, uint64_t timeout_ms, struct reason *why)
{
	static const struct trust own;
	struct outcome *o = outcome_new();
	struct route r = route_of(to);
	struct channel_options opt = {.to = &r, .trust = &own, .timeout_ms = timeout_ms};
	channel_open(sim_node_control(from), &opt, opened, o);
	sim_wake(s, from, sim_now(s));
	sim_run(s, 60000, is_done, o);
	if (why)
		*why = o->why;
	struct channel *ch = o->done ? o->ch : NULL;
	free(o);
	return ch;
}

/* Sends along `to`; true when the reply is what uppercase makes of it. */
static bool ask(struct sim *s, struct sim_node *from, const char *to, size_t len, struct reason *why)
{
	static const struct trust own;
	struct outcome *o = outcome_new();
	uint8_t *body = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		body[i] = (uint8_t)("secret marker "[i % 14]);
	struct route r = route_of(to);
	struct message_request *m =
		message_send(sim_node_control(from), &r, &own, body, len, 10000, replied, o);
	sim_wake(s, from, sim_now(s));
	bool in_time = sim_run(s, 20000, is_done, o);
	bool ok = in_time && !o->why.exit && o->reply_len == len;
	for (size_t i = 0; ok && i < len; i++)
		ok = o->reply[i] == (uint8_t)("SECRET MARKER "[i % 14]);
	if (why)
		*why = in_time ? o->why : reason_make(EXIT_UNREACHABLE, "no answer at all");
	if (!in_time && m && sim_node_alive(from))
		message_cancel(sim_node_control(from), m);
	free(body);
	free(o);
	return ok;
}

static bool in_channel(struct sim *s, struct sim_node *from, struct channel *ch, size_t len)
{
	char to[96];
	struct reason why = {0};
	snprintf(to, sizeof to, "/service/%s/service/uppercase", ch->address);
	bool ok = ask(s, from, to, len, &why);
	if (!ok)
		printf("  %s: %s\n", to, why.text);
	return ok;
}

static bool register_at(struct sim *s, struct sim_node *who, const char *name, const char *at,
	struct reason *why)
{
	static const struct trust own;
	struct outcome *o = outcome_new();
	struct route r = route_of(at);
	struct relay_options opt = {
		.name = name, .at = &r, .trust = &own, .wait = true, .timeout_ms = 10000};
	struct registration *reg;
	int rc = relay_create(sim_node_control(who), &opt, registered, o, &reg);
	sim_wake(s, who, sim_now(s));
	if (rc == 0)
		sim_run(s, 30000, is_done, o);
	bool ok = rc == 0 && o->done && o->reg;
	if (why)
		*why = o->why;
	free(o);
	return ok;
}

static void finish(struct sim *s, const char *name, uint64_t seed)
{
	char what[160];
	snprintf(what, sizeof what, "%s: a nonce was used twice", name);
	check(sim_nonce_reuses(s) == 0, what, seed);
	snprintf(what, sizeof what, "%s: plain text on a wire", name);
	check(sim_plaintexts(s) == 0, what, seed);
	sim_free(s);
}

static struct sim *world(uint64_t seed)
{
	struct sim_options o = {.seed = seed, .delay_min_ms = 1, .delay_max_ms = 20, .chop = true};
	struct sim *s = sim_new(&o);
	sim_set_marker(s, "secret marker secret");
	return s;
}

static void close_and_settle(struct sim *s, struct sim_node *who, struct sim_node **all, unsigned n,
	const char *name, uint64_t seed)
{
	struct node *c = sim_node_control(who);
	while (channels_first(c))
		channel_close(c, channels_first(c));
	sim_wake(s, who, sim_now(s));
	sim_run(s, 60000, NULL, NULL);
	for (unsigned i = 0; i < n; i++) {
		char why[160] = "", what[240];
		bool empty = sim_node_empty(all[i], why, sizeof why);
		snprintf(what, sizeof what, "%s: tables are empty in the end: %s", name, why);
		check(empty, what, seed);
	}
}

static void direct(uint64_t seed)
{
	struct sim *s = world(seed);
	struct sim_node *n[2] = {sim_node_new(s, "n1", 1, 1), sim_node_new(s, "n2", 1, 2)};
	struct reason why = {0};
	struct channel *ch = open_channel(s, n[0], "/ip4/127.0.0.1/tcp/2/service/api", 5000, &why);
	check(ch != NULL, why.exit ? why.text : "direct: channel opens", seed);
	if (ch) {
		check(in_channel(s, n[0], ch, 5), "direct: a message", seed);
		check(in_channel(s, n[0], ch, 0), "direct: an empty message", seed);
		check(in_channel(s, n[0], ch, 65536), "direct: 64 KiB", seed);
		check(in_channel(s, n[0], ch, 1 << 20), "direct: 1 MiB", seed);
	}
	close_and_settle(s, n[0], n, 2, "direct", seed);
	finish(s, "direct", seed);
}

static void two_hops(uint64_t seed)
{
	struct sim *s = world(seed);
	struct sim_node *n[3] = {sim_node_new(s, "a", 1, 1), sim_node_new(s, "b", 1, 2),
		sim_node_new(s, "c", 1, 3)};
	struct reason why = {0};
	struct channel *ch = open_channel(s, n[0],
		"/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/api", 5000, &why);
	check(ch != NULL, why.exit ? why.text : "two hops: channel opens", seed);
	if (ch) {
		check(in_channel(s, n[0], ch, 100000), "two hops: a message", seed);
		/* a channel through the channel */
		char to[96];
		snprintf(to, sizeof to, "/service/%s/service/api", ch->address);
		struct channel *inner = open_channel(s, n[0], to, 5000, &why);
		check(inner != NULL, why.exit ? why.text : "two hops: nested channel", seed);
		if (inner)
			check(in_channel(s, n[0], inner, 100000), "two hops: nested message", seed);
	}
	close_and_settle(s, n[0], n, 3, "two hops", seed);
	finish(s, "two hops", seed);
}

static void through_relay(uint64_t seed)
{
	struct sim *s = world(seed);
	struct sim_node *n[3] = {sim_node_new(s, "n1", 1, 1), sim_node_new(s, "n2", 1, 2),
		sim_node_new(s, "relay", 1, 3)};
	struct reason why = {0};
	check(register_at(s, n[1], "n2", "/ip4/127.0.0.1/tcp/3", &why),
		why.exit ? why.text : "relay: registers", seed);
	const char *to = "/ip4/127.0.0.1/tcp/3/service/forward_to_n2/service/api";
	struct channel *ch = open_channel(s, n[0], to, 5000, &why);
	check(ch != NULL, why.exit ? why.text : "relay: channel opens", seed);
	if (ch) {
		char address[33];
		memcpy(address, ch->address, sizeof address);
		check(in_channel(s, n[0], ch, 100000), "relay: a message", seed);
		/* the relay dies and comes back: name and channel return by themselves */
		sim_node_kill(n[2]);
		sim_run(s, 3000, NULL, NULL);
		sim_node_start(n[2]);
		sim_run(s, 60000, NULL, NULL);
		ch = channel_by_address(sim_node_control(n[0]), address);
		check(ch && ch->state == CHANNEL_UP, "relay: the channel is up again", seed);
		if (ch)
			check(in_channel(s, n[0], ch, 100), "relay: a message after its restart", seed);
	}
	finish(s, "relay", seed);
}

/*
 * The initiator is gone and the hop has forgotten the path: each PING of the responder is answered by
 * RESET(unknown), which asks for the next PING. It stays calm, and gives the channel up in time although
 * the link takes all its bytes.
 */
static void hop_forgets(uint64_t seed)
{
	struct sim *s = world(seed);
	struct sim_node *n[3] = {sim_node_new(s, "a", 1, 1), sim_node_new(s, "b", 1, 2),
		sim_node_new(s, "c", 1, 3)};
	struct channel *ch = open_channel(
		s, n[0], "/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/api", 5000, NULL);
	check(ch && in_channel(s, n[0], ch, 100), "hop forgets: a message", seed);
	sim_run(s, 5000, NULL, NULL);
	sim_node_kill(n[0]);
	unsigned long before = sim_frames(s, 5);
	sim_run(s, 30000, NULL, NULL);
	check(sim_frames(s, 5) - before < 60, "hop forgets: a storm of PINGs", seed);
	char why[160] = "";
	check(sim_node_empty(n[2], why, sizeof why), "hop forgets: the other end is given up", seed);
	check(sim_node_empty(n[1], why, sizeof why), "hop forgets: nothing is left at the hop", seed);
	finish(s, "hop forgets", seed);
}

static void ignored(
	struct node *n, void *ctx, const struct reason *why, const uint8_t *payload, size_t len)
{
}

/* The same while the responder goes on sending: that the link takes bytes is no sign of life. */
static void hop_swallows(uint64_t seed)
{
	struct sim_options o = {.seed = seed, .delay_min_ms = 400, .delay_max_ms = 400};
	struct sim *s = sim_new(&o);
	struct sim_node *n[3] = {sim_node_new(s, "a", 1, 1), sim_node_new(s, "b", 1, 2),
		sim_node_new(s, "c", 1, 3)};
	struct channel *ch = open_channel(
		s, n[0], "/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/api", 20000, NULL);
	check(ch && in_channel(s, n[0], ch, 100), "hop swallows: a message", seed);
	sim_run(s, 5000, NULL, NULL);
	sim_node_kill(n[0]);
	unsigned i = 0;
	for (; i < 400 && (ch = channels_first(sim_node_control(n[2]))); i++) {
		char to[96];
		snprintf(to, sizeof to, "/service/%s/service/uppercase", ch->address);
		struct route r = route_of(to);
		static const struct trust own;
		message_send(sim_node_control(n[2]), &r, &own, (const uint8_t *)"x", 1, 60000, ignored,
			NULL);
		sim_wake(s, n[2], sim_now(s));
		sim_run(s, 100, NULL, NULL);
	}
	check(i > 10 && i < 300, "hop swallows: the other end is given up", seed);
	finish(s, "hop swallows", seed);
}

static uint64_t first_alone(const struct sim_node *sn, void *ctx)
{
	return sim_node_number(sn) == 0;
}

/* The same when the hop had asked the responder to hold back: RESUME will not come. */
static void hop_forgets_its_pause(uint64_t seed)
{
	struct sim_options o = {
		.seed = seed, .delay_max_ms = 20, .window_min = 1 << 16, .window_max = 1 << 16};
	struct sim *s = sim_new(&o);
	struct sim_node *n[3] = {sim_node_new(s, "a", 1, 1), sim_node_new(s, "b", 1, 2),
		sim_node_new(s, "c", 1, 3)};
	struct channel *ch = open_channel(
		s, n[0], "/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/api", 5000, NULL);
	check(ch && in_channel(s, n[0], ch, 100), "hop forgets its pause: a message", seed);
	sim_partition(s, first_alone, NULL); /* the hop's way to it is full */
	char to[96];
	static const struct trust own;
	static uint8_t body[900000];
	snprintf(to, sizeof to, "/service/%s/service/uppercase",
		channels_first(sim_node_control(n[2]))->address);
	struct route r = route_of(to);
	message_send(sim_node_control(n[2]), &r, &own, body, sizeof body, 5000, ignored, NULL);
	sim_wake(s, n[2], sim_now(s));
	sim_run(s, 1000, NULL, NULL);
	sim_node_kill(n[0]);
	sim_heal(s);
	sim_run(s, 30000, NULL, NULL);
	char why[160] = "";
	check(sim_node_empty(n[2], why, sizeof why), "hop forgets its pause: it is given up", seed);
	finish(s, "hop forgets its pause", seed);
}

static void refusals(uint64_t seed)
{
	struct sim *s = world(seed);
	struct sim_node *n1 = sim_node_new(s, "n1", 1, 1);
	sim_node_new(s, "n2", 2, 2); /* of another home */
	struct reason why = {0};
	struct channel *ch = open_channel(s, n1, "/ip4/127.0.0.1/tcp/2/service/api", 5000, &why);
	check(!ch && why.exit == EXIT_REFUSED, "refusals: a stranger's listener", seed);
	ch = open_channel(s, n1, "/ip4/127.0.0.1/tcp/2/service/nothing", 5000, &why);
	check(!ch && why.exit == EXIT_NOT_FOUND, "refusals: an unknown listener", seed);
	ch = open_channel(s, n1, "/ip4/127.0.0.1/tcp/99/service/api", 5000, &why);
	check(!ch && why.exit == EXIT_UNREACHABLE, "refusals: nobody listens", seed);
	ch = open_channel(s, n1, "/ip4/127.0.0.1/tcp/1/service/api", 5000, &why);
	check(!ch && why.exit == EXIT_USAGE, "refusals: a channel to itself", seed);
	check(!ask(s, n1, "/ip4/127.0.0.1/tcp/2/service/nothing", 3, &why) &&
			why.exit == EXIT_NOT_FOUND,
		"refusals: an unknown service", seed);
	check(!ask(s, n1, "/ip4/127.0.0.1/tcp/2/service/forwarding_service", 3, &why) &&
			why.exit == EXIT_REFUSED,
		"refusals: a service that needs a channel", seed);
	sim_run(s, 60000, NULL, NULL);
	char text[160];
	check(sim_node_empty(n1, text, sizeof text), "refusals: nothing is left", seed);
	finish(s, "refusals", seed);
}

/* Handshake frames are lost and doubled: channels open all the same. */
static void lossy_handshakes(uint64_t seed)
{
	struct sim_options o = {.seed = seed, .delay_min_ms = 1, .delay_max_ms = 100, .lose = 250,
		.twice = 250};
	struct sim *s = sim_new(&o);
	sim_set_marker(s, "secret marker secret");
	struct sim_node *n[3] = {sim_node_new(s, "a", 1, 1), sim_node_new(s, "b", 1, 2),
		sim_node_new(s, "c", 1, 3)};
	struct reason why = {0};
	struct channel *ch = open_channel(s, n[0],
		"/ip4/127.0.0.1/tcp/2/ip4/127.0.0.1/tcp/3/service/api", 60000, &why);
	check(ch != NULL, why.exit ? why.text : "lossy handshakes: channel opens", seed);
	if (ch)
		check(in_channel(s, n[0], ch, 1000), "lossy handshakes: a message", seed);
	close_and_settle(s, n[0], n, 3, "lossy handshakes", seed);
	finish(s, "lossy handshakes", seed);
}

/* A dozen nodes, channels along random routes, while links are cut, nodes die and clocks jump. */
static void random_world(uint64_t seed)
{
	enum { NODES = 12, CHANNELS = 10, STEPS = 24 };
	struct sim_options o = {.seed = seed, .delay_min_ms = 0, .delay_max_ms = 60};
	struct sim *s = sim_new(&o);
	struct sim_node *n[NODES];
	for (unsigned i = 0; i < NODES; i++) {
		char name[16];
		snprintf(name, sizeof name, "node%u", i);
		n[i] = sim_node_new(s, name, 1, (uint16_t)(i + 1));
	}
	sim_set_marker(s, "secret marker secret");
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned from = (unsigned)(sim_random(s) % NODES), hops = 1 + (unsigned)(sim_random(s) % 3);
		char to[200] = "";
		for (unsigned h = 0, at = from; h < hops; h++) {
			unsigned next = (at + 1 + (unsigned)(sim_random(s) % (NODES - 1))) % NODES;
			if (h + 1 == hops && next == from)
				next = (next + 1) % NODES == at ? (next + 2) % NODES : (next + 1) % NODES;
			snprintf(to + strlen(to), sizeof to - strlen(to), "/ip4/127.0.0.1/tcp/%u", next + 1);
			at = next;
		}
		unsigned behind = (unsigned)(sim_random(s) % NODES);
		if (sim_random(s) % 3 == 0 && behind != from && behind) /* by node 0, the relay */
			snprintf(to, sizeof to, "/ip4/127.0.0.1/tcp/1/service/forward_to_node%u", behind);
		strcat(to, "/service/api");
		unsigned what = (unsigned)(sim_random(s) % 10), who = (unsigned)(sim_random(s) % NODES);
		if (what == 0) {
			sim_cut(s, n[who], n[sim_random(s) % NODES]);
		} else if (what == 1) {
			sim_node_kill(n[who]);
			sim_run(s, sim_random(s) % 2000, NULL, NULL);
			sim_node_start(n[who]);
		} else if (what == 3 && from) {
			char name[16];
			snprintf(name, sizeof name, "node%u", from);
			register_at(s, n[from], name, "/ip4/127.0.0.1/tcp/1", NULL);
		} else if (what == 2) {
			sim_node_shift_clock(n[who], (int64_t)(sim_random(s) % 7200) - 50);
		} else {
			struct channel *ch = open_channel(s, n[from], to, 3000, NULL);
			if (ch)
				check(in_channel(s, n[from], ch, 1 + sim_random(s) % 30000),
					"random world: an open channel carries", seed);
		}
		sim_run(s, sim_random(s) % 3000, NULL, NULL);
	}
	sim_run(s, 120000, NULL, NULL); /* calm: what can come back does */
	for (unsigned i = 0; i < NODES; i++) {
		struct node *c = sim_node_control(n[i]);
		while (relays_first(c))
			relay_delete(c, relays_first(c)->name);
		for (struct channel *ch = channels_first(c), *next; ch; ch = next) {
			next = ch->next;
			if (ch->role == SEAM_INITIATOR)
				channel_close(c, ch);
		}
		sim_wake(s, n[i], sim_now(s));
	}
	sim_run(s, 700000, NULL, NULL); /* longer than a path may idle */
	for (unsigned i = 0; i < NODES; i++) {
		char why[160] = "", what[240];
		bool empty = sim_node_empty(n[i], why, sizeof why);
		snprintf(what, sizeof what, "random world: tables are empty in the end: %s", why);
		check(empty, what, seed);
	}
	finish(s, "random world", seed);
}

int main(int argc, char **argv)
{
	uint64_t from = 1, seeds = 60;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seeds"))
			seeds = strtoull(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--from"))
			from = strtoull(argv[i + 1], NULL, 10);
	}
	for (uint64_t seed = from; seed < from + seeds; seed++) {
		direct(seed);
		two_hops(seed);
		through_relay(seed);
		hop_forgets(seed);
		hop_swallows(seed);
		hop_forgets_its_pause(seed);
		refusals(seed);
		lossy_handshakes(seed);
		random_world(seed);
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed != 0;
}
