# SPDX-License-Identifier: Apache-2.0
"""Frames that say nothing right: before HELLO, instead of HELLO, of types, versions and lengths that do not
exist, and LINK frames for the paths of others."""
import struct

import cbor
import frame
import link
import peer
from attack import attack, must
from frame import Frame
from mutate import BOMBS, flips


def raw(lab, *data, node=None):
    """Sends bytes to a fresh connection; the connection."""
    wire = link.dial((node or lab.responder).port, lab)
    try:
        wire.send(*data)
    except link.Gone:
        pass
    return wire


def usable(wire):
    """Whether the node goes on with this link. It either does or ends it; silence is neither."""
    try:
        wire.echo()
        return True
    except link.Gone:
        return False


@attack("random bytes")
def link_garbage(lab):
    for size in (1, 15, 16, 17, 64, 1000, 65536, 300000):
        raw(lab, lab.rng.randbytes(size)).close()
        raw(lab, b"\x18\0" + lab.rng.randbytes(size)).close()
        lab.did(2)
    raw(lab, b"GET / HTTP/1.1\r\n\r\n").close()
    lab.did()


@attack("frames of every type before HELLO")
def link_before_hello(lab):
    for kind in range(16):
        if kind == frame.LINK:
            continue
        us = peer.Initiator(lab)
        with raw(lab, us.init().but(kind=kind).encode(), frame.link_frame(0, link.hello_body(lab.rng))) as wire:
            if not wire.closed(0.02):
                must(not [f for f in wire.take(lambda f: True) if f.kind != frame.LINK], "it answered")
        lab.did()


@attack("HELLO that lacks something, has it twice, or is no map")
def link_hello(lab):
    good = {1: [1], 2: 65535, 3: 0}
    bad = [cbor.encode(v) for v in (
        {}, {1: [1]}, {2: 65535}, [1], 1, "hello", {1: 1, 2: 65535}, {1: [], 2: 65535}, {1: [2, 3], 2: 65535},
        {1: ["1"], 2: 65535}, {1: [-1], 2: 65535}, {1: [1], 2: -5}, {1: [1], 2: "65535"},
        {1: [1], 2: 0}, {1: [1], 2: 15}, {"1": [1], "2": 65535}, {1: [1 << 32], 2: 65535})]
    bad += list(BOMBS.values())
    bad += [b"\xa3\x01\x81\x01\x01\x81\x01\x02\x19\xff\xff", b"\xa2\x02\x19\xff\xff\x01\x81\x01",
            cbor.encode(good) + b"\0", b"\xa2\x01\x81\x01\x02\x1a\0\0\xff\xff", b"\xbf\x01\x81\x01\x02\x19\xff\xff\xff",
            b"\xa3\x01\x81\x01\x02\x19\xff\xff\x1a\0\xff\xff\xff" + b"\x81" * 4000]
    for body in bad:
        with raw(lab, frame.link_frame(frame.HELLO, body)) as wire:
            must(wire.closed(), f"HELLO {body[:40].hex()} opens a link")
            must(all(f.sub == frame.BYE for f in wire.inbox), "it was answered")
        lab.did()


@attack("HELLO with more than this version knows")
def link_hello_grease(lab):
    for more in ({3: 1 << 60}, {15: None}, {1 << 63: [[1], {2: b""}]}, {1000 + i: i for i in range(60)}):
        body = cbor.encode({1: [1, 2, 77], 2: 65535, 3: 0} | more)
        with raw(lab, frame.link_frame(frame.HELLO, body)) as wire:
            wire.expect(lambda f: f.kind == frame.LINK and f.sub == frame.HELLO)
            must(usable(wire), f"{more} is not skipped")
        lab.did()


@attack("HELLO again, BYE, and a HELLO of another version later")
def link_hello_again(lab):
    for late in (frame.link_frame(frame.HELLO, link.hello_body(lab.rng)), frame.link_frame(frame.BYE, b"\x81\x01"),
                 frame.link_frame(frame.HELLO, cbor.encode({1: [9], 2: 65535})), frame.link_frame(frame.HELLO),
                 frame.link_frame(frame.HELLO, cbor.encode({1: [1], 2: 1024}))):
        with lab.dial() as wire:
            wire.send(late)
            usable(wire)
        lab.did()


@attack("every version, type and sub")
def link_types(lab):
    for version in range(16):
        if version != 1:
            with lab.dial() as wire:
                wire.send(Frame(frame.LINK, frame.LINK_PING, body=bytes(8), version=version))
                must(wire.closed(), f"version {version} is taken")
            lab.did()
    with lab.dial() as wire:
        for kind in (0, 7, *range(9, 16)):
            for sub in (0, 1, 127, 255):
                wire.send(Frame(kind, sub, lab.rng.randrange(1 << 32), body=lab.rng.randbytes(40)))
                lab.did()
        for sub in range(7, 256):
            wire.send(Frame(frame.LINK, sub, body=lab.rng.randbytes(8)))
            lab.did()
        for kind in (frame.CONTROL, frame.INIT, frame.RESP, frame.FINISH):
            for sub in (1, 0x80, 255):
                wire.send(Frame(kind, sub, 7, body=lab.rng.randbytes(60)))
                lab.did()
        must(usable(wire), "an unknown type ends the link")


