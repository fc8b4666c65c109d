#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes session_keys.h: what a session's keys are, by an implementation that is not ours.

Needs python3-cryptography, only to make the file again: ./session_keys.py > session_keys.h
"""
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand


def digest(text):
    h = hashes.Hash(hashes.SHA256())
    h.update(text.encode())
    return h.finalize()


def extract(salt, ikm):
    h = hmac.HMAC(salt, hashes.SHA256())
    h.update(ikm)
    return h.finalize()


def derive(hash_, k1, k2, info):
    key = HKDFExpand(hashes.SHA256(), 32, info).derive(extract(hash_, k1 + k2))
    assert key == HKDF(hashes.SHA256(), 32, hash_, info).derive(k1 + k2)
    return key


def row(b):
    return '"' + "".join(f"\\x{x:02x}" for x in b) + '"'


print("/* SPDX-License-Identifier: Apache-2.0 */")
print("/* Made by session_keys.py; not edited by hand. */")
print("static const struct {")
print("\tconst char *hash, *k1, *k2, *i2r, *r2i, *exporter;")
print("} session_key_vectors[] = {")
for name in ("first", "second", "third"):
    h, k1, k2 = (digest(f"{name} {what}") for what in ("hash", "k1", "k2"))
    keys = [derive(h, k1, k2, f"ockam/1 {use}".encode()) for use in ("i2r", "r2i", "exporter")]
    print("\t{")
    for value in (h, k1, k2, *keys):
        print(f"\t\t{row(value)},")
    print("\t},")
print("};")
