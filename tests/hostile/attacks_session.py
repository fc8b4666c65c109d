# SPDX-License-Identifier: Apache-2.0
"""A peer that was let in and then misbehaves: DATA frames that are spoilt, repeated or out of order, inner
records that do not fit, messages that never end, and requests to what only the right ones may ask."""
import contextlib
import struct

import cbor
import frame
import link
import peer
from attack import attack, must
from frame import Frame, record, service
from mutate import BOMBS, cuts, flips, nested, shapes

NOT_AUTHORIZED, PROTOCOL = 1, 2
MIB = 1 << 20


@contextlib.contextmanager
def opened(lab, node=None, **end):
    with lab.dial(node) as wire:
        yield peer.connect(wire, lab, **end)


def shown(lab, channel):
    """What the responder's node says of the channel that was opened last."""
    mine = set(lab.responder.channels()) - lab.before[lab.responder]["channels"]
    must(len(mine) == 1, f"{len(mine)} channels")
    return lab.responder.channels()[mine.pop()]


def works(channel, what="the channel does not work"):
    must(channel.request("uppercase", b"hello") == b"HELLO", what)


def request(text=b"x", name="echo", handle=bytes(16)):
    return record(frame.MSG, frame.message(frame.REQUEST, [service(name)], handle, text), stream=1)


def closed_for(lab, code, *plains):
    """Each of these plaintexts is answered by CLOSE with this code, in a channel of its own."""
    wire = lab.dial()
    for at, plain in enumerate(plains):
        if at % 60 == 59:
            wire.close()
            wire = lab.dial()
        channel = peer.connect(wire, lab)
        channel.send(plain)
        try:
            channel.receive()
        except peer.Refused as refused:
            must(refused.code == code, f"{plain[:40].hex()}: CLOSE {refused.code}")
        else:
            must(False, f"{plain[:40].hex()} is answered")
        lab.did()
    wire.close()


@attack("any byte of DATA frames changed: none is taken, and the right one still is")
def data_flips(lab):
    for suite in (1, 2):
        with opened(lab, suite=suite) as channel:
            for text in (b"", b"hello", bytes(300)):
                good = channel.session.seal(request(text))
                before = shown(lab, channel)
                count = 0
                for _, spoilt in flips(lab.rng, good.encode(), 8):
                    channel.link.send(spoilt)
                    count += 1
                for sub in range(1, 256, 7):
                    channel.link.send(good.but(sub=sub))
                    count += 1
                for at in range(3):
                    channel.link.send(good.but(label=good.label ^ 1 << lab.rng.randrange(32)))
                channel.link.settle()
                after = shown(lab, channel)
                must(after["frames_rx"] == before["frames_rx"], "a changed frame was taken")
                must(after["auth_drops"] > before["auth_drops"], "nothing was tried")
                channel.link.send(good)
                works(channel)
                lab.did(count + 3)


@attack("DATA frames cut off and extended")
def data_lengths(lab):
    with opened(lab) as channel:
        good = channel.session.seal(request(bytes(100)))
        for body in cuts(lab.rng, good.body, 80):
            if len(body) >= frame.TAG:
                channel.link.send(good.but(body=body))
                lab.did()
        for extra in (1, 8, 16, 1000, 65000):
            channel.link.send(good.but(body=good.body + bytes(extra)))
            lab.did()
        channel.link.settle()
        channel.link.send(good)
        works(channel)


@attack("DATA repeated at once, later, and in the next epoch; reflected to its sender")
def data_replay(lab):
    with opened(lab) as channel:
        sent = [channel.send(request(b"%d" % i)) for i in range(50)]
        answers = []
        while len(answers) < 50:
            answers += [m[4] for m in channel.messages()]
        must(answers == [b"%d" % i for i in range(50)], "answers")
        channel.link.send(*sent, *sent[::-1])
        channel.session.epoch = 1
        works(channel)
        channel.link.send(*sent)
        ours = [f for f in lab.whole(channel.link.heard) if f.kind == frame.DATA]
        channel.link.send(*[f.but(label=channel.session.send_label) for f in ours], *ours)
        works(channel, "the channel was ended by frames that were seen before")
        must(shown(lab, channel)["replay_drops"] >= 150, "they were not noticed")
        lab.did(150 + 2 * len(ours))


