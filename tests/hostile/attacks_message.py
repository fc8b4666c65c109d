# SPDX-License-Identifier: Apache-2.0
"""Routed messages without a channel: hop parts, routes, handles and payloads that are not what they should
be, services that strangers must not reach, and routes that go round in circles."""
import cbor
import frame
import link
from attack import attack, must
from frame import Frame, service
from mutate import BOMBS, cuts, flips, nested, shapes
from node import finish

HANDLE = bytes(range(16))
QUIET_MAX = 3  # a request that is wrong in itself may be answered by an error, never by a reply


def end_part(payload=b"hello", kind=frame.REQUEST):
    return cbor.encode([kind, payload])


def hop(route=None, hops_left=16, path_max=65535, flags=0, handle=HANDLE):
    return [hops_left, path_max, flags, [service("echo")] if route is None else route, handle]


def refused(wire, *bodies):
    """None of these CONTROL frames gets a reply, and the link goes on."""
    for at in range(0, len(bodies), 16):  # a node queues 32 KiB of a link for its control plane, and drops the rest
        wire.send(*[Frame(frame.CONTROL, body=body) for body in bodies[at:at + 16]])
        wire.settle()
    for answer in wire.take(lambda f: f.kind == frame.CONTROL):
        kind = cbor.decode(frame.hop_and_end(answer.body)[1])[0]
        must(kind == frame.ERROR, "a reply came")
    wire.lab.did(len(bodies))


@attack("hop parts whose elements are of other types, missing or too many")
def message_hop_part(lab):
    with lab.dial() as wire:
        refused(wire, *[frame.with_hop_part(part, end_part()) for part in shapes(hop())])
        refused(wire, *[frame.with_hop_part(part, end_part()) for part in BOMBS.values()])
        refused(wire, *[frame.with_hop_part(cbor.encode(hop(route=cbor.Raw(bomb))), end_part())
                        for bomb in BOMBS.values() if bomb])


@attack("hop parts that are longer than they say, or than the frame")
def message_lengths(lab):
    with lab.dial() as wire:
        whole = frame.with_hop_part(hop(), end_part())
        refused(wire, b"", b"\0", b"\0\0", b"\xff\xff", b"\xff\xff" + whole[2:], b"\0\x01" + whole[2:],
                *cuts(lab.rng, whole, 30), whole + b"\0", b"\0\0" + whole[2:])


@attack("end parts that are no message")
def message_end_part(lab):
    with lab.dial() as wire:
        parts = list(BOMBS.values()) + [s for s in shapes([frame.REQUEST, b"hello"]) if s != b"\x82\0\x40"]
        parts += [cbor.encode([kind, b"hello"]) for kind in (3, 4, 23, 255, 1 << 40)]
        parts += [cbor.encode([frame.ERROR, v]) for v in ([], [1], [1, 2], [1, 2, "x" * 129], [1, 2, b"x"], [99, 16, "x"],
                                                          [6, 16, "no\0such"], [6, 16, "\x1b[31mred"], nested(0, 40))]
        refused(wire, *[frame.with_hop_part(hop(), part) for part in parts])


@attack("any byte of a request changed")
def message_flips(lab):
    good = frame.control([service("echo")], frame.REQUEST, b"hello", HANDLE).encode()
    with lab.dial() as wire:
        for at, spoilt in flips(lab.rng, good, 4):
            wire.send(spoilt)
            lab.did()
        wire.settle()


