#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/vectors/protobuf.txt and tests/data/grpc/*.protoset, and the seeds of the fuzz targets that walk them.

Messages are put together and written by Python's protobuf; what is expected of a walker is read from Python's message
objects, never from the bytes.

A line is  name|type|message in hex|items.  Items are sorted and separated by blanks: PATH=NUMBER with the 64 bits on the
wire, or PATH:HEX. Type "-" is a walk without descriptor. Empty texts are left out.

usage: generate_protobuf_vectors.py [FOLDER]     (the repository's tests/ folder unless told)
"""

import pathlib
import struct
import subprocess
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

TESTS = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
DATA = TESTS / "data" / "grpc"
SETS = ("cards", "legacy", "envelope")


def compile_sets():
    for name in SETS:
        command = ["protoc", "-I", str(DATA), "--include_imports",
                   "--descriptor_set_out=%s" % (DATA / (name + ".protoset")), name + ".proto"]
        subprocess.run(command, check=True)


def load_types():
    pool = descriptor_pool.DescriptorPool()
    for name in SETS:
        wanted = descriptor_pb2.FileDescriptorSet.FromString((DATA / (name + ".protoset")).read_bytes())
        for file in wanted.file:
            pool.Add(file)
    return pool


def bits(field, value):
    """The number as it stands on the wire."""
    kind = field.type
    if kind == field.TYPE_DOUBLE:
        return struct.unpack("<Q", struct.pack("<d", value))[0]
    if kind == field.TYPE_FLOAT:
        return struct.unpack("<I", struct.pack("<f", value))[0]
    if kind in (field.TYPE_SINT32, field.TYPE_SINT64):
        return (value << 1) ^ (value >> 63) if value >= 0 else ((-value) << 1) - 1
    if kind in (field.TYPE_SFIXED32, field.TYPE_FIXED32):
        return value % 2**32
    return int(value) % 2**64


def leaf(field, path, value, out):
    if field.type in (field.TYPE_STRING, field.TYPE_BYTES):
        data = value.encode() if isinstance(value, str) else value
        if data:
            out.append("%s:%s" % (path, data.hex()))
    else:
        out.append("%s=%d" % (path, bits(field, value)))


def name_of(field, named):
    if not named:
        return str(field.number)
    if field.is_extension:
        return "[%s]" % field.full_name
    # In descriptors a group's field has the name of its type in lower case.
    return field.name


def unpack(message):
    """What an Any holds, by Python's own reading; None where its type is not known."""
    pool = message.DESCRIPTOR.file.pool
    try:
        inside = make(pool, message.type_url.rpartition("/")[2])
    except KeyError:
        return None
    return inside if message.Unpack(inside) else None


def walk_any(message, path, out):
    leaf(message.DESCRIPTOR.fields_by_name["type_url"], path + "/type_url", message.type_url, out)
    inside = unpack(message)
    if inside:
        walk(inside, path + "/value", True, out)
    else:
        walk(make(message.DESCRIPTOR.file.pool, "shop.v1.Card").FromString(message.value), path + "/value", False, out)
    return out


def walk(message, path, named, out):
    if named and message.DESCRIPTOR.full_name == "google.protobuf.Any":
        return walk_any(message, path, out)
    for field, value in message.ListFields():
        here = path + "/" + name_of(field, named)
        entry = field.message_type and field.message_type.GetOptions().map_entry
        if entry:
            key, item = (field.message_type.fields_by_name[part] for part in ("key", "value"))
            for one in value:
                leaf(key, here + ("/key" if named else "/1"), one, out)
                if item.message_type:
                    walk(value[one], here + ("/value" if named else "/2"), named, out)
                else:
                    leaf(item, here + ("/value" if named else "/2"), value[one], out)
        elif field.label == field.LABEL_REPEATED:
            for one in value:
                walk(one, here, named, out) if field.message_type else leaf(field, here, one, out)
        elif field.message_type:
            walk(value, here, named, out)
        else:
            leaf(field, here, value, out)
    return out


def make(pool, name):
    found = pool.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(found)()
    return message_factory.MessageFactory(pool).GetPrototype(found)()


def envelope(pool):
    """An Any in an Any, in lists and maps; one of a type that nobody knows, with a card in it; wrappers."""
    card, inner, outer = make(pool, "shop.v1.Card"), make(pool, "shop.v1.Envelope"), make(pool, "shop.v1.Envelope")
    card.number, card.pan = "4111111111111111", 4111111111111111
    inner.content.Pack(card)
    inner.label.value = "inner"
    outer.content.Pack(inner)
    outer.attachments.add().Pack(card, type_url_prefix="https://types.example/deep/path/")
    text = make(pool, "google.protobuf.StringValue")
    text.value = "wrapped twice"
    outer.attachments.add().Pack(text)
    unknown = outer.attachments.add()
    card.ClearField("pan")
    unknown.type_url, unknown.value = "type.googleapis.com/shop.v9.Nobody", card.SerializeToString()
    order = make(pool, "shop.legacy.Order")
    order.id, order.payment.card = 3, "5500005555555559"
    outer.named["order"].Pack(order)
    outer.label.value, outer.pan.value, outer.raw.value = "outer", 5500005555555559, b"\xff\x00raw"
    outer.loose.update({"card": "4111111111111111", "list": [1.5, True, None, {"deep": "text"}]})
    return outer


def messages(pool):
    card = make(pool, "shop.v1.Card")
    card.number, card.pan, card.pan_fixed, card.pan_zigzag = "4111111111111111", 4111111111111111, 5500005555555559, 340000000000009
    card.pan_double, card.scheme, card.holder, card.raw = 4012888888881881.0, 70000, "Ada", bytes(range(256))
    yield "card", card
    customer = make(pool, "shop.v1.Customer")
    customer.id, customer.email, customer.phone = 7, "ada@example.com", "+1 202 555 0123"
    for at in range(3):
        customer.cards.add(number="40128888888818%02d" % at, pan=-at)
    customer.address.street = "Straße 1"
    customer.address.lines.extend(["a", "", "c" * 200])
    customer.address.neighbour.email = "grace@example.com"
    customer.address.neighbour.address.neighbour.fallback.number = "deep"
    customer.named_cards["travel"].number = "371449635398431"
    customer.named_cards["home"].pan = 6011111111111117
    customer.notes[-5] = "five below"
    customer.notes[9] = "nine"
    customer.numbers.extend([1, -1, 2**40, 4111111111111111])
    customer.loose_numbers.extend([3, 2**62])
    customer.marks.extend([0, 2**32 - 1])
    customer.flags.extend([True, False, True])
    customer.since.seconds, customer.since.nanos = 1700000000, 5
    customer.ratio, customer.far, customer.near, customer.small, customer.plain = 0.5, -2, -3, -4, -5
    customer.large = 2**64 - 1
    yield "customer", customer
    request = make(pool, "shop.v1.ChargeRequest")
    request.customer.CopyFrom(customer)
    request.amount, request.note = 1999, "x" * 9000
    yield "request", request
    empty = make(pool, "shop.v1.ChargeReply")
    yield "empty", empty
    order = make(pool, "shop.legacy.Order")
    order.id, order.note = 1, "note"
    order.payment.card, order.payment.inner.number = "4111111111111111", 12
    for text in ("first", "second"):
        order.line.add().text = text
    extensions = {field.name: field for field in pool.FindAllExtensions(order.DESCRIPTOR)}
    order.Extensions[extensions["gift"]] = "wrapped"
    order.Extensions[extensions["codes"]].extend([1, 2, 300])
    order.Extensions[extensions["voucher"]].code = "SAVE"
    yield "order", order
    tree = make(pool, "shop.v1.Customer")
    branch = tree
    for _ in range(20):
        branch = branch.address.neighbour
    branch.email = "bottom@example.com"
    yield "tree", tree
    yield "envelope", envelope(pool)


def raw_messages(pool):
    """Messages whose numeric reading leaves nothing to guess wrong: no packed lists, texts that are no messages."""
    made = dict(messages(pool))
    card = made["card"]
    card.ClearField("raw")
    yield "raw_card", card
    customer = made["customer"]
    for name in ("numbers", "marks", "flags", "cards"):
        customer.ClearField(name)
    yield "raw_customer", customer
    yield "raw_tree", made["tree"]
    order = made["order"]
    for field in pool.FindAllExtensions(order.DESCRIPTOR):
        if field.name == "codes":
            order.ClearExtension(field)
    yield "raw_order", order


def main():
    compile_sets()
    pool = load_types()
    lines, seeds = [], {}
    for name, message in messages(pool):
        data = message.SerializeToString(deterministic=True)
        lines.append("|".join((name, message.DESCRIPTOR.full_name, data.hex(), " ".join(sorted(walk(message, "", True, []))))))
        seeds[name] = data
    for name, message in raw_messages(pool):
        data = message.SerializeToString(deterministic=True)
        lines.append("|".join((name, "-", data.hex(), " ".join(sorted(walk(message, "", False, []))))))
    (TESTS / "vectors" / "protobuf.txt").write_text("\n".join(lines) + "\n")
    corpus = TESTS / "fuzz" / "protobuf.corpus"
    corpus.mkdir(exist_ok=True)
    for name, data in seeds.items():
        for schema in (0, 1):
            (corpus / ("%s_%d" % (name, schema))).write_bytes(bytes((schema, 7, 30, 90)) + data[:600])


if __name__ == "__main__":
    main()
