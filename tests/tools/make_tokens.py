#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tokens of tests/data/tokens with PyJWT and cryptography: one issuer's key set, and tokens that a verifier
must accept or refuse, each with the outcome that how it was made asks for.

  jwks.json   the issuer's public keys; one without a kid, one for encryption, one secret: they are left out or tried last
  tokens.tsv  outcome TAB name TAB token; outcomes are those of enum token_signature, lower case

usage: make_tokens.py FOLDER      (python3-jwt and python3-cryptography; every run makes other keys)
"""
import base64
import hashlib
import hmac
import json
import pathlib
import sys

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER = "https://login.example.com"
CLAIMS = {"iss": ISSUER, "aud": "https://api.example.com", "sub": "alice", "iat": 1795186700, "exp": 1795190300}
RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_jwk(key, kid, **more):
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(public))
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}
    else:
        size = (key.curve.key_size + 7) // 8
        numbers = public.public_numbers()
        names = {256: "P-256", 384: "P-384", 521: "P-521"}
        jwk = {"kty": "EC", "crv": names[key.curve.key_size], "x": base64url(numbers.x.to_bytes(size, "big")),
               "y": base64url(numbers.y.to_bytes(size, "big"))}
    jwk.pop("key_ops", None)
    return jwk | ({"kid": kid} if kid else {}) | more


def sign(key, algorithm, kid=None, claims=CLAIMS, **header):
    return jwt.encode(claims, key, algorithm=algorithm, headers=({"kid": kid} if kid else {}) | header)


def broken(token):
    """Another bit of the signature's first byte."""
    head, claims, signature = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[0] ^= 1
    return ".".join([head, claims, base64url(bytes(raw))])


def by_hand(header, claims, secret):
    """What a library refuses to make."""
    text = base64url(json.dumps(header).encode()) + "." + base64url(json.dumps(claims).encode())
    signature = base64url(hmac.new(secret, text.encode(), hashlib.sha256).digest()) if secret else ""
    return text + "." + signature


def main():
    folder = pathlib.Path(sys.argv[1])
    keys = {"rsa": rsa.generate_private_key(65537, 2048), "p256": ec.generate_private_key(ec.SECP256R1()),
            "p384": ec.generate_private_key(ec.SECP384R1()), "p521": ec.generate_private_key(ec.SECP521R1()),
            "ed": ed25519.Ed25519PrivateKey.generate()}
    strict = rsa.generate_private_key(65537, 2048)
    stranger = ec.generate_private_key(ec.SECP256R1())
    jwks = [public_jwk(key, kid) for kid, key in keys.items()]
    jwks.append(public_jwk(strict, "strict", alg="RS256", use="sig"))
    jwks.append(public_jwk(strict, "encryption", use="enc"))
    jwks.append({"kty": "oct", "kid": "secret", "k": "c2VjcmV0"})
    rows = []
    pairs = [("rsa", a) for a in RSA_ALGORITHMS] + [("p256", "ES256"), ("p384", "ES384"), ("p521", "ES512"),
                                                    ("ed", "EdDSA")]
    for kid, algorithm in pairs:
        good = sign(keys[kid], algorithm, kid)
        rows += [("good", algorithm, good), ("bad", f"{algorithm} broken", broken(good))]
        head, claims, signature = good.split(".")
        other = base64url(json.dumps(CLAIMS | {"sub": "mallory"}).encode())
        rows.append(("bad", f"{algorithm} other claims", ".".join([head, other, signature])))
    rows.append(("good", "no kid", sign(keys["p256"], "ES256")))
    rows.append(("good", "strict", sign(strict, "RS256", "strict")))
    rows.append(("key_other", "strict, another algorithm", sign(strict, "PS256", "strict")))
    rows.append(("key_other", "kid of another kind", sign(keys["p256"], "ES256", "rsa")))
    rows.append(("bad", "somebody else's key", sign(stranger, "ES256", "p256")))
    rows.append(("key_unknown", "unknown kid", sign(stranger, "ES256", "stranger")))
    rows.append(("bad", "no signature", sign(keys["rsa"], "RS256", "rsa").rsplit(".", 1)[0] + "."))
    rows.append(("none", "alg none", by_hand({"alg": "none", "typ": "JWT"}, CLAIMS, None)))
    rows.append(("none", "alg nOnE", by_hand({"alg": "nOnE", "typ": "JWT"}, CLAIMS, None)))
    pem = keys["rsa"].public_key().public_bytes(serialization.Encoding.PEM,
                                                serialization.PublicFormat.SubjectPublicKeyInfo)
    rows.append(("algorithm", "HMAC with the public key", by_hand({"alg": "HS256", "kid": "rsa"}, CLAIMS, pem)))
    rows.append(("extension", "crit", sign(keys["p256"], "ES256", "p256", crit=["exp"], exp=1)))
    rows.append(("critical", "crit empty", by_hand({"alg": "ES256", "crit": []}, CLAIMS, b"x")))
    rows.append(("unknown_issuer", "another issuer", sign(keys["p256"], "ES256", "p256", CLAIMS | {"iss": "other"})))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "jwks.json").write_text(json.dumps({"keys": jwks}, indent=1) + "\n")
    (folder / "tokens.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
