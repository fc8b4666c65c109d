# SPDX-License-Identifier: Apache-2.0
"""A hostile responder: RESP spoilt in every way, against a node that opens a channel."""
import contextlib

import cbor
import frame
import link
import noise
import peer
from attack import attack, must
from frame import Frame
from mutate import BOMBS, LOW_ORDER, cuts, flip, flips, shapes
from lab import MARK
from node import finish

FAILS = (69, 77)
ANSWER = MARK.upper().decode()


@contextlib.contextmanager
def called(lab, **create):
    """A node that opens a channel to us: the command, the link, and its INIT."""
    with link.Listener(lab) as listener:
        command = lab.create(listener.port, **create)
        with listener.accept().greet() as wire:
            yield command, wire, wire.expect(lambda f: f.kind == frame.INIT)


def all_fail(lab, answers, **create):
    """For each (what, answer): a node opens a channel, answer(INIT) gives the RESP that it must not accept. All at
    once, since some of these RESPs are as if they had not come, and the nodes go on waiting."""
    with contextlib.ExitStack() as stack:
        calls = []
        for what, answer in answers:
            command, wire, init = stack.enter_context(called(lab, timeout="2s", **create))
            wire.send(answer(init))
            calls.append((what, command, wire))
        for what, command, wire in calls:
            finish(command, FAILS)
            must(not wire.take(lambda f: f.kind == frame.FINISH), f"{what} is taken")
            lab.did()


def completes(lab, command, wire, us):
    """The genuine RESP still opens the channel."""
    wire.send(us.resp())
    channel = peer.confirm(wire, us)
    address = finish(command)[0]
    sent = lab.send(address)
    channel.serve(bytes.upper)
    must(finish(sent)[0] == ANSWER, "the channel does not work")
    lab.drop(address)


def no_finish(wire):
    must(not wire.take(lambda f: f.kind == frame.FINISH), "the initiator has shown its identity")


def end_at(resp):
    """Where the end part of a RESP begins."""
    return frame.HEADER + 2 + int.from_bytes(resp.body[:2], "big")


@attack("any byte of RESP changed, then the right one")
def resp_flips(lab):
    with called(lab) as (command, wire, init):
        good = peer.Responder(lab, init)
        spoil = peer.Responder(lab, init).resp()
        for _, data in flips(lab.rng, spoil.encode(), end_at(spoil) + 4):
            wire.send(data)
            lab.did()
        for sub in (1, 0x80, 255):
            wire.send(spoil.but(sub=sub))
            lab.did()
        for label in (spoil.label ^ 1, 0, 0xFFFFFFFF):
            wire.send(spoil.but(label=label))
            lab.did()
        wire.send(frame.link_frame(frame.LINK_PING, bytes(8)))
        wire.expect(lambda f: f.kind == frame.LINK and f.sub == frame.LINK_PONG)
        no_finish(wire)
        completes(lab, command, wire, good)


@attack("RESP cut off, extended, empty, reflected, with another hop part, then the right one")
def resp_lengths(lab):
    with called(lab) as (command, wire, init):
        good = peer.Responder(lab, init)
        us = peer.Responder(lab, init)
        spoil = us.resp()
        bodies = cuts(lab.rng, spoil.body, 60) + [spoil.body + bytes(n) for n in (1, 16, 9000, 60000)]
        hop, end = frame.hop_and_end(spoil.body)
        bodies += [frame.with_hop_part(part, end) for part in BOMBS.values()]
        bodies += [frame.with_hop_part(part, end) for part in shapes(hop) if part != cbor.encode(hop)]
        bodies += [frame.with_hop_part([16, 1023, 0, []], end), frame.with_hop_part(hop, bytes(4) + end[4:]),
                   frame.with_hop_part(hop, b""), init.body]
        for body in bodies:
            wire.send(spoil.but(body=body))
            lab.did()
        for kind in (frame.FINISH, frame.DATA, frame.CONTROL):
            wire.send(spoil.but(kind=kind))
            lab.did()
        wire.send(init, init.but(kind=frame.FINISH))
        no_finish(wire)
        completes(lab, command, wire, good)


