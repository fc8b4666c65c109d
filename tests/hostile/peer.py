# SPDX-License-Identifier: Apache-2.0
"""Both ends of a secure channel (docs/protocol.md 8, 11), written from the document and not from the
code. Every value that an honest end would choose can be chosen otherwise."""
import struct

import cbor
import frame
import identity
import noise
from link import PATIENCE, Missing
from session import Session

PROLOGUE = b"ockam/1\0"
XX = 1
PAYLOAD_MAX = 8192


class HandshakeError(Exception):
    pass


class Refused(Exception):
    """The node said CLOSE with this code."""

    def __init__(self, code):
        super().__init__(f"CLOSE {code}")
        self.code = code


def grease(rng):
    return {rng.randrange(1000, 1 << 32): rng.randrange(1 << 32)}


def payload(rng, who, static, suites, lr=None, **other):
    """What messages 2 and 3 carry. `history`, `attestation`, `credentials`, `parameters` replace parts."""
    parts = [other.get("history", who.history()), other.get("attestation") or who.attest(static),
             other.get("credentials", []), other.get("parameters", {1: list(suites)} | grease(rng))]
    return cbor.encode(parts + ([] if lr is None else [lr]))


class End:
    """What both roles have: an identity, a static key, a label for what they want to receive."""

    def __init__(self, lab, who=None, suites=(1, 2), static=None, ephemeral=None, label=None):
        self.lab, self.who, self.suites = lab, who or lab.alice, suites
        self.static = static or noise.KeyPair(lab.rng.randbytes(32))
        self.ephemeral = ephemeral or noise.KeyPair(lab.rng.randbytes(32))
        self.label = label or lab.rng.randrange(1, 1 << 32)
        self.peer = None  # identifier, when proved

    def check(self, plain, fields):
        if len(plain) > PAYLOAD_MAX:
            raise HandshakeError("payload")
        parts = cbor.decode(plain)
        if len(parts) != fields or not isinstance(parts[3], dict):
            raise HandshakeError("payload")
        self.peer = identity.check_attestation(parts[1], parts[0], self.noise.remote_static, self.lab.now)
        return parts


class Initiator(End):
    def __init__(self, lab, suite=1, listener="api", suites=None, extensions=None, frame_max=frame.FRAME_MAX,
                 pattern=XX, **end):
        super().__init__(lab, suites=suites or (suite, 3 - suite), **end)
        self.suite, self.listener = suite, listener
        name = listener if isinstance(listener, bytes) else listener.encode()
        extensions = cbor.encode(grease(lab.rng)) if extensions is None else extensions
        self.end = (struct.pack(">BBHI", suite, pattern, frame_max, self.label) + bytes([len(name) & 255]) + name +
                    bytes([len(extensions)]) + extensions)
        self.noise = noise.Handshake(suite if suite in noise.SUITES else 1, PROLOGUE + self.end, True, self.static,
                                     self.ephemeral)
        self.end += self.noise.write()

    def init(self, route=None, hops_left=frame.HOPS, path_max=frame.FRAME_MAX, flags=0):
        route = [frame.service(self.listener)] if route is None else route
        return frame.Frame(frame.INIT, label=self.label,
                           body=frame.with_hop_part([hops_left, path_max, flags, route], self.end))

    def read(self, resp):
        """Checks RESP; the responder's identifier."""
        hop, end = frame.hop_and_end(resp.body)
        self.path_max = hop[1]
        self.peer_label = int.from_bytes(end[:4], "big")
        self.seen = parts = self.check(self.noise.read(end[4:]), 5)
        if parts[4] != self.peer_label:
            raise HandshakeError("Lr")
        if self.suite != next(s for s in self.suites if s in parts[3][1]):
            raise HandshakeError("suite")
        return self.peer

    def finish(self, message=None, **other):
        """FINISH; `message` replaces the payload of message 3."""
        if message is None:
            message = payload(self.lab.rng, self.who, self.static.public, self.suites, **other)
        return frame.Frame(frame.FINISH, label=self.peer_label, body=self.noise.write(message))

    def session(self):
        return Session(self.suite, self.noise.split(), self.noise.hash, True, self.peer_label, self.label)


class Responder(End):
    def __init__(self, lab, init, **end):
        super().__init__(lab, **end)
        self.hop, end_part = frame.hop_and_end(init.body)
        self.suite, pattern, self.frame_max, self.peer_label = struct.unpack_from(">BBHI", end_part)
        n = end_part[8]
        self.listener, rest = end_part[9:9 + n].decode(), end_part[9 + n:]
        m = rest[0]
        if pattern != XX or self.suite not in noise.SUITES or self.peer_label != init.label or len(rest) < 33 + m:
            raise HandshakeError("INIT")
        if m and not isinstance(cbor.decode(rest[1:1 + m]), dict):
            raise HandshakeError("extensions")
        prologue = end_part[:10 + n + m]
        self.noise = noise.Handshake(self.suite, PROLOGUE + prologue, False, self.static, self.ephemeral)
        self.noise.read(rest[1 + m:])

    def resp(self, message=None, lr=None, path_max=None, **other):
        if message is None:
            message = payload(self.lab.rng, self.who, self.static.public, self.suites,
                              self.label if lr is None else lr, **other)
        end = struct.pack(">I", self.label) + self.noise.write(message)
        hop = [frame.HOPS, path_max or min(self.hop[1], frame.FRAME_MAX), 0, []]
        self.sent = frame.Frame(frame.RESP, label=self.peer_label, body=frame.with_hop_part(hop, end))
        return self.sent

    def read(self, finish):
        """Checks FINISH; the initiator's identifier."""
        self.check(self.noise.read(finish.body), 4)
        return self.peer

    def session(self):
        return Session(self.suite, self.noise.split(), self.noise.hash, False, self.peer_label, self.label)


