#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records the connections in captures/: OpenSSL and GnuTLS on both ends of a loopback connection, each suite once, and
what only some connections do: key updates, 0-RTT, resumption, renegotiation, padding, old versions.

usage: record.py [NAME-PART]

A file holds the bytes as they passed ("C hex" to the server, "S hex" from it), the keys as the client logged them
("K line"), and the plaintext of each record as tshark decrypts it ("P hex"). A connection whose
question tshark does not show is not kept. Test keys only: certificates and keys are made anew and thrown away.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import packets  # noqa: E402
import tshark  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
CAPTURES = os.path.join(HERE, "captures")
QUESTION = b"GET /orders/17 HTTP/1.1\r\nHost: shop.example\r\n\r\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Relay:
    """Stands between client and server and writes down what passes, in order."""

    def __init__(self, target):
        self.passed, self.lock, self.target = [], threading.Lock(), target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            return
        threading.Thread(target=self.copy, args=(client, server, "C"), daemon=True).start()
        threading.Thread(target=self.copy, args=(server, client, "S"), daemon=True).start()

    def copy(self, source, target, side):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                with self.lock:
                    self.passed.append((side, data))
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


def certificates(folder):
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "rsa.key", "-out", "rsa.crt", "-subj", "/CN=a")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ecdsa.key",
            "-out", "ecdsa.crt", "-subj", "/CN=a")


