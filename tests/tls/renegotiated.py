#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renegotiation between OpenSSL's s_client and s_server: what is asked behind the second handshake is read as well, with
the secrets that the client logged for it. Suites with and without AEAD, because the latter agree on more."""

import os
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "golden")]
import packets  # noqa: E402
import record  # noqa: E402
from replay import replay  # noqa: E402

SUITES = ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA384", "AES128-SHA")


def talk(folder, number, suite):
    """What passed between a client that renegotiates, then asks for a page."""
    port = record.free_port()
    words = ["-tls1_2", "-cipher", suite + ":@SECLEVEL=0"]
    server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", "rsa.crt", "-key", "rsa.key", "-www",
                               "-client_renegotiation", *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        record.wait_port(port)
        relay = record.Relay(port)
        client = subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % relay.port, "-keylogfile", "keys.log", *words],
                                  cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for text in (b"R\n", b"GET /orders/%d HTTP/1.1\r\nHost: shop.example\r\n\r\n" % number):
            time.sleep(0.7)  # s_client takes a command only at the beginning of what it reads at once
            client.stdin.write(text)
            client.stdin.flush()
        client.wait(20)  # the server closes; the page fits the pipe
        shown = client.stdout.read()
        relay.close()
    finally:
        server.kill()
        server.wait()
    assert b"RENEGOTIATING" in shown and b"HTTP/1.0 200" in shown, shown.decode(errors="replace")
    return relay.passed


class Renegotiated(unittest.TestCase):
    def test_second_handshake(self):
        with tempfile.TemporaryDirectory() as folder:
            record.certificates(folder)
            passed = [talk(folder, number, suite) for number, suite in enumerate(SUITES)]
            capture = os.path.join(folder, "traffic.pcap")
            packets.write(capture, *(packets.connection_of(one, port=40000 + number) for number, one in enumerate(passed)))
            result = replay(capture, None, ["--keylog", os.path.join(folder, "keys.log")])
        self.assertIn(result.status, (0, 1), result.talk)
        seen = {call["path"]: (call["status"], call["tls"]["decrypted"]) for call in result.transactions}
        self.assertEqual(seen, {"/orders/%d" % number: (200, True) for number in range(len(SUITES))})
        self.assertEqual([name for name, sum_ in result.summary["excused"].items() if sum_["packets"]], [])


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    unittest.main(warnings="ignore")