@attack("a hop part of RESP with any bit changed harms no more than the path")
def resp_hop_part(lab):
    with called(lab) as (command, wire, init):
        us = peer.Responder(lab, init)
        resp = us.resp()
    finish(command, FAILS)
    for at in range(frame.HEADER, end_at(resp)):
        with called(lab, timeout="1s") as (command, wire, init):
            us = peer.Responder(lab, init)
            resp = us.resp()
            wire.send(flip(resp.encode(), at, lab.rng.randrange(8)), resp)
            try:
                channel = peer.confirm(wire, us)
                lab.drop(finish(command)[0])
                must(channel.peer.hex() == lab.initiator.identity[1:], "another identity")
            except (link.Gone, link.Missing):
                finish(command, FAILS)
        lab.did()


@attack("Lr and suites that are not the ones in use, in front of the Noise message and inside")
def resp_wrong_payloads(lab):
    cases = [{"lr": 7}, {"lr": 0}, {"parameters": {1: [2]}}, {"parameters": {1: [3]}},
             {"parameters": {1: []}}, {"parameters": {}}, {"parameters": {1: 1}}, {"credentials": [b"c"] * 9},
             {"parameters": cbor.Raw(b"\xa2\x01\x81\x01\x01\x81\x01")}, {"history": lab.alice.history() + bytes(5000)},
             {"attestation": bytes(513)}, {"attestation": b"\x82" * 500}, {"history": b"\x81" * 4000}, {"history": b""}]
    answers = [(case, lambda init, c=case: peer.Responder(lab, init).resp(**c)) for case in cases]
    for at in range(4):
        def other_lr(init, at=at):
            resp = peer.Responder(lab, init).resp()
            return flip(resp.encode(), end_at(resp) + at, lab.rng.randrange(8))
        answers.append((f"byte {at} of Lr", other_lr))
    all_fail(lab, answers)


@attack("payloads of RESP that are no payload")
def resp_payloads(lab):
    plains = list(BOMBS.values()) + list(shapes([b"h" * 40, b"a" * 40, [], {1: [1]}, 7]))
    plains += [bytes(8192), bytes(8193), b"\x85" + b"\x81" * 8000]
    with called(lab) as (command, wire, init):
        for plain in plains:
            wire.send(peer.Responder(lab, init).resp(plain))
            lab.did()
        no_finish(wire)
    finish(command, FAILS)


@attack("keys of low order")
def resp_low_order(lab):
    with called(lab) as (command, wire, init):
        good = peer.Responder(lab, init)
        for point in LOW_ORDER:
            wire.send(peer.Responder(lab, init, ephemeral=noise.ZeroKeyPair(point)).resp())
            wire.send(peer.Responder(lab, init, static=noise.ZeroKeyPair(point)).resp())
            lab.did(2)
        no_finish(wire)
        completes(lab, command, wire, good)


@attack("two answers: the first counts, and none later")
def resp_second(lab):
    with called(lab) as (command, wire, init):
        first, second = peer.Responder(lab, init), peer.Responder(lab, init)
        answer, other = first.resp(), second.resp()
        wire.send(answer, other, answer)
        channel = peer.confirm(wire, first)
        address = finish(command)[0]
        wire.send(other, answer, init, init.but(label=first.label))
        sent = lab.send(address)
        channel.serve(bytes.upper)
        must(finish(sent)[0] == ANSWER, "the channel does not work")
        must(not [f for f in wire.take(lambda f: f.kind == frame.FINISH) if f.label == second.label], "a second session")
        lab.drop(address)
        lab.did(5)


