#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks generated traffic with tshark: whole connections, valid checksums, and as many of everything as was asked for.

usage: test_generate.py ASSAY-GENERATE
"""

import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77  # what meson takes for "skipped"

FIELDS = ["frame.time_epoch", "tcp.stream", "tcp.checksum.status", "ip.checksum.status", "_ws.malformed",
          "tcp.analysis.flags", "tcp.flags.syn", "tcp.flags.fin", "tcp.len", "ip.src", "tcp.srcport",
          "http.request.method", "http.request.uri", "http.response.code",
          "http.content_length", "http.file_data", "http.request.line"]
CHECKSUM_GOOD = "1"
FRAME_PAYLOAD_MAX = 1448


def generate(program, path, *options):
    done = subprocess.run([program, "-o", str(path), *options], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def dissect(path):
    command = ["tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
               "-T", "json", "--no-duplicate-keys"]
    for field in FIELDS:
        command += ["-e", field]
    packets = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return [{field: values for field, values in packet["_source"]["layers"].items()} for packet in packets]


def first(packet, field):
    return packet.get(field, [None])[0]


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def check_equal(name, found, expected):
    check(found == expected, f"{name}: {found}, expected {expected}")


def operations(folder):
    """(method, regular expression of the path) for each operation of the documents, by their lines alone."""
    found = []
    for path in sorted(pathlib.Path(folder).glob("*.yaml")):
        text = path.read_text()
        if "\nopenapi:" not in text:
            continue
        base = re.search(r"- url: https://[^/]+(/\S*)", text).group(1)
        template = None
        for line in text.splitlines():
            if match := re.match(r'  "(/.*)":$', line):
                template = re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(match.group(1)))
            elif match := re.match(r"    (get|put|post|delete|patch):$", line):
                found.append((match.group(1).upper(), re.compile(re.escape(base) + template + "$")))
    return found


def documented(request, documents):
    method, uri = request
    return any(method == m and pattern.match(uri.split("?")[0]) for m, pattern in documents)


def check_frames(packets, counts):
    check_equal("packets", len(packets), counts["packets"])
    for number, packet in enumerate(packets, 1):
        check_equal(f"TCP checksum of frame {number}", first(packet, "tcp.checksum.status"), CHECKSUM_GOOD)
        check_equal(f"IP checksum of frame {number}", first(packet, "ip.checksum.status"), CHECKSUM_GOOD)
        check("_ws.malformed" not in packet, f"frame {number} is malformed")
        check("tcp.analysis.flags" not in packet, f"frame {number}: tshark finds its sequence numbers odd")
        check(int(first(packet, "tcp.len")) <= FRAME_PAYLOAD_MAX, f"frame {number} is too large")
    times = [float(first(packet, "frame.time_epoch")) for packet in packets]
    check(times == sorted(times), "times go back")
    check_equal("payload", sum(int(first(packet, "tcp.len")) for packet in packets), counts["payload_bytes"])


def check_connections(packets, count):
    streams = {}
    for packet in packets:
        ends = streams.setdefault(first(packet, "tcp.stream"), [0, 0, set()])
        ends[0] += first(packet, "tcp.flags.syn") in ("1", "True")
        ends[1] += first(packet, "tcp.flags.fin") in ("1", "True")
        ends[2].add((first(packet, "ip.src"), first(packet, "tcp.srcport")))
    check_equal("connections", len(streams), count)
    for syns, fins, ends in streams.values():
        check_equal("SYN and FIN of a connection", (syns, fins), (2, 2))
        check_equal("ends of a connection", len(ends), 2)
    orders = [first(packet, "tcp.stream") for packet in packets]
    changes = sum(a != b for a, b in zip(orders, orders[1:]))
    check(count == 1 or changes > len(orders) // 16, "connections are not interleaved")


def check_calls(packets, expected, documents):
    requests = [packet for packet in packets if "http.request.method" in packet]
    responses = [packet for packet in packets if "http.response.code" in packet]
    check_equal("requests", len(requests), expected["transactions"])
    check_equal("responses", len(responses), expected["transactions"])
    lines = {len(request["http.request.line"]) for request in requests if first(request, "http.request.method") == "GET"}
    check(lines <= {11, 12}, f"GET requests have {lines} header lines")
    missing = sum(request["http.request.line"] != [] and
                  not (has_header(request, "X-Request-ID") and has_header(request, "Authorization"))
                  for request in requests)
    check_equal("calls without a header", missing, expected["missing_header"])
    uris = [(first(request, "http.request.method"), first(request, "http.request.uri")) for request in requests]
    check_equal("shadow calls", sum(not documented(uri, documents) for uri in uris), expected["shadow"])
    check_equal("sensitive responses", sum(bool(sensitive(body_of(packet))) for packet in responses),
                expected["sensitive"])
    for packet in responses:
        check_equal("Content-Length", int(first(packet, "http.content_length")), len(body_of(packet)))
        json.loads(body_of(packet))


def has_header(request, name):
    return any(line.lower().startswith(name.lower() + ":") for line in request["http.request.line"])


def body_of(packet):
    data = first(packet, "http.file_data") or ""
    # Newer versions of tshark print bytes, older ones text.
    return bytes.fromhex(data.replace(":", "")).decode() if re.fullmatch(r"(?:[0-9a-f]{2}:?)+", data) else data


SENSITIVE = re.compile(r'"(cardNumber|email|accessKey|iban|ssn|phone|idToken|dateOfBirth|password|cvv|latitude)":')


def sensitive(body):
    return SENSITIVE.findall(body)


def luhn(number):
    digits = [int(c) for c in reversed(number)]
    return sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0


def check_values(packets, count):
    for packet in packets:
        if "http.response.code" not in packet:
            continue
        body = body_of(packet)
        check_equal("values of a body", len(sensitive(body)), count)
        for number in re.findall(r'"cardNumber":"([\d ]+)"', body):
            check(luhn(number.replace(" ", "")), f"{number} has a wrong check digit")
        for iban in re.findall(r'"iban":"([A-Z0-9]+)"', body):
            digits = "".join(str(int(c, 36)) for c in iban[4:] + iban[:4])
            check(int(digits) % 97 == 1, f"{iban} has wrong check digits")


def test_repeats(program, folder):
    digests = []
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        generate(program, folder / name, "--transactions", "100", "--concurrency", "5", "--seed", seed)
        digests.append(hashlib.sha256((folder / name).read_bytes()).digest())
    check(digests[0] == digests[1], "the same seed made different captures")
    check(digests[0] != digests[2], "another seed made the same capture")


def test_shares(program, folder):
    subprocess.run([program, "--registry", str(folder / "registry"), "--operations", "1203"], check=True)
    documents = operations(folder / "registry")
    check_equal("operations", len(documents), 18 + 1203)
    expected = {"transactions": 300, "connections": 15, "sensitive": 30, "shadow": 15, "missing_header": 12}
    counts = generate(program, folder / "shares.pcap", "--transactions", "300", "--connections", "15",
                      "--concurrency", "6", "--sensitive-percent", "10", "--shadow-percent", "5",
                      "--missing-header-percent", "4", "--nanoseconds")
    for name, value in expected.items():
        check_equal(f"told {name}", counts[name], value)
    packets = dissect(folder / "shares.pcap")
    check_frames(packets, counts)
    check_connections(packets, 15)
    check_calls(packets, expected, documents)


def test_profiles(program, folder):
    for profile, calls, values in (("handshake-heavy", 40, None), ("api-large", 10, None), ("findings", 40, 11)):
        path = folder / f"{profile}.pcap"
        counts = generate(program, path, "--profile", profile, "--transactions", str(calls), "--concurrency", "8")
        packets = dissect(path)
        check_frames(packets, counts)
        check_connections(packets, counts["connections"])
        check_equal("responses", sum("http.response.code" in packet for packet in packets), calls)
        if profile == "handshake-heavy":
            check_equal("connections", counts["connections"], calls)
        if values:
            check_values(packets, values)


# Each protocol, and how tshark is to read it.
HTTP2 = ["-d", "tcp.port==80,http2"]
PROTOCOLS = {"http2": HTTP2, "grpc": HTTP2, "websocket": [], "amqp": [], "tls": [], "tls-http2": []}
ERROR_SEVERITY = 0x600000  # "warning" of tshark; notes are below


def tshark_fields(path, options, fields, display=None):
    command = ["tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", *options, "-T", "fields", "-E", "occurrence=a"]
    for field in fields:
        command += ["-e", field]
    if display:
        command += ["-Y", display]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def occurrences(rows, column, wanted=None):
    values = [value for row in rows for value in row[column].split(",") if value]
    return len([value for value in values if wanted is None or value in wanted])


def check_dissects(path, options, name):
    bad = tshark_fields(path, options, ["frame.number", "_ws.expert.message"],
                        f"_ws.malformed || _ws.expert.severity >= {ERROR_SEVERITY} || tcp.analysis.flags || "
                        "tcp.checksum.status != 1")
    check(not bad, f"{name}: tshark complains: {bad[:3]}")


def check_protocol(name, path, options, counts, calls):
    """Counts by tshark's own reading, with the numbers of calls that were asked for."""
    if name == "http2" or name == "tls-http2":
        rows = tshark_fields(path, options, ["http2.headers.method", "http2.headers.status"])
        check_equal(f"{name} requests", occurrences(rows, 0), calls)
        check_equal(f"{name} responses", occurrences(rows, 1), calls)
        check_equal(f"{name} transactions told", counts["transactions"], calls)
    elif name == "grpc":
        rows = tshark_fields(path, options, ["http2.headers.path", "grpc.message_length"])
        check_equal("grpc calls", occurrences(rows, 0), calls)
        check_equal("grpc messages", occurrences(rows, 1), 2 * calls)
        check_equal("grpc shadow calls", sum(".Audit/" in row[0] for row in rows), counts["shadow"])
    elif name == "websocket":
        rows = tshark_fields(path, options, ["websocket.opcode", "http.response.code"])
        check_equal("upgrades", occurrences(rows, 1, {"101"}), counts["connections"])
        check_equal("texts", occurrences(rows, 0, {"1"}), 2 * calls)
        closes = occurrences(rows, 0, {"8"})
        check(closes <= 2 * counts["connections"], f"{closes} closes")
        check_equal("transactions told", counts["transactions"], 2 * calls + counts["connections"] + closes)
    elif name == "amqp":
        rows = tshark_fields(path, options, ["amqp.method.class", "amqp.method.method"])
        pairs = [pair for row in rows for pair in zip(row[0].split(","), row[1].split(","))]
        found = {pair: pairs.count(pair) for pair in set(pairs)}
        for pair, count in {("60", "40"): calls, ("60", "60"): calls, ("60", "80"): calls,
                            ("10", "11"): counts["connections"], ("60", "20"): counts["connections"]}.items():
            check_equal(f"AMQP {pair}", found.get(pair), count)
        check_equal("transactions told", counts["transactions"], 2 * calls + 3 * counts["connections"])
    else:
        rows = tshark_fields(path, options, ["http.request.method", "http.response.code"])
        check_equal("requests inside TLS", occurrences(rows, 0), calls)
        check_equal("responses inside TLS", occurrences(rows, 1), calls)


