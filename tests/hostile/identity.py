# SPDX-License-Identifier: Apache-2.0
"""Change histories and attestations (docs/protocol.md 9): made, also badly, and checked."""
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import cbor

CHANGE, ATTESTATION = 1, 2
CHANNEL = 0  # the kind of key that an attestation binds
YEAR = 31_536_000
DRIFT = 60
CHANGES_MAX, HISTORY_MAX, ATTESTATION_MAX = 16, 4096, 512


class IdentityError(Exception):
    pass


def digest(data):
    return hashlib.sha256(data).digest()


def signing_key(secret):
    return Ed25519PrivateKey.from_private_bytes(secret)


def public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(key, data):
    return [0, [key.sign(digest(data))]]


def change(key, previous=None, previous_key=None, start=0, end=0, signer=None):
    """(data, [data, signature, previous signature])"""
    inner = [previous and digest(previous), [0, [public(key)]], False, start, end]
    data = cbor.encode([1, CHANGE, cbor.encode(inner)])
    out = [data, sign(signer or key, data)]
    if previous_key:
        out.append(sign(previous_key, data))
    return data, out


def attestation(signer, subject, latest, static, created, expires, purpose=CHANNEL, data_type=ATTESTATION, version=1):
    inner = [subject, latest, [purpose, [static]], created, expires]
    data = cbor.encode([version, data_type, cbor.encode(inner)])
    return cbor.encode([data, sign(signer, data)])


class Identity:
    """An identity with its secret keys; `changes` of them, each from a secret of its own."""

    def __init__(self, secrets, now):
        self.keys = [signing_key(secret) for secret in secrets]
        self.now = now
        self.datas, self.changes = [], []
        for i, key in enumerate(self.keys):
            data, item = change(key, self.datas[-1] if i else None, self.keys[i - 1] if i else None,
                                now - 3600 + i, now + YEAR)
            self.datas.append(data)
            self.changes.append(item)

    @property
    def identifier(self):
        return digest(self.datas[0])

    @property
    def name(self):
        return "I" + self.identifier.hex()

    def history(self, count=None):
        return cbor.encode(self.changes[:count])

    def attest(self, static, **other):
        """An attestation of a static key by the newest key; what `other` names is done otherwise."""
        given = {"signer": self.keys[-1], "subject": self.identifier, "latest": digest(self.datas[-1]),
                 "static": static, "created": self.now - 60, "expires": self.now + YEAR // 2} | other
        return attestation(**given)


def _verify(key, signature, data):
    kind, (raw,) = signature
    if kind != 0 or len(raw) != 64:
        raise IdentityError("signature")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(raw, digest(data))
    except InvalidSignature as error:
        raise IdentityError("signature") from error


def _data(data, data_type):
    version, kind, inner = cbor.decode(data)
    if version != 1 or kind != data_type:
        raise IdentityError("type of data")
    return cbor.decode(inner)


def check_history(history):
    """(identifier, hash of the newest change, its key, valid from, valid until) of a history in bytes."""
    changes = cbor.decode(history)
    if not 1 <= len(changes) <= CHANGES_MAX or len(history) > HISTORY_MAX:
        raise IdentityError("length")
    previous = previous_key = start = None
    for item in changes:
        data, own, *rest = item
        previous_hash, (kind, (key,)), _revoke, valid_from, valid_until = _data(data, CHANGE)
        if kind != 0 or previous_hash != (previous and digest(previous)) or len(rest) != bool(previous):
            raise IdentityError("chain")
        if valid_until < valid_from or (start is not None and valid_from < start):
            raise IdentityError("times")
        _verify(key, own, data)
        if rest:
            _verify(previous_key, rest[0], data)
        previous, previous_key, start = data, key, valid_from
    return digest(changes[0][0]), digest(previous), previous_key, valid_from, valid_until


def check_attestation(blob, history, static, now):
    """The identifier that `history` and the attestation of `static` prove."""
    identifier, latest, key, valid_from, valid_until = check_history(history)
    if len(blob) > ATTESTATION_MAX:
        raise IdentityError("length")
    data, signature = cbor.decode(blob)
    subject, newest, (purpose, (attested,)), created, expires = _data(data, ATTESTATION)
    _verify(key, signature, data)
    if (subject, newest, purpose, attested) != (identifier, latest, CHANNEL, static):
        raise IdentityError("binding")
    if not valid_from <= created <= expires <= valid_until or created > now + DRIFT or expires < now:
        raise IdentityError("times")
    return identifier
