# SPDX-License-Identifier: Apache-2.0
"""Noise XX, revision 34, over python3-cryptography: Noise_XX_25519_{AESGCM,ChaChaPoly}_SHA256
(docs/protocol.md 8). A message that fails to open changes nothing: the state is replaced only after."""
import hashlib
import hmac
import struct
from copy import copy

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SUITES = {1: (b"Noise_XX_25519_AESGCM_SHA256", AESGCM, ">Q"),
          2: (b"Noise_XX_25519_ChaChaPoly_SHA256", ChaCha20Poly1305, "<Q")}
MESSAGES = (("e",), ("e", "ee", "s", "es"), ("s", "se"))


class NoiseError(Exception):
    pass


class KeyPair:
    """An X25519 key made from 32 secret bytes."""

    def __init__(self, secret):
        self.private = X25519PrivateKey.from_private_bytes(secret)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def exchange(self, public):
        try:
            return self.private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as error:
            raise NoiseError("all-zero DH") from error


class ZeroKeyPair:
    """A point of low order: whoever multiplies it gets zero, which needs no private key to know."""

    def __init__(self, public):
        self.public = public

    def exchange(self, _public):
        return bytes(32)


def nonce(suite, n):
    return bytes(4) + struct.pack(SUITES[suite][2], n)


def hkdf2(chaining_key, data):
    prk = hmac.new(chaining_key, data, hashlib.sha256).digest()
    one = hmac.new(prk, b"\x01", hashlib.sha256).digest()
    return one, hmac.new(prk, one + b"\x02", hashlib.sha256).digest()


class Symmetric:
    def __init__(self, suite, prologue):
        name = SUITES[suite][0]
        self.suite = suite
        self.h = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()
        self.ck, self.k, self.n = self.h, None, 0
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, data):
        self.ck, self.k = hkdf2(self.ck, data)
        self.n = 0

    def encrypt(self, plain):
        out = plain
        if self.k:
            out = SUITES[self.suite][1](self.k).encrypt(nonce(self.suite, self.n), plain, self.h)
            self.n += 1
        self.mix_hash(out)
        return out

    def decrypt(self, data):
        out = data
        if self.k:
            try:
                out = SUITES[self.suite][1](self.k).decrypt(nonce(self.suite, self.n), data, self.h)
            except (InvalidTag, ValueError) as error:
                raise NoiseError("does not authenticate") from error
            self.n += 1
        self.mix_hash(data)
        return out


class Handshake:
    """One side of XX. write() and read() in turn; after the third message split() and hash."""

    def __init__(self, suite, prologue, initiator, static, ephemeral):
        self.symmetric = Symmetric(suite, prologue)
        self.initiator, self.static, self.ephemeral = initiator, static, ephemeral
        self.remote_static = self.remote_ephemeral = None
        self.step = 0

    @property
    def hash(self):
        return self.symmetric.h

    def _dh(self, token):
        ours, theirs = (token[0], token[1]) if self.initiator else (token[1], token[0])
        key = self.ephemeral if ours == "e" else self.static
        return key.exchange(self.remote_ephemeral if theirs == "e" else self.remote_static)

    def write(self, payload=b""):
        out = b""
        for token in MESSAGES[self.step]:
            if token == "e":
                out += self.ephemeral.public
                self.symmetric.mix_hash(self.ephemeral.public)
            elif token == "s":
                out += self.symmetric.encrypt(self.static.public)
            else:
                self.symmetric.mix_key(self._dh(token))
        out += self.symmetric.encrypt(payload)
        self.step += 1
        return out

    def read(self, message):
        trial = copy(self)
        trial.symmetric = copy(self.symmetric)
        payload = trial._read(message)
        self.__dict__.update(trial.__dict__)
        return payload

    def _read(self, message):
        for token in MESSAGES[self.step]:
            if token == "e":
                self.remote_ephemeral, message = message[:32], message[32:]
                self.symmetric.mix_hash(self.remote_ephemeral)
            elif token == "s":
                size = 48 if self.symmetric.k else 32
                self.remote_static, message = self.symmetric.decrypt(message[:size]), message[size:]
            else:
                self.symmetric.mix_key(self._dh(token))
        payload = self.symmetric.decrypt(message)
        self.step += 1
        return payload

    def split(self):
        """k1 (initiator to responder) and k2."""
        return hkdf2(self.symmetric.ck, b"")
