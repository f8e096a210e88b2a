#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rewrites a capture the way networks, mirrors and attackers do.

usage: pcap_rewrite.py INPUT OUTPUT OPERATION...

INPUT is a pcap or pcapng file of Ethernet frames, OUTPUT a pcap file with nanoseconds. Operations are applied from left
to right; packets are numbered from 1 as they are at that point.

  drop=N                 without packet N
  drop-every=K           without packets K, 2K, 3K ...
  duplicate=N|all        packet N, or every packet, twice in a row
  swap=N                 packets N and N+1 exchanged, each keeping its place in time
  shuffle=SEED,WINDOW    order within each WINDOW packets mixed, times staying in order
  resegment=SIZE         TCP payloads cut into pieces of SIZE bytes
  delay=SIDE,SECONDS     what the client (or the server) sent comes later; then sorted by time. The client is whoever
                         sent the flow's first SYN, or its first packet
  wrap=KIND[,ID]         a tunnel around every frame: vlan qinq vxlan gre erspan2 erspan3 geneve ipip gtpu.
                         gre, ipip and gtpu carry IP: other frames stay as they are
  flip=N,OFFSET[,MASK]   bits of MASK (default 0xff) inverted in one byte of packet N
  snap=SIZE              frames captured up to SIZE bytes
  only=SIDE              what the client (or the server) sent, and what is no TCP
  tag=SIDE,ID            a VLAN tag on what the client (or the server) sent
  mirror-cut=SIZE        frames cut to SIZE bytes before they are captured, so that only their headers tell
  clock=N,SECONDS        the clock is set forward (or, negative, backward) before packet N
  queue=INDEX,COUNT      what queue INDEX of COUNT gets when each direction of a connection is hashed by itself
  offload=SIDE           TCP checksums of the client (or the server) as they are before a card fills them in
  sequence=FIRST         sequence numbers of each direction shifted so that its first one is FIRST; acknowledgements and
                         SACK blocks follow (0xfffffff0 makes them wrap)

