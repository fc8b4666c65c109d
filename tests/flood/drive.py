#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Floods real nodes while others use them, and measures both.

drive.py OCKAM FLOOD DIRECTORY [--seconds S] [--paths N] [--only MODE,...] [--times N]
         [--attacker nice|idle|apart] [--check]

Two ends with a relay between them, which runs in a home of its own. Each flood runs for S seconds
against the relay, or through it against an end, or against that end itself, while the other end makes
channels and sends messages through the relay. Prints what was measured; --check: exit 1 when a bound
is passed or the honest do not get through. --times: so often, each beside a time without flood and one with
the same flood against another process, and in the end how many times longer things took.

A flood comes from elsewhere; here it has to run on the same CPUs. --attacker nice: at the lowest
priority; idle: only when nothing else wants the CPU; apart: on the first CPU, all else on the others.
"""
import argparse, http.client, json, os, signal, socket, statistics, subprocess, sys, threading, time

HONEST = "127.0.0.1"
FLOOD_FROM = "127.0.0.66"
# name, flood mode, target, options. Target: relay; end (through the relay); direct (the end's own port).
FLOODS = [
    ("INIT to the relay", "init", "relay", ["--links", "200"]),
    ("INIT through the relay", "init", "end", ["--links", "200"]),
    ("INIT to the end", "init", "direct", ["--links", "200"]),
    ("INIT from 1000 links", "init", "relay", ["--links", "1000", "--rate", "3"]),
    ("half-open, slow", "init", "end", ["--links", "400", "--rate", "20"]),
    ("INIT repeated", "again", "end", ["--links", "100"]),
    ("CONTROL to the relay", "control", "relay", ["--links", "50"]),
    ("CONTROL through the relay", "control", "end", ["--links", "50"]),
    ("RESET, LINK and so on", "reset", "relay", ["--links", "50"]),
    ("replies unread", "slow", "relay", ["--links", "200"]),
    ("stalled frames", "stall", "relay", ["--links", "2000"]),
    ("links without HELLO", "mute", "relay", ["--links", "6000"]),
    ("links come and go", "churn", "relay", ["--links", "50"]),
]
RSS_MAX = {"control": 100 << 20, "dataplane": 300 << 20}


class Node:
    def __init__(self, world, home, name, *args):
        self.world, self.home, self.name = world, home, name
        self.run("node", "create", name, "-t", f"{HONEST}:0", *args)
        shown = json.loads(self.run("node", "show", name, "--output", "json"))
        tcp = next(t for t in shown["transports"] if t["type"] == "tcp")
        self.port = int(tcp["socket_address"].rsplit(":", 1)[1])
        self.pids = {"control": shown["pid"], "dataplane": shown["dataplane"]["pid"]}
        self.at = f"/ip4/{HONEST}/tcp/{self.port}"

    def run(self, *args, timeout=60):
        return self.world.ockam(self.home, *args, timeout=timeout)

    def status(self, plane, field):
        with open(f"/proc/{self.pids[plane]}/status") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) << 10
        raise KeyError(field)

    def bound(self, plane):
        with open(f"/proc/{self.pids[plane]}/maps") as maps:
            return RSS_MAX[plane] * (8 if "san.so" in maps.read() else 1)

    def fds(self, plane):
        return len(os.listdir(f"/proc/{self.pids[plane]}/fd"))

    def cpu(self, plane):
        with open(f"/proc/{self.pids[plane]}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class World:
    def __init__(self, ockam, flood, directory):
        self.program, self.flood_program, self.dir = ockam, flood, directory
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("OCKAM")}
        self.env.update(NO_INPUT="1", QUIET="1")
        self.homes = []

    def ockam(self, home, *args, timeout=60):
        env = dict(self.env, OCKAM_HOME=os.path.join(self.dir, home))
        if home not in self.homes:
            self.homes.append(home)
        p = subprocess.run([self.program, *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           stdin=subprocess.DEVNULL, text=True, timeout=timeout)
        if p.returncode:
            raise RuntimeError(f"ockam {' '.join(args)}: exit {p.returncode}: {p.stderr.strip()}")
        return p.stdout.strip()

    def start(self):
        self.relay = Node(self, "relay-home", "relay", "--transit", "127.0.0.0/8")
        self.b = Node(self, "ends-home", "b")
        self.a = Node(self, "ends-home", "a")
        self.nodes = [self.relay, self.b, self.a]
        self.route = f"{self.relay.at}{self.b.at}/service/api"
        self.channel = self.a.run("secure-channel", "create", "--from", "a", "--to", self.route)

    def stop(self):
        for home in self.homes:
            try:
                self.ockam(home, "node", "delete", "--all", "-y")
            except (RuntimeError, subprocess.TimeoutExpired) as e:
                print(e, file=sys.stderr)


class Api(http.client.HTTPConnection):
    """A connection to a node's control socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Honest:
    """Makes channels, sends messages and asks a node's API until it is told to stop."""

    def __init__(self, world, asked):
        self.w, self.stopping = world, threading.Event()
        self.api_connection = Api(os.path.join(world.dir, asked.home, "run", asked.name, "control.sock"))
        self.handshakes, self.messages, self.api, self.errors = [], [], [], []
        self.threads = [threading.Thread(target=self.loop, args=(f,))
                        for f in (self.handshake, self.message, self.ask)]

    def loop(self, action):
        while not self.stopping.is_set():
            action()
            self.stopping.wait(0.02)

    def timed(self, into, *args):
        begin = time.monotonic()
        try:
            out = self.w.a.run(*args)
        except (RuntimeError, subprocess.TimeoutExpired) as e:
            into.append(None)
            self.errors.append(str(e))
            return None
        into.append(time.monotonic() - begin)
        return out

    def handshake(self):
        channel = self.timed(self.handshakes, "secure-channel", "create", "--from", "a", "--to", self.w.route,
                             "--timeout", "30s", "--no-retry")
        if channel:
            self.w.a.run("secure-channel", "delete", channel, "--at", "a")

    def message(self):
        self.timed(self.messages, "message", "send", "hello", "--from", "a", "--to",
                   f"{self.w.channel}/service/uppercase", "--timeout", "30s")

    def ask(self):
        begin = time.monotonic()
        try:
            self.api_connection.request("GET", "/v1/node")
            answer = self.api_connection.getresponse()
            answer.read()
        except OSError as e:
            self.api.append(None)
            self.errors.append(str(e))
            self.api_connection.close()
            return
        self.api.append(time.monotonic() - begin if answer.status == 200 else None)

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.stopping.set()
        for t in self.threads:
            t.join()


