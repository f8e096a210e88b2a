#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What loses nothing changes nothing: captures rewritten the way networks and mirrors do give the same calls and findings.

usage: transform.py GROUP    one of those in GROUPS below

Every golden capture, and those below ASSAY_TESTDATA that hold HTTP/1, goes through each rewrite of the group by
tests/tools/pcap_rewrite.py. Times, tunnels and the flag midstream may differ, and so may digests, which have a new key in
every run.
"""

import os
import random
import re
import sys
import tempfile
from collections import Counter

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "..", "golden"), os.path.join(FOLDER, "..", "tools")]
import pcap_rewrite  # noqa: E402
from replay import case_path, check_ledger, find_captures, find_cases, replay  # noqa: E402

SMALL_BYTES = 25000  # of a capture that is cut into segments of one byte
WRAPPERS = ("vlan", "qinq", "vxlan", "gre", "erspan2", "erspan3", "geneve", "ipip", "gtpu")
GROUPS = {
    "resegment": [["resegment=1"], ["resegment=7"], ["resegment=100"], ["resegment=537"]],
    "order": [["jitter=1,0.0002"], ["jitter=2,0.001"], ["jitter=3,0.01"], ["resegment=60", "jitter=4,0.005"]],
    "repeat": [["duplicate=all"], ["duplicate=all", "jitter=5,0.01"], ["resegment=100", "duplicate=all"]],
    "skew": [["delay=client,0.004"], ["delay=server,0.004"], ["delay=client,0.015"], ["delay=server,0.015"]],
    "tunnel": [["wrap=" + kind] for kind in WRAPPERS] + [["wrap=vlan,7", "wrap=vxlan", "wrap=geneve"]],
    "sequence": [["sequence=0xfffffff0"], ["sequence=0x7ffffff0"], ["sequence=0xffffff00", "resegment=100"]],
}
# A segment of one byte takes a whole buffer: with the default budget a hole would be given up, and told, early.
ROOM = "workers:\n  flow_reassembly_kib: 16384\n"
UNSTABLE_FINDING = ("time", "decided", "tunnels")
UNSTABLE_CALL = ("time", "end", "tunnels")
COMPARING = ("AUT-009", "AUT-010", "AUT-010.objects", "HDR-002.reuse")


def freeze(value):
    if isinstance(value, dict):
        return tuple(sorted((key, freeze(entry)) for key, entry in value.items()))
    return tuple(freeze(entry) for entry in value) if isinstance(value, list) else value


def without(entry, names):
    kept = {key: value for key, value in entry.items() if key not in names}
    kept["flags"] = [flag for flag in entry["flags"] if flag != "midstream"]
    if "evidence" in kept:
        kept["evidence"] = {key: value for key, value in entry["evidence"].items() if key != "digest"}
    if kept.get("caller"):
        kept["caller"] = {key: value for key, value in entry["caller"].items() if key != "id"}
    return freeze(kept)


def judged_part(entry):
    """Which of several calls is the last one hangs on their times: of what takes several, that it is found has to stay."""
    if entry["rule"] in COMPARING:
        return freeze({name: entry[name] for name in ("rule", "verdict", "severity", "src", "dst", "host")})
    return without(entry, UNSTABLE_FINDING)


def signature(result):
    lines = Counter(without(entry, UNSTABLE_CALL) for entry in result.transactions)
    # What is found about the coverage counts bytes of the wire, which a rewrite changes: coverage.py is for those.
    judged = (entry for entry in result.findings if not entry["rule"].startswith("AUD-"))
    return lines + Counter(judged_part(entry) for entry in judged)


def show(difference):
    entries = [dict(entry) for entry in difference]
    return ["      %s %s %s %s flags %s bytes %s" % (
        entry.get("rule", "call"), entry.get("method"), entry.get("path"), entry.get("status"), entry.get("flags"),
        (entry.get("request_bytes"), entry.get("response_bytes"))) for entry in entries[:6]]


def compare(name, original, rewritten):
    if rewritten.summary is None or rewritten.status not in (0, 1):
        return ["%s: exit status %d: %s" % (name, rewritten.status, rewritten.talk)]
    faults = ["%s: %s" % (name, fault) for fault in check_ledger(rewritten.summary)]
    before, after = signature(original), signature(rewritten)
    if before != after:
        faults.append("%s: the calls or findings differ" % name)
        faults += ["    gone:"] + show(before - after) + ["    new:"] + show(after - before)
    return faults


def is_syn(frame):
    segment = pcap_rewrite.Segment.parse(frame)
    return segment is not None and segment.tcp[13] & 2 != 0


def jitter(frames, seed, seconds):
    """Every frame but a SYN is late by a time of its own, and what is overtaken comes later."""
    source = random.Random(seed)
    late = [pcap_rewrite.Frame(frame.time_ns + (0 if is_syn(frame) else int(source.uniform(0, seconds) * 1e9)),
                               frame.data, frame.wire_size) for frame in frames]
    return sorted(late, key=lambda frame: frame.time_ns)


def rewrite(capture, target, operations):
    frames = pcap_rewrite.read_capture(capture)
    for operation in operations:
        name, _, rest = operation.partition("=")
        if name == "jitter":
            seed, seconds = rest.split(",")
            frames = jitter(frames, int(seed), float(seconds))
        else:
            frames = pcap_rewrite.apply(frames, operation)
    pcap_rewrite.write_capture(target, frames)


def is_ethernet(capture):
    try:
        pcap_rewrite.read_capture(capture)
    except pcap_rewrite.Failure:
        return False
    return True


def collect(target):
    """(name, capture, what it gives as it is) of all captures with HTTP/1 in Ethernet frames."""
    found = []
    for case in find_cases():
        capture = case_path(case, "traffic.pcap")
        found.append((case, capture, replay(capture, write_config(case, target))))
    root = os.environ.get("ASSAY_TESTDATA", "")
    for capture in find_captures():
        name = os.path.relpath(capture, root)
        result = replay(capture, write_config(name, target)) if is_ethernet(capture) else None
        if result and result.transactions:
            found.append((name, capture, result))
    if not root:
        print("ASSAY_TESTDATA is unset: only the golden captures are rewritten")
    return found


def suitable(capture, operations):
    return "resegment=1" not in operations or os.path.getsize(capture) <= SMALL_BYTES


def write_config(case, target):
    """The case's own configuration with more room. Detectors take half a second to compile: few cases have them."""
    text = "" if case in ("sensitive", "grpc_web", "grpc_odd") else "detectors: []\n"
    config = case_path(case, "assay.yaml")
    if os.path.exists(config):
        with open(config, encoding="utf-8") as stream:
            text += stream.read()
        for name in os.listdir(case_path(case, "")):  # paths are meant from the folder of the file
            text = re.sub(r"(?<![\w./-])%s(?![\w.-])(?!:)" % re.escape(name), case_path(case, name), text)
        text = re.sub(r"(?<![\w./-])\.\./", case_path(case, "") + "../", text)
    with open(target, "w", encoding="utf-8") as stream:
        stream.write(text.replace("workers:\n", ROOM) if "workers:\n" in text else text + ROOM)
    return target


def main(arguments):
    if len(arguments) != 1 or arguments[0] not in GROUPS:
        sys.exit(__doc__ + "\nGroups: " + " ".join(GROUPS))
    faults, runs = [], 0
    with tempfile.TemporaryDirectory() as folder:
        rewritten, roomy = os.path.join(folder, "rewritten.pcap"), os.path.join(folder, "assay.yaml")
        for name, capture, original in collect(roomy):
            write_config(name, roomy)
            for operations in GROUPS[arguments[0]]:
                if suitable(capture, operations):
                    rewrite(capture, rewritten, operations)
                    faults += compare("%s %s" % (name, " ".join(operations)), original, replay(rewritten, roomy))
                    runs += 1
    print("%d rewrites, %d lines of complaint" % (runs, len(faults)))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
