#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts real nodes and uses portals between them hard, for long, and in great numbers.

drive.py OCKAM SOAK CROWD DIRECTORY [--seconds S] [--connections N] [--crowd N] [--seed N] [--only PART,...]

    direct    pseudo-random streams both ways over N connections, every byte and end compared (soak.c)
    relay     the same through a relay
    cuts      the same while the relay's data plane is killed, links are closed, the relay stops and starts,
              and data planes and control processes of the ends are killed: errors on both sides, never a clean
              end too early
    crowd     many idle connections through one portal: what a connection costs in resident memory; and
              connections that come and go

S seconds for each part but the last. Prints what was measured; exit 1 when a promise is broken.
"""
import argparse, json, os, random, signal, subprocess, sys, threading, time

MIB = 1 << 20
# of both processes of a node, for 10,000 connections
CROWD_OF, CROWD_BYTES = 10000, 200 * MIB
# what it may take whatever there is: provided buffers, blocks in use
CROWD_BASE = 24 * MIB


class World:
    def __init__(self, program, directory):
        self.program = program
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("OCKAM")}
        self.env.update(NO_INPUT="1", QUIET="1", OCKAM_HOME=os.path.join(directory, "soak-home"))

    def run(self, *args, timeout=60):
        p = subprocess.run([self.program, *args], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=timeout, text=True, close_fds=True)
        if p.returncode:
            raise RuntimeError(f"ockam {' '.join(args)}: exit {p.returncode}: {p.stderr.strip()}")
        return p.stdout.strip()

    def show(self, node):
        return json.loads(self.run("node", "show", node, "--output", "json"))

    def pids(self, node):
        shown = self.show(node)
        return [shown["pid"], shown["dataplane"]["pid"]]

    def start(self):
        for node in ("n1", "n2", "relay"):
            self.run("node", "create", node)
        self.run("relay", "create", "n2", "--at", "relay", "--to", "n2")

    def stop(self):
        self.run("node", "delete", "--all", "-y")

    def portal(self, name, port, relayed, *more):
        self.run("tcp-outlet", "create", "--at", "n2", "--from", name, "--to", f"127.0.0.1:{port}")
        via = "/node/relay/service/forward_to_n2" if relayed else "/node/n2"
        return self.run("tcp-inlet", "create", "--at", "n1", "--alias", name, "--via", via, "--to", name, *more)

    def unportal(self, name):
        self.run("tcp-inlet", "delete", name, "--at", "n1")
        self.run("tcp-outlet", "delete", name, "--at", "n2")


def memory(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(field + ":"))


def cpu(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sanitized(pid):
    with open(f"/proc/{pid}/maps") as maps:
        return "san.so" in maps.read()


class Cutter(threading.Thread):
    """Every second or two something that carries the connections breaks."""

    def __init__(self, world, seed, every):
        super().__init__()
        self.w, self.dice, self.every = world, random.Random(seed), every
        self.stopping, self.done, self.error = threading.Event(), {}, None
        self.kills = {}

    def run(self):
        try:
            cut = self.relay_plane
            while not self.stopping.wait(self.every * (0.5 + self.dice.random())):
                cut()
                self.done[cut.__name__] = self.done.get(cut.__name__, 0) + 1
                cut = self.dice.choice([self.relay_plane, self.link, self.relay_node, self.end_plane, self.end_control])
        except (RuntimeError, subprocess.TimeoutExpired, OSError) as e:
            self.error = e

    def plane(self, node):
        now = time.monotonic()
        recent = [t for t in self.kills.get(node, []) if now - t < 40]
        if len(recent) == 3:  # five would be a crash loop, after which the node is not started again
            return self.link()
        self.kills[node] = recent + [now]
        pid = self.w.show(node)["dataplane"].get("pid")
        if pid:  # else it is being started again
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def relay_plane(self):
        self.plane("relay")

    def end_plane(self):
        self.plane(self.dice.choice(["n1", "n2"]))

    def end_control(self):
        """Connections go on without it; the next ones wait for a new one."""
        node = self.dice.choice(["n1", "n2"])
        os.kill(self.w.show(node)["pid"], signal.SIGKILL)
        self.w.run("node", "start", node)

    def link(self):
        links = json.loads(self.w.run("tcp-connection", "list", "--at", "n1", "--output", "json"))
        if links:
            try:
                self.w.run("tcp-connection", "delete", self.dice.choice(links)["address"], "--at", "n1")
            except RuntimeError as e:
                if "exit 66" not in str(e): # it has just gone
                    raise

    def relay_node(self):
        self.w.run("node", "stop", "relay")
        self.w.run("node", "start", "relay")


class Report:
    def __init__(self):
        self.failures = []

    def fail(self, text):
        self.failures.append(text)
        print(f"  NOT MET: {text}", flush=True)


def run_soak(world, report, o, name):
    cuts = name == "cuts"
    seed = o.seed + ["direct", "relay", "cuts"].index(name)
    p = subprocess.Popen([o.soak, "--seconds", str(o.seconds), "--connections", str(o.connections), "--seed",
                          str(seed), "--bound-ms", str(o.bound_ms), *(["--cuts"] if cuts else [])],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    inlet = world.portal(name, p.stdout.readline().strip(), name != "direct")
    begin = time.monotonic()
    p.stdin.write(inlet + "\n")
    p.stdin.close()
    cutter = Cutter(world, seed, o.cut_every)
    if cuts:
        cutter.start()
        time.sleep(o.seconds)
        cutter.stopping.set()
        cutter.join()
        if cutter.error:
            report.fail(f"a cut could not be made: {cutter.error}")
    out = p.stdout.read().strip()
    p.stdout.close()
    print(f"{name}: {time.monotonic() - begin:.1f} s {out}{' ' + json.dumps(cutter.done) if cuts else ''}", flush=True)
    if p.wait():
        report.fail(f"{name}: seed {seed} ended with {p.returncode}")
        return
    got = json.loads(out)
    if not got["clean"] or not got["reset"] or (cuts and not got["cut"]):
        report.fail(f"{name}: it tested less than it should")
    world.unportal(name)


class Crowd:
    def __init__(self, program):
        self.p = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = self.p.stdout.readline().strip()

    def say(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()

    def ask(self, line):
        self.say(line)
        return [int(x) for x in self.p.stdout.readline().split()]

    def end(self):
        self.p.stdin.close()
        self.p.stdout.close()
        self.p.wait()


def run_crowd(world, report, o):
    """How much memory both processes of each node have with so many connections more than before."""
    crowd = Crowd(o.crowd_program)
    try:
        crowd.say("to " + world.portal("crowd", crowd.port, False))
        pids = {n: world.pids(n) for n in ("n1", "n2")}
        slow = sanitized(pids["n1"][1])
        crowd.ask("open 10")
        before = {n: sum(memory(p) for p in pids[n]) for n in pids}
        good, bad, ms = crowd.ask(f"open {o.crowd}")
        after = {n: sum(memory(p) for p in pids[n]) for n in pids}
        print(f"crowd: {good} connections in {ms} ms, {bad} failed; resident of both processes: " + ", ".join(
            f"{n} {before[n] / MIB:.1f} -> {after[n] / MIB:.1f} MiB ({(after[n] - before[n]) / max(good, 1):.0f} B each)"
            for n in pids), flush=True)
        if bad:
            report.fail(f"{bad} of {o.crowd} connections failed")
        most = CROWD_BASE + CROWD_BYTES * o.crowd // CROWD_OF
        for n in pids:
            if after[n] > most and not slow:
                report.fail(f"{n} has {after[n] / MIB:.1f} MiB, more than {most / MIB:.1f}")
        again, lost, ms = crowd.ask("check")
        print(f"crowd: all asked again: {again} answered, {lost} did not, in {ms} ms", flush=True)
        if lost:
            report.fail(f"{lost} connections were dead")
        used = sum(cpu(p) for n in pids for p in pids[n])
        made, failed, ms = crowd.ask(f"rate {o.rate_seconds} 64")
        used = sum(cpu(p) for n in pids for p in pids[n]) - used
        print(f"crowd: {made * 1000 / ms:.0f} connections a second beside them, {failed} failed, "
              f"{used * 1e6 / max(made, 1):.0f} us of CPU each in both nodes", flush=True)
        if failed:
            report.fail(f"{failed} new connections failed")
        crowd.ask("close")
        until = time.monotonic() + 30
        while world.run("tcp-outlet", "show", "crowd", "--at", "n2", "--jq", ".open") != "0":
            if time.monotonic() > until:
                report.fail("connections are left over at the outlet")
                break
            time.sleep(0.1)
        left = {n: sum(memory(p) for p in pids[n]) for n in pids}
        print("crowd: afterwards " + ", ".join(f"{n} {left[n] / MIB:.1f} MiB" for n in pids), flush=True)
    finally:
        crowd.end()
    world.unportal("crowd")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("ockam")
    args.add_argument("soak")
    args.add_argument("crowd_program")
    args.add_argument("directory")
    args.add_argument("--seconds", type=int, default=60)
    args.add_argument("--connections", type=int, default=200)
    args.add_argument("--crowd", type=int, default=CROWD_OF)
    args.add_argument("--rate-seconds", type=int, default=5)
    args.add_argument("--bound-ms", type=int, default=60000)
    args.add_argument("--cut-every", type=float, default=2.0)
    args.add_argument("--seed", type=int, default=None)
    args.add_argument("--only", default="direct,relay,cuts,crowd")
    o = args.parse_args()
    if o.seed is None:
        o.seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {o.seed}", flush=True)
    world, report = World(o.ockam, o.directory), Report()
    try:
        world.start()
        for part in o.only.split(","):
            if part == "crowd":
                run_crowd(world, report, o)
            else:
                run_soak(world, report, o, part)
    finally:
        world.stop()
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
