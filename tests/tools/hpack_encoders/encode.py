#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The HPACK encoder of Python's hpack (python3-hpack) for generate_hpack_vectors.py, whose protocol it speaks."""

import sys

from hpack import Encoder, HeaderTuple, NeverIndexedHeaderTuple

encoder, fields = Encoder(), []
for line in sys.stdin:
    words = line.rstrip("\n").split(" ")
    if words[0] == "table":
        encoder.header_table_size = int(words[1])
    elif words[0] == "field":
        kind = NeverIndexedHeaderTuple if words[3] == "1" else HeaderTuple
        fields.append(kind(*map(bytes.fromhex, words[1:3])))
    else:
        print(encoder.encode(fields, huffman=len(fields) % 2 == 0).hex(), flush=True)
        fields = []
