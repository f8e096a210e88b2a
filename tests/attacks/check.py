#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks as real servers and clients read them, against what `assay replay` makes of the same bytes.

usage: check.py nginx|haproxy|apache|answers

What has to hold for every connection of the capture:

  - where a server accepted other requests than Assay tells, or another count of them, a finding says why;
  - where the server in front and the origin behind it accepted different requests, the same;
  - where tshark reads other requests, and the server accepted any, the same;
  - where a client took another status or size for the answer, the same, unless the client itself gave up;
  - the oddity named in payloads.py is told for every request that was accepted, and for every answer;
  - what is as real peers do it is read by both alike and gives no finding.
"""

import collections
import json
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(FOLDER, "..", "golden")]
import oracle  # noqa: E402
import payloads  # noqa: E402
from replay import check_ledger, read_lines, replay  # noqa: E402

FIRST_PORT = 20001
RULES = ("PRO-004", "PRO-007", "PRO-012")


def accepted(status):
    return status is not None and 0 < status < 400


def by_port(lines, name):
    grouped = collections.defaultdict(list)
    for line in lines:
        grouped[line[name]].append(line)
    return grouped


def told_words(findings):
    words = set()
    for finding in findings:
        if finding["rule"] in RULES and finding["verdict"] == "fail":
            words.add(finding["rule"])
            words.update(text for value in finding["evidence"].values() for text in (value if isinstance(value, list) else [value])
                         if isinstance(text, str))
    return words


def without_authority(path):
    """The target as servers log it: those of absolute form lose what is before their path."""
    rest = path.partition("://")[2] if path.startswith("http://") else None
    return path if rest is None else "/" + rest.partition("/")[2]


def judge_request(case, peers, calls, words, witness):
    """What is wrong with one connection to a server, as texts."""
    took = {peer: [(line["method"], line["uri"]) for line in peers if line["peer"] == peer and accepted(line["status"])]
            for peer in ("front", "origin")}
    ours = [(call["method"], call["path"]) for call in calls if call["method"] and accepted(call["status"])]
    if took["front"] != ours:
        ours = [(method, without_authority(path)) for method, path in ours]
    faults = []
    if took["front"] != ours and not words:
        faults.append(f"the server took {took['front']}, told is {ours}, and no finding")
    if any(line["peer"] == "origin" for line in peers) and took["origin"] != took["front"] and not words:
        faults.append(f"the server in front took {took['front']}, the origin {took['origin']}, and no finding")
    seen = [(message["method"], message["path"]) for message in witness if "method" in message]
    if took["front"] and seen != [(call["method"], call["path"]) for call in calls if call["method"]] and not words:
        faults.append(f"tshark reads {seen}, told is {[(call['method'], call['path']) for call in calls]}, and no finding")
    odd_answer = case.answer != payloads.OK and case.name != "HTTP/0.9"  # servers of this recording give their own
    if case.wanted and not odd_answer and took["front"] and case.wanted not in words:
        faults.append(f"{case.wanted} is wanted, told {sorted(words)}")
    if case.wanted is None and (words or took["front"] != ours):
        faults.append(f"harmless, but told {sorted(words)}, read {ours} for {took['front']}")
    return faults


def judge_answer(answer, peers, calls, words, witness):
    del witness  # tshark puts no two answers on one request: the clients say what they took
    ours = [(call["status"], call["response_bytes"]) for call in calls if call["method"]]
    faults = []
    for peer in peers:
        if not peer["failed"] and ours != [(peer["status"], peer["bytes"])] and not words:
            faults.append(f"{peer['peer']} took {peer['status']} with {peer['bytes']} bytes, told is {ours}, and no finding")
        if answer.wanted is None and (words or ours != [(peer["status"], peer["bytes"])]):
            faults.append(f"harmless, but told {sorted(words)}, read {ours}")
    if answer.wanted and answer.wanted not in words:
        faults.append(f"{answer.wanted} is wanted, told {sorted(words)}")
    return faults


def check(case):
    capture = os.path.join(FOLDER, case, "traffic.pcap")
    result, seen = replay(capture), by_port(oracle.read_messages(capture, ("tcp.port==8443,http",)), "src_port")
    peers = by_port(read_lines(os.path.join(FOLDER, case, "peer.jsonl")), "port")
    calls, findings = by_port(result.transactions, "src_port"), by_port(result.findings, "src_port")
    cases = payloads.answers() if case == "answers" else payloads.cases()
    judge, turns = (judge_answer, 2) if case == "answers" else (judge_request, 1)
    faults = check_ledger(result.summary)
    for number in range(len(cases) * turns):
        port, payload = FIRST_PORT + number, cases[number // turns]
        faults += [f"{port}, {payload.name}: {fault}"
                   for fault in judge(payload, peers[port], calls[port], told_words(findings[port]), seen[port])]
    print(f"{len(cases) * turns} connections, {len(faults)} complaints")
    return faults


def main(arguments):
    if len(arguments) != 1 or arguments[0] not in ("nginx", "haproxy", "apache", "answers"):
        sys.exit(__doc__)
    faults = check(arguments[0])
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