@attack("DATA of one session in another, of the same peer and of another link")
def data_splice(lab):
    with opened(lab) as a, lab.dial() as wire:
        b = peer.connect(wire, lab)
        for one, other in ((a, b), (b, a)):
            sent = [one.send(request(b"stolen")) for _ in range(3)]
            answers = []
            while len(answers) < 3:
                answers += one.messages()
            other.link.send(*[f.but(label=other.session.send_label) for f in sent])
            other.link.send(*[f.but(label=other.session.send_label, seq=other.session.seq) for f in sent])
            other.link.send(*[f.but(label=one.session.send_label) for f in sent])
            lab.did(9)
        works(a)
        works(b)
        for channel in (a, b):
            must(not channel.link.take(lambda f: f.kind == frame.DATA), "a stolen frame was answered")


@attack("numbers that jump, at their end, and epochs that are far off")
def data_numbers(lab):
    with opened(lab) as channel:
        for epoch in (2, 3, 100, 127, 128, 255, 256 + 2):
            channel.link.send(channel.session.seal(request(b"far"), seq=channel.session.seq, epoch=epoch))
            lab.did()
        works(channel, "an epoch that is far off was looked at")
    for jump in (1, 2, 8191, 8192, 8193, 1 << 32, (1 << 64) - 1):
        with opened(lab) as channel:
            base = channel.session.seq
            seq = jump if jump > 1 << 31 else base + jump
            channel.link.send(channel.session.seal(request(b"late"), seq=seq))
            # a frame that was lost on a path that loses none: the path is broken, and nothing is delivered
            channel.link.settle()
            for f in channel.link.take(lambda f: f.kind == frame.DATA):
                must(all(r[0] != frame.MSG for r in channel.session.open(f)), "delivered over a gap")
            lab.did()


@attack("frames in another order")
def data_order(lab):
    with opened(lab) as channel:
        one, two = channel.session.seal(request(b"one")), channel.session.seal(request(b"two"))
        channel.link.send(two, one)
        channel.link.settle()
        texts = []
        for f in channel.link.take(lambda f: f.kind == frame.DATA):
            texts += [cbor.decode(r[3])[4] for r in channel.session.open(f) if r[0] == frame.MSG]
        must(texts in ([], [b"one"]), f"{texts} delivered")
        lab.did()


@attack("records that overrun their frame, kinds that do not exist")
def record_lengths(lab):
    closed_for(lab, PROTOCOL, *[request()[:n] for n in (1, 4, 7, 9)],
               *[record(kind, b"abc", length=n) for kind in range(6) for n in (4, 5, 255, 65535)],
               *[record(kind, b"abc") for kind in (*range(6, 30), 64, 127)],
               frame.ping(1) + b"\0", record(frame.PAD, bytes(3)) + b"\x04\0\xff\xff\0\0\0\0", bytes(7))


@attack("records that are skipped: kinds from 128, PAD, frames of nothing, bodies of nothing")
def record_skipped(lab):
    with opened(lab) as channel:
        for kind in (128, 129, 200, 255):
            for size in (0, 1, 1000, 60000):
                channel.send(record(kind, bytes(size), stream=lab.rng.randrange(1 << 32), flags=255))
                lab.did()
        channel.send()
        channel.send(*[record(frame.PAD)] * 8000)
        channel.send(record(frame.PAD, bytes(65000)))
        channel.send(*[record(200)] * 5000, frame.ping(9))
        lab.did(4)
        works(channel)


@attack("PING, PONG and CLOSE with bodies of other lengths, an epoch that was never sent in")
def record_control(lab):
    closed_for(lab, PROTOCOL, *[record(kind, lab.rng.randbytes(size)) for kind, own in (
        (frame.PING, 12), (frame.PONG, 12), (frame.CLOSE, 1)) for size in (0, 1, 2, 11, 12, 13, 100) if size != own],
               frame.pong(1, 5), frame.pong(1, 0xFFFFFFFF))


@attack("ten thousand PINGs in a frame and in frames, PONG that nobody asked for")
def record_ping_flood(lab):
    with opened(lab) as channel:
        channel.send(*[frame.ping(i) for i in range(3000)])
        for i in range(3000):
            channel.send(frame.ping(i), frame.pong(i * 77, 0))
        works(channel)
        answers = [f for f in lab.whole(channel.link.heard) if f.kind == frame.DATA]
        must(len(answers) < 6000, "each of many PINGs in a frame is answered")
        lab.did(9000)


