#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What HTTP/2 peers of good will never send: connections built here by RFC 9113, and what has to be told of each.

Floods, bombs and requests that turn into two behind a gateway; and what is rare but right: interim answers, trailers,
pushes, a tunnel. Each connection is also cut into segments of a few bytes, which may change nothing.
"""

import os
import struct
import sys
import tempfile
from collections import Counter

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "..", "golden"), os.path.join(FOLDER, "..", "tools")]
import pcap_rewrite  # noqa: E402
from replay import check_ledger, replay  # noqa: E402
from talk import Capture, Talk  # noqa: E402

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
SEGMENT = 1400


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(name, value):
    """Without indexing (RFC 7541 6.2.2)."""
    return b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value


def ask(stream, path, extra=b"", method=b"GET", flags=END_STREAM | END_HEADERS):
    fields = ((b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"api.example"))
    return 0, frame(HEADERS, flags, stream, b"".join(literal(*field) for field in fields) + extra)


def answer(stream, status=b"200", extra=b"", flags=END_STREAM | END_HEADERS):
    return 1, frame(HEADERS, flags, stream, literal(b":status", status) + extra)


def write_connection(path, pieces):
    """`pieces` of (side, bytes), one behind the other."""
    talk = Talk(Capture(), 40000, 8443).open()
    for side, payload in [(0, PREFACE + frame(SETTINGS, 0, 0)), (1, frame(SETTINGS, 0, 0))] + pieces:
        for at in range(0, len(payload), SEGMENT):
            talk.say(side, payload[at : at + SEGMENT])
    talk.close()
    talk.capture.write(path)


def plain(path, status=200, sent=0, method="GET", protocol="http2"):
    return protocol, method, path, status, sent


BOMB = b"\x40\x01n\x7f\xb9\x16" + b"x" * 3000 + b"\xbe" * 3000  # a field of 3000 bytes, and 3000 times its index
ODD = {"http2_connection_header": [literal(b"connection", b"close"), literal(b"transfer-encoding", b"chunked"),
                                   literal(b"te", b"gzip")],
       "http2_line_break": [literal(b"x", b"a\r\nEvil: 1"), literal(b"x", b"\0")],
       "http2_name_case": [literal(b"Upper", b"v")],
       "http2_pseudo_header": [literal(b":path", b"/two"), literal(b"x", b"y") + literal(b":scheme", b"http"),
                               literal(b":status", b"200")]}


def odd_pieces(fields):
    return [piece for at, field in enumerate(fields) for piece in (ask(2 * at + 1, b"/%d" % at, field), answer(2 * at + 1))]


def below():
    """As much as a client of good will may come to: nothing to tell."""
    resets = b"".join(ask(at, b"/x")[1] + frame(RESET, 0, at, b"\0\0\0\x08") for at in range(1, 181, 2))
    yield "some resets", [(0, resets)], [plain("/x", None)] * 90, []
    yield "some pings", [(0, frame(PING, 0, 0, b"12345678") * 150), (1, frame(PING, 1, 0, b"12345678") * 150)], [], []
    yield "answered pings", [(1, frame(PING, 1, 0, b"12345678") * 1000)], [], []
    yield "some settings", [(0, frame(SETTINGS, 0, 0) * 90), (1, frame(SETTINGS, 1, 0) * 90)], [], []
    fields = literal(b"x", b"y")
    several = ask(1, b"/c", flags=END_STREAM)[1] + frame(CONTINUATION, 0, 1, fields) * 30
    yield ("some continuations", [(0, several + frame(CONTINUATION, END_HEADERS, 1, fields)), answer(1)], [plain("/c")], [])
    yield "many fields", [ask(1, b"/f", literal(b"x", b"a") * 900), answer(1)], [plain("/f")], []
    yield ("large table entry", [ask(1, b"/t", b"\x40\x01n\x7f\xb9\x16" + b"x" * 3000 + b"\xbe" * 10), answer(1)],
           [plain("/t")], [])


def cases():
    """Name, pieces, calls, and the findings of framing: rule, path, anomaly."""
    yield ("interim and trailers", [ask(1, b"/i"), answer(1, b"103", literal(b"link", b"x"), END_HEADERS),
                                    answer(1, b"200", b"", END_HEADERS), (1, frame(DATA, 0, 1, b"body")),
                                    (1, frame(HEADERS, END_STREAM | END_HEADERS, 1, literal(b"x-sum", b"1")))],
           [plain("/i", sent=4)], [])
    promise = frame(PUSH, END_HEADERS, 1, struct.pack(">I", 2) + ask(0, b"/pushed.css")[1][9:])
    yield ("push", [ask(1, b"/p"), (1, promise), answer(1), answer(2, b"200", b"", END_HEADERS),
                    (1, frame(DATA, END_STREAM, 2, b"css"))], [plain("/p"), plain("/pushed.css", sent=3)], [])
    connect = literal(b":method", b"CONNECT") + literal(b":authority", b"inner.example:80")
    yield ("tunnel", [(0, frame(HEADERS, END_HEADERS, 1, connect)), answer(1, b"200", b"", END_HEADERS),
                      (0, frame(DATA, 0, 1, b"GET /inside HTTP/1.1\r\nHost: inner.example\r\n\r\n")),
                      (1, frame(DATA, 0, 1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")),
                      (0, frame(DATA, END_STREAM, 1)), (1, frame(DATA, END_STREAM, 1))],
           [plain("inner.example:80", method="CONNECT"), plain("/inside", sent=2, protocol="http1")], [])
    grpc = literal(b"content-type", b"application/grpc")
    yield ("grpc, trailers only", [ask(1, b"/shop.v1.Cards/Charge", grpc, b"POST"),
                                   answer(1, b"200", grpc + literal(b"grpc-status", b"7"))],
           [plain("/shop.v1.Cards/Charge", 7, method="POST", protocol="grpc")], [])
    yield ("answer that is too short", [ask(1, b"/h", method=b"HEAD"), ask(3, b"/s"),
                                        answer(1, b"200", literal(b"content-length", b"99")),
                                        answer(3, b"200", literal(b"content-length", b"99"), END_HEADERS),
                                        (1, frame(DATA, END_STREAM, 3, b"x"))],
           [plain("/h", method="HEAD"), plain("/s", sent=1)], [("PRO-004", "/s", "content_length_mismatch")])
    for anomaly, fields in ODD.items():
        yield (anomaly, odd_pieces(fields), [plain("/%d" % at) for at in range(len(fields))],
               [("PRO-004", "/%d" % at, anomaly) for at in range(len(fields))])
    padded = frame(DATA, END_STREAM | PADDED, 1, b"\x05" + b"body" + bytes(5))
    empty = frame(DATA, PADDED, 1, b"\x07" + bytes(7)) + frame(DATA, 0, 1)
    yield ("padding", [ask(1, b"/pad"), answer(1, b"200", b"", END_HEADERS), (1, empty + padded)], [plain("/pad", sent=4)], [])
    yield ("padding beyond the frame", [ask(1, b"/pad", method=b"POST", flags=END_HEADERS),
                                        (0, frame(DATA, PADDED, 1, b"\x05body") + frame(DATA, END_STREAM, 1, b"body")), answer(1)],
           [plain("/pad", method="POST")], [("PRO-004", "/pad", "http2_frame")])
    yield ("window of nothing", [ask(1, b"/w"), (0, frame(WINDOW, 0, 1, bytes(4))), answer(1)], [plain("/w")],
           [("PRO-004", "/w", "http2_frame")])
    goaway = frame(GOAWAY, 0, 0, struct.pack(">II", 1, 0) + b"maintenance")
    yield ("goaway", [ask(1, b"/last"), ask(3, b"/late"), (1, goaway), answer(1)], [plain("/last"), plain("/late", None)], [])
    yield from below()
    resets = b"".join(ask(at, b"/x")[1] + frame(RESET, 0, at, b"\0\0\0\x08") for at in range(1, 401, 2))
    yield "rapid reset", [(0, resets)], [plain("/x", None)] * 200, [("PRO-010", None, "rapid_reset")]
    yield "pings", [(0, frame(PING, 0, 0, b"12345678") * 1000)], [], [("PRO-010", None, "ping_flood")]
    yield "settings", [(0, frame(SETTINGS, 0, 0) * 500)], [], [("PRO-010", None, "settings_flood")]
    endless = ask(1, b"/c", flags=END_STREAM)[1] + frame(CONTINUATION, 0, 1, literal(b"x", b"y")) * 100
    yield "continuation", [(0, endless)], [plain("/c", None)], [("PRO-010", "/c", "continuation_flood")]
    for name, extra in (("bomb of bytes", BOMB), ("bomb of fields", literal(b"cookie", b"a") * 1500)):
        yield name, [ask(1, b"/b", extra), answer(1)], [plain("/b")], [("PRO-010", "/b", "hpack_bomb")]


def check(path, calls, findings):
    result = replay(path)
    if result.summary is None or result.status not in (0, 1):
        return ["exit status %d: %s" % (result.status, result.talk)]
    told = Counter(plain(entry["path"], entry["status"], entry["response_bytes"], entry["method"], entry["protocol"])
                   for entry in result.transactions)
    found = Counter((entry["rule"], entry["path"], entry["evidence"].get("anomaly"))
                    for entry in result.findings if entry["rule"] in ("PRO-004", "PRO-010"))
    faults = check_ledger(result.summary)
    for what, expected, actual in (("call", Counter(calls), told), ("finding", Counter(findings), found)):
        faults += ["missing %s %s" % (what, (entry,)) for entry in expected - actual]
        faults += ["surplus %s %s" % (what, (entry,)) for entry in actual - expected]
    return faults


def main():
    faults, runs = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path, cut = os.path.join(folder, "whole.pcap"), os.path.join(folder, "cut.pcap")
        for name, pieces, calls, findings in cases():
            write_connection(path, pieces)
            for capture, size in ((path, None), (cut, 61)):
                if size:
                    pcap_rewrite.write_capture(cut, pcap_rewrite.resegment(pcap_rewrite.read_capture(path), size))
                faults += ["%s%s: %s" % (name, ", cut" if size else "", fault) for fault in check(capture, calls, findings)]
                runs += 1
    print("%d connections, %d complaints" % (runs, len(faults)))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
