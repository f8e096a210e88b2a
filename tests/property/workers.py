#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One worker or four: the same lines, byte for byte once they are sorted."""

import os
import subprocess
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "..", "golden"), os.path.join(FOLDER, "..", "tools")]
from replay import ASSAY, case_path, find_captures, find_cases, read_lines  # noqa: E402
from transform import write_config  # noqa: E402

WORKERS_MAX = 4


def run(captures, config, workers, program=ASSAY):
    """Sorted lines, and what the ledger says of transactions."""
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, name) for name in ("transactions", "findings", "summary")]
        command = [program, "replay", "--workers", str(workers), *(["-c", config])]
        command += ["--transactions", names[0], "--findings", names[1], "--summary", names[2], *captures]
        done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
        if done.returncode not in (0, 1):
            return done.stderr
        lines = []
        for name in names[:2]:
            with open(name, "rb") as stream:
                lines += stream
        summary = read_lines(names[2])[0]
        figures = {key: summary[key] for key in ("transactions", "findings", "balanced", "not_received")}
        return done.returncode, sorted(lines), figures


def main():
    with tempfile.TemporaryDirectory() as folder:
        return compare_all(write_config("no case: nothing but limits", os.path.join(folder, "assay.yaml")))


def compare_all(light):
    sets = [([case_path(case, "traffic.pcap")], case_path(case, "assay.yaml")) for case in find_cases()]
    sets += [([capture], light) for capture in find_captures()]
    sets.append(([case_path(case, "traffic.pcap") for case in find_cases()], light))  # many flows, several files
    faults = 0
    for captures, config in sets:
        one = run(captures, config, 1)
        for workers in range(2, WORKERS_MAX + 1):
            if run(captures, config, workers) != one:
                print("%s: %d workers give another output than one" % (captures[0], workers))
                faults += 1
    print("%d captures with 1 to %d workers, %d differences" % (len(sets), WORKERS_MAX, faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
