#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of tests/fuzz/corpus: the vectors of docs/protocol.md and tests/vectors in the form
that each target takes, and a few by hand. Files that are there already stay; run it anew after a change
of the vectors or of a target's form."""
import pathlib
import re
import struct

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent


def put(target, name, data):
    if isinstance(data, str):
        data = data.encode()
    path = here / "corpus" / target / re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def be(n, size):
    return n.to_bytes(size, "big")


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + be(n, size)


def cbor(v):
    if v is None:
        return b"\xf6"
    if isinstance(v, bool):
        return b"\xf5" if v else b"\xf4"
    if isinstance(v, int):
        return head(0, v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(cbor, v))
    return head(5, len(v)) + b"".join(cbor(k) + cbor(x) for k, x in v.items())


def frame(kind, sub, label, body, seq=0):
    return bytes([16 | kind, sub]) + be(16 + len(body), 2) + be(label, 4) + be(seq, 8) + body


text = (root / "docs/protocol.md").read_text()
section = re.split(r"\n## \d+\. Test vectors\n", text)[1]
vector = {n.strip(): bytes.fromhex(h) for n, h in re.findall(r"^(.+?) = ([0-9a-f]+)$", section, re.M)}
objects = (root / "tests/vectors/identity_objects.h").read_text()
histories, attestations = [
    re.findall(r'\{"([^"]+)", (-?\d),\s*"([0-9a-f]*)"', part)
    for part in objects.split("attestation_vectors")
]
static = bytes.fromhex(re.search(r'vector_static\[\] = "([0-9a-f]+)"', objects)[1])
hello = cbor({1: [1], 2: 65535, 3: 0, 9183615: 7})


def attr(kind, value):
    data = struct.pack("<HH", 4 + len(value), kind) + value
    return data + bytes(-len(data) % 4)


def netlink(kind, flags, body, seq=7):
    return struct.pack("<IHHII", 16 + len(body), kind, flags, seq, 0) + body


# admin: a byte that says whose, then messages; links are objects 1, types 20 (row) to 23
number = lambda kind, n: attr(kind, struct.pack("<I", n))  # noqa: E731
put("admin", "get link", b"\0" + netlink(22, 1, number(2, 3)))
put("admin", "dump labels of a link", b"\0" + netlink(30, 0x301, number(2, 3)))
put("admin", "without its key", b"\0" + netlink(22, 1, b""))
put("admin", "twice", b"\0" + netlink(22, 1, number(2, 3) * 2))
put("admin", "watch links", b"\0" + netlink(50, 5, attr(8, b"link\0")))
put("admin", "rows and done", b"\1" + netlink(20, 2, number(2, 3) + attr(9, b"up\0"))
    + netlink(20, 18, number(2, 4)) + netlink(3, 2, bytes(4)))
put("admin", "refused", b"\1" + netlink(2, 0x300, struct.pack("<i", -22) + netlink(0, 0, b"")
                                       + attr(1, b"because\0") + number(2, 16) + number(5, 3)))
put("admin", "overrun", b"\1" + netlink(4, 0, attr(50, struct.pack("<Q", 9))))

# wire: a program of reads (half), then what it reads
put("wire", "header", vector["LINK PING"])
put("wire", "cursor", b"\x40" + bytes([0, 0, 1, 0, 2, 0, 3, 0, 4, 3, 5, 4]) + bytes(range(24)))
put("wire", "past the end", b"\x08" + bytes([3, 0, 3, 0, 6, 0, 4, 9]) + bytes(8))

for name, data in vector.items():
    if name.split()[0] in ("OPEN", "ACCEPT", "REFUSE", "STREAM", "WINDOW"):
        put("record", name, data)
        continue
    put("cbor", name, data[2:] if name in ("hop part",) else data[16:] if name[:2] in ("LI", "RE") else data)
put("cbor", "nested", cbor([[[[[[[1]]]]]], {1: {2: [b"x", "y", None, True]}}]))
put("cbor", "hello", hello)
put("cbor", "long forms", bytes.fromhex("8218ff19ffff"))
put("cbor", "indefinite", bytes.fromhex("9f01ff"))
put("cbor", "huge length", bytes.fromhex("5bffffffffffffffff00"))

