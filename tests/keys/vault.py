#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys from Vault: a server that speaks the documented API (KV version 2, AppRole, token renewal) over real HTTPS.

usage: vault.py TAKE_KEYS
"""

import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

SECRET = "41" * 48


def line(number):
    return "CLIENT_RANDOM %064x %s" % (number, SECRET)


class Vault(http.server.BaseHTTPRequestHandler):
    """State is the server's: secrets, tokens that hold until a time, and what was asked."""

    def log_message(self, *words):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(data)

    def auth(self, token):
        return {"auth": {"client_token": token, "lease_duration": self.server.lease, "renewable": True,
                         "policies": ["default"], "accessor": "a"}}

    def allowed(self):
        token = self.headers.get("X-Vault-Token", "")
        fine = self.server.tokens.get(token, 0) > time.time()
        if self.headers.get("X-Vault-Namespace", "") != self.server.namespace or not fine:
            self.answer(403, {"errors": ["permission denied"]})
            return None
        return token

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        self.server.asked.append(self.path)
        if self.path == "/v1/auth/approle/login":
            if body != {"role_id": "the-role", "secret_id": "the-secret"}:
                return self.answer(400, {"errors": ["invalid role or secret ID"]})
            token = "s.%d" % len(self.server.tokens)
            self.server.tokens[token] = time.time() + self.server.lease
            return self.answer(200, self.auth(token))
        token = self.allowed()
        if token and self.path == "/v1/auth/token/renew-self":
            self.server.tokens[token] = time.time() + self.server.lease
            return self.answer(200, self.auth(token))
        return token and self.answer(404, {"errors": []})

    def do_GET(self):
        self.server.asked.append(self.path)
        if not self.allowed():
            return None
        if self.path == "/v1/auth/token/lookup-self":
            return self.answer(200, {"data": {"ttl": 0, "renewable": False, "policies": ["default"]}})
        name = self.path.replace("/v1/secret/data/", "")
        if name not in self.server.secrets:
            return self.answer(404, {"errors": []})
        fields, version = self.server.secrets[name]
        return self.answer(200, {"data": {"data": fields, "metadata": {
            "created_time": "2026-11-20T10:00:00Z", "custom_metadata": None, "deletion_time": "", "destroyed": False,
            "version": version}}})


def start(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", "key.pem", "-out", "ca.pem", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vault)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "ca.pem"), os.path.join(folder, "key.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.lease, server.namespace, server.tokens, server.asked = 3600, "", {"s.root": time.time() + 3600}, []
    server.secrets = {"tls/keys": ({"log": line(1) + "\n" + line(2), "more": line(3)}, 1)}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def run(program, folder, server, settings, seconds=2, during=None):
    path = os.path.join(folder, "assay.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("keys:\n  vault:\n    address: https://localhost:%d\n    interval_seconds: 1\n"
                   "    paths: [tls/keys]\n%s" % (server.server_port, settings))
    server.asked.clear()
    running = subprocess.Popen([program, path, str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if during:
        time.sleep(seconds / 2)
        during()
    out, err = running.communicate(timeout=30)
    return json.loads(out or b"{}"), err.decode(), running.returncode


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def check(what, good, *details):
    if not good:
        raise SystemExit("%s: %s" % (what, details))
    print("%s: fine" % what)


def main():
    program, folder = os.path.abspath(sys.argv[1]), tempfile.mkdtemp(prefix="assay-vault-")
    try:
        server = start(folder)
        write(folder, "token", "s.root\n")
        write(folder, "role", "the-role\n")
        write(folder, "secret", "the-secret\n")
        token = "    token_file: token\n    ca_file: ca.pem\n"
        role = "    role_id_file: role\n    secret_id_file: secret\n    ca_file: ca.pem\n"

        counts, err, _ = run(program, folder, server, token)
        check("token", counts["secrets"] == 3 and counts["versions"] == 1 and not counts["failures"], counts, err)

        def renewed():
            server.secrets["tls/keys"] = ({"log": line(4)}, 2)
        counts, err, _ = run(program, folder, server, role, 4, renewed)
        check("AppRole, and a new version", counts["live"] == 4 and counts["versions"] == 2 and
              counts["log_ins"] == 1, counts, err)

        server.lease = 3
        counts, err, _ = run(program, folder, server, role, 7)
        check("renewal", counts["renewals"] >= 2 and counts["log_ins"] == 1 and not counts["failures"], counts, err)

        def revoked():
            server.tokens.clear()
        server.lease = 3600
        counts, err, _ = run(program, folder, server, role, 5, revoked)
        check("log in again when the token is revoked", counts["log_ins"] == 2 and counts["failures"] >= 1, counts, err)

        server.namespace = "team/a"
        counts, err, _ = run(program, folder, server, role + "    namespace: team/a\n")
        check("namespace", counts["live"] == 1, counts, err)
        server.namespace = ""

        write(folder, "secret", "wrong\n")
        counts, err, _ = run(program, folder, server, role)
        check("wrong secret id", counts["secrets"] == 0 and "400" in err and "wrong" not in err, counts, err)

        counts, err, _ = run(program, folder, server, "    token_file: token\n")
        check("certificate nobody vouches for", counts["secrets"] == 0 and not server.asked and "certificate" in err,
              counts, err)

        _, err, status = run(program, folder, server, "    ca_file: ca.pem\n")
        check("no way to log in", status == 2 and "token_file" in err and "assay.yaml:" in err.replace(folder, ""),
              err, status)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
