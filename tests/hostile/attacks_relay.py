# SPDX-License-Identifier: Apache-2.0
"""A hostile hop between two real nodes. What it must not do: read, change, repeat, reorder, stand in for an
end, or make one end believe what the other did not say. It may always end the path."""
import struct

import frame
import link
import peer
from attack import attack, must
from attacks_initiator import ANSWER, FAILS
from attacks_responder import TRIES
from mutate import flip, flips
from node import finish
from relay import BACK, OUT, Relay

BROKEN = (0, 66, 69, 77)  # what a message may come to when the path under it is ended


def through(lab, relay, code=0, to="/service/api", timeout="20s"):
    """A channel between the two nodes over a hop; its address, or None when it must not come up."""
    out = finish(lab.create(relay.port, to=to, timeout=timeout, authorized=False), code)[0]
    return out or None


def speaks(lab, channel, count=3):
    for _ in range(count):
        must(finish(lab.send(channel))[0] == ANSWER, "another answer")


def once(kind, way, change):
    """A rule that changes the first frame of a kind on one way."""
    state = {"done": False}

    def rule(w, f):
        if w == way and f.kind == kind and not state["done"]:
            state["done"] = True
            return change(f)
        return None
    return rule


@attack("only looks: it sees names and labels, and neither identities nor contents")
def relay_look(lab):
    with Relay(lab, lab.responder.port) as relay:
        channel = through(lab, relay)
        speaks(lab, channel)
        lab.drop(channel)
        kinds = {f.kind for way in relay.seen.values() for f in way}
        must({frame.INIT, frame.RESP, frame.FINISH, frame.DATA} <= kinds, "nothing was seen")
        everything = b"".join(f.encode() for way in relay.seen.values() for f in way)
        must(b"api" in everything, "the listener's name is not in clear text: the search is wrong")
        lab.check_secrets()
    lab.did()


@attack("the responder that answers another name: the listener swapped on the way")
def relay_swap_listener(lab):
    lab.home.run("secure-channel-listener", "create", "open", "--at", "responder", "--authorized", "any")

    def in_route(f):
        hop, end = frame.hop_and_end(f.body)
        hop[3] = [frame.service("open")]
        return [f.but(body=frame.with_hop_part(hop, end))]

    def in_end(f):
        return [f.but(body=f.body.replace(b"\x03api", b"\x04open", 1))]

    def in_both(f):
        return in_end(in_route(f)[0])

    try:
        for change in (in_route, in_end, in_both):
            with Relay(lab, lab.responder.port, lambda w, f, c=change: c(f) if f.kind == frame.INIT else None) as relay:
                must(through(lab, relay, (66, *FAILS), timeout="1s") is None, "another listener answered")
                must(not relay.of(OUT, frame.FINISH), "FINISH was sent to another listener")
            lab.did()
    finally:
        lab.home.run("secure-channel-listener", "delete", "open", "--at", "responder")


@attack("INIT changed: suite, pattern, frame size, label, extensions, key")
def relay_change_init(lab):
    def at(offset):
        def change(f):
            begin = 2 + int.from_bytes(f.body[:2], "big")
            return [f.but(body=flip(f.body, begin + offset if offset >= 0 else len(f.body) + offset, lab.rng.randrange(8)))]
        return change
    relays = [Relay(lab, lab.responder.port, lambda w, f, c=at(offset): c(f) if f.kind == frame.INIT else None)
              for offset in (0, 1, 2, 3, 4, 7, 8, 9, 12, 13, 15, -33, -32, -1)]
    swap = {1: 2, 2: 1}

    def other_suite(f):
        begin = 2 + int.from_bytes(f.body[:2], "big")
        return [f.but(body=f.body[:begin] + bytes([swap[f.body[begin]]]) + f.body[begin + 1:])]
    relays.append(Relay(lab, lab.responder.port, lambda w, f: other_suite(f) if f.kind == frame.INIT else None))
    commands = [lab.create(r.port, timeout="1s", authorized=False) for r in relays]
    for command, relay in zip(commands, relays):
        finish(command, (66, 70, *FAILS))
        with relay:
            must(not relay.of(OUT, frame.FINISH), "the initiator went on")
        lab.did()


@attack("RESP changed at any byte, FINISH at some, before the right one comes")
def relay_flip_handshake(lab):
    def many(w, f):
        if f.kind in (frame.RESP, frame.FINISH) and (w, f.kind) not in done:
            done.add((w, f.kind))
            data = f.encode()
            begin = 16 + 6 + int.from_bytes(f.body[:2], "big") if f.kind == frame.RESP else 16
            spoilt = [s for _, s in flips(lab.rng, data, begin)]
            if f.kind == frame.FINISH:  # with more of them a node gives the handshake up
                spoilt = lab.rng.sample(spoilt, TRIES)
            counts.append(len(spoilt))
            return spoilt + [f]
        return None
    done, counts = set(), []
    with Relay(lab, lab.responder.port, many) as relay:
        channel = through(lab, relay)
        speaks(lab, channel)
        lab.drop(channel)
    must(len(counts) == 2, "RESP and FINISH were not seen")
    lab.did(sum(counts))


