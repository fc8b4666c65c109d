# SPDX-License-Identifier: Apache-2.0
"""Identities (docs/protocol.md, 9): a history of one change, and the attestation of a static key."""
import hashlib
import time

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noise import Refused, public

CHANGE, ATTESTATION = 1, 2
YEAR = 365 * 24 * 3600


def dump(thing):
    return cbor2.dumps(thing, canonical=True)


def load(data):
    """Deterministic CBOR only."""
    try:
        thing = cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError) as e:
        raise Refused(f'not CBOR: {data.hex()}') from e
    if dump(thing) != data:
        raise Refused(f'not deterministic: {data.hex()}')
    return thing


def signed(kind, fields, key):
    data = dump([1, kind, dump(fields)])
    return [data, [0, [key.sign(hashlib.sha256(data).digest())]]]


def check_signature(key, data, signature):
    kind, (value,) = signature
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(value, hashlib.sha256(data).digest())
    except InvalidSignature as e:
        raise Refused('a signature is wrong') from e
    if kind != 0:
        raise Refused('a signature of an unknown kind')


class Identity:
    """One's own: a signing key, and its history."""

    def __init__(self):
        now = int(time.time())
        self.key = Ed25519PrivateKey.generate()
        change = signed(CHANGE, [None, [0, [public(self.key)]], False, now, now + 10 * YEAR], self.key)
        self.history = dump([change])
        self.id = hashlib.sha256(change[0]).digest()
        self.latest = self.id

    def attest(self, static):
        now = int(time.time())
        return dump(signed(ATTESTATION, [self.id, self.latest, [0, [static]], now, now + 24 * 3600], self.key))

    def __str__(self):
        return 'I' + self.id.hex()


def check(history, attestation, static):
    """Of a peer, whose static key Noise has proved: its identifier."""
    previous, key, first, now = None, None, None, time.time()
    for change in load(history):
        version, kind, fields = load(change[0])
        before, (_, (new,)), _, valid_from, valid_until = load(fields)
        if (version, kind) != (1, CHANGE) or before != previous:
            raise Refused('a history does not hang together')
        check_signature(new, change[0], change[1])
        if key:
            check_signature(key, change[0], change[2])
        key, previous = new, hashlib.sha256(change[0]).digest()
        first = first or previous
    if not valid_from - 60 <= now < valid_until:
        raise Refused('an identity is not valid now')
    data, signature = load(attestation)
    version, kind, fields = load(data)
    subject, latest, (_, (attested,)), created, expires = load(fields)
    check_signature(key, data, signature)
    if (version, kind, subject, latest, attested) != (1, ATTESTATION, first, previous, static):
        raise Refused('an attestation of something else')
    if not created - 60 <= now < expires:
        raise Refused('an attestation is not valid now')
    return first
