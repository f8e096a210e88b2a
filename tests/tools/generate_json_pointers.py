#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/vectors/json_pointers.txt: generated JSON texts and, by Python's json module, the RFC 6901 pointer and the
value of every scalar in them, in the order of the text.

    D <text>                one text, UTF-8, as hex
    <kind> <pointer> <value>  for each scalar: S string, N number (as written), T true, F false, Z null;
                            pointer and value as hex of UTF-8, "-" for empty
"""

import json
import random
import sys

TEXTS = 160
WORDS = ["id", "name", "", "a/b", "m~n", "~1", "payment", "grüße", "ключ", "日本", "😀", "quo\"te", "back\\slash",
         "tab\t", "line\n", "card number", "items", "very_long_key_name_over_sixteen_bytes", "0", "-1", "\x7f", "\u2028"]


def scalar(draw):
    pick = draw.randrange(9)
    if pick == 0:
        return draw.choice([True, False, None])
    if pick == 1:
        return draw.choice([0, -0.0, 1e22, 1.5e-7, -12, 4111111111111111, 0.1, 12345678901234567890])
    if pick == 2:
        return draw.randrange(-10**6, 10**12)
    if pick == 3:
        return draw.random() * 10 ** draw.randrange(-5, 20)
    if pick == 4:
        return "".join(chr(draw.choice([9, 10, 34, 92, 47, 127, 0xe9, 0x20ac, 0xfffd, 0x10ffff, 0x1f600, 65]))
                       for _ in range(draw.randrange(12)))
    return " ".join(draw.choice(WORDS) for _ in range(draw.randrange(6)))


def value(draw, depth):
    pick = draw.randrange(10)
    if depth == 0 or pick < 4:
        return scalar(draw)
    if pick < 7:
        return [value(draw, depth - 1) for _ in range(draw.randrange(5))]
    return {draw.choice(WORDS) + draw.choice(["", "", "x", "_é"]): value(draw, depth - 1)
            for _ in range(draw.randrange(6))}


def hexed(text):
    return text.encode("utf-8").hex() or "-"


class Number(str):
    pass


def walk(node, pointer, out):
    if isinstance(node, Pairs):
        for key, child in node.pairs:
            walk(child, pointer + "/" + key.replace("~", "~0").replace("/", "~1"), out)
    elif isinstance(node, list):
        for index, child in enumerate(node):
            walk(child, "%s/%d" % (pointer, index), out)
    elif isinstance(node, Number):
        out.write("N %s %s\n" % (hexed(pointer), hexed(node)))
    elif isinstance(node, str):
        out.write("S %s %s\n" % (hexed(pointer), hexed(node)))
    else:
        out.write("%s %s -\n" % ({True: "T", False: "F", None: "Z"}[node], hexed(pointer)))


class Pairs:
    def __init__(self, pairs):
        self.pairs = pairs


def write(out):
    draw = random.Random(6901)
    for _ in range(TEXTS):
        style = draw.choice([{}, {"indent": 1}, {"indent": "\t"}, {"separators": (",", ":")},
                             {"separators": (" ,\r\n", " : ")}])
        text = json.dumps(value(draw, draw.randrange(6)), ensure_ascii=draw.random() < 0.5, **style)
        parsed = json.loads(text, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number)
        out.write("D %s\n" % hexed(text))
        walk(parsed, "", out)


if __name__ == "__main__":
    write(sys.stdout)
