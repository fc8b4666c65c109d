# SPDX-License-Identifier: Apache-2.0
"""Deterministic CBOR (RFC 8949, 4.2): as much of it as the protocol uses. The decoder refuses whatever is
not in its shortest form, so that a node that sends such a thing is found out."""


class Raw(bytes):
    """Bytes that are CBOR already, good or bad."""


class CborError(Exception):
    pass


def head(major, n):
    for limit, info, size in ((24, n, 0), (1 << 8, 24, 1), (1 << 16, 25, 2), (1 << 32, 26, 4), (1 << 64, 27, 8)):
        if n < limit:
            return bytes([major << 5 | info]) + (n.to_bytes(size, "big") if size else b"")
    raise CborError(f"{n} is too large")


def encode(v):
    if isinstance(v, Raw):
        return bytes(v)
    if v is None:
        return b"\xf6"
    if isinstance(v, bool):
        return b"\xf5" if v else b"\xf4"
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, (list, tuple)):
        return head(4, len(v)) + b"".join(map(encode, v))
    if isinstance(v, dict):
        pairs = sorted((encode(k), encode(x)) for k, x in v.items())
        return head(5, len(v)) + b"".join(k + x for k, x in pairs)
    raise CborError(f"no CBOR for {type(v)}")


def decode(data):
    value, at = _item(data, 0, 0)
    if at != len(data):
        raise CborError("bytes are left over")
    return value


def _argument(data, at):
    if at >= len(data):
        raise CborError("ends early")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        return major, info, at
    if info > 27:
        raise CborError("indefinite length")
    size = 1 << (info - 24)
    n = int.from_bytes(data[at:at + size], "big")
    if len(data) < at + size or head(0, n)[0] & 31 != info:
        raise CborError("not the shortest form")
    return major, n, at + size


def _item(data, at, depth):
    if depth > 16:
        raise CborError("too deep")
    simple = {0xF4: False, 0xF5: True, 0xF6: None}
    if at < len(data) and data[at] in simple:
        return simple[data[at]], at + 1
    major, n, at = _argument(data, at)
    if major in (0, 1):
        return (n if major == 0 else -1 - n), at
    if major in (2, 3):
        if at + n > len(data):
            raise CborError("ends early")
        part = bytes(data[at:at + n])
        return (part if major == 2 else part.decode()), at + n
    if major == 4:
        out = []
        for _ in range(n):
            value, at = _item(data, at, depth + 1)
            out.append(value)
        return out, at
    if major == 5:
        out, last = {}, b""
        for _ in range(n):
            start = at
            key, at = _item(data, at, depth + 1)
            if data[start:at] <= last:
                raise CborError("keys out of order")
            last = data[start:at]
            out[key], at = _item(data, at, depth + 1)
        return out, at
    raise CborError(f"major type {major}")