@attack("messages that are no messages")
def session_messages(lab):
    with opened(lab) as channel:
        good = [frame.REQUEST, 16, [service("echo")], bytes(16), b"hello"]
        bodies = list(BOMBS.values()) + [s for s in shapes(good) if s[-1:] != b"\x40"]
        bodies += [cbor.encode(good[:2] + [route] + good[3:]) for route in (
            [service("no")], [service("nul\0")], [service("a/b")], [service("x" * 65)], [service("hop")] * 17, [[1]], [],
            [[frame.NODE, "n1"]], [[frame.SECURE, "api"]], nested([], 12), [[frame.SERVICE, bytes(16)]])]
        bodies += [cbor.encode([frame.REQUEST, n, [service("hop"), service("echo")], bytes(16), b"x"]) for n in (0, 1, 17, 1 << 40)]
        bodies += [cbor.encode([kind, 16, [service("echo")], handle, b"x"]) for kind in (1, 2, 3, 99) for handle in (None, bytes(16))]
        alive = channel
        for body in bodies:
            try:
                alive.send(record(frame.MSG, body, stream=lab.rng.randrange(1 << 32)))
                works(alive)
            except peer.Refused as refused:
                must(refused.code == PROTOCOL, f"CLOSE {refused.code}")
                alive = peer.connect(channel.link, lab)
            lab.did()


@attack("messages that never end: eight of a session, one MiB each, 64 MiB in all")
def session_never_ending(lab):
    before = lab.responder.resident()
    part = record(frame.MSG, bytes(60000), stream=0, flags=frame.MORE)
    with contextlib.ExitStack() as stack:
        channels = [stack.enter_context(opened(lab)) for _ in range(12)]
        for channel in channels:
            for stream in range(9):
                for _ in range(18):
                    try:
                        channel.send(part[:4] + struct.pack(">I", stream) + part[8:])
                    except link.Gone:
                        break
            lab.did(9)
        for channel in channels:
            try:
                channel.link.echo()
            except link.Gone:
                pass
        grown = lab.responder.resident() - before
        must(grown < 160 << 10 or lab.sanitized(), f"grown by {grown} KiB")


@attack("a message longer than one MiB; a thousand parts of nothing; parts for a stream that has ended")
def session_parts(lab):
    with opened(lab) as channel:
        for _ in range(1000):
            channel.send(record(frame.MSG, b"", stream=3, flags=frame.MORE))
        channel.send(request(b"one"))
        works(channel)
        whole = frame.message(frame.REQUEST, [service("echo")], bytes(range(16)), bytes(range(256)) * 40)
        for at in range(0, len(whole), 777):
            channel.send(record(frame.MSG, whole[at:at + 777], stream=9, flags=frame.MORE if at + 777 < len(whole) else 0))
        must(any(m[4] == bytes(range(256)) * 40 for m in channel.messages()), "parts were not put together")
        lab.did(1001)
    with opened(lab) as channel:
        try:
            for _ in range(20):
                channel.send(record(frame.MSG, bytes(60000), stream=5, flags=frame.MORE))
            channel.receive(1)
            must(False, "an answer came")
        except (peer.Refused, link.Missing, link.Gone):
            pass
        lab.did()


@attack("requests to register names that are not one's own, or no names")
def session_register(lab):
    taken = "forward_to_taken"
    with opened(lab, node=lab.relay) as owner:
        def ask(channel, body):
            reply = channel.request("forwarding_service", body)
            return cbor.decode(reply) if isinstance(reply, bytes) else reply
        must(ask(owner, cbor.encode([1, taken, 60, ["api"]]))[0] == 0, "an honest registration")
        bad = list(BOMBS.values()) + list(shapes([1, "forward_to_x", 60, ["api"]]))
        bad.remove(cbor.encode([1, "forward_to_x", 60, []]))
        bad += [cbor.encode([1, name, 60, ["api"]]) for name in (
            "", "api", "echo", "forwarding_service", "forward_to_" + "x" * 60, "forward_to_a/b", "forward_to_\0",
            "forward_to_\x1b[31m", "x" * 500)]
        bad += [cbor.encode([kind, "forward_to_x"]) for kind in (0, 3, 255)]
        bad += [cbor.encode([3, taken, 60, way]) for way in (0, 4, 255, 1 << 40, "1")]
        bad += [cbor.encode([3, "forward_to_nobody", 60, 1])]
        bad += [cbor.encode([1, "forward_to_x", 60, names]) for names in (["x" * 65], ["nul\0"], [b"api"], ["a"] * 5000)]
        for body in bad:
            reply = ask(owner, body)
            must(reply[0] != 0 or not isinstance(reply, list), f"{body[:60]} was registered")
            lab.did()
        # the same identity from another node, while the first is connected
        with opened(lab, node=lab.relay) as second:
            must(ask(second, cbor.encode([1, taken, 60, ["api"]]))[0] == 2, "a name was taken over")
            must(ask(second, cbor.encode([3, taken, 60, 1]))[0] == 2, "another node joined a name")
            lab.did()
        for i in range(300):
            status = ask(owner, cbor.encode([1, f"forward_to_{i}", 60, []]))[0]
            lab.did()
        must(status == 4, "names are not bounded")
        for i in range(300):
            ask(owner, cbor.encode([2, f"forward_to_{i}"]))
        ask(owner, cbor.encode([2, taken]))


