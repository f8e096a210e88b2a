#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Resumed sessions of mutual TLS between Python's OpenSSL peers: by session id and by ticket of TLS 1.2, by PSK of TLS 1.3.

Who the client is shows in the full handshake only, so a resumed connection has to inherit it; without the full handshake
it is unknown, never "no". A session without client certificate inherits that too, which is a breach each time.
"""

import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "golden")]
import packets  # noqa: E402
import record  # noqa: E402
from replay import replay  # noqa: E402

CLIENT = "CN=orders"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
WAYS = {"id": ("TLSv1_2", True), "ticket": ("TLSv1_2", False), "psk": ("TLSv1_3", False)}
ZONES = "zones: [{name: services, kind: internal, environment: production, cidrs: [10.0.0.0/8]}]\n"


def certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".pem"], cwd=folder, check=True,
                   stderr=subprocess.DEVNULL)
    return os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")


class Server:
    """Answers one request a connection, two connections."""

    def __init__(self, context):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.context = self.listener.getsockname()[1], context
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for _ in range(2):
            accepted, _ = self.listener.accept()
            with self.context.wrap_socket(accepted, server_side=True) as connection:
                connection.recv(4096)
                connection.sendall(ANSWER)
                connection.unwrap()  # OpenSSL forgets sessions that end without

    def close(self):
        self.thread.join(10)
        self.listener.close()


def connect(context, server, path, session):
    """What passed, and the session to go on with."""
    relay = record.Relay(server.port)
    with socket.create_connection(("127.0.0.1", relay.port)) as plain:
        with context.wrap_socket(plain, server_hostname="shop.example", session=session) as connection:
            connection.sendall(b"GET %s HTTP/1.1\r\nHost: shop.example\r\n\r\n" % path.encode())
            assert connection.recv(4096) == ANSWER
            assert connection.session_reused == (session is not None)
            session = connection.session
            connection.unwrap()
    relay.close()
    return relay.passed, session


class Resumed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        name = cls.folder.name
        cls.server, cls.client = certificate(name, "server"), certificate(name, "orders")
        cls.keylog, cls.config = os.path.join(name, "keys.log"), os.path.join(name, "assay.yaml")
        with open(cls.config, "w", encoding="ascii") as file:
            file.write(ZONES)
        cls.passed = {(way, mutual): cls.two_connections(way, mutual) for way in WAYS for mutual in (True, False)}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def two_connections(cls, way, mutual):
        version, no_ticket = WAYS[way]
        serving, calling = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        serving.load_cert_chain(*cls.server)
        calling.check_hostname, calling.verify_mode = False, ssl.CERT_NONE
        calling.minimum_version = calling.maximum_version = getattr(ssl.TLSVersion, version)
        calling.keylog_filename = cls.keylog
        if no_ticket:
            serving.options |= ssl.OP_NO_TICKET
        if mutual:
            serving.verify_mode = ssl.CERT_REQUIRED
            serving.load_verify_locations(cls.client[0])
            calling.load_cert_chain(*cls.client)
        server = Server(serving)
        first, session = connect(calling, server, "/first", None)
        second, _ = connect(calling, server, "/second", session)
        server.close()
        return first, second

    def run_over(self, connections, keylog=True, workers=1):
        capture = os.path.join(self.folder.name, "traffic.pcap")
        start = packets.START_NS
        packets.write(capture, *(packets.connection_of(one, port=40000 + number, start_ns=start + number * 10**9)
                                 for number, one in enumerate(connections)))
        result = replay(capture, self.config, (["--keylog", self.keylog] if keylog else []) + ["--workers", str(workers)])
        self.assertIn(result.status, (0, 1), result.talk)
        return result

    def breaches(self, result):
        return sum(row["fail"] for row in result.summary["findings"]["by_rule"] if row["name"] == "MTL-001")

    def test_caller_is_inherited(self):
        for way in WAYS:
            for workers in (1, 3):
                result = self.run_over(self.passed[way, True], workers=workers)
                calls = [(call["path"], call["tls"]["resumed"], call["tls"]["client"]) for call in result.transactions]
                self.assertEqual(sorted(calls), [("/first", False, CLIENT), ("/second", True, CLIENT)], way)
                self.assertEqual(self.breaches(result), 0, way)

    def test_nobody_is_inherited_too(self):
        for way in WAYS:
            self.assertEqual(self.breaches(self.run_over(self.passed[way, False])), 2, way)

    def test_unknown_without_the_full_handshake(self):
        for way in WAYS:
            for mutual in (True, False):
                result = self.run_over(self.passed[way, mutual][1:])
                self.assertEqual([call["tls"]["client"] for call in result.transactions], [None], way)
                self.assertEqual(self.breaches(result), 0, way)

    def test_without_keys(self):
        """TLS 1.2 shows enough of itself, TLS 1.3 nothing."""
        for way, expected in {"id": 2, "ticket": 2, "psk": 0}.items():
            self.assertEqual(self.breaches(self.run_over(self.passed[way, False], keylog=False)), expected, way)

    def test_key_use_is_told(self):
        """Once a connection, by what the key log names it by."""
        result = self.run_over([one for pair in self.passed.values() for one in pair])
        told = [line for line in result.findings if line["rule"] == "AUD-008"]
        self.assertEqual(len(told), 2 * len(self.passed))
        self.assertEqual({line["verdict"] for line in told}, {"pass"})
        with open(self.keylog, encoding="ascii") as file:
            randoms = {line.split()[1] for line in file if not line.startswith("#")}
        digests = {hashlib.sha256(bytes.fromhex(random)).hexdigest() for random in randoms}
        self.assertEqual({line["evidence"]["client_random_sha256"] for line in told}, digests)
        self.assertNotIn(max(randoms), json.dumps(result.findings))


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    unittest.main(warnings="ignore")
