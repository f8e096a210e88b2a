#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The two ends of the recordings that nginx and curl cannot play.

usage: peers.py serve ADDRESS PORT ROUTES LOG   an HTTP/1.1 server on Python's own http.server; ROUTES is a JSON file
       peers.py proxy ADDRESS PORT LOG          a proxy that knows CONNECT only
       peers.py lines ADDRESS PORT              says back every line it is sent, for what goes through the proxy
       peers.py send ADDRESS PORT < PIECES      sends bytes as they are: PIECES is a JSON list of texts (latin-1); after
                                                each the peer may answer. An entry that is a number is a pause in seconds.

ROUTES is a list of {"method", "path", "status", "headers", "body", "chunked", "trailers", "until_close"}; the first one
that fits answers (path without query; missing keys fit anything), else 200 and {"ok": true}. X-Request-ID is echoed. LOG
gets one JSON line for each request answered: the server's own account, which expect compares with the capture.
"""

import base64
import hashlib
import json
import select
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUIET_SECONDS = 0.25  # a peer in the next namespace that says nothing for so long has said everything
WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3


class ServerV6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def make_handler(routes, log):
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "peer", ""
        wbufsize = 0
        log_message = lambda self, *arguments: None

        def note(self, status):
            line = {"method": self.command, "uri": self.path, "host": self.headers.get("Host"), "status": status}
            with lock, open(log, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")

        def handle_expect_100(self):
            if self.path.startswith("/refuse"):
                self.note(417)
                self.wfile.write(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                self.close_connection = True
                return False
            return super().handle_expect_100()

        def read_body(self):
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                while True:
                    size = int(self.rfile.readline().split(b";")[0], 16)
                    if size == 0:
                        while self.rfile.readline() not in (b"\r\n", b"\n", b""):
                            pass
                        return
                    self.rfile.read(size)
                    self.rfile.readline()
            length = self.headers.get("Content-Length", "")
            if length.isdigit():
                self.rfile.read(int(length))

        def route(self):
            path = self.path.split("?")[0]
            for route in routes:
                if route.get("method", self.command) == self.command and route.get("path", path) == path:
                    return route
            return {}

        def answer(self):
            if self.headers.get("Upgrade", "").lower() == "websocket":
                self.websocket()
                return
            self.read_body()
            route = self.route()
            status = route.get("status", 200)
            body = route.get("body", '{"ok": true}').encode("latin-1")
            lines = ["HTTP/1.1 %d %s" % (status, self.responses.get(status, ("",))[0])]
            lines += ["%s: %s" % pair for pair in route.get("headers", {"Content-Type": "application/json"}).items()]
            if self.headers.get("X-Request-ID"):
                lines.append("X-Request-ID: " + self.headers["X-Request-ID"])
            if route.get("chunked"):
                lines.append("Transfer-Encoding: chunked")
                if route.get("trailers"):
                    lines.append("Trailer: " + ", ".join(route["trailers"]))
            elif route.get("until_close"):
                self.close_connection = True
                lines.append("Connection: close")
            elif status not in (204, 304):
                lines.append("Content-Length: %d" % len(body))
            self.note(status)
            self.wfile.write("\r\n".join(lines + ["", ""]).encode("latin-1"))
            if self.command != "HEAD" and status not in (204, 304):
                self.send_body(route, body)

        def send_body(self, route, body):
            if not route.get("chunked"):
                self.wfile.write(body)
                return
            for at in range(0, len(body), 700):
                piece = body[at : at + 700]
                self.wfile.write(b"%x;part=%d\r\n%s\r\n" % (len(piece), at // 700, piece))
            trailers = "".join("%s: %s\r\n" % pair for pair in route.get("trailers", {}).items())
            self.wfile.write(b"0\r\n" + trailers.encode("latin-1") + b"\r\n")

        def websocket(self):
            """The handshake of RFC 6455, then every frame is said back unmasked until the client closes."""
            key = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + WEBSOCKET_GUID).digest()
            self.note(101)
            self.wfile.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + base64.b64encode(key) + b"\r\n\r\n"
            )
            while len(head := self.rfile.read(2)) == 2:
                size = head[1] & 0x7F
                mask = self.rfile.read(4)
                data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(size)))
                self.wfile.write(bytes((head[0], len(data))) + data)
                if head[0] & 15 == 8:
                    break
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = answer
        do_PURGE = answer

    return Handler


def serve(address, port, routes, log):
    with open(routes, encoding="utf-8") as stream:
        handler = make_handler(json.load(stream), log)
    kind = ServerV6 if ":" in address else ThreadingHTTPServer
    kind((address, int(port)), handler).serve_forever()


def pump(first, second):
    while True:
        for source in select.select((first, second), (), ())[0]:
            data = source.recv(65536)
            if not data:
                return
            (second if source is first else first).sendall(data)


def proxy(address, port, log):
    class Tunnel(socketserver.StreamRequestHandler):
        def handle(self):
            method, target, _ = self.rfile.readline().decode("latin-1").split()
            host = None
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode("latin-1").partition(":")
                host = value.strip() if name.lower() == "host" else host
            peer_host, _, peer_port = target.rpartition(":")
            with socket.create_connection((peer_host, int(peer_port))) as peer:
                with open(log, "a", encoding="utf-8") as stream:
                    stream.write(json.dumps({"method": method, "uri": target, "host": host, "status": 200}) + "\n")
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                pump(self.connection, peer)

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer((address, int(port)), Tunnel).serve_forever()


def lines(address, port):
    class Lines(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.wfile.write(line)

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer((address, int(port)), Lines).serve_forever()


def send(address, port):
    pieces = json.load(sys.stdin)
    with socket.create_connection((address, int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            if isinstance(piece, (int, float)):
                select.select((), (), (), piece)
                continue
            connection.sendall(piece.encode("latin-1"))
            while select.select((connection,), (), (), QUIET_SECONDS)[0]:
                if not connection.recv(65536):
                    return


if __name__ == "__main__":
    commands = {"serve": (serve, 4), "proxy": (proxy, 3), "lines": (lines, 2), "send": (send, 2)}
    if len(sys.argv) < 2 or sys.argv[1] not in commands or len(sys.argv) - 2 != commands[sys.argv[1]][1]:
        sys.exit(__doc__)
    commands[sys.argv[1]][0](*sys.argv[2:])