@attack("a frame in a frame: FRAME records with every type, lengths that lie, frames in frames in frames")
def session_frames(lab):
    with opened(lab) as channel:
        inner = [Frame(kind, sub, label, body=bytes(size)).encode() for kind in range(16) for sub in (0, 2, 255)
                 for label, size in ((0, 0), (7, 40))]
        inner += [b"", b"\x18", bytes(15), bytes(16), b"\x15\0\xff\xff" + bytes(12), b"\x15\0\0\x10" + bytes(12), b"\xff" * 40]
        for data in inner:
            channel.send(record(frame.FRAME, data))
            lab.did()
        deep = frame.control([service("echo")], frame.REQUEST, b"x", bytes(16)).encode()
        for _ in range(8):
            deep = Frame(frame.DATA, 0, 1, body=record(frame.FRAME, deep) + bytes(16)).encode()
            channel.send(record(frame.FRAME, deep))
            lab.did()
        try:
            works(channel)
        except peer.Refused as refused:
            must(refused.code == PROTOCOL, f"CLOSE {refused.code}")


@attack("channels in a channel, deeper than there may be")
def session_nesting(lab):
    """The same INIT path that a hop in the channel would use: each level is a channel to the same listener."""
    with opened(lab) as outer:
        level, sessions = 0, [outer.session]

        def send(f):
            for session in sessions[::-1]:
                f = session.seal(record(frame.FRAME, f.encode()))
            outer.link.send(f)

        def receive(wanted):
            for _ in range(20):
                f = outer.link.expect(lambda f: f.kind == frame.DATA and f.label == outer.session.receive_label, 1)
                for session in sessions:
                    if f.kind != frame.DATA:
                        break
                    inner = [r for r in session.open(f) or [] if r[0] == frame.FRAME]
                    if not inner:
                        break
                    f = frame.parse(inner[0][3])
                if wanted(f):
                    return f
            raise link.Missing("nothing inside")

        try:
            for level in range(1, 8):
                us = peer.Initiator(lab, frame_max=60000 - 40 * level)
                send(us.init(path_max=60000 - 40 * level))
                us.read(receive(peer.is_resp(us.label)))
                send(us.finish())
                session = us.session()
                got = receive(lambda f, us=us: f.kind == frame.DATA and f.label == us.label)
                must(session.open(got), "confirmation")
                sessions.append(session)
        except (link.Missing, link.Gone):
            pass
        must(1 <= level <= 5, f"{level} levels")
        lab.did(level)


@attack("CLOSE and then more; RESET of every code, which is no more than a hint to an open channel")
def session_after_end(lab):
    with lab.dial() as wire:
        channel = peer.connect(wire, lab)
        for code in range(16):
            wire.send(frame.reset(channel.session.send_label, code), frame.reset(
                channel.session.receive_label, code, receiver_sends=True))
            lab.did(2)
        wire.settle()
        works(channel, "an open channel was ended by RESET")
        channel.close()
        wire.settle()
        wire.take(lambda f: True)
        for _ in range(50):
            channel.send(request(b"after the end"))
            lab.did()
        wire.settle()
        for f in wire.take(lambda f: f.kind == frame.DATA):
            must(all(r[0] != frame.MSG for r in channel.session.open(f) or []), "answered after the end")
