# SPDX-License-Identifier: Apache-2.0
"""Frames, hop parts, routes and inner records (docs/protocol.md 2, 4, 6, 11)."""
import struct
from dataclasses import dataclass, replace

import cbor

CONTROL, INIT, RESP, FINISH, DATA, RESET, COOKIE, LINK = range(1, 9)
SUITE_REFUSED = 0x80  # sub of RESP
KINDS = {1: "CONTROL", 2: "INIT", 3: "RESP", 4: "FINISH", 5: "DATA", 6: "RESET", 7: "COOKIE", 8: "LINK"}
HELLO, BYE, LINK_PING, LINK_PONG, PAUSE, RESUME, TOOBIG = range(7)
PAD, PING, PONG, CLOSE, MSG, FRAME = range(6)
MORE = 1
REQUEST, REPLY, ERROR = range(3)
COLLISION, UNKNOWN, IDLE, LINK_LOST, NO_ROUTE, NOT_FOUND, TRANSIT, LOOP, OVERRUN, DONE, REFUSED = range(1, 12)
RECEIVER_SENDS = 0x80
IP4, TCP, SERVICE, WORKER, NODE, SECURE = 4, 6, 62526, 102526, 72526, 99526
HEADER, TAG = 16, 16
HOPS, FRAME_MAX = 16, 65535


class Malformed(Exception):
    pass


@dataclass(frozen=True)
class Frame:
    kind: int
    sub: int = 0
    label: int = 0
    seq: int = 0
    body: bytes = b""
    version: int = 1

    def head(self, extra=0):
        return struct.pack(">BBHIQ", self.version << 4 | self.kind, self.sub, HEADER + len(self.body) + extra,
                           self.label, self.seq)

    def encode(self):
        return self.head() + self.body

    def but(self, **changes):
        return replace(self, **changes)

    def __str__(self):
        return f"{KINDS.get(self.kind, self.kind)} sub {self.sub} label {self.label:08x} seq {self.seq} +{len(self.body)}"


def parse(data):
    first, sub, length, label, seq = struct.unpack_from(">BBHIQ", data)
    if length != len(data):
        raise Malformed("length")
    return Frame(first & 15, sub, label, seq, bytes(data[HEADER:]), first >> 4)


def split(buffer):
    """Takes the whole frames out of a bytearray."""
    out = []
    while len(buffer) >= HEADER:
        length = int.from_bytes(buffer[2:4], "big")
        if length < HEADER:
            raise Malformed(f"a frame of {length} bytes")
        if len(buffer) < length:
            break
        out.append(parse(bytes(buffer[:length])))
        del buffer[:length]
    return out


def service(name):
    return [SERVICE, name]


def ip4_tcp(port, host=bytes([127, 0, 0, 1])):
    return [[IP4, host], [TCP, port]]


def with_hop_part(hop_part, end):
    part = hop_part if isinstance(hop_part, bytes) else cbor.encode(hop_part)
    return struct.pack(">H", len(part)) + part + end


def hop_and_end(body):
    """The hop part, decoded, and the end part, in bytes."""
    n = int.from_bytes(body[:2], "big")
    if len(body) < 2 + n:
        raise Malformed("hop part")
    return cbor.decode(body[2:2 + n]), body[2 + n:]


def link_frame(sub, body=b""):
    return Frame(LINK, sub, body=body)


def reset(label, code, hops_left=HOPS, receiver_sends=False):
    return Frame(RESET, code | (RECEIVER_SENDS if receiver_sends else 0), label, body=cbor.encode([hops_left]))


def control(route, kind, payload, handle, hops_left=HOPS, path_max=FRAME_MAX):
    hop = [hops_left, path_max, 0, route, handle]
    return Frame(CONTROL, body=with_hop_part(hop, cbor.encode([kind, payload])))


def record(kind, body=b"", stream=0, flags=0, length=None):
    return struct.pack(">BBHI", kind, flags, len(body) if length is None else length, stream) + body


def records(plain):
    out = []
    while plain:
        if len(plain) < 8:
            raise Malformed("a record without a header")
        kind, flags, length, stream = struct.unpack_from(">BBHI", plain)
        if len(plain) < 8 + length:
            raise Malformed("a record that does not fit its frame")
        out.append((kind, flags, stream, plain[8:8 + length]))
        plain = plain[8 + length:]
    return out


def ping(timestamp, epoch=0):
    return record(PING, struct.pack(">QI", timestamp, epoch))


def pong(timestamp, epoch=0):
    return record(PONG, struct.pack(">QI", timestamp, epoch))


def message(kind, route, handle, payload, hops_left=HOPS):
    return cbor.encode([kind, hops_left, route, handle, payload])
