#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/amqp_vectors.h: AMQP streams made by other encoders (pika and Qpid Proton), with made-up data.

usage: tests/tools/generate_amqp_vectors.py > tests/amqp_vectors.h
       tests/tools/generate_amqp_vectors.py --corpus tests/fuzz     writes them as seeds of the fuzz targets too
"""

import os
import struct
import sys
import uuid

import pika
import proton
from pika import frame, spec

CARD = "4111111111111111"


def amqp091():
    """Client and server side of one connection, as pika encodes them."""
    table = {"authorization": "Bearer made-up-token-0001", "count": 7, "big": 4111111111111111, "low": -5, "yes": True,
             "nested": {"inner": {"card": CARD}}, "list": ["one", 2], "none": None}
    properties = spec.BasicProperties(content_type="application/json", content_encoding="identity", headers=table,
                                      delivery_mode=2, priority=4, correlation_id="c-1", reply_to="answers",
                                      expiration="60000", message_id="m-1", timestamp=1795186800, type="order.created",
                                      user_id="shop", app_id="till", cluster_id="")
    body = b'{"card": "%s"}' % CARD.encode()
    client = [
        frame.ProtocolHeader(0, 9, 1).marshal(),
        frame.Method(0, spec.Connection.StartOk({"product": "test"}, "PLAIN", "\0shop\0secret", "en_US")).marshal(),
        frame.Method(0, spec.Connection.TuneOk(2047, 131072, 60)).marshal(),
        frame.Method(0, spec.Connection.Open("/orders")).marshal(),
        frame.Method(1, spec.Channel.Open()).marshal(),
        frame.Method(1, spec.Queue.Declare(queue="work", durable=True)).marshal(),
        frame.Method(1, spec.Queue.Bind(queue="work", exchange="shop", routing_key="order.#")).marshal(),
        frame.Method(1, spec.Basic.Publish(exchange="shop", routing_key="order.created", mandatory=True)).marshal(),
        frame.Header(1, len(body), properties).marshal(),
        # Two channels in turns, and a heartbeat in the middle of a content.
        frame.Method(2, spec.Basic.Publish(exchange="", routing_key="work")).marshal(),
        frame.Body(1, body[:9]).marshal(),
        frame.Heartbeat().marshal(),
        frame.Header(2, 4, spec.BasicProperties()).marshal(),
        frame.Body(2, b"more").marshal(),
        frame.Body(1, body[9:]).marshal(),
        frame.Method(1, spec.Basic.Ack(delivery_tag=3, multiple=True)).marshal(),
        frame.Method(0, spec.Connection.Close(200, "bye", 0, 0)).marshal(),
    ]
    server = [
        frame.Method(0, spec.Connection.Start(0, 9, {"product": "broker"}, "PLAIN AMQPLAIN", "en_US")).marshal(),
        frame.Method(0, spec.Connection.Tune(2047, 131072, 60)).marshal(),
        frame.Method(0, spec.Connection.OpenOk()).marshal(),
        frame.Method(1, spec.Channel.OpenOk()).marshal(),
        frame.Method(1, spec.Queue.DeclareOk("work", 0, 0)).marshal(),
        frame.Method(1, spec.Basic.Deliver("tag-1", 1, False, "shop", "order.created")).marshal(),
        frame.Header(1, 5, spec.BasicProperties(content_type="text/plain")).marshal(),
        frame.Body(1, b"hello").marshal(),
        frame.Method(1, spec.Basic.Return(312, "NO_ROUTE", "shop", "nowhere")).marshal(),
        frame.Header(1, 0, spec.BasicProperties()).marshal(),
        frame.Method(1, spec.Channel.Close(404, "NOT_FOUND", 50, 10)).marshal(),
    ]
    return b"".join(client), b"".join(server)


def message():
    """All sections of a message."""
    made = proton.Message(id=uuid.UUID("6f9619ff-8b86-4011-b42d-00cf4fc964ff"), user_id=b"shop", address="orders",
                          subject="order.created", reply_to="answers", correlation_id="c-1",
                          content_type="application/json", durable=True, priority=4,
                          properties={"authorization": "Bearer made-up-token-0001", "count": 7, "low": -5},
                          annotations={proton.symbol("x-opt"): "note"}, body=b'{"card": "%s"}' % CARD.encode(),
                          inferred=True)
    return made.encode()


def value_message():
    return proton.Message(body={"name": "A. Person", "card": CARD, "number": 4111111111111111,
                                "list": ["one", {"deep": "two"}]}).encode()


def text_message():
    return proton.Message(body="card " + CARD).encode()


def pump(left, right, streams):
    """Moves bytes between two transports until neither has any."""
    moved = True
    while moved:
        moved = False
        for index, (source, target) in enumerate(((left, right), (right, left))):
            pending = source.pending()
            if pending > 0:
                data = source.peek(pending)
                streams[index] += data
                source.pop(len(data))
                target.push(data)
                moved = True


def amqp10():
    """Two Proton engines that talk to each other: SASL, one link each way, one transfer in two frames, outcomes."""
    client, server = proton.Transport(), proton.Transport(mode=proton.Transport.SERVER)
    streams = [b"", b""]
    server.sasl().allowed_mechs("ANONYMOUS")
    client.sasl().allowed_mechs("ANONYMOUS")
    client.max_frame_size = server.max_frame_size = 512
    ends = []
    for transport, container in ((client, "till"), (server, "broker")):
        connection = proton.Connection()
        connection.container = container
        connection.hostname = "mq.example"
        transport.bind(connection)
        connection.open()
        ends.append(connection)
    pump(client, server, streams)
    session = ends[0].session()
    session.open()
    sender = session.sender("out")
    sender.target.address = "orders"
    sender.open()
    receiver = session.receiver("in")
    receiver.source.address = "answers"
    receiver.open()
    receiver.flow(5)
    pump(client, server, streams)
    far = ends[1].session_head(proton.Endpoint.REMOTE_ACTIVE)
    far.open()
    link = ends[1].link_head(proton.Endpoint.REMOTE_ACTIVE)
    there = []
    while link:
        link.source.address = link.remote_source.address
        link.target.address = link.remote_target.address
        link.open()
        if link.is_receiver:
            link.flow(5)
        there.append(link)
        link = link.next(proton.Endpoint.REMOTE_ACTIVE)
    pump(client, server, streams)
    delivery = sender.delivery("tag-1")
    sender.stream(message() + b"\x00\x53\x75\xb0" + struct.pack(">I", 900) + b"x" * 900)
    sender.advance()
    answer = [link for link in there if link.is_sender][0]
    reply = answer.delivery("tag-2")
    answer.stream(text_message())
    answer.advance()
    pump(client, server, streams)
    incoming = [link for link in there if link.is_receiver][0].current
    incoming.update(proton.Delivery.ACCEPTED)
    incoming.settle()
    receiver.current.update(proton.Delivery.REJECTED)
    receiver.current.settle()
    pump(client, server, streams)
    delivery.settle()
    reply.settle()
    sender.close()
    ends[0].close()
    pump(client, server, streams)
    return streams


def array(name, data):
    print("static const uint8_t %s[] = {" % name)
    for at in range(0, len(data), 18):
        print("    " + " ".join("0x%02x," % byte for byte in data[at:at + 18]))
    print("};\n")


def main():
    client, server = amqp091()
    client10, server10 = amqp10()
    made = {"amqp091_client": client, "amqp091_server": server, "amqp10_client": client10, "amqp10_server": server10,
            "amqp10_message": message(), "amqp10_message_value": value_message(), "amqp10_message_text": text_message()}
    if sys.argv[1:2] == ["--corpus"]:
        for name, data in made.items():
            flags = (0 if "server" in name else 1) | (4 if "message" in name else 0)
            for cuts, kind in ((b"\x00", ""), (b"\x02\x00\x50\x00\x00\xc0\x00", "_cut"), (b"\x02\x00\x40\x00\x00\x90\x01", "_hole")):
                folder = os.path.join(sys.argv[2], name.split("_")[0] + ".corpus")
                with open(os.path.join(folder, name + kind), "wb") as out:
                    out.write(bytes([flags | (2 if kind == "_hole" else 0)]) + cuts + data)
        return
    print("/* SPDX-License-Identifier: Apache-2.0 */\n#pragma once\n")
    print("/* Made by tests/tools/generate_amqp_vectors.py: streams as pika %s and Qpid Proton %s encode them. */\n" % (
        pika.__version__, "%d.%d.%d" % proton.VERSION))
    print("#include <stdint.h>\n")
    for name, data in made.items():
        array(name + "_vector", data)


if __name__ == "__main__":
    main()