@attack("lengths that are too short, a frame that never ends")
def link_lengths(lab):
    for kind in range(1, 9):
        for length in (0, 1, 15):
            with lab.dial() as wire:
                wire.send(struct.pack(">BBHIQ", 0x10 | kind, 0, length, 1, 0))
                must(wire.closed(), f"length {length} is taken")
            lab.did()
    for length in (16, 31):
        with lab.dial() as wire:
            wire.send(struct.pack(">BBHIQ", 0x15, 0, length, 1, 0) + bytes(length - 16))
            must(wire.closed(), "DATA without a tag is taken")
        lab.did()
    with lab.dial() as wire:
        wire.send(struct.pack(">BBHIQ", 0x15, 0, 65535, 1, 0) + bytes(1000))
    lab.did()


@attack("bodies of LINK frames of every length")
def link_bodies(lab):
    with lab.dial() as wire:
        for sub in range(1, 7):
            if sub == frame.BYE:
                continue
            for size in (0, 1, 3, 4, 5, 7, 8, 9, 16, 2000, 65000):
                wire.send(Frame(frame.LINK, sub, lab.rng.randrange(2), body=lab.rng.randbytes(size)))
                lab.did()
        must(usable(wire), "the link ended")


@attack("PING without end, and PONG that nobody asked for")
def link_ping_flood(lab):
    with lab.dial() as wire:
        for i in range(20):
            wire.send(*[frame.link_frame(frame.LINK_PING, struct.pack(">Q", i * 100 + n)) for n in range(100)])
            wire.send(*[frame.link_frame(frame.LINK_PONG, lab.rng.randbytes(8)) for n in range(100)])
            wire.take(lambda f: f.kind == frame.LINK)
        must(usable(wire), "the link ended")
        lab.did(4000)


@attack("RESET of every code for the path of another link, in both directions")
def link_reset_foreign(lab):
    with lab.dial() as wire, lab.dial() as other:
        channel = peer.connect(wire, lab)
        for label in (channel.session.send_label, channel.session.receive_label):
            for code in (*range(16), 127):
                for receiver in (False, True):
                    other.send(frame.reset(label, code, receiver_sends=receiver))
                    lab.did()
        other.settle()
        must(channel.request("echo", b"still") == b"still", "a foreign RESET ended a path")


@attack("PAUSE, RESUME and TOOBIG for the path of another link")
def link_pause_foreign(lab):
    with lab.dial() as wire, lab.dial() as other:
        channel = peer.connect(wire, lab)
        for label in (channel.session.send_label, channel.session.receive_label, 0, 0xFFFFFFFF):
            for sub, body in ((frame.PAUSE, b""), (frame.RESUME, b""), (frame.TOOBIG, struct.pack(">I", 16)),
                              (frame.TOOBIG, struct.pack(">I", 0)), (frame.PAUSE, b"")):
                other.send(frame.link_frame(sub, struct.pack(">I", label) + body))
                lab.did()
        other.settle()
        must(channel.request("echo", b"still") == b"still", "a foreign PAUSE held a path")


@attack("DATA, FINISH and RESP for the path of another link, and for none")
def link_frames_foreign(lab):
    with lab.dial() as wire, lab.dial() as other:
        channel = peer.connect(wire, lab)
        stolen = channel.session.seal(frame.record(frame.MSG, frame.message(
            frame.REQUEST, [frame.service("echo")], bytes(16), b"stolen")))
        for label in (channel.session.send_label, channel.session.receive_label, 1, 0):
            for kind in (frame.DATA, frame.FINISH, frame.RESP, frame.INIT):
                other.send(stolen.but(kind=kind, label=label))
                lab.did()
        other.settle()
        must(not other.take(lambda f: f.kind == frame.DATA), "a path answers on another link")
        # it was never taken: in its own place it counts as the first
        wire.send(stolen)
        must(channel.request("echo", b"still") == b"still", "the path is gone")


@attack("two thousand frames for labels that nobody has")
def link_unknown_labels(lab):
    with lab.dial() as wire:
        for kind in (frame.DATA, frame.FINISH, frame.RESP, frame.RESET):
            wire.send(*[Frame(kind, 2, lab.rng.randrange(1, 1 << 32), body=bytes(32)) for _ in range(500)])
        wire.settle()
        answers = wire.take(lambda f: f.kind == frame.RESET)
        must(len(answers) <= 1500, "RESET provokes RESET")
        lab.did(2000)


@attack("any byte of a RESET and of LINK PAUSE changed")
def link_reset_flips(lab):
    with lab.dial() as wire:
        for good in (frame.reset(5, frame.DONE), frame.link_frame(frame.PAUSE, b"\0\0\0\x07")):
            for at, spoilt in flips(lab.rng, good.encode(), 4):
                wire.send(spoilt)
                lab.did()
        for body in BOMBS.values():
            wire.send(Frame(frame.RESET, frame.UNKNOWN, 5, body=body))
            lab.did()
        must(usable(wire), "the link ended")