routes = {
    "tcp": "/dnsaddr/example.org/tcp/4000/service/api",
    "two hops": "/ip4/127.0.0.1/tcp/4000/ip6/::1/tcp/4001/service/api",
    "node": "/node/n2/service/echo",
    "secure": "/secure/api/service/uppercase",
    "unix": "/unix/%2ftmp%2fx/service/hop/worker/w",
    "udp": "/ip4/10.0.0.1/udp/53",
    "handle": "/service/" + "a5" * 16,
    "seventeen": "/service/a" * 17,
    "relay": "/node/relay/service/forward_to_n2/secure/api/service/echo",
}
for name, r in routes.items():
    put("route_text", name, r)
put("route_wire", "vector", vector["route"])
put("route_wire", "handle", cbor([[62526, bytes(16)]]))
put("route_wire", "ip6", cbor([[41, bytes(15) + b"\1"], [6, 4000], [400, b"/tmp/x"], [102526, "w"]]))
put("route_wire", "udp", cbor([[4, b"\x7f\0\0\1"], [273, 53]]))
put("route_wire", "empty", cbor([]))

put("message", "hop part", b"\0" + vector["hop part"])
put("message", "hop part of control", b"\1" + vector["CONTROL request"][16:])
put("message", "control request", b"\2" + vector["CONTROL request"])
put("message", "control error",
    b"\2" + frame(1, 0, 0, be(len(h := cbor([16, 65535, 0, [[62526, bytes(16)]], None])), 2) + h
                  + b"\x82\x02" + vector["error"]))
put("message", "msg request", b"\3" + vector["MSG request"])
put("message", "msg error", b"\3" + cbor([2, 3, [[62526, bytes(16)]], None])[:-1].replace(b"\x84", b"\x85", 1)
    + b"\xf6" + vector["error"])
put("message", "error", b"\4" + vector["error"])
put("relay_codec", "register", vector["register"])
put("relay_codec", "release", cbor([2, "forward_to_n2"]))
put("relay_codec", "answer", vector["answer to register"])

payload = lambda history, att, *more: (  # noqa: E731
    head(4, 4 + len(more)) + cbor(history) + cbor(att) + b"\x80" + cbor({1: [2, 1], 1001: 5})
    + b"".join(map(cbor, more)))
history = bytes.fromhex(dict((n, h) for n, _, h in histories)["two changes"])
att = bytes.fromhex(attestations[0][2])
put("handshake_codec", "init", b"\0" + vector["end part of INIT"])
put("handshake_codec", "init with extensions",
    b"\0" + bytes.fromhex("0201100001020304") + b"\3api" + b"\4" + cbor({1001: 5}) + bytes(32))
put("handshake_codec", "message 2", b"\1" + payload(history, att, 0x55667788))
put("handshake_codec", "message 3", b"\2" + payload(history, att))

# handshake: sealed texts are the texts and 16 zeros (stub_sodium.c)
s = static + bytes(16)
put("handshake", "init", b"\0" + b"\2" + vector["end part of INIT"][1:])
put("handshake", "resp", b"\1" + be(0x55667788, 4) + b"e" * 32 + s + payload(history, att, 0x55667788) + bytes(16))
put("handshake", "finish", b"\2" + s + payload(history, att) + bytes(16))
put("handshake", "edits", bytes([3, 1, 0, 4, 9, 0, 2, 0, 70, 1, 1, 0, 1, 0, 3, 4, 0xff]))

for name, _, h in histories:
    data = bytes.fromhex(h)
    if len(data) < 1000 or name == "sixteen changes":
        put("identity", "history " + name, b"\0" + data)
one = bytes.fromhex(histories[0][2])
put("identity", "compare", b"\2" + be(len(one), 2) + one + history)
put("identity", "compare equal", b"\2" + be(len(one), 2) + one + one)
for name, _, h in attestations[:6]:
    data = bytes.fromhex(h)
    inner = data[data.index(b"\x58\x20") + 2:]
    put("identity", "attestation " + name, b"\1" + inner[:32] + inner[34:66] + data)

# inner records, and programs of them
def rec(kind, body, flags=0, stream=0):
    return bytes([kind, flags]) + be(len(body), 2) + be(stream, 4) + body


