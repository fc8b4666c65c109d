# SPDX-License-Identifier: Apache-2.0
"""A link over UDP, as the one that dials (docs/protocol.md, 3: datagram links)."""
import os
import random
import socket
import struct

from frame import COOKIE, DATA, FINISH, HELLO, LINK, PING, PONG, WAIT_S, frame
from identity import dump, load
from noise import Refused

DATAGRAM_MAX = 65507
HELLO_SIZE = 256
LOSSY = 1


class DatagramLink:
    """One datagram is one frame. All but DATA and FINISH carry the receiver's tag in `seq`."""

    frame_max, path_flags, piece_max = DATAGRAM_MAX, LOSSY, 1024

    def __init__(self, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(('127.0.0.1', port))
        self.tag_rx, self.tag_tx = int.from_bytes(os.urandom(8), 'big') | 1, 0
        self.say_hello()
        kind, _, _, _, cookie = self.read()
        if kind != COOKIE or len(cookie) != 17:
            raise Refused(f'no COOKIE but {kind}')
        self.say_hello(cookie)
        kind, sub, _, _, body = self.read()
        if (kind, sub) != (LINK, HELLO):
            raise Refused(f'no HELLO but {kind} {sub}')
        theirs = load(body)
        self.frame_max, self.tag_tx, self.token = min(theirs[2], DATAGRAM_MAX), theirs[4], theirs[6]

    def say_hello(self, cookie=None):
        fields = {1: [1], 2: DATAGRAM_MAX, 3: 0, 4: self.tag_rx, random.randrange(1000, 1 << 32): 7}
        if cookie:
            fields[5] = cookie
        fields[8] = b''
        for n in range(HELLO_SIZE): # as many bytes as make it the whole size
            fields[8] = bytes(n)
            data = frame(LINK, HELLO, 0, dump(fields))
            if len(data) == HELLO_SIZE:
                break
        self.send(data)

    def send(self, data):
        if data[0] & 15 not in (DATA, FINISH):
            data = data[:8] + self.tag_tx.to_bytes(8, 'big') + data[16:]
        self.sock.send(data)

    def read(self):
        """Kind, sub, label, header, body of the next frame that is for us."""
        while True:
            whole = self.sock.recv(65536)
            if len(whole) < 16:
                continue
            first, sub, length, label, tag = struct.unpack_from('>BBHIQ', whole)
            kind = first & 15
            if first >> 4 == 1 and length == len(whole) and (kind in (DATA, FINISH) or tag == self.tag_rx):
                return kind, sub, label, whole[:16], whole[16:]

    def recv(self):
        while True:
            got = self.read()
            if got[0] != LINK:
                return got
            if got[1] == PING:
                self.send(frame(LINK, PONG, 0, got[4]))

    def close(self):
        self.sock.close()
