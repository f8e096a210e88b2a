#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of a real broker for the AMQP cases, with made-up data. Each tells what it did, one JSON line a call.

usage: amqp_peers.py amqp091|amqp10|channels ADDRESS PORT LOG
"""

import gzip
import json
import sys

import pika
import proton
import proton.reactor
import proton.utils

CARD = "4532015112830366"  # made up, with a right check digit
TOKEN = "Bearer made-up-token-0001"
SUCCESS = 200  # AMQP 0-9-1, 1.1: reply-success


class Record:
    def __init__(self, path):
        self.stream = open(path, "w", encoding="utf-8")
        self.connection = -1

    def put(self, method, path, status, request_bytes=0, response_bytes=0, host=None):
        self.stream.write(json.dumps({"connection": self.connection, "host": host, "method": method, "path": path,
                                      "status": status, "request_bytes": request_bytes,
                                      "response_bytes": response_bytes}) + "\n")
        self.stream.flush()


# AMQP 0-9-1 with pika


def connect_091(record, address, port, user="shop", password="made-up-secret-01", host="/orders", frame_max=8192):
    record.connection += 1
    parameters = pika.ConnectionParameters(address, port, host, pika.PlainCredentials(user, password),
                                           frame_max=frame_max, heartbeat=0)
    connection = pika.BlockingConnection(parameters)
    record.put("connection.start-ok", None, SUCCESS)
    record.put("connection.open", host, SUCCESS)
    return connection


def publish(record, channel, exchange, key, body, confirmed=False, properties=None, decoded=None):
    channel.basic_publish(exchange, key, body, properties)
    size = len(body if decoded is None else decoded)
    record.put("basic.publish", "%s/%s" % (exchange, key), SUCCESS if confirmed else None, request_bytes=size)


def declare(record, channel):
    channel.exchange_declare("shop", "topic")
    record.put("exchange.declare", "shop", SUCCESS)
    channel.queue_declare("work")
    record.put("queue.declare", "work", SUCCESS)
    channel.queue_bind("work", "shop", "order.#")
    record.put("queue.bind", "shop/order.#", SUCCESS)


def consume(record, channel, count):
    """Takes `count` messages from the queue, and no more come: the last is not answered before the end."""
    channel.basic_qos(prefetch_count=1)
    for taken, (method, _, body) in enumerate(channel.consume("work"), 1):
        record.put("basic.deliver", "%s/%s" % (method.exchange, method.routing_key), None, response_bytes=len(body))
        if taken == count:
            break
        channel.basic_ack(method.delivery_tag)
    record.put("basic.consume", "work", SUCCESS)
    channel.cancel()
    record.put("basic.cancel", method.consumer_tag, SUCCESS)
    channel.basic_ack(method.delivery_tag)


def amqp091(record, address, port):
    connection = connect_091(record, address, port)
    channel = connection.channel()
    declare(record, channel)
    order = json.dumps({"order": "o-1", "card": CARD}).encode()
    json_type = pika.BasicProperties(content_type="application/json", correlation_id="c-1", headers={"tenant": "north"})
    publish(record, channel, "shop", "order.created", order, properties=json_type)
    publish(record, channel, "", "work", b"plain words")
    publish(record, channel, "shop", "order.empty", b"")
    # Over several frames and segments, from two channels.
    other = connection.channel()
    large = json.dumps([{"line": at, "note": "a made-up line"} for at in range(900)]).encode()
    publish(record, channel, "shop", "order.large", large, properties=json_type)
    publish(record, other, "shop", "order.large", large[:20000])
    packed = gzip.compress(order, mtime=0)
    publish(record, other, "shop", "order.packed", packed, decoded=order,
            properties=pika.BasicProperties(content_type="application/json", content_encoding="gzip"))
    publish(record, other, "shop", "order.token", b"{}", properties=pika.BasicProperties(headers={"authorization": TOKEN}))
    consume(record, channel, 3)
    while True:  # the rest, one by one
        method, _, body = other.basic_get("work", auto_ack=True)
        if method is None:
            record.put("basic.get", "work", SUCCESS)
            break
        size = len(order) if method.routing_key == "order.packed" else len(body)
        record.put("basic.get-ok", "%s/%s" % (method.exchange, method.routing_key), SUCCESS, response_bytes=size)
    # Confirms, and a message that goes nowhere.
    channel.confirm_delivery()
    publish(record, channel, "shop", "order.paid", b"paid", confirmed=True)
    try:
        channel.basic_publish("shop", "nowhere", b"lost words", mandatory=True)
    except pika.exceptions.UnroutableError:
        record.put("basic.publish", "shop/nowhere", SUCCESS, request_bytes=10)
        record.put("basic.return", "shop/nowhere", 312, response_bytes=10)
    try:
        other.queue_declare("missing", passive=True)
    except pika.exceptions.ChannelClosedByBroker as closed:
        record.put("queue.declare", "missing", closed.reply_code)
    channel.queue_delete("work")
    record.put("queue.delete", "work", SUCCESS)
    connection.close()
    connect_091(record, address, port, "guest", "guest", "/").close()
    try:
        connect_091(record, address, port, "shop", "made-up-wrong-02")
    except pika.exceptions.ProbableAuthenticationError:
        record.put("connection.start-ok", None, 403)


# AMQP 1.0 with Qpid Proton


class Blocking:
    def __init__(self, record, url, **options):
        record.connection += 1
        self.record, self.host = record, options.pop("host", None)
        self.connection = proton.utils.BlockingConnection(url, timeout=10, heartbeat=0, max_frame_size=4096, **options)
        if options.get("sasl_enabled", True):
            record.put("sasl-init", None, 0)
        record.put("open", None, None, host=self.host)

    def attach(self, address, receiver=False):
        link = self.connection.create_receiver(address, credit=1) if receiver else self.connection.create_sender(address)
        self.record.put("attach", address, None, host=self.host)
        return link

    def send(self, sender, address, message, size):
        sender.send(message)
        self.record.put("transfer", address, None, request_bytes=size, host=self.host)

    def take(self, receiver, address, size, reject=False):
        message = receiver.receive(timeout=5)
        receiver.reject() if reject else receiver.accept()
        self.record.put("transfer", address, None, response_bytes=size, host=self.host)
        return message


def amqp10(record, address, port):
    client = Blocking(record, "amqp://shop:made-up-secret-01@%s:%s" % (address, port), allowed_mechs="PLAIN",
                      virtual_host="vhost:/orders", host="vhost:/orders")
    queue, exchange = "/amq/queue/work", "/exchange/shop/order.created"
    order = json.dumps({"order": "o-1", "card": CARD}).encode()
    sender = client.attach(queue)
    client.send(sender, queue, proton.Message(body=order, inferred=True, content_type="application/json",
                                              correlation_id="c-1", properties={"tenant": "north"}), len(order))
    client.send(sender, queue, proton.Message(body="plain words"), 11)
    large = json.dumps([{"line": at, "note": "a made-up line"} for at in range(500)]).encode()
    client.send(sender, queue, proton.Message(body=large, inferred=True, content_type="application/json"), len(large))
    values = "card: %s\ncount: 2\n" % CARD
    client.send(sender, queue, proton.Message(body={"card": CARD, "count": 2}), len(values))
    other = client.attach(exchange)
    client.send(other, exchange, proton.Message(body="paid", properties={"authorization": TOKEN}), 4)
    receiver = client.attach(queue, receiver=True)
    for size, reject in ((len(order), False), (11, True), (len(large), False), (len(values), False), (4, False)):
        client.take(receiver, queue, size, reject)
    client.connection.close()
    nobody = Blocking(record, "amqp://%s:%s" % (address, port), allowed_mechs="ANONYMOUS", host=address)
    nobody.connection.close()


# Channels, documented and not


def channels(record, address, port):
    """Each message once, by both protocols; the assay.yaml of the case has the documents."""
    connection = connect_091(record, address, port)
    channel = connection.channel()
    declare(record, channel)
    channel.exchange_declare("audit", "fanout")
    record.put("exchange.declare", "audit", SUCCESS)
    own = channel.queue_declare("", exclusive=True).method.queue
    record.put("queue.declare", "", SUCCESS)  # the broker finds a name
    for exchange, key in (("shop", "order.created"), ("shop", "order.eu.refunded"), ("shop", "invoice.sent"), ("audit", "any"),
                          ("", "work"), ("", "elsewhere"), ("", own), ("audit", "order.created")):
        publish(record, channel, exchange, key, b"{}")
    consume(record, channel, 3)
    connection.close()
    guest = connect_091(record, address, port, "guest", "guest", "/")
    publish(record, guest.channel(), "", "work", b"{}")
    guest.close()
    client = Blocking(record, "amqp://shop:made-up-secret-01@%s:%s" % (address, port), allowed_mechs="PLAIN",
                      virtual_host="vhost:/orders", host="vhost:/orders")
    for target in ("/exchange/shop/order.paid", "/exchange/shop/order.eu.refunded", "/amq/queue/work", "/queue/elsewhere"):
        client.send(client.attach(target), target, proton.Message(body="{}"), 2)
    receiver = client.attach("/amq/queue/work", receiver=True)
    for _ in range(3):
        client.take(receiver, "/amq/queue/work", 2)
    client.connection.close()


def main(case, address, port, log):
    {"amqp091": amqp091, "amqp10": amqp10, "channels": channels}[case](Record(log), address, int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
