#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The TLS facts of every capture at hand, against those tshark sees; JA4 is worked out here from tshark's fields.

usage: compare.py TLS_FACTS [CAPTURE...]
"""
import glob
import hashlib
import json
import os
import subprocess
import sys

CUTS = (1, 7, 1000)
FINISHED = 20  # readable under a NULL cipher only, and nothing is told of it then
FIELDS = ["frame.number", "tcp.srcport", "tcp.dstport", "tls.handshake.type", "tls.handshake.version",
          "tls.handshake.ciphersuite", "tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str",
          "tls.handshake.extension.type", "tls.handshake.extensions_supported_group", "tls.handshake.sig_hash_alg",
          "tls.handshake.extensions.supported_version", "tls.handshake.ja3", "tls.handshake.ja3s", "tls.handshake.random",
          "tls.handshake.extensions_key_share_group", "tls.handshake.server_named_curve", "tls.handshake.p_len",
          "tls.handshake.comp_method"]


def grease(value):
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def numbers(text, drop_grease=True):
    values = [int(part, 0) for part in text.split(",") if part]
    return [value for value in values if not (drop_grease and grease(value))]


def captures():
    folder = os.environ.get("ASSAY_TESTDATA")
    found = glob.glob(os.path.join(os.environ["ASSAY_SOURCE"], "tests/golden/*/traffic.pcap"))
    if not folder:
        print("ASSAY_TESTDATA is not set: only the captures of this repository are compared")
    else:
        for pattern in ("tls/**/*.pcap*", "tls/**/*.cap", "arkime/*.pcap", "suricata-verify/**/*.pcap*"):
            found += glob.glob(os.path.join(folder, pattern), recursive=True)
    return sorted(found)


def ours(program, capture, cut=None):
    command = [program, *(["-c", str(cut)] if cut else []), capture]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, encoding="utf-8")
    if done.returncode:
        sys.exit("%s fails on %s" % (program, capture))
    return [json.loads(line) for line in done.stdout.splitlines()]


def hellos(capture, ports):
    """tshark's rows that hold hellos, by (client port, server port): {"client": row, "server": row}, the first of each."""
    command = ["tshark", "-r", capture, "-o", "tls.keylog_file:", "-Y", "tls.handshake.type",
               "-T", "fields", "-E", "separator=|", "-E", "occurrence=a", "-E", "aggregator=,"]
    for port in sorted(ports):
        command += ["-d", "tcp.port==%d,tls" % port]
    for field in FIELDS:
        command += ["-e", field]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                          encoding="utf-8").stdout
    table = {}
    for line in text.splitlines():
        row = dict(zip(FIELDS, line.split("|")))
        types = numbers(row["tls.handshake.type"], False)
        source, destination = (int(row[name].split(",")[-1]) for name in ("tcp.srcport", "tcp.dstport"))
        to_server = (source, destination) in table or (1 in types and (destination, source) not in table)
        key = table.setdefault((source, destination) if to_server else (destination, source), {"types": ([], [])})
        key["types"][0 if to_server else 1].extend(types)
        if 1 in types:
            key.setdefault("client", row)
        if 2 in types and not row["tls.handshake.random"].startswith("cf21ad74e59a6111be1d8c021e65b891"):
            key.setdefault("server", row)
        if 12 in types:
            key.setdefault("exchange", row)
    return table


def ja4(row):
    suites = ["%04x" % value for value in numbers(row["tls.handshake.ciphersuite"])]
    extensions = numbers(row["tls.handshake.extension.type"])
    signatures = ["%04x" % value for value in numbers(row["tls.handshake.sig_hash_alg"])]
    versions = [value for value in numbers(row["tls.handshake.extensions.supported_version"])]
    versions = [0x0304 if value >> 8 == 0x7F else value for value in versions]
    version = max(versions or numbers(row["tls.handshake.version"], False))
    name = {0x304: "13", 0x303: "12", 0x302: "11", 0x301: "10", 0x300: "s3"}.get(version, "00")
    alpn = row["tls.handshake.extensions_alpn_str"].split(",")[0]
    if alpn and not (alpn[0].isalnum() and alpn[-1].isalnum()):
        alpn = alpn.encode().hex()
    sni = "d" if 0 in extensions else "i"
    listed = sorted("%04x" % value for value in extensions if value not in (0, 16))
    text = ",".join(listed) + ("_" + ",".join(signatures) if signatures else "")
    first = "t%s%s%02d%02d%s" % (name, sni, min(len(suites), 99), min(len(extensions), 99),
                                 alpn[0] + alpn[-1] if alpn else "00")
    second = hashlib.sha256(",".join(sorted(suites)).encode()).hexdigest()[:12] if suites else "0" * 12
    third = hashlib.sha256(text.encode()).hexdigest()[:12] if extensions else "0" * 12
    return "_".join((first, second, third))


def expect_client(row):
    suites = numbers(row["tls.handshake.ciphersuite"])
    return {"hello_version": numbers(row["tls.handshake.version"], False)[0], "suites": suites[:96],
            "sni": row["tls.handshake.extensions_server_name"].split(",")[0],
            "alpn_offered": row["tls.handshake.extensions_alpn_str"].split(",")[0],
            "groups": numbers(row["tls.handshake.extensions_supported_group"])[:24],
            "signatures": numbers(row["tls.handshake.sig_hash_alg"])[:32],
            "client_random": row["tls.handshake.random"].split(",")[0],
            "ja3": row["tls.handshake.ja3"].split(",")[0], "ja4": ja4(row)}