@attack("DATA that does not open before the confirmation, a confirmation that comes ten times")
def resp_confirmation(lab):
    with called(lab) as (command, wire, init):
        us = peer.Responder(lab, init)
        wire.send(us.resp())
        us.read(wire.expect(lambda f: f.kind == frame.FINISH))
        session = us.session()
        for _ in range(20):
            wire.send(Frame(frame.DATA, 0, us.peer_label, 0, lab.rng.randbytes(50)))
            lab.did()
        good = session.seal(frame.ping(1))
        for _, data in flips(lab.rng, good.encode(), 16):
            wire.send(data)
            lab.did()
        must(not wire.take(lambda f: f.kind == frame.DATA), "DATA was sent before the confirmation")
        wire.send(*[good] * 10)
        channel = peer.Channel(wire, session, us.peer)
        address = finish(command)[0]
        sent = lab.send(address)
        channel.serve(bytes.upper)
        must(finish(sent)[0] == ANSWER, "the channel does not work")
        must(lab.initiator.channels()[address]["replay_drops"] >= 9, "a repeated frame was taken")
        lab.drop(address)
        lab.did(10)


@attack("RESET with bodies and codes that do not exist, and of the other direction")
def resp_reset(lab):
    with called(lab, timeout="5s") as (command, wire, init):
        for body in BOMBS.values():
            wire.send(Frame(frame.RESET, frame.REFUSED | frame.RECEIVER_SENDS, init.label ^ 1, body=body))
            lab.did()
        for code in range(16):
            wire.send(frame.reset(init.label ^ 1, code), frame.reset(init.label ^ 1, code, receiver_sends=True))
            lab.did(2)
        completes(lab, command, wire, peer.Responder(lab, init))


@attack("RESET for each INIT: a bounded number of attempts, each with a new label and a new key")
def resp_reset_always(lab):
    with called(lab, timeout="2s") as (command, wire, init):
        labels, keys = set(), set()
        for code in range(1, 12):
            labels.add(init.label)
            keys.add(init.body[-32:])
            wire.send(frame.reset(init.label, code))
            try:
                init = wire.expect(lambda f: f.kind == frame.INIT and f.label not in labels, 0.5)
            except (link.Missing, link.Gone):
                break
        finish(command, (*FAILS, 66, 70, 75, 2))
        must(len(labels) == len(keys) <= 12, "a key was used for two handshakes")
        lab.did(len(labels))


@attack("an initiator that we do not serve: INIT and requests on the link that a node dialled")
def resp_reverse(lab):
    with called(lab) as (command, wire, init):
        us = peer.Initiator(lab)
        wire.send(us.init(), init, init.but(label=init.label ^ 1))
        for name in ("echo", "uppercase", "hop", "api", "forwarding_service"):
            wire.send(frame.control([frame.service(name)], frame.REQUEST, b"hello", bytes(16)))
            lab.did()
        completes(lab, command, wire, peer.Responder(lab, init))
        got = wire.take(lambda f: f.kind in (frame.RESP, frame.CONTROL))
        must(all(f.kind == frame.CONTROL and cbor.decode(frame.hop_and_end(f.body)[1])[0] == frame.ERROR for f in got),
             "whom it chose to talk to it chose to serve")
        lab.did(3)


@attack("HELLO that comes late, of another version, and BYE")
def resp_hello(lab):
    bodies = [cbor.encode({1: [9], 2: 65535}), cbor.encode({1: [1], 2: 100}), b"", b"\xa1", cbor.encode([1])]
    for body in bodies + [None]:
        with link.Listener(lab) as listener:
            command = lab.create(listener.port, timeout="1s")
            with listener.accept() as wire:
                wire.expect(lambda f: f.kind == frame.LINK and f.sub == frame.HELLO)
                wire.send(frame.link_frame(frame.BYE, b"\x81\x09") if body is None else frame.link_frame(0, body))
                finish(command, FAILS)
                must(not wire.take(lambda f: f.kind == frame.INIT), "INIT was sent")
        lab.did()
