# SPDX-License-Identifier: Apache-2.0
"""One TCP link to a node: HELLO, frames in both directions (docs/protocol.md 3). Every byte that the node
sends is kept, since what a hostile peer was shown is searched in the end."""
import select
import socket
import time

import cbor
import frame

PATIENCE = 15  # seconds until something that must come counts as missing


class Gone(Exception):
    """The node closed the link."""


class Missing(Exception):
    """What had to come did not."""


def hello_body(rng, versions=(1,), largest=frame.FRAME_MAX):
    return cbor.encode({1: list(versions), 2: largest, 3: 0, rng.randrange(1000, 1 << 32): rng.randrange(1 << 32)})


class Link:
    def __init__(self, sock, lab, dialled):
        self.sock, self.lab, self.dialled = sock, lab, dialled
        self.buffer, self.inbox = bytearray(), []
        self.heard = lab.record()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def greet(self, **hello):
        """HELLO both ways; the side that dialled speaks first."""
        mine = frame.link_frame(frame.HELLO, hello_body(self.lab.rng, **hello))
        if self.dialled:
            self.send(mine)
        theirs = self.expect(lambda f: f.kind == frame.LINK and f.sub == frame.HELLO)
        values = cbor.decode(theirs.body)
        if 1 not in values[1] or values[2] < 1024:
            raise frame.Malformed("HELLO")
        if not self.dialled:
            self.send(mine)
        return self

    def send(self, *frames):
        try:
            self.sock.sendall(b"".join(f if isinstance(f, bytes) else f.encode() for f in frames))
        except OSError as error:
            raise Gone(str(error)) from error

    def _receive(self, timeout):
        """Waits for bytes; False when none came in time."""
        if not select.select([self.sock], [], [], max(0, timeout))[0]:
            return False
        try:
            data = self.sock.recv(1 << 18)
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("closed")
        self.heard += data
        self.buffer += data
        self.inbox += frame.split(self.buffer)
        return True

    def expect(self, wanted, timeout=PATIENCE):
        """The next frame for which wanted(frame); those before it stay in the inbox."""
        until = time.monotonic() + timeout
        at = 0
        while True:
            while at < len(self.inbox):
                if wanted(self.inbox[at]):
                    return self.inbox.pop(at)
                at += 1
            if not self._receive(until - time.monotonic()) and time.monotonic() >= until:
                raise Missing("; ".join(map(str, self.inbox[-5:])) or "nothing came")

    def take(self, wanted):
        """Takes the frames that are here already and for which wanted(frame)."""
        try:
            while self._receive(0):
                pass
        except Gone:
            pass
        out = [f for f in self.inbox if wanted(f)]
        self.inbox = [f for f in self.inbox if not wanted(f)]
        return out

    def closed(self, timeout=PATIENCE):
        """Waits until the node closes the link; what it still said is kept. False when it does not."""
        until = time.monotonic() + timeout
        try:
            while time.monotonic() < until:
                self._receive(until - time.monotonic())
        except (Gone, frame.Malformed):
            return True
        return False

    def echo(self, text=b"are you there"):
        """A routed message without a channel, and its answer: whether the node goes on with this link. Such
        messages are delivered at most once, so under load it is asked again."""
        until = time.monotonic() + PATIENCE
        while True:
            handle = self.lab.rng.randbytes(16)
            self.send(frame.control([frame.service("echo")], frame.REQUEST, text, handle))
            try:
                return self.expect(lambda f: f.kind == frame.CONTROL and self.answers(f, handle, text), PATIENCE / 5)
            except Missing:
                if time.monotonic() > until:
                    raise

    @staticmethod
    def answers(answer, handle, text):
        hop, end = frame.hop_and_end(answer.body)
        return hop[3] == [[frame.SERVICE, handle]] and cbor.decode(end) == [frame.REPLY, text]

    def settle(self):
        """All that was sent before has been acted upon: each plane has passed it and what it caused."""
        for _ in range(3):
            self.echo()


def dial(port, lab):
    return Link(socket.create_connection(("127.0.0.1", port), PATIENCE), lab, True)


class Listener:
    """A port that real nodes dial."""

    def __init__(self, lab):
        self.lab = lab
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.sock.settimeout(PATIENCE)
        self.port = self.sock.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def accept(self):
        try:
            return Link(self.sock.accept()[0], self.lab, False)
        except TimeoutError as error:
            raise Missing("nobody dialled") from error
