# SPDX-License-Identifier: Apache-2.0
"""No attacks: the implementation here and the nodes understand each other, so that what the attacks change
is one thing at a time."""
import frame
import link
import peer
from attack import attack, must
from node import finish


@attack("an initiator of ours opens channels in both suites and gets HELLO")
def honest_initiator(lab):
    for suite in (1, 2):
        with lab.dial() as wire:
            channel = peer.connect(wire, lab, suite=suite)
            must(channel.peer.hex() == lab.responder.identity[1:], "another identity")
            must(channel.request("uppercase", b"hello") == b"HELLO", "no HELLO")
            must(channel.request("nothing", b"hello")[0] == frame.ERROR, "a service that is not there answers")
            channel.close()
        lab.did()


@attack("a responder of ours is found by a node, and serves it")
def honest_responder(lab):
    with link.Listener(lab) as listener:
        create = lab.create(listener.port)
        with listener.accept().greet() as wire:
            channel = peer.accept(wire, lab)
            address = finish(create)[0]
            must(channel.peer.hex() == lab.initiator.identity[1:], "another identity")
            sent = lab.send(address, b"hello")
            route, text = channel.serve(bytes.upper)
            must((route, text) == ([frame.service("uppercase")], b"hello"), "another request")
            must(finish(sent)[0] == "HELLO", "no HELLO")
            lab.drop(address)
    lab.did()


@attack("a relay passes a channel on, without knowing what")
def honest_transit(lab):
    with lab.dial(lab.relay) as wire:
        route = frame.ip4_tcp(lab.responder.port) + [frame.service("api")]
        channel = peer.connect(wire, lab, route=route)
        must(channel.peer.hex() == lab.responder.identity[1:], "another identity")
        must(channel.request("uppercase", b"hello") == b"HELLO", "no HELLO")
        must(channel.request("echo", bytes(40000)) == bytes(40000), "large message")
        channel.close()
    lab.did()


@attack("a history of 16 changes is understood")
def honest_long_history(lab):
    with lab.dial(lab.relay) as wire:
        # whoever is not authorized is told so in the channel, which proves that all else was right
        try:
            peer.connect(wire, lab, who=lab.person(16))
        except peer.Refused as refused:
            must(refused.code == 1, f"CLOSE {refused.code}")
        else:
            must(False, "not refused")
    lab.did()


@attack("keys move on through 300 epochs, past the 8 bits that a frame shows")
def honest_epochs(lab):
    with lab.dial() as wire:
        channel = peer.connect(wire, lab)
        for epoch in range(300):
            channel.session.epoch = epoch
            must(channel.request("echo", b"%d" % epoch) == b"%d" % epoch, f"epoch {epoch}")
    lab.did()


@attack("sixty channels share one link")
def honest_many(lab):
    with lab.dial() as wire:
        channels = [peer.connect(wire, lab, suite=1 + i % 2) for i in range(60)]
        for channel in channels:
            must(channel.request("uppercase", b"hello") == b"HELLO", "no HELLO")
    lab.did()
