#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A lost packet costs what it carried, and nothing else: each packet of the small golden captures is taken out in turn.

Calls of other connections stay as they are. In its own connection no more calls change than have bytes in the packet; no
call gets a method, path or status that it did not have; the ledger balances and tells as many missing bytes as were lost.
Where a client did not wait for answers, which request a later answer belongs to is a guess: such calls say "ambiguous".
In HTTP/2 later heads refer to earlier ones, so more calls may change; what they lose is null, and they say "gap".
"""

import os
import sys
import tempfile
from collections import Counter

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "..", "golden"), os.path.join(FOLDER, "..", "tools")]
import pcap_rewrite  # noqa: E402
from replay import case_path, check_ledger, find_cases, replay  # noqa: E402
from transform import UNSTABLE_CALL, without, write_config  # noqa: E402

PACKETS_MAX = 300  # of a capture that is run as often as it has packets
# (case, packet) -> why more may change, found by reading the packets.
EXEMPT = {
    ("grpc_odd", 50): "without its request an answer by HTTP alone is not known to be for gRPC",
    ("http2_upgrade", 11): "the last bytes of a server that is reset: nothing but the reset tells of them",
    ("midstream", 1): "the first of its direction in a capture that begins late: nothing tells that it was there",
    ("websocket_midstream", 1): "the first of its direction in a capture that begins late: nothing tells that it was there",
    ("websocket_midstream", 2): "the first of its direction in a capture that begins late: nothing tells that it was there",
    ("tls_opened", 4): "a hello: without it no key is known for the connection, and none of its calls is opened",
    ("tls_opened", 6): "a hello: without it no key is known for the connection, and none of its calls is opened",
    ("tls_opened", 88): "a hello: without it no key is known for the connection, and none of its calls is opened",
    ("tls_opened", 90): "a hello: without it no key is known for the connection, and none of its calls is opened",
    ("websocket_http2", 229): "lost with its FIN, which takes a number like a byte: the other side acknowledged both",
    ("websocket_http2", 231): "the last bytes of a server that is reset: nothing but the reset tells of them",
    ("tls_versions", 197): "sent twice: the other one carries the same bytes",
    ("tls_versions", 198): "sent twice: the other one carries the same bytes",
    ("midstream", 2): "the first of its direction in a capture that begins late: nothing tells that it was there",
}


ANSWERED = ("method", "path", "status")
MISSING = {"gap", "incomplete", "no_request", "no_response"}


def identity(entry):
    return entry["src_port"], entry["host"], entry["method"], entry["path"], entry["status"]


def request_of(entry):
    return entry["src_port"], entry["method"], entry["path"]


def freeze_calls(transactions):
    return Counter(without(entry, UNSTABLE_CALL) for entry in transactions)


def messages_in(payload):
    """How many messages have bytes in the packet: each begins with a line that names the version, one may have begun before."""
    return payload.count(b"HTTP/1.") + 1


def check_identities(original, result):
    """No call that was not there: what is missing may be null, what is told has to be right."""
    known = {identity(entry) for entry in original.transactions}
    requests = {request_of(entry) for entry in original.transactions}
    answers = {(key[0], key[4]) for key in known}
    faults = []
    for entry in result.transactions:
        if entry["protocol"] == "websocket":
            continue  # check_messages()
        key = identity(entry)
        right_request, right_answer = request_of(entry) in requests, (key[0], key[4]) in answers
        if key in known or (right_request and entry["status"] is None) or (entry["method"] is None and right_answer):
            continue
        # In HTTP/2 a head may have lost its path and say so.
        if entry["path"] is None and right_answer and MISSING & set(entry["flags"]):
            continue
        if right_request and right_answer and ("ambiguous" in entry["flags"] or entry["host"] is None):
            continue
        faults.append("a call that never was: %s %s -> %s" % (entry["method"], entry["path"], entry["status"]))
    return faults


def check_neighbours(original, result, segment):
    ports = {int.from_bytes(segment.tcp[at : at + 2], "big") for at in (0, 2)}
    faults = []
    before = freeze_calls(entry for entry in original.transactions if entry["src_port"] not in ports)
    after = freeze_calls(entry for entry in result.transactions if entry["src_port"] not in ports)
    if before != after:
        faults.append("calls of another connection changed")
    guessed = {request_of(entry) for entry in result.transactions if "ambiguous" in entry["flags"]}
    mine = freeze_calls(entry for entry in original.transactions
                        if entry["src_port"] in ports and request_of(entry) not in guessed)
    now = freeze_calls(entry for entry in result.transactions if entry["src_port"] in ports)
    changed, allowed = sum((mine - now).values()), messages_in(segment.payload) if segment.payload else 1
    as_before = set(mine)
    entangled = [entry for entry in result.transactions if entry["src_port"] in ports and entry["protocol"] != "http1"
                 and without(entry, UNSTABLE_CALL) not in as_before]
    if entangled:
        allowed = sum(mine.values())
        faults += ["%s %s -> %s does not say that something is missing" % tuple(entry[name] for name in ANSWERED)
                   for entry in entangled if None in [entry[name] for name in ANSWERED] and not MISSING & set(entry["flags"])]
    if changed > allowed:
        faults.append("%d calls changed by a packet that carries bytes of %d" % (changed, allowed))
    return faults


def check_gap(original, result, segment):
    told = result.summary["not_received"]["tcp_gap_bytes"] - original.summary["not_received"]["tcp_gap_bytes"]
    faults = [] if told == len(segment.payload) else ["%d bytes lost, %d told" % (len(segment.payload), told)]
    # A record of TLS that lacks a packet may be lost whole, and what it carries with it; but never more than there was.
    by_service = sum(service["gap_bytes"] for service in result.summary["services"])
    before = sum(service["gap_bytes"] for service in original.summary["services"])
    if by_service - before > original.summary["received"]["bytes"]:
        faults.append("%d bytes lost, %d told of services" % (len(segment.payload), by_service - before))
    return faults


def message_of(entry):
    return entry["src_port"], entry["method"], entry["request_bytes"], entry["response_bytes"]


def check_messages(original, result):
    """Later messages may refer to lost ones, or to a lost handshake; but what is told as whole was there as it is told."""
    known = {message_of(entry) for entry in original.transactions}
    marks = {"gap", "incomplete", "undecoded", "truncated"}
    return ["a message that never was: %s" % (message_of(entry),) for entry in result.transactions
            if entry["protocol"] == "websocket" and message_of(entry) not in known and not marks & set(entry["flags"])]


def run_drop(frames, number, config, original, folder):
    segment = pcap_rewrite.Segment.parse(frames[number - 1])
    target = os.path.join(folder, "dropped.pcap")
    pcap_rewrite.write_capture(target, pcap_rewrite.drop(frames, number))
    result = replay(target, config)
    if result.summary is None or result.status not in (0, 1):
        return ["exit status %d: %s" % (result.status, result.talk)]
    if any(entry["protocol"] == "websocket" for entry in original.transactions):
        faults = check_ledger(result.summary) + check_messages(original, result) + check_identities(original, result)
        return faults + (check_gap(original, result, segment) if segment is not None else [])
    faults = check_ledger(result.summary) + check_identities(original, result)
    if segment is not None:
        faults += check_neighbours(original, result, segment) + check_gap(original, result, segment)
    return faults


def main():
    faults, runs = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for case in find_cases():
            if case.startswith("amqp") or case == "channels":
                continue  # amqp_loss.py knows what a hole may cost there
            if case == "tls_remembered":
                continue  # a hello that is lost costs the connections that resume its session, too; clients end by reset
            if case == "sensitive":
                continue  # takes half a second a run for its detectors, and has no shape of its own
            capture = case_path(case, "traffic.pcap")
            config = write_config(case, os.path.join(folder, "assay.yaml"))
            frames = pcap_rewrite.read_capture(capture)
            if len(frames) > PACKETS_MAX:
                continue
            original = replay(capture, config)
            for number in range(1, len(frames) + 1):
                if (case, number) in EXEMPT:
                    continue
                found = run_drop(frames, number, config, original, folder)
                faults += ["%s without packet %d: %s" % (case, number, fault) for fault in found]
                runs += 1
    print("%d packets taken out, %d complaints" % (runs, len(faults)))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
