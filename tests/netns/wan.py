#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A wide-area link between two Ethernet devices of this network namespace.

    wan.py READY_FILE DEVICE DEVICE [--delay MS] [--loss PERCENT] [--seed N]

Every packet that arrives at one device leaves by the other MS milliseconds later, in order, or is lost.
It is lost before its delay, by a generator with a fixed seed. READY_FILE is written when packets pass. On
SIGTERM it prints `N passed, N lost` and ends. Packets must come one by one: whoever sends into
these devices has segmentation and checksum offload turned off (`wan.py --plain DEVICE...` does that).
"""
import argparse
import array
import collections
import fcntl
import random
import select
import signal
import socket
import struct
import sys
import time

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SIOCETHTOOL = 0x8946
OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)  # ETHTOOL_S{TXCSUM,TSO,GSO,GRO}
BACKLOG = 4096  # packets under way in each direction; a longer queue loses


def plain(devices):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for device in devices:
            for command in OFFLOADS:
                value = array.array("B", struct.pack("II", command, 0))
                request = struct.pack("16sP16x", device.encode(), value.buffer_info()[0])
                fcntl.ioctl(s, SIOCETHTOOL, request)


def attach(device):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.bind((device, 0))
    s.setblocking(False)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    return s


class Wan:
    def __init__(self, devices, delay_s, loss, seed):
        self.ends = [attach(d) for d in devices]
        self.under_way = [collections.deque(), collections.deque()]  # (due, packet), to end 0 and 1
        self.delay_s, self.loss, self.dice = delay_s, loss, random.Random(seed)
        self.passed = self.lost = 0

    def take(self, i, now):
        """Reads what arrived at end i."""
        while True:
            try:
                packet, address = self.ends[i].recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:  # the device went down and comes back
                return
            if address[2] == PACKET_OUTGOING:
                continue
            queue = self.under_way[1 - i]
            if self.dice.random() < self.loss or len(queue) >= BACKLOG:
                self.lost += 1
            else:
                queue.append((now + self.delay_s, packet))

    def give(self, i, now):
        """Sends what is due at end i."""
        queue = self.under_way[i]
        while queue and queue[0][0] <= now:
            try:
                self.ends[i].send(queue.popleft()[1])
                self.passed += 1
            except OSError:
                self.lost += 1

    def run(self, stopped):
        poll = select.poll()
        for end in self.ends:
            poll.register(end, select.POLLIN)
        while not stopped:
            now = time.monotonic()
            for i in (0, 1):
                self.take(i, now)
                self.give(i, now)
            due = [queue[0][0] for queue in self.under_way if queue]
            wait_ms = max(0, min(due) - time.monotonic()) * 1000 if due else 1000
            poll.poll(wait_ms + 0.5 if due else 1000)


def main():
    if sys.argv[1:2] == ["--plain"]:
        return plain(sys.argv[2:])
    parser = argparse.ArgumentParser()
    parser.add_argument("ready")
    parser.add_argument("devices", nargs=2)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--loss", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    wan = Wan(args.devices, args.delay / 1000, args.loss / 100, args.seed)
    with open(args.ready, "w") as f:
        f.write("ready\n")
    wan.run(stopped)
    print(f"{wan.passed} passed, {wan.lost} lost", flush=True)


if __name__ == "__main__":
    main()