def expect_server(row):
    version = numbers(row["tls.handshake.version"], False)[0]
    selected = numbers(row["tls.handshake.extensions.supported_version"])
    if selected:
        version = 0x0304 if selected[0] >> 8 == 0x7F else selected[0]
    expected = {"version": version, "suite": numbers(row["tls.handshake.ciphersuite"], False)[0],
                "server_random": row["tls.handshake.random"].split(",")[0],
                "ja3s": row["tls.handshake.ja3s"].split(",")[0]}
    if row["tls.handshake.extensions_key_share_group"]:
        expected["group"] = numbers(row["tls.handshake.extensions_key_share_group"])[0]
    return expected


def expect_exchange(row):
    expected = {}
    if row["tls.handshake.server_named_curve"]:
        expected["group"] = numbers(row["tls.handshake.server_named_curve"])[0]
    if row["tls.handshake.p_len"]:
        expected["dh_bytes"] = numbers(row["tls.handshake.p_len"])[0]
    return expected


def differences(connection, seen):
    expected = {}
    if "client" in seen and connection["seen"] & 1 and not connection["seen"] & 1 << 22:
        expected.update(expect_client(seen["client"]))
    if "server" in seen and connection["seen"] & 2:
        expected.update(expect_server(seen["server"]))
    if "exchange" in seen and connection["seen"] & 1 << 6:
        expected.update(expect_exchange(seen["exchange"]))
    connection = dict(connection, dh_bytes=(connection["dh_bits"] + 7) // 8)
    if connection["version"] < 0x0304 and not connection["seen"] & 1 << 22:
        expected["messages"] = [",".join(str(kind) for kind in kinds if kind != FINISHED) for kinds in seen["types"]]
    return len(expected), ["%s: %r, tshark has %r" % (name, connection[name], value)
                           for name, value in expected.items() if connection[name] != value]


def snet(capture, connections):
    """What EXPECTED.tsv beside a capture says of certificate requests."""
    path = os.path.join(os.path.dirname(capture), "EXPECTED.tsv")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as stream:
        rows = {line.split("\t")[0]: line.rstrip("\n").split("\t") for line in stream}
    row = rows.get(os.path.basename(capture))
    if not row:
        return ["is not in EXPECTED.tsv"]
    seen = {"0x%04x" % connection["version"] for connection in connections}
    faults = [] if seen == set(json.loads(row[4])) else ["versions %s, expected %s" % (seen, row[4])]
    asked = any(connection["requested"] == 2 for connection in connections)
    hidden = seen == {"0x0304"}
    if not hidden and asked != (row[3] == "CertificateRequest"):
        faults.append("client certificate asked for: %s, expected %s" % (asked, row[3]))
    return faults


def suite_names():
    """OpenSSL's name of a suite -> its registered name."""
    text = subprocess.run(["openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], stdout=subprocess.PIPE,
                          check=True, encoding="utf-8").stdout
    return {line.split()[2]: line.split()[0] for line in text.splitlines()}


def peers(capture, connections):
    """What the client itself said it had agreed on, where the capture was recorded with its account."""
    path = os.path.join(os.path.dirname(capture), "peer.jsonl")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as stream:
        told = [json.loads(line) for line in stream]
    versions = {None: 0, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
    names, faults = suite_names(), []
    for line in told:
        found = [entry for entry in connections if entry["client_port"] == line.get("client_port")]
        if not found or "version" not in line:
            continue
        entry = found[0]
        agreed = line["version"] is not None
        expected = (versions[line["version"]], names.get(line["cipher"], line["cipher"]), 2 if agreed else 1)
        seen = (entry["version"], entry["suite_name"] if agreed else None, entry["completed"])
        if seen != expected:
            faults.append("%d: %s, the client says %s" % (line["client_port"], seen, expected))
        if "resumed" in line and line["resumed"] != (entry["resumption"] > 1):
            faults.append("%d: resumed as %d" % (line["client_port"], entry["resumption"]))
    return faults


def compare(program, capture, totals):
    connections = ours(program, capture)
    faults = []
    for cut in CUTS:
        if ours(program, capture, cut) != connections:
            faults.append("cut into pieces of %d bytes it reads differently" % cut)
    if not connections:
        return faults
    table = hellos(capture, {connection["server_port"] for connection in connections})
    for connection in connections:
        key = connection["client_port"], connection["server_port"]
        if connection["lost"] or key not in table:
            continue
        checked, wrong = differences(connection, table[key])
        totals[0] += 1
        totals[1] += checked
        faults += ["%d-%d %s" % (*key, text) for text in wrong]
    faults += snet(capture, connections)
    faults += peers(capture, connections)
    known = {(connection["client_port"], connection["server_port"]) for connection in connections}
    faults += ["%d-%d is missing" % key for key, rows in table.items() if key not in known and "server" in rows]
    return faults


def main():
    program, chosen = sys.argv[1], sys.argv[2:]
    totals = [0, 0]
    faults = 0
    for capture in chosen or captures():
        for fault in compare(program, capture, totals):
            print("%s: %s" % (capture, fault))
            faults += 1
    print("%d connections, %d facts, %d differences" % (*totals, faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
