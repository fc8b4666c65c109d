# SPDX-License-Identifier: Apache-2.0
"""Noise, revision 34: pattern XX over X25519 and SHA-256, on python3-cryptography alone."""
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SUITES = {1: (b'Noise_XX_25519_AESGCM_SHA256', AESGCM, 'big'),
          2: (b'Noise_XX_25519_ChaChaPoly_SHA256', ChaCha20Poly1305, 'little')}
# by who sends it, what each message holds
PATTERN = (('e',), ('e', 'ee', 's', 'es'), ('s', 'se'))


class Refused(Exception):
    """The peer broke a rule, or does not authenticate."""


def public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def hkdf(salt, material, infos):
    """HKDF-SHA-256: one output of 32 bytes for each info."""
    prk = hmac.digest(salt, material, 'sha256')
    return [hmac.digest(prk, info + b'\1', 'sha256') for info in infos]


def expand(prk, info):
    return hmac.digest(prk, info + b'\1', 'sha256')


def chain(ck, material):
    """Noise's HKDF with two outputs."""
    temp = hmac.digest(ck, material, 'sha256')
    one = hmac.digest(temp, b'\1', 'sha256')
    return one, hmac.digest(temp, one + b'\2', 'sha256')


class Cipher:
    def __init__(self, suite, key):
        _, aead, self.order = SUITES[suite]
        self.aead = aead(key)

    def nonce(self, n):
        return bytes(4) + n.to_bytes(8, self.order)

    def seal(self, n, ad, text):
        return self.aead.encrypt(self.nonce(n), text, ad)

    def open(self, n, ad, text):
        try:
            return self.aead.decrypt(self.nonce(n), text, ad)
        except (InvalidTag, ValueError) as e:
            raise Refused('it does not authenticate') from e


class Handshake:
    """XX. write() and read() in turn; after the third message `h` and split() count."""

    def __init__(self, suite, initiator, prologue, static):
        self.suite, self.initiator, self.s = suite, initiator, static
        name = SUITES[suite][0]
        self.h = name.ljust(32, b'\0') if len(name) <= 32 else hashlib.sha256(name).digest()
        self.ck, self.cipher, self.n = self.h, None, 0
        self.e, self.re, self.rs, self.at = X25519PrivateKey.generate(), None, None, 0
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, material):
        self.ck, key = chain(self.ck, material)
        self.cipher, self.n = Cipher(self.suite, key), 0

    def seal(self, text):
        out = text
        if self.cipher:
            out = self.cipher.seal(self.n, self.h, text)
            self.n += 1
        self.mix_hash(out)
        return out

    def open(self, data):
        text = data
        if self.cipher:
            text = self.cipher.open(self.n, self.h, data)
            self.n += 1
        self.mix_hash(data)
        return text

    def dh(self, token):
        """ee, es, se: the first letter is the initiator's key."""
        own, other = token if self.initiator else token[::-1]
        key = self.e if own == 'e' else self.s
        peer = self.re if other == 'e' else self.rs
        try:
            self.mix_key(key.exchange(X25519PublicKey.from_public_bytes(peer)))
        except ValueError as e:
            raise Refused('the shared secret is zero') from e

    def write(self, payload):
        out = b''
        for token in PATTERN[self.at]:
            if token == 'e':
                out += public(self.e)
                self.mix_hash(public(self.e))
            elif token == 's':
                out += self.seal(public(self.s))
            else:
                self.dh(token)
        self.at += 1
        return out + self.seal(payload)

    def read(self, data):
        for token in PATTERN[self.at]:
            if token == 'e':
                self.re, data = data[:32], data[32:]
                if len(self.re) != 32:
                    raise Refused('a message is too short')
                self.mix_hash(self.re)
            elif token == 's':
                self.rs, data = self.open(data[:48]), data[48:]
            else:
                self.dh(token)
        self.at += 1
        return self.open(data)

    def split(self):
        """Keys of initiator to responder, and back."""
        return chain(self.ck, b'')
