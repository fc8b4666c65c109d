#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An application's end of a TCP connection, for the tests of portals.

    app.py serve FILE MODE     listens on a free port (written to FILE, or unix:PATH), one thread per connection:
                               echo     sends back what comes, and ends when that ends
                               sum      reads to the end, then answers with the SHA-256 and ends
                               pour N   sends N pseudo-random bytes and ends, reading nothing
                               reset    reads one byte, then resets
                               hold     accepts and reads nothing, ever
                               name     says a line and goes on as echo
    app.py send ADDRESS N      sends N pseudo-random bytes, ends its way, prints the SHA-256 of what it sent and of what comes
    app.py take ADDRESS        ends its way at once, prints the SHA-256 and length of what comes
    app.py lines ADDRESS       sends stdin line by line, prints each answer
    app.py fate ADDRESS        prints how the connection ends: `refused`, `reset` or `end`
    app.py stuff ADDRESS       sends until nothing has been taken for a second, prints how many bytes that were
"""
import hashlib
import random
import socket
import struct
import sys
import threading

CHUNK = 65536


def noise(count, seed=7):
    dice = random.Random(seed)
    while count:
        n = min(count, dice.choice((1, 100, 1400, 16384, 200000)))
        yield dice.randbytes(n)
        count -= n


def connect(address):
    if address.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        s.connect(address[5:])
        return s
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), timeout=60)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def serve_one(s, mode, count):
    if mode == "hold":
        threading.Event().wait()
    if mode == "reset":
        s.recv(1)
        return reset(s)
    if mode == "pour":
        for piece in noise(count):
            s.sendall(piece)
    elif mode == "sum":
        digest = hashlib.sha256()
        while piece := s.recv(CHUNK):
            digest.update(piece)
        s.sendall(digest.hexdigest().encode() + b"\n")
    else:
        if mode == "name":
            s.sendall(b"hello, I speak first\n")
        while piece := s.recv(CHUNK):
            s.sendall(piece)
    s.shutdown(socket.SHUT_WR)
    s.close()


def guarded(s, mode, count):
    try:
        serve_one(s, mode, count)
    except OSError:
        s.close()


def serve(file, mode, count=0):
    if file.startswith("unix:"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(file[5:])
    else:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    if not file.startswith("unix:"):
        with open(file, "w") as f:
            print(listener.getsockname()[1], file=f)
    while True:
        s, _ = listener.accept()
        threading.Thread(target=guarded, args=(s, mode, int(count)), daemon=True).start()


def read_all(s):
    digest, total = hashlib.sha256(), 0
    while piece := s.recv(CHUNK):
        digest.update(piece)
        total += len(piece)
    return digest.hexdigest(), total


def send(address, count):
    s, digest = connect(address), hashlib.sha256()

    def push():
        for piece in noise(int(count)):
            digest.update(piece)
            s.sendall(piece)
        s.shutdown(socket.SHUT_WR)

    pusher = threading.Thread(target=push)
    pusher.start()
    answer, total = b"", 0
    got = hashlib.sha256()
    while piece := s.recv(CHUNK):
        got.update(piece)
        total += len(piece)
        answer = (answer + piece)[-65:]
    pusher.join()
    # the answer of `sum` is a digest in hex; everything else is what came back
    print(digest.hexdigest(), answer.decode().strip() if total == 65 else got.hexdigest())


def take(address):
    s = connect(address)
    s.shutdown(socket.SHUT_WR)
    print(*read_all(s))


def lines(address):
    s = connect(address)
    answers = s.makefile("r")
    for line in sys.stdin:
        s.sendall(line.encode())
        print(answers.readline(), end="", flush=True)


def fate(address):
    try:
        s = connect(address)
        s.sendall(b"x")
        while s.recv(CHUNK):
            pass
        print("end")
    except ConnectionRefusedError:
        print("refused")
    except (ConnectionResetError, BrokenPipeError):
        print("reset")


def stuff(address):
    s, total = connect(address), 0
    s.settimeout(1)
    try:
        while True:
            total += s.send(bytes(CHUNK))
    except (socket.timeout, TimeoutError):
        print(total)


if __name__ == "__main__":
    {"serve": serve, "send": send, "take": take, "lines": lines, "fate": fate, "stuff": stuff}[sys.argv[1]](*sys.argv[2:])