def share(times):
    return sum(t is not None for t in times) / len(times) if times else 0.0


def millis(times, q):
    done = sorted(t for t in times if t is not None)
    return 1000 * done[min(len(done) - 1, int(q * len(done)))] if done else float("nan")


class Report:
    def __init__(self, check):
        self.check, self.failures = check, []

    def fail(self, text):
        self.failures.append(text)
        print(f"    NOT MET: {text}")

    def line(self, name, h, world, begin_cpu, seconds, usual):
        cpu = " ".join(f"{n.name}:{100 * (n.cpu('control') - begin_cpu[n, 'control']) / seconds:.0f}/"
                       f"{100 * (n.cpu('dataplane') - begin_cpu[n, 'dataplane']) / seconds:.0f}" for n in world.nodes)
        rss = " ".join(f"{n.name}:{n.status('control', 'VmHWM') >> 20}/{n.status('dataplane', 'VmHWM') >> 20}"
                       for n in world.nodes)
        print(f"{name:28} handshakes {100 * share(h.handshakes):5.1f}% of {len(h.handshakes):4}  "
              f"median {millis(h.handshakes, .5):6.1f} ms  p99 {millis(h.handshakes, .99):7.1f}   "
              f"messages {100 * share(h.messages):5.1f}% of {len(h.messages):4}  "
              f"median {millis(h.messages, .5):6.1f} ms  p99 {millis(h.messages, .99):7.1f}   "
              f"API median {millis(h.api, .5):5.1f} ms  p99 {millis(h.api, .99):6.1f}", flush=True)
        print(f"    CPU % control/dataplane {cpu}   peak MiB {rss}", flush=True)
        for e in sorted(set(h.errors))[:3]:
            print(f"    {h.errors.count(e)} x {e}")
        for what, times in (("handshakes", h.handshakes), ("messages", h.messages), ("API requests", h.api)):
            if share(times) < .99 and sum(t is None for t in times) > 1:
                self.fail(f"{name}: {100 * share(times):.1f}% of the {what} succeeded")
            if not times:
                self.fail(f"{name}: no {what} were tried")
        if usual and not millis(h.handshakes, .5) < max(50 * usual, 10000):
            self.fail(f"{name}: a handshake took {millis(h.handshakes, .5):.0f} ms")
        for n in world.nodes:
            for plane in RSS_MAX:
                if n.status(plane, "VmHWM") > n.bound(plane):
                    self.fail(f"{name}: {n.name}'s {plane} took {n.status(plane, 'VmHWM') >> 20} MiB")


