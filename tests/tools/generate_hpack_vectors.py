#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes header blocks as encoders of others make them of random fields: tests/vectors/hpack.txt, hpack_foreign.txt.

usage: generate_hpack_vectors.py > hpack.txt                       libnghttp2's
       generate_hpack_vectors.py ORIGIN TABLES COMMAND... >> hpack_foreign.txt
                           that of a program of tests/tools/hpack_encoders, built with the package that ORIGIN names;
                           TABLES are the table sizes it knows, with commas between them

A line "table N" begins a connection whose encoder may use N bytes; a line "block HEX" is one block, and the lines
"field HEX HEX" behind it are the names and values that went into it. Programs are told "table N", "field HEX HEX NEVER"
and "end" line by line, where NEVER says that the field must not be indexed, and answer each "end" by the block.
"""

import ctypes
import random
import subprocess
import sys

library = ctypes.CDLL("libnghttp2.so.14")
library.nghttp2_hd_deflate_hd.restype = ctypes.c_ssize_t
WIRE_MAX = 1 << 16
NEVER_INDEXED = 1


class Field(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_char_p), ("name_size", ctypes.c_size_t),
                ("value_size", ctypes.c_size_t), ("flags", ctypes.c_uint8)]


def deflate(encoder, fields):
    array = (Field * len(fields))()
    kept = []
    for at, (name, value, flags) in enumerate(fields):
        name_buffer, value_buffer = ctypes.create_string_buffer(name, len(name) + 1), ctypes.create_string_buffer(
            value, len(value) + 1)
        kept += [name_buffer, value_buffer]
        array[at] = Field(ctypes.cast(name_buffer, ctypes.c_char_p), ctypes.cast(value_buffer, ctypes.c_char_p),
                          len(name), len(value), flags)
    out = ctypes.create_string_buffer(WIRE_MAX)
    size = library.nghttp2_hd_deflate_hd(encoder, out, ctypes.c_size_t(WIRE_MAX), array, ctypes.c_size_t(len(fields)))
    assert size > 0
    return out.raw[:size]


def random_value(source):
    kind = source.random()
    if kind < 0.3:
        return source.choice([b"gzip, deflate", b"200", b"/", b"application/json", b"GET"])
    if kind < 0.7:
        alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789-_/.=;, ABCDEFXYZ"
        return bytes(source.choice(alphabet) for _ in range(source.randrange(40)))
    if kind < 0.95:
        text = [b"e"] * source.randrange(60, 120) + [bytes([source.randrange(256)]) for _ in range(12)]
        source.shuffle(text)
        return b"".join(text)
    return bytes(source.choice(b"xyz019&*") for _ in range(source.choice([300, 900, 2100])))


class Nghttp2:
    def __init__(self, table):
        self.encoder = ctypes.c_void_p()
        assert library.nghttp2_hd_deflate_new(ctypes.byref(self.encoder), ctypes.c_size_t(table)) == 0
        self.resize(table)

    def resize(self, table):
        library.nghttp2_hd_deflate_change_table_size(self.encoder, ctypes.c_size_t(table))

    def encode(self, fields):
        return deflate(self.encoder, fields).hex()

    def end(self):
        library.nghttp2_hd_deflate_del(self.encoder)


class Program:
    command = []

    def __init__(self, table):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.resize(table)

    def resize(self, table):
        print("table", table, file=self.process.stdin)

    def encode(self, fields):
        for name, value, never in fields:
            print("field", name.hex(), value.hex(), int(never), file=self.process.stdin)
        print("end", file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def write(kind, tables, blocks):
    source = random.Random(7541)
    names = [b":path", b":method", b"accept-encoding", b"content-type", b"cookie", b"x-request-id", b"x-a", b"x-b",
             b"authorization", b"x-" + b"long-" * 20]
    for table in tables:
        encoder = kind(table)
        print(f"table {table}")
        for number in range(blocks):
            if table > 4096 and number == 8:
                encoder.resize(512)
            fields = [(source.choice(names), random_value(source), source.random() < 0.1)
                      for _ in range(source.randrange(1, 10))]
            print("block", encoder.encode(fields))
            for name, value, _ in fields:
                print("field", name.hex(), value.hex())
        encoder.end()


def main(arguments):
    if not arguments:
        write(Nghttp2, (4096, 4096, 0, 100, 16384, 65536), 12)
        return
    if len(arguments) < 3:
        sys.exit(__doc__)
    Program.command = arguments[2:]
    print("#", arguments[0])
    write(Program, [int(table) for table in arguments[1].split(",")], 10)


main(sys.argv[1:])
