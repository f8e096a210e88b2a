# SPDX-License-Identifier: Apache-2.0
"""Runs `assay replay` for the tests and reads what it writes."""

import json
import os
import subprocess
import tempfile
import time

FLOW = ("src", "src_port", "dst", "dst_port")
SOURCE = os.environ.get("ASSAY_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("ASSAY_BUILD", os.path.join(SOURCE, "build"))
ASSAY = os.path.join(BUILD, "app", "assay")
TIME_MAX_SECONDS = 120  # a sanitizer build on a busy machine; what takes longer hangs


class Result:
    def __init__(self, status, seconds, talk, transactions, findings, summary):
        self.status, self.seconds, self.talk = status, seconds, talk
        self.transactions, self.findings, self.summary = transactions, findings, summary


def read_lines(path):
    with open(path, encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def replay(captures, config=None, arguments=()):
    """One run over the captures, all three outputs read. `status` is negative when a signal ended it."""
    captures = [captures] if isinstance(captures, str) else list(captures)
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, name) for name in ("transactions", "findings", "summary")]
        command = [ASSAY, "replay", *arguments, "--transactions", names[0], "--findings", names[1], "--summary", names[2]]
        command += ["-c", config] if config else []
        started = time.monotonic()
        done = subprocess.run(command + captures, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=TIME_MAX_SECONDS)
        seconds = time.monotonic() - started
        outputs = [read_lines(name) if os.path.exists(name) else [] for name in names]
        summary = outputs[2][0] if outputs[2] else None
        return Result(done.returncode, seconds, done.stderr.decode(errors="replace"), outputs[0], outputs[1], summary)


def find_cases():
    folder = os.path.join(SOURCE, "tests", "golden")
    return sorted(name for name in os.listdir(folder) if os.path.exists(os.path.join(folder, name, "traffic.pcap")))


def case_path(case, name):
    return os.path.join(SOURCE, "tests", "golden", case, name)


def find_captures():
    """Every capture below ASSAY_TESTDATA; none when that is unset."""
    root = os.environ.get("ASSAY_TESTDATA")
    found = []
    for folder, _, names in os.walk(root or "/nonexistent"):
        found += [os.path.join(folder, name) for name in names if name.endswith((".pcap", ".pcapng"))]
    return sorted(found)


def check_ledger(summary):
    """What is wrong with the balance, as texts: the sums are made here, not believed."""
    faults = [] if summary["balanced"] else ["the summary itself says that it does not balance"]
    for unit in ("packets", "bytes"):
        settled = summary["audited"][unit] + summary["pending"][unit]
        settled += sum(reason[unit] for reason in summary["excused"].values())
        if settled != summary["received"][unit]:
            faults.append("%s: %d received, %d settled" % (unit, summary["received"][unit], settled))
    calls = summary["transactions"]
    settled = calls["audited"] + calls["pending"] + sum(calls["excused"].values())
    if settled != calls["seen"]:
        faults.append("transactions: %d seen, %d settled" % (calls["seen"], settled))
    if summary["pending"]["packets"] or calls["pending"]:
        faults.append("something is still pending at the end of the capture")
    return faults
