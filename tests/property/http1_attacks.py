#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Framing that two receivers read differently: each published trick gives a finding that names it, and each harmless
relative gives none.

tests/attacks/payloads.py has them. `assay replay` reads one capture with a connection for each.

usage: http1_attacks.py ASSAY
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile

for FOLDER in ('tools', 'attacks'):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / FOLDER))
from payloads import cases  # noqa: E402
from talk import CLIENT, SERVER, Capture, Talk  # noqa: E402

FIRST_PORT = 2000
SEGMENT = 1400


def record(path, all_cases):
    capture = Capture()
    for number, case in enumerate(all_cases):
        talk = Talk(capture, FIRST_PORT + number).open()
        for side, data in ((CLIENT, case.request), (SERVER, case.answer)):
            for at in range(0, len(data), SEGMENT):
                talk.say(side, data[at : at + SEGMENT])
        talk.close()
    return capture.write(path)


def replay(program, capture, findings):
    done = subprocess.run([program, 'replay', '--findings', findings, '--transactions', '/dev/null', '--summary', '/dev/null', capture],
                          timeout=120, check=False)
    assert done.returncode in (0, 1), f'replay ended with {done.returncode}'
    told = collections.defaultdict(set)
    for line in findings.read_text(encoding='utf-8').splitlines():
        finding = json.loads(line)
        if finding['verdict'] != 'fail' or finding['rule'] not in ('PRO-004', 'PRO-007', 'PRO-012'):
            continue
        told[finding['src_port']].add(finding['rule'])
        told[finding['src_port']].update(text for text in finding['evidence'].values() if isinstance(text, str))
    return told


def main():
    all_cases = cases()
    with tempfile.TemporaryDirectory(prefix='assay-attacks-') as folder:
        capture = record(pathlib.Path(folder) / 'traffic.pcap', all_cases)
        told = replay(sys.argv[1], capture, pathlib.Path(folder) / 'findings')
    wrong = []
    for number, case in enumerate(all_cases):
        found = told[FIRST_PORT + number]
        if (case.wanted is None and found) or (case.wanted is not None and case.wanted not in found):
            wrong.append(f'{case.name}: {case.wanted} is wanted, told {sorted(found)}')
    print(f'{len(all_cases)} connections, {len(wrong)} complaints', *wrong, sep='\n')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
