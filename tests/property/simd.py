#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""With all vectors of the processor, with fewer, with none chosen at run time: the same lines, byte for byte.

usage: simd.py [PROGRAM]   PROGRAM is an assay built with -Dsimd=false in a folder of the source, where it finds the shipped
                           rules; it uses none at all and is compared as well
"""

import os
import sys
import tempfile

import workers
from replay import case_path, find_captures, find_cases
from transform import write_config

LEVELS = ("avx512", "avx2", "v2", "plain")  # of lib/base/cpu.h, the most first


def outputs(captures, config, plain):
    """What each way of running gives, by its name."""
    found = {}
    for level in LEVELS:
        os.environ["ASSAY_SIMD"] = level
        found[level] = workers.run(captures, config, 1)
    if plain:
        found["simd=false"] = workers.run(captures, config, 1, plain)
    return found


def main():
    plain = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as folder:
        light = write_config("no case: nothing but limits", os.path.join(folder, "assay.yaml"))
        sets = [(case_path(case, "traffic.pcap"), case_path(case, "assay.yaml")) for case in find_cases()]
        sets += [(capture, light) for capture in find_captures()]
        faults = 0
        for capture, config in sets:
            found = outputs([capture], config, plain)
            different = [name for name in found if found[name] != found[LEVELS[0]]]
            if different:
                print("%s: another output with %s" % (capture, ", ".join(different)))
                faults += 1
    print("%d captures in %d ways, %d differences" % (len(sets), len(found), faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