Numbers may be decimal or 0x hexadecimal. Checksums of TCP and IP headers that change are computed anew.
"""

import random
import struct
import sys
import zlib

ETHERNET = 1
VLAN_TYPES = (0x8100, 0x88A8, 0x9100)
IP4, IP6, BRIDGED = 0x0800, 0x86DD, 0x6558
OUTER_MAC = bytes.fromhex("02ff0000000202ff00000001")
OUTER_ADDRESSES = bytes((10, 255, 0, 1, 10, 255, 0, 2))


class Failure(Exception):
    """A mistake of the user or a file that cannot be handled; the text says what."""


class Frame:
    def __init__(self, time_ns, data, wire_size):
        self.time_ns = time_ns
        self.data = data
        self.wire_size = wire_size

    def copy(self, data=None):
        if data is None:
            return Frame(self.time_ns, self.data, self.wire_size)
        return Frame(self.time_ns, data, len(data) + self.wire_size - len(self.data))


# Reading and writing


def read_pcap(data):
    magics = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
    for order in "<>":
        scale = magics.get(struct.unpack(order + "I", data[:4])[0])
        if scale:
            break
    if len(data) < 24:
        raise Failure("the file header is cut")
    if struct.unpack(order + "I", data[20:24])[0] & 0xFFFF != ETHERNET:
        raise Failure("not a capture of Ethernet frames")
    frames, at = [], 24
    while at + 16 <= len(data):
        seconds, fraction, size, wire_size = struct.unpack(order + "IIII", data[at : at + 16])
        at += 16
        if at + size > len(data):
            break
        frames.append(Frame(seconds * 10**9 + fraction * scale, data[at : at + size], wire_size))
        at += size
    return frames


def read_resolution(order, options):
    """The if_tsresol option as units per second; microseconds by default."""
    at = 0
    while at + 4 <= len(options):
        code, size = struct.unpack(order + "HH", options[at : at + 4])
        if code == 0:
            break
        if code == 9 and size == 1:
            value = options[at + 4]
            return 2 ** (value & 0x7F) if value & 0x80 else 10**value
        at += 4 + (size + 3) // 4 * 4
    return 10**6


def read_pcapng(data):
    frames, interfaces, order, at = [], [], "<", 0
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, size = struct.unpack(order + "II", data[at : at + 8])
        if size < 12 or at + size > len(data):
            break
        body = data[at + 8 : at + size - 4]
        if kind == 1:
            if struct.unpack(order + "H", body[:2])[0] != ETHERNET:
                raise Failure("not a capture of Ethernet frames only")
            interfaces.append(read_resolution(order, body[8:]))
        elif kind == 6:
            index, high, low, captured, wire_size = struct.unpack(order + "IIIII", body[:20])
            if index >= len(interfaces):
                raise Failure("a packet of an interface that is not described")
            time_ns = (high << 32 | low) * 10**9 // interfaces[index]
            frames.append(Frame(time_ns, body[20 : 20 + captured], wire_size))
        elif kind == 3:
            wire_size = struct.unpack(order + "I", body[:4])[0]
            frames.append(Frame(frames[-1].time_ns if frames else 0, body[4 : 4 + wire_size], wire_size))
        at += size
    return frames


def read_capture(path):
    with open(path, "rb") as stream:
        data = stream.read()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return read_pcapng(data)
    if len(data) >= 4 and data[:4] in (
        b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
    ):
        return read_pcap(data)
    raise Failure("neither pcap nor pcapng")


def write_capture(path, frames, link_type=ETHERNET):
    with open(path, "wb") as stream:
        stream.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link_type))
        for frame in frames:
            seconds, fraction = divmod(frame.time_ns, 10**9)
            stream.write(struct.pack("<IIII", seconds, fraction, len(frame.data), frame.wire_size) + frame.data)


# Headers


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def find_ip(data):
    """(offset, type) of the IP header behind Ethernet and tags, or (None, type)."""
    at = 12
    while at + 4 <= len(data) and struct.unpack("!H", data[at : at + 2])[0] in VLAN_TYPES:
        at += 4
    if at + 2 > len(data):
        return None, 0
    kind = struct.unpack("!H", data[at : at + 2])[0]
    return (at + 2, kind) if kind in (IP4, IP6) and len(data) > at + 22 else (None, kind)


class Segment:
    """A whole TCP segment in IPv4 or IPv6 without extension headers; `parse` gives None for anything else."""

    @staticmethod
    def parse(frame):
        data = frame.data
        ip, kind = find_ip(data)
        if ip is None:
            return None
        if kind == IP4:
            header = (data[ip] & 15) * 4
            size = struct.unpack("!H", data[ip + 2 : ip + 4])[0]
            protocol = data[ip + 9]
            fragment = struct.unpack("!H", data[ip + 6 : ip + 8])[0] & 0x3FFF
        else:
            if len(data) < ip + 40:
                return None
            header, protocol, fragment = 40, data[ip + 6], 0
            size = 40 + struct.unpack("!H", data[ip + 4 : ip + 6])[0]
        tcp = ip + header
        if protocol != 6 or fragment or ip + size > len(data) or size < header + 20:
            return None
        payload = tcp + (data[tcp + 12] >> 4) * 4
        if payload > ip + size:
            return None
        segment = Segment()
        segment.frame, segment.version = frame, 4 if kind == IP4 else 6
        segment.link, segment.ip = data[:ip], bytearray(data[ip:tcp])
        segment.tcp, segment.payload = bytearray(data[tcp:payload]), data[payload : ip + size]
        return segment

    def addresses(self):
        return bytes(self.ip[12:20]) if self.version == 4 else bytes(self.ip[8:40])

    def key(self):
        """(this direction, the other direction) as comparable values."""
        addresses, ports = self.addresses(), bytes(self.tcp[:4])
        half = len(addresses) // 2
        there = addresses[:half] + ports[:2], addresses[half:] + ports[2:]
        return there, (there[1], there[0])

    def build(self):
        ip, tcp = self.ip, self.tcp
        size = len(tcp) + len(self.payload)
        if self.version == 4:
            ip[2:4] = struct.pack("!H", len(ip) + size)
            ip[10:12] = b"\0\0"
            ip[10:12] = struct.pack("!H", checksum(bytes(ip)))
        else:
            ip[4:6] = struct.pack("!H", size)
        tcp[16:18] = b"\0\0"
        pseudo = self.addresses() + struct.pack("!II", size, 6)
        tcp[16:18] = struct.pack("!H", checksum(pseudo + bytes(tcp) + self.payload))
        data = self.link + bytes(ip) + bytes(tcp) + self.payload
        return Frame(self.frame.time_ns, data, len(data))


# Operations: each takes the frames and its arguments, and gives the new frames


def pick(frames, number):
    if not 1 <= number <= len(frames):
        raise Failure("there is no packet %d; there are %d" % (number, len(frames)))
    return number - 1


def drop(frames, number):
    index = pick(frames, number)
    return frames[:index] + frames[index + 1 :]


def drop_every(frames, step):
    return [frame for index, frame in enumerate(frames, 1) if index % step]


def duplicate(frames, number):
    if number == "all":
        return [copy for frame in frames for copy in (frame, frame.copy())]
    index = pick(frames, number)
    return frames[: index + 1] + [frames[index].copy()] + frames[index + 1 :]


def keep_times(before, after):
    return [Frame(old.time_ns, new.data, new.wire_size) for old, new in zip(before, after)]


def swap(frames, number):
    first, second = pick(frames, number), pick(frames, number + 1)
    mixed = list(frames)
    mixed[first], mixed[second] = mixed[second], mixed[first]
    return keep_times(frames, mixed)


def shuffle(frames, seed, window):
    source = random.Random(seed)
    mixed = []
    for start in range(0, len(frames), window):
        part = frames[start : start + window]
        source.shuffle(part)
        mixed += part
    return keep_times(frames, mixed)


def resegment(frames, size):
    out = []
    for frame in frames:
        segment = Segment.parse(frame)
        if segment is None or len(segment.payload) <= size:
            out.append(frame)
            continue
        payload, flags = segment.payload, segment.tcp[13]
        first = struct.unpack("!I", segment.tcp[4:8])[0]
        for at in range(0, len(payload), size):
            segment.payload = payload[at : at + size]
            syn = 1 if flags & 2 and at else 0  # a SYN takes a sequence number of its own
            segment.tcp[4:8] = struct.pack("!I", (first + at + syn) & 0xFFFFFFFF)
            last = at + size >= len(payload)
            segment.tcp[13] = flags & ~(0x09 if not last else 0) & ~(0x02 if at else 0)
            out.append(segment.build())
    return out


def find_clients(frames):
    """For each flow (both keys) the direction of its client."""
    clients, certain = {}, set()
    for frame in frames:
        segment = Segment.parse(frame)
        if segment is None:
            continue
        there, back = segment.key()
        syn = segment.tcp[13] & 0x12 == 0x02
        if there not in clients or (syn and there not in certain):
            clients[there] = clients[back] = there
        if syn:
            certain.update((there, back))
    return clients


def with_sides(frames):
    """(frame, segment, "client" or "server") of each frame; both None for what is no TCP segment."""
    clients = find_clients(frames)
    for frame in frames:
        segment = Segment.parse(frame)
        if segment is None:
            yield frame, None, None
        else:
            there, _ = segment.key()
            yield frame, segment, "client" if clients[there] == there else "server"


def check_side(side):
    if side not in ("client", "server"):
        raise Failure("a side is 'client' or 'server', not '%s'" % side)


def delay(frames, side, seconds):
    check_side(side)
    late_ns = int(seconds * 10**9)
    out = [
        Frame(frame.time_ns + (late_ns if sender == side else 0), frame.data, frame.wire_size)
        for frame, _, sender in with_sides(frames)
    ]
    return sorted(out, key=lambda frame: frame.time_ns)


def only(frames, side):
    check_side(side)
    return [frame for frame, _, sender in with_sides(frames) if sender in (side, None)]


def tag(frames, side, number):
    check_side(side)
    return [
        frame.copy(wrap_frame(frame.data, "vlan", number)) if sender == side else frame
        for frame, _, sender in with_sides(frames)
    ]


def mirror_cut(frames, size):
    return [Frame(frame.time_ns, frame.data[:size], min(frame.wire_size, size)) for frame in frames]


def set_clock(frames, number, seconds):
    index = pick(frames, number)
    step_ns = int(seconds * 10**9)
    return frames[:index] + [
        Frame(max(frame.time_ns + step_ns, 0), frame.data, frame.wire_size) for frame in frames[index:]
    ]


def queue(frames, index, count):
    if count < 1 or not 0 <= index < count:
        raise Failure("queue takes INDEX,COUNT with 0 <= INDEX < COUNT")
    out = []
    for frame in frames:
        segment = Segment.parse(frame)
        which = zlib.crc32(repr(segment.key()[0]).encode()) % count if segment is not None else 0
        if which == index:
            out.append(frame)
    return out


def offload(frames, side):
    check_side(side)
    out = []
    for frame, segment, sender in with_sides(frames):
        if sender == side:
            built = segment.build()
            pseudo = segment.addresses() + struct.pack("!II", len(segment.tcp) + len(segment.payload), 6)
            at = len(segment.link) + len(segment.ip) + 16
            partial = struct.pack("!H", ~checksum(pseudo) & 0xFFFF)  # a card adds the rest to the pseudo header's sum
            frame = frame.copy(built.data[:at] + partial + built.data[at + 2 :])
        out.append(frame)
    return out


def outer_ip(payload, protocol):
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) + OUTER_ADDRESSES
    if 20 + len(payload) > 65535:
        raise Failure("a frame is too large to be wrapped")
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return OUTER_MAC + struct.pack("!H", IP4) + header + payload


def outer_udp(payload, port):
    source = 0xC000 | zlib.crc32(payload[:64]) & 0x3FFF
    return outer_ip(struct.pack("!HHHH", source, port, 8 + len(payload), 0) + payload, 17)


def wrap_frame(data, kind, number):
    if kind == "vlan":
        return data[:12] + struct.pack("!HH", 0x8100, number & 0xFFF) + data[12:]
    if kind == "qinq":
        return data[:12] + struct.pack("!HHHH", 0x88A8, number >> 12 or 100, 0x8100, number & 0xFFF) + data[12:]
    if kind == "vxlan":
        return outer_udp(struct.pack("!II", 0x08000000, number << 8) + data, 4789)
    if kind == "geneve":
        return outer_udp(struct.pack("!HHI", 0, BRIDGED, number << 8) + data, 6081)
    if kind == "erspan2":
        return outer_ip(struct.pack("!HHIHHI", 0x1000, 0x88BE, 0, 0x1000, number & 0x3FF, 0) + data, 47)
    if kind == "erspan3":
        header = struct.pack("!HHIHHIHH", 0x1000, 0x22EB, 0, 0x2000, number & 0x3FF, 0, 0, 0)
        return outer_ip(header + data, 47)
    return wrap_ip(data, kind, number)


def wrap_ip(data, kind, number):
    ip, ether_type = find_ip(data)
    if ip is None:
        return data
    inner = data[ip:]
    if ether_type == IP4:
        size = struct.unpack("!H", inner[2:4])[0]
    else:
        size = 40 + struct.unpack("!H", inner[4:6])[0]
    inner = inner[: size or None]  # without the padding of the frame
    if kind == "gre":
        return outer_ip(struct.pack("!HHI", 0x2000, ether_type, number) + inner, 47)
    if kind == "ipip":
        return outer_ip(inner, 4 if ether_type == IP4 else 41)
    return outer_udp(struct.pack("!BBHI", 0x30, 0xFF, len(inner), number) + inner, 2152)


WRAPPERS = ("vlan", "qinq", "vxlan", "gre", "erspan2", "erspan3", "geneve", "ipip", "gtpu")


def wrap(frames, kind, number=5):
    if kind not in WRAPPERS:
        raise Failure("no tunnel is called '%s'; there are %s" % (kind, " ".join(WRAPPERS)))
    out = []
    for frame in frames:
        data = wrap_frame(frame.data, kind, number)
        cut = max(frame.wire_size - len(frame.data), 0)
        out.append(Frame(frame.time_ns, data, len(data) + cut))
    return out


def flip(frames, number, offset, mask=0xFF):
    index = pick(frames, number)
    data = bytearray(frames[index].data)
    if not 0 <= offset < len(data):
        raise Failure("packet %d has %d bytes" % (number, len(data)))
    data[offset] ^= mask
    return frames[:index] + [frames[index].copy(bytes(data))] + frames[index + 1 :]


def snap(frames, size):
    return [Frame(frame.time_ns, frame.data[:size], frame.wire_size) for frame in frames]


def shift_sack(tcp, shift):
    at = 20
    while at + 1 < len(tcp) and tcp[at] != 0:
        if tcp[at] == 1:
            at += 1
            continue
        size = tcp[at + 1]
        if size < 2:
            break
        if tcp[at] == 5:
            for edge in range(at + 2, min(at + size, len(tcp)) - 3, 4):
                value = struct.unpack("!I", tcp[edge : edge + 4])[0]
                tcp[edge : edge + 4] = struct.pack("!I", (value + shift) & 0xFFFFFFFF)
        at += size


def shift_sequence(frames, first):
    segments = [Segment.parse(frame) for frame in frames]
    shifts = {}
    for segment in segments:
        if segment is not None:
            start = struct.unpack("!I", segment.tcp[4:8])[0]
            shifts.setdefault(segment.key()[0], (first - start) & 0xFFFFFFFF)
    for segment in segments:  # a direction never seen is known by what is acknowledged
        if segment is not None and segment.tcp[13] & 0x10:
            acknowledged = struct.unpack("!I", segment.tcp[8:12])[0]
            shifts.setdefault(segment.key()[1], (first - acknowledged) & 0xFFFFFFFF)
    out = []
    for frame, segment in zip(frames, segments):
        if segment is None:
            out.append(frame)
            continue
        there, back = segment.key()
        sequence, acknowledged = struct.unpack("!II", segment.tcp[4:12])
        sequence = (sequence + shifts[there]) & 0xFFFFFFFF
        if segment.tcp[13] & 0x10:
            acknowledged = (acknowledged + shifts[back]) & 0xFFFFFFFF
            shift_sack(segment.tcp, shifts[back])
        segment.tcp[4:12] = struct.pack("!II", sequence, acknowledged)
        out.append(segment.build())
    return out


def number(text):
    return int(text, 0)


def number_or_all(text):
    return text if text == "all" else number(text)


def positive(text):
    value = number(text)
    if value < 1:
        raise ValueError(text)
    return value


# Operation: function, converters of its arguments, how many of them must be there
OPERATIONS = {
    "drop": (drop, (number,), 1),
    "drop-every": (drop_every, (positive,), 1),
    "duplicate": (duplicate, (number_or_all,), 1),
    "swap": (swap, (number,), 1),
    "shuffle": (shuffle, (number, positive), 2),
    "resegment": (resegment, (positive,), 1),
    "delay": (delay, (str, float), 2),
    "wrap": (wrap, (str, number), 1),
    "flip": (flip, (number, number, number), 2),
    "snap": (snap, (positive,), 1),
    "only": (only, (str,), 1),
    "tag": (tag, (str, number), 2),
    "mirror-cut": (mirror_cut, (positive,), 1),
    "clock": (set_clock, (number, float), 2),
    "queue": (queue, (number, number), 2),
    "offload": (offload, (str,), 1),
    "sequence": (shift_sequence, (number,), 1),
}


def apply(frames, text):
    name, _, rest = text.partition("=")
    if name not in OPERATIONS:
        raise Failure("no operation is called '%s'; --help lists them" % name)
    function, converters, needed = OPERATIONS[name]
    parts = rest.split(",") if rest else []
    if not needed <= len(parts) <= len(converters):
        raise Failure("'%s' takes %d to %d arguments" % (name, needed, len(converters)))
    try:
        arguments = [convert(part) for convert, part in zip(converters, parts)]
    except ValueError as error:
        raise Failure("'%s': %s" % (text, error)) from error
    return function(frames, *arguments)


def main(arguments):
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return 0
    if len(arguments) < 2:
        print("usage: pcap_rewrite.py INPUT OUTPUT OPERATION...   (--help lists the operations)", file=sys.stderr)
        return 2
    try:
        frames = read_capture(arguments[0])
        for text in arguments[2:]:
            frames = apply(frames, text)
        write_capture(arguments[1], frames)
    except (Failure, OSError) as error:
        print("pcap_rewrite.py: %s: %s" % (arguments[0], error), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