ping = rec(1, be(77, 8) + be(0, 4))
put("record", "ping and message", ping + rec(4, vector["MSG request"], 0, 1))
put("record", "close", rec(3, b"\0"))
put("record", "pad frame and unknown", rec(0, b"xx") + rec(5, vector["LINK PING"]) + rec(200, b"?"))
put("reassembly", "parts", bytes([4, 0x30, 4, 0x41, 0, 0x20, 0x24, 1, 0xe0, 0, 0xc0, 60]))
put("reassembly", "too many", bytes(x for i in range(10) for x in (4, 0x10 | i)))


def one_frame(body, odd=0):  # session.c: a batch of one
    return bytes([0, 0, odd, len(body)]) + body


for how, role in ((0, "responder"), (1, "initiator"), (5, "lossy initiator"), (24, "refusing")):
    put("session", role, bytes([how]) + one_frame(ping) + b"\2" + one_frame(rec(4, b"abc", 0, 9))
        + b"\3\0\x40\1\0" + b"\2" + b"\6\x78" + one_frame(rec(2, be(1000000, 8) + be(0, 4)))
        + b"\2" + b"\5\x64" + b"\x08\0" + b"\2" + one_frame(rec(3, b"\0")) + b"\2")
put("session", "replay and gap", bytes([1]) + one_frame(ping) + bytes([0, 0, 2, 0xff, len(ping)]) + ping
    + bytes([0, 0, 2, 5, len(ping)]) + ping)
put("session", "does not open", bytes([1]) + one_frame(ping, 8) + one_frame(ping, 16 | 8) + b"\2")
put("session", "rekey", bytes([1]) + one_frame(ping) + b"\6\x7a\2\6\1\2"
    + one_frame(rec(2, be(1122000, 8) + be(0, 4))) + b"\2\3\0\x10\1\0\2")
put("session", "frames", bytes([2]) + one_frame(ping) + b"\4\1\0\2" + one_frame(rec(5, vector["LINK PING"]) * 2))


# engine: commands and frames as programs (engine.c)
def link_add(link, how=0, session=1):
    return bytes([5, link - 1, how, session - 1])


def row(link, label, out=0):
    return bytes([6, link - 1, max(out, 1) - 1, 0x80 if out else 0, label])


def data(link, *bodies, label=0, odd=0):
    return bytes([0, link - 1, len(bodies) - 1]) + b"".join(
        bytes([0, label, odd, len(x)]) + x for x in bodies) + b"\0"


def other(link, kind, body, label=0, sub=None):
    odd = 0 if sub is None else 0x40
    return bytes([0, link - 1, 0, 0x80 | kind, label, odd, len(body)]) + (
        b"" if sub is None else bytes([sub])) + body + b"\0"


up = link_add(1) + link_add(2) + link_add(3)
session = lambda link, sess, how, rx, tx: bytes([7, link - 1, sess - 1, how, rx, tx])  # noqa: E731
put("engine", "transit", up + row(1, 0, 3) + row(3, 1, 1) + data(1, b"x" * 20, b"y" * 30) + data(3, b"z", label=1))
put("engine", "transit to the other worker", up + row(1, 0, 2) + row(2, 1, 1) + data(1, b"x" * 20)
    + data(2, b"z", label=1) + bytes([4, 0, 0, 15, 0xff, 0xff]) * 8)
put("engine", "session", up + session(1, 1, 2, 0, 1) + data(1, ping, rec(4, b"abc", 0, 9))
    + bytes([9, 0, 1, 0, 1, 0]) + bytes([8, 0, 2]) + bytes([14, 50]) + bytes([8, 0, 0x80]) + data(1, rec(3, b"\0")))
put("engine", "channel link", up + session(1, 1, 2, 0, 1) + data(1, ping) + link_add(5, 1, 1) + row(5, 2, 1)
    + data(1, rec(5, frame(5, 0, 0x1002, bytes(40)))) + row(1, 3, 5) + data(1, b"q" * 20, label=3)
    + bytes([11, 0, 1]))