@attack("every frame of the handshake twice, and three times later")
def relay_double(lab):
    with Relay(lab, lab.responder.port, lambda w, f: [f] * 3 if 2 <= f.kind <= 4 else None) as relay:
        channel = through(lab, relay)
        speaks(lab, channel)
        for kind, way in ((frame.INIT, OUT), (frame.RESP, BACK), (frame.FINISH, OUT)):
            relay.put(way, *relay.of(way, kind) * 3)
            lab.did(3)
        speaks(lab, channel)
        lab.drop(channel)
    lab.did(6)


@attack("every DATA frame twice, at once and later: none is taken again")
def relay_double_data(lab):
    with Relay(lab, lab.responder.port, lambda w, f: [f, f] if f.kind == frame.DATA else None) as relay:
        channel = through(lab, relay)
        speaks(lab, channel)
        for way in (OUT, BACK):
            relay.put(way, *relay.of(way, frame.DATA))
            lab.did(2 * len(relay.of(way, frame.DATA)))
        speaks(lab, channel)
        must(lab.initiator.channels()[channel]["replay_drops"] >= 3, "repeated frames were not noticed")
        lab.drop(channel)


@attack("any byte of DATA frames changed, in front of the right ones")
def relay_flip_data(lab):
    count = [0]

    def rule(_w, f):
        if f.kind != frame.DATA:
            return None
        spoilt = [s for _, s in flips(lab.rng, f.encode(), 8)]
        count[0] += len(spoilt)
        return spoilt + [f]
    with Relay(lab, lab.responder.port, rule) as relay:
        channel = through(lab, relay)
        speaks(lab, channel)
        shown = lab.initiator.channels()[channel]
        must(shown["auth_drops"] > 20, "changed frames were not noticed")
        lab.drop(channel)
    lab.did(count[0])


@attack("frames reflected to where they come from")
def relay_reflect(lab):
    with Relay(lab, lab.responder.port) as relay:
        relay.rule = lambda w, f: relay.put(BACK if w == OUT else OUT, f) if 1 < f.kind < 6 else None
        channel = through(lab, relay)
        speaks(lab, channel)
        relay.rule = None
        for way, other in ((OUT, BACK), (BACK, OUT)):
            for f in relay.seen[way]:
                if f.kind == frame.DATA:
                    for label in {g.label for g in relay.of(other, frame.DATA)}:
                        relay.put(other, f.but(label=label))
                        lab.did()
        speaks(lab, channel)
        lab.drop(channel)


@attack("a node led back to itself, and its own INIT given back as RESP")
def relay_to_itself(lab):
    with Relay(lab, lab.initiator.port) as relay:
        must(through(lab, relay, (2, 66, *FAILS), timeout="2s") is None, "a channel to itself")
    lab.did()
    with link.Listener(lab) as listener:
        command = lab.create(listener.port, timeout="1s")
        with listener.accept().greet() as wire:
            init = wire.expect(lambda f: f.kind == frame.INIT)
            wire.send(init, init.but(kind=frame.RESP))
            wire.send(*[init.but(kind=k, label=init.label) for k in (frame.FINISH, frame.DATA)])
            finish(command, FAILS)
    lab.did(4)


@attack("DATA dropped: nothing is delivered over the gap")
def relay_drop(lab):
    for way in (OUT, BACK):
        with Relay(lab, lab.responder.port) as relay:
            channel = through(lab, relay)
            speaks(lab, channel, 1)
            relay.rule = once(frame.DATA, way, lambda f: [])
            commands = [lab.home.start("message", "send", "hello", "--from", "initiator", "--to",
                                       f"{channel}/service/uppercase", "--timeout", "300ms") for _ in range(2)]
            for command in commands:
                out, _ = finish(command, BROKEN)
                must(out in ("", "HELLO"), "another answer")
            relay.rule = None
            lab.drop(channel)
        lab.did()


@attack("two DATA frames in the other order")
def relay_reorder(lab):
    held = []

    def rule(w, f):
        if w != OUT or f.kind != frame.DATA:
            return None
        held.append(f)
        if len(held) % 2:
            return []
        return [held[-1], held[-2]]
    with Relay(lab, lab.responder.port) as relay:
        channel = through(lab, relay)
        speaks(lab, channel, 1)
        relay.rule = rule
        commands = [lab.home.start("message", "send", f"hello{i}", "--from", "initiator", "--to",
                                   f"{channel}/service/uppercase", "--timeout", "300ms") for i in range(4)]
        for i, command in enumerate(commands):
            out, _ = finish(command, BROKEN)
            must(out in ("", f"HELLO{i}"), "another answer")
        relay.rule = None
        lab.drop(channel)
    lab.did()


