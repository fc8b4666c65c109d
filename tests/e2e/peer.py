#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A peer that misbehaves. peer.py FILE MODE [ARG...]: listens on 127.0.0.1, writes its port to FILE.

silent              accepts and says nothing
hello               says LINK HELLO as a node does, and then nothing
http                answers as an HTTP server
garbage             sends random bytes for ever
close               closes each connection at once
half                sends a header that promises 65535 bytes, and no more
version             HELLO of a version that nobody has
proxy PORT TYPE CMD passes frames to PORT on; when the first frame of TYPE (a number) comes back from
                    there it runs CMD and swallows that frame
"""
import os, socket, subprocess, sys, threading

HELLO_MAP = bytes.fromhex("a2018101021912b8")  # {1: [1], 2: 4792}


def frame(kind, sub, body, version=1):
    return bytes([version << 4 | kind, sub]) + (16 + len(body)).to_bytes(2, "big") + bytes(12) + body


def drain(conn):
    while conn.recv(65536):
        pass


def read_exactly(conn, n):
    data = b""
    while len(data) < n:
        part = conn.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def read_frame(conn):
    head = read_exactly(conn, 16)
    return head + read_exactly(conn, int.from_bytes(head[2:4], "big") - 16)


def proxy(conn, port, kind, command):
    up = socket.create_connection(("127.0.0.1", int(port)))

    def forward():
        try:
            while True:
                up.sendall(read_frame(conn))
        except (OSError, EOFError):
            up.close()

    threading.Thread(target=forward, daemon=True).start()
    while True:
        data = read_frame(up)
        if data[0] & 15 == int(kind):
            subprocess.run(command, shell=True, check=False)
            drain(conn)
            return
        conn.sendall(data)


def serve(conn, mode, args):
    try:
        if mode == "hello":
            conn.sendall(frame(8, 0, HELLO_MAP))
        elif mode == "http":
            conn.recv(65536)
            conn.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        elif mode == "garbage":
            while True:
                conn.sendall(os.urandom(4096))
        elif mode == "half":
            conn.sendall(bytes([0x18, 0, 0xFF, 0xFF]) + bytes(12))
        elif mode == "version":
            conn.sendall(frame(8, 0, bytes.fromhex("a101810f"), version=15))
        elif mode == "proxy":
            proxy(conn, *args)
            return
        if mode != "close":
            drain(conn)
    except (OSError, EOFError):
        pass
    finally:
        conn.close()


def main():
    file, mode, *args = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", 0))
    with open(file + ".new", "w") as out:
        print(listener.getsockname()[1], file=out)
    os.rename(file + ".new", file)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn, mode, args), daemon=True).start()


main()