@attack("routes with names, codes and addresses that do not exist")
def message_routes(lab):
    with lab.dial() as wire:
        routes = [[service(name)] for name in (
            "", "no", "a/b", "nul\0", "\x1b[31m", "x" * 64, "x" * 65, "x" * 400, b"", HANDLE[:15], HANDLE + b"x", HANDLE,
            "..", "\u2028", "api\0", "ECHO", "echo ", "forward_to_", "forward_to_nobody", "forwarding_service")]
        routes += [[[code, "x"]] for code in (0, 1, frame.NODE, frame.SECURE, 1 << 40)]
        routes += [[[frame.IP4, bytes(n)], [frame.TCP, 80]] for n in (0, 3, 5, 16)]
        routes += [[[frame.IP4, b"\x7f\0\0\1"]], [[frame.TCP, 80]], [[frame.IP4, b"\x7f\0\0\1"], service("echo")]]
        routes += [[[frame.IP4, b"\x7f\0\0\1"], [frame.TCP, port], service("echo")] for port in (0, 65536, 1 << 32, "80")]
        routes += [[[56, name], [frame.TCP, 80]] for name in ("", "x" * 300, "a\0b", "-", "a b", b"x")]
        routes += [[[400, path], service("echo")] for path in (b"", b"\0", b"/etc/passwd", b"/" * 200, "text", b"../x\0")]
        routes += [[[273, 80]], [], [[]], [[frame.SERVICE]], [[frame.SERVICE, "echo", 1]], [[frame.WORKER, "no"]],
                   [service("hop")] * 17, [service("echo"), service("echo")], [service("uppercase"), service("echo")],
                   nested([], 20), [service("hop")] * 16 + [service("echo")], [service("x" * 60)] * 9]
        refused(wire, *[frame.with_hop_part(hop(route), end_part()) for route in routes])


@attack("hops_left and path_max at their ends")
def message_hops_left(lab):
    with lab.dial() as wire:
        for hops_left in (17, 255, 1 << 16, 1 << 63):
            refused(wire, frame.with_hop_part(hop(hops_left=hops_left), end_part()))
        for path_max in (0, 16, 1023, 65536, 1 << 32):
            refused(wire, frame.with_hop_part(hop(path_max=path_max), end_part()))
        refused(wire, frame.with_hop_part(hop([service("hop")] * 3 + [service("echo")], hops_left=2), end_part()))


@attack("services that need a channel, and what is no service, are not reached without one")
def message_closed_services(lab):
    register = cbor.encode([1, "forward_to_mine", 60, ["api"]])
    with lab.dial(lab.relay) as wire:
        addresses = [w["addr"] for w in lab.relay.list("worker") if w["addr"] not in ("echo", "uppercase", "hop")]
        must(len(addresses) > 3, "the relay has no channels and links")
        for address in addresses:
            for route in ([service(address)], [[frame.WORKER, address]], [service("hop"), service(address)],
                          [service(address), service("echo")]):
                wire.send(frame.control(route, frame.REQUEST, register, HANDLE))
                lab.did()
        wire.settle()
        for answer in wire.take(lambda f: f.kind == frame.CONTROL):
            kind, payload = cbor.decode(frame.hop_and_end(answer.body)[1])
            must(kind == frame.ERROR or payload == register and b"forward" in payload, "another service answered")
        must(not lab.relay.show()["relays"], "a name was registered")


@attack("replies and errors that answer nothing are not answered, nor passed on")
def message_replies(lab):
    with lab.dial() as wire:
        for turn in range(100):
            route = [[frame.SERVICE, lab.rng.randbytes(16)]]
            for kind, payload in ((frame.REPLY, b"x"), (frame.ERROR, [6, 16, "no"])):
                wire.send(frame.control(route, kind, payload, None), frame.control([service("echo")], kind, payload, None),
                          frame.control(route, kind, payload, HANDLE), frame.control(route, frame.REQUEST, b"x", HANDLE))
            if turn % 20 == 19:
                wire.settle()
        kinds = [cbor.decode(frame.hop_and_end(f.body)[1]) for f in wire.take(lambda f: f.kind == frame.CONTROL)]
        must(all(kind == frame.ERROR for kind, _ in kinds) and len(kinds) <= 200, "an answer was answered")
        lab.did(800)


@attack("a reply twice, from another link, and by another handle")
def message_second_reply(lab):
    with link.Listener(lab) as listener:
        sent = lab.home.start("message", "send", "hello", "--from", "initiator", "--to",
                              f"/ip4/127.0.0.1/tcp/{listener.port}/service/x", "--timeout", "20s")
        with listener.accept().greet() as wire, lab.dial(lab.initiator) as other:
            request = wire.expect(lambda f: f.kind == frame.CONTROL)
            handle = frame.hop_and_end(request.body)[0][4]
            forged = frame.control([[frame.SERVICE, handle]], frame.REPLY, b"forged", None)
            other.send(*[forged] * 5)
            other.settle()
            wire.send(frame.control([[frame.SERVICE, handle[:15] + bytes([handle[15] ^ 1])]], frame.REPLY, b"near", None))
            wire.send(frame.control([[frame.SERVICE, handle]], frame.REPLY, b"the reply", None), *[forged] * 5)
            must(finish(sent)[0] == "the reply", "another reply was taken")
    lab.did(12)