put("engine", "pause and full socket", up + row(1, 0, 3) + bytes([12, 2, 1]) + bytes([4, 0, 0, 15, 0xff, 0xff]) * 4
    + other(3, 8, be(0x1000, 4), sub=4) + other(3, 8, be(0x1000, 4), sub=5) + bytes([12, 2, 255]) + bytes([15, 61]))
put("engine", "control frames", up + other(1, 2, vector["hop part"]) + other(1, 1, b"x") + other(1, 6, b"\x81\x10", sub=2)
    + other(1, 8, hello, sub=0) + other(1, 8, bytes(8), sub=2) + bytes([10, 0, 6, 3, 0, 2, 0x81, 0x10])
    + bytes([11, 0, 2]))
put("engine", "raw bytes", link_add(1) + bytes([3, 0, 20]) + vector["LINK PAUSE"] + bytes([3, 0, 5]) + vector["LINK PING"][:5]
    + bytes([15, 11]))
put("engine", "refusing session", up + session(1, 1, 0x38, 0, 1) + bytes([8, 0, 1]) + bytes([15, 31]))
put("engine", "unknown label", link_add(1) + data(1, b"x", label=3) + data(1, b"x", odd=0x80))
put("engine", "streams", up + session(1, 1, 2, 0, 1) + data(1, ping) + data(1, vector["OPEN"][:4] + be(2, 4) + vector["OPEN"][8:])
    + bytes([16, 0, 0, 2]) + data(1, rec(19, be(0, 8) + b"hello", 1, 2)) + bytes([16, 0, 2, 1, 17, 1, 200])
    + data(1, rec(17, be(100000, 8), 0, 1)) + bytes([17, 1, 255]) + data(1, vector["WINDOW of the session"])
    + bytes([16, 0, 3, 1, 11, 0, 1]))
dgram, narrow, at = 8, 4, 16  # of link_add
put("engine", "datagram transit", link_add(1, dgram) + link_add(3, dgram | at | narrow) + row(1, 0, 3) + row(3, 1, 1)
    + data(1, b"x" * 30, b"y" * 30, b"z" * 20) + data(3, b"z", label=1) + bytes([4, 0, 0, 3, 0x03, 0]))
put("engine", "datagram to stream", link_add(1, dgram) + link_add(2) + row(1, 0, 2) + row(2, 1, 1)
    + data(1, b"x" * 30, b"y" * 40) + bytes([4, 1, 1, 15, 0x03, 0xf0]) + bytes([12, 0, 16]) + bytes([4, 1, 1, 15, 0x03, 0xf0]))
put("engine", "datagram session", link_add(1, dgram | at) + session(1, 1, 4, 0, 1) + data(1, ping, rec(4, b"abc", 0, 9))
    + bytes([9, 0, 1, 0, 1, 0]) + bytes([8, 0, 2]) + bytes([14, 50]))
put("engine", "datagram tags", link_add(1, dgram) + other(1, 8, bytes(8), sub=2) + other(1, 8, bytes(8), sub=0x43)
    + other(1, 9, b"x") + other(1, 6, b"\x81\x10", sub=2) + bytes([15, 16]) + bytes([15, 61]))
put("engine", "datagram link moves", link_add(1, dgram | at) + link_add(3, dgram | at | 64) + bytes([18, 0, 0x28])
    + bytes([18, 2, 0x28]) + bytes([18, 0, 0x1]) + data(1, b"x") + bytes([15, 61]) + bytes([11, 2, 2]))
put("engine", "deliveries held", up + session(1, 1, 2, 0, 1) + bytes([13, 0, 1])
    + data(1, *[rec(4, b"m" * 200, 1, 1)] * 8) + bytes([13, 0, 0]))


# seam: netlink messages, host order
def attr(kind, value):
    raw = struct.pack("=HH", 4 + len(value), kind) + value
    return raw + bytes(-len(raw) % 4)


def seam(cmd, *attrs, seq=0, flags=0):
    body = b"".join(attrs)
    return struct.pack("=IHHII", 16 + len(body), cmd, flags, seq, 0) + body


A = {n: i + 1 for i, n in enumerate(re.findall(
    r"SEAM_A_(\w+)(?: = 1)?,", (root / "include/seam.h").read_text().split("enum seam_attr {")[1].split("}")[0]))}
