# SPDX-License-Identifier: Apache-2.0
"""A hostile initiator: INIT and FINISH spoilt in every way, against a node's listener."""
import cbor
import frame
import noise
import peer
from attack import attack, must
from frame import Frame, service
from mutate import BOMBS, LOW_ORDER, cuts, flip, flips, shapes

PER_LINK = 60  # INITs on one link: a node takes 100 at once
TRIES = 7  # FINISHes that do not authenticate: with the eighth a half-open record goes


def started(wire, lab, **end):
    """An INIT that was answered: our end, and RESP."""
    us = peer.Initiator(lab, **end)
    wire.send(us.init())
    resp = wire.expect(peer.is_resp(us.label))
    us.read(resp)
    return us, resp


def completes(wire, us, finish):
    """The genuine FINISH still opens the channel: nothing that came before left a trace."""
    channel = peer.persist(wire, finish, peer.Channel(wire, us.session(), us.peer))
    must(channel.request("uppercase", b"hello") == b"HELLO", "the channel does not work")
    return channel


def unanswered(lab, frames):
    """None of these INITs gets a RESP but one that refuses the suite."""
    for at in range(0, len(frames), PER_LINK):
        with lab.dial() as wire:
            wire.send(*frames[at:at + PER_LINK])
            wire.settle()
            answered = {f.label for f in wire.take(lambda f: f.kind == frame.RESP and f.sub != frame.SUITE_REFUSED)}
            must(not answered, f"an INIT was answered: {[f.encode().hex() for f in frames if f.label in answered]}")
    lab.did(len(frames))


@attack("any byte of INIT changed")
def init_flips(lab):
    size = len(peer.Initiator(lab).init().encode())
    for at in range(0, size, PER_LINK):
        with lab.dial() as wire:
            ends = []
            for position in range(max(at, 4), min(at + PER_LINK, size)):
                us = peer.Initiator(lab)
                data = us.init().encode()
                if position < len(data):
                    wire.send(flip(data, position, lab.rng.randrange(8)))
                    ends.append((us, position >= len(data) - len(us.end)))
            wire.settle()
            for us, in_end_part in ends:
                for resp in wire.take(peer.is_resp(us.label)):
                    try:
                        us.read(resp)
                        must(not in_end_part, "a changed INIT was proved to be ours")
                    except noise.NoiseError:
                        pass
            lab.did(len(ends))
    for position in (0, 2, 3):
        for bit in range(8):
            with lab.dial() as wire:
                wire.send(flip(peer.Initiator(lab).init().encode(), position, bit))
            lab.did()


@attack("INIT cut off, too long, or with another length of its hop part")
def init_lengths(lab):
    us = peer.Initiator(lab)
    good = us.init()
    frames = [good.but(body=body) for body in cuts(lab.rng, good.body, 60)]
    for extra in (1, 32, 900, 1100, 60000):
        frames.append(good.but(body=good.body + bytes(extra)))
    frames += [good.but(body=frame.with_hop_part(part, us.end)) for part in shapes([16, 65535, 0, [service("api")]])]
    frames += [good.but(body=frame.with_hop_part(part, us.end)) for part in BOMBS.values()]
    frames = [f for f in frames if f.body != good.body]
    # one that is too long may hold a Noise message 1 with a payload, but no honest end sends that
    unanswered(lab, [f.but(label=f.label) for f in frames])


@attack("INIT with names, suites, patterns, labels and extensions that do not exist")
def init_fields(lab):
    ends = [peer.Initiator(lab, suite=s, suites=(1,)) for s in (0, 3, 77, 255)]
    ends += [peer.Initiator(lab, pattern=p) for p in (0, 2, 3, 255)]
    ends += [peer.Initiator(lab, listener=n) for n in ("", "x" * 65, "x" * 200, "nul\0", "api\0", "\x1b[2J", "no", "echo")]
    ends += [peer.Initiator(lab, extensions=b) for b in BOMBS.values() if 0 < len(b) < 200 and b != b"\xa0"]
    ends += [peer.Initiator(lab, extensions=b"\xa1" * 200), peer.Initiator(lab, extensions=b"\x81" * 200)]
    ends += [peer.Initiator(lab, frame_max=m) for m in (0, 16, 31, 1023)]
    unanswered(lab, [us.init([service("api")]) for us in ends])
    for us in ends[:4]:
        with lab.dial() as wire:
            wire.send(us.init([service("api")]))
            resp = wire.expect(peer.is_resp(us.label))
            must(resp.sub == frame.SUITE_REFUSED and resp.body.endswith(bytes([2, 1, 2])), "the suites were not named")
    us = peer.Initiator(lab)
    unanswered(lab, [us.init().but(label=0), us.init().but(label=us.label ^ 1), us.init().but(sub=1)])


