#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The inventory of certificates of every capture at hand, against the certificates that tshark sees.

usage: certificates.py ASSAY [CAPTURE...]

A certificate's digest is worked out here from the bytes that tshark shows; serial and end of validity are tshark's own
reading. Only the first of each message counts: the others are issuers.
"""
import datetime
import glob
import hashlib
import json
import os
import subprocess
import sys
import tempfile

FIELDS = ("tls.handshake.type", "tls.handshake.certificate", "x509af.serialNumber", "tls.handshake.certificates_length")

# Captures whose connections are not followed, with the reason.
NOT_FOLLOWED = {"https2-301-get.pcap": "it begins with a ClientHello of SSL 2.0, which is not recognised as TLS"}


def captures():
    folder = os.environ.get("ASSAY_TESTDATA")
    found = glob.glob(os.path.join(os.environ["ASSAY_SOURCE"], "tests/golden/*/traffic.pcap"))
    if not folder:
        print("ASSAY_TESTDATA is not set: only the captures of this repository are compared")
    else:
        for pattern in ("tls/**/*.pcap*", "tls/**/*.cap", "arkime/*.pcap"):
            found += glob.glob(os.path.join(folder, pattern), recursive=True)
    return sorted(found)


def inventory(program, capture):
    with tempfile.NamedTemporaryFile("r", suffix=".json", encoding="utf-8") as summary:
        done = subprocess.run([program, "replay", "--summary", summary.name, capture], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
        text = summary.read()
    if done.returncode not in (0, 1) or not text:
        sys.exit("assay fails on %s" % capture)
    return {entry["sha256"]: entry for entry in json.loads(text)["certificates"]}


def leaves(capture):
    """Digest -> (serial, end) of the first certificate of every message; and the digests of all certificates."""
    command = ["tshark", "-r", capture, "-o", "tls.keylog_file:", "-Y", "tls.handshake.certificate && tcp", "-T", "fields",
               "-E", "separator=|", "-E", "occurrence=a", "-E", "aggregator=,"]
    for field in FIELDS:
        command += ["-e", field]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, encoding="utf-8").stdout
    first, every = {}, set()
    for line in text.splitlines():
        _, certificates, serials, lengths = line.split("|")
        ders = [bytes.fromhex(der) for der in certificates.split(",")]
        numbers = serials.split(",")
        digests = [hashlib.sha256(der).hexdigest() for der in ders]
        every.update(digests)
        if len(lengths.split(",")) == 1:
            first[digests[0]] = (int(numbers[0], 16), ders[0])
    return first, every


def ending(der):
    """By the openssl command; None where it cannot read the certificate."""
    done = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-enddate"], input=der, capture_output=True,
                          check=False)
    text = done.stdout.decode().strip().partition("=")[2]
    return datetime.datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").strftime("%Y-%m-%dT%H:%M:%S") if text else None


def compare(program, capture):
    ours, (first, every) = inventory(program, capture), leaves(capture)
    faults = ["%s is in no message that tshark sees" % digest for digest in ours if digest not in every]
    for digest, (serial, der) in first.items():
        end = ending(der)
        if end is None:
            continue
        if digest not in ours:
            faults.append("%s is missing" % digest)
            continue
        if int(ours[digest]["serial"], 16) != serial:
            faults.append("%s: serial %s, tshark has %x" % (digest, ours[digest]["serial"], serial))
        if not (ours[digest]["not_after"] or "").startswith(end):
            faults.append("%s: ends %s, openssl says %s" % (digest, ours[digest]["not_after"], end))
    return len(ours), faults


def main(program, names):
    total, failed = 0, 0
    for capture in names or captures():
        if os.path.basename(capture) in NOT_FOLLOWED:
            print("%s: %s" % (capture, NOT_FOLLOWED[os.path.basename(capture)]))
            continue
        count, faults = compare(program, capture)
        total += count
        failed += bool(faults)
        for fault in faults:
            print("%s: %s" % (capture, fault))
    print("%d certificates" % total)
    return 1 if failed or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
