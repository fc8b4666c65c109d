#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes identity_objects.h: change histories and attestations, good and bad, by an implementation
that is not ours.

Needs python3-cryptography, only to make the file again: ./identity_objects.py > identity_objects.h
"""
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

T = 1_700_000_000
YEARS = 315_360_000


class Raw(bytes):
    """Bytes that are CBOR already."""


def head(major, n):
    for limit, info, size in ((24, n, 0), (1 << 8, 24, 1), (1 << 16, 25, 2), (1 << 32, 26, 4), (1 << 64, 27, 8)):
        if n < limit:
            return bytes([major << 5 | info]) + (n.to_bytes(size, "big") if size else b"")


def enc(v):
    if v is None:
        return b"\xf6"
    if v is True or v is False:
        return b"\xf5" if v else b"\xf4"
    if isinstance(v, Raw):
        return bytes(v)
    if isinstance(v, int):
        return head(0, v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    return head(4, len(v)) + b"".join(enc(x) for x in v)


def key(n):
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"key %d" % n).digest())


def public(k):
    return k.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(k, data):
    return [0, [k.sign(hashlib.sha256(data).digest())]]


def data(inner, data_type=1, version=1):
    return enc([version, data_type, enc(inner)])


def change(k, prev=None, prev_key=None, start=T, end=None, revoke=False, tag=0, data_type=1, version=1, extra=()):
    d = data([prev and hashlib.sha256(prev).digest(), [tag, [public(k)]], revoke, start,
              end or start + YEARS, *extra], data_type, version)
    return d, [d, sign(k, d)] + ([sign(prev_key, d)] if prev_key else [])


def chain(n):
    out, prev = [], None
    for i in range(n):
        prev, c = change(key(i), prev, key(i - 1) if i else None, T + i)
        out.append(c)
    return out


histories = []


def add(name, good, history):
    histories.append((name, good, history if isinstance(history, bytes) else enc(history)))


d0, first = change(key(0))
d1, second = change(key(1), d0, key(0), T + 5, revoke=True)
add("one change", 1, [first])
add("two changes", 1, [first, second])
add("sixteen changes", 1, chain(16))
add("seventeen changes", 0, chain(17))
add("no change", 0, [])
add("not an array", 0, 1)
add("trailing byte", 0, enc([first]) + b"\0")
add("indefinite array", 0, b"\x9f" + enc(first) + b"\xff")
add("huge array", 0, b"\x9b" + b"\xff" * 8 + enc(first))
add("long length", 0, b"\x98\x01" + enc(first))
add("other signer", 0, [[d0, sign(key(9), d0)]])
add("signature over the data itself", 0, [[d0, [0, [key(0).sign(d0)]]]])
add("signature short", 0, [[d0, [0, [sign(key(0), d0)[1][0][:63]]]]])
add("signature of another kind", 0, [[d0, [1, sign(key(0), d0)[1]]]])
add("no signature", 0, [[d0]])
add("four parts", 0, [[*first, sign(key(0), d0), None]])
add("first with previous signature", 0, [[d0, sign(key(0), d0), sign(key(0), d0)]])
add("first with previous hash", 0, [change(key(0), b"x")[1]])
add("second without previous hash", 0, [first, change(key(1), None, key(0))[1]])
add("second without previous signature", 0, [first, second[:2]])
add("second with null previous signature", 0, [first, [*second[:2], None]])
add("second with wrong previous hash", 0, [first, change(key(1), d1, key(0))[1]])
add("second signed by a stranger", 0, [first, change(key(1), d0, key(9))[1]])
add("second signed by itself twice", 0, [first, change(key(1), d0, key(1))[1]])
add("second begins before the first", 0, [first, change(key(1), d0, key(0), T - 1)[1]])
add("ends before it begins", 0, [change(key(0), end=T - 1)[1]])
add("another key kind", 0, [change(key(0), tag=1)[1]])
add("data type of an attestation", 0, [change(key(0), data_type=2)[1]])
add("data version 2", 0, [change(key(0), version=2)[1]])
add("data with one more field", 0, [change(key(0), extra=[None])[1]])
long_int = Raw(b"\x1b" + T.to_bytes(8, "big"))
d = data([None, [0, [public(key(0))]], False, long_int, T + YEARS])
add("number in a long form", 0, [[d, sign(key(0), d)]])
d = data([None, [0, [public(key(0))]], 0, T, T + YEARS])
add("number in place of a truth", 0, [[d, sign(key(0), d)]])
d = data([None, [0, [public(key(0))[:31]]], False, T, T + YEARS])
add("key short", 0, [[d, sign(key(0), d)]])
d = d0 + b"\0"
add("trailing byte in the data", 0, [[d, sign(key(0), d)]])

attestations = []
STATIC = hashlib.sha256(b"static").digest()


def attest(name, good, subject=d0, latest=d1, k=key(1), start=T + 10, end=T + 1000, purpose=0, data_type=2, static=STATIC):
    d = data([hashlib.sha256(subject).digest(), hashlib.sha256(latest).digest(), [purpose, [static]],
              start, end], data_type)
    attestations.append((name, good, enc([d, sign(k, d)])))


# All are judged against "two changes", 20 s after its beginning.
attest("good", 1)
attest("good to the last second", 1, end=T + 5 + YEARS)
attest("outlives the identity", 0, end=T + 6 + YEARS)
attest("older than the newest change", 0, start=T + 4)
attest("ends before it begins", 0, end=T + 9)
attest("by the older key", 0, k=key(0))
attest("for the older change", 0, latest=d0)
attest("for another identity", 0, subject=d1)
attest("for signing credentials", 0, purpose=1)
attest("data type of a change", 0, data_type=1)
attest("key short", 0, static=STATIC[:31])
attest("expired", -1, end=T + 19)
attest("from the near future", 1, start=T + 80)
attest("from the future", -1, start=T + 81)

print("/* SPDX-License-Identifier: Apache-2.0 */")
print("/* Made by identity_objects.py; not edited by hand. */")
print("struct identity_vector {\n\tconst char *name;\n\tint good; /* 1 yes, 0 no, -1 not at this time */\n\tconst char *hex;\n};")
print(f"enum {{ VECTOR_BEGINS = {T} }};")
print(f'static const char vector_static[] = "{STATIC.hex()}";')
print(f'static const char vector_identifier[] = "I{hashlib.sha256(d0).hexdigest()}";')
for title, rows in (("history_vectors", histories), ("attestation_vectors", attestations)):
    print(f"static const struct identity_vector {title}[] = {{")
    for name, good, b in rows:
        print(f'\t{{"{name}", {good},\n\t\t"{b.hex()}"}},')
    print("};")
