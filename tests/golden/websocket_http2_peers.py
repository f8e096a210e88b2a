#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of WebSockets over HTTP/2 (RFC 8441): h2 carries, wsproto speaks. HAProxy leads to the server of
websocket_peers.py.

usage: websocket_http2_peers.py ADDRESS PORT PLAN ANSWERS LOG

PLAN and ANSWERS are those of websocket_peers.py; all WebSockets of the plan share one connection, and take turns, one
item each. One more key of a plan: "cut": bytes a DATA frame. LOG is that of websocket_peers.py,
"stream" is the HTTP/2 stream, and the bytes of a message are what wsproto says it sent or received.
"""

import json
import socket
import sys
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamReset
from h2.settings import SettingCodes
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

ID = "6f9619ff-8b86-4011-b42d-00cf4fc964ff"
RECEIVE_SIZE = 65536
WAIT_SECONDS = 10


class Carrier:
    """The HTTP/2 connection. What arrives is handed to the WebSocket of its stream."""

    def __init__(self, address, port):
        self.socket = socket.create_connection((address, port), WAIT_SECONDS)
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.links = {}
        self.flush()
        self.wait(lambda: self.h2.remote_settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1)

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def wait(self, done):
        while not done():
            data = self.socket.recv(RECEIVE_SIZE)
            if not data:
                raise ConnectionError("the server closed the connection")
            for event in self.h2.receive_data(data):
                if isinstance(event, ResponseReceived):
                    self.links[event.stream_id].answered(dict(event.headers))
                elif isinstance(event, DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    self.links[event.stream_id].receive(event.data)
                elif isinstance(event, StreamReset):  # HAProxy's end of a tunnel whose server is gone
                    self.links[event.stream_id].reset = True
            self.flush()

    def send(self, stream, data, cut):
        room = cut or self.h2.max_outbound_frame_size
        for at in range(0, len(data), room):
            piece = data[at:at + room]
            self.wait(lambda: self.h2.local_flow_control_window(stream) >= len(piece))
            self.h2.send_data(stream, piece)
            self.flush()


class Link:
    """One WebSocket on one stream."""

    def __init__(self, carrier, plan, left, log):
        self.carrier, self.plan, self.left, self.log = carrier, plan, left, log
        self.items, self.status, self.websocket = list(plan["send"]), None, None
        self.received, self.partial, self.pongs, self.closed, self.reset = 0, 0, 0, False, False
        self.stream = carrier.h2.get_next_available_stream_id()
        self.deflate = PerMessageDeflate(**plan["compress"]) if plan.get("compress") is not None else None
        carrier.links[self.stream] = self
        carrier.h2.send_headers(self.stream, self.headers())
        carrier.flush()
        carrier.wait(lambda: self.status is not None)

    def headers(self):
        rows = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", self.plan["path"]),
                (":authority", self.plan.get("host", "api.example")), ("sec-websocket-version", "13"), ("x-request-id", ID),
                ("authorization", "Bearer made-up-token-0001"), ("user-agent", "client/1.0")]
        if self.plan.get("origin"):
            rows.append(("origin", self.plan["origin"]))
        if self.deflate:
            rows.append(("sec-websocket-extensions", "%s; %s" % (self.deflate.name, self.deflate.offer())))
        return rows

    def tell(self, method, status=None, **more):
        note = {"port": self.carrier.socket.getsockname()[1], "stream": self.stream, "uri": self.plan["path"],
                "method": method, "status": status}
        self.log.write(json.dumps(dict(note, **more)) + "\n")

    def answered(self, headers):
        self.status = int(headers[":status"])
        self.tell("CONNECT", self.status)
        if self.deflate and "sec-websocket-extensions" in headers:
            self.deflate.finalize(headers["sec-websocket-extensions"])
        else:
            self.deflate = None
        self.websocket = Connection(ConnectionType.CLIENT, [self.deflate] if self.deflate else [])

    def receive(self, data):
        if self.status != 200 or self.closed:
            return
        self.websocket.receive_data(data)
        for event in self.websocket.events():
            if isinstance(event, Message):
                self.partial += len(event.data.encode() if isinstance(event.data, str) else event.data)
                if event.message_finished:
                    self.tell("text" if isinstance(event.data, str) else "binary", from_server=True, bytes=self.partial)
                    self.received, self.partial = self.received + 1, 0
            elif isinstance(event, Pong):
                self.pongs += 1
            elif isinstance(event, CloseConnection):
                self.tell("close", from_server=True, bytes=len((event.reason or "").encode()))
                self.closed = True

    def send(self, event):
        self.carrier.send(self.stream, self.websocket.send(event), self.plan.get("cut"))

    def send_message(self, item):
        parts = item["parts"] if isinstance(item, dict) and "parts" in item else [item]
        parts = [bytes.fromhex(part["hex"]) if isinstance(part, dict) else part for part in parts]
        for at, part in enumerate(parts):
            kind = TextMessage if isinstance(part, str) else BytesMessage
            self.send(kind(data=part, message_finished=at + 1 == len(parts)))
        size = sum(len(part.encode() if isinstance(part, str) else part) for part in parts)
        self.tell("text" if isinstance(parts[0], str) else "binary", from_server=False, bytes=size)

    def turn(self):
        """Sends the next item, and waits for the answer it gets. False: there is none left."""
        if not self.items or self.status != 200:
            return False
        item = self.items.pop(0)
        if isinstance(item, (int, float)):
            time.sleep(item)
        elif isinstance(item, dict) and "ping" in item:
            pongs = self.pongs
            self.send(Ping(payload=item["ping"].encode()))
            self.carrier.wait(lambda: self.pongs > pongs)
        else:
            self.send_message(item)
            if self.left:
                received, self.left = self.received, self.left - 1
                self.carrier.wait(lambda: self.received > received)
        return True

    def close(self):
        if self.status != 200 or self.closed:
            return
        reason = self.plan.get("reason", "")
        self.send(CloseConnection(code=1000, reason=reason))
        self.tell("close", from_server=False, bytes=len(reason))
        self.carrier.wait(lambda: self.closed)
        if not self.reset:
            self.carrier.h2.end_stream(self.stream)
            self.carrier.flush()


def play(address, port, plans, answers, log):
    carrier = Carrier(address, port)
    links = [Link(carrier, plan, len(answers.get(plan["path"].split("?")[0], ())), log) for plan in plans]
    while any([link.turn() for link in links]):
        pass
    for link in links:
        link.close()
    carrier.h2.close_connection()
    carrier.flush()
    carrier.socket.close()


def read(path):
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def main(arguments):
    if len(arguments) != 5:
        sys.exit(__doc__)
    with open(arguments[4], "w", encoding="utf-8") as log:
        play(arguments[0], int(arguments[1]), read(arguments[2]), read(arguments[3]), log)


if __name__ == "__main__":
    main(sys.argv[1:])
