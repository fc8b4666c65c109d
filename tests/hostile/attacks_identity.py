# SPDX-License-Identifier: Apache-2.0
"""Identities that are not the peer's, not valid now, or forged: as initiator against a listener and as
responder against a node that opens a channel. All else in these handshakes is right."""
import cbor
import frame
import identity
import noise
import peer
from attack import attack, must
from attacks_initiator import all_fail, called, no_finish
from node import finish

HOUR, YEAR = 3600, identity.YEAR


def attestations(lab, who, static):
    """name → an attestation for `static` that must not count for `who`."""
    other, now = lab.mallory, lab.now
    latest = identity.digest(who.datas[-1])
    return {
        "signed by another identity": who.attest(static, signer=other.keys[-1]),
        "of another identity": other.attest(static),
        "of another static key": who.attest(lab.rng.randbytes(32)),
        "for another change": who.attest(static, latest=lab.rng.randbytes(32)),
        "for another subject": who.attest(static, subject=other.identifier),
        "for signing credentials": who.attest(static, purpose=1),
        "of an unknown purpose": who.attest(static, purpose=7),
        "that is a change": who.attest(static, data_type=identity.CHANGE),
        "of version 2": who.attest(static, version=2),
        "that has expired": who.attest(static, created=now - 2 * HOUR + 3600, expires=now - 1),
        "from the future": who.attest(static, created=now + HOUR, expires=now + 2 * HOUR),
        "that ends before it begins": who.attest(static, created=now, expires=now - 100),
        "older than the identity": who.attest(static, created=now - 10 * YEAR),
        "that outlives the identity": who.attest(static, expires=now + 10 * YEAR),
        "with its signature missing": cbor.encode([cbor.decode(who.attest(static))[0]]),
        "with a signature of zeros": cbor.encode([cbor.decode(who.attest(static))[0], [0, [bytes(64)]]]),
        "with a byte behind it": who.attest(static) + b"\0",
        "of nothing": cbor.encode([b"", [0, [bytes(64)]]]),
        "of a key that is cut off": who.attest(static[:31]),
        "signed over the data itself": raw_signed(who, latest, static, now),
    }


def raw_signed(who, latest, static, now):
    data = cbor.encode([1, identity.ATTESTATION, cbor.encode(
        [who.identifier, latest, [0, [static]], now - 60, now + HOUR])])
    return cbor.encode([data, [0, [who.keys[-1].sign(data)]]])


def histories(lab, who):
    """name → a history that must not count as one of `who`, an identity of three changes."""
    changes, other = who.changes, lab.person(3)
    first, keys, now = who.datas[0], who.keys, lab.now
    forged_key = identity.signing_key(lab.rng.randbytes(32))

    def second(*args, **how):
        return cbor.encode([changes[0], identity.change(forged_key, first, *args, start=now - 60, end=now + YEAR, **how)[1]])

    return {
        "another's": other.history(),
        "with the middle taken out": cbor.encode([changes[0], changes[2]]),
        "with the first taken out": cbor.encode(changes[1:]),
        "in another order": cbor.encode([changes[0], changes[2], changes[1]]),
        "with a change twice": cbor.encode([changes[0], changes[1], changes[1], changes[2]]),
        "that goes on with another's": cbor.encode(changes[:2] + other.changes[2:]),
        "with a change signed by itself only": second(None),
        "with a change signed by a stranger": second(other.keys[0]),
        "with a change whose own signature is forged": second(keys[0], signer=keys[0]),
        "with a signature of zeros": cbor.encode([[changes[0][0], [0, [bytes(64)]]]] + changes[1:]),
        "with a change of its data": cbor.encode([[changes[0][0][:-1] + b"\0", *changes[0][1:]]] + changes[1:]),
        "of no change": cbor.encode([]),
        "of seventeen changes": lab.person(17).history(),
        "with a byte behind it": who.history() + b"\0",
        "of indefinite length": b"\x9f" + b"".join(map(cbor.encode, changes)) + b"\xff",
    }


def bad_identities(lab):
    """(what, identity, static key pair, parts of the payload)"""
    who = lab.veteran
    for what, blob in attestations(lab, who, end_static(lab)).items():
        yield f"an attestation {what}", {"attestation": blob}
    for what, blob in histories(lab, who).items():
        yield f"a history {what}", {"history": blob}
    # a retired key attests what it likes, with the history cut off before it was retired
    old = identity.attestation(who.keys[0], who.identifier, identity.digest(who.datas[0]), end_static(lab),
                               lab.now - 60, lab.now + HOUR)
    yield "the attestation of a retired key", {"attestation": old}
    expired = identity.Identity([lab.rng.randbytes(32)], lab.now - 2 * YEAR)
    yield "an identity that has expired", {"history": expired.history(), "attestation": expired.attest(end_static(lab))}
    future = identity.Identity([lab.rng.randbytes(32)], lab.now + YEAR)
    yield "an identity from the future", {"history": future.history(), "attestation": future.attest(end_static(lab))}


def end_static(lab):
    return lab.static.public


