# SPDX-License-Identifier: Apache-2.0
"""What tshark sees in a capture: requests and responses of HTTP/1, and the transactions they make.

tshark is the oracle, never Assay's own output. It is asked for its tree (PDML), because only there two messages of one
packet stay apart. Pairing is RFC 9112 9.3.2: the n-th final response of a connection answers its n-th request.
"""

import subprocess
import xml.etree.ElementTree as tree

# Nothing is guessed from ports but what is said here, bodies stay as they were sent, names are not looked up.
OPTIONS = ("-n", "-o", "http.decompress_body:FALSE", "-o", "tcp.reassemble_out_of_order:TRUE")
# A body of which a segment is missing never becomes whole, and its head would not be shown either.
HEADS_ONLY = ("-o", "http.desegment_body:FALSE")
FLOW = ("src", "src_port", "dst", "dst_port")


def run_tshark(capture, *arguments):
    command = ("tshark", "-r", capture) + OPTIONS + arguments
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def find_fields(protocol):
    """name -> list of (show, size, raw bytes in hexadecimal), in order, at any depth."""
    fields = {}
    for field in protocol.iter("field"):
        fields.setdefault(field.get("name"), []).append((field.get("show"), int(field.get("size", 0)), field.get("value")))
    return fields


def first(fields, name, default=None):
    return fields[name][0][0] if name in fields else default


def raw_text(fields, name):
    """The bytes themselves: what tshark shows may be escaped."""
    if name not in fields:
        return None
    show, _, value = fields[name][0]
    return bytes.fromhex(value).decode("latin-1") if value else show


def read_flow(packet):
    """Of the innermost IP and TCP headers."""
    flow = {}
    for protocol in packet.findall("proto"):
        fields = find_fields(protocol)
        if protocol.get("name") in ("ip", "ipv6"):
            name = protocol.get("name")
            flow.update(src=first(fields, name + ".src"), dst=first(fields, name + ".dst"))
        elif protocol.get("name") == "tcp":
            flow.update(src_port=int(first(fields, "tcp.srcport")), dst_port=int(first(fields, "tcp.dstport")),
                        stream=int(first(fields, "tcp.stream")))
    return flow


def read_message(flow, number, fields):
    message = dict(flow, frame=number, body=fields["http.file_data"][0][1] if "http.file_data" in fields else 0)
    if "http.request.method" in fields:
        message.update(method=raw_text(fields, "http.request.method"), path=raw_text(fields, "http.request.uri"),
                       host=first(fields, "http.host"))
    elif "http.response.code" in fields:
        message.update(status=int(first(fields, "http.response.code")))
    else:
        return None
    return message


def read_messages(capture, decode_as=(), options=()):
    """Every HTTP/1 request and response in order of capture."""
    arguments = [part for text in decode_as for part in ("-d", text)]
    output = run_tshark(capture, *options, *arguments, "-Y", "http", "-T", "pdml")
    messages = []
    for packet in tree.fromstring(output).findall("packet"):
        flow = read_flow(packet)
        number = next(int(field.get("show")) for field in packet.iter("field") if field.get("name") == "num")
        for protocol in packet.findall("proto"):
            if protocol.get("name") != "http" or "stream" not in flow:
                continue
            message = read_message(flow, number, find_fields(protocol))
            if message:
                messages.append(message)
    return messages


def pair(messages):
    """Transactions in order of their requests; responses without request last."""
    waiting, transactions, orphans = {}, [], []
    for message in messages:
        if "method" in message:
            transaction = {name: message[name] for name in FLOW + ("host", "method", "path")}
            transaction.update(status=None, request_bytes=message["body"], response_bytes=0)
            waiting.setdefault(message["stream"], []).append(transaction)
            transactions.append(transaction)
        elif message["status"] >= 200 or message["status"] == 101:
            row = waiting.get(message["stream"])
            if row:
                row.pop(0).update(status=message["status"], response_bytes=message["body"])
            else:
                orphans.append({"src": message["dst"], "src_port": message["dst_port"], "dst": message["src"],
                                "dst_port": message["src_port"], "host": None, "method": None, "path": None,
                                "status": message["status"], "request_bytes": 0, "response_bytes": message["body"]})
    return transactions + orphans


def read_transactions(capture, decode_as=(), options=()):
    return pair(read_messages(capture, decode_as, options))


# gRPC over HTTP/2


