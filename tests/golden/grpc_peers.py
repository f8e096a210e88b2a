#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The two ends of the gRPC recordings: Python's own grpcio over HTTP/2, and gRPC-Web over HTTP/1.1.

usage: grpc_peers.py serve ADDRESS PORT LOG       a grpcio server
       grpc_peers.py call ADDRESS PORT            a grpcio client: CALLS, on one connection
       grpc_peers.py call-envelopes ADDRESS PORT  the same: ENVELOPES
       grpc_peers.py call-hard ADDRESS PORT LOG   HARD; LOG gets one JSON line a call, as the client knows it
       grpc_peers.py serve-web ADDRESS PORT LOG   the same service for gRPC-Web, on Python's own http.server
       grpc_peers.py call-web ADDRESS PORT        the same calls by http.client, in turn as they are and in base64

Messages are made by Python's protobuf from the sets in tests/data/grpc. LOG gets one JSON line for each call the
server has answered: its path, its grpc_status, and the sizes of the messages.
"""

import base64
import gzip
import http.client
import json
import os
import struct
import sys
import threading
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SETS = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "grpc", name + ".protoset")
        for name in ("cards", "envelope")]
ID = "6f9619ff-8b86-4011-b42d-00cf4fc964ff"
PAN, OTHER_PAN = "4539578763621486", "5425233430109903"  # made up, and right by their check digits
OK, INVALID_ARGUMENT, PERMISSION_DENIED, UNIMPLEMENTED = 0, 3, 7, 12
ENDLESS = 2000
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def load_types():
    pool = descriptor_pool.DescriptorPool()
    for name in SETS:
        with open(name, "rb") as stream:
            for file in descriptor_pb2.FileDescriptorSet.FromString(stream.read()).file:
                pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    names = ("ChargeRequest", "ChargeReply", "Card", "Envelope")
    return [factory.GetPrototype(pool.FindMessageTypeByName("shop.v1." + name)) for name in names]


REQUEST, REPLY, CARD, ENVELOPE = load_types()


def charge(note, number="", pan=0, notes=None):
    request = REQUEST(amount=1999, note=note)
    request.customer.id = 7
    if number or pan:
        request.customer.cards.add(number=number, pan=pan)
    if notes:
        request.customer.notes[1] = notes
    return request.SerializeToString()


def reply(receipt, number="", pan=0):
    message = REPLY(receipt=receipt)
    if number or pan:
        message.card.number, message.card.pan = number, pan
    return message.SerializeToString()


def envelopes():
    """Numbers of cards in messages that say what they are, in one another, and in one of a type that nobody knows."""
    plain, nested, listed, unknown, wrapped = (ENVELOPE() for _ in range(5))
    card = CARD(pan=int(PAN))
    plain.content.Pack(card)
    nested.content.Pack(plain)
    listed.attachments.add().Pack(CARD(holder="nobody"))
    listed.named["travel"].Pack(card)
    unknown.content.type_url = "type.googleapis.com/shop.v9.Secret"
    unknown.content.value = CARD(number=PAN).SerializeToString()
    wrapped.pan.value = int(OTHER_PAN)
    wrapped.label.value, wrapped.loose["card"] = "no card here", OTHER_PAN
    return [one.SerializeToString() for one in (plain, nested, listed, unknown, wrapped)]


ENVELOPES = [("/shop.v1.Envelopes/Send", [one], "--", False) for one in envelopes()]
# path, messages, streams (of the client, of the server), compressed
CALLS = [
    ("/shop.v1.Cards/Charge", [charge("a lamp")], "--", False),
    ("/shop.v1.Cards/Charge", [charge("a chair", number=PAN)], "--", False),
    ("/shop.v1.Cards/Charge", [charge("a table", pan=int(OTHER_PAN))], "--", False),
    ("/shop.v1.Cards/Charge", [charge("a desk" * 400, notes="card " + PAN)], "--", True),
    ("/shop.v1.Cards/Watch", [charge("watch")], "-s", False),
    ("/shop.v1.Cards/Upload", [charge("one"), charge("two"), charge("three " * 900)], "s-", False),
    ("/shop.v1.Cards/Chat", [charge("hello"), charge("again")], "ss", False),
    ("/shop.v1.Cards/Old", [charge("old")], "--", False),
    # a field 99 that the descriptor does not have, as a newer client sends it
    ("/shop.v1.Cards/Charge", [charge("newer") + b"\x9a\x06\x03new"], "--", False),
    ("/shop.v1.Cards/Charge", [charge("refuse")], "--", False),
    ("/shop.v1.Cards/Refund", [charge("refund", number=PAN)], "--", False),
    ("/shop.v2.Cards/Charge", [charge("no such service")], "--", False),
    ("/grpc.health.v1.Health/Check", [b""], "--", False),
    (REFLECTION, [b"\x3a\x01*"], "ss", False),
]


def answer(path, requests):
    """grpc-status and messages."""
    if path in (REFLECTION, "/grpc.health.v1.Health/Check"):
        return OK, [b"\x08\x01"]
    if path == "/shop.v1.Cards/Watch":
        return OK, [reply("r-%d" % at, pan=int(PAN) if at == 2 else 0) for at in range(3)]
    if path == "/shop.v1.Cards/Chat":
        endless = REQUEST.FromString(requests[0]).note == "endless"
        return OK, [reply("r-%d" % at) for at in range(ENDLESS if endless else len(requests))]
    if path == "/shop.v1.Envelopes/Send":
        return OK, [ENVELOPE().SerializeToString()]
    if not path.startswith("/shop.v1.Cards/"):
        return UNIMPLEMENTED, []
    note = REQUEST.FromString(requests[0]).note
    if note == "slow":
        time.sleep(1)
    if note == "refuse":
        return PERMISSION_DENIED, []
    return OK, [reply("r-1", number=OTHER_PAN if note.startswith("a desk") else "")]


class Log:
    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()

    def note(self, path, host, status, requests, replies):
        line = {"method": "POST", "uri": path, "host": host, "status": 200, "grpc_status": status,
                "requests": [len(one) for one in requests], "replies": [len(one) for one in replies]}
        with self.lock, open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


# gRPC over HTTP/2


def serve(address, port, log_path):
    import grpc
    log = Log(log_path)

    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            path = details.method
            if path.startswith("/shop.v2."):
                log.note(path, None, UNIMPLEMENTED, [], [])
                return None  # grpcio itself answers UNIMPLEMENTED, with trailers alone

            def stream(requests, context):
                requests = list(requests)
                status, replies = answer(path, requests)
                context.send_initial_metadata((("x-request-id", ID),))
                log.note(path, None, status, requests, replies)
                for one in replies:
                    yield one
                    if len(replies) == ENDLESS:
                        time.sleep(0.01)  # who cancels does so before the end
                if status != OK:
                    context.abort(next(code for code in grpc.StatusCode if code.value[0] == status), "refused")

            return grpc.stream_stream_rpc_method_handler(stream)

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), compression=grpc.Compression.NoCompression)
    server.add_generic_rpc_handlers((Handler(),))
    server.add_insecure_port("%s:%s" % (address, port))
    server.start()
    server.wait_for_termination()


def call(address, port, calls=CALLS):
    import grpc
    authority = [("grpc.default_authority", "api.example")]
    with grpc.insecure_channel("%s:%s" % (address, port), options=authority) as channel:
        for path, messages, streams, compressed in calls:
            kind = {"--": channel.unary_unary, "-s": channel.unary_stream, "s-": channel.stream_unary,
                    "ss": channel.stream_stream}[streams]
            requests = iter(messages) if streams[0] == "s" else messages[0]
            options = {"compression": grpc.Compression.Gzip} if compressed else {}
            try:
                got = kind(path)(requests, metadata=(("x-request-id", ID),), timeout=10, **options)
                list(got) if streams[1] == "s" else got
            except grpc.RpcError as error:
                print(path, error.code())


# path, messages, compression, seconds the client waits, replies it takes before it cancels (0: all)
HARD = [
    ("/shop.v1.Cards/Charge", [charge("plain")], None, 10, 0),
    ("/shop.v1.Cards/Charge", [charge("gzip " * 300)], "Gzip", 10, 0),
    ("/shop.v1.Cards/Charge", [charge("deflate " * 300)], "Deflate", 10, 0),
    ("/shop.v1.Cards/Watch", [charge("watch")], None, 10, 0),
    ("/shop.v1.Cards/Upload", [charge("part %d" % at) for at in range(40)], "Deflate", 10, 0),
    ("/shop.v1.Cards/Chat", [charge("line %d " % at * 100) for at in range(40)], "Gzip", 10, 0),
    ("/shop.v1.Cards/Charge", [charge("large " * 60000)], None, 10, 0),
    ("/shop.v1.Cards/Charge", [charge("refuse")], None, 10, 0),
    ("/shop.v2.Cards/Charge", [charge("trailers only")], None, 10, 0),
    ("/shop.v1.Cards/Charge", [charge("slow")], None, 0.2, 0),
    ("/shop.v1.Cards/Chat", [charge("endless")], None, 10, 2),
    ("/shop.v1.Cards/Charge", [charge("after all that")], None, 10, 0),
]


def call_one(channel, path, messages, compression, seconds, cancel):
    """The status, whether the client came to it by giving up, and the sizes of the replies it got."""
    import grpc
    options = {"compression": getattr(grpc.Compression, compression)} if compression else {}
    replies = []
    got = channel.stream_stream(path)(iter(messages), metadata=(("x-request-id", ID),), timeout=seconds, **options)
    try:
        for reply_data in got:
            replies.append(len(reply_data))
            if len(replies) == cancel:
                got.cancel()
        status = OK
    except grpc.RpcError as error:
        status = error.code().value[0]
    return status, bool(cancel) or status == grpc.StatusCode.DEADLINE_EXCEEDED.value[0], replies


def call_hard(address, port, log_path):
    import grpc
    with grpc.insecure_channel("%s:%s" % (address, port)) as channel, open(log_path, "w", encoding="utf-8") as log:
        for path, messages, compression, seconds, cancel in HARD:
            status, gave_up, replies = call_one(channel, path, messages, compression, seconds, cancel)
            line = {"uri": path, "grpc_status": status, "gave_up": gave_up, "compressed": compression is not None,
                    "requests": [len(one) for one in messages], "replies": replies}
            log.write(json.dumps(line) + "\n")


# gRPC-Web over HTTP/1.1


def frame(data, flags=0):
    return struct.pack(">BI", flags, len(data)) + data


def unframe(body):
    messages = []
    while body:
        flags, size = struct.unpack(">BI", body[:5])
        data, body = body[5 : 5 + size], body[5 + size :]
        messages.append(gzip.decompress(data) if flags & 1 else data)
    return messages


def decode_text(body):
    """Every frame has padding of its own, behind which b64decode() would stop."""
    return b"".join(base64.b64decode(body[at : at + 4]) for at in range(0, len(body), 4))


def serve_web(address, port, log_path):
    log = Log(log_path)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "peer", ""
        log_message = lambda self, *arguments: None

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.headers["Content-Type"]
            text = "-text" in kind
            requests = unframe(decode_text(body) if text else body)
            compressed = self.headers.get("grpc-encoding") == "gzip"
            status, replies = answer(self.path, requests)
            log.note(self.path, self.headers["Host"], status, requests, replies)
            self.send_response_only(200)
            self.send_header("Content-Type", kind)
            self.send_header("X-Request-ID", self.headers["X-Request-ID"])
            if compressed:
                self.send_header("grpc-encoding", "gzip")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            frames = [frame(gzip.compress(one, mtime=0), 1) if compressed else frame(one) for one in replies]
            frames.append(frame(b"grpc-status:%d\r\ngrpc-message:%s\r\n" % (status, b"refused" if status else b""), 0x80))
            for data in frames:
                data = base64.b64encode(data) if text else data
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.write(b"0\r\n\r\n")

    ThreadingHTTPServer((address, int(port)), Handler).serve_forever()


def call_web(address, port):
    connection = http.client.HTTPConnection(address, int(port))
    for number, (path, messages, _, compressed) in enumerate(CALLS):
        frames = [frame(gzip.compress(one, mtime=0), 1) if compressed else frame(one) for one in messages]
        text = number % 2 == 1
        body = b"".join(base64.b64encode(one) if text else one for one in frames)
        headers = {"Host": "api.example", "X-Request-ID": ID, "X-Grpc-Web": "1",
                   "Content-Type": "application/grpc-web-text" if text else "application/grpc-web+proto"}
        if compressed:
            headers["grpc-encoding"] = "gzip"
        connection.request("POST", path, body, headers)
        connection.getresponse().read()
    connection.close()


if __name__ == "__main__":
    commands = {"serve": (serve, 3), "call": (call, 2), "call-envelopes": (lambda *to: call(*to, ENVELOPES), 2),
                "call-hard": (call_hard, 3), "serve-web": (serve_web, 3), "call-web": (call_web, 2)}
    if len(sys.argv) < 2 or sys.argv[1] not in commands or len(sys.argv) - 2 != commands[sys.argv[1]][1]:
        sys.exit(__doc__)
    commands[sys.argv[1]][0](*sys.argv[2:])