C = {n: i + 16 for i, n in enumerate(re.findall(
    r"SEAM_(\w+)(?: = SEAM_CMD_BASE)?,", (root / "include/seam.h").read_text().split("enum seam_cmd {")[1].split("}")[0]))}
u8, u16, u32, u64 = (lambda v, f=f: struct.pack(f, v) for f in ("=B", "=H", "=I", "=Q"))
a = lambda name, value: attr(A[name], value)  # noqa: E731
put("seam", "hello", b"\0" + seam(C["HELLO"], a("VERSION", u32(1)), seq=1, flags=5))
put("seam", "link add", b"\0" + seam(C["LINK_ADD"], a("LINK", u32(2)), a("SESSION", u32(1)), seq=2, flags=5))
put("seam", "session add", b"\0" + seam(C["SESSION_ADD"], a("SESSION", u32(1)), a("SERIAL", u64(1)), a("ROLE", u8(1)),
    a("SUITE", u8(2)), a("LINK", u32(2)), a("LABEL", u32(5)), a("LABEL_TX", u32(6)), a("FRAME_MAX", u16(65535)),
    a("CHAIN_RX", bytes(32)), a("CHAIN_TX", bytes(32)), a("EXPORTER", bytes(32)), a("PATH_FLAGS", u8(0)), seq=3, flags=5))
for d in (0, 1):
    put("seam", f"frame {d}", bytes([d]) + seam(C["FRAME"], a("LINK", u32(1)), a("FRAME", vector["LINK PING"])))
    put("seam", f"msg {d}", bytes([d]) + seam(C["MSG"], a("SESSION", u32(1)), a("MESSAGE", u32(1)),
        a("MORE", u8(1)), a("FRAME", vector["MSG request"])))
put("seam", "link new", b"\1" + seam(C["LINK_NEW"], a("LINK", u32(1)), a("LISTENER", u32(1)), a("PEER", b"127.0.0.1:4000\0")))
put("seam", "ack", b"\1" + struct.pack("=IHHIIi", 36, 2, 0, 7, 0, -2) + bytes(16))

put("cli", "node create", "ockam\0node\0create\0n1\0--tcp-listener-address\000127.0.0.1:0\0-q")
put("cli", "channel", "ockam\0secure-channel\0create\0--from\0/node/n1\0--to\0/node/n2/service/api\0--timeout\0" "30s")
put("cli", "message", "ockam\0message\0send\0hello\0--to=/node/n2/secure/api/service/uppercase\0--output\0json")
put("cli", "help", "ockam\0relay\0--help")
put("cli", "identity", "ockam\0identity\0create\0a\0--vault\0v")
put("cli", "double dash", "ockam\0message\0send\0--\0-hello-")

for i, s in enumerate(["10s", "500ms", "1h", "2m", "9223372036854775807d", "0", "1.5s"]):
    put("text", f"duration {i}", b"\0" + s.encode())
for i, s in enumerate(["127.0.0.1:4000", "[::1]:80", "unix:/tmp/x.sock", "example.org:65535", "4000", "localhost:0"]):
    for what in (1, 6, 7):
        put("text", f"address {what} {i}", bytes([what]) + s.encode())
for i, s in enumerate(["10.0.0.0/8:80-90", "[fe80::/10]:443", "0.0.0.0/0", "::/0", "127.0.0.1:4000"]):
    put("text", f"transit {i}", b"\2" + s.encode())
for i, s in enumerate(["localhost:4000", "http://127.0.0.1:4000", "Bearer ab" + "0" * 62]):
    put("text", f"header {i}", b"\1" + s.encode())
put("text", "route from stdin", b"\3" + b"-/service/echo/node/n1/service/x")
put("text", "hex", b"\4" + b"00ffA5")
put("text", "identifier", b"\5" + re.search(r'vector_identifier\[\] = "(\w+)"', objects)[1].encode())

put("api", "channel", 'POST /v1/secure-channels\n{"to":"/service/api","authorized":["any"],"timeout_ms":1000}')
put("api", "message", "POST /v1/messages?to=/service/echo&timeout_ms=5&authorized=any\nhello")
put("api", "relay", 'POST /v1/relays\n{"name":"r","at":"/ip4/127.0.0.1/tcp/4000","listeners":["api"],"node_name_first":true}')
put("api", "delete", "DELETE /v1/secure-channels/%61%62\n")
put("api", "bad json", 'POST /v1/services\n{"type":"echo","type":"echo"}')
put("api", "show", "GET /v1/node\n")

