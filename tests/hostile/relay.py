# SPDX-License-Identifier: Apache-2.0
"""A hop between two real nodes that does what it likes with the frames: it has no keys, as no hop has.
Links are taken apart into frames, `rule(way, frame)` says what goes on instead, and more can be put in."""
import select
import socket
import threading

import frame

OUT, BACK = "out", "back"  # from the side that dialled, and to it


class Relay(threading.Thread):
    """Listens on .port for links to `port`. rule: (way, Frame) → what to send on, Frames or bytes; None: as it is."""

    def __init__(self, lab, port, rule=None):
        super().__init__(daemon=True)
        self.lab, self.to, self.rule = lab, port, rule
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.seen = {OUT: [], BACK: []}
        self.pairs, self.lock = [], threading.Lock()
        self.running, self.failed = True, None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running = False
        self.join()
        for sock in (self.listener, *[s for pair in self.pairs for s in pair.values()]):
            sock.close()
        if self.failed:
            raise self.failed

    def run(self):
        streams = {}
        while self.running:
            sockets = [self.listener, *streams]
            for sock in select.select(sockets, [], [], 0.02)[0]:
                if sock is self.listener:
                    self._accept(streams)
                    continue
                try:
                    self._pass(sock, streams)
                except OSError:
                    self._end(sock, streams)
                except Exception as error:  # told to whoever made the rule
                    self.failed = error
                    self._end(sock, streams)

    def _accept(self, streams):
        near = self.listener.accept()[0]
        far = socket.create_connection(("127.0.0.1", self.to))
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = {OUT: far, BACK: near}
        self.pairs.append(pair)
        streams[near] = (OUT, pair, bytearray(), self.lab.record())
        streams[far] = (BACK, pair, bytearray(), self.lab.record())

    def _pass(self, sock, streams):
        way, pair, buffer, record = streams[sock]
        data = sock.recv(1 << 18)
        if not data:
            raise OSError("closed")
        record += data
        buffer += data
        for f in frame.split(buffer):
            self.seen[way].append(f)
            instead = self.rule(way, f) if self.rule else None
            self._send(pair[way], [f] if instead is None else instead)

    def _send(self, sock, frames):
        with self.lock:
            sock.sendall(b"".join(f if isinstance(f, bytes) else f.encode() for f in frames))

    def _end(self, sock, streams):
        if sock not in streams:
            return
        pair = streams[sock][1]
        for end in pair.values():
            streams.pop(end, None)
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def put(self, way, *frames):
        """Puts frames into the newest link."""
        self._send(self.pairs[-1][way], frames)

    def of(self, way, kind):
        return [f for f in self.seen[way] if f.kind == kind]
