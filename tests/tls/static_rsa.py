#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Static RSA key exchange between a client of GnuTLS and a server of OpenSSL, opened with the server's private
key, and with the premaster secret that openssl decrypts from the ClientKeyExchange, written as an old key log does.

With and without extended master secret, with each hash that its transcript can take, by one worker and by three. What the
client asked and the server answered is known, so a call with the right path and status proves the keys.
"""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "golden")]
import packets  # noqa: E402
import record  # noqa: E402
from replay import replay  # noqa: E402

KEY = os.path.join(HERE, "static_rsa.key")
# Cipher, MAC, version, and whether the client refuses the extended master secret. GnuTLS, because its client can.
CASES = (
    ("AES-128-GCM", "AEAD", "1.2", False),
    ("AES-128-GCM", "AEAD", "1.2", True),
    ("AES-256-GCM", "AEAD", "1.2", False),
    ("AES-256-GCM", "AEAD", "1.2", True),
    ("AES-128-CBC", "SHA1", "1.2", False),
    ("AES-256-CBC", "SHA1", "1.1", False),
    ("AES-256-CBC", "SHA1", "1.1", True),
    ("AES-128-CBC", "SHA1", "1.0", False),
    ("AES-128-CBC", "SHA1", "1.0", True),
)
PRIORITY = "NONE:+VERS-TLS%s:+%s:+%s:+RSA:+SIGN-ALL:+COMP-NULL:+CTYPE-X509%s"


def path_of(number):
    return "/orders/%d" % number


def talk(folder, number, cipher, mac, version, plain_secret):
    """What passed between OpenSSL's server and GnuTLS's client, which asks for one page."""
    port = record.free_port()
    server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", "server.pem", "-key", KEY, "-www",
                               "-no_ticket", "-cipher", "ALL:@SECLEVEL=0"], cwd=folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        record.wait_port(port)
        relay = record.Relay(port)
        priority = PRIORITY % (version, cipher, mac, ":%NO_SESSION_HASH" if plain_secret else "")
        question = "GET %s HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n" % path_of(number)
        done = subprocess.run(["gnutls-cli", "-p", str(relay.port), "127.0.0.1", "--insecure", "--priority", priority],
                              input=question.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, check=False)
        relay.close()
    finally:
        server.kill()
        server.wait()
    assert b"HTTP/1.0 200" in done.stdout, done.stderr
    assert (b"Extended master secret: no" in done.stdout) == plain_secret, (cipher, version)
    return relay.passed


def encrypted_premaster(passed):
    """Of the ClientKeyExchange: handshake record, message 16, then two bytes of length."""
    stream = b"".join(data for side, data in passed if side == "C")
    while stream:
        size = int.from_bytes(stream[3:5], "big")
        if stream[0] == 22 and stream[5] == 16:
            return stream[11:5 + size]
        stream = stream[5 + size:]
    raise AssertionError("no ClientKeyExchange")


def premaster_line(folder, passed):
    encrypted = encrypted_premaster(passed)
    done = subprocess.run(["openssl", "pkeyutl", "-decrypt", "-inkey", KEY], input=encrypted, stdout=subprocess.PIPE,
                          cwd=folder, check=True)
    return "RSA %s %s\n" % (encrypted[:8].hex(), done.stdout.hex())


class StaticRsa(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        name = cls.folder.name
        subprocess.run(["openssl", "req", "-x509", "-key", KEY, "-days", "30", "-subj", "/CN=shop.example", "-out", "server.pem"],
                       cwd=name, check=True)
        passed = [talk(name, number, *case) for number, case in enumerate(CASES)]
        cls.passed = passed
        cls.capture = os.path.join(name, "traffic.pcap")
        packets.write(cls.capture, *(packets.connection_of(one, port=40000 + number) for number, one in enumerate(passed)))
        cls.config = os.path.join(name, "assay.yaml")
        with open(cls.config, "w", encoding="ascii") as file:
            file.write("keys: {rsa_keys: [%s]}\n" % KEY)
        cls.keylog = os.path.join(name, "keys.log")
        with open(cls.keylog, "w", encoding="ascii") as file:
            file.writelines(premaster_line(name, one) for one in passed)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def check_opened(self, result):
        self.assertEqual(result.status, 1, result.talk)  # TLS-004: no forward secrecy
        seen = {line["path"]: (line["status"], line["tls"]["decrypted"]) for line in result.transactions}
        self.assertEqual(seen, {path_of(number): (200, True) for number in range(len(CASES))})

    def test_private_key(self):
        for workers in ("1", "3"):
            self.check_opened(replay(self.capture, self.config, ["--workers", workers]))

    def test_premaster_secret(self):
        self.check_opened(replay(self.capture, None, ["--keylog", self.keylog]))

    def test_lost_certificate(self):
        """Without every message its hash is not known, and the ledger says why nothing was opened."""
        capture = os.path.join(self.folder.name, "lost.pcap")
        frames = packets.connection_of(self.passed[0], mtu=300)
        headers = len(frames[2].data)
        server_hello = next(number for number, frame in enumerate(frames) if frame.data[headers:headers + 1] == b"\x16" and
                            frame.data[headers + 5] == 2)
        packets.write(capture, frames[:server_hello + 1] + frames[server_hello + 2:])
        result = replay(capture, self.config)
        self.assertEqual(result.transactions, [])
        self.assertGreater(result.summary["excused"]["encrypted_loss"]["packets"], 0)

    def test_no_key(self):
        self.assertEqual(replay(self.capture).transactions, [])


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    unittest.main(warnings="ignore")
