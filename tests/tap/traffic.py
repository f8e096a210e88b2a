# SPDX-License-Identifier: Apache-2.0
"""A small clean capture, as a good tap beside a busy network shows it.

Sixty persistent connections, half of them IPv6, with four requests each. The network is not perfect, the tap is: some
segments are lost behind the tap (seen twice), some before it (seen late), some come out of order, receivers repeat
acknowledgements. None of that is the tap's fault.
"""

import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import pcap_rewrite  # noqa: E402

SYN, FIN, PSH, ACK = 2, 1, 8, 16
MILLISECOND = 10**6
SEGMENT = 1400


class Host:
    """One end of one connection: its numbers and its clock."""

    def __init__(self, source, address, port, sequence):
        self.address, self.port, self.sequence = address, port, sequence
        self.identification = source.randrange(1, 60000)
        self.clock_offset = source.randrange(2**31)


class Connection:
    def __init__(self, source, number, start_ns, silence_ns):
        self.source, self.time_ns, self.silence_ns = source, start_ns, silence_ns
        self.epoch_ns = start_ns
        self.version = 6 if number % 2 else 4
        server = number % 5
        if self.version == 4:
            addresses = bytes((192, 0, 2, 10 + number % 7)), bytes((198, 51, 100, 1 + server))
        else:
            prefix = bytes.fromhex("20010db8") + bytes(10)
            addresses = prefix + bytes((1, 10 + number % 7)), prefix + bytes((2, 1 + server))
        self.client = Host(source, addresses[0], 40000 + number, source.randrange(2**32))
        self.server = Host(source, addresses[1], 8080, source.randrange(2**32))
        self.frames = []

    def send(self, sender, receiver, flags, payload=b"", sequence=None, acknowledges=None, later_ns=0):
        self.time_ns += self.source.randrange(20_000, 400_000)
        sequence = sender.sequence if sequence is None else sequence
        ticks = (self.time_ns // MILLISECOND + sender.clock_offset) & 0xFFFFFFFF
        options = struct.pack("!BBBBII", 1, 1, 8, 10, ticks, 1)
        acknowledgement = (receiver.sequence if acknowledges is None else acknowledges) if flags & ACK else 0
        tcp = struct.pack(
            "!HHIIBBHHH", sender.port, receiver.port, sequence & 0xFFFFFFFF, acknowledgement & 0xFFFFFFFF,
            (5 + len(options) // 4) << 4, flags, 60000, 0, 0,
        ) + options
        size = len(tcp) + len(payload)
        if self.version == 4:
            sender.identification = sender.identification % 65535 + 1
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, sender.identification, 0x4000, 63, 6, 0)
        else:
            ip = struct.pack("!IHBB", 6 << 28, size, 6, 63)
        link = bytes.fromhex("020000000002020000000001") + struct.pack("!H", 0x0800 if self.version == 4 else 0x86DD)
        frame = pcap_rewrite.Frame(self.time_ns + later_ns, link + ip + sender.address + receiver.address + tcp + payload, 0)
        self.frames.append(pcap_rewrite.Segment.parse(frame).build())  # with its checksums
        if sequence == sender.sequence:
            sender.sequence = (sequence + len(payload) + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF

    def message(self, sender, receiver, payload):
        """Sends it in segments; every second one is acknowledged."""
        pieces = [payload[at : at + SEGMENT] for at in range(0, len(payload), SEGMENT)]
        for count, piece in enumerate(pieces):
            fate = self.source.random() if count + 1 < len(pieces) else 1
            behind = b""  # the begin of the next piece, which shows that this one is missing
            if fate < 0.08:
                behind, pieces[count + 1] = pieces[count + 1][:100], pieces[count + 1][100:]
            before = sender.sequence
            if fate < 0.03:  # lost before the tap: the receiver asks for it, and it comes again
                sender.sequence = (before + len(piece)) & 0xFFFFFFFF
                self.send(sender, receiver, ACK, behind)
                for _ in range(3):
                    self.send(receiver, sender, ACK, acknowledges=before)
                self.time_ns += 3 * MILLISECOND
                self.send(sender, receiver, ACK, piece, sequence=before)
            elif fate < 0.06:  # lost behind it: the same, and the tap has seen it before
                self.send(sender, receiver, ACK, piece)
                self.send(sender, receiver, ACK, behind)
                for _ in range(3):
                    self.send(receiver, sender, ACK, acknowledges=before)
                self.time_ns += 3 * MILLISECOND
                self.send(sender, receiver, ACK, piece, sequence=before)
            elif fate < 0.08:  # overtaken on the way
                sender.sequence = (before + len(piece)) & 0xFFFFFFFF
                self.send(sender, receiver, ACK, behind)
                self.send(sender, receiver, ACK, piece, sequence=before)
            else:
                self.send(sender, receiver, ACK | PSH, piece)
            if count % 2:
                self.send(receiver, sender, ACK)

    def run(self):
        client, server = self.client, self.server
        self.send(client, server, SYN)
        self.send(server, client, SYN | ACK)
        self.send(client, server, ACK)
        for number in range(4):
            if number == 2:
                self.time_ns += self.silence_ns
            self.message(client, server, b"GET /orders/%d HTTP/1.1\r\nHost: api.example\r\n\r\n" % number)
            self.time_ns += self.source.randrange(1, 8) * MILLISECOND
            body = bytes(self.source.randrange(256) for _ in range(self.source.randrange(200, 9000)))
            self.message(server, client, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            self.send(client, server, ACK)
            self.time_ns += self.source.randrange(1, 30) * MILLISECOND
        self.send(client, server, FIN | ACK)
        self.send(server, client, FIN | ACK)
        self.send(client, server, ACK)
        return self.frames


def capture(seed=1, connections=60, start_s=1_700_000_000, silence_s=0):
    """The frames of all connections in order of time. `silence_s`: nobody says anything for so long in the middle."""
    source = random.Random(seed)
    frames = []
    for number in range(connections):
        start_ns = start_s * 10**9 + number * 3 * MILLISECOND
        frames += Connection(source, number, start_ns, int(silence_s * 10**9)).run()
    return sorted(frames, key=lambda frame: frame.time_ns)
