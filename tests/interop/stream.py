# SPDX-License-Identifier: Apache-2.0
"""Streams inside a channel (docs/protocol.md, 12): what a TCP connection becomes."""
import struct

from noise import Refused

OPEN, ACCEPT, REFUSE, STREAM, WINDOW = range(16, 21)
FIN, RST, LIMIT = 1, 2, 4
FIRST_CREDIT = 64 << 10  # what the opener may send at once
SESSION_CREDIT = 4 << 20
MINE = 256 << 10  # what this end takes of a stream
PIECE = 16 << 10


class Stream:
    """One stream of a channel. Everything that is sent waits for credit, of the stream and of the session."""

    def __init__(self, streams, number, limit):
        self.streams, self.number, self.limit = streams, number, limit
        self.accepted, self.sent, self.taken, self.received, self.ended = False, 0, 0, b'', False

    def record(self, kind, body, flags=0):
        self.streams.channel.send((kind, self.number, body, flags))

    def write(self, data, fin=False):
        at = 0
        while at < len(data) or fin:
            piece = data[at:at + min(PIECE, self.streams.room(self))]
            last = fin and at + len(piece) == len(data)
            if not piece and not (last and self.streams.room(self)):
                self.streams.step()  # a WINDOW will come
                continue
            self.record(STREAM, struct.pack('>Q', self.sent) + piece, FIN if last else 0)
            self.sent += len(piece) + last
            self.streams.sent += len(piece) + last
            at += len(piece)
            if last:
                return

    def read(self, n=None):
        """n bytes, or all until the other end's FIN."""
        while (len(self.received) < n) if n is not None else not self.ended:
            self.streams.step()
        got, self.received = (self.received[:n], self.received[n:]) if n is not None else (self.received, b'')
        return got


class Streams:
    """Those of one channel."""

    def __init__(self, channel):
        self.channel, self.all, self.asked, self.early = channel, {}, [], {}
        self.sent, self.limit, self.consumed, self.next = 0, SESSION_CREDIT, 0, 1
        channel.on_stream = self.on_record

    def step(self):
        code = self.channel.take()
        if code is not None:
            raise Refused(f'CLOSE {code}')

    def room(self, s):
        return min(s.limit - s.sent, self.limit - self.sent)

    def open(self, service):
        """As the channel's initiator: odd numbers."""
        s = self.all[self.next] = Stream(self, self.next, FIRST_CREDIT)
        self.next += 2
        name = service.encode()
        s.record(OPEN, struct.pack('>QB', MINE, len(name)) + name)
        while not s.accepted:
            self.step()
        return s

    def accept(self):
        """The next that the peer opens, and for which service."""
        while not self.asked:
            self.step()
        number, limit, service = self.asked.pop(0)
        s = self.all[number] = Stream(self, number, limit)
        s.record(ACCEPT, struct.pack('>Q', MINE))
        for flags, body in self.early.pop(number, []):
            self.on_record(STREAM, flags, number, body)
        return s, service

    def on_record(self, kind, flags, number, body):
        s = self.all.get(number)
        if kind == OPEN:
            limit, n = struct.unpack_from('>QB', body)
            self.asked.append((number, limit, body[9:9 + n].decode()))
        elif kind == WINDOW:
            _, limit = struct.unpack('>QQ', body)
            holder = s if number else self
            holder.limit = max(holder.limit, limit)
        elif kind == ACCEPT:
            s.accepted, (s.limit,) = True, struct.unpack('>Q', body)
        elif kind == REFUSE:
            raise Refused(f'REFUSE {body[0]}')
        elif kind == STREAM and not s:  # with OPEN in one frame; nothing may be said before ACCEPT
            self.early.setdefault(number, []).append((flags, body))
        elif kind == STREAM:
            self.on_bytes(s, flags, *struct.unpack_from('>Q', body), body[8:])

    def on_bytes(self, s, flags, offset, data):
        if flags & RST:
            raise Refused('a reset')
        if offset != s.taken:
            raise Refused(f'offset {offset} instead of {s.taken}')
        s.received += data
        s.taken += len(data) + (flags & FIN)
        s.ended = bool(flags & FIN)
        self.consumed += len(data) + (flags & FIN)
        self.channel.send((WINDOW, s.number, struct.pack('>QQ', s.taken, s.taken + MINE)),
                          (WINDOW, 0, struct.pack('>QQ', self.consumed, self.consumed + SESSION_CREDIT)))
