# SPDX-License-Identifier: Apache-2.0
"""Frames, and a link over TCP (docs/protocol.md, 2 and 3)."""
import os
import random
import socket
import struct

from identity import dump, load
from noise import Refused

CONTROL, INIT, RESP, FINISH, DATA, RESET, COOKIE, LINK = range(1, 9)
HELLO, BYE, PING, PONG, PAUSE, RESUME, TOOBIG = range(7)
FRAME_MAX = 65535
WAIT_S = 20
SERVICE = 62526


def header(kind, sub, length, label, seq=0):
    return struct.pack('>BBHIQ', 1 << 4 | kind, sub, length, label, seq)


def frame(kind, sub, label, body):
    return header(kind, sub, 16 + len(body), label) + body


def two_parts(hop, end):
    hop = dump(hop)
    return struct.pack('>H', len(hop)) + hop + end


def split_parts(body):
    n, = struct.unpack_from('>H', body)
    return load(body[2:2 + n]), body[2 + n:]


def route(text):
    """/ip4/127.0.0.1/tcp/4000/service/api as onward."""
    words = text.strip('/').split('/')
    out = []
    for code, value in zip(words[::2], words[1::2]):
        out.append({'ip4': lambda v: [4, socket.inet_aton(v)], 'tcp': lambda v: [6, int(v)],
                    'service': lambda v: [SERVICE, v]}[code](value))
    return out


class Link:
    """One TCP connection that has greeted. recv() gives frames other than those of the link itself."""

    path_flags, piece_max = 0, FRAME_MAX

    def __init__(self, sock, dialled):
        self.sock, self.got = sock, b''
        sock.settimeout(WAIT_S)
        hello = frame(LINK, HELLO, 0, dump({1: [1], 2: FRAME_MAX, 3: 0, random.randrange(1000, 1 << 32): 7}))
        if dialled:
            self.send(hello)
        kind, sub, _, _, body = self.read()
        if (kind, sub) != (LINK, HELLO):
            raise Refused(f'no HELLO but {kind} {sub}')
        theirs = load(body)
        if 1 not in theirs[1]:
            raise Refused(f'versions {theirs[1]}')
        self.frame_max = min(theirs[2], FRAME_MAX)
        if not dialled:
            self.send(hello)

    @classmethod
    def dial(cls, port):
        return cls(socket.create_connection(('127.0.0.1', port), WAIT_S), True)

    def send(self, data):
        self.sock.sendall(data)

    def need(self, n):
        while len(self.got) < n:
            piece = self.sock.recv(65536)
            if not piece:
                raise Refused('the link was closed')
            self.got += piece

    def read(self):
        """Kind, sub, label, header, body."""
        self.need(16)
        first, sub, length, label, _ = struct.unpack_from('>BBHIQ', self.got)
        if first >> 4 != 1 or length < 16:
            raise Refused('no frame of this version')
        self.need(length)
        whole, self.got = self.got[:length], self.got[length:]
        return first & 15, sub, label, whole[:16], whole[16:]

    def recv(self):
        while True:
            kind, sub, label, head, body = self.read()
            if kind != LINK:
                return kind, sub, label, head, body
            if sub == PING:
                self.send(frame(LINK, PONG, 0, body))
            elif sub == BYE:
                raise Refused('BYE')

    def close(self):
        self.sock.close()


def new_label():
    return int.from_bytes(os.urandom(4), 'big') or 1
