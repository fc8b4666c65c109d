#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Interoperation: a second implementation, small and from docs/protocol.md alone, with real nodes.

It opens channels to a node, directly, through another one as relay and over UDP, and lets a node open some to it;
sends messages and gets the answers, in both roles, with both suites; opens streams to an outlet, and is the outlet of
an inlet. OCKAM is the program under test. TAP.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import traceback

try:
    import cbor2  # noqa: F401
    import cryptography  # noqa: F401
except ImportError as e:
    print(f'1..0 # SKIP {e.name} is not installed')
    sys.exit(0)

import channel
from datagram import DatagramLink
from frame import CONTROL, Link, frame, route, split_parts, two_parts, WAIT_S
from identity import Identity, dump, load
from stream import Streams

OCKAM = os.environ['OCKAM']
ME = Identity()
LARGE = bytes(range(256)) * 400


def ockam(*args, background=False):
    command = [OCKAM, *args]
    if background:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True,
                          timeout=60)
    return done.stdout.strip()


def port_of(node, transport='tcp'):
    shown = json.loads(ockam('node', 'show', node, '--output', 'json'))
    return next(int(t['socket_address'].rsplit(':', 1)[1]) for t in shown['transports'] if t['type'] == transport)


def home_identity():
    return bytes.fromhex(ockam('identity', 'show')[1:])


def accept(listening):
    listening.settimeout(WAIT_S)
    return Link(listening.accept()[0], False)


def initiator(suite):
    link = Link.dial(port_of('n1'))
    c = channel.initiate(link, ME, route('/service/api'), 'api', suite, (suite, 3 - suite))
    assert c.peer == home_identity(), 'the node shows its identity'
    assert c.ask('uppercase', b'hello') == b'HELLO'
    assert c.ask('echo', LARGE) == LARGE, 'a message in parts'
    try:
        c.ask('nobody', b'hello')
    except channel.Refused as e:
        assert str(e) == 'error 6', e
    else:
        raise AssertionError('a service that is not there answered')
    listed = json.loads(ockam('secure-channel', 'list', '--at', 'n1', '--output', 'json'))
    mine = [x for x in listed if x['peer_identifier'] == str(ME)]
    assert mine and mine[0]['suite'] == ('AESGCM', 'ChaChaPoly')[suite - 1], listed
    c.close()
    link.close()


def initiator_with_aesgcm():
    initiator(1)


def initiator_with_chachapoly():
    initiator(2)


def initiator_through_a_relay():
    link = Link.dial(port_of('relay'))
    onward = route(f'/ip4/127.0.0.1/tcp/{port_of("n1")}/service/api')
    c = channel.initiate(link, ME, onward, 'api')
    assert c.peer == home_identity()
    assert c.ask('uppercase', b'through a relay') == b'THROUGH A RELAY'
    c.close()
    link.close()


def initiator_whom_nobody_authorized():
    link = Link.dial(port_of('n1'))
    try:
        c = channel.initiate(link, Identity(), route('/service/api'), 'api')
        c.ask('uppercase', b'hello')
    except channel.Refused as e:
        assert str(e) == 'CLOSE 1', e
    else:
        raise AssertionError('a stranger got in')
    finally:
        link.close()


def respond_to(*create):
    """A node opens a channel to us; `message send` through it comes here and is answered."""
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port = listening.getsockname()[1]
        opening = ockam('secure-channel', 'create', '--from', 'n1', '--authorized', str(ME), '--to',
                        *(word.format(port=port) for word in create), background=True)
        link = accept(listening)
        c = channel.respond(link, ME, 'front')
        assert c.peer == home_identity(), 'the node shows its identity'
        while opening.poll() is None:
            c.take()
            if c.rx.next_seq:
                break
        address = opening.communicate(timeout=60)[0].strip()
        assert opening.returncode == 0, 'the channel is open at the node too'
        for text, want in (('hello', 'olleh'), ('x' * 100000, 'x' * 100000)):
            asking = ockam('message', 'send', text, '--from', 'n1', '--to', f'{address}/service/reverse',
                           background=True)
            c.serve({'reverse': lambda b: b[::-1]})
            assert asking.communicate(timeout=60)[0].strip() == want
            assert asking.returncode == 0
        ockam('secure-channel', 'delete', address, '--at', 'n1')
        while (code := c.take()) is None:
            pass
        assert code == 0, f'CLOSE {code}'
        link.close()


def responder():
    respond_to('/ip4/127.0.0.1/tcp/{port}/service/front')


def responder_behind_a_relay():
    ockam('node', 'create', 'gate', '--transit', '127.0.0.0/8')
    respond_to(f'/ip4/127.0.0.1/tcp/{port_of("gate")}/ip4/127.0.0.1/tcp/{{port}}/service/front')


