# SPDX-License-Identifier: Apache-2.0
"""A secure channel in both roles (docs/protocol.md, 4, 6, 8, 10, 11), on a path that loses nothing."""
import os
import random
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import identity
from frame import DATA, FINISH, FRAME_MAX, INIT, RESET, RESP, SERVICE, frame, header, new_label, split_parts, \
    two_parts
from identity import dump, load
from noise import Cipher, Handshake, Refused, expand, hkdf, public

REC_PAD, REC_PING, REC_PONG, REC_CLOSE, REC_MSG = range(5)
REC_OPEN = 16  # and all that are of streams
REQUEST, REPLY, ERROR = range(3)
MORE = 1
PIECES, REFUSED_SUITE = 0x4f, 0x80
RESET_DONE, RESET_UNKNOWN, RESET_REFUSED = 10, 2, 11
HOPS = 16


def payload(me, static, suites, *lr):
    extra = {1: suites, random.randrange(1000, 1 << 32): 1}
    return dump([me.history, me.attest(public(static)), [], extra, *lr])


def check_payload(data, handshake, me):
    history, attestation, _, parameters, *rest = load(data)
    if handshake.rs == public(handshake.s):
        raise Refused('it has our own static key')
    return identity.check(history, attestation, handshake.rs), parameters[1], rest


def agree(mine, theirs, suite):
    """The suite in use is the first of the initiator's list that the responder has."""
    if next((s for s in mine if s in theirs), None) != suite:
        raise Refused('somebody has changed the suite')


class Direction:
    """Keys of one direction: of the epoch in use, and of the next."""

    def __init__(self, suite, chain0):
        self.suite, self.chain, self.epoch, self.next_seq = suite, chain0, 0, 0
        self.cipher = Cipher(suite, expand(chain0, b'data'))

    def step(self):
        self.chain = expand(self.chain, b'next')
        self.cipher, self.epoch = Cipher(self.suite, expand(self.chain, b'data')), self.epoch + 1


class Channel:
    def __init__(self, link, handshake, peer, label_rx, label_tx):
        self.link, self.peer, self.label_rx, self.label_tx = link, peer, label_rx, label_tx
        k1, k2 = handshake.split()
        chains = hkdf(handshake.h, k1 + k2, [b'ockam/1 i2r', b'ockam/1 r2i'])
        tx, rx = chains if handshake.initiator else chains[::-1]
        self.tx, self.rx = Direction(handshake.suite, tx), Direction(handshake.suite, rx)
        self.parts, self.messages, self.number = {}, [], 0
        self.on_stream = None

    # records

    def send(self, *records):
        """Each is kind, stream, body[, flags]."""
        text = b''.join(struct.pack('>BBHI', r[0], r[3] if len(r) > 3 else 0, len(r[2]), r[1]) + r[2]
                        for r in records)
        head = header(DATA, self.tx.epoch & 0xff, 16 + len(text) + 16, self.label_tx, self.tx.next_seq)
        self.link.send(head + self.tx.cipher.seal(self.tx.next_seq, head, text))
        self.tx.next_seq += 1

    def open(self, sub, head, body):
        seq = int.from_bytes(head[8:], 'big')
        if seq < self.rx.next_seq or (seq > self.rx.next_seq and not self.link.path_flags):
            raise Refused(f'frame {seq} instead of {self.rx.next_seq}')
        if sub == self.rx.epoch + 1 & 0xff:
            self.rx.step()
        text = self.rx.cipher.open(seq, head, body)
        self.rx.next_seq = seq + 1
        while text:
            kind, flags, length, stream = struct.unpack_from('>BBHI', text)
            if len(text) < 8 + length:
                raise Refused('a record is larger than its frame')
            yield kind, flags, stream, text[8:8 + length]
            text = text[8 + length:]

    def take(self):
        """Handles one frame of this channel; the code of a CLOSE, or None."""
        kind, sub, label, head, body = self.link.recv()
        if kind == RESET and label == self.label_tx and sub & 0x7f != RESET_UNKNOWN:
            raise Refused(f'RESET {sub & 0x7f}')
        if kind != DATA or label != self.label_rx:
            return None
        for what, flags, stream, data in self.open(sub, head, body):
            if what == REC_PING:
                self.send((REC_PONG, 0, data[:8] + struct.pack('>I', self.rx.epoch)))
            elif what == REC_CLOSE:
                self.send((REC_CLOSE, 0, b'\0'))
                return data[0]
            elif what >= REC_OPEN:
                self.on_stream(what, flags, stream, data)
            elif what == REC_MSG:
                whole = self.parts.pop(stream, b'') + data
                if flags & MORE:
                    self.parts[stream] = whole
                else:
                    self.messages.append(load(whole))
        return None

    # messages

    def message(self, kind, onward, handle, content):
        body, self.number = dump([kind, HOPS, onward, handle, content]), self.number + 1
        pieces = [body[i:i + 16384] for i in range(0, len(body), 16384)]
        for i, piece in enumerate(pieces):
            self.send((REC_MSG, self.number, piece, MORE if i + 1 < len(pieces) else 0))

    def receive(self):
        while not self.messages:
            code = self.take()
            if code is not None:
                raise Refused(f'CLOSE {code}')
        return self.messages.pop(0)

    def ask(self, service, content):
        handle = os.urandom(16)
        self.message(REQUEST, [[SERVICE, service]], handle, content)
        kind, _, onward, back, answer = self.receive()
        if kind == ERROR and onward == [[SERVICE, handle]]:
            raise Refused(f'error {answer[0]}')
        if kind != REPLY or onward != [[SERVICE, handle]] or back is not None:
            raise Refused(f'no reply but {kind} {onward} {answer}')
        return answer

    def serve(self, services):
        """Answers one request by a function of `services`."""
        kind, _, onward, handle, content = self.receive()
        if kind != REQUEST or len(onward) != 1 or onward[0][1] not in services:
            self.message(ERROR, [[SERVICE, handle]], None, [6, HOPS, 'not found'])
            return
        self.message(REPLY, [[SERVICE, handle]], None, services[onward[0][1]](content))

    def close(self):
        self.send((REC_CLOSE, 0, b'\0'))
        while self.take() is None:
            pass
        self.link.send(frame(RESET, RESET_DONE, self.label_tx, dump([HOPS])))


