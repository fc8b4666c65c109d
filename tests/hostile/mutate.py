# SPDX-License-Identifier: Apache-2.0
"""Ways to spoil bytes."""
import cbor

# CBOR that no deterministic encoder writes, or that asks for more than there is.
BOMBS = {
    "nothing": b"",
    "cut off": b"\x84\x01",
    "array of 2^64-1": b"\x9b" + b"\xff" * 8,
    "array of 2^32-1": b"\x9a" + b"\xff" * 4,
    "map of 2^64-1": b"\xbb" + b"\xff" * 8,
    "map of 2^63": b"\xbb\x80" + bytes(7),
    "bytes of 2^64-1": b"\x5b" + b"\xff" * 8,
    "text of 2^31": b"\x7a\x80\0\0\0abc",
    "array in array": b"\x81" * 900,
    "map in map": b"\xa1\x00" * 450,
    "tag in tag": b"\xc1" * 900,
    "indefinite array": b"\x9f\x01\x02\xff",
    "indefinite map": b"\xbf\x01\x02\xff",
    "indefinite bytes": b"\x5f\x41a\x41b\xff",
    "indefinite text": b"\x7f\x61a\x61b\xff",
    "indefinite in indefinite": b"\x9f" * 900,
    "long form of 5": b"\x18\x05",
    "longer form of 5": b"\x19\x00\x05",
    "longest form of 5": b"\x1b" + bytes(7) + b"\x05",
    "long form of a length": b"\x98\x01\x00",
    "a key twice": b"\xa2\x01\x00\x01\x00",
    "keys out of order": b"\xa2\x02\x00\x01\x00",
    "break alone": b"\xff",
    "reserved 28": b"\x1c",
    "reserved 30 of bytes": b"\x5e",
    "simple value": b"\xf8\x20",
    "undefined": b"\xf7",
    "half float": b"\xf9\x7e\x00",
    "double": b"\xfb" + bytes(8),
    "negative": b"\x20",
    "bad UTF-8": b"\x62\xc3\x28",
    "two items": b"\x01\x01",
}

# Points of X25519 whose multiple is zero whatever the scalar is (RFC 7748, 6.1), non-canonical ones too.
LOW_ORDER = [bytes.fromhex(h) for h in (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]


def flip(data, at, bit):
    out = bytearray(data)
    out[at] ^= 1 << bit
    return bytes(out)


def flips(rng, data, first=0, last=None):
    """(position, the data with one bit of that byte changed), for every byte."""
    for at in range(first, len(data) if last is None else last):
        yield at, flip(data, at, rng.randrange(8))


def cuts(rng, data, count):
    """The data cut off at some lengths, the shortest and the longest among them."""
    some = {0, 1, len(data) - 1} | {rng.randrange(len(data)) for _ in range(count)}
    return [data[:n] for n in sorted(some) if 0 <= n < len(data)]


def nested(value, depth):
    for _ in range(depth):
        value = [value]
    return value


def shapes(good):
    """The elements of an array, each replaced by things of other types, one left out, one too many."""
    for at in range(len(good)):
        for other in (None, True, -1, 1 << 63, b"", b"x" * 40, "text", [], {}, [[]], {0: 0}):
            if type(other) is not type(good[at]) or other in (b"", [], {}):
                yield cbor.encode(good[:at] + [other] + good[at + 1:])
        yield cbor.encode(good[:at] + good[at + 1:])
    yield cbor.encode(good + [0])
    yield cbor.encode([])
    yield cbor.encode({})
