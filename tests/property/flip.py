#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Broken bytes: a packet with a wrong checksum counts as one that never came, where the settings say so.

In golden captures, with all checksums made right first, one byte of the payload is flipped in one packet after another.
With `checksum: excuse` the calls and findings are then those of the capture without that packet. A byte of the headers is
flipped in each packet, too: whatever that makes of it, the ledger balances.
"""

import os
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "..", "golden"), os.path.join(FOLDER, "..", "tools")]
import pcap_rewrite  # noqa: E402
from replay import case_path, check_ledger, replay  # noqa: E402
from transform import compare, write_config  # noqa: E402

CASES = ("keep_alive", "chunked", "http2", "websocket", "grpc", "ipv6", "tls_opened")
PACKETS_MAX = 60  # of a case that are broken, spread over all of it
IP_AT = 14        # behind Ethernet


def write(folder, name, frames):
    target = os.path.join(folder, name)
    pcap_rewrite.write_capture(target, frames)
    return target


def write_excusing(case, folder):
    path = write_config(case, os.path.join(folder, "assay.yaml"))
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text.replace("workers:\n", "workers:\n  checksum: excuse\n", 1))
    return path


def with_checksums(frames):
    segments = [pcap_rewrite.Segment.parse(frame) for frame in frames]
    return [segment.build() if segment else frame for frame, segment in zip(frames, segments)]


def break_packet(frames, number, config, folder):
    segment = pcap_rewrite.Segment.parse(frames[number - 1])
    if segment is None:
        return []
    faults = []
    headers = len(frames[number - 1].data) - len(segment.payload)
    where = IP_AT + number % (headers - IP_AT)
    result = replay(write(folder, "header.pcap", pcap_rewrite.flip(frames, number, where)), config)
    faults += ["byte %d flipped: %s" % (where, fault) for fault in
               (check_ledger(result.summary) if result.summary else [result.talk])]
    if segment.payload:
        where = headers + number % len(segment.payload)
        lost = replay(write(folder, "lost.pcap", pcap_rewrite.drop(frames, number)), config)
        broken = replay(write(folder, "broken.pcap", pcap_rewrite.flip(frames, number, where)), config)
        faults += compare("byte %d flipped" % where, lost, broken)
    return faults


def main():
    faults, runs = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            config = write_excusing(case, folder)
            frames = with_checksums(pcap_rewrite.read_capture(case_path(case, "traffic.pcap")))
            whole = replay(write(folder, "whole.pcap", frames), config)
            if not whole.transactions:
                faults.append("%s: nothing is read with right checksums" % case)
            step = 1 + len(frames) // PACKETS_MAX
            for number in range(1, len(frames) + 1, step):
                found = break_packet(frames, number, config, folder)
                faults += ["%s, packet %d: %s" % (case, number, fault) for fault in found]
                runs += 1
    print("%d packets broken, %d complaints" % (runs, len(faults)))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