def initiator_over_udp():
    link = DatagramLink(port_of('n1', 'udp'))
    c = channel.initiate(link, ME, route('/service/api'), 'api')
    assert c.peer == home_identity()
    for i in range(20):
        assert c.ask('uppercase', b'datagram %d' % i) == b'DATAGRAM %d' % i
    listed = json.loads(ockam('secure-channel', 'list', '--at', 'n1', '--output', 'json'))
    mine = [x for x in listed if x['peer_identifier'] == str(ME)]
    assert mine[0]['replay_drops'] == mine[0]['auth_drops'] == 0, mine
    c.close()
    link.close()


def echo(listening):
    """A program on TCP that gives back what it gets, and ends when the other side does."""
    with listening.accept()[0] as s:
        while piece := s.recv(65536):
            s.sendall(piece)


def streams_to_an_outlet():
    with socket.create_server(('127.0.0.1', 0)) as listening:
        for _ in range(2):
            threading.Thread(target=echo, args=(listening,), daemon=True).start()
        ockam('tcp-outlet', 'create', '--at', 'n1', '--to', f'127.0.0.1:{listening.getsockname()[1]}')
        link = Link.dial(port_of('n1'))
        c = channel.initiate(link, ME, route('/service/api'), 'api')
        streams = Streams(c)
        one, two = streams.open('outlet'), streams.open('outlet')
        one.write(b'a few')
        assert one.read(5) == b'a few'
        two.write(LARGE * 20)  # 2 MB: more than any window at its begin
        two.write(b'', fin=True)
        assert two.read() == LARGE * 20
        one.write(b' more', fin=True)
        assert one.read() == b' more'
        try:
            streams.open('nothing')
        except channel.Refused as e:
            assert str(e) == 'REFUSE 1', e
        else:
            raise AssertionError('an outlet that is not there took a stream')
        c.close()
        link.close()
        ockam('tcp-outlet', 'delete', 'outlet', '--at', 'n1')


def streams_from_an_inlet():
    with socket.create_server(('127.0.0.1', 0)) as listening:
        making = ockam('tcp-inlet', 'create', '--at', 'n1', '--alias', 'in', '--parallel', '1', '--authorized',
                       str(ME), '--to', f'/ip4/127.0.0.1/tcp/{listening.getsockname()[1]}/secure/front/service/app',
                       background=True)
        link = accept(listening)
        c = channel.respond(link, ME, 'front')
        streams = Streams(c)
        c.take()  # FINISH was good: the node's first frame
        bound = making.communicate(timeout=60)[0].strip()
        assert making.returncode == 0
        host, port = bound.rsplit(':', 1)
        with socket.create_connection((host, int(port)), WAIT_S) as app:
            app.sendall(b'hello')
            s, service = streams.accept()
            assert service == 'app'
            assert s.read(5) == b'hello'
            s.write(LARGE, fin=True)
            got = b''
            while piece := app.recv(65536):
                got += piece
            assert got == LARGE
            app.sendall(b' and bye')
            app.shutdown(socket.SHUT_WR)
            assert s.read() == b' and bye'
        ockam('tcp-inlet', 'delete', 'in', '--at', 'n1')
        link.close()


def messages_without_a_channel():
    link = Link.dial(port_of('n1'))
    handle = os.urandom(16)
    hop = [channel.HOPS, link.frame_max, 0, route('/service/uppercase'), handle]
    link.send(frame(CONTROL, 0, 0, two_parts(hop, dump([channel.REQUEST, b'in the clear']))))
    kind, _, _, _, body = link.recv()
    hop, end = split_parts(body)
    assert (kind, hop[3], load(end)) == (CONTROL, [[62526, handle]], [channel.REPLY, b'IN THE CLEAR'])
    link.close()


TESTS = [initiator_with_aesgcm, initiator_with_chachapoly, initiator_through_a_relay,
         initiator_whom_nobody_authorized, responder, responder_behind_a_relay, initiator_over_udp,
         streams_to_an_outlet, streams_from_an_inlet, messages_without_a_channel]


def main():
    home = tempfile.mkdtemp(prefix='interop.')
    os.environ['OCKAM_HOME'] = home
    failed = 0
    print(f'1..{len(TESTS)}', flush=True)
    try:
        ockam('node', 'create', 'n1', '--authorized', str(ME), '--udp-listener-address', '127.0.0.1:0')
        ockam('node', 'create', 'relay')
        for number, test in enumerate(TESTS, 1):
            try:
                test()
                print(f'ok {number} {test.__name__}', flush=True)
            except Exception:  # noqa: BLE001: whatever it is, the test has failed
                failed += 1
                print(f'not ok {number} {test.__name__}', flush=True)
                for line in traceback.format_exc().splitlines():
                    print(f'# {line}', flush=True)
    finally:
        subprocess.run([OCKAM, 'node', 'delete', '--all', '-y'], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
        shutil.rmtree(home, ignore_errors=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
