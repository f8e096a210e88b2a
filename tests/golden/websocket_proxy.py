# SPDX-License-Identifier: Apache-2.0
"""HAProxy as the tests want it: it takes WebSockets over HTTP/2 (RFC 8441) and leads them to a server that has only
HTTP/1. No other proxy of the distribution does. Padded frames make version 2.6 end the connection, so nobody pads here."""

import os

CONFIG = """
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
    timeout tunnel 20s
frontend api
    bind %(address)s:%(port)s proto h2
    default_backend sockets
backend sockets
    server inner %(inner)s proto h1
"""


def command(folder, address, port, inner):
    """What runs it in the foreground; `inner` is address:port of the server."""
    path = os.path.join(folder, "haproxy.cfg")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(CONFIG % {"address": address, "port": port, "inner": inner})
    return ["haproxy", "-q", "-db", "-f", path]