class Channel:
    """A session over a link, which answers PING as an honest end does."""

    def __init__(self, link, session, peer):
        self.link, self.session, self.peer = link, session, peer
        self.parts = {}  # of messages whose end has not come, by stream

    def send(self, *records, **how):
        sealed = self.session.seal(b"".join(records), **how)
        self.link.send(sealed)
        return sealed

    def receive(self, timeout=15):
        """The records of the next DATA frame that holds more than PING and PONG; CLOSE raises Refused."""
        while True:
            got = self.link.expect(lambda f: f.kind == frame.DATA and f.label == self.session.receive_label, timeout)
            records = self.session.open(got)
            if records is None:
                raise HandshakeError("DATA does not open")
            for kind, _flags, _stream, body in records:
                if kind == frame.PING:
                    self.send(frame.pong(struct.unpack(">QI", body)[0], self.session.peer_epoch))
                elif kind == frame.CLOSE:
                    raise Refused(body[0])
            rest = [r for r in records if r[0] not in (frame.PING, frame.PONG, frame.PAD)]
            if rest:
                return rest

    def confirmed(self, timeout=15):
        """The responder's first DATA frame, which holds PING, opens."""
        got = self.link.expect(lambda f: f.kind == frame.DATA and f.label == self.session.receive_label, timeout)
        records = self.session.open(got)
        if not records:
            raise HandshakeError("DATA does not open")
        for kind, _flags, _stream, body in records:
            if kind == frame.CLOSE:
                raise Refused(body[0])
            if kind == frame.PING:
                self.send(frame.pong(struct.unpack(">QI", body)[0], self.session.peer_epoch))
        return self

    def request(self, service, text, route=None):
        """Sends a routed message and returns the payload of its answer."""
        handle = self.link.lab.rng.randbytes(16)
        route = [frame.service(service)] if route is None else route
        self.send(frame.record(frame.MSG, frame.message(frame.REQUEST, route, handle, text),
                               stream=self.link.lab.rng.randrange(1 << 32)))
        while True:
            for answer, _hops, back, none, reply in self.messages():
                if none is None and back == [[frame.SERVICE, handle]]:
                    return reply if answer == frame.REPLY else (answer, reply)

    def messages(self):
        """The messages whose last part is in the next frame that has any."""
        out = []
        while not out:
            for kind, flags, stream, body in self.receive():
                if kind == frame.MSG:
                    whole = self.parts.pop(stream, b"") + body
                    if flags & frame.MORE:
                        self.parts[stream] = whole
                    else:
                        out.append(cbor.decode(whole))
        return out

    def serve(self, answer):
        """Answers the next request with answer(payload); its route and payload."""
        while True:
            for kind, _hops, route, handle, text in self.messages():
                if kind == frame.REQUEST:
                    back = frame.message(frame.REPLY, [[frame.SERVICE, handle]], None, answer(text))
                    self.send(frame.record(frame.MSG, back, stream=self.link.lab.rng.randrange(1 << 32)))
                    return route, text

    def close(self):
        self.send(frame.record(frame.CLOSE, b"\0"))


def is_resp(label):
    return lambda f: f.kind == frame.RESP and f.label == label


def connect(link, lab, route=None, want=None, **end):
    """An honest channel over a link."""
    us = Initiator(lab, **end)
    link.send(us.init(route))
    us.read(link.expect(is_resp(us.label)))
    if want and us.peer != want:
        raise HandshakeError("another identity answered")
    return persist(link, us.finish(), Channel(link, us.session(), us.peer))


def persist(link, finish, channel, tries=5):
    """Repeats FINISH, the same bytes, until the responder has confirmed."""
    for _ in range(tries):
        link.send(finish)
        try:
            return channel.confirmed(PATIENCE / tries)
        except Missing:
            continue
    raise Missing("no confirmation")


def accept(link, lab, **end):
    """Waits for INIT on a link and answers as an honest responder does."""
    us = Responder(lab, link.expect(lambda f: f.kind == frame.INIT), **end)
    link.send(us.resp())
    return confirm(link, us)


def confirm(link, us):
    """Waits for FINISH; until it comes a repeated INIT is answered by the same RESP."""
    def wanted(f):
        return f.kind == frame.FINISH and f.label == us.label or f.kind == frame.INIT and f.label == us.peer_label
    while (got := link.expect(wanted)).kind == frame.INIT:
        link.send(us.sent)
    us.read(got)
    channel = Channel(link, us.session(), us.peer)
    channel.send(frame.ping(1))
    return channel