def check_fresh_ids(path):
    """Values patched inside of Huffman codes: no two calls have the same request id, though scripts come again."""
    rows = tshark_fields(path, HTTP2, ["http2.header.name", "http2.header.value", "http2.headers.method"])
    ids = re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}",
                     "\n".join(row[1] for row in rows if row[2]))
    check(len(ids) > 100, "there are request ids")
    check_equal("different request ids", len(set(ids)), len(ids))


def test_protocols(program, folder):
    calls = 240
    for name, options in PROTOCOLS.items():
        path, keys = folder / f"{name}.pcap", folder / f"{name}.keys"
        counts = generate(program, path, "--protocol", name, "--transactions", str(calls), "--concurrency", "6",
                          "--variants", "60", "--sensitive-percent", "10", "--shadow-percent", "5", "--keylog", str(keys))
        options = [*options, "-o", f"tls.keylog_file:{keys}"]
        check_dissects(path, options, name)
        check_protocol(name, path, options, counts, calls)
        check_equal(f"{name} has secrets", keys.stat().st_size > 0, name.startswith("tls"))
    check_fresh_ids(folder / "http2.pcap")


def test_large_bodies_of_protocols(program, folder):
    for name, options in PROTOCOLS.items():
        path, keys = folder / f"{name}.pcap", folder / f"{name}.keys"
        generate(program, path, "--profile", "api-large", "--protocol", name, "--transactions", "6", "--concurrency", "2",
                 "--variants", "20", "--keylog", str(keys))
        check_dissects(path, [*options, "-o", f"tls.keylog_file:{keys}"], name)