def wait_port(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("nobody listens")


def write_case(name, passed, keys, folder):
    capture, keylog = os.path.join(folder, "case.pcap"), os.path.join(folder, "case.keys")
    with open(keylog, "w", encoding="ascii") as file:
        file.write("\n".join(keys) + "\n")
    packets.write(capture, packets.connection_of(passed))
    plain = tshark.plaintexts(capture, keylog, 0)
    text = "".join("%s %s\n" % (side, data.hex()) for side, data in passed)
    text += "".join("K %s\n" % line for line in keys)
    text += "".join("P %s\n" % data.hex() for data in plain if data)
    if not any(QUESTION.split(b"\r")[0] in data for data in plain):
        print("%s: tshark does not show what was asked (%d records)" % (name, len(plain)))
        return False
    with open(os.path.join(CAPTURES, name), "w", encoding="ascii") as file:
        file.write(text)
    return True


class Recorder:
    def __init__(self, folder):
        self.folder = folder

    def one(self, name, server, client, script, certificate="rsa"):
        """One connection: server and client command lines with PORT, and what is typed at the client, with pauses."""
        port, keylog = free_port(), os.path.join(self.folder, "keys.txt")
        if os.path.exists(keylog):
            os.unlink(keylog)
        fill = {"PORT": str(port), "KEYLOG": keylog, "CERT": certificate + ".crt", "KEY": certificate + ".key"}
        running = subprocess.Popen([self.fill(word, fill) for word in server], cwd=self.folder, stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_port(port)
            relay = Relay(port)
            fill["PORT"] = str(relay.port)
            typing = subprocess.Popen([self.fill(word, fill) for word in client], cwd=self.folder,
                                      stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      env=dict(os.environ, SSLKEYLOGFILE=keylog))
            for text in script:
                time.sleep(0.25)
                try:
                    typing.stdin.write(text)
                    typing.stdin.flush()
                except BrokenPipeError:
                    break
            time.sleep(0.25)
            try:
                typing.stdin.close()
                typing.wait(3)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                typing.kill()
                typing.wait()
            time.sleep(0.05)
            relay.close()
        finally:
            running.kill()
            running.wait()
        keys = []
        if os.path.exists(keylog):
            with open(keylog, encoding="ascii") as file:
                keys = [line.strip() for line in file if line.strip() and line[0] != "#"]
        return write_case(name, relay.passed, keys, self.folder)

    @staticmethod
    def fill(word, values):
        for key, value in values.items():
            word = word.replace(key, value)
        return word


OPENSSL_SERVER = ["openssl", "s_server", "-accept", "PORT", "-cert", "CERT", "-key", "KEY", "-rev", "-quiet"]
OPENSSL_CLIENT = ["openssl", "s_client", "-connect", "127.0.0.1:PORT", "-keylogfile", "KEYLOG"]
LINE = QUESTION.split(b"\r")[0] + b"\n"
TYPED = [LINE]


def suites(version, extra="@SECLEVEL=0"):
    out = subprocess.run(["openssl", "ciphers", "-v", "-s", version, "ALL:eNULL:!PSK:!SRP:" + extra],
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    return [(line.split()[0], "ecdsa" if "Au=ECDSA" in line else "rsa") for line in out.splitlines()
            if "TLSv1.3" not in line]


def openssl_cases():
    cases = []
    for name, certificate in suites("-tls1_2"):
        if "ADH" in name or "AECDH" in name:
            continue
        # One of each cipher and hash; who exchanges keys how changes nothing behind it.
        kind = re.sub(r"^(ECDHE|DHE)-(RSA|ECDSA|DSS)-|^ECDHE-", "", name)
        cases.append(("tls12_" + kind, name, "-tls1_2", certificate, []))
    for kind in ("AES128-SHA", "AES256-SHA256", "CAMELLIA128-SHA256"):
        cases.append(("tls12_mac_then_encrypt_" + kind, kind, "-tls1_2", "rsa", ["no_etm"]))
    for version, word in (("tls10", "-tls1"), ("tls11", "-tls1_1")):
        for kind in ("AES128-SHA", "AES256-SHA", "CAMELLIA256-SHA"):
            cases.append(("%s_%s" % (version, kind), kind, word, "rsa", []))
            cases.append(("%s_mac_then_encrypt_%s" % (version, kind), kind, word, "rsa", ["no_etm"]))
    done = set()
    for name, suite, version, certificate, options in cases:
        if name in done:
            continue
        done.add(name)
        server = OPENSSL_SERVER + [version, "-cipher", suite + ":@SECLEVEL=0"]
        client = OPENSSL_CLIENT + [version, "-cipher", suite + ":@SECLEVEL=0", "-quiet"]
        if "no_etm" in options:
            client.append("-no_etm")
        yield name, server, client, TYPED, certificate


def tls13_cases():
    for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                  "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"):
        words = ["-tls1_3", "-ciphersuites", suite]
        yield ("tls13_" + suite, OPENSSL_SERVER + words, OPENSSL_CLIENT + words + ["-quiet"], TYPED, "ecdsa")
    words = ["-tls1_3"]
    yield ("tls13_key_update", OPENSSL_SERVER + words, OPENSSL_CLIENT + words,
           [LINE, b"K\n", LINE, b"k\n", LINE, b"K\n", LINE], "ecdsa")
    yield ("tls13_padding", OPENSSL_SERVER + words + ["-record_padding", "512"],
           OPENSSL_CLIENT + words + ["-quiet", "-record_padding", "256"], TYPED, "ecdsa")
    yield ("tls12_renegotiation", OPENSSL_SERVER + ["-tls1_2", "-client_renegotiation"],
           OPENSSL_CLIENT + ["-tls1_2"], [LINE, b"R\n", LINE], "ecdsa")
    yield ("tls12_many_records", OPENSSL_SERVER + ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
           OPENSSL_CLIENT + ["-tls1_2", "-quiet"], [LINE] * 12, "ecdsa")
    yield ("tls13_many_records", OPENSSL_SERVER + words, OPENSSL_CLIENT + words + ["-quiet"], [LINE] * 12, "ecdsa")
    yield ("tls10_many_records", OPENSSL_SERVER + ["-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"],
           OPENSSL_CLIENT + ["-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0", "-quiet"], [LINE] * 8, "rsa")
    yield ("tls12_static_rsa", OPENSSL_SERVER + ["-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"],
           OPENSSL_CLIENT + ["-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0", "-quiet"], TYPED, "rsa")


def resumption(recorder):
    """Two connections with one server: the second resumes the first, with 0-RTT data in TLS 1.3."""
    folder, results = recorder.folder, []
    with open(os.path.join(folder, "early.txt"), "wb") as file:
        file.write(LINE)
    for name, words, early in (("tls13_early_data", ["-tls1_3"], True), ("tls13_resumed", ["-tls1_3"], False),
                               ("tls12_resumed", ["-tls1_2"], False)):
        port, keylog = free_port(), os.path.join(folder, "resumed.txt")
        if os.path.exists(keylog):
            os.unlink(keylog)
        server = [Recorder.fill(word, {"PORT": str(port), "CERT": "ecdsa.crt", "KEY": "ecdsa.key"})
                  for word in OPENSSL_SERVER + words + (["-early_data"] if early else [])]
        if early:
            server.remove("-rev")
        running = subprocess.Popen(server, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            wait_port(port)
            for resumed in (False, True):
                relay = Relay(port)
                client = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % relay.port, *words]
                client += ["-sess_in", "session", "-keylogfile", keylog] if resumed else ["-sess_out", "session"]
                if early and resumed:
                    client += ["-early_data", "early.txt"]
                typing = subprocess.Popen(client, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL)
                time.sleep(0.4)
                typing.stdin.write(LINE)
                typing.stdin.flush()
                time.sleep(0.4)
                typing.stdin.close()
                typing.wait(3)
                relay.close()
        finally:
            running.kill()
            running.wait()
        with open(keylog, encoding="ascii") as file:
            keys = [line.strip() for line in file if line.strip() and line[0] != "#"]
        results.append((name, write_case(name, relay.passed, keys, folder)))
    return results


def gnutls_cases():
    server = ["gnutls-serv", "-p", "PORT", "--echo", "--x509certfile", "CERT", "--x509keyfile", "KEY", "-q",
              "--priority", "PRIORITY"]
    client = ["gnutls-cli", "-p", "PORT", "127.0.0.1", "--insecure", "--priority", "PRIORITY"]
    for name, priority in (
            ("tls12_camellia128_gcm", "NONE:+VERS-TLS1.2:+CAMELLIA-128-GCM:+AEAD:+ECDHE-RSA:+RSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-X509"),
            ("tls12_camellia256_gcm", "NONE:+VERS-TLS1.2:+CAMELLIA-256-GCM:+AEAD:+ECDHE-RSA:+RSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-X509"),
            ("tls12_camellia256_cbc_gnutls", "NONE:+VERS-TLS1.2:+CAMELLIA-256-CBC:+SHA1:+SHA256:+ECDHE-RSA:+RSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-X509"),
            ("tls12_3des_gnutls", "NONE:+VERS-TLS1.2:+3DES-CBC:+SHA1:+ECDHE-RSA:+RSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-X509"),
            ("tls10_3des_gnutls", "NONE:+VERS-TLS1.0:+3DES-CBC:+SHA1:+RSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-X509:%VERIFY_ALLOW_SIGN_WITH_SHA1"),
            ("tls12_rc4_gnutls", "NONE:+VERS-TLS1.2:+ARCFOUR-128:+SHA1:+RSA:+ECDHE-RSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-X509"),
            ("tls10_rc4_md5_gnutls", "NONE:+VERS-TLS1.0:+ARCFOUR-128:+MD5:+RSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-X509"),
            ("tls12_mac_then_encrypt_gnutls", "NONE:+VERS-TLS1.2:+AES-256-CBC:+SHA384:+ECDHE-RSA:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-X509:%NO_ETM"),
            ("tls13_gnutls", "NORMAL:-VERS-ALL:+VERS-TLS1.3")):
        yield (name, [word.replace("PRIORITY", priority) for word in server],
               [word.replace("PRIORITY", priority) for word in client], TYPED, "rsa")


def main():
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    os.makedirs(CAPTURES, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="tls-record-")
    try:
        certificates(folder)
        recorder, failed = Recorder(folder), []
        for name, server, client, script, certificate in [*openssl_cases(), *tls13_cases(), *gnutls_cases()]:
            if part in name and not recorder.one(name, server, client, script, certificate=certificate):
                failed.append(name)
        if not part or part == "resum":
            failed += [name for name, fine in resumption(recorder) if not fine]
        if part in ("", "static") and os.path.exists(os.path.join(CAPTURES, "tls12_static_rsa")):
            shutil.copy(os.path.join(folder, "rsa.key"), os.path.join(HERE, "static_rsa.key"))
        print("failed: %s" % failed)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
