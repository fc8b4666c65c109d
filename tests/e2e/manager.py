#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The side of a service manager in sd_notify(3): starts a command as systemd starts a service of Type=notify,
and writes each line that its main process sends, and its end, to a file.

  manager.py FILE abstract|path WATCHDOG_USEC COMMAND...
"""
import os
import signal
import socket
import struct
import subprocess
import sys

file, kind, watchdog, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
address = file + ".sock"
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + address if kind == "abstract" else address)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.settimeout(0.1)
os.environ.update(NOTIFY_SOCKET=("@" if kind == "abstract" else "") + address, WATCHDOG_USEC=watchdog)
child = subprocess.Popen(["/bin/sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh", *command], stdin=subprocess.DEVNULL)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda n, frame: child.send_signal(n))


def say(text):
    with open(file, "a") as f:
        f.write(text + "\n")


def receive():
    """What was sent until nothing came for a moment."""
    while True:
        try:
            data, control, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(12))
        except TimeoutError:
            return
        pid, _, _ = struct.unpack("iii", control[0][2])
        for line in data.decode().split("\n"):
            say(f"{line} from {'main' if pid == child.pid else 'another'}")


say(f"pid {child.pid}")
while child.poll() is None:
    receive()
receive()
say(f"ended {child.returncode}")
