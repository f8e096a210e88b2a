# SPDX-License-Identifier: Apache-2.0
"""Bytes that passed between two peers as the packets of TCP connections."""

import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from pcap_rewrite import Frame, Segment, write_capture  # noqa: E402

START_NS = 1700000000 * 10**9
STEP_NS = 10**6  # between two packets
MTU = 1400
MAC = {"C": b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01", "S": b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"}
ADDRESS = {"C": bytes((10, 0, 0, 1)), "S": bytes((10, 0, 0, 2))}
OTHER = {"C": "S", "S": "C"}
FIN, SYN, PSH, ACK = 1, 2, 8, 16


class Connection:
    """One connection; `frames` is what a tap shows of it."""

    def __init__(self, port=40000, server_port=443, start_ns=START_NS, mtu=MTU):
        self.ports = {"C": port, "S": server_port}
        self.sequence = {"C": 1000, "S": 5000}
        self.clock, self.frames, self.mtu = start_ns, [], mtu
        self.packet("C", SYN)
        self.packet("S", SYN | ACK)
        self.packet("C", ACK)

    def packet(self, side, flags, data=b""):
        other = OTHER[side]
        segment = Segment()
        self.clock += STEP_NS
        segment.frame, segment.version, segment.payload = Frame(self.clock, b"", 0), 4, data
        segment.link = MAC[side] + b"\x08\0"
        segment.ip = bytearray(b"\x45\0\0\0\0\0\0\0\x40\x06\0\0" + ADDRESS[side] + ADDRESS[other])
        acknowledged = self.sequence[other] if flags & ACK else 0
        segment.tcp = bytearray(struct.pack("!HHIIBBHHH", self.ports[side], self.ports[other], self.sequence[side],
                                            acknowledged, 0x50, flags, 65535, 0, 0))
        self.frames.append(segment.build())
        self.sequence[side] += len(data) + bool(flags & SYN) + bool(flags & FIN)

    def send(self, side, data):
        for start in range(0, len(data), self.mtu):
            self.packet(side, PSH | ACK, data[start:start + self.mtu])

    def close(self):
        for side in "CS":
            self.packet(side, FIN | ACK)
        self.packet("C", ACK)


def connection_of(passed, **options):
    """`passed` as pairs of side ("C" or "S") and bytes, in their order."""
    made = Connection(**options)
    for side, data in passed:
        made.send(side, data)
    made.close()
    return made.frames


def write(path, *connections):
    write_capture(path, sorted((frame for frames in connections for frame in frames), key=lambda frame: frame.time_ns))
