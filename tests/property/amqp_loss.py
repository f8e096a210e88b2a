#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A lost packet of AMQP costs what it carried: packets of the golden captures of AMQP are taken out in turn.

No call gets a method, address or status that none of its connection had (null where it is not known any more), no
message more bytes than it had; connections that lost nothing stay as they are; the ledger balances, and calls that are
whole as before are no fewer than what one segment can have touched.
"""

import os
import sys
import tempfile
from collections import Counter

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "..", "golden"), os.path.join(FOLDER, "..", "tools")]
import pcap_rewrite  # noqa: E402
from replay import case_path, check_ledger, replay  # noqa: E402

CASES = ("amqp091", "amqp10", "channels")
# Of a connection: the requests whose answers may be in the hole, and what a search for the next certain frame passes.
CHANGED_MAX = 16
STEP = 3  # every third packet with data: all of them take minutes


def call(entry):
    return tuple(entry[name] for name in ("src_port", "host", "method", "path", "status", "request_bytes", "response_bytes"))


def known(entry, original):
    """Some call of the same connection says the same wherever this one says anything."""
    for other in original:
        if entry["src_port"] != other["src_port"]:
            continue
        # A refusal whose request is not known any more is told by itself.
        if entry["method"] in ("channel.close", "connection.close") and entry["status"] == other["status"]:
            return True
        same = all(entry[name] in (None, other[name]) for name in ("host", "method", "path", "status"))
        if same and entry["request_bytes"] <= other["request_bytes"] and entry["response_bytes"] <= other["response_bytes"]:
            return True
    return False


def check(original, result, port):
    faults = check_ledger(result.summary)
    faults += ["invented: %s" % (call(entry),) for entry in result.transactions if not known(entry, original.transactions)]
    before = Counter(call(entry) for entry in original.transactions)
    after = Counter(call(entry) for entry in result.transactions)
    gone = before - after
    faults += ["changed in another connection: %s" % (entry,) for entry in gone if entry[0] != port]
    if sum(gone.values()) > CHANGED_MAX:
        faults.append("%d calls changed" % sum(gone.values()))
    return faults


def main():
    faults, runs, seen = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            capture = case_path(case, "traffic.pcap")
            original, frames = replay(capture), pcap_rewrite.read_capture(capture)
            for number in range(1, len(frames) + 1):
                segment = pcap_rewrite.Segment.parse(frames[number - 1])
                if segment is None or not segment.payload:
                    continue
                seen += 1
                if seen % STEP:
                    continue
                target = os.path.join(folder, "dropped.pcap")
                pcap_rewrite.write_capture(target, pcap_rewrite.drop(frames, number))
                port = max(int.from_bytes(segment.tcp[at : at + 2], "big") for at in (0, 2))
                found = check(original, replay(target), port)
                faults += ["%s without packet %d: %s" % (case, number, fault) for fault in found]
                runs += 1
    print("%d packets taken out, %d complaints" % (runs, len(faults)))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
