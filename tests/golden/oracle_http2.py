# SPDX-License-Identifier: Apache-2.0
"""What tshark sees of HTTP/2 in a capture: streams, and the transactions they make (RFC 9113 8.1).

A call that was upgraded from HTTP/1 is stream 1: its request is the HTTP/1 one, its answer the one of the stream.
"""

import xml.etree.ElementTree as tree

import oracle

DATA = 0


def read_frames(capture, decode_as=()):
    """Every frame in order of capture: flow, stream, type, size of its content, pairs of name and value, promised stream."""
    arguments = [part for text in decode_as for part in ("-d", text)]
    output = oracle.run_tshark(capture, *arguments, "-Y", "http2", "-T", "pdml")
    for packet in tree.fromstring(output).findall("packet"):
        flow = oracle.read_flow(packet)
        for protocol in packet.findall("proto"):
            if protocol.get("name") != "http2":
                continue
            for frame in protocol.findall("field[@name='http2.stream']"):
                fields = oracle.find_fields(frame)
                if "http2.type" not in fields:
                    continue  # the preface
                names = [bytes.fromhex(raw).decode("latin-1") for _, _, raw in fields.get("http2.header.name", ())]
                values = [bytes.fromhex(raw or "").decode("latin-1") for _, _, raw in fields.get("http2.header.value", ())]
                yield {"flow": flow, "stream": int(oracle.first(fields, "http2.streamid")),
                       "type": int(oracle.first(fields, "http2.type")),
                       "size": int(oracle.first(fields, "http2.length")) - padding(fields),
                       "promised": int(oracle.first(fields, "http2.push_promise.promised_streamid", 0)),
                       "headers": list(zip(names, values))}


def padding(fields):
    size = int(oracle.first(fields, "http2.pad_length", 0))
    flags = int(oracle.first(fields, "http2.flags", "0"), 16)
    return size + 1 if flags & 8 else 0


def open_call(frame, headers):
    flow = frame["flow"]
    call = {name: flow[name] for name in oracle.FLOW}
    if frame["promised"]:  # the server says what it was asked
        call = {"src": flow["dst"], "src_port": flow["dst_port"], "dst": flow["src"], "dst_port": flow["src_port"]}
    call.update(host=headers.get(":authority", headers.get("host")), method=headers[":method"],
                path=headers.get(":path", headers.get(":authority")), status=None, request_bytes=0, response_bytes=0)
    return call


def read_streams(capture, decode_as=()):
    """(connection, stream) -> transaction, in order of their requests; a stream without request has no method."""
    calls = {}
    for frame in read_frames(capture, decode_as):
        headers = dict(frame["headers"])
        key = (frame["flow"]["stream"], frame["promised"] or frame["stream"])
        if ":method" in headers:
            calls[key] = open_call(frame, headers)
        if ":status" in headers and int(headers[":status"]) >= 200:
            calls.setdefault(key, {"method": None})["status"] = int(headers[":status"])
        if frame["type"] == DATA and key in calls:
            call = calls[key]
            side = "request_bytes" if frame["flow"]["src_port"] == call.get("src_port") else "response_bytes"
            call[side] = call.get(side, 0) + frame["size"]
    return calls


def read_transactions(capture, decode_as=(), options=()):
    """Those of HTTP/1, with the answers of upgraded ones, and those of HTTP/2."""
    messages = oracle.read_messages(capture, decode_as, options)
    calls = read_streams(capture, decode_as)
    for message in messages:
        answer = calls.get((message["stream"], 1))
        if message.get("status") == 101 and answer and answer["method"] is None:
            message.update(status=answer["status"], body=answer.get("response_bytes", 0))
    return oracle.pair(messages) + [call for call in calls.values() if call["method"] is not None]
