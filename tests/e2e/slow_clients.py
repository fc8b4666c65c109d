#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of the HTTP server that send slowly, or nothing: python3 slow_clients.py HOST:PORT TOKEN.

Strangers go after some seconds however they send; of more than the server lets in the oldest goes at once; and
whoever has the token is answered meanwhile, and may be slow.
"""
import socket
import sys
import time

STRANGERS = 32
HOST, PORT = sys.argv[1].split(':')
HEAD = f'GET /show HTTP/1.1\r\nHost: {HOST}:{PORT}\r\nAuthorization: Bearer {sys.argv[2]}\r\n'.encode()


def connect():
    s = socket.create_connection((HOST, int(PORT)))
    s.settimeout(60)
    return s


def is_closed(s):
    """Whether the server has ended the connection, in 60 s."""
    try:
        return s.recv(1) == b''
    except ConnectionResetError:
        return True


def answer(s):
    got = b''
    while b'\r\n\r\n' not in got:
        piece = s.recv(65536)
        assert piece, f'closed after {got!r}'
        got += piece
    head, body = got.split(b'\r\n\r\n', 1)
    length = int(head.lower().split(b'content-length: ')[1].split(b'\r\n')[0])
    while len(body) < length:
        piece = s.recv(65536)
        assert piece, 'closed within the body'
        body += piece
    return int(head.split()[1])


def ask(s):
    s.sendall(HEAD + b'\r\n')
    return answer(s)


friend = connect()
assert ask(friend) == 200
strangers = [connect() for _ in range(STRANGERS)]
for s in strangers:
    s.sendall(b'GET /show HTTP/1.1\r\nHost: ')
assert ask(friend) == 200
newest = connect()
assert is_closed(strangers[0]), 'the oldest stranger should make room'
assert ask(connect()) == 200, 'one with the token gets in, whoever else is there'
assert is_closed(strangers[1])

dripping, begun = strangers[-1], time.monotonic()
dripping.settimeout(0.5)
friend.sendall(HEAD)
while time.monotonic() < begun + 60:
    friend.sendall(b'X-Slow: 1\r\n')
    try:
        dripping.sendall(b'x')
        if dripping.recv(1) == b'':
            break
    except socket.timeout:
        continue
    except OSError:
        break
else:
    sys.exit('a stranger that sends a byte every half second stays')
assert is_closed(newest), 'one that says nothing stays'
friend.sendall(b'\r\n')
assert answer(friend) == 200, 'one with the token may be slow'
print(f'strangers were closed after {time.monotonic() - begun:.1f} s')