# control: the user's commands, and what becomes of frames (control.c). a, r, b are 0, 1, 2.
def opens(node, route, how=5):
    return bytes([11, node, route, how])


def sends(node, route, how=1):
    return bytes([14, node, route, how])


run, later = b"\0", b"\x0a\x05\0"
put("control", "channel", opens(0, 1) + run + run + later + sends(0, 0x80) + run + bytes([13, 0, 0]) + run)
put("control", "channel through a relay node", opens(0, 3) + run * 3 + later + sends(0, 0x80) + run * 2
    + bytes([22, 1, 0, 0, 0]) + run * 2)
put("control", "relay name", bytes([17, 2, 1, 0]) + b"" + bytes([17, 2, 13, 0x10]) + run * 4 + later
    + opens(0, 5) + run * 4 + later + sends(0, 14) + run * 4 + later + bytes([10, 61]) + run * 2 + bytes([17, 2, 13, 0x81]) + run)
put("control", "messages", sends(0, 8, 1) + sends(0, 9, 2) + sends(0, 15, 3) + sends(0, 11, 0x84) + run * 3 + later)
put("control", "secure routes", sends(0, 6, 1) + sends(0, 7, 2) + run * 6 + later + run * 4 + bytes([16, 2]))
put("control", "frames are lost and repeated", opens(0, 3) + bytes([2, 0, 3, 0]) * 6 + bytes([5, 0, 7, 1, 8, 1]) + later
    + run * 2 + bytes([9, 20]) + run + bytes([10, 20]) + run)
put("control", "udp channel", opens(0, 17) + run * 4 + later + sends(0, 0x80) + run * 2 + bytes([13, 0, 0]) + run)
put("control", "udp through a relay node", opens(0, 18) + run * 4 + later + run * 2 + opens(0, 19) + run * 4 + later + run * 2
    + sends(0, 20) + run * 4)
put("control", "udp link moves", bytes([19, 0, 0x81]) + run * 3 + sends(0, 16, 1) + run * 2 + bytes([24, 0]) + run * 3
    + sends(0, 16, 2) + run * 2 + bytes([24, 0, 5, 0]) + run * 2)
put("control", "udp hello from nowhere", bytes([25, 1, 0, 1, 100]) + vector["HELLO of a dialler over UDP"][16:116] + run + bytes([25, 1, 0, 3, 1, 0]) + run)
put("control", "changed handshake", opens(0, 1) + (bytes([2, 0, 2, 1, 3, 0, 3, 1])) * 5
    + bytes([6, 1, 0, 40, 1, 6, 0, 0, 90, 0x80]) + run + later + run)
put("control", "commands fail", opens(0, 3) + bytes([4, 0, 3, 2, 1, 4, 1, 0]) * 4 + run * 2 + later + run)
put("control", "links", bytes([19, 0, 1, 19, 1, 2, 19, 2, 3]) + run * 2 + bytes([20, 1, 0, 8, 0, len(hello)]) + hello
    + bytes([20, 1, 0, 8, 1, 2, 0x81, 1]) + run + bytes([10, 60]) + run)
hop = vector["hop part"]
end = vector["end part of INIT"]
put("control", "injected init", bytes([19, 0, 1]) + run + bytes([20, 1, 0, 0x82, 0]) + be(0x01020304, 4)
    + bytes([len(hop) + len(end)]) + hop + end + run + later)
put("control", "injected control", bytes([19, 0, 1]) + run + bytes([20, 1, 0, 1, 0, len(vector["CONTROL request"]) - 16])
    + vector["CONTROL request"][16:] + run)
put("control", "injected msg", opens(0, 1) + run * 2 + later + bytes([21, 1, 0, 1, 0, len(vector["MSG request"])])
    + vector["MSG request"] + run + bytes([21, 1, 0, 2, 1, 3]) + b"abc" + bytes([22, 1, 0, 4, 0]) + run)
