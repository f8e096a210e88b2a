#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo shop: a small JSON API that nginx stands in front of. All data is made up; card numbers are test numbers."""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CUSTOMER = {"id": "c-17", "name": "Jo Sample", "email": "jo.sample@example.com", "phone": "+14155552671"}
ORDER = {"id": "o-1001", "state": "paid", "items": [{"sku": "LAMP-2", "count": 1}], "total": {"amount": 4200, "currency": "EUR"}}


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value, headers=()):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if "X-Request-ID" in self.headers:
            self.send_header("X-Request-ID", self.headers["X-Request-ID"])
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path in ("/v1/orders", "/v0/orders"):
            self.answer(200, {"orders": [ORDER] * 5})
        elif path.startswith("/v1/orders/o-"):
            self.answer(200, ORDER)
        elif path.startswith("/v1/customers/"):
            # The owner forgot that this prints the whole card: it is not in the contract.
            self.answer(200, {**CUSTOMER, "payment": {"card": "4111 1111 1111 1111", "expires": "2029-12"}})
        elif path in ("/v1/search", "/v1/report", "/v1/export", "/v1/health"):
            self.answer(200, {"result": "ok"})
        elif path == "/v1/internal/debug":
            self.answer(200, {"build": "7", "queue": 3})
        elif path == "/v1/broken":
            self.answer(500, {"error": "java.lang.NullPointerException\n\tat com.example.Shop.main(Shop.java:42)"})
        else:
            self.answer(404, {"error": "no such thing"})

    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        self.rfile.read(size)
        path = self.path.split("?")[0]
        if path == "/v1/orders":
            self.answer(201, {"id": "o-1002"}, [("Location", "/v1/orders/o-1002")])
        elif path == "/v1/payments":
            self.answer(201, {"id": "p-1", "state": "captured"})
        else:
            self.answer(404, {"error": "no such thing"})

    def do_DELETE(self):
        self.answer(200, {"deleted": True})

    def log_message(self, *_arguments):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
