#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every frame type and tunnel that is read, around one call: tshark says that the frames are what they are called, and
reads the same call as we do. The ids of tags and tunnels are kept.
"""

import os
import struct
import subprocess
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "..", "golden"), os.path.join(FOLDER, "..", "tools")]
import pcap_rewrite  # noqa: E402
from replay import check_ledger, replay  # noqa: E402
from talk import CLIENT, SERVER, Capture, Talk  # noqa: E402

ETHERNET, NULL, RAW, LOOP, COOKED, COOKED2 = 1, 0, 101, 108, 113, 276
MAC = bytes.fromhex("02000000000102000000000a")
PATH = "/v1/tunnelled"


def ethernet(kind, payload):
    return MAC + struct.pack("!H", kind) + payload


def to_ipv6(packet, extensions=b"", first=6):
    """The IPv4 packet's segment in IPv6, its checksum made anew."""
    segment = pcap_rewrite.Segment.parse(pcap_rewrite.Frame(0, ethernet(0x0800, packet), 0))
    addresses = b"".join(bytes.fromhex("20010db8") + bytes(8) + packet[at : at + 4] for at in (12, 16))
    segment.version, segment.ip = 6, bytearray(struct.pack("!IHBB", 6 << 28, 0, 6, 64) + addresses)
    built = segment.build().data[14:]
    size = struct.pack("!H", len(built) - 40 + len(extensions))
    return built[:4] + size + bytes((first if extensions else 6,)) + built[7:40] + extensions + built[40:]


def with_ipv4_options(packet):
    header = bytes((0x46,)) + packet[1:2] + struct.pack("!H", len(packet) + 4) + packet[4:10] + b"\0\0" + packet[12:20] + b"\x94\x04\0\0"
    return header[:10] + struct.pack("!H", pcap_rewrite.checksum(header)) + header[12:] + packet[20:]


def gre(flags, kind, fields, payload):
    return pcap_rewrite.outer_ip(struct.pack("!HH", flags, kind) + fields + payload, 47)


def udp(port, payload):
    return pcap_rewrite.outer_udp(payload, port)


def vxlan(number, frame):
    return udp(4789, struct.pack("!II", 0x08000000, number << 8) + frame)


