#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens TLS captures and compares every plaintext with what tshark gives for the same capture and keys.

usage: run.py OPEN_RECORDS --independent   the pairs of captures and keys below ASSAY_TESTDATA/tls
       run.py OPEN_RECORDS --cases         the ones recorded by record.py beside this file
"""

import csv
import os
import subprocess
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tshark  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP = 77


def opened(program, keylog, segments):
    """(direction, content type, plaintext) of every protected record; for a closed one (direction, "closed", cause)."""
    text = "".join("%s %s\n" % (direction, data.hex()) for direction, data in segments)
    lines = subprocess.run([program, keylog], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout.decode()
    return [tuple((line + " ").split(" ")[:3]) for line in lines.splitlines()]


def check_pair(program, capture, keylog):
    """Faults, and the number of records opened, of a pair of capture and key log."""
    faults, count = [], 0
    name = os.path.basename(capture)
    for stream, segments in sorted(tshark.segments(capture).items()):
        records = opened(program, keylog, segments)
        expected = Counter(tshark.plaintexts(capture, keylog, stream))
        # tshark shows no block for a record without content.
        actual = Counter(bytes.fromhex(data) for _, kind, data in records if kind != "closed" and data)
        count += sum(kind != "closed" for _, kind, _ in records)
        faults += ["%s stream %d: missing %dx %s" % (name, stream, n, data.hex()) for data, n in (expected - actual).items()]
        if sum(expected.values()):  # tshark opens no records of suites without encryption; we check their MAC
            faults += ["%s stream %d: surplus %dx %s" % (name, stream, n, data.hex())
                       for data, n in (actual - expected).items()]
        faults += ["%s stream %d: %s closed: %s" % (name, stream, direction, cause)
                   for direction, kind, cause in records if kind == "closed"]
    return faults, count


def check_independent(program):
    folder = os.environ.get("ASSAY_TESTDATA")
    if not folder:
        print("skipped: ASSAY_TESTDATA is not set")
        return SKIP
    snet = os.path.join(folder, "tls", "snet")
    faults, total, absent = [], 0, []
    with open(os.path.join(snet, "EXPECTED.tsv"), encoding="utf-8") as file:
        pairs = [(row["pcap"], row["keylog"], row["decrypted_records"]) for row in csv.DictReader(file, delimiter="\t")]
    for capture, keylog, wanted in pairs:
        if not os.path.exists(os.path.join(snet, capture)):
            absent.append(capture)
            continue
        found, count = check_pair(program, os.path.join(snet, capture), os.path.join(snet, keylog))
        faults += found
        total += count
        if wanted and count < int(wanted):
            faults.append("%s: %d records opened, at least %s expected" % (capture, count, wanted))
    illustrated = os.path.join(folder, "tls", "illustrated-tls12", "captures")
    found, count = check_pair(program, os.path.join(illustrated, "capture.pcap"),
                              os.path.join(illustrated, "keylog.txt"))
    faults += found
    total += count
    known = {os.path.join(snet, capture) for capture, _, _ in pairs} | {os.path.join(illustrated, "capture.pcap")}
    found = captures_below(os.path.join(folder, "tls"))
    faults += ["no keys are named for %s" % path for path in sorted(found - known)]
    print("all %d captures below tls, %d records opened; named but not there: %s" % (len(found), total, absent or "none"))
    return report(faults)


def captures_below(folder):
    return {os.path.join(path, name) for path, _, names in os.walk(folder) for name in names
            if name.endswith((".pcap", ".pcapng", ".cap"))}


def check_cases(program):
    """Committed captures: their plaintext was written down by tshark and by the peers when they were recorded."""
    faults, count, folder = [], 0, os.path.join(HERE, "captures")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="ascii") as file:
            lines = file.read().splitlines()
        keys = [line[2:] for line in lines if line.startswith("K ")]
        sent = [line.split(" ") for line in lines if line[:2] in ("C ", "S ")]
        plain = Counter(line[2:] for line in lines if line.startswith("P "))
        keylog = os.path.join(os.environ.get("MESON_BUILD_ROOT", "/tmp"), "tls-keys-%d" % os.getpid())
        with open(keylog, "w", encoding="ascii") as file:
            file.write("\n".join(keys) + "\n")
        try:
            records = opened(program, keylog, [(side, bytes.fromhex(data)) for side, data in sent])
        finally:
            os.unlink(keylog)
        actual = Counter(data for _, kind, data in records if kind != "closed" and data)
        count += sum(actual.values())
        if actual != plain or any(kind == "closed" for _, kind, _ in records):
            faults.append("%s: missing %s, surplus %s, closed %s" % (
                name, dict(plain - actual), dict(actual - plain), [cause for _, kind, cause in records if kind == "closed"]))
    print("%d connections, %d records opened" % (len(os.listdir(folder)), count))
    return report(faults)


def report(faults):
    for fault in faults[:40]:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in ("--independent", "--cases"):
        print(__doc__)
        sys.exit(2)
    sys.exit({"--independent": check_independent, "--cases": check_cases}[sys.argv[2]](sys.argv[1]))
