#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AMQP inside TLS, of both versions, and behind the TLS header of AMQP 1.0 (part 5.2.1).

The bytes that real peers sent in the clear (golden cases, compared there with tshark) are sent once more through TLS. What
is read must be the same, call by call.
"""

import collections
import os
import socket
import ssl
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "golden"), os.path.join(HERE, "..", "tools")]
import packets  # noqa: E402
import pcap_rewrite  # noqa: E402
import record  # noqa: E402
from replay import case_path, replay  # noqa: E402

TLS_HEADER = b"AMQP\x02\x01\x00\x00"


def conversations(path):
    """Of each connection of a capture what passed, as pairs of side and bytes, in the order of its packets."""
    found, clients = collections.OrderedDict(), {}
    for frame in pcap_rewrite.read_capture(path):
        segment = pcap_rewrite.Segment.parse(frame)
        if not segment:
            continue
        there, back = segment.key()
        key = frozenset((there, back))
        if segment.tcp[13] & packets.SYN and not segment.tcp[13] & packets.ACK:
            clients[key] = there
            found[key] = []
        if segment.payload and key in found:
            found[key].append(("C" if clients[key] == there else "S", bytes(segment.payload)))
    return [passed for passed in found.values() if passed]


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        assert part, "the other side went away"
        data += part
    return data


def speak(connection, own, passed):
    """One side's part: sends what it sent, and waits for what it got."""
    for side, data in passed:
        if side == own:
            connection.sendall(data)
        else:
            assert receive(connection, len(data)) == data


class Encrypted:
    def __init__(self, folder):
        self.folder, self.keylog = folder, os.path.join(folder, "keys.log")
        record.certificates(folder)

    def serve(self, listener, passed, header):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.folder, "rsa.crt"), os.path.join(self.folder, "rsa.key"))
        plain, _ = listener.accept()
        if header:
            assert receive(plain, len(header)) == header
            plain.sendall(header)
        with context.wrap_socket(plain, server_side=True) as connection:
            speak(connection, "S", passed)
            connection.unwrap()

    def passed(self, passed, version, header):
        """What passes when they speak through TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode, context.keylog_filename = False, ssl.CERT_NONE, self.keylog
        context.minimum_version = context.maximum_version = version
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self.serve, args=(listener, passed, header), daemon=True)
            thread.start()
            relay = record.Relay(listener.getsockname()[1])
            with socket.create_connection(("127.0.0.1", relay.port)) as plain:
                if header:
                    plain.sendall(header)
                    assert receive(plain, len(header)) == header
                with context.wrap_socket(plain, server_hostname="broker.example") as connection:
                    speak(connection, "C", passed)
                    connection.unwrap()
            thread.join(20)
            relay.close()
        return relay.passed


def calls_of(result):
    return sorted((call["protocol"], call["method"], call["path"], str(call["status"]), call["request_bytes"], call["response_bytes"])
                  for call in result.transactions)


class Amqps(unittest.TestCase):
    def compare(self, case, header=b""):
        with tempfile.TemporaryDirectory() as folder:
            encrypted, capture = Encrypted(folder), os.path.join(folder, "traffic.pcap")
            spoken = conversations(case_path(case, "traffic.pcap"))
            packets.write(capture, *(packets.connection_of(one, port=40000 + number) for number, one in enumerate(spoken)))
            clear = calls_of(replay(capture))
            self.assertGreater(len(clear), 3)
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                hidden = [encrypted.passed(one, version, header) for one in spoken]
                packets.write(capture, *(packets.connection_of(one, port=40000 + number) for number, one in enumerate(hidden)))
                opened = replay(capture, None, ["--keylog", encrypted.keylog])
                self.assertEqual(calls_of(opened), clear)
                self.assertEqual({call["tls"] and call["tls"]["decrypted"] for call in opened.transactions}, {True})
                self.assertEqual(replay(capture).transactions, [])

    def test_amqp091(self):
        self.compare("amqp091")

    def test_amqp10(self):
        self.compare("amqp10")

    def test_amqp10_behind_the_tls_header(self):
        self.compare("amqp10", TLS_HEADER)


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    unittest.main(warnings="ignore")