@attack("two channels over one link: frames of one in the other, answers exchanged")
def relay_splice(lab):
    with Relay(lab, lab.responder.port) as relay:
        one, two = through(lab, relay), through(lab, relay)
        speaks(lab, one)
        speaks(lab, two)
        for way in (OUT, BACK):
            labels = {f.label for f in relay.of(way, frame.DATA)}
            must(len(labels) == 2, "two channels have two labels")
            for f in relay.of(way, frame.DATA):
                for label in labels - {f.label}:
                    highest = max(g.seq for g in relay.of(way, frame.DATA) if g.label == label)
                    relay.put(way, f.but(label=label), f.but(label=label, seq=highest + 1))
                    lab.did(2)
        speaks(lab, one)
        speaks(lab, two)
        # handshake messages of one under the label of the other
        for f in relay.of(OUT, frame.FINISH):
            for g in relay.of(OUT, frame.FINISH):
                relay.put(OUT, f.but(label=g.label))
                lab.did()
        speaks(lab, one)
        lab.drop(one)
        lab.drop(two)


@attack("a handshake with the initiator, another with the responder: the man in the middle himself")
def relay_in_the_middle(lab):
    with link.Listener(lab) as listener, lab.dial() as far:
        command = lab.create(listener.port, timeout="2s", authorized=False)
        with listener.accept().greet() as near:
            init = near.expect(lambda f: f.kind == frame.INIT)
            # to the responder as mallory, and what it answers as one's own answer
            us = peer.Initiator(lab, who=lab.mallory)
            far.send(us.init())
            resp = far.expect(peer.is_resp(us.label))
            us.read(resp)
            near.send(resp.but(label=init.label))
            # and with the responder's own proofs, in a handshake of ours with the initiator
            parts = us.seen
            mine = peer.Responder(lab, init, who=lab.mallory)
            near.send(mine.resp(history=parts[0], attestation=parts[1]))
            _, err = finish(command, FAILS)
            must(not near.take(lambda f: f.kind == frame.FINISH), "the initiator took mallory for the responder")
    lab.did(2)


@attack("RESET and LINK frames forged on a path in use")
def relay_forge_control(lab):
    with Relay(lab, lab.responder.port) as relay:
        channel = through(lab, relay)
        speaks(lab, channel)
        labels = {f.label for way in (OUT, BACK) for f in relay.of(way, frame.DATA)}
        for way in (OUT, BACK):
            for label in labels:
                body = struct.pack(">I", label)
                relay.put(way, frame.link_frame(frame.PAUSE, body), frame.link_frame(frame.RESUME, body),
                          frame.link_frame(frame.TOOBIG, body + struct.pack(">I", 1024)),
                          frame.link_frame(frame.TOOBIG, body + bytes(4)), frame.link_frame(frame.LINK_PING, bytes(8)),
                          frame.link_frame(frame.LINK_PONG, bytes(8)))
                lab.did(6)
        speaks(lab, channel)
        for code in range(16):
            for way in (OUT, BACK):
                for label in labels:
                    relay.put(way, frame.reset(label, code), frame.reset(label, code, receiver_sends=True))
                    lab.did(2)
        # the path may end, and then the initiator makes another: with fresh keys, as the end's check sees
        lab.until(lambda: finish(lab.send(channel), BROKEN)[0] == ANSWER, "the channel does not come back")
        lab.drop(channel)


@attack("PAUSE that nobody lifts holds that path only, and the channel ends without a reader")
def relay_pause(lab):
    with Relay(lab, lab.responder.port) as relay:
        channel = through(lab, relay)
        speaks(lab, channel)
        label = relay.of(OUT, frame.DATA)[0].label
        relay.put(BACK, frame.link_frame(frame.PAUSE, struct.pack(">I", label)))
        command = lab.home.start("message", "send", "held", "--from", "initiator", "--to", f"{channel}/service/uppercase",
                                 "--timeout", "300ms")
        finish(command, BROKEN)
        relay.put(BACK, frame.link_frame(frame.RESUME, struct.pack(">I", label)))
        speaks(lab, channel)
        lab.drop(channel)
    lab.did()


@attack("the link cut at each step of the handshake, and in the middle of a frame")
def relay_cut(lab):
    for kind, way in ((frame.LINK, OUT), (frame.LINK, BACK), (frame.INIT, OUT), (frame.RESP, BACK), (frame.FINISH, OUT),
                      (frame.DATA, BACK)):
        for keep in (0, 7, 16, 17):
            def rule(w, f, kind=kind, way=way, keep=keep):
                if (w, f.kind) == (way, kind):
                    relay.put(way, f.encode()[:keep])
                    raise OSError("cut")
                return None
            with Relay(lab, lab.responder.port, rule) as relay:
                through(lab, relay, FAILS, timeout="300ms")
            lab.did()