put("control", "idle paths", opens(0, 3) + run * 3 + later + bytes([22, 1, 0, 1, 0, 23, 1]) + bytes([10, 200]) + run
    + bytes([10, 200]) + run)

put("config", "node", b'\0{"workers":2,"transit":["10.0.0.0/8:80"],"authorized":["any"],"identity":"x"}')
put("config", "listener", b'\1{"authorized":["any","I' + b"0" * 64 + b'"]}')
put("config", "relay", b'\2{"name":"r","at":"/ip4/127.0.0.1/tcp/2","listeners":["api"],"node_name_first":true}')
put("config", "service", b'\3{"type":"echo","addr":"e"}')


# database: files, and columns of a sound home (database.c)
def column(which, kind, value):
    return bytes([which, kind, len(value)]) + value


put("database", "not a database", b"\0" + b"x" * 200)
put("database", "empty", b"\0")
put("database", "header only", b"\0SQLite format 3\0" + bytes.fromhex("10000202004020200000000100000001") + bytes(68))
put("database", "vault header only", b"\1SQLite format 3\0" + bytes.fromhex("10000202004020200000000100000001") + bytes(68))
put("database", "empty vault", b"\1")
put("database", "columns", b"\2" + column(0, 1, b"v" * 80) + column(3, 1, b"a'b\n") + column(6, 2, one))
put("database", "keys", b"\2" + column(8, 2, b"k" * 31) + column(9, 2, b"s" * 31) + column(12, 3, b""))
put("database", "vault path", b"\2" + column(1, 1, b"/nonexistent/vault"))
put("database", "config", b"\2" + column(13, 1, b"{") + column(16, 3, b"") + column(17, 2, b"o"))
put("database", "newer version", b"\2" + column(22, 0, b""))
put("database", "stray secrets", b"\2" + column(25, 1, b"/nonexistent/vault") + column(26, 2, b"k" * 31) + column(26, 3, b""))
put("database", "table gone", b"\2" + column(23, 0, b"") + column(24, 0, b""))


# streams: records, applications, frames (streams.c); how: 1 initiator, 4 wide path
def took(kind, stream, flags=0, n=0, tail=b""):
    return bytes([0, kind, flags, stream, n]) + tail


OPEN, ACCEPT, REFUSE, STREAM, WINDOW = range(5)
leave, wide = b"\3\xf2", b"\5"
put("streams", "we open", wide + b"\4\0" + leave + took(ACCEPT, 1, 0, 0, b"\xff\xff") + bytes([7, 0, 3, 7, 0, 1, 7, 0, 0x90])
    + leave + took(STREAM, 1, 0, 99) + bytes([5, 0, 7, 5, 0, 1]) + took(STREAM, 1, 1, 3) + bytes([5, 0, 7, 5, 0, 1, 5, 0, 7])
    + bytes([7, 0, 3, 7, 0, 4]) + leave + took(WINDOW, 1, 0, 0, b"\0\0") + leave)
put("streams", "the peer opens", b"\4" + took(OPEN, 1, 0, 0, b"\0\x40") + bytes([9, 0, 0]) + leave + took(STREAM, 1, 0x80, 200)
    + bytes([5, 0, 31, 5, 0, 2, 9, 0, 3, 5, 0, 31, 5, 0, 1]) + took(WINDOW, 0, 0, 0, b"\0\1") + bytes([9, 0, 2]) + leave)
put("streams", "refused both ways", b"\1\4\0" + leave + took(REFUSE, 1, 0, 0, b"\3") + took(OPEN, 2, 0, 0, b"\0\1")
    + bytes([9, 0, 1]) + leave + took(STREAM, 2, 0, 5))
put("streams", "nobody reads", b"\4" + b"".join(took(OPEN, i, 0, 0, b"\1\0") + bytes([9, i // 2, 0]) for i in (1, 3))
    + (took(STREAM, 1, 0x80, 255) + took(STREAM, 3, 0xc0, 255)) * 3 + bytes([5, 0, 31, 5, 0, 2]) + leave)
put("streams", "reset while writing", wide + b"\4\0" + leave + took(ACCEPT, 1, 0, 0, b"\xff\xff") + bytes([7, 0, 15])
    + took(STREAM, 1, 2) + bytes([7, 0, 1]) + leave)
