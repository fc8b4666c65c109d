# SPDX-License-Identifier: Apache-2.0
"""Real nodes under attack, and what must be true of them after each attack.

    initiator   opens channels to where the attacker waits
    responder   accepts alice, whom the attacker plays
    bystander   has a channel with each of them, on links of its own
    relay       of another home, passes on for others (--transit), has a channel with the responder
"""
import hashlib
import random
import shutil
import tempfile
import time

import frame
import identity
import link
from node import Broken, Home, Node, finish

MARK = b"nobody on the way can read this"
GROWTH = 192 << 10  # KiB that a node may grow by over all attacks: its limits, 64 MiB of messages above all


class Lab:
    def __init__(self, ockam, seed):
        self.seed, self.now = seed, int(time.time())
        self.records, self.attacks, self.held = [], 0, 0
        self.begin("people")
        self.alice = self.person(1)
        self.mallory = self.person(1)
        self.root = tempfile.mkdtemp(prefix="hostile-")
        self.home = Home(ockam, self.root, "home")
        self.relay_home = Home(ockam, self.root, "relay")

    def start(self):
        alice = ("--authorized", self.alice.name)
        self.relay = Node(self.relay_home, "relay", "--transit", "127.0.0.0/8", *alice)
        self.initiator = Node(self.home, "initiator", *alice)
        self.responder = Node(self.home, "responder", *alice, "--authorized", self.relay.identity)
        self.bystander = Node(self.home, "bystander")
        self.nodes = (self.initiator, self.responder, self.bystander, self.relay)
        self.honest = [(a, a.home.run("secure-channel", "create", "--from", a.name, "--to", f"{b.address}/service/api",
                                      "--authorized", b.identity))
                       for a, b in ((self.initiator, self.bystander), (self.bystander, self.responder),
                                    (self.relay, self.responder))]
        # a route may lead the relay to itself; links are closed only 30 s after their last path
        self.relay.home.run("tcp-connection", "create", "--from", "relay", "--to", f"127.0.0.1:{self.relay.port}")
        self.secrets = []
        for home in (self.home, self.relay_home):
            name, history = home.secrets()
            self.secrets += [name.encode(), name[1:].encode(), bytes.fromhex(name[1:]), history[-64:], history[:64]]
        self.secrets += [MARK, MARK.upper()]
        self.check_honest()
        self.before = {n: n.state() for n in self.nodes}
        self.resident = {n: n.resident() for n in self.nodes}

    def begin(self, name):
        """Each attack has its own random numbers, so that it runs alone as it does among all."""
        self.rng = random.Random(hashlib.sha256(f"{self.seed}/{name}".encode()).digest())

    def did(self, count=1):
        """So many attacks were made; whoever calls this has seen them held."""
        self.attacks += count
        self.held += count

    def record(self):
        self.records.append(bytearray())
        return self.records[-1]

    def person(self, changes):
        return identity.Identity([self.rng.randbytes(32) for _ in range(changes)], self.now)

    def dial(self, node=None):
        return link.dial((node or self.responder).port, self).greet()

    def create(self, port, to="/service/api", timeout="20s", authorized=True, options=()):
        """The initiator is told to open a channel to a port of ours."""
        allow = ("--authorized", self.alice.name) if authorized else ()
        return self.home.start("secure-channel", "create", "--from", "initiator", "--to",
                               f"/ip4/127.0.0.1/tcp/{port}{to}", "--timeout", timeout, *allow, *options)

    def send(self, channel, text=MARK):
        """The initiator is told to send through a channel."""
        return self.home.start("message", "send", text.decode(), "--from", "initiator", "--to",
                               f"{channel}/service/uppercase")

    def drop(self, channel):
        self.home.run("secure-channel", "delete", channel, "--at", "initiator")

    @staticmethod
    def until(true, what, patience=link.PATIENCE):
        end = time.monotonic() + patience
        while not true():
            if time.monotonic() > end:
                raise Broken(what)

    def check_honest(self):
        """Channels that no attacker is on the way of."""
        sent = [a.home.start("message", "send", "hello", "--from", a.name, "--to", f"{channel}/service/uppercase")
                for a, channel in self.honest]
        for process in sent:
            if finish(process)[0] != "HELLO":
                raise Broken("a channel of others does not work any more")

    def check(self):
        """What must hold after an attack."""
        for node in self.nodes:
            node.check_alive()
        self.check_honest()
        for node in self.nodes:
            node.settles(self.before[node])
        if self.home.reports():
            with open(self.home.reports()[0]) as report:
                raise Broken("a sanitizer reports:\n" + report.read(4000))

    def recover(self):
        """After an attack that got through: the next one begins with what this one left."""
        honest = {channel for _, channel in self.honest}
        for channel in set(self.initiator.channels()) - honest:
            self.drop(channel)
        self.before = {n: n.state() for n in self.nodes}

    def check_end(self):
        """Memory, and what the attackers were shown in all."""
        for node in self.nodes:
            grown = node.resident() - self.resident[node]
            if grown > GROWTH and not self.sanitized():
                raise Broken(f"{node.name} has grown by {grown} KiB")
        self.check_secrets()
        self.check_nonces()

    def sanitized(self):
        with open(f"/proc/{self.responder.pids[0]}/maps") as maps:
            return "libasan" in maps.read()

    def check_secrets(self):
        for record in self.records:
            for secret in self.secrets:
                if secret in record:
                    raise Broken(f"{secret!r} was sent in clear text")

    def check_nonces(self):
        """No node sealed two frames of a session under one number: no key was installed twice."""
        seen = set()
        for record in self.records:
            for f in self.whole(record):
                if f.kind != frame.DATA:
                    continue
                if (f.label, f.seq) in seen:
                    raise Broken(f"label {f.label:08x} has number {f.seq} twice")
                seen.add((f.label, f.seq))

    @staticmethod
    def whole(record):
        try:
            return frame.split(bytearray(record))
        except frame.Malformed as error:
            raise Broken(f"a node sent {error}") from error

    def stop(self):
        for home in (self.home, self.relay_home):
            home.delete()
        reports = self.home.reports()
        if not reports:
            shutil.rmtree(self.root, ignore_errors=True)
        return reports
