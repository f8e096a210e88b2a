# SPDX-License-Identifier: Apache-2.0
"""TCP connections said packet by packet, with every field of the headers at hand: captures of what hosts should not do."""

import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pcap_rewrite  # noqa: E402
from pcap_rewrite import Frame, checksum  # noqa: E402

FIN, SYN, RST, PUSH, ACK, URGENT = 1, 2, 4, 8, 16, 32
CLIENT, SERVER = 0, 1
START_NS = 1_790_000_000 * 10**9
STEP_NS = 10**6
LINK = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0"
MORE_FRAGMENTS = 0x2000


class Capture:
    """Frames in the order in which they are said, a millisecond apart."""

    def __init__(self):
        self.frames = []
        self.time_ns = START_NS

    def add(self, data, wire_size=None):
        self.frames.append(Frame(self.time_ns, data, wire_size or len(data)))
        self.time_ns += STEP_NS

    def write(self, path):
        pcap_rewrite.write_capture(path, self.frames)
        return path


def ipv4(source, destination, payload, protocol=6, ttl=64, identification=0, fragment=0, version=4, words=5, size=None,
         sum_error=0):
    """A frame. `fragment` is the field of flags and offset, `size` the total length where it lies."""
    size = 20 + len(payload) if size is None else size
    header = struct.pack("!BBHHHBBH", version << 4 | words, 0, size, identification, fragment, ttl, protocol, 0)
    header += source + destination
    return LINK + header[:10] + struct.pack("!H", checksum(header) ^ sum_error) + header[12:] + payload


class Talk:
    """One TCP connection between hosts of its own."""

    def __init__(self, capture, port, server_port=80):
        self.capture = capture
        self.address = (bytes([10, 1, port >> 8, port & 255]), bytes([10, 2, 0, 1]))
        self.port = (port, server_port)
        self.sequence = [1000 + port, 900000 + port]
        self.options = [b"", b""]  # of every segment of that side, whose size is a multiple of four
        self.identification = 0

    def tcp(self, side, flags, data=b"", sequence=None, acknowledge=None, window=65535, urgent=0, options=None, words=None,
            sum_error=0):
        """TCP header and payload. `words` is the data offset where it lies."""
        options = self.options[side] if options is None else options
        at = (self.sequence[side] if sequence is None else sequence) & 0xFFFFFFFF
        if acknowledge is None:
            acknowledge = self.sequence[not side] if flags & ACK else 0
        words = 5 + len(options) // 4 if words is None else words
        tcp = struct.pack("!HHIIBBHHH", self.port[side], self.port[not side], at, acknowledge & 0xFFFFFFFF, words << 4, flags,
                          window, 0, urgent) + options
        pseudo = self.address[side] + self.address[not side] + struct.pack("!BBH", 0, 6, len(tcp) + len(data))
        return tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + data) ^ sum_error) + tcp[18:] + data

    def advance(self, side, flags, data):
        self.sequence[side] += len(data) + bool(flags & SYN) + bool(flags & FIN)

    def segment(self, side, flags, data=b"", seen=True, snap=None, ip=None, **fields):
        """Says a segment; the side goes on behind it, unless it has a `sequence` of its own. `ip` goes to ipv4()."""
        frame = ipv4(self.address[side], self.address[not side], self.tcp(side, flags, data, **fields), **(ip or {}))
        if seen:
            self.capture.add(frame[:snap] if snap else frame, len(frame))
        if fields.get("sequence") is None:
            self.advance(side, flags, data)

    def open(self):
        self.segment(CLIENT, SYN)
        self.segment(SERVER, SYN | ACK)
        self.segment(CLIENT, ACK)
        return self

    def say(self, side, data, **fields):
        self.segment(side, PUSH | ACK, data, **fields)

    def fragments(self, side, data, pieces):
        """One segment as IP fragments: `pieces` of (offset in the datagram, bytes) as they are sent; the last ends it."""
        self.identification += 1
        last = max(at + len(piece) for at, piece in pieces)
        for at, piece in pieces:
            more = 0 if at + len(piece) == last else MORE_FRAGMENTS
            self.capture.add(ipv4(self.address[side], self.address[not side], piece, fragment=more | at // 8,
                                  identification=self.identification))
        self.advance(side, ACK, data)

    def close(self):
        self.segment(CLIENT, FIN | ACK)
        self.segment(SERVER, FIN | ACK)
        self.segment(CLIENT, ACK)
