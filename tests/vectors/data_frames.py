#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes data_frames.h: DATA frames of both suites over three epochs, from the keys that a handshake's
Split yields, by an implementation independent of ours (python3-cryptography)."""

import hashlib
import hmac
import struct
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

SUITES = {1: (AESGCM, ">Q"), 2: (ChaCha20Poly1305, "<Q")}  # Noise's nonce byte order
LABEL = 0xA1B2C3D4
SEQS = [0, 1, 0x0102030405060708]


def expand(prk, info):
    return HKDFExpand(hashes.SHA256(), 32, info).derive(prk)


def ping(timestamp, epoch):
    body = struct.pack(">QI", timestamp, epoch)
    return struct.pack(">BBHI", 1, 0, len(body), 0) + body


def frame(suite, key, epoch, seq, body):
    aead, order = SUITES[suite]
    head = struct.pack(">BBHIQ", 0x15, epoch & 0xFF, 16 + len(body) + 16, LABEL, seq)
    nonce = bytes(4) + struct.pack(order, seq)
    return head + aead(key).encrypt(nonce, body, head)


def c_bytes(data):
    rows = [data[i : i + 16] for i in range(0, len(data), 16)]
    return "{\n" + "".join("\t\t" + ", ".join(f"0x{b:02x}" for b in r) + ",\n" for r in rows) + "\t}"


def main():
    k1, k2 = bytes(range(0x00, 0x20)), bytes(range(0x40, 0x60))
    h = hashlib.sha256(b"final handshake hash").digest()
    prk = hmac.new(h, k1 + k2, hashlib.sha256).digest()  # HKDF-Extract
    chain0 = {d: expand(prk, b"ockam/1 " + d) for d in (b"i2r", b"r2i", b"exporter")}

    out = sys.stdout
    out.write("/* SPDX-License-Identifier: Apache-2.0 */\n")
    out.write("/* Written by data_frames.py; direction i2r, every body one PING record. */\n")
    out.write("#ifndef OCKAM_DATA_FRAMES_H\n#define OCKAM_DATA_FRAMES_H\n\n#include <stdint.h>\n\n")
    for name, data in (
        ("k1", k1),
        ("k2", k2),
        ("hash", h),
        ("chain_i2r", chain0[b"i2r"]),
        ("chain_r2i", chain0[b"r2i"]),
        ("exporter", chain0[b"exporter"]),
    ):
        body = c_bytes(data).replace("\t\t", "\t").replace("\t}", "}")
        out.write(f"static const uint8_t vector_{name}[32] __attribute__((unused)) = {body};\n\n")

    out.write("struct vector_frame {\n\tuint8_t suite;\n\tuint32_t epoch;\n\tuint64_t seq;\n")
    out.write("\tuint64_t timestamp;\n\tuint8_t key[32];\n\tuint8_t frame[52];\n};\n\n")
    out.write(f"#define VECTOR_LABEL UINT32_C(0x{LABEL:x})\n\n")
    out.write("static const struct vector_frame vector_frames[6] __attribute__((unused)) = {\n")
    for suite in SUITES:
        chain = chain0[b"i2r"]
        for epoch, seq in enumerate(SEQS):
            key, chain = expand(chain, b"data"), expand(chain, b"next")
            timestamp = 0x1111111111111111 * (epoch + 1)
            f = frame(suite, key, epoch, seq, ping(timestamp, epoch))
            out.write(f"\t{{{suite}, {epoch}, UINT64_C(0x{seq:x}), UINT64_C(0x{timestamp:x}),\n")
            out.write(f"\t{c_bytes(key)},\n\t{c_bytes(f)}}},\n")
    out.write("};\n\n#endif\n")


if __name__ == "__main__":
    main()