def attacker(how):
    return {"nice": ["nice", "-n", "19"], "idle": ["chrt", "-i", "0"], "apart": ["taskset", "-c", "0"]}[how]


def quiet_time(world, report, seconds, asked=None):
    begin_cpu = {(n, p): n.cpu(p) for n in world.nodes for p in n.pids}
    begin = time.monotonic()
    with Honest(world, asked or world.relay) as quiet:
        time.sleep(seconds)
    report.line("no flood", quiet, world, begin_cpu, time.monotonic() - begin, None)
    return quiet


def run_flood(world, report, flood, seconds, usual):
    name, mode, target, options = flood
    node = world.b if target == "direct" else world.relay
    route = {"relay": "/service/api", "direct": "/service/api", "end": f"{world.b.at}/service/api"}[target]
    if mode in ("control", "slow"):
        route = route.replace("/service/api", "/service/echo")
    begin_cpu = {(n, p): n.cpu(p) for n in world.nodes for p in n.pids}
    p = subprocess.Popen([*attacker(world.attacker), world.flood_program, "--to", f"{HONEST}:{node.port}", "--from", FLOOD_FROM,
                          "--mode", mode, "--seconds", str(seconds), "--route", route, *options],
                         stdout=subprocess.PIPE, text=True)
    begin = time.monotonic()
    time.sleep(0.3)
    with Honest(world, node) as honest:
        out = p.communicate()[0]
    report.line(name, honest, world, begin_cpu, time.monotonic() - begin, usual)
    print(f"    {out.strip()}", flush=True)
    if p.returncode:
        report.fail(f"{name}: the flood ended with {p.returncode}")
    return honest


def sink_port():
    with socket.socket() as s:
        s.bind((HONEST, 0))
        return s.getsockname()[1]