@attack("an initiator with a bad attestation or history")
def identity_initiator(lab):
    prepare(lab)
    lab.home.run("secure-channel-listener", "create", "open", "--at", "responder", "--authorized", "any")
    try:
        with lab.dial() as wire:
            for what, parts in bad_identities(lab):
                us = peer.Initiator(lab, who=lab.veteran, static=lab.static, listener="open")
                wire.send(us.init())
                us.read(wire.expect(peer.is_resp(us.label)))
                wire.send(us.finish(**parts))
                wire.settle()
                got = wire.take(lambda f, us=us: f.kind == frame.DATA and f.label == us.label)
                session = us.session()
                for f in got:
                    records = session.open(f)
                    must(records and all(r[0] == frame.CLOSE for r in records), f"{what} is taken")
                lab.did()
            # the same peer with everything right is let in
            channel = peer.connect(wire, lab, who=lab.veteran, static=lab.static, listener="open")
            must(channel.request("uppercase", b"hello") == b"HELLO", "the honest one is not let in")
            channel.close()
    finally:
        lab.home.run("secure-channel-listener", "delete", "open", "--at", "responder")


@attack("a responder with a bad attestation or history: the initiator shows nothing of itself")
def identity_responder(lab):
    prepare(lab)
    answers = [(what, lambda init, p=parts: peer.Responder(lab, init, who=lab.veteran, static=lab.static).resp(**p))
               for what, parts in bad_identities(lab)]
    all_fail(lab, answers, authorized=False, options=("--authorized", "any"))


def prepare(lab):
    lab.veteran = lab.person(3)
    lab.static = noise.KeyPair(lab.rng.randbytes(32))


@attack("whom the listener does not know: one authenticated CLOSE, repeated with FINISH, and no session")
def identity_stranger_initiator(lab):
    with lab.dial() as wire:
        for suite in (1, 2):
            us = peer.Initiator(lab, suite=suite, who=lab.mallory)
            wire.send(us.init())
            us.read(wire.expect(peer.is_resp(us.label)))
            refused_finish = us.finish()
            session = us.session()
            for seq in range(4):
                wire.send(refused_finish)
                got = wire.expect(lambda f, us=us: f.kind == frame.DATA and f.label == us.label)
                must(session.open(got)[0][3] == b"\1", "not refused")
                must(got.seq == seq or got.seq == 0, "numbers")
                wire.send(session.seal(frame.record(frame.MSG, frame.message(
                    frame.REQUEST, [frame.service("echo")], bytes(16), b"let me in"))))
                lab.did(2)
            wire.settle()
            for f in wire.take(lambda f, us=us: f.kind == frame.DATA and f.label == us.label):
                must(all(r[0] == frame.CLOSE for r in session.open(f)), "a refused peer was answered")


@attack("a responder whom the initiator was not told of: no FINISH, and the command says who it was")
def identity_stranger_responder(lab):
    for who, allow in ((lab.mallory, True), (lab.alice, False), (lab.mallory, False)):
        with called(lab, authorized=allow) as (command, wire, init):
            wire.send(peer.Responder(lab, init, who=who).resp())
            _, err = finish(command, 77)
            must(who.name in err, "the identifier is not named")
            reset = wire.expect(lambda f: f.kind == frame.RESET)
            must(reset.sub & 127 == frame.REFUSED, "not REFUSED")
            no_finish(wire)
        lab.did()


@attack("a mallory who shows alice's history, and alice's attestation of another key")
def identity_stolen(lab):
    with lab.dial() as wire:
        alice = lab.alice
        seen = alice.attest(lab.rng.randbytes(32))  # of an honest channel of hers
        for attestation in (seen, lab.mallory.attest(bytes(32)), None):
            us = peer.Initiator(lab, who=lab.mallory)
            wire.send(us.init())
            us.read(wire.expect(peer.is_resp(us.label)))
            wire.send(us.finish(history=alice.history(), attestation=attestation))
            wire.settle()
            must(not wire.take(lambda f, us=us: f.kind == frame.DATA and f.label == us.label), "taken for alice")
            lab.did()


@attack("the same identity with a longer history, then with a shorter or another one")
def identity_rollback(lab):
    lab.rng.randbytes(1)
    secrets = [lab.rng.randbytes(32) for _ in range(3)]
    long = identity.Identity(secrets, lab.now)
    short = identity.Identity(secrets[:1], lab.now)
    fork = identity.Identity([secrets[0], lab.rng.randbytes(32), lab.rng.randbytes(32)], lab.now)
    lab.home.run("secure-channel-listener", "create", "open", "--at", "responder", "--authorized", "any")
    try:
        with lab.dial() as wire:
            peer.connect(wire, lab, who=short, listener="open").close()
            peer.connect(wire, lab, who=long, listener="open").close()
            for who in (short, fork):
                us = peer.Initiator(lab, who=who, listener="open")
                wire.send(us.init())
                us.read(wire.expect(peer.is_resp(us.label)))
                wire.send(us.finish())
                wire.settle()
                session = us.session()
                for f in wire.take(lambda f, us=us: f.kind == frame.DATA and f.label == us.label):
                    must(all(r[0] == frame.CLOSE for r in session.open(f)), "a retired key is taken")
                lab.did()
    finally:
        lab.home.run("secure-channel-listener", "delete", "open", "--at", "responder")
