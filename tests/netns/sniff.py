#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What passes on a network interface, and what of it a relay can read.

sniff.py IFACE PORT FILE    captures IPv4 TCP segments from and to PORT into FILE (pcap) until it is ended
sniff.py --frames FILE      decodes the frames in the capture: header fields and the first bytes of each
sniff.py --probe            whether this user may capture at all
"""
import socket, struct, sys, time

TYPES = {1: "CONTROL", 2: "INIT", 3: "RESP", 4: "FINISH", 5: "DATA", 6: "RESET", 7: "COOKIE", 8: "LINK"}
ETH_P_ALL = 3
PACKET_OUTGOING = 4


def tcp_segment(packet):
    """(source, destination, sequence number, payload) of an Ethernet frame, or None."""
    if len(packet) < 54 or packet[12:14] != b"\x08\x00" or packet[23] != 6:
        return None
    ip = packet[14:]
    header = (ip[0] & 15) * 4
    total = struct.unpack_from(">H", ip, 2)[0] or len(ip)
    tcp = ip[header:total]
    sport, dport, seq = struct.unpack_from(">HHI", tcp)
    payload = tcp[(tcp[12] >> 4) * 4:]
    return (f"{socket.inet_ntoa(ip[12:16])}:{sport}", f"{socket.inet_ntoa(ip[16:20])}:{dport}", seq, payload)


def capture(iface, port, path):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.bind((iface, 0))
    with open(path, "wb", 0) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        while True:
            packet, address = sock.recvfrom(262144)
            if iface == "lo" and address[2] != PACKET_OUTGOING:
                continue  # loopback shows each packet twice
            segment = tcp_segment(packet)
            if not segment or not segment[3]:
                continue
            if port not in (int(segment[0].rsplit(":")[-1]), int(segment[1].rsplit(":")[-1])):
                continue
            now = time.time()
            out.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(packet), len(packet)) + packet)


def packets(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def hexdump(data, limit=64):
    for at in range(0, min(len(data), limit), 16):
        part = data[at:at + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        yield f"    {part.hex(' '):<48}  {text}"
    if len(data) > limit:
        yield f"    ... {len(data) - limit} more"


class Flow:
    """One direction of a connection, from the first segment that was seen: bytes in their order, each once."""

    def __init__(self, seq):
        self.next, self.early, self.data = seq, {}, b""

    def add(self, seq, payload):
        self.early[seq] = max(self.early.get(seq, b""), payload, key=len)
        for seq in sorted(self.early, key=lambda s: (s - self.next + (1 << 31)) % (1 << 32)):
            had = (self.next - seq + (1 << 31)) % (1 << 32) - (1 << 31)  # of it, known already
            if had < 0:
                break  # what comes before is missing yet
            fresh = self.early.pop(seq)[had:]
            self.data += fresh
            self.next = (self.next + len(fresh)) % (1 << 32)

    def frames(self):
        while len(self.data) >= 16 and self.data[0] >> 4 == 1:
            length = struct.unpack_from(">H", self.data, 2)[0]
            if length < 16 or len(self.data) < length:
                return
            yield self.data[:length]
            self.data = self.data[length:]


def show_frames(path):
    flows = {}
    for packet in packets(path):
        source, target, seq, payload = tcp_segment(packet)
        flow = flows.setdefault((source, target), Flow(seq))
        flow.add(seq, payload)
        for frame in flow.frames():
            sub, length, label, counter = struct.unpack_from(">xBHIQ", frame)
            kind = TYPES.get(frame[0] & 15, "?")
            name = "epoch" if kind == "DATA" else "sub"
            print(f"{source} -> {target}  {kind} {name} {sub} len {length} label {label:08x} seq {counter}")
            print("\n".join(hexdump(frame)))


def main():
    if sys.argv[1:] == ["--probe"]:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    elif len(sys.argv) == 3 and sys.argv[1] == "--frames":
        show_frames(sys.argv[2])
    elif len(sys.argv) == 4:
        capture(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(__doc__)


try:
    main()
except PermissionError as error:
    sys.exit(f"sniff.py: {error}")
except BrokenPipeError:
    pass