def read_stream_frames(capture, decode_as):
    """(flow, stream, type, length, header fields) of every HTTP/2 frame in order of capture."""
    arguments = [part for text in decode_as for part in ("-d", text)]
    output = run_tshark(capture, *arguments, "-Y", "http2", "-T", "pdml")
    for packet in tree.fromstring(output).findall("packet"):
        flow = read_flow(packet)
        for protocol in packet.findall("proto"):
            for frame in protocol.findall("field[@name='http2.stream']") if protocol.get("name") == "http2" else ():
                fields = find_fields(frame)
                if "http2.type" not in fields:
                    continue
                names = [entry[0] for entry in fields.get("http2.header.name", ())]
                values = [entry[0] for entry in fields.get("http2.header.value", ())]
                yield (flow, int(first(fields, "http2.streamid")), int(first(fields, "http2.type")),
                       int(first(fields, "http2.length")), dict(zip(names, values)))


def read_grpc_transactions(capture, decode_as):
    """In order of their requests; the status is the grpc-status, bytes are those of DATA frames without padding."""
    calls = {}
    for flow, stream, kind, length, headers in read_stream_frames(capture, decode_as):
        key = (flow["stream"], stream)
        if ":method" in headers:
            calls[key] = {name: flow[name] for name in FLOW}
            calls[key].update(host=headers[":authority"], method=headers[":method"], path=headers[":path"], status=None,
                              request_bytes=0, response_bytes=0)
        call = calls.get(key)
        if not call:
            continue
        if "grpc-status" in headers:
            call["status"] = int(headers["grpc-status"])
        if kind == 0:
            call["request_bytes" if flow["src_port"] == call["src_port"] else "response_bytes"] += length
    return list(calls.values())
# WebSocket

WEBSOCKET_FIELDS = ("tcp.stream", "ip.src", "tcp.srcport", "websocket.fin", "websocket.opcode", "websocket.payload_length",
                    "websocket.payload_length_ext_16", "websocket.payload_length_ext_64")
WEBSOCKET_NAMES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


def read_frames(capture, decode_as=()):
    """Every WebSocket frame: (stream, source, opcode, final, payload bytes on the wire)."""
    arguments = [part for text in decode_as for part in ("-d", text)]
    arguments += ["-Y", "websocket", "-T", "fields", "-E", "occurrence=a", "-E", "separator=|"]
    for name in WEBSOCKET_FIELDS:
        arguments += ["-e", name]
    for line in run_tshark(capture, *arguments).decode().splitlines():
        stream, source, port, finals, opcodes, sizes, sizes_16, sizes_64 = line.split("|")
        sizes_16, sizes_64 = iter(sizes_16.split(",")), iter(sizes_64.split(","))
        for final, opcode, size in zip(finals.split(","), opcodes.split(","), sizes.split(",")):
            size = int(size)
            size = int(next(sizes_16)) if size == 126 else int(next(sizes_64)) if size == 127 else size
            final = final.lower() in ("1", "true")
            yield int(stream), (source.split(",")[-1], int(port.split(",")[-1])), int(opcode), final, size


def read_handshakes(capture, decode_as=()):
    """stream -> the request that asked for the upgrade."""
    return {message["stream"]: message for message in read_messages(capture, decode_as, HEADS_ONLY) if "method" in message}


def read_websockets(capture, decode_as=()):
    """Data messages and closes as transactions; compressed ones with their size on the wire; "sent" by the client."""
    frames = list(read_frames(capture, decode_as))
    handshakes, open_messages, transactions = read_handshakes(capture, decode_as) if frames else {}, {}, []
    for stream, source, opcode, final, size in frames:
        if opcode in (9, 10):
            continue
        handshake = handshakes[stream]
        sent = source == (handshake["src"], handshake["src_port"])
        first_opcode, before = open_messages.pop((stream, sent), (opcode, 0)) if opcode < 8 else (opcode, -2 if size else 0)
        if not final:
            open_messages[(stream, sent)] = (first_opcode, before + size)
            continue
        transaction = {name: handshake[name] for name in FLOW + ("host",)}
        transaction.update(method=WEBSOCKET_NAMES[first_opcode], path=handshake["path"], status=None,
                           request_bytes=before + size if sent else 0, response_bytes=0 if sent else before + size, sent=sent)
        transactions.append(transaction)
    return transactions