@attack("the listener swapped on the way, a route that goes on behind it")
def init_listener(lab):
    routes = [[service("open")], [service("echo")], [], [service("api"), service("echo")],
              [service("api"), service("api")], [service("hop")], [[frame.WORKER, "uppercase"]]]
    lab.home.run("secure-channel-listener", "create", "open", "--at", "responder", "--authorized", "any")
    try:
        unanswered(lab, [peer.Initiator(lab).init(route) for route in routes])
        unanswered(lab, [peer.Initiator(lab, listener="open").init([service("api")])])
    finally:
        lab.home.run("secure-channel-listener", "delete", "open", "--at", "responder")


@attack("ephemeral keys of low order")
def init_low_order(lab):
    frames = []
    for point in LOW_ORDER:
        for suite in (1, 2):
            frames.append(peer.Initiator(lab, suite=suite, ephemeral=noise.ZeroKeyPair(point)).init())
    unanswered(lab, frames)


@attack("static keys of low order")
def finish_low_order(lab):
    with lab.dial() as wire:
        for point in LOW_ORDER:
            us, _ = started(wire, lab, static=noise.ZeroKeyPair(point))
            finish = us.finish()
            wire.send(finish)
            wire.settle()
            must(not wire.take(lambda f, us=us: f.kind == frame.DATA and f.label == us.label), "a zero key was taken")
            lab.did()


@attack("INIT repeated: the same answer, byte for byte; another under its label: neither")
def init_repeated(lab):
    with lab.dial() as wire:
        us = peer.Initiator(lab)
        answers = set()
        for _ in range(3):
            wire.send(us.init())
            answers.add(wire.expect(peer.is_resp(us.label)).body)
        must(len(answers) == 1, "RESP was made anew")
        us2 = peer.Initiator(lab, label=us.label)
        wire.send(us2.init())
        wire.settle()
        must(not wire.take(peer.is_resp(us.label)), "two handshakes have one label")
        lab.did(3)