@attack("two hundred handles more than a link may have, and none is shown to the next hop")
def message_handles(lab):
    with link.Listener(lab) as listener, lab.dial(lab.relay) as wire:
        route = frame.ip4_tcp(listener.port) + [service("x")]
        handles = [lab.rng.randbytes(16) for _ in range(456)]
        wire.send(frame.control(route, frame.REQUEST, b"0", handles[0]))
        with listener.accept().greet() as end:
            requests = [end.expect(lambda f: f.kind == frame.CONTROL)]
            wire.send(*[frame.control(route, frame.REQUEST, b"%d" % i, h) for i, h in enumerate(handles) if i])
            requests += [end.expect(lambda f: f.kind == frame.CONTROL) for _ in handles[1:]]
            back = [frame.hop_and_end(f.body)[0][4] for f in requests]
            must(not set(back) & set(handles) and len(set(back)) == len(back), "a handle was passed on")
            end.send(*[frame.control([[frame.SERVICE, h]], frame.REPLY, b"%d" % i, None) for i, h in enumerate(back)])
            last = wire.expect(lambda f: f.kind == frame.CONTROL and cbor.decode(
                frame.hop_and_end(f.body)[1])[1] == b"455")
            must(frame.hop_and_end(last.body)[0][3] == [[frame.SERVICE, handles[455]]], "another handle")
            replies = wire.take(lambda f: f.kind == frame.CONTROL)
            must(len(replies) < 256, f"{len(replies)} handles were kept")
    lab.did(len(handles))


@attack("routes that lead back, or round and round")
def message_circles(lab):
    me = frame.ip4_tcp(lab.relay.port)
    with lab.dial(lab.relay) as wire:
        for turns in (2, 7):
            wire.send(frame.control(me * turns + [service("echo")], frame.REQUEST, b"round", HANDLE))
            lab.did()
        wire.send(frame.control(me * 7 + [service("hop")] * 2 + [service("echo")], frame.REQUEST, b"r", HANDLE, hops_left=9))
        wire.settle()
    with lab.dial(lab.relay) as wire, link.Listener(lab) as listener:
        # what was sent to us goes back by the link that it came by
        wire.send(frame.control(frame.ip4_tcp(listener.port) + [service("x")], frame.REQUEST, b"hello", HANDLE))
        with listener.accept().greet() as end:
            request = end.expect(lambda f: f.kind == frame.CONTROL)
            end.send(request, request)
            for route in (frame.ip4_tcp(listener.port) + [service("x")], [service("echo")], [service("hop"), service("echo")]):
                end.send(frame.control(route, frame.REQUEST, b"back", HANDLE))
            wire.settle()
            must(not [f for f in end.take(lambda f: f.kind == frame.CONTROL) if
                      cbor.decode(frame.hop_and_end(f.body)[1])[0] == frame.REPLY], "a dialled link is served")
    lab.did(5)


@attack("transit where it is not allowed")
def message_transit(lab):
    with link.Listener(lab) as listener, lab.dial() as wire:
        port = listener.port
        v6 = bytes(15) + b"\1"
        mapped = bytes(10) + b"\xff\xff\x7f\0\0\1"
        hosts = [[[frame.IP4, b"\x7f\0\0\1"]], [[frame.IP4, bytes(4)]], [[frame.IP4, b"\x7f\1\2\3"]], [[41, v6]],
                 [[41, mapped]], [[41, bytes(16)]], [[56, "localhost"]], [[56, "127.1"]]]
        for host in hosts:
            for before in ([], [service("hop")]):
                wire.send(frame.control(before + host + [[frame.TCP, port], service("x")], frame.REQUEST, b"x", HANDLE))
                lab.did()
        wire.settle()
        listener.sock.settimeout(0.05)
        try:
            listener.accept().close()
            must(False, "it dialled for a stranger")
        except link.Missing:
            pass