class Pieces:
    """A handshake message that comes in one frame, or in several."""

    def __init__(self):
        self.got, self.last = {}, None

    def add(self, sub, data):
        """The whole, or None."""
        number = sub & 0x0f
        self.got[number] = data
        if not sub & 0x40:
            self.last = number
        if self.last is None or len(self.got) <= self.last:
            return None
        return b''.join(self.got[i] for i in range(self.last + 1))


def await_kind(link, wanted, label):
    """Frames of one kind with this label until the message is whole: hop part (None for FINISH), end part."""
    pieces, hop = Pieces(), None
    while True:
        kind, sub, at, _, body = link.recv()
        if at != label:
            continue
        if kind == RESET:
            raise Refused(f'RESET {sub & 0x7f}')
        if kind != wanted:
            continue
        if wanted == RESP and sub == REFUSED_SUITE:
            raise Refused('the suite is refused')
        if sub & ~PIECES:
            raise Refused(f'sub {sub:#x}')
        if wanted == RESP and not sub & 0x0f:
            hop, body = split_parts(body)
        whole = pieces.add(sub, body)
        if whole is not None:
            return hop, whole


def send_pieces(link, kind, label, hop, end, most):
    """In as many frames as it takes, none larger than `most`."""
    front = two_parts(hop, b'') if hop is not None else b''
    cut = most - 16 - len(front)
    parts = [end[i:i + cut] for i in range(0, len(end), cut)]
    for i, part in enumerate(parts):
        sub = i | (0x40 if i + 1 < len(parts) else 0)
        link.send(frame(kind, sub, label, (front if i == 0 else b'') + part))


def initiate(link, me, onward, listener, suite=1, suites=(1, 2)):
    """Opens a channel to `listener` along `onward`."""
    static, label = X25519PrivateKey.generate(), new_label()
    name, extensions = listener.encode(), dump({random.randrange(1000, 1 << 32): 1})
    front = struct.pack('>BBHIB', suite, 1, FRAME_MAX, label, len(name)) + name + bytes([len(extensions)]) + extensions
    noise = Handshake(suite, True, b'ockam/1\0' + front, static)
    link.send(frame(INIT, 0, label, two_parts([HOPS, link.frame_max, link.path_flags, onward], front + noise.write(b''))))
    hop, end = await_kind(link, RESP, label)
    label_tx, = struct.unpack_from('>I', end)
    peer, theirs, rest = check_payload(noise.read(end[4:]), noise, me)
    if rest != [label_tx]:
        raise Refused('somebody has changed the label')
    agree(suites, theirs, suite)
    finish = noise.write(payload(me, static, list(suites)))
    channel = Channel(link, noise, peer, label, label_tx)
    send_pieces(link, FINISH, label_tx, None, finish, min(hop[1], link.piece_max))
    while not channel.rx.next_seq: # the responder confirms by a frame
        code = channel.take()
        if code is not None:
            raise Refused(f'CLOSE {code}')
    return channel


def respond(link, me, listener, suites=(1, 2)):
    """Takes the next channel that somebody opens to `listener`."""
    while True:
        kind, _, label_tx, _, body = link.recv()
        if kind == INIT:
            break
    hop, end = split_parts(body)
    suite, pattern, frame_max, li, n = struct.unpack_from('>BBHIB', end)
    name, at = end[9:9 + n].decode(), 9 + n
    at += 1 + end[at]
    if pattern != 1 or suite not in suites or li != label_tx or name != listener or hop[3] != [[SERVICE, listener]]:
        raise Refused(f'an INIT for {name}, {hop}')
    static, label = X25519PrivateKey.generate(), new_label()
    noise = Handshake(suite, False, b'ockam/1\0' + end[:at], static)
    noise.read(end[at:])
    answer = struct.pack('>I', label) + noise.write(payload(me, static, list(suites), label))
    path_max = min(hop[1], frame_max, link.frame_max)
    send_pieces(link, RESP, label_tx, [HOPS, path_max, hop[2], []], answer, min(path_max, link.piece_max))
    _, finish = await_kind(link, FINISH, label)
    peer, theirs, _ = check_payload(noise.read(finish), noise, me)
    agree(theirs, suites, suite)
    channel = Channel(link, noise, peer, label, label_tx)
    channel.send((REC_PING, 0, bytes(8) + struct.pack('>I', 0)))
    return channel