def before_the_right_one(lab, spoil, **end):
    """spoil(finish, RESP): frames that must not be taken for this FINISH, each time as many and of the same kinds.
    They come in handshakes of their own, few enough that the right FINISH behind them opens the channel."""
    at, some = 0, True
    while some:
        with lab.dial() as wire:
            for _ in range(PER_LINK // TRIES):
                us, resp = started(wire, lab, **end)
                finish = us.finish()
                some = spoil(finish, resp)[at:at + TRIES]
                at += TRIES
                wire.send(*some)
                wire.settle()
                got = wire.take(lambda f, us=us: f.kind == frame.DATA and f.label == us.label)
                must(not got, "a spoilt FINISH was taken")
                completes(wire, us, finish).close()
                lab.did(len(some))
                if not some:
                    break


@attack("any byte of FINISH changed, then the right one")
def finish_flips(lab):
    def spoil(finish, _resp):
        data = finish.encode()
        out = [finish.but(sub=sub) for sub in (1, 2, 0x80, 255)]
        for first, last in ((4, 8), (16, None)):  # between them is seq, which counts in DATA only
            out += [spoilt for _, spoilt in flips(lab.rng, data, first, last)]
        return out
    for suite in (1, 2):
        before_the_right_one(lab, spoil, suite=suite)


@attack("FINISH cut off, extended, empty, and of another type, then the right one")
def finish_lengths(lab):
    sizes = [0, 1, 15, 16, 47, 48, 63, 64] + sorted(lab.rng.randrange(65, 400) for _ in range(40))

    def spoil(finish, resp):
        out = [finish.but(body=finish.body[:size]) for size in sizes + [len(finish.body) - 1]]
        out += [finish.but(body=finish.body + bytes(extra)) for extra in (1, 16, 1000, 60000)]
        out += [finish.but(kind=kind) for kind in (frame.DATA, frame.RESP, frame.CONTROL, 0, 9)]
        return out + [resp, resp.but(label=finish.label), resp.but(kind=frame.FINISH, label=finish.label)]
    before_the_right_one(lab, spoil)


@attack("eight FINISHes that do not authenticate end their half-open record, and nothing else")
def finish_eighth(lab):
    with lab.dial() as wire:
        us, _ = started(wire, lab)
        other, _ = started(wire, lab)
        finish = us.finish()
        wire.send(*[finish.but(body=finish.body[:-1] + bytes([finish.body[-1] ^ 1 << bit])) for bit in range(8)], finish)
        wire.settle()
        must(not wire.take(lambda f: f.kind == frame.DATA), "it may be tried without end")
        completes(wire, other, other.finish())
        lab.did(8)


@attack("the FINISH of another session, of another link, of an old session")
def finish_spliced(lab):
    with lab.dial() as wire, lab.dial() as other:
        old, _ = started(wire, lab)
        old_finish = old.finish()
        completes(wire, old, old_finish).close()
        a, _ = started(wire, lab)
        b, _ = started(wire, lab)
        c, _ = started(other, lab)
        finishes = [x.finish() for x in (a, b, c)]
        for mine, us in zip(finishes, (a, b, c)):
            for stolen in finishes + [old_finish]:
                if stolen is not mine:
                    wire.send(stolen.but(label=us.peer_label))
                    other.send(stolen.but(label=us.peer_label))
                    lab.did(2)
        wire.settle()
        other.settle()
        must(not wire.take(lambda f: f.kind == frame.DATA and f.label in (a.label, b.label)), "a spliced FINISH was taken")
        completes(wire, a, finishes[0])
        completes(wire, b, finishes[1])
        completes(other, c, finishes[2])


@attack("FINISH repeated before and after the session moved on: an answer, and no key again")
def finish_repeated(lab):
    with lab.dial() as wire:
        us, _ = started(wire, lab)
        finish = us.finish()
        channel = completes(wire, us, finish)
        for _ in range(20):
            wire.send(finish, finish, us.init())
            must(channel.request("echo", b"on") == b"on", "the session was lost")
            lab.did(3)
        for epoch in range(4):
            channel.session.epoch = epoch
            must(channel.request("echo", b"on") == b"on", "the session was lost")
            wire.send(finish)
            lab.did()
        wire.settle()
        seqs = [f.seq for f in wire.take(lambda f: f.kind == frame.DATA)]
        must(len(lab.responder.channels()) == len(lab.before[lab.responder]["channels"]) + 1, "a second session")
        must(len(set(seqs)) == len(seqs), "numbers came again")
        # after its end too
        channel.close()
        wire.send(finish, us.init())
        wire.settle()
        lab.did(2)


@attack("DATA before FINISH, and under the other label")
def finish_too_early(lab):
    with lab.dial() as wire:
        us, _ = started(wire, lab)
        finish = us.finish()
        session = us.session()
        early = session.seal(frame.ping(7))
        wire.send(early, early.but(label=us.label), early.but(label=us.peer_label ^ 1))
        wire.settle()
        must(not wire.take(lambda f: f.kind == frame.DATA), "DATA was taken before FINISH")
        completes(wire, us, finish)
        lab.did(3)


@attack("payloads of FINISH that are no payload")
def finish_payloads(lab):
    good = [b"h" * 40, b"a" * 40, [], {1: [1, 2]}]
    with lab.dial() as wire:
        plains = list(BOMBS.values()) + list(shapes(good)) + [bytes(8192), b"\x84" + b"\x81" * 8000]
        for at, plain in enumerate(plains):
            if at % PER_LINK == 0:
                wire.close()
                wire = lab.dial()
            us, _ = started(wire, lab)
            wire.send(us.finish(plain))
            lab.did()
        wire.settle()
        must(not wire.take(lambda f: f.kind == frame.DATA), "it was taken")
        wire.close()


@attack("well-made payloads with too much in them, or a suite list that tells of a swap")
def finish_wrong_payloads(lab):
    who = lab.alice
    with lab.dial() as wire:
        cases = [{"credentials": [b"c"] * 9}, {"credentials": [b"c" * 8000]}, {"credentials": b""},
                 {"credentials": [1]}, {"parameters": {}}, {"parameters": {1: []}}, {"parameters": {1: [2, 1]}},
                 {"parameters": {1: [2]}}, {"parameters": {1: 1}}, {"parameters": {1: ["1"]}}, {"parameters": {1000: 1}},
                 {"parameters": [1]}, {"parameters": cbor.Raw(b"\xa2\x01\x81\x01\x01\x81\x01")},
                 {"parameters": cbor.Raw(b"\xa2\x19\x10\x00\x00\x01\x81\x01")}, {"parameters": {1: [1] * 300}},
                 {"history": who.history() + bytes(5000)}, {"history": b"\x81" * 4000}, {"history": b""},
                 {"attestation": bytes(513)}, {"attestation": b"\x82" * 500}, {"lr": 7}]
        for case in cases:
            us, _ = started(wire, lab)
            wire.send(us.finish(peer.payload(lab.rng, who, us.static.public, us.suites, **case)))
            wire.settle()
            must(not wire.take(lambda f, us=us: f.kind == frame.DATA and f.label == us.label), f"{case} was taken")
            lab.did()


@attack("a thousand handshakes that nobody finishes: newcomers still come in")
def init_flood(lab):
    with lab.dial() as flood, lab.dial() as wire:
        key = noise.KeyPair(lab.rng.randbytes(32))
        inits = [peer.Initiator(lab, static=key, ephemeral=key).init() for _ in range(1000)]
        flood.send(*inits)
        channel = peer.connect(wire, lab)
        must(channel.request("echo", b"in") == b"in", "no room for honest ones")
        flood.send(*[Frame(frame.RESET, frame.DONE | 0, f.label, body=b"\x81\x10") for f in inits])
        lab.did(1000)