def run_beside_sink(world, report, flood, seconds):
    """The same flood, at the same speed as it can, but against a process that only reads and forgets."""
    name, mode, target, options = flood
    asked = world.b if target == "direct" else world.relay
    at = f"{HONEST}:{sink_port()}"
    sink = subprocess.Popen([world.flood_program, "--mode", "sink", "--to", at], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    sink.stdout.readline()
    begin_cpu = {(n, p): n.cpu(p) for n in world.nodes for p in n.pids}
    p = subprocess.Popen([*attacker(world.attacker), world.flood_program, "--to", at, "--from", FLOOD_FROM,
                          "--mode", mode, "--seconds", str(seconds), *options], stdout=subprocess.PIPE, text=True)
    begin = time.monotonic()
    time.sleep(0.3)
    with Honest(world, asked) as honest:
        out = p.communicate()[0]
    report.line(f"{mode} elsewhere", honest, world, begin_cpu, time.monotonic() - begin, None)
    print(f"    {out.strip()}", flush=True)
    sink.stdin.close()
    sink.wait()
    return honest


FACTORS = (("handshakes", .5), ("handshakes", .99), ("messages", .5), ("messages", .99), ("api", .5), ("api", .99))


def run_times(world, report, floods, seconds, times):
    """Each flood beside a time without, and one with the same flood against a process that only reads, `times`
    times: how many times longer things took than without. The samples of all times count as one."""
    kinds = ("quiet", "sink", "flood")
    taken = {}
    for _ in range(times):
        for flood in floods:
            asked = world.b if flood[2] == "direct" else world.relay
            for kind in kinds:
                h = (quiet_time(world, report, seconds, asked) if kind == "quiet" else
                     run_beside_sink(world, report, flood, seconds) if kind == "sink" else
                     run_flood(world, report, flood, seconds, None))
                for what in ("handshakes", "messages", "api"):
                    taken.setdefault((flood[0], kind, what), []).extend(getattr(h, what))
    print(f"{times} times {seconds} s: what, usual ms, times as long under the flood, and under the same elsewhere")
    for flood in floods:
        for what, q in FACTORS:
            usual, sink, then = (millis(taken[flood[0], kind, what], q) for kind in kinds)
            within = ""
            if what == "handshakes" and q == .5:
                all_of = taken[flood[0], "flood", what]
                quick = sum(t is not None and 1000 * t <= 2 * usual for t in all_of) / len(all_of)
                beside = taken[flood[0], "sink", what]
                within = (f"   within 2 x usual {100 * quick:.1f} %, elsewhere "
                          f"{100 * sum(t is not None and 1000 * t <= 2 * usual for t in beside) / len(beside):.1f} %")
            print(f"{flood[0]:28} {what:10} {'p99' if q > .5 else 'p50'} {usual:7.1f} {then / usual:6.2f} "
                  f"{sink / usual:6.2f}{within}")


def run_paths(world, report, count):
    p = subprocess.Popen([*attacker(world.attacker), world.flood_program, "--to", f"{HONEST}:{world.relay.port}", "--from", FLOOD_FROM, "--mode",
                          "paths", "--links", "40", "--paths", str(count), "--ends", "127.1.0.1:7070"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    begin_cpu = {(n, q): n.cpu(q) for n in world.nodes for q in n.pids}
    begin = time.monotonic()
    with Honest(world, world.relay) as honest:
        up = json.loads(p.stdout.readline() or "{}")
        p.stdin.write("again\n")
        p.stdin.flush()
        asked = json.loads(p.stdout.readline() or "{}")
    report.line(f"{count} paths", honest, world, begin_cpu, time.monotonic() - begin, None)
    print(f"    {up} {asked}", flush=True)
    p.communicate()
    if p.returncode or asked.get("both_ways") != count:
        report.fail(f"{count} paths: {up.get('up')} came up, frames passed {asked.get('both_ways')} both ways")


def run_stopped_end(world, report, seconds, usual):
    """An end stops reading while another sends to it: its queue at the relay is bounded, others go on."""
    stuck = Node(world, "ends-home", "stuck")
    channel = world.a.run("secure-channel", "create", "--from", "a", "--to",
                          f"{world.relay.at}{stuck.at}/service/api")
    body = os.path.join(world.dir, "body")
    with open(body, "wb") as f:
        f.write(bytes(1000000))
    begin_cpu = {(n, q): n.cpu(q) for n in world.nodes for q in n.pids}
    begin = time.monotonic()
    os.kill(stuck.pids["dataplane"], signal.SIGSTOP)
    env = dict(world.env, OCKAM_HOME=os.path.join(world.dir, "ends-home"))
    senders = []
    try:
        for _ in range(32):
            with open(body, "rb") as f:
                senders.append(subprocess.Popen(
                    [world.program, "message", "send", "-", "--from", "a", "--to", f"{channel}/service/echo",
                     "--timeout", f"{seconds}s"], env=env, stdin=f, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL))
        with Honest(world, world.relay) as honest:
            for s in senders:
                s.wait()
    finally:
        os.kill(stuck.pids["dataplane"], signal.SIGCONT)
    report.line("an end that stands still", honest, world, begin_cpu, time.monotonic() - begin, usual)
    world.a.run("secure-channel", "delete", channel, "--at", "a")
    stuck.run("node", "delete", "stuck", "-y")


def at_rest(world, report, before):
    until = time.monotonic() + 45
    while True:
        after = {(n, p): n.fds(p) for n in world.nodes for p in n.pids}
        # one shared link may linger where there was none
        if all(after[k] <= before[k] + 3 for k in before) or time.monotonic() > until:
            break
        time.sleep(0.2)
    print("after: " + "  ".join(f"{n.name} {p}: {after[n, p]} descriptors (before {before[n, p]}), "
                                f"{n.status(p, 'VmRSS') >> 20} MiB" for n, p in after), flush=True)
    for (n, p), count in before.items():
        if after[n, p] > count + 3:
            report.fail(f"{n.name}'s {p} has {after[n, p]} descriptors, {count} before")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("ockam")
    args.add_argument("flood")
    args.add_argument("directory")
    args.add_argument("--seconds", type=float, default=2.0)
    args.add_argument("--paths", type=int, default=10000)
    args.add_argument("--only", default="")
    args.add_argument("--times", type=int, default=0)
    args.add_argument("--attacker", choices=["nice", "idle", "apart"], default="nice")
    args.add_argument("--check", action="store_true")
    o = args.parse_args()
    only = [m for m in o.only.split(",") if m]
    world, report = World(o.ockam, o.flood, o.directory), Report(o.check)
    world.attacker = o.attacker
    if o.attacker == "apart":
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {0})
    try:
        world.start()
        usual = millis(quiet_time(world, report, o.seconds).handshakes, .5)
        before = {(n, p): n.fds(p) for n in world.nodes for p in n.pids}
        floods = [f for f in FLOODS if not only or f[1] in only or f[0] in only]
        if o.times:
            run_times(world, report, floods, o.seconds, o.times)
            return 0
        for flood in floods:
            run_flood(world, report, flood, o.seconds, usual)
        if not only or "stopped" in only:
            run_stopped_end(world, report, max(1, int(o.seconds)), usual)
        if o.paths and (not only or "paths" in only):
            run_paths(world, report, o.paths)
        at_rest(world, report, before)
    finally:
        world.stop()
    if report.failures:
        print(f"{len(report.failures)} not met")
    return 1 if o.check and report.failures else 0


sys.exit(main())
