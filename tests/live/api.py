#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The API behind nginx in the live tests. What it answers is decided by the path alone, so that a test knows it beforehand:

    .../missing...   404            .../odd...       202
    .../stream...    200, chunked   .../card...      200, with a card number in it
    .../open...      200, CORS      anything else    200 (POST 201, PUT and DELETE 204)

usage: api.py PORT
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CARD = '5555555555554444'  # published by the card scheme for tests
STREAM = [b'{"piece":%d}' % number for number in range(20)]


class Api(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        path = self.path.split('?')[0]
        status = {'POST': 201, 'PUT': 204, 'DELETE': 204}.get(self.command, 200)
        status = 404 if '/missing' in path else 202 if '/odd' in path else status
        if '/stream' in path:
            return self.stream()
        facts = {'path': path, 'state': 'paid', **({'card': CARD} if '/card' in path else {})}
        body = b'' if status == 204 else json.dumps(facts).encode()
        self.send_response(status)
        if status != 204:
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
        if '/open' in path:
            self.send_header('Access-Control-Allow-Origin', '*')
            self.send_header('Access-Control-Allow-Credentials', 'true')
            self.send_header('Cache-Control', 'no-store')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def stream(self):
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        for piece in STREAM:
            self.wfile.write(b'%x\r\n%s\r\n' % (len(piece), piece))
        self.wfile.write(b'0\r\n\r\n')

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_arguments):
        pass


if __name__ == '__main__':
    ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Api).serve_forever()
