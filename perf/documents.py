# SPDX-License-Identifier: Apache-2.0
"""Puts tables between the marks of a document: <!-- begin NAME --> and <!-- end NAME -->."""

import re


def replace(path, parts):
    text = path.read_text()
    for name, content in parts:
        pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text, count = pattern.subn(lambda match: f"{match[1]}{content}\n{match[2]}", text)
        if count != 1:
            raise SystemExit(f"{path}: there are {count} places for {name}")
    path.write_text(text)
