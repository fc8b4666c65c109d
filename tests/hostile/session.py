# SPDX-License-Identifier: Apache-2.0
"""Keys of a session, and DATA frames sealed and opened with them (docs/protocol.md 10)."""
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

import frame
import noise


def expand(secret, info):
    return HKDFExpand(hashes.SHA256(), 32, info).derive(secret)


class Direction:
    """The keys of one direction, by epoch."""

    def __init__(self, suite, chain):
        self.suite, self.chains = suite, [chain]
        self.aeads = {}

    def aead(self, epoch):
        while len(self.chains) <= epoch:
            self.chains.append(expand(self.chains[-1], b"next"))
        if epoch not in self.aeads:
            self.aeads[epoch] = noise.SUITES[self.suite][1](expand(self.chains[epoch], b"data"))
        return self.aeads[epoch]


class Session:
    def __init__(self, suite, split, handshake_hash, initiator, send_label, receive_label):
        prk = hmac.digest(handshake_hash, b"".join(split), "sha256")
        ways = [Direction(suite, expand(prk, b"ockam/1 i2r")), Direction(suite, expand(prk, b"ockam/1 r2i"))]
        self.suite = suite
        self.out, self.into = ways if initiator else ways[::-1]
        self.send_label, self.receive_label = send_label, receive_label
        self.seq = self.epoch = self.peer_epoch = 0

    def seal(self, plain, seq=None, epoch=None, label=None):
        """A DATA frame with these inner records; the next in line unless told otherwise."""
        if seq is None:
            seq, self.seq = self.seq, self.seq + 1
        epoch = self.epoch if epoch is None else epoch
        head = frame.Frame(frame.DATA, epoch & 255, self.send_label if label is None else label, seq, plain)
        sealed = self.out.aead(epoch).encrypt(noise.nonce(self.suite, seq), plain, head.head(frame.TAG))
        return head.but(body=sealed)

    def open(self, data):
        """The records of a DATA frame from the peer, or None when it does not open."""
        for epoch in (self.peer_epoch, self.peer_epoch + 1):
            if epoch & 255 != data.sub:
                continue
            try:
                plain = self.into.aead(epoch).decrypt(noise.nonce(self.suite, data.seq), data.body, data.head())
            except InvalidTag:
                return None
            self.peer_epoch = epoch
            return frame.records(plain)
        return None
