#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An authorization server and two services behind it, for recordings: tokens are made and checked by PyJWT.

usage: token_peer.py prepare FOLDER TOKENS     makes the keys, FOLDER/jwks.json, and the file TOKENS: name -> token
       token_peer.py bind FOLDER TOKENS CERTIFICATE...   makes a key, FOLDER/jwks.json, and a token bound to each certificate
       token_peer.py serve ADDRESS PORT FOLDER LOG

/v1/... checks its tokens as it should. /careless/v1/... reads them without checking anything, and serves. LOG gets a JSON
line for each request answered: method, uri, host, status, and "token": what PyJWT says of the token, "good" or why not.
Run by a Python that has python3-jwt and python3-cryptography.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER, AUDIENCE = "https://login.example", "https://api.example"
SCOPES = {"GET": "orders:read", "POST": "orders:write"}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(header, claims, secret):
    """What a library refuses to make."""
    text = base64url(json.dumps(header).encode()) + "." + base64url(json.dumps(claims).encode())
    return text + "." + (base64url(hmac.new(secret, text.encode(), hashlib.sha256).digest()) if secret else "")


def prepare(folder, tokens_file):
    key, stranger = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    curve = ec.generate_private_key(ec.SECP256R1())
    jwks = [public_key(key)]
    numbers = curve.public_key().public_numbers()
    jwks.append({"kty": "EC", "crv": "P-256", "kid": "curve", "x": base64url(numbers.x.to_bytes(32, "big")),
                 "y": base64url(numbers.y.to_bytes(32, "big"))})
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "made-up-client-17", "iat": now, "exp": now + 600,
              "scope": "orders:read", "realm_access": {"roles": ["clerk"]}}
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def make(signer=key, algorithm="RS256", kid="main", **changed):
        return jwt.encode(claims | changed, signer, algorithm=algorithm, headers={"kid": kid})

    good = make()
    tokens = {
        "good": good, "curve": make(curve, "ES256", "curve"), "writer": make(scope="orders:read orders:write"),
        "expired": make(iat=now - 1200, exp=now - 600), "early": make(nbf=now + 300), "long": make(exp=now + 86400),
        "audience": make(aud="https://other.example"), "issuer": make(iss="https://evil.example"),
        "stranger": make(stranger, "ES256", "curve"), "unknown": make(stranger, "ES256", "rotated"),
        "none": by_hand({"alg": "none", "typ": "JWT"}, claims, None),
        "confused": by_hand({"alg": "HS256", "typ": "JWT", "kid": "main"}, claims, pem),
        "changed": ".".join([good.split(".")[0], make(scope="orders:read orders:write").split(".")[1],
                             good.split(".")[2]]),
    }
    write(os.path.join(folder, "jwks.json"), {"keys": jwks})
    write(tokens_file, tokens)


def public_key(key):
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "main"}
    jwk.pop("key_ops", None)
    return jwk


def bind(folder, tokens_file, *certificates):
    """RFC 8705 3.1: the claim cnf holds the SHA-256 of the DER."""
    key, now, tokens = rsa.generate_private_key(65537, 2048), int(time.time()), {}
    for path in certificates:
        with open(path, "rb") as stream:
            digest = x509.load_pem_x509_certificate(stream.read()).fingerprint(hashes.SHA256())
        name = os.path.splitext(os.path.basename(path))[0]
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": name, "iat": now, "exp": now + 600, "scope": "orders:read",
                  "cnf": {"x5t#S256": base64url(digest)}}
        tokens[name] = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "main"})
    write(os.path.join(folder, "jwks.json"), {"keys": [public_key(key)]})
    write(tokens_file, tokens)


def write(path, content):
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
        stream.write("\n")


def check(keys, token, scope):
    """What a service should do. Returns (status, what PyJWT says)."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        if kid not in keys:
            return 401, "unknown kid"
        algorithm, key = keys[kid]
        claims = jwt.decode(token, key, algorithms=[algorithm], audience=AUDIENCE, issuer=ISSUER)
    except jwt.PyJWTError as error:
        return 401, type(error).__name__
    return (200, "good") if scope in claims.get("scope", "").split() else (403, "good")


def make_handler(keys, log):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "peer", ""
        log_message = lambda self, *arguments: None

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            uri = urllib.parse.urlsplit(self.path)
            query, form = urllib.parse.parse_qs(uri.query), urllib.parse.parse_qs(body)
            headers, said = {}, None
            if uri.path == "/authorize":
                status, headers = self.authorize(query)
            elif uri.path == "/token":
                status = 200 if form.get("grant_type", [""])[0] in ("password", "authorization_code") else 400
            else:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                status, said = check(keys, token, SCOPES.get(self.command, ""))
                status = 200 if uri.path.startswith("/careless/") else status
            line = {"method": self.command, "uri": self.path, "host": self.headers.get("Host"), "status": status,
                    "token": said}
            with open(log, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
            self.send(status, headers)

        @staticmethod
        def authorize(query):
            target = query.get("redirect_uri", ["https://app.example/back"])[0]
            if query.get("response_type") == ["code"] and "strict" in query.get("client_id", []) \
                    and "code_challenge" not in query:
                return 302, {"Location": target + "?error=invalid_request"}
            return 302, {"Location": target + "?state=ok"}

        def send(self, status, headers):
            body = b'{"ok": true}'
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json", "Cache-Control": "no-store",
                                 "X-Request-ID": self.headers.get("X-Request-ID", ""),
                                 "Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

    return Handler


def serve(address, port, folder, log):
    with open(os.path.join(folder, "jwks.json"), encoding="utf-8") as stream:
        jwks = json.load(stream)["keys"]
    keys = {key["kid"]: ("RS256" if key["kty"] == "RSA" else "ES256", jwt.PyJWK(key | {
        "alg": "RS256" if key["kty"] == "RSA" else "ES256"}).key) for key in jwks}
    ThreadingHTTPServer((address, int(port)), make_handler(keys, log)).serve_forever()


if __name__ == "__main__":
    {"prepare": prepare, "bind": bind, "serve": serve}[sys.argv[1]](*sys.argv[2:])