def geneve(number, frame, options=b""):
    return udp(6081, struct.pack("!BBHI", len(options) // 4, 0, 0x6558, number << 8) + options + frame)


def pppoe(packet, kind=0x0021):
    return ethernet(0x8864, struct.pack("!BBHHH", 0x11, 0, 7, len(packet) + 2, kind) + packet)


OPTION = struct.pack("!HBB", 0x0108, 0x01, 2) + bytes(8)  # AWS writes options of class 0x0108
HOP_BY_HOP = bytes((60, 0, 1, 4)) + bytes(4)
DESTINATION = bytes((44, 0, 1, 4)) + bytes(4)
ATOMIC = bytes((6, 0, 0, 0)) + bytes(4)

# name: (link type, what makes a frame of an IPv4 packet, what tshark calls it, tunnels as they are told)
FORMATS = {
    "Ethernet": (ETHERNET, lambda p: ethernet(0x0800, p), "eth:ethertype:ip:tcp", []),
    "raw IPv4": (RAW, lambda p: p, "raw:ip:tcp", []),
    "raw IPv6": (RAW, to_ipv6, "raw:ipv6:tcp", []),
    "null": (NULL, lambda p: struct.pack("<I", 2) + p, "null:ip:tcp", []),
    "loop": (LOOP, lambda p: struct.pack("!I", 2) + p, "null:ip:tcp", []),
    "cooked": (COOKED, lambda p: struct.pack("!HHH8sH", 0, 1, 6, b"", 0x0800) + p, "sll:ethertype:ip:tcp", []),
    "cooked v2": (COOKED2, lambda p: struct.pack("!HHIHBB8s", 0x0800, 0, 1, 1, 0, 6, b"") + p, "sll:ethertype:ip:tcp", []),
    "VLAN": (ETHERNET, lambda p: ethernet(0x8100, struct.pack("!HH", 9, 0x0800) + p), "vlan", [("vlan", 9)]),
    "QinQ": (ETHERNET, lambda p: ethernet(0x88A8, struct.pack("!HHHH", 8, 0x8100, 9, 0x0800) + p), "ieee8021ad", [("vlan", 8), ("vlan", 9)]),
    "three tags": (ETHERNET, lambda p: ethernet(0x88A8, struct.pack("!HHHHHH", 7, 0x8100, 8, 0x8100, 9, 0x0800) + p), "vlan",
                   [("vlan", 7), ("vlan", 8), ("vlan", 9)]),
    "MPLS": (ETHERNET, lambda p: ethernet(0x8847, struct.pack("!II", 16 << 12 | 64, 17 << 12 | 0x100 | 64) + p), "mpls",
             [("mpls", 16), ("mpls", 17)]),
    "MPLS pseudowire": (ETHERNET, lambda p: ethernet(0x8847, struct.pack("!II", 18 << 12 | 0x100 | 64, 0) + ethernet(0x0800, p)),
                        "mpls", [("mpls", 18)]),
    "PPPoE": (ETHERNET, pppoe, "pppoes:ppp:ip", [("pppoe", 7)]),
    "PPPoE of IPv6": (ETHERNET, lambda p: pppoe(to_ipv6(p), 0x0057), "pppoes:ppp:ipv6", [("pppoe", 7)]),
    "IPv4 options": (ETHERNET, lambda p: ethernet(0x0800, with_ipv4_options(p)), "eth:ethertype:ip:tcp", []),
    "IPv6 extension headers": (ETHERNET, lambda p: ethernet(0x86DD, to_ipv6(p, HOP_BY_HOP + DESTINATION + ATOMIC, 0)),
                               "ipv6.hopopts", []),
    "VXLAN": (ETHERNET, lambda p: vxlan(5, ethernet(0x0800, p)), "vxlan", [("vxlan", 5)]),
    "GENEVE": (ETHERNET, lambda p: geneve(5, ethernet(0x0800, p)), "geneve", [("geneve", 5)]),
    "GENEVE with options": (ETHERNET, lambda p: geneve(5, ethernet(0x0800, p), OPTION * 3), "geneve", [("geneve", 5)]),
    "VXLAN in GENEVE": (ETHERNET, lambda p: geneve(6, vxlan(5, ethernet(0x0800, p)), OPTION), "geneve:eth:ethertype:ip:udp:vxlan",
                        [("geneve", 6), ("vxlan", 5)]),
    "GRE": (ETHERNET, lambda p: gre(0, 0x0800, b"", p), "gre:ip:tcp", [("gre", 0)]),
    "GRE with key and sequence": (ETHERNET, lambda p: gre(0x3000, 0x0800, struct.pack("!II", 5, 1), p), "gre:ip:tcp", [("gre", 5)]),
    "NVGRE": (ETHERNET, lambda p: gre(0x2000, 0x6558, struct.pack("!I", 5 << 8 | 1), ethernet(0x0800, p)), "gre:eth", [("nvgre", 5)]),
    "ERSPAN I": (ETHERNET, lambda p: gre(0, 0x88BE, b"", ethernet(0x0800, p)), "gre:erspan:eth", [("erspan", 0)]),
    "ERSPAN II": (ETHERNET, lambda p: gre(0x1000, 0x88BE, struct.pack("!IHHI", 1, 0x1000, 5, 0), ethernet(0x0800, p)),
                  "gre:erspan:eth", [("erspan", 5)]),
    "ERSPAN III": (ETHERNET, lambda p: gre(0x1000, 0x22EB, struct.pack("!IHHIHH", 1, 0x2000, 5, 0, 0, 0), ethernet(0x0800, p)),
                   "gre:erspan:eth", [("erspan", 5)]),
    "ERSPAN III with subheader": (ETHERNET, lambda p: gre(0x1000, 0x22EB, struct.pack("!IHHIHHQ", 1, 0x2000, 5, 0, 0, 1, 1 << 58),
                                                          ethernet(0x0800, p)), "gre:erspan:eth", [("erspan", 5)]),
    "IP in IP": (ETHERNET, lambda p: pcap_rewrite.outer_ip(p, 4), "ip:ip:tcp", [("ip", 0)]),
    "6in4": (ETHERNET, lambda p: pcap_rewrite.outer_ip(to_ipv6(p), 41), "ip:ipv6:tcp", [("ip", 0)]),
    "GTP-U": (ETHERNET, lambda p: udp(2152, struct.pack("!BBHI", 0x30, 0xFF, len(p), 5) + p), "gtp:ip:tcp", [("gtpu", 5)]),
    "GTP-U with extension": (ETHERNET, lambda p: udp(2152, struct.pack("!BBHIHBBBBBB", 0x34, 0xFF, len(p) + 8, 5, 0, 0, 0x85, 1, 0, 9, 0)
                                                     + p), "gtp:ip:tcp", [("gtpu", 5)]),
}


def call_frames():
    talk = Talk(Capture(), 2000).open()
    talk.say(CLIENT, b"GET %s HTTP/1.1\r\nHost: a.example\r\n\r\n" % PATH.encode())
    talk.say(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    talk.close()
    return talk.capture.frames


def tshark(path):
    """The protocols of the request's frame, its path, and the status that answers."""
    command = ["tshark", "-r", path, "-d", "mpls.label==18,pwethcw", "-Y", "http", "-T", "fields", "-E", "separator=\t", "-e", "frame.protocols",
               "-e", "http.request.uri", "-e", "http.response.code"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    return (rows[0][0], rows[0][1], rows[1][2]) if len(rows) == 2 else lines


def check(name, path):
    link_type, wrap, called, tunnels = FORMATS[name]
    frames = [pcap_rewrite.Frame(frame.time_ns, wrap(frame.data[14:]), 0) for frame in call_frames()]
    for frame in frames:
        frame.wire_size = len(frame.data)
    pcap_rewrite.write_capture(path, frames, link_type)
    seen = tshark(path)
    if len(seen) != 3 or called not in seen[0] or seen[1:] != (PATH, "200"):
        return ["%s: tshark sees %s" % (name, seen)]
    result = replay(path)
    told = [(call["path"], call["status"]) for call in result.transactions]
    faults = ["%s: %s" % (name, fault) for fault in check_ledger(result.summary)]
    if told != [(PATH, 200)]:
        return faults + ["%s: told are %s" % (name, told)]
    kept = [(tunnel["kind"], tunnel["id"] or 0) for tunnel in result.transactions[0]["tunnels"]]
    return faults + (["%s: its tunnels are %s" % (name, kept)] if kept != tunnels else [])


def main():
    with tempfile.TemporaryDirectory() as folder:
        faults = [fault for name in FORMATS for fault in check(name, os.path.join(folder, "traffic.pcap"))]
    print("%d formats, %d complaints" % (len(FORMATS), len(faults)))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
