#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares `assay replay` with what a golden case expects.

usage: run.py CASE           a folder beside this file: traffic.pcap, assay.yaml, expected.jsonl, judgement.json
       run.py --independent  every capture below ASSAY_TESTDATA against tshark

judgement.json is written by hand, from the traffic and the text of the rules; why.md explains it. Its keys:

  operations  "METHOD host/path" -> operation of the registry; all other calls have none
  carried     "METHOD path operation" -> how many messages; all others have none. Where the key is missing messages are
              looked up under operations, as calls are
  redacted    path as sent -> path as it is to be shown
  flags       calls that carry flags; all others carry none
  excused     why transactions were not fully judged; all others were
  not_received  figures of that part of the ledger; all others are 0
  callers     "kind role" of those who called -> how many calls; where the key is missing they are not compared
  findings    every finding: rule, method, path as sent, status, severity, part of the evidence; "count" where it is not
              1, "verdict" where it is not fail
"""

import json
import os
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle  # noqa: E402
import oracle_http2  # noqa: E402
from differences import DECODE_AS, DIFFERENCES, NOT_SHOWN  # noqa: E402
from replay import FLOW, case_path, check_ledger, find_captures, read_lines, replay  # noqa: E402

CALL = FLOW + ("host", "method", "path", "status", "request_bytes", "response_bytes")
MESSAGES = ("websocket", "amqp091", "amqp10")
INDEPENDENT_SECONDS_MAX = 10
SKIP = 77


def differ(what, expected, actual):
    """Two multisets: each missing or surplus entry is a fault."""
    faults = ["%s: missing %dx %s" % (what, count, entry) for entry, count in (expected - actual).items()]
    return faults + ["%s: surplus %dx %s" % (what, count, entry) for entry, count in (actual - expected).items()]


def expected_flags(judgement, redacted):
    flags = Counter()
    for entry in judgement.get("flags", ()):
        path = redacted.get(entry["path"], entry["path"])
        flags[(entry["method"], path, tuple(sorted(entry["flags"])))] += entry.get("count", 1)
    return flags


def check_transactions(case, judgement, result):
    redacted = judgement.get("redacted", {})
    expected = read_lines(case_path(case, "expected.jsonl"))
    for entry in expected:
        entry["path"] = redacted.get(entry["path"], entry["path"])
    faults = differ("transaction", Counter(tuple(entry[name] for name in CALL) for entry in expected),
                    Counter(tuple(entry[name] for name in CALL) for entry in result.transactions))
    flagged = Counter((entry["method"], entry["path"], tuple(sorted(entry["flags"])))
                      for entry in result.transactions if entry["flags"])
    return faults + differ("flags", expected_flags(judgement, redacted), flagged)


def check_operations(judgement, result):
    redacted = judgement.get("redacted", {})
    operations = {}
    for key, operation in judgement.get("operations", {}).items():
        method, _, rest = key.partition(" ")
        host, slash, path = rest.partition("/")
        path = slash + path
        operations[(method, host, redacted.get(path, path))] = operation
    faults = []
    for entry in result.transactions:
        key = (entry["method"], entry["host"], (entry["path"] or "").split("?")[0])
        if "carried" in judgement and entry["protocol"] in MESSAGES:
            continue
        if entry["operation"] != operations.get(key):
            faults.append("operation of %s: %s instead of %s" % (key, entry["operation"], operations.get(key)))
    carried = Counter("%s %s %s" % (entry["method"], entry["path"], entry["operation"])
                      for entry in result.transactions if entry["operation"] and entry["protocol"] in MESSAGES)
    return faults + (differ("carried", Counter(judgement["carried"]), carried) if "carried" in judgement else [])


def check_callers(judgement, result):
    if "callers" not in judgement:
        return []
    told = Counter("%s %s" % (entry["caller"]["kind"], entry["caller"]["role"])
                   for entry in result.transactions if entry["caller"])
    return differ("caller", Counter(judgement["callers"]), told)


def check_outcomes(judgement, result):
    """What became of messages, by what the peer did with them."""
    told = Counter("%s %s %s" % (entry["method"], entry["path"], entry["outcome"])
                   for entry in result.transactions if entry.get("outcome"))
    return differ("outcome", Counter(judgement.get("outcomes", {})), told)


def check_graphql(case, result):
    """What the server executed, where it is one that tells."""
    lines = [line for line in read_lines(case_path(case, "peer.jsonl")) if "graphql" in line]
    if not lines:
        return []

    def key(method, path, graphql):
        return (method, path) + (tuple(graphql[name] for name in ("operation_type", "operation_name")) if graphql else ())

    # Over WebSocket it tells of what it executed and of nothing else.
    sockets = any(entry["protocol"] == "websocket" for entry in result.transactions)
    told = [entry for entry in result.transactions if entry["graphql"] or not sockets]
    return differ("graphql", Counter(key(line["method"], line["uri"], line["graphql"]) for line in lines),
                  Counter(key(entry["method"], entry["path"], entry["graphql"]) for entry in told))


def finding_fits(expected, actual, redacted):
    path = redacted.get(expected["path"], expected["path"])
    return (
        (expected["rule"], expected.get("verdict", "fail"), expected["severity"], expected["method"], path,
         expected["status"])
        == tuple(actual[name] for name in ("rule", "verdict", "severity", "method", "path", "status"))
        and expected["evidence"].items() <= actual["evidence"].items()
    )


def check_findings(judgement, result):
    redacted = judgement.get("redacted", {})
    left, faults = list(result.findings), []
    for expected in judgement.get("findings", ()):
        fitting = [actual for actual in left if finding_fits(expected, actual, redacted)]
        count = expected.get("count", 1)
        if len(fitting) < count:
            faults.append("finding: %d instead of %d of %s" % (len(fitting), count, json.dumps(expected)))
        for actual in fitting[:count]:
            left.remove(actual)
    return faults + ["finding: surplus %s" % json.dumps(actual) for actual in left]


def check_summary(judgement, result):
    summary, faults = result.summary, check_ledger(result.summary)
    for name, figures in (("excused", summary["transactions"]["excused"]), ("not_received", summary["not_received"])):
        told = {key: value for key, value in figures.items() if value}
        if told != judgement.get(name, {}):
            faults.append("%s: %s instead of %s" % (name, told, judgement.get(name, {})))
    if summary["transactions"]["seen"] != len(result.transactions):
        faults.append("%d transactions seen, %d told" % (summary["transactions"]["seen"], len(result.transactions)))
    return faults


def run_case(case):
    with open(case_path(case, "judgement.json"), encoding="utf-8") as stream:
        judgement = json.load(stream)
    if not os.path.exists(case_path(case, "why.md")):
        return ["why.md is missing"]
    result = replay(case_path(case, "traffic.pcap"), case_path(case, "assay.yaml"))
    failing = any(entry.get("verdict", "fail") != "unknown" for entry in judgement.get("findings", ()))
    if result.summary is None or result.status != (1 if failing else 0):
        return ["exit status %d instead of %d" % (result.status, failing), result.talk]
    return (check_transactions(case, judgement, result) + check_operations(judgement, result)
            + check_callers(judgement, result) + check_outcomes(judgement, result) + check_graphql(case, result)
            + check_findings(judgement, result) + check_summary(judgement, result))


# Captures of others


def count_calls(transactions):
    return Counter((entry["method"], entry["path"], entry["status"]) for entry in transactions)


def count_messages(transactions):
    """Pings and pongs are told only where something is wrong with them."""
    return Counter((entry["src_port"], entry["method"], entry["path"], entry["request_bytes"] > 0)
                   for entry in transactions if entry["method"] not in ("ping", "pong"))


def run_capture(path, name):
    result = replay(path)
    if result.status not in (0, 1) or result.summary is None:
        return ["%s: exit status %d: %s" % (name, result.status, result.talk)]
    faults = check_ledger(result.summary)
    if result.seconds > INDEPENDENT_SECONDS_MAX:
        faults.append("took %.1f seconds" % result.seconds)
    told = [entry for entry in result.transactions if entry["protocol"] in ("http1", "http2")]
    messages = [entry for entry in result.transactions if entry["protocol"] == "websocket" and entry["path"]]
    faults += differ(name + ": message", count_messages(oracle.read_websockets(path)), count_messages(messages))
    expected = count_calls(oracle_http2.read_transactions(path, DECODE_AS.get(name, ()), oracle.HEADS_ONLY))
    expected.update(NOT_SHOWN.get(name, ()))
    for call, corrected in DIFFERENCES.get(name, {}).items():
        if not expected[call]:
            faults.append("differences.py explains %s, which tshark does not say any more" % (call,))
        expected -= Counter([call])
        expected[corrected] += 1
    return ["%s: %s" % (name, fault) for fault in faults + differ("call", expected, count_calls(told))]


def run_independent():
    captures = find_captures()
    if not captures:
        print("ASSAY_TESTDATA is unset or holds no captures: nothing to compare")
        sys.exit(SKIP)
    root, faults = os.environ["ASSAY_TESTDATA"], []
    for path in captures:
        faults += run_capture(path, os.path.relpath(path, root))
    print("%d captures compared" % len(captures))
    return faults


def main(arguments):
    if len(arguments) != 1 or arguments[0] == "--help":
        sys.exit(__doc__)
    faults = run_independent() if arguments[0] == "--independent" else run_case(arguments[0])
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