def test_concurrency(program, folder):
    """Most connections of flows-1m rest between two calls, and all of them are open at some time."""
    path = folder / "concurrency.pcap"
    generate(program, path, "--profile", "flows-1m", "--concurrency", "300", "--active", "10", "--connections", "500",
             "--transactions", "1000")
    spans = {}
    for number, packet in enumerate(dissect(path)):
        spans.setdefault(first(packet, "tcp.stream"), [number, number])[1] = number
    edges = sorted([(begin, 1) for begin, _ in spans.values()] + [(end, -1) for _, end in spans.values()])
    open_now = open_max = 0
    for _, step in edges:
        open_now += step
        open_max = max(open_max, open_now)
    check_equal("connections", len(spans), 500)
    check(290 <= open_max <= 300, f"at most {open_max} connections were open at a time")


def main():
    if not shutil.which("tshark"):
        print("tshark is not installed: skipped")
        return SKIPPED
    program = sys.argv[1]
    for test in (test_repeats, test_shares, test_profiles, test_protocols, test_large_bodies_of_protocols,
                 test_concurrency):
        with tempfile.TemporaryDirectory() as folder:
            test(program, pathlib.Path(folder))
        print(f"{test.__name__}: fine")
    return 0


if __name__ == "__main__":
    sys.exit(main())
